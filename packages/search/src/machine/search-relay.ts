// Searches on their way: answered from what we are and hold, passed on, and their rows sent back along the way they
// came; the rows of our own searches end here.
import { fromHex, type PeerId, shuffle, toHex } from '@peernet/core';
import { CAPACITY, TIMES, WIRE } from '../defaults.js';
import {
  type Advert,
  type Answer,
  briefOf,
  decodeAdvert,
  decodeAnswer,
  encodeRows,
  objectKeyOf,
  placeOf,
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
import type { FoundRow, Turn } from './effects.js';
import type { Neighbour } from './neighbours.js';
import type { OwnSearch, OwnSearches } from './own-searches.js';
import { admitRow, fits, give, isMore, isOpen, nobody, Queries, type Query } from './queries.js';
import { castSearch } from './search-cast.js';
import { believedAddresses, narrowestRank } from './slim-record.js';
import type { StaleMembers } from './stale-members.js';

interface Neighbouring extends Shared {
  readonly adverts: AdvertRelay;
  readonly searches: OwnSearches;
  readonly stale: StaleMembers;
}

/** A row whose object is decoded. */
interface Decoded {
  readonly row: Row;
  readonly object: Advert | Answer;
  /** Its signature had to be looked at: most likely so it has where it goes. */
  readonly fresh: boolean;
}

export class SearchRelay {
  readonly queries = new Queries();
  readonly #s: Neighbouring;

  constructor(shared: Neighbouring) {
    this.#s = shared;
  }

  // ---- questions ----

  asked(n: Neighbour, message: SearchMessage, turn: Turn): void {
    const { counters, crypto, limits } = this.#s;
    counters.searchesIn++;
    const budget = n.admit('search', message.budget, turn.nowMs);
    if (budget < message.budget) counters.limiterDrops++;
    if (budget === 0) return;
    const want = n.wanted(message.want, turn.nowMs);
    if (want < message.want) counters.limiterDrops++;
    const key = toHex(queryOf(crypto, message));
    const known = this.queries.get(key);
    if (known === undefined) this.#first(n, { ...message, budget, want }, key, turn);
    else if (budget < 2 * known.best + 1 || known.topUps >= limits.topUpsMax) counters.duplicates++;
    else this.#topUp(n, { ...message, budget, want }, known, turn);
  }

  #first(n: Neighbour, m: SearchMessage, key: string, turn: Turn): void {
    const query = this.queries.add({
      key,
      subnet: toHex(m.subnet),
      payload: m.payload.length > 0,
      own: undefined,
      hops: m.hops,
      best: m.budget,
      known: [...m.known],
      upstreams: [n.key],
      wants: [m.want],
      atMs: turn.nowMs,
    });
    this.#answer(query, n, m, turn);
    const { subnet, payload, hops } = m;
    turn.effects.query({ key, subnet, payload, hops });
    this.#pass(query, n, m, m.budget, turn);
  }

  /** A slower copy with much more budget, that a small fast one overtook. */
  #topUp(n: Neighbour, m: SearchMessage, query: Query, turn: Turn): void {
    this.#s.counters.topUps++;
    query.topUps++;
    const surplus = m.budget - query.best;
    query.best = m.budget;
    const at = query.upstreams.indexOf(n.key);
    if (at >= 0) query.wants[at] = Math.max(query.wants[at] as number, m.want);
    else if (query.upstreams.length < CAPACITY.upstreams) {
      query.upstreams.push(n.key);
      query.sentUp.push(0);
      query.wants.push(m.want);
      if (query.local > 0) this.#answer(query, n, m, turn);
    }
    this.#pass(query, n, m, surplus, turn);
  }

  #pass(query: Query, n: Neighbour, m: SearchMessage, units: number, turn: Turn): void {
    const want = m.want - query.local;
    if (want <= 0 || m.hops >= WIRE.hopsMax) return;
    const { hops, searchId, subnet, payload } = m;
    const search = { hops: hops + 1, want, known: query.known, searchId, subnet, payload };
    const cast = { query, search, units: units - 1, source: n.key };
    castSearch(this.#s.caster, cast, turn, (to) => !query.upstreams.includes(to.key));
  }

  /** Rows that we can give, to one upstream: ourselves first, then members that we hold adverts of. */
  #answer(query: Query, n: Neighbour, m: SearchMessage, turn: Turn): void {
    if (query.payload) return; // a question is for handlers
    const { nowMs, wallMs } = turn;
    const { own, adverts, random } = this.#s;
    const room = Math.min(m.want, WIRE.rowsPerMessageMax);
    const rows: Row[] = [];
    const add = (row: Row, id: PeerId, seq: number): void => {
      rows.push(row);
      give(query, id, seq, row.kind);
      // An orphan may be of nobody: others may still say what they know.
      if (row.kind === 'advert') name(query.known, briefOf(id));
    };
    const mine = own.advertFor(query.subnet, rankFor(query, n), wallMs);
    if (mine !== undefined && !m.known.includes(briefOf(mine.id))) {
      add({ kind: 'advert', hops: query.hops, ageSeconds: 0, bytes: mine.bytes }, mine.id, mine.seq);
    }
    const held = adverts.store.find(query.subnet, nowMs);
    for (const one of held.length > 1 ? shuffle(random, [...held]) : held) {
      if (rows.length >= room) break;
      if (one.narrowest < n.rank || one.id === n.peer || m.known.includes(briefOf(one.id))) continue;
      add(rowOf(one, query.hops, nowMs), one.id, one.seq);
    }
    // Orphans do not spare the search a way.
    query.local = Math.max(query.local, rows.filter((row) => row.kind === 'advert').length);
    this.#send(query, n, [...rows, ...this.#withdrawals(query, n, m.want)], turn);
  }

  /** Members that are gone, lest orphans of their adverts answer; no more than rows were asked for. */
  #withdrawals(query: Query, n: Neighbour, want: number): Row[] {
    const rows: Row[] = [];
    const latest = this.#s.adverts.withdrawals
      .find(query.subnet)
      .slice(-Math.min(want, CAPACITY.withdrawalsPerSearch));
    for (const { id, seq, bytes, narrowest } of latest) {
      if (narrowest < n.rank) continue;
      give(query, id, seq, 'withdrawal');
      rows.push({ kind: 'withdrawal', hops: query.hops, ageSeconds: 0, bytes });
    }
    return rows;
  }

  /** Members that we hold adverts of, for our own search. */
  answerSelf(search: OwnSearch, turn: Turn): void {
    const { adverts, stale, searches, random } = this.#s;
    const subnet = toHex(search.request.subnet);
    for (const held of shuffle(random, [...adverts.store.find(subnet, turn.nowMs)])) {
      const advert = decodeAdvert(held.bytes);
      if (advert === undefined || stale.has(held.id, held.seq, turn.nowMs)) continue;
      const row = rowOf(held, 0, turn.nowMs);
      searches.deliver(search, found({ row, object: advert }, held.rank), false, turn);
    }
  }

  /** A handler of ours has something to say to a search that came by. */
  reply(key: string, meta: Uint8Array, turn: Turn): void {
    const { crypto, own, caster } = this.#s;
    const query = this.queries.open(key, turn.nowMs);
    if (query === undefined || !isMore(query, crypto.id, 0, 'answer')) return;
    give(query, crypto.id, 0, 'answer');
    const named = { query: fromHex(key) as Uint8Array, subnet: fromHex(query.subnet) as Uint8Array, meta };
    const signed = new Map<number | undefined, Uint8Array>();
    for (const upstream of query.upstreams) {
      const n = caster.neighbours.get(upstream);
      if (n === undefined) continue;
      const rank = rankFor(query, n);
      const sign = () => signAnswer(crypto, { ...named, record: own.recordFor(rank, turn.wallMs) }).bytes;
      const bytes = signed.get(rank) ?? sign();
      signed.set(rank, bytes);
      this.#send(query, n, [{ kind: 'answer', hops: query.hops, ageSeconds: 0, bytes }], turn);
    }
  }

  // ---- answers ----

  answered(n: Neighbour, message: RowsMessage, turn: Turn): void {
    const { counters, misbehaved } = this.#s;
    counters.rowsIn++;
    const query = this.queries.get(toHex(message.query));
    const wasAsked = query?.asked.includes(n.key) === true;
    if (wasAsked && isOpen(query, turn.nowMs)) {
      const payer = query.payers[query.asked.indexOf(n.key)] ?? nobody;
      const bytes = message.rows.reduce((sum, row) => sum + row.bytes.length, 0);
      if (payer !== nobody) n.brought(payer, bytes, turn.nowMs);
      this.#rows(n, query, message.rows, turn);
      return;
    }
    counters.unasked++;
    // Late ones may have been held back behind the neighbour, so that it be blamed for them.
    if (!wasAsked && !n.forgive(turn.nowMs)) misbehaved(n, 'unasked', turn);
  }

  /** False: the rest waits for a look at signatures. Of a message with anything false in it nothing is believed. */
  #rows(n: Neighbour, query: Query, rows: readonly Row[], turn: Turn): boolean {
    const { verifier, crypto, misbehaved } = this.#s;
    const good: Decoded[] = [];
    let verdict: 'good' | 'bad' | 'later' = 'good';
    for (const row of rows) {
      const object = decodeObject(row, query);
      if (object === undefined) {
        misbehaved(n, 'malformed', turn);
        return true;
      }
      if (object.id === crypto.id || !isMore(query, object.id, seqOf(object), row.kind)) continue;
      if (!this.#isAlive(object, row, query.subnet, turn)) continue;
      if (query.own !== undefined && this.#isStale(object, turn)) continue; // what is newer may still come
      const key = toHex(objectKeyOf(crypto, row.bytes));
      const fresh = !verifier.isGood(key);
      if (fresh && !(hasRoom(n, query, row, good) && this.#isProvable(n, query, good, turn.nowMs))) {
        this.#s.counters.rowsCut++; // not looked at, and not given: it may still come from somebody else
        continue;
      }
      verdict = verifier.check(n, key, () => this.#verify(object), turn.nowMs);
      if (verdict !== 'good') break;
      good.push({ row, object, fresh });
    }
    if (verdict === 'bad') {
      misbehaved(n, 'signature', turn);
      return true;
    }
    this.#forward(n, query, this.#admitted(n, query, good, turn), turn);
    return verdict === 'good' || this.#later(n, query, rows, turn.nowMs);
  }

  /** Whether anybody to whom it goes can look at one more row of `n`, besides those of the same message. */
  #isProvable(n: Neighbour, query: Query, before: readonly Decoded[], nowMs: number): boolean {
    const { neighbours } = this.#s.caster;
    const ways = query.upstreams.flatMap((link) => neighbours.get(link) ?? []).filter((to) => to !== n);
    if (ways.length === 0) return true;
    const count = before.filter(({ fresh }) => fresh).length;
    return ways.some((to) => to.provable(n.key, nowMs) > count);
  }

  /** Of good rows those that are new and for which there is room. */
  #admitted(n: Neighbour, query: Query, rows: readonly Decoded[], turn: Turn): Decoded[] {
    const { adverts, counters } = this.#s;
    return rows.filter(({ row, object }) => {
      const seq = seqOf(object);
      if (!isMore(query, object.id, seq, row.kind)) return false; // twice in one message
      if (!admitRow(query, n.key, row.bytes.length)) {
        counters.rowsCut++;
        return false;
      }
      give(query, object.id, seq, row.kind);
      if (row.kind === 'withdrawal') adverts.learn(object as Advert, query.subnet, turn.nowMs);
      return true;
    });
  }

  /** Whether we have tried to reach it by this or by what came after it. */
  #isStale(object: Advert | Answer, { nowMs }: Turn): boolean {
    return 'seq' in object && this.#s.stale.has(object.id, object.seq, nowMs);
  }

  #verify(object: Advert | Answer): boolean {
    const { counters, crypto } = this.#s;
    counters.signatures++;
    return 'seq' in object ? verifyAdvert(crypto, object) : verifyAnswer(crypto, object);
  }

  /** All of the message waits: what it has given already is not given twice. */
  #later(n: Neighbour, query: Query, rows: readonly Row[], nowMs: number): false {
    const kept = rows.map((row) => ({ ...row, bytes: row.bytes.slice() }));
    const bytes = kept.reduce((sum, row) => sum + row.bytes.length, 0);
    const run = (turn: Turn): boolean => !isOpen(query, turn.nowMs) || this.#rows(n, query, kept, turn);
    if (!this.#s.verifier.wait(n, bytes, run, nowMs)) this.#s.counters.limiterDrops++;
    return false;
  }

  #isAlive(object: Advert | Answer, row: Row, subnet: string, { wallMs }: Turn): boolean {
    if (!('seq' in object)) return true; // bound to this very search
    const alive =
      Math.abs(object.seq - wallMs) <= TIMES.skewMaxMs &&
      (row.kind === 'withdrawal' || object.ttlSeconds > row.ageSeconds) &&
      !this.#isGone(object, row, subnet);
    if (!alive) this.#s.counters.refused++;
    return alive;
  }

  /** Whether we have heard the member say so. A withdrawal is not void by itself. */
  #isGone({ id, seq }: Advert, row: Row, subnet: string): boolean {
    const { withdrawals } = this.#s.adverts;
    return withdrawals.size > 0 && row.kind !== 'withdrawal' && withdrawals.covers(placeOf(subnet, id), seq);
  }

  #forward(n: Neighbour, query: Query, rows: readonly Decoded[], turn: Turn): void {
    if (rows.length === 0) return;
    if (query.own !== undefined) {
      this.#deliver(n, query.own, rows, turn);
      return;
    }
    for (const upstream of query.upstreams) {
      const to = this.#s.caster.neighbours.get(upstream);
      if (to === undefined || to === n) continue; // it is a way to the origin as well, and knows what it has said
      const fit = rows.filter(({ object }) => narrowestRank(object.record) >= to.rank);
      const told = fit.filter(({ fresh }) => !fresh || to.prove(n.key, turn.nowMs)).map(({ row }) => row);
      this.#s.counters.rowsCut += fit.length - told.length;
      this.#send(query, to, told, turn);
    }
  }

  #deliver(n: Neighbour, number: number, rows: readonly Decoded[], turn: Turn): void {
    const { searches } = this.#s;
    for (const decoded of rows) {
      const search = searches.get(number);
      if (search === undefined) return;
      searches.deliver(search, found(decoded, n.rank), true, turn);
    }
  }

  /** Up to 16 rows per upstream and search. */
  #send(query: Query, to: Neighbour, rows: readonly Row[], { nowMs, effects }: Turn): void {
    const at = query.upstreams.indexOf(to.key);
    const sent = query.sentUp[at] ?? 0;
    const fit = rows.slice(0, WIRE.rowsPerMessageMax - sent);
    this.#s.counters.rowsCut += rows.length - fit.length;
    if (fit.length === 0) return;
    const message = encodeRows(fromHex(query.key) as Uint8Array, fit);
    if (!effects.send(to.key, message, 'rows')) return;
    query.sentUp[at] = sent + fit.length;
    if (query.wants[at] !== 1) to.gave(message.length, nowMs);
  }
}

