// Searches that came by, ours among them: where their answers go, who was asked, and what was answered already.
// A node that does nothing else has dozens of these in hand, so they are small: lists of a few, no maps.
import { type LinkKey, LruMap, type PeerId } from '@peernet/core';
import { CAPACITY, TIMES, WIRE } from '../defaults.js';
import type { RowKind } from '../wire.js';
import type { Share } from './cast.js';

/** One search as one node knows it. */
export interface Query {
  /** Hex of `queryOf`. */
  readonly key: string;
  /** Hex of the subnet hash. */
  readonly subnet: string;
  /** A question to handlers: members that we know of are no answer. */
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
  /** Rows that each of them has asked for, the most of its copies. */
  readonly wants: number[];
  /** Whom we asked. */
  asked: readonly LinkKey[];
  /** For whose search each of them was asked for more than one row. */
  payers: readonly LinkKey[];
  /** Rows that each of them has sent. */
  fromChild: number[];
  /** What was answered: at most 16 members by us and 64 by others. */
  readonly given: Given[];
  /** Members that need not be named any more, by `briefOf`. */
  readonly known: string[];
  /** Rows that we gave from here. */
  local: number;
  /** Rows and their bytes that others gave. */
  rows: number;
  bytes: number;
}

/** The best that was told of one member. */
interface Given {
  readonly id: PeerId;
  /** Highest of what was told. */
  seq: number;
  kind: RowKind;
}

/** Who pays for the row of a search for one. */
export const nobody: LinkKey = -2;

type Known =
  | 'known'
  | 'key'
  | 'subnet'
  | 'payload'
  | 'own'
  | 'hops'
  | 'atMs'
  | 'best'
  | 'upstreams'
  | 'wants';

export class Queries {
  readonly #queries = new LruMap<string, Query>(CAPACITY.seen);

  get size(): number {
    return this.#queries.size;
  }

  get(key: string): Query | undefined {
    return this.#queries.get(key);
  }

  /** The query that a reply answers, while its way back is open. */
  open(key: string, nowMs: number): Query | undefined {
    const query = this.#queries.get(key);
    return query !== undefined && isOpen(query, nowMs) ? query : undefined;
  }

  add(fields: Pick<Query, Known>): Query {
    this.sweep(fields.atMs);
    const { key, subnet, payload, own, hops, atMs, best, upstreams, wants, known } = fields;
    // Written out: an object that is spread into another has its fields in a list beside it, twice as large.
    const query: Query = {
      key,
      subnet,
      payload,
      own,
      hops,
      atMs,
      best,
      upstreams,
      wants,
      known,
      topUps: 0,
      sentUp: upstreams.map(() => 0),
      asked: [],
      payers: [],
      fromChild: [],
      given: [],
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

/** Whether answers still find their way back. */
export function isOpen(query: Query, nowMs: number): boolean {
  return query.atMs + TIMES.reverseMs > nowMs;
}

/** The search went on to these neighbours; to those in `more` for more than one row, which count against `source`. */
export function ask(
  query: Query,
  shares: readonly Share[],
  more: ReadonlySet<LinkKey>,
  source: LinkKey,
): void {
  const payer = (link: LinkKey): LinkKey => (more.has(link) ? source : nobody);
  // A copy may ask for more than the first did.
  if (query.payers.includes(nobody))
    query.payers = query.payers.map((one, at) => (one === nobody ? payer(query.asked[at] as LinkKey) : one));
  const fresh = shares.map(({ link }) => link).filter((link) => !query.asked.includes(link));
  if (fresh.length === 0) return;
  // Lists made anew have no spare room, as those that grow by `push` have.
  query.asked = [...query.asked, ...fresh];
  query.payers = [...query.payers, ...fresh.map(payer)];
  query.fromChild = [...query.fromChild, ...fresh.map(() => 0)];
}

/** Whether there is room for so many rows more of a child, of so many bytes together: it, or the search, may have had enough. */
export function fits(query: Query, link: LinkKey, rows: number, bytes: number): boolean {
  const fromChild = query.fromChild[query.asked.indexOf(link)] ?? 0;
  if (fromChild + rows > WIRE.rowsPerMessageMax || query.rows + rows > CAPACITY.rowsPerSearch) return false;
  return query.bytes + bytes <= CAPACITY.rowBytesPerSearch;
}

/** Counts a row that a child gave; false if there is no room for it. */
export function admitRow(query: Query, link: LinkKey, bytes: number): boolean {
  if (!fits(query, link, 1, bytes)) return false;
  const at = query.asked.indexOf(link);
  query.fromChild[at] = (query.fromChild[at] ?? 0) + 1;
  query.rows++;
  query.bytes += bytes;
  return true;
}

/**
 * Whether a row says more than what was told already: an advert more than an orphan, a withdrawal more than what it
 * voids, and what is newer than a withdrawal more than that.
 */
export function isMore(query: Query, id: PeerId, seq: number, kind: RowKind): boolean {
  const given = query.given.find((one) => one.id === id);
  if (given === undefined) return true;
  if (kind === 'withdrawal') return given.kind !== 'withdrawal' && seq >= given.seq;
  if (given.kind === 'withdrawal') return seq > given.seq;
  return given.kind === 'orphan' && kind === 'advert';
}

/** Notes what is told. */
export function give(query: Query, id: PeerId, seq: number, kind: RowKind): void {
  const given = query.given.find((one) => one.id === id);
  if (given === undefined) query.given.push({ id, seq, kind });
  else {
    given.seq = Math.max(given.seq, seq);
    given.kind = kind;
  }
}
