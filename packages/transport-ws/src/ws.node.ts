// The WebSocket transport in Node: the `ws` package with every limit set, over sockets that were dialed here, so that
// a name is resolved once and the IP that was checked is the IP that is dialed. Redirects are not followed.
import { lookup as systemLookup } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import {
  type Address,
  connectToAny,
  type DialTransportOptions,
  type DuplexLike,
  dialTimeoutMs,
  dialWithin,
  PeernetError,
  parseAddress,
  resolveHost,
  systemClock,
  type Transport,
  whenReady,
} from '@peernet/core';
import { WebSocket } from 'ws';
import { headerBytesMax } from './defaults.js';
import type { WsOptions } from './options.js';
import { socketOptions } from './socket-options.js';
import { wsDuplex } from './ws-duplex.js';
import { listenWs } from './ws-listener.js';

/** A transport for `ws:` and `wss:` addresses. Its duplexes are streamx Duplexes. */
export function ws(options: WsOptions = {}): Transport {
  const { timeoutMs = dialTimeoutMs, lookup = askSystem, clock = systemClock, ca } = options;
  const context = ca === undefined ? undefined : createSecureContext({ ca: [ca].flat() });
  return {
    schemes: ['ws', 'wss'],
    async dial(address: string, { signal, allowIp }: DialTransportOptions): Promise<DuplexLike> {
      const target = parseWs(address);
      return dialWithin(
        { address: target.text, signal, timeoutMs, clock },
        async (ended) => {
          const ips = await resolveHost(target, lookup, allowIp);
          const socket = await connectToAny(ips, { signal: ended, clock }, (ip, stop) =>
            whenReady(connect({ host: ip, port: target.port, noDelay: true }), 'connect', stop),
          );
          try {
            const stream = target.scheme === 'wss' ? await secure(socket, target, context, ended) : socket;
            return await upgrade(stream, target, ended);
          } catch (error) {
            socket.destroy(); // also after what throws: a host that is no URL, for example
            throw error;
          }
        },
        (late) => late.destroy(),
      );
    },
    listen: (listenOptions, onDuplex) => listenWs(listenOptions, onDuplex, clock),
  };
}

async function askSystem(host: string): Promise<string[]> {
  return (await systemLookup(host, { all: true, verbatim: true })).map(({ address }) => address);
}

function parseWs(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new PeernetError('ADDRESS_INVALID', `not an address: ${text}`);
  if (address.scheme !== 'ws' && address.scheme !== 'wss') {
    throw new PeernetError('SCHEME_UNKNOWN', `${text}: this transport dials ws: and wss: only`);
  }
  return address;
}

/** TLS on top; the certificate must be for the host of the address, name or IP. */
function secure(
  socket: Socket,
  target: Address,
  secureContext: SecureContext | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const stream = connectTls({
    socket,
    host: target.host,
    // Server names are names (RFC 6066); an IP is checked against the certificate all the same.
    servername: target.ip === undefined ? target.host : '',
    ALPNProtocols: ['http/1.1'],
    secureContext,
  });
  return whenReady(stream, 'secureConnect', signal);
}

async function upgrade(stream: Socket, target: Address, signal: AbortSignal) {
  const socket = new WebSocket(target.text, {
    ...socketOptions,
    createConnection: () => stream,
    followRedirects: false,
    maxHeaderSize: headerBytesMax,
  });
  // Made before it is open: messages that arrive with the answer must find somebody who listens.
  const duplex = wsDuplex(socket);
  await whenReady(duplex, 'open', signal);
  // One turn, in which a server that answers with a breach shows itself: nobody gets a stream that has closed already.
  await new Promise((resolve) => setImmediate(resolve));
  if (duplex.destroying) throw new PeernetError('DIAL_FAILED', `${target.text}: closed at once`);
  return duplex;
}