function seqOf(object: Advert | Answer): number {
  return 'seq' in object ? object.seq : 0;
}

/** Each once, whoever was told of it: there are few places. */
function name(known: string[], brief: string): void {
  if (known.length < WIRE.wantMax && !known.includes(brief)) known.push(brief);
}

/** Whether there is room for one more row of `n`, besides those of the same message. */
function hasRoom(n: Neighbour, query: Query, row: Row, before: readonly Decoded[]): boolean {
  const bytes = before.reduce((sum, one) => sum + one.row.bytes.length, row.bytes.length);
  return fits(query, n.key, before.length + 1, bytes);
}

/** The neighbour's own search may see what is as narrow as its link; one that it only passes on must go anywhere. */
function rankFor(query: Query, n: Neighbour): number | undefined {
  return query.hops === 1 ? n.rank : undefined;
}

/** The object of a row, if it can be an answer to this search. */
function decodeObject(row: Row, query: Query): Advert | Answer | undefined {
  if (row.kind === 'answer') {
    const answer = decodeAnswer(row.bytes);
    const fits = answer !== undefined && toHex(answer.query) === query.key;
    return fits && toHex(answer.subnet) === query.subnet ? answer : undefined;
  }
  const advert = decodeAdvert(row.bytes);
  const voids = row.kind === 'withdrawal';
  const fits =
    advert !== undefined && (advert.ttlSeconds === 0) === voids && toHex(advert.subnet) === query.subnet;
  return fits && !query.payload ? advert : undefined;
}

function rowOf(held: Held, hops: number, nowMs: number): Row {
  const ageSeconds = Math.min(WIRE.ttlSecondsMax, Math.max(0, Math.floor((nowMs - held.signedMs) / 1000)));
  const kind = held.parents.length > 0 ? 'advert' : 'orphan';
  return { kind, hops: hops + held.hops, ageSeconds, bytes: held.bytes };
}

/** A row as it is shown; `rank` of the link over which it came. */
function found({ row, object }: Omit<Decoded, 'fresh'>, rank: number): FoundRow {
  return {
    kind: row.kind,
    id: object.id,
    seq: seqOf(object),
    record: object.record,
    addresses: believedAddresses(object.record, rank),
    hops: row.hops,
    ageSeconds: row.ageSeconds,
    meta: object.meta.slice(),
  };
}
