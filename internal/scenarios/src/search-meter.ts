// Measures searches from outside: it sees every message as it is sent, tells searches apart by their random ids, and
// knows from the first sender of an id whose search it is and which attempt. The nodes need no counters for it.
import { type Crypto, type PeerId, toHex, verifyRecord } from '@peernet/core';
import type { Search as Searches, SearchRow } from '@peernet/search';
import { decodeMessage, queryOf } from '../../../packages/search/src/wire.js';

/** What the meter needs to know of a node. */
export interface Station {
  readonly index: number;
  readonly crypto: Crypto;
}

/** Who searches, or is searched for. */
export interface Searcher {
  readonly id: PeerId;
  readonly host: Station;
  readonly search: Searches;
  /** Virtual ms. */
  readonly bornMs?: number;
}

/** The network that is watched. */
export interface Watched {
  readonly world: { readonly now: number };
  listenToSearch(tap: (from: Station, to: Station, message: Uint8Array) => void): void;
  /** Undefined: gone. */
  addressOf(id: PeerId): string | undefined;
}

/** One search, from its start to its end. */
export interface Search {
  /** Who searches for whom, in words: the dead can go. */
  readonly who: string;
  readonly startMs: number;
  /** Casts made. */
  attempts: number;
  /** SEARCH messages in the whole network. */
  messages: number;
  /** ROWS messages. */
  rowMessages: number;
  /** Nodes (numbers, so that the dead can go) that answered from what they hold, or are, in the first attempt; with their distance from the origin. */
  readonly hits: Map<number, number>;
  /** Those of them that are connected to the member by a chain of links: the rows of the others are doubtful. */
  certain: number;
  hopsMax: number;
  /** Virtual ms at which the wanted member was found. */
  foundMs: number | undefined;
  /** Casts made until then. */
  foundAttempt: number;
  /** Rows of members that are gone. */
  staleRows: number;
  rows: number;
  ended: boolean;
}

interface Attempt {
  readonly search: Search;
  readonly number: number;
  readonly startMs: number;
  /** Distance at which each node was asked first. */
  readonly asked: Map<Station, number>;
  /** Nodes that have got rows of others. */
  readonly told: Set<Station>;
  readonly origin: Station;
}

/** Messages of one attempt are under way at most so long. */
const attemptMs = 30_000;

/** Searches that are told of one by one. */
const missesShown = 10;

const searchTag = 2;
const rowsTag = 3;

export class SearchMeter {
  readonly searches: Search[] = [];
  /** Rows that say what their member did not say, and those of them that were shown as verified. */
  forged = 0;
  forgedVerified = 0;
  readonly #network: Watched;
  /** By the id in SEARCH (hex), and by the name in ROWS. */
  readonly #attempts = new Map<string, Attempt>();
  readonly #running = new Map<Station, Search>();

  constructor(network: Watched) {
    this.#network = network;
    network.listenToSearch((from, to, message) => {
      if (message[0] === searchTag) this.#asked(from, to, message);
      else if (message[0] === rowsTag) this.#told(from, to, message);
    });
  }

  /** Starts a search; `wanted` is who should be found (default: anybody). A node has one at a time: undefined if it still searches. */
  start(from: Searcher, subnet: string, wanted: Searcher | undefined, limit?: number): Search | undefined {
    if (this.#running.has(from.host)) return undefined;
    const search: Search = {
      who: `${this.#name(from)} for ${wanted === undefined ? 'anybody' : this.#name(wanted)}`,
      startMs: this.#network.world.now,
      attempts: 0,
      messages: 0,
      rowMessages: 0,
      hits: new Map(),
      certain: 0,
      hopsMax: 0,
      foundMs: undefined,
      foundAttempt: 0,
      staleRows: 0,
      rows: 0,
      ended: false,
    };
    this.searches.push(search);
    this.#running.set(from.host, search);
    from.search.search(
      subnet,
      limit === undefined ? {} : { limit },
      (row) => {
        search.rows++;
        this.#judge(row, from.host.crypto);
        if ((wanted === undefined || row.id === wanted.id) && search.foundMs === undefined) {
          search.foundMs = this.#network.world.now;
          search.foundAttempt = Math.max(1, search.attempts);
          if (search.attempts === 0) {
            search.hits.set(from.host.index, 0); // from its own store
            if (!row.doubtful) search.certain++;
          }
        } else if (this.#network.addressOf(row.id) === undefined) search.staleRows++;
      },
      () => {
        search.ended = true;
        this.#running.delete(from.host);
      },
    );
    return search;
  }

  #name({ host, bornMs = 0 }: Searcher): string {
    return `${host.index} (${seconds(this.#network.world.now - bornMs)} s old)`;
  }

  /**
   * Whether a row says what its member says: else the record in it, which the search does not look at by itself, is not
   * signed by it. Addresses would not tell: most members have none.
   */
  #judge(row: SearchRow, crypto: Crypto): void {
    if (verifyRecord(crypto, row.record)) return;
    this.forged++;
    if (row.verified) this.forgedVerified++;
  }

