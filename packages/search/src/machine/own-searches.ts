// Our own searches: when they are cast, when once more, and when they end (protocol.md §6). What they find comes from
// the machine, which checks it; here is only time and counting.
import { type PeerId, type Random, randomBytes } from '@peernet/core';
import { TIMES, WIRE } from '../defaults.js';
import { searchBudget, secondBudget } from './budgets.js';
import type { Room } from './cast.js';
import type { FoundRow, SearchEffects, SearchRequest, Turn } from './effects.js';
import { paceMs } from './own-adverts.js';

/** One cast of a search that the machine is asked to make. */
export interface Attempt {
  readonly search: OwnSearch;
  readonly searchId: Uint8Array;
  readonly units: number;
  readonly want: number;
}

export interface OwnSearch {
  readonly request: SearchRequest;
  readonly startMs: number;
  /** It ends then at the latest. */
  readonly lastMs: number;
  readonly found: Set<PeerId>;
  /** Rows that an orphan brought, until somebody knows better, or nobody does until the end. */
  readonly doubtful: Map<PeerId, FoundRow>;
  /** Members that have taken back what they said, up to a seq. */
  readonly gone: Map<PeerId, number>;
  lastRowMs: number;
  /** Casts made. */
  attempts: number;
  castMs: number;
  /** Rows when the last cast was made. */
  foundBefore: number;
  /** A cast waits for room since then, or for neighbours. */
  wanting: boolean;
  wakeMs: number;
}

/** Casts of one search: two, or as many as a limit above 32 needs (each brings ≤ 32 rows). */
const attemptsMax = 8;

/** Most nodes search for nothing most of the time; they share this. */
const none = new Map<number, OwnSearch>();

