// The WebSocket listener in Node. Its HTTP server exists for one thing, the upgrade: everything that a stranger could
// do before it is cut short in size and time, and whatever is not an upgrade gets one short answer and is gone.
//
// Order of checks: the door (limits, before any byte), TLS, headers, origin, the client behind a trusted proxy.
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import {
  type Clock,
  Door,
  type DuplexLike,
  type Listener,
  type ListenOptions,
  openListener,
  PeernetError,
  type RemoteInfo,
} from '@peernet/core';
import { WebSocketServer } from 'ws';
import { headerBytesMax, headersMax } from './defaults.js';
import { socketOptions } from './socket-options.js';
import { wsDuplex } from './ws-duplex.js';

type RawSockets = WeakMap<Duplex, Socket>;
type OnDuplex = (duplex: DuplexLike, from: RemoteInfo) => void;

/** Listens for `ws:`, or for `wss:` with `options.tls`. Rejects with PORT_IN_USE, LISTEN_FAILED, ABORTED. */
export async function listenWs(options: ListenOptions, onDuplex: OnDuplex, clock: Clock): Promise<Listener> {
  const door = new Door({ limits: options.limits, trustProxy: options.trustProxy, upgrades: true, clock });
  /** What the HTTP server sees → the socket that the door knows: with TLS they differ. */
  const rawOf: RawSockets = new WeakMap();
  const server = httpServer(door, rawOf);
  guard(server, door, rawOf, secureContext(options.tls));
  serveUpgrades(server, door, rawOf, originsOf(options.origins), onDuplex);
  return openListener({ protocol: 'ws', secure: options.tls !== undefined, server, door, clock, options });
}

function httpServer(door: Door, rawOf: RawSockets): Server {
  const { headersMs, requestMs, checkMs } = door.limiter.limits;
  const server = createServer({
    headersTimeout: headersMs,
    requestTimeout: Math.max(requestMs, headersMs), // Node refuses a shorter one
    connectionsCheckingInterval: checkMs,
    maxHeaderSize: headerBytesMax,
    keepAlive: false,
    noDelay: true,
  });
  server.maxHeadersCount = headersMax;
  server.maxRequestsPerSocket = 1;
  const refuse = (_request: IncomingMessage, response: ServerResponse): void => {
    door.refuse('notWebSocket');
    const body = 'This is a peernet node. It speaks WebSocket only.\n';
    const headers = { Connection: 'close', Upgrade: 'websocket', 'Content-Type': 'text/plain' };
    response.writeHead(426, { ...headers, 'Content-Length': body.length });
    response.end(body);
  };
  server.on('request', refuse);
  server.on('checkContinue', refuse);
  server.on('clientError', (_error, socket) => {
    // Those whom the door threw out in the middle of a handshake are counted there.
    if (rawOf.get(socket)?.destroyed !== true) door.refuse('badRequest');
    socket.destroy();
  });
  return server;
}

/** Puts the door before the HTTP server's own listener: what it refuses never gets a parser or a TLS handshake. */
function guard(server: Server, door: Door, rawOf: RawSockets, context: SecureContext | undefined): void {
  const serve = server.listeners('connection') as ((socket: Duplex) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (raw: Socket) => {
    if (door.admit(raw) === undefined) return;
    const stream =
      context === undefined ? raw : new TLSSocket(raw, { isServer: true, secureContext: context });
    if (stream !== raw) stream.on('error', () => raw.destroy());
    rawOf.set(stream, raw);
    for (const listener of serve) listener.call(server, stream);
  });
}

function secureContext(tls: ListenOptions['tls']): SecureContext | undefined {
  if (tls === undefined) return undefined;
  try {
    return createSecureContext({ cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw new PeernetError('LISTEN_FAILED', 'tls: cert and key must be PEM texts that belong together', {
      cause,
    });
  }
}

/** Browsers always send an Origin, and scripts of a page cannot choose it; programs send none. */
function originsOf(allowed: readonly string[] | undefined): (origin: string | undefined) => boolean {
  if (allowed === undefined) return () => true;
  const normal = (origin: string): string => origin.toLowerCase().replace(/\/$/, '');
  const known = new Set(allowed.map(normal));
  return (origin) => origin === undefined || known.has(normal(origin));
}

function serveUpgrades(
  server: Server,
  door: Door,
  rawOf: RawSockets,
  originAllowed: (origin: string | undefined) => boolean,
  onDuplex: OnDuplex,
): void {
  const sockets = new WebSocketServer({ ...socketOptions, noServer: true, clientTracking: false });
  sockets.on('wsClientError', (_error, stream) => {
    door.refuse('badRequest');
    answer(stream, 400);
  });
  server.on('upgrade', (request, stream, head) => {
    const raw = rawOf.get(stream);
    if (raw === undefined) return stream.destroy();
    stream.on('error', () => {});
    if (!originAllowed(request.headers.origin)) {
      door.refuse('origin');
      return answer(stream, 403);
    }
    const guest = door.forward(raw, headerText(request.headers['x-forwarded-for']));
    if (guest === undefined) return answer(stream, 503);
    sockets.handleUpgrade(request, stream, head, (socket) => {
      door.enter(raw);
      onDuplex(wsDuplex(socket), guest);
    });
  });
}

/** Several headers of one name are one list. */
function headerText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}

/** A last word; who does not take it is thrown out by the door's timer. */
function answer(stream: Duplex, status: number): void {
  stream.on('finish', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