  #asked(from: Station, to: Station, bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    if (message?.type !== 'search') return;
    const key = toHex(message.searchId);
    const attempt = this.#attempts.get(key) ?? this.#begin(key, from, message);
    if (attempt === undefined) return;
    const { search, asked } = attempt;
    search.messages++;
    search.hopsMax = Math.max(search.hopsMax, message.hops);
    if (!asked.has(to)) asked.set(to, message.hops);
  }

  /** The first sender of an id is its origin. */
  #begin(key: string, from: Station, message: Parameters<typeof queryOf>[1]): Attempt | undefined {
    const search = this.#running.get(from);
    if (search === undefined) return undefined;
    search.attempts++;
    const attempt: Attempt = {
      search,
      number: search.attempts,
      startMs: this.#network.world.now,
      asked: new Map([[from, 0]]),
      told: new Set(),
      origin: from,
    };
    this.#forget();
    this.#attempts.set(key, attempt);
    this.#attempts.set(`rows ${toHex(queryOf(from.crypto, message))}`, attempt);
    return attempt;
  }

  /** Attempts whose messages have all arrived or are lost: each knows hundreds of nodes. */
  #forget(): void {
    const beforeMs = this.#network.world.now - attemptMs;
    for (const [key, attempt] of this.#attempts) {
      if (attempt.startMs >= beforeMs) return;
      this.#attempts.delete(key);
    }
  }

  /** Who sends rows before it got any has them from itself. */
  #told(from: Station, to: Station, bytes: Uint8Array): void {
    const attempt = this.#attempts.get(`rows ${toHex(bytes.subarray(1, 17))}`);
    if (attempt === undefined) return;
    const { search, number, told, asked } = attempt;
    search.rowMessages++;
    if (number === 1 && !told.has(from) && !search.hits.has(from.index)) {
      search.hits.set(from.index, asked.get(from) ?? 0);
      if (isCertain(bytes)) search.certain++;
    }
    told.add(to);
  }

  /** What is known of the searches that did not find whom they wanted at the first try, of the first few. */
  misses(): string {
    return this.searches
      .filter(({ ended, foundMs, foundAttempt }) => ended && (foundMs === undefined || foundAttempt > 1))
      .slice(0, missesShown)
      .map(describe)
      .join('; ');
  }

  /** Means over the searches that have ended; shares are 0 to 1. */
  figures(suffix = ''): Record<string, number> {
    const ended = this.searches.filter(({ ended }) => ended);
    const found = ended.filter(({ foundMs }) => foundMs !== undefined);
    const first = found.filter(({ foundAttempt }) => foundAttempt === 1);
    const hops = ended.map(({ hits }) => [...hits.values()]).filter((list) => list.length > 0);
    const rows = sum(ended, ({ rows }) => rows);
    const figures = {
      searches: ended.length,
      found: found.length / Math.max(1, ended.length),
      foundFirstTry: first.length / Math.max(1, ended.length),
      messages: mean(ended, ({ messages }) => messages),
      firstHop: mean(hops, (list) => Math.min(...list)),
      lastHop: mean(hops, (list) => Math.max(...list)),
      hopsMax: Math.max(0, ...ended.map(({ hopsMax }) => hopsMax)),
      hits: mean(ended, ({ hits }) => hits.size),
      certain: mean(ended, ({ certain }) => certain),
      attempts: mean(ended, ({ attempts }) => attempts),
      rowMessages: mean(ended, ({ rowMessages }) => rowMessages),
      rows: mean(ended, ({ rows }) => rows),
      firstRowSeconds: mean(found, ({ foundMs = 0, startMs }) => (foundMs - startMs) / 1000),
      staleShare: rows === 0 ? 0 : sum(ended, ({ staleRows }) => staleRows) / rows,
    };
    return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name + suffix, value]));
  }
}

/** Whether ROWS tell of anybody without doubt. */
function isCertain(bytes: Uint8Array): boolean {
  const message = decodeMessage(bytes);
  return message?.type === 'rows' && message.rows.some(({ kind }) => kind === 'advert' || kind === 'answer');
}

function describe({ who, startMs, hits, certain, messages, attempts, foundMs }: Search): string {
  const found = foundMs === undefined ? 'not found' : `found after ${seconds(foundMs - startMs)} s`;
  return [
    `at ${seconds(startMs)} s ${who}`,
    `${hits.size} hits, ${certain} of them certain, ${attempts} attempts, ${messages} messages`,
    found,
  ].join(': ');
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function sum<T>(list: readonly T[], value: (item: T) => number): number {
  return list.reduce((total, item) => total + value(item), 0);
}

function mean<T>(list: readonly T[], value: (item: T) => number): number {
  return list.length === 0 ? 0 : sum(list, value) / list.length;
}
