// The listeners of a node: which there are, what they are called, and what the overlay is told about them.
import {
  type DuplexLike,
  type Listener,
  type ListenOptions,
  type Log,
  PeernetError,
  parseAddress,
  parseForeignAddress,
  parseIp,
  type RemoteInfo,
  type Transport,
} from '@peernet/core';
import type { ListenAt, Service } from './types.js';

/** A service as gossip's own-address discovery wants it. */
export interface ListeningService {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly announce?: string[];
  /** The UDP port of the same number answers STUN. */
  readonly stun?: boolean;
}

export interface ServicesOptions {
  readonly transports: readonly Transport[];
  /** What all listeners of this node share. */
  readonly common: Pick<ListenOptions, 'trustProxy' | 'origins' | 'limits'>;
  readonly onDuplex: (duplex: DuplexLike, from: RemoteInfo, scheme: string) => void;
  /** Starts a STUN server, where that is possible and wanted. */
  readonly stun: (at: { host: string; port: number }) => Promise<{ close(): unknown }> | undefined;
  readonly log: Log;
  readonly onChange: (services: readonly ListeningService[]) => void;
}

/** `ws`, `tcp`, `wss://host:port`, … and options → scheme, host, port. TypeError for what is no protocol. */
export function listenTarget(
  at: string,
  options: ListenAt,
): { scheme: string; host?: string; port?: number } {
  if (typeof at !== 'string') throw new TypeError(`listen: 'ws', 'tcp' or an address, got ${typeof at}`);
  if (/^[a-z]+$/.test(at)) return { scheme: at, ...defined(options) };
  if (/^memory:/.test(at)) return { scheme: 'memory', host: at.slice('memory:'.length) };
  // Port 0 and absent ports are fine here, but are no addresses.
  const match = /^([a-z]+):\/\/(.*?)(?::(\d+))?\/?$/.exec(at);
  const [, scheme, host = '', digits] = match ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const probe = scheme === undefined ? undefined : parseAddress(`${scheme}://${host}:${port || 1}`);
  if (scheme === undefined || probe === undefined || (port ?? 0) > 65_535) {
    throw new TypeError(`cannot listen at ${at}: say 'ws', 'tcp', or an address like ws://0.0.0.0:4000`);
  }
  return { scheme, host: probe.host, ...(port === undefined ? {} : { port }), ...defined(options) };
}

function defined(options: ListenAt): { host?: string; port?: number } {
  const { port } = options;
  // IPv6 may be said as in addresses.
  const host = options.host === undefined ? undefined : options.host.replace(/^\[(.*)\]$/, '$1');
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new TypeError(`a port is an integer 0 … 65535, got ${String(port)}`);
  }
  if (host !== undefined && parseIp(host) === undefined && parseAddress(`ws://${host}:1`) === undefined) {
    throw new TypeError(`not a host to listen on: ${host}`);
  }
  return { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) };
}

export class Services {
  readonly #o: ServicesOptions;
  readonly #open = new Map<Service, ListeningService>();
  readonly #stun = new Map<Service, { close(): unknown }>();
  /** Those that are being opened. */
  readonly #opening = new Set<Promise<unknown>>();

  constructor(options: ServicesOptions) {
    this.#o = options;
  }

  /** Rejects with PORT_IN_USE, LISTEN_FAILED, NOT_SUPPORTED. */
  listen(at: string, options: ListenAt, signal: AbortSignal | undefined): Promise<Service> {
    const opening = this.#listen(at, options, signal);
    this.#opening.add(opening);
    const done = (): void => void this.#opening.delete(opening);
    opening.then(done, done);
    return opening;
  }

  async #listen(at: string, options: ListenAt, signal: AbortSignal | undefined): Promise<Service> {
    const target = listenTarget(at, options);
    const announce = announced([options.announce ?? []].flat());
    const transport = this.#o.transports.find(
      (t) => t.listen !== undefined && t.schemes.includes(target.scheme),
    );
    if (transport?.listen === undefined) {
      throw new PeernetError('NOT_SUPPORTED', `listening for ${target.scheme} is not possible here`);
    }
    const { tls } = options;
    // Without both it would listen, and no handshake would succeed.
    if (tls === undefined ? target.scheme === 'wss' : !tls?.cert || !tls.key) {
      throw new PeernetError('LISTEN_FAILED', 'wss needs a certificate: pass tls: { cert, key }');
    }
    const scheme = target.scheme === 'ws' && tls !== undefined ? 'wss' : target.scheme;
    if (signal?.aborted) throw givenUp(signal);
    const listener = await transport.listen(
      { ...this.#o.common, host: target.host, port: target.port, tls, signal },
      (duplex, from) => this.#o.onDuplex(duplex, from, scheme),
    );
    if (!signal?.aborted) return this.#add(listener, scheme, announce, signal);
    await listener.close();
    throw givenUp(signal);
  }

  #add(listener: Listener, scheme: string, announce: string[], signal: AbortSignal | undefined): Service {
    const onAbort = (): void => void service.close();
    const service: Service = {
      protocol: scheme,
      address: addressOf(listener, scheme),
      host: listener.host,
      port: listener.port,
      close: async () => {
        signal?.removeEventListener('abort', onAbort);
        if (this.#open.delete(service)) this.#changed();
        this.#stun.get(service)?.close();
        this.#stun.delete(service);
        await listener.close();
      },
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    // A name in memory is no interface: it is what it is announced as.
    const told = scheme === 'memory' ? [service.address] : announce;
    this.#open.set(service, { scheme, host: listener.host, port: listener.port, announce: told });
    this.#changed();
    if (scheme !== 'memory') this.#answerStun(service);
    return service;
  }

  /** Who listens tells others their address, too (protocol.md §7). Without it nothing else is worse. */
  #answerStun(service: Service): void {
    const { host, port } = service;
    this.#o.stun({ host, port })?.then(
      (server) => {
        const told = this.#open.get(service);
        if (told === undefined) {
          server.close();
          return;
        }
        this.#open.set(service, { ...told, stun: true });
        this.#stun.set(service, server);
        this.#changed();
      },
      (error: unknown) => this.#o.log('stun', { port, error: String(error) }),
    );
  }

  list(): Service[] {
    return [...this.#open.keys()];
  }

  /** What the overlay is told. */
  describe(): ListeningService[] {
    return [...this.#open.values()];
  }

  #changed(): void {
    this.#o.onChange(this.describe());
  }

  /** Ends them all; also those that are being opened, as soon as they can be closed. */
  async close(): Promise<void> {
    const all = () => Promise.all(this.list().map((service) => service.close()));
    await Promise.all([all(), Promise.allSettled(this.#opening).then(all)]);
  }
}

function givenUp(signal: AbortSignal): PeernetError {
  return new PeernetError('ABORTED', 'listening was given up', { cause: signal.reason });
}

/** TypeError for what others could not dial. */
function announced(addresses: readonly string[]): string[] {
  return addresses.map((text) => {
    const address = parseForeignAddress(text);
    if (address === undefined) throw new TypeError(`listen: announce: not an address: ${String(text)}`);
    return address.text;
  });
}

/** An address under which this computer reaches the listener. */
function addressOf(listener: Listener, scheme: string): string {
  if (scheme === 'memory') return `memory:${listener.host}`;
  const ip = parseIp(listener.host);
  const everywhere = ip === undefined || ip.text === '::' || ip.text === '0.0.0.0';
  const host = everywhere ? '127.0.0.1' : ip.version === 6 ? `[${ip.text}]` : ip.text;
  return `${scheme}://${host}:${listener.port}`;
}
