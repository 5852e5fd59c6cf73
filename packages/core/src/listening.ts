// A listener around any server that works like net.Server: binds to both families where the machine has them,
// survives what goes wrong while accepting, and closes in bounded time. The server's owner wires it to the door.
import type { Clock } from './clock.js';
import type { Door } from './door.js';
import { PeernetError } from './error.js';
import { listenerCloseMs } from './limits.js';
import type { DuplexListener, Listener, ListenOptions } from './transport.js';

/** What is needed of a server; those of node:net, node:http and node:https have it. */
export interface ServerLike {
  listen(options: { host: string; port: number; ipv6Only?: boolean }): unknown;
  close(callback?: () => void): unknown;
  address(): { address: string; port: number } | string | null;
  on(event: string, listener: DuplexListener): unknown;
  once(event: string, listener: DuplexListener): unknown;
  removeListener(event: string, listener: DuplexListener): unknown;
}

export interface OpenListenerOptions {
  /** Scheme without TLS: 'ws', 'tcp'. */
  readonly protocol: string;
  readonly secure: boolean;
  readonly server: ServerLike;
  readonly door: Door;
  readonly clock: Clock;
  readonly options: ListenOptions;
}

/** Binds. Rejects with PORT_IN_USE, LISTEN_FAILED or ABORTED; TypeError for a port that is none. */
export async function openListener(setup: OpenListenerOptions): Promise<Listener> {
  const { server, door, options } = setup;
  const { port = 0, host, signal } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError(`a port is an integer 0 … 65535, got ${port}`);
  }
  if (signal?.aborted) throw new PeernetError('ABORTED', 'listening was given up', { cause: signal.reason });
  try {
    await bind(server, host ?? '::', port).catch((error: unknown) => {
      if (host !== undefined || !withoutIpv6(error)) throw error;
      return bind(server, '0.0.0.0', port);
    });
  } catch (error) {
    throw listenError(error, host, port);
  }
  server.on('error', () => door.pause());
  const listener = new ServerListener(setup);
  if (signal?.aborted) {
    await listener.close();
    throw new PeernetError('ABORTED', 'listening was given up', { cause: signal.reason });
  }
  const close = (): void => void listener.close();
  signal?.addEventListener('abort', close, { once: true });
  server.once('close', () => signal?.removeEventListener('abort', close));
  return listener;
}

function bind(server: ServerLike, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      server.removeListener('listening', settle);
      server.removeListener('error', settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    server.once('listening', settle);
    server.once('error', settle);
    server.listen({ host, port, ipv6Only: false });
  });
}

function errnoOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code);
}

/** A kernel without IPv6, or with it turned off on every interface. */
function withoutIpv6(error: unknown): boolean {
  return ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL', 'EPROTONOSUPPORT'].includes(errnoOf(error));
}

/** `error` of a bind as a PeernetError that says what to do. */
export function listenError(cause: unknown, host: string | undefined, port: number): PeernetError {
  const errno = errnoOf(cause);
  const at = host === undefined ? `port ${port}` : `${host}, port ${port}`;
  if (errno === 'EADDRINUSE') {
    const message = `port ${port} is in use by another program; choose another one, or 0 for any`;
    return new PeernetError('PORT_IN_USE', message, { cause });
  }
  const hints: Record<string, string> = {
    EACCES: 'not allowed; ports below 1024 need privileges',
    EADDRNOTAVAIL: 'no interface of this machine has that address',
    ENOTFOUND: 'that host name has no address',
  };
  const why = hints[errno] ?? (cause instanceof Error ? cause.message : String(cause));
  return new PeernetError('LISTEN_FAILED', `cannot listen on ${at}: ${why}`, { cause });
}

class ServerListener implements Listener {
  readonly protocol: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly #setup: OpenListenerOptions;
  #closing: Promise<void> | undefined;

  constructor(setup: OpenListenerOptions) {
    this.#setup = setup;
    this.protocol = setup.protocol;
    this.secure = setup.secure;
    const bound = setup.server.address();
    this.host = typeof bound === 'object' && bound !== null ? bound.address : '';
    this.port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  }

  get refused(): Readonly<Record<string, number>> {
    return this.#setup.door.refused;
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const { server, door, clock } = this.#setup;
      const cancel = clock.alarm(clock.now() + listenerCloseMs, resolve);
      server.close(() => {
        cancel();
        resolve();
      });
      door.close();
    });
    return this.#closing;
  }
}
