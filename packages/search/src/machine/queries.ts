// Searches that came by, ours among them: where their answers go, who was asked, and what was answered already.
import { type LinkKey, LruMap, type PeerId, toHex } from '@peernet/core';
import { CAPACITY, TIMES, WIRE } from '../defaults.js';

/** One search as one node knows it. */
export interface Query {
  /** `queryOf`, as it travels. */
  readonly query: Uint8Array;
  readonly key: string;
  readonly subnetHash: Uint8Array;
  /** Hex of it. */
  readonly subnet: string;
  readonly payload: boolean;
  /** Our own search by its number; then there is no upstream. */
  readonly own: number | undefined;
  /** Links from the origin to us, by the first copy. */
  readonly hops: number;
  readonly atMs: number;
  /** Largest budget so far. */
  best: number;
  topUps: number;
  /** Where rows go; the first is where the search came from. */
  readonly upstreams: LinkKey[];
  /** Rows sent to each of them. */
  readonly sentUp: number[];
  /** Whom we asked, and how many rows they have sent. */
  readonly asked: Map<LinkKey, number>;
  /** Members that were answered. */
  readonly given: Set<PeerId>;
  /** Rows that we gave from here. */
  local: number;
  /** Rows and their bytes that others gave. */
  rows: number;
  bytes: number;
}

type Given = 'query' | 'subnetHash' | 'payload' | 'own' | 'hops' | 'atMs' | 'best' | 'upstreams';

export class Queries {
  readonly #queries = new LruMap<string, Query>(CAPACITY.seen);

  get size(): number {
    return this.#queries.size;
  }

  get(key: string): Query | undefined {
    return this.#queries.get(key);
  }

  /** The query that a row answers, while its way back is open. */
  open(key: string, nowMs: number): Query | undefined {
    const query = this.#queries.get(key);
    return query === undefined || query.atMs + TIMES.reverseMs <= nowMs ? undefined : query;
  }

  add(fields: Pick<Query, Given>): Query {
    this.sweep(fields.atMs);
    const query: Query = {
      ...fields,
      key: toHex(fields.query),
      subnet: toHex(fields.subnetHash),
      topUps: 0,
      sentUp: fields.upstreams.map(() => 0),
      asked: new Map(),
      given: new Set(),
      local: 0,
      rows: 0,
      bytes: 0,
    };
    this.#queries.set(query.key, query);
    return query;
  }

  sweep(nowMs: number): void {
    this.#queries.dropWhile((query) => query.atMs + TIMES.seenMs <= nowMs);
  }
}

/** Counts a row that a child gave; false if it, or the search, has had enough. */
export function admitRow(query: Query, link: LinkKey, bytes: number): boolean {
  const fromChild = query.asked.get(link) ?? 0;
  if (fromChild >= WIRE.rowsPerMessageMax || query.rows >= CAPACITY.rowsPerSearch) return false;
  if (query.bytes + bytes > CAPACITY.rowBytesPerSearch) return false;
  query.asked.set(link, fromChild + 1);
  query.rows++;
  query.bytes += bytes;
  return true;
}
