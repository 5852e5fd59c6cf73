// The part of Peernet that the daemon needs, and nothing more: what tests replace by a fake.
import type { CloseReason } from '@peernet/core';
import type { Finding, Peer as PeernetPeer, Service } from 'peernet';

export type Peer = Omit<PeernetPeer, 'open' | 'close'>;

export interface ListenAt {
  port?: number | undefined;
  host?: string | undefined;
  announce?: string | readonly string[] | undefined;
  tls?: { cert: string; key: string } | undefined;
}

/** What `status` reads of a snapshot. */
export interface NodeSnapshot {
  readonly connections: { readonly overlay: number; readonly app: number; readonly target: number };
  readonly book: { readonly known: number; readonly verified: number };
  readonly subnets: readonly string[];
  readonly size: number;
}

export interface NodeEvents {
  connect: [peer: Peer];
  disconnect: [peer: Peer, reason: CloseReason];
  debug: [event: string, fields: Readonly<Record<string, unknown>>];
  error: [error: Error];
}

export interface Node {
  readonly id: string;
  ready(): Promise<void>;
  close(): Promise<void>;
  save(addresses: readonly string[]): Promise<void>;
  remove(addresses: readonly string[]): Promise<void>;
  /** Of KnownRow (the streams of the umbrella are untyped). */
  known(): AsyncIterable<unknown>;
  connect(address: string, options: { signal?: AbortSignal }): Promise<Peer>;
  disconnect(target: string): void;
  connections(): string[];
  peers(): Peer[];
  join(names: readonly string[]): Promise<void>;
  part(names: readonly string[]): Promise<void>;
  /** Of { key: string }. */
  subnets(): AsyncIterable<unknown>;
  /** Of SearchRow. */
  search(
    name: string,
    options: { limit?: number | undefined; timeout?: number | undefined; signal?: AbortSignal | undefined },
  ): AsyncIterable<unknown>;
  listen(protocol: string, at: ListenAt): Promise<Service>;
  servers(): Service[];
  own(): string[];
  snapshot(): NodeSnapshot;
  explain(): Promise<Finding[]>;
  on<K extends keyof NodeEvents>(event: K, listener: (...args: NodeEvents[K]) => void): unknown;
}