export class OwnSearches {
  readonly #random: Random;
  #searches: Map<number, OwnSearch> = none;
  /** Round trip of a search: cast to first row, smoothed. */
  #roundTripMs: number = TIMES.roundTripMs;
  #wakeMs = Number.POSITIVE_INFINITY;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#searches.size;
  }

  get deadlineMs(): number {
    return this.#wakeMs;
  }

  get(number: number): OwnSearch | undefined {
    return this.#searches.get(number);
  }

  start(request: SearchRequest, nowMs: number): OwnSearch {
    const timeoutMs = Math.min(request.timeoutMs ?? TIMES.searchMaxMs, TIMES.searchMaxMs);
    const search: OwnSearch = {
      request,
      startMs: nowMs,
      lastMs: nowMs + timeoutMs,
      found: new Set(),
      doubtful: new Map(),
      gone: new Map(),
      lastRowMs: nowMs,
      attempts: 0,
      castMs: nowMs,
      foundBefore: 0,
      wanting: true,
      wakeMs: nowMs,
    };
    if (this.#searches === none) this.#searches = new Map();
    this.#searches.set(request.number, search);
    this.#wakeMs = Math.min(this.#wakeMs, nowMs);
    return search;
  }

  cancel(number: number): void {
    this.#searches.delete(number);
  }

  /** A neighbour has come: searches that wait for one look again. */
  neighbourCame(nowMs: number): void {
    for (const search of this.#searches.values()) if (search.wanting) this.#wake(search, nowMs);
  }

  /** Shows a row if it is new. */
  deliver(search: OwnSearch, row: FoundRow, remote: boolean, { nowMs, effects }: Turn): void {
    const { limit, number } = search.request;
    if (search.found.has(row.id) || !this.#searches.has(number) || this.#isHeldBack(search, row)) return;
    if (remote && search.found.size === search.foundBefore && search.attempts === 1) {
      const measured = Math.min(nowMs - search.castMs, TIMES.roundTripMaxMs);
      this.#roundTripMs += (measured - this.#roundTripMs) / 4;
    }
    search.lastRowMs = nowMs;
    search.found.add(row.id);
    search.doubtful.delete(row.id);
    effects.row(number, row);
    if (limit !== undefined && search.found.size >= limit) this.#end(search, effects);
    else this.#wake(search, this.#nextMs(search));
  }

  /** Keeps what an orphan says, and what is said against it. */
  #isHeldBack(search: OwnSearch, row: FoundRow): boolean {
    const goneSeq = search.gone.get(row.id);
    if (row.kind === 'withdrawal') {
      search.gone.set(row.id, Math.max(row.seq, goneSeq ?? 0));
      const doubtful = search.doubtful.get(row.id);
      if (doubtful !== undefined && doubtful.seq <= row.seq) search.doubtful.delete(row.id);
      return true;
    }
    if (row.kind !== 'answer' && goneSeq !== undefined && row.seq <= goneSeq) return true;
    if (row.kind !== 'orphan') return false;
    search.doubtful.set(row.id, row);
    return true;
  }

  /** Does what is due. `room` and `attempt` are the machine's: units that can be sent now, and the cast itself. */
  tick(size: number, { nowMs, effects }: Turn, room: () => Room, attempt: (attempt: Attempt) => void): void {
    if (nowMs < this.#wakeMs) return;
    for (const search of this.#searches.values()) {
      if (search.wakeMs > nowMs) continue;
      if (this.#endMs(search) <= nowMs) {
        this.#end(search, effects);
        continue;
      }
      if (!search.wanting && this.#wantsMore(search, nowMs)) search.wanting = true;
      if (search.wanting) this.#cast(search, size, nowMs, room(), attempt);
      else search.wakeMs = this.#nextMs(search);
    }
    this.#reschedule();
  }

  #cast(
    search: OwnSearch,
    size: number,
    nowMs: number,
    { room, capacity, perSecond }: Room,
    attempt: (attempt: Attempt) => void,
  ): void {
    const wished = search.attempts === 0 ? searchBudget(size) : secondBudget(size);
    const units = Math.min(wished, capacity);
    if (units < 1 || room < units) {
      search.wakeMs = Math.min(nowMs + paceMs(units - room, perSecond), this.#endMs(search));
      return;
    }
    const { limit = WIRE.wantMax } = search.request;
    const want = Math.min(WIRE.wantMax, Math.max(1, limit - search.found.size)); // nobody names again what was found
    search.wanting = false;
    search.attempts++;
    search.castMs = nowMs;
    search.foundBefore = search.found.size;
    attempt({ search, searchId: randomBytes(this.#random, WIRE.searchIdBytes), units, want });
    search.wakeMs = this.#nextMs(search);
  }

  /** Whether another cast is wanted now. */
  #wantsMore(search: OwnSearch, nowMs: number): boolean {
    return nowMs >= this.#secondMs(search) && this.#lacks(search);
  }

  #secondMs(search: OwnSearch): number {
    return search.castMs + Math.max(TIMES.secondMs, TIMES.secondRoundTrips * this.#roundTripMs);
  }

  /** Whether what was found calls for another cast. */
  #lacks(search: OwnSearch): boolean {
    const { limit } = search.request;
    const short = limit !== undefined && search.found.size < limit;
    if (search.attempts < 2) return short || search.found.size === 0;
    const gained = search.found.size > search.foundBefore;
    return short && (limit ?? 0) > WIRE.wantMax && gained && search.attempts < attemptsMax;
  }

  #endMs(search: OwnSearch): number {
    // Only local rows, or none, and nobody asked yet: there is more to come.
    if (search.attempts === 0)
      return Math.min(search.lastMs, search.startMs + TIMES.secondMs + TIMES.nothingMs);
    if (search.wanting || (this.#lacks(search) && search.attempts < 2)) return search.lastMs;
    const quietMs = search.found.size > 0 || search.doubtful.size > 0 ? TIMES.quietMs : TIMES.nothingMs;
    return Math.min(search.lastMs, Math.max(search.lastRowMs, search.castMs) + quietMs);
  }

  #nextMs(search: OwnSearch): number {
    if (search.wanting) return search.wakeMs;
    return this.#lacks(search) ? Math.min(this.#secondMs(search), this.#endMs(search)) : this.#endMs(search);
  }

  #wake(search: OwnSearch, atMs: number): void {
    search.wakeMs = atMs;
    this.#wakeMs = Math.min(this.#wakeMs, atMs);
  }

  #end(search: OwnSearch, effects: SearchEffects): void {
    const { number, limit = 1 } = search.request;
    // Without a limit doubtful rows are better than nothing, but not than what is certain: most of them are of the dead.
    for (const row of search.doubtful.values()) {
      if (search.found.size >= limit || !this.#searches.has(number)) break;
      search.found.add(row.id);
      effects.row(number, row);
    }
    if (!this.#searches.delete(number)) return;
    effects.end(search.request.number);
  }

  #reschedule(): void {
    this.#wakeMs = Number.POSITIVE_INFINITY;
    for (const { wakeMs } of this.#searches.values()) this.#wakeMs = Math.min(this.#wakeMs, wakeMs);
  }
}
