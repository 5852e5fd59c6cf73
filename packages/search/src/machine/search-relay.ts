// Searches on their way: answered from what we are and hold, passed on, and their rows sent back along the way they
// came; the rows of our own searches end here.
import { type Random, shuffle, toHex } from '@peernet/core';
import { CAPACITY, CAST, TIMES, WIRE } from '../defaults.js';
import {
  type Advert,
  type Answer,
  decodeAdvert,
  decodeAnswer,
  encodeRows,
  encodeSearch,
  objectKeyOf,
  queryOf,
  type Row,
  type RowsMessage,
  type SearchMessage,
  signAnswer,
  verifyAdvert,
  verifyAnswer,
} from '../wire.js';
import type { AdvertRelay, Shared } from './advert-relay.js';
import type { Held } from './advert-store.js';
import type { FoundRow, SearchEffects } from './effects.js';
import type { Neighbour } from './neighbours.js';
import type { OwnSearch, OwnSearches } from './own-searches.js';
import { admitRow, Queries, type Query } from './queries.js';
import { believedAddresses, narrowestRank } from './slim-record.js';
import type { StaleMembers } from './stale-members.js';

interface SearchShared extends Shared {
  readonly adverts: AdvertRelay;
  readonly searches: OwnSearches;
  readonly stale: StaleMembers;
}

/** A row whose object is decoded. */
interface Decoded {
  readonly row: Row;
  readonly object: Advert | Answer;
}

export class SearchRelay {
  readonly queries = new Queries();
  readonly #s: SearchShared;
  readonly #random: Random;

  constructor(shared: SearchShared) {
    this.#s = shared;
    this.#random = shared.random;
  }

  // ---- questions ----

  asked(n: Neighbour, message: SearchMessage, wallMs: number, nowMs: number, effects: SearchEffects): void {
    const { counters, crypto } = this.#s;
    counters.searchesIn++;
    const budget = n.admit('search', message.budget, nowMs);
    if (budget < message.budget) counters.limiterDrops++;
    if (budget === 0) return;
    const query = queryOf(crypto, message);
    const known = this.queries.get(toHex(query));
    if (known === undefined) this.#first(n, message, budget, query, wallMs, nowMs, effects);
    else if (budget < 2 * known.best + 1 || known.topUps === CAST.topUpsMax) counters.duplicates++;
    else this.#topUp(n, message, budget, known, wallMs, nowMs, effects);
  }

