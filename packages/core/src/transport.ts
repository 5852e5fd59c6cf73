// The contract for transports: addresses → raw duplexes, and listeners. Bytes only: identity, encryption and
// multiplexing are put on top by @peernet/connection, the same for every transport. A stranger's transport runs
// `transportCases` (@peernet/core/conformance) on itself.
import type { Scope } from './ip.js';
import type { PeerId } from './peer-id.js';

/** Listener of the events of a duplex. `any`: the event types of streamx, node:stream and ws streams are not compatible. */
// biome-ignore lint/suspicious/noExplicitAny: see above; the only place with `any`
export type DuplexListener = (...args: any[]) => void;

/**
 * The part of a duplex byte stream that peernet uses. streamx, node:stream, net.Socket, websocket-stream and the
 * streams of `ws` all satisfy it. Events: data(Uint8Array), end, drain, error(Error), close (last, once).
 */
export interface DuplexLike {
  on(event: string, listener: DuplexListener): unknown;
  removeListener(event: string, listener: DuplexListener): unknown;
  /** False: wait for `drain`. The chunk may not be changed afterwards. */
  write(chunk: Uint8Array): boolean;
  end(): unknown;
  destroy(error?: Error): unknown;
  pause(): unknown;
  resume(): unknown;
  /** Gathers writes until `uncork`, where the stream can. */
  cork?(): unknown;
  uncork?(): unknown;
  /** How narrow a network it crosses, where the transport knows better than the address says (WebRTC). */
  readonly scope?: Scope | undefined;
}

export interface DialTransportOptions {
  signal: AbortSignal;
  /** Only connect if every resolved IP passes; a name must be resolved once and that answer dialed (DNS rebinding). */
  allowIp?: ((ip: string) => boolean) | undefined;
}

/** Who is at the other end of an accepted duplex, as far as the transport knows. */
export interface RemoteInfo {
  /** IP literal (IPv4-mapped IPv6 in IPv4 form), after `trustProxy`; undefined if there is none (memory, pipes). */
  readonly ip?: string | undefined;
  readonly port?: number | undefined;
  /** True if `ip` was told by a trusted proxy. */
  readonly proxied?: boolean | undefined;
  /** Who has to be at the other end, where the transport was told so (WebRTC): anybody else is refused. */
  readonly peer?: PeerId | undefined;
  /** How narrow a network it crosses, where there is no `ip` to tell. */
  readonly scope?: Scope | undefined;
  /** Tells the listener that the handshake is finished, so that the connection no longer counts as pending. Idempotent. */
  readonly established?: (() => void) | undefined;
}

/** Where to listen. */
export interface ListenOptions {
  /** 0 or absent: any free port. */
  port?: number | undefined;
  /** IP to bind; absent: all, IPv6 and IPv4. */
  host?: string | undefined;
  /** PEM texts; with them `ws` serves `wss`. */
  tls?: { cert: string; key: string } | undefined;
  /** Proxies (CIDR) whose X-Forwarded-For is believed. */
  trustProxy?: readonly string[] | undefined;
  /** Browser origins that may connect; absent: all. */
  origins?: readonly string[] | undefined;
  /** Differences from `connectionLimits` (limits.ts, protocol.md §8): `relayConnectionLimits`, or those of a private cluster. */
  limits?: Readonly<Record<string, number>> | undefined;
  signal?: AbortSignal | undefined;
}

export interface Listener {
  /** 'ws', 'tcp', … */
  readonly protocol: string;
  /** IP that it is bound to, `::` for all. */
  readonly host: string;
  readonly port: number;
  /** Whether it serves TLS: then its addresses begin with the secure scheme. */
  readonly secure: boolean;
  /** Counts of what was refused, by limit; for snapshots and logs. */
  readonly refused: Readonly<Record<string, number>>;
  /** Stops accepting and destroys what it accepted. Idempotent, bounded. */
  close(): Promise<void>;
}

export interface Transport {
  /** URL schemes that it dials: ['ws', 'wss']. */
  readonly schemes: readonly string[];
  /** Rejects with a PeernetError (DIAL_REFUSED, DIAL_TIMEOUT, DNS_FAILED, DIAL_FAILED, ABORTED, ADDRESS_INVALID, SCHEME_UNKNOWN). */
  dial(address: string, options: DialTransportOptions): Promise<DuplexLike>;
  listen?(
    options: ListenOptions,
    onDuplex: (duplex: DuplexLike, from: RemoteInfo) => void,
  ): Promise<Listener>;
}
