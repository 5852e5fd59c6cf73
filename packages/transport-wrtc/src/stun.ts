// @peernet/transport-wrtc/stun, in Node only: a STUN server (RFC 8489), so that peers behind NATs learn how they look
// from outside from each other, and no third party hears of them. It answers Binding requests and nothing else, keeps
// no state but rates, and is no amplifier: an answer is at most twice its request, or the 44 bytes of an IPv6 one
// (with the headers of UDP and IPv6 1.4 times the request).
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import {
  type Clock,
  type Ip,
  ipLimitKeys,
  LruMap,
  listenError,
  PeernetError,
  parseIp,
  systemClock,
  TokenBucket,
} from '@peernet/core';
import { stunLimits, stunSourcesMax } from './defaults.js';
import { decodeBindingRequest, encodeBindingError, encodeBindingSuccess } from './wire.js';

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
  const answerer = new Answerer(options);
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

/** Decides who gets what answer. */
class Answerer {
  readonly refused: Record<string, number> = {};
  answered = 0;
  readonly #clock: Clock;
  readonly #limits: typeof stunLimits;
  readonly #all: TokenBucket;
  readonly #hosts = new LruMap<string, TokenBucket>(stunSourcesMax);

  constructor({ clock = systemClock, limits }: StunServerOptions) {
    for (const [name, value] of Object.entries(limits ?? {})) {
      const known = Object.hasOwn(stunLimits, name);
      if (!known || typeof value !== 'number' || !(value >= 0)) {
        throw new TypeError(`limits: ${name} = ${value}; there are ${Object.keys(stunLimits).join(', ')}`);
      }
    }
    this.#clock = clock;
    this.#limits = { ...stunLimits, ...limits };
    const { perSecond, burst } = this.#limits;
    this.#all = new TokenBucket({ perSecond, burst }, clock.now());
  }

  /** The answer to `bytes` from `address`, if there is to be one. */
  answer(bytes: Uint8Array, address: string, port: number): Uint8Array | undefined {
    const request = decodeBindingRequest(bytes);
    if (request === undefined) return this.#refuse('malformed');
    const ip = parseIp(address.split('%')[0] ?? '');
    if (ip === undefined || ip.scope === 'forbidden' || port === 0) return this.#refuse('source');
    const nowMs = this.#clock.now();
    // The host first: what one may not must not eat the rate of everybody else.
    if (!this.#hostMay(ip, nowMs)) return this.#refuse('hostRate');
    if (!this.#all.take(1, nowMs)) return this.#refuse('rate');
    this.answered++;
    return request.unknown.length > 0 ? encodeBindingError(request) : encodeBindingSuccess(request, ip, port);
  }

  /** In narrower scopes than global everybody may share one address (a container bridge): there the common rate binds. */
  #hostMay(ip: Ip, nowMs: number): boolean {
    if (ip.scope !== 'global') return true;
    const { host } = ipLimitKeys(ip);
    const { hostPerSecond, hostBurst } = this.#limits;
    const bucket =
      this.#hosts.touch(host) ?? new TokenBucket({ perSecond: hostPerSecond, burst: hostBurst }, nowMs);
    this.#hosts.set(host, bucket);
    return bucket.take(1, nowMs);
  }

  #refuse(reason: string): undefined {
    this.refused[reason] = (this.refused[reason] ?? 0) + 1;
    return undefined;
  }
}

class Server implements StunServer {
  readonly host: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #answerer: Answerer;
  readonly #unhook: () => void;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, answerer: Answerer, signal: AbortSignal | undefined) {
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
