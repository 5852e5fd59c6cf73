// @peernet/transport-wrtc/stun, in Node only: a STUN server (RFC 8489), so that peers behind NATs learn how they look
// from outside from each other, and no third party hears of them. It answers Binding requests and nothing else, keeps
// no state but rates, and is no amplifier: an answer is at most twice its request, or the 44 bytes of an IPv6 one
// (with the headers of UDP and IPv6 1.4 times the request).
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type Clock, listenError, PeernetError, systemClock } from '@peernet/core';
import { StunAnswerer } from './stun-answerer.js';

export { stunLimits } from './defaults.js';

export interface StunServerOptions {
  /** IP to bind; absent: all, IPv6 and IPv4. */
  host?: string | undefined;
  /** UDP port; 0 or absent: any free one. Peernet's nodes take that of their listener. */
  port?: number | undefined;
  clock?: Clock | undefined;
  /** Differences from `stunLimits`. TypeError if they are none. */
  limits?: Readonly<Record<string, number>> | undefined;
  signal?: AbortSignal | undefined;
}

export interface StunServer {
  /** IP that it is bound to, `::` for all. */
  readonly host: string;
  readonly port: number;
  readonly answered: number;
  /** Counts of what was not answered, by reason; for snapshots and logs. */
  readonly refused: Readonly<Record<string, number>>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Answers STUN on UDP. Rejects with PORT_IN_USE, LISTEN_FAILED or ABORTED. */
export async function stunServer(options: StunServerOptions = {}): Promise<StunServer> {
  const { host, port = 0, signal } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError(`a port is an integer 0 … 65535, got ${port}`);
  }
  const answerer = new StunAnswerer(options.limits, options.clock ?? systemClock);
  if (signal?.aborted) throw new PeernetError('ABORTED', 'listening was given up', { cause: signal.reason });
  let socket: Socket;
  try {
    socket = await bind(host ?? '::', port).catch((error: unknown) => {
      if (host !== undefined || (error as { code?: unknown }).code === 'EADDRINUSE') throw error;
      return bind('0.0.0.0', port); // a kernel without IPv6
    });
  } catch (error) {
    throw listenError(error, host, port);
  }
  const server = new Server(socket, answerer, signal);
  if (!signal?.aborted) return server;
  await server.close();
  throw new PeernetError('ABORTED', 'listening was given up', { cause: signal.reason });
}

function bind(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

class Server implements StunServer {
  readonly host: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #answerer: StunAnswerer;
  readonly #unhook: () => void;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, answerer: StunAnswerer, signal: AbortSignal | undefined) {
    const { address, port } = socket.address();
    this.host = address;
    this.port = port;
    this.#socket = socket;
    this.#answerer = answerer;
    const close = (): void => void this.close();
    signal?.addEventListener('abort', close, { once: true });
    this.#unhook = () => signal?.removeEventListener('abort', close);
    // What comes back from where an answer went (unreachable, refused) concerns nobody.
    socket.on('error', () => {});
    socket.on('message', (bytes: Uint8Array, from: RemoteInfo) => {
      const answer = answerer.answer(bytes, from.address, from.port);
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => {});
    });
  }

  get answered(): number {
    return this.#answerer.answered;
  }

  get refused(): Readonly<Record<string, number>> {
    return { ...this.#answerer.refused };
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#unhook();
      this.#socket.close(() => resolve());
    });
    return this.#closing;
  }
}