  #first(
    n: Neighbour,
    m: SearchMessage,
    budget: number,
    name: Uint8Array,
    wallMs: number,
    nowMs: number,
    effects: SearchEffects,
  ): void {
    const query = this.queries.add({
      query: name,
      subnetHash: m.subnet.slice(),
      payload: m.payload.length > 0,
      own: undefined,
      hops: m.hops,
      best: budget,
      upstreams: [n.key],
      atMs: nowMs,
    });
    this.#answer(query, n, m.want, wallMs, nowMs, effects);
    effects.query({ query: name, subnet: query.subnetHash, payload: m.payload.slice(), hops: m.hops });
    this.#pass(query, n, m, budget, nowMs, effects);
  }

  /** A slower copy with much more budget, that a small fast one overtook. */
  #topUp(
    n: Neighbour,
    m: SearchMessage,
    budget: number,
    query: Query,
    wallMs: number,
    nowMs: number,
    effects: SearchEffects,
  ): void {
    this.#s.counters.topUps++;
    query.topUps++;
    const surplus = budget - query.best;
    query.best = budget;
    if (query.upstreams.length < CAPACITY.upstreams && !query.upstreams.includes(n.key)) {
      query.upstreams.push(n.key);
      query.sentUp.push(0);
      if (query.local > 0) this.#answer(query, n, m.want, wallMs, nowMs, effects);
    }
    this.#pass(query, n, m, surplus, nowMs, effects);
  }

  #pass(
    query: Query,
    n: Neighbour,
    m: SearchMessage,
    units: number,
    nowMs: number,
    effects: SearchEffects,
  ): void {
    const want = m.want - query.local;
    if (want <= 0 || m.hops >= WIRE.hopsMax) return;
    const { searchId, subnet, payload } = m;
    const message = (budget: number): Uint8Array =>
      encodeSearch({ budget, hops: m.hops + 1, want, searchId, subnet, payload });
    const cast = { kind: 'search', units: units - 1, source: n.key, message } as const;
    const isNew = (to: Neighbour): boolean => !query.upstreams.includes(to.key);
    for (const link of this.#s.caster.cast(cast, nowMs, effects, isNew)) {
      if (!query.asked.has(link)) query.asked.set(link, 0);
    }
  }

  /** Rows that we can give, to one upstream: ourselves first, then members that we hold adverts of. */
  #answer(
    query: Query,
    n: Neighbour,
    want: number,
    wallMs: number,
    nowMs: number,
    effects: SearchEffects,
  ): void {
    if (query.payload) return; // a question is for handlers
    const { own, adverts } = this.#s;
    const rows: Row[] = [];
    const room = Math.min(want, WIRE.rowsPerMessageMax - (query.sentUp[query.upstreams.indexOf(n.key)] ?? 0));
    const mine = own.advertFor(query.subnet, rankFor(query, n), wallMs);
    if (mine !== undefined && room > 0) {
      rows.push({ kind: 'advert', hops: query.hops, ageSeconds: 0, bytes: mine.bytes });
      query.given.add(mine.id);
    }
    const held = shuffle(this.#random, [...adverts.store.find(query.subnet, nowMs)]);
    for (const one of held) {
      if (rows.length >= room) break;
      if (one.narrowest < n.rank || one.id === n.peer) continue;
      rows.push(rowOf(one, query.hops, nowMs));
      query.given.add(one.id);
    }
    query.local = Math.max(query.local, rows.length);
    this.#send(query, n.key, rows, effects);
  }

  /** Members that we hold adverts of, for our own search. */
  answerSelf(search: OwnSearch, nowMs: number, effects: SearchEffects): void {
    const { adverts, stale } = this.#s;
    const subnet = toHex(search.request.subnet);
    for (const held of shuffle(this.#random, [...adverts.store.find(subnet, nowMs)])) {
      const advert = decodeAdvert(held.bytes);
      if (advert === undefined || stale.has(held.id, held.seq, nowMs)) continue;
      const row = rowOf(held, 0, nowMs);
      this.#s.searches.deliver(search, found({ row, object: advert }, held.rank), false, nowMs, effects);
    }
  }

  /** A handler of ours has something to say to a search that came by. */
  reply(name: Uint8Array, meta: Uint8Array, wallMs: number, nowMs: number, effects: SearchEffects): void {
    const { crypto, own, caster } = this.#s;
    const query = this.queries.open(toHex(name), nowMs);
    if (query === undefined || query.given.has(crypto.id)) return;
    query.given.add(crypto.id);
    for (const upstream of query.upstreams) {
      const n = caster.neighbours.get(upstream);
      if (n === undefined) continue;
      const record = own.recordFor(rankFor(query, n), wallMs);
      const { bytes } = signAnswer(crypto, { query: name, subnet: query.subnetHash, record, meta });
      this.#send(query, upstream, [{ kind: 'answer', hops: query.hops, ageSeconds: 0, bytes }], effects);
    }
  }

  // ---- answers ----

  answered(n: Neighbour, message: RowsMessage, wallMs: number, nowMs: number, effects: SearchEffects): void {
    const { counters } = this.#s;
    counters.rowsIn++;
    const query = this.queries.open(toHex(message.query), nowMs);
    if (query?.asked.has(n.key) !== true) {
      counters.unasked++;
      if (!n.forgive(nowMs)) this.#s.misbehaved(n, 'unasked', effects);
      return;
    }
    this.#rows(n, query, message.rows, wallMs, nowMs, effects);
  }

  /** False: the rest waits for a look at signatures. */
  #rows(
    n: Neighbour,
    query: Query,
    rows: readonly Row[],
    wallMs: number,
    nowMs: number,
    effects: SearchEffects,
  ): boolean {
    const good: Decoded[] = [];
    for (const [i, row] of rows.entries()) {
      const object = row.kind === 'advert' ? decodeAdvert(row.bytes) : decodeAnswer(row.bytes);
      if (object === undefined || toHex(object.subnet) !== query.subnet || !answers(object, query)) {
        this.#s.misbehaved(n, 'malformed', effects);
        return true;
      }
      if (query.given.has(object.id) || object.id === this.#s.crypto.id) continue;
      if ('seq' in object && !this.#isAlive(object, row, query.subnet, wallMs)) continue;
      const key = toHex(objectKeyOf(this.#s.crypto, row.bytes));
      const verdict = this.#s.verifier.check(n, key, () => this.#verify(object), nowMs);
      if (verdict === 'later') {
        this.#forward(n, query, good, nowMs, effects);
        return this.#later(n, query, rows.slice(i), wallMs, nowMs);
      }
      if (verdict === 'bad') {
        this.#s.misbehaved(n, 'signature', effects);
        return true;
      }
      if (!admitRow(query, n.key, row.bytes.length)) {
        this.#s.counters.rowsCut++;
        continue;
      }
      query.given.add(object.id);
      good.push({ row, object });
    }
    this.#forward(n, query, good, nowMs, effects);
    return true;
  }

  #verify(object: Advert | Answer): boolean {
    this.#s.counters.signatures++;
    const { crypto } = this.#s;
    return 'seq' in object ? verifyAdvert(crypto, object) : verifyAnswer(crypto, object);
  }

  #later(n: Neighbour, query: Query, rows: readonly Row[], wallMs: number, nowMs: number): false {
    const kept = rows.map((row) => ({ ...row, bytes: row.bytes.slice() }));
    const bytes = kept.reduce((sum, row) => sum + row.bytes.length, 0);
    const run = (laterMs: number, effects: SearchEffects): boolean =>
      this.#rows(n, query, kept, wallMs, laterMs, effects);
    if (!this.#s.verifier.wait(n, bytes, run, nowMs)) this.#s.counters.limiterDrops++;
    return false;
  }

  #isAlive(advert: Advert, row: Row, subnet: string, wallMs: number): boolean {
    const alive =
      advert.ttlSeconds > row.ageSeconds &&
      Math.abs(advert.seq - wallMs) <= TIMES.skewMaxMs &&
      !this.#s.adverts.trails.isWithdrawn(subnet, advert.id, advert.seq);
    if (!alive) this.#s.counters.refused++;
    return alive;
  }

  #forward(
    n: Neighbour,
    query: Query,
    rows: readonly Decoded[],
    nowMs: number,
    effects: SearchEffects,
  ): void {
    if (rows.length === 0) return;
    if (query.own !== undefined) {
      this.#deliver(n, query.own, rows, nowMs, effects);
      return;
    }
    for (const upstream of query.upstreams) {
      const to = this.#s.caster.neighbours.get(upstream);
      if (to === undefined) continue;
      const fit = rows.filter(({ object }) => narrowestRank(object.record) >= to.rank);
      this.#send(
        query,
        upstream,
        fit.map(({ row }) => row),
        effects,
      );
    }
  }

  #deliver(
    n: Neighbour,
    number: number,
    rows: readonly Decoded[],
    nowMs: number,
    effects: SearchEffects,
  ): void {
    for (const decoded of rows) {
      const search = this.#s.searches.get(number);
      if (search === undefined) return;
      const { object } = decoded;
      if ('seq' in object && this.#s.stale.has(object.id, object.seq, nowMs)) continue;
      this.#s.searches.deliver(search, found(decoded, n.rank), true, nowMs, effects);
    }
  }

  /** Up to 16 rows per upstream and search. */
  #send(query: Query, upstream: number, rows: readonly Row[], effects: SearchEffects): void {
    const at = query.upstreams.indexOf(upstream);
    const sent = query.sentUp[at] ?? 0;
    const fit = rows.slice(0, WIRE.rowsPerMessageMax - sent);
    this.#s.counters.rowsCut += rows.length - fit.length;
    if (fit.length === 0) return;
    if (effects.send(upstream, encodeRows(query.query, fit), 'rows')) query.sentUp[at] = sent + fit.length;
  }
}

/** The neighbour's own search may see what is as narrow as its link; one that it only passes on must go anywhere. */
function rankFor(query: Query, n: Neighbour): number | undefined {
  return query.hops === 1 ? n.rank : undefined;
}

function answers(object: Advert | Answer, query: Query): boolean {
  return 'seq' in object ? object.ttlSeconds > 0 : toHex(object.query) === query.key;
}

function rowOf(held: Held, hops: number, nowMs: number): Row {
  const ageSeconds = Math.min(WIRE.ttlSecondsMax, Math.max(0, Math.floor((nowMs - held.signedMs) / 1000)));
  return { kind: 'advert', hops: hops + held.hops, ageSeconds, bytes: held.bytes };
}

/** A row as it is shown; `rank` of the link over which it came. */
function found({ row, object }: Decoded, rank: number): FoundRow {
  return {
    kind: row.kind,
    id: object.id,
    record: object.record,
    addresses: believedAddresses(object.record, rank),
    hops: row.hops,
    ageSeconds: row.ageSeconds,
    meta: object.meta.slice(),
  };
}
