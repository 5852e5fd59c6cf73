// What users of the umbrella touch: options, events, rows. One place, so that the API can be read in one sitting.
import type {
  AddressStats,
  Clock,
  CloseReason,
  DuplexLike,
  Log,
  PeernetError,
  Random,
  Transport,
} from '@peernet/core';
import type { LevelDatabase } from '@peernet/store';
import type { IceServer, Rtc } from '@peernet/transport-wrtc';
import type { Duplex, DuplexEvents, Readable, ReadableEvents } from 'streamx';

/** Event → arguments of a stream of bytes. */
interface ByteEvents extends DuplexEvents {
  data: [data: Uint8Array];
}

/** A streamx Duplex of bytes. */
export type ByteStream = AsyncIterable<Uint8Array> & {
  end(data?: Uint8Array | string): unknown;
} & Duplex<ByteEvents>;

/** Event → arguments of a stream of rows. */
interface RowEvents<T> extends ReadableEvents {
  data: [row: T];
}

/** A streamx Readable of objects: pipe, events, `for await`; destroying it early frees everything behind it. */
export type RowStream<T> = AsyncIterable<T> & Readable<RowEvents<T>>;

/** Node-style callback. */
export type Callback<T = void> = (error: Error | null, value?: T) => void;

/** A function that turns an address into a duplex (or a promise of one), as in the specification. It may throw. */
export type TransportFunction = (address: string) => DuplexLike | PromiseLike<DuplexLike>;

/** What an identity store keeps. */
export interface IdentityState {
  /** 32 secret bytes: the Ed25519 seed. */
  seed: Uint8Array;
  /** Highest sequence number that was used for the own record. */
  seq: number;
  /** Addresses of long-lived outbound neighbours: dialed first after a restart. */
  anchors: string[];
}

/** Where the identity lives, if not in the database (the daemon keeps it in a file). */
export interface IdentityStore {
  load(): Promise<IdentityState | undefined>;
  save(state: IdentityState): Promise<void>;
}

/** Any abstract-level database of version 1 or later: level ≥ 8, classic-level, memory-level, browser-level. */
export type Database = LevelDatabase;

export interface Options {
  /** How addresses become duplexes. Default: every transport of this platform. */
  transport?: TransportFunction | Transport | readonly Transport[] | undefined;
  /** One line per event on standard error. Otherwise nothing is ever written to the console. */
  debug?: boolean | undefined;
  /** Connect by itself to peers that it remembers or hears of. Default true. */
  bootstrap?: boolean | undefined;
  /** Milliseconds between exchanges of addresses with peers; 0 turns them off. Default 5000. */
  interval?: number | undefined;
  /** Milliseconds between purges of dead addresses; 0 turns them off. Default 60 000. */
  purge?: number | undefined;
  /** Connections to make and keep. Default 5. */
  connections?: number | undefined;
  /** WebRTC implementation (`{ RTCPeerConnection }`); false: never. Default: the browser's, or `@roamhq/wrtc` if it is installed. */
  wrtc?: Rtc | false | undefined;
  /** The identity: a 32-byte seed (bytes or 64 hex digits), or where to load and save it. Default: in the database. */
  identity?: Uint8Array | string | IdentityStore | undefined;
  /** Network name or pre-shared key: others cannot finish the handshake. Default '': the public network. */
  network?: string | undefined;
  /** Own addresses to tell, where discovery cannot find them. */
  announce?: readonly string[] | undefined;
  /** Listen at once: 'ws', 'tcp' or addresses. */
  listen?: string | readonly string[] | undefined;
  /** Addresses to start from, besides what is remembered. */
  seeds?: readonly string[] | undefined;
  /** Treat private networks as part of the network: addresses of the LAN are exchanged on it. */
  lan?: boolean | undefined;
  /** Serve many: 256 links instead of 128, wider accept limits. */
  relay?: boolean | undefined;
  /** Proxies (CIDR) whose X-Forwarded-For is believed. */
  trustProxy?: readonly string[] | undefined;
  /** Browser origins that may connect. Default: all. */
  origins?: readonly string[] | undefined;
  /** STUN and TURN servers for WebRTC, as in `RTCConfiguration`. Default: peers of ours that answer STUN. */
  iceServers?: readonly IceServer[] | undefined;
  /** Connection limits for private clusters, by name. */
  limits?: Readonly<Record<string, number>> | undefined;
  /** Closes the instance when it aborts. */
  signal?: AbortSignal | undefined;
  log?: Log | undefined;
  clock?: Clock | undefined;
  random?: Random | undefined;
}

export interface ListenAt {
  port?: number | undefined;
  host?: string | undefined;
  /** Addresses to tell others for this service (behind a proxy or NAT). */
  announce?: string | readonly string[] | undefined;
  /** PEM texts: serve wss. */
  tls?: { cert: string; key: string } | undefined;
}

/** A listener of ours. */
export interface Service {
  /** 'ws', 'wss' or 'tcp'. */
  readonly protocol: string;
  /** An address under which this computer reaches it. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** A peer that we are connected to. */
export interface Peer {
  readonly id: string;
  /** The address that was dialed, or that is proven to lead there. */
  readonly address?: string | undefined;
  /** 'ws', 'wss', 'tcp', 'wrtc', 'memory', …; 'stream' for a stream handed in without an address. */
  readonly transport: string;
  readonly direction: 'in' | 'out';
  /** What the connection is for: the overlay, a newcomer waiting for a place, or streams of the application. */
  readonly kind: 'overlay' | 'guest' | 'app' | 'probe' | 'pending';
  /** Wall ms of the handshake. */
  readonly since: number;
  /** Round trip, ms, once measured. */
  readonly rtt?: number | undefined;
  /** Bytes received and sent. */
  readonly rx: number;
  readonly tx: number;
  /** A stream of bytes to the peer's handler for `protocol`. Fails by its own `error` (CHANNEL_REJECTED, LOST …). */
  open(protocol: string): ByteStream;
  close(reason?: string): void;
}

/** Serves a protocol. What it throws, or a promise of it rejects with, ends that stream and is a `debug` event. */
export type Handler = (stream: ByteStream, peer: Peer) => unknown;

export interface KnownRow {
  address: string;
  id?: string;
  /** Wall ms of the last successful handshake. */
  lastSeen?: number;
  /** Handshaken within the last hour. */
  verified: boolean;
  /** 'self' (saved by the user), 'dial', or the id of the peer that told us. */
  source: string;
}

export interface SearchRow {
  /** The name that was queried. */
  hash: string;
  /** Where the member can be dialed; its id if it cannot. */
  address: string;
  hops: number;
  id: string;
  addresses: string[];
  /** Handshaken by us within the last 10 min. */
  verified: boolean;
  /** Seconds since the member said so. */
  age: number;
  /** Sequence number of what it said: of two rows of a member the higher one is newer. Absent in answers to a payload. */
  seq?: number;
  /** Those who told us have lost the way to it: most likely it is gone. Such rows come last, if at all. */
  doubtful: boolean;
  meta?: Uint8Array;
}

export interface SearchOptions {
  /** End after so many rows. */
  limit?: number | undefined;
  /** End after so many milliseconds. */
  timeout?: number | undefined;
  /** Up to 256 bytes for `search` handlers of the nodes that the search reaches. */
  payload?: Uint8Array | undefined;
  signal?: AbortSignal | undefined;
}

export interface SubnetOptions {
  /** Members to be connected to, 1 … 64. Default 8. */
  connections?: number | undefined;
  /** Closes the subnet when it aborts. */
  signal?: AbortSignal | undefined;
}

/** A search that reached us. */
export interface IncomingSearch {
  /** Hash of the subnet, hex. */
  hash: string;
  /** Its name, if we are a member. */
  name?: string;
  payload?: Uint8Array;
}

export interface Finding {
  /** Stable: NO_SEEDS, OUTBOUND_ONLY, … */
  code: string;
  level: 'ok' | 'info' | 'warn' | 'error';
  message: string;
  /** What to do. */
  hint?: string;
}

export type Stats = AddressStats;

/** Events of a Peernet, with their arguments. `error` never tells what a remote did. */
export type PeernetEvents = {
  connect: [peer: Peer];
  disconnect: [peer: Peer, reason: CloseReason];
  peer: [peer: { id: string; address?: string | undefined }];
  known: [address: string];
  search: [query: IncomingSearch, hops: number, reply: (meta?: Uint8Array) => void];
  listening: [service: Service];
  debug: [event: string, fields: Readonly<Record<string, unknown>>];
  error: [error: PeernetError];
  close: [];
};
