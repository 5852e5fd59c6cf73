// Adverts of others on their way: checked, held, passed on; and their withdrawals, which follow the way they took.
import { type Crypto, equalBytes, type LinkKey, LruMap, type Random, randomBytes } from '@peernet/core';
import { CAPACITY, type SearchLimits, TIMES, WIRE } from '../defaults.js';
import {
  type Advert,
  type AdvertMessage,
  encodeAdvertMessage,
  type OrphansMessage,
  placeOf,
  verifyAdvert,
} from '../wire.js';
import { AdvertStore, ageOf, type Chain, expiryOf, fasten, type Held, loosen } from './advert-store.js';
import type { Caster, Share } from './cast.js';
import type { Counters } from './counters.js';
import type { Misbehaviour, Turn } from './effects.js';
import { describe, type KnownAdvert, knownAdvert } from './known-adverts.js';
import type { Neighbour } from './neighbours.js';
import { Orphans } from './orphans.js';
import type { OwnAdverts } from './own-adverts.js';
import { Repair, type Source } from './repair.js';
import { narrowestRank } from './slim-record.js';
import { lengthen, paced, renew, Trails } from './trails.js';
import type { Verifier } from './verifier.js';
import { Withdrawals } from './withdrawals.js';

/** What the parts of the machine share. */
export interface Shared {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly limits: SearchLimits;
  readonly caster: Caster;
  readonly verifier: Verifier;
  readonly counters: Counters;
  readonly own: OwnAdverts;
  readonly misbehaved: (neighbour: Neighbour, what: Misbehaviour, turn: Turn) => void;
}

/** One advert as it passed here. */
interface Passed {
  readonly atMs: number;
  readonly known: KnownAdvert;
  /** By the youngest copy. */
  expiresMs: number;
  /** Largest budget so far; 0 while it has found no place. */
  best: number;
  topUps: number;
}

/** Of the key by which full cells choose: as long as a hash. */
const secretBytes = 32;

export class AdvertRelay {
  #store: AdvertStore | undefined;
  readonly trails: Trails;
  readonly withdrawals = new Withdrawals();
  readonly orphans: Orphans;
  readonly repair: Repair;
  readonly #s: Shared;
  readonly #passed = new LruMap<string, Passed>(CAPACITY.seen);
  /** By place: chains of what we hold no more, for those who have it from us. */
  readonly #lost = new LruMap<string, Chain>(CAPACITY.trails);

  constructor(shared: Shared) {
    this.#s = shared;
    this.trails = new Trails(shared.limits.rates.oneAdvert);
    const { neighbours } = shared.caster;
    this.orphans = new Orphans(neighbours, this.trails);
    this.repair = new Repair(neighbours, this.trails, shared.random, (place) => this.#source(place));
  }

  /** What we hold; made when it is first looked at. */
  get store(): AdvertStore {
    const { crypto, limits, random } = this.#s;
    this.#store ??= new AdvertStore(crypto, limits, randomBytes(random, secretBytes), (held) =>
      this.#lose(held),
    );
    return this.#store;
  }

  /** Held no more: who has it from us still has to hear when its chain breaks. */
  #lose({ place, seq, hops, parents, expiresMs }: Held): void {
    const isPassedOn = (this.trails.of(place)?.length ?? 0) > 0;
    if (isPassedOn && parents.length > 0) this.#lost.set(place, { place, seq, hops, parents, expiresMs });
  }

  /** The chain of what we hold, or have held. */
  #chain(place: string): Chain | undefined {
    return this.#store?.get(place) ?? this.#lost.get(place);
  }

  /** Casts remembered. */
  get seen(): number {
    return this.#passed.size;
  }

  get holding(): boolean {
    return (
      (this.#store?.size ?? 0) > 0 ||
      this.trails.size > 0 ||
      this.#passed.size > 0 ||
      this.withdrawals.size > 0
    );
  }

  /** Our own advert went out; copies that come back need no look at their signature. */
  sent(advert: Advert, shares: readonly Share[], nowMs: number): void {
    const { key, place } = describe(this.#s.crypto, advert);
    this.#s.verifier.trust(key, nowMs);
    if (advert.ttlSeconds === 0) {
      this.trails.forget(place);
      return;
    }
    const trail = this.trails.take(place, nowMs);
    renew(trail, nowMs + advert.ttlSeconds * 1000);
    for (const share of shares) lengthen(trail, share);
  }

  /** What can be passed on from this place. */
  #source(place: string): Source | undefined {
    const held = this.#store?.get(place);
    if (held === undefined) return this.#s.own.sourceAt(place);
    return held.parents.length > 0 ? held : undefined;
  }

  arrived(n: Neighbour, message: AdvertMessage, turn: Turn): void {
    const { counters } = this.#s;
    counters.advertsIn++;
    const budget = n.admit('advert', message.budget, turn.nowMs);
    if (budget < message.budget) counters.limiterDrops++;
    if (budget > 0) this.#take(n, { ...message, budget }, turn);
  }

  /** False: it waits for a look at its signature. */
  #take(n: Neighbour, m: AdvertMessage, turn: Turn): boolean {
    const { counters, crypto, misbehaved, verifier } = this.#s;
    const known = knownAdvert(crypto, m.advert);
    if (known === undefined) {
      misbehaved(n, 'malformed', turn);
      return true;
    }
    const { advert, key, place, subnet } = known;
    const passed = this.#passed.get(key);
    if (passed !== undefined) {
      this.#copy(n, m, passed, turn);
      return true;
    }
    const held = this.store.get(place);
    if (held !== undefined && equalBytes(held.bytes, m.advert)) {
      if (!this.#again(n, m, held, turn)) counters.duplicates++;
      return true;
    }
    if (!this.#isNews(advert, place, held, m.ageSeconds, turn)) {
      counters.refused++;
      return true;
    }
    const verdict = verifier.check(n, key, () => this.#verify(advert), turn.nowMs);
    if (verdict === 'later') return this.#later(n, m, turn.nowMs);
    if (verdict === 'bad') misbehaved(n, 'signature', turn);
    else if (advert.id === crypto.id) this.#s.own.metOwnSeq(advert.seq, subnet, turn.nowMs);
    else if (advert.ttlSeconds === 0) this.#withdrawn(n, m, known, turn);
    else this.#first(n, m, known, turn);
    return true;
  }

  #verify(advert: Advert): boolean {
    this.#s.counters.signatures++;
    return verifyAdvert(this.#s.crypto, advert);
  }

  #later(n: Neighbour, m: AdvertMessage, nowMs: number): false {
    const kept = { ...m, advert: m.advert.slice() };
    const run = (turn: Turn): boolean => this.#take(n, kept, turn);
    if (!this.#s.verifier.wait(n, m.advert.length, run, nowMs)) this.#s.counters.limiterDrops++;
    return false;
  }

  /** Whether it says something that we do not know better. Cheap: before the signature is looked at. */
  #isNews(advert: Advert, place: string, held: Held | undefined, ageSeconds: number, turn: Turn): boolean {
    const { seq, ttlSeconds } = advert;
    if (Math.abs(seq - turn.wallMs) > TIMES.skewMaxMs) return false;
    if (ttlSeconds > 0 && ageSeconds >= ttlSeconds) return false;
    if (this.withdrawals.covers(place, seq)) return ttlSeconds === 0 && this.#isDue(place, seq);
    return held === undefined || held.expiresMs <= turn.nowMs || seq > held.seq;
  }

  /** Whether the last withdrawal of a member, of which a row has told us, has not come yet by the way that it has to go on. */
  #isDue(place: string, seq: number): boolean {
    return !this.withdrawals.covers(place, seq + 1) && this.trails.get(place)?.live === true;
  }

  #first(n: Neighbour, m: AdvertMessage, known: KnownAdvert, turn: Turn): void {
    const { nowMs } = turn;
    const { advert, key, place, subnet } = known;
    const trail = this.trails.take(place, nowMs);
    if (!paced(trail)) {
      this.#s.counters.limiterDrops++;
      return;
    }
    this.withdrawals.forget(place);
    this.#s.own.met(subnet);
    const passed: Passed = {
      atMs: nowMs,
      known,
      expiresMs: expiryOf(advert, m.ageSeconds, nowMs),
      best: 0,
      topUps: 0,
    };
    this.#passed.dropWhile((other) => other.atMs + TIMES.seenMs <= nowMs);
    this.#passed.set(key, passed);
    this.#hold(n, m, passed, turn);
  }

  /** A copy of what came by before: worth something only with much more budget, or if there was no place for the first. */
  #copy(n: Neighbour, m: AdvertMessage, passed: Passed, turn: Turn): void {
    const { counters, limits } = this.#s;
    const { place, advert, narrowest } = passed.known;
    if (this.withdrawals.covers(place, advert.seq)) {
      counters.refused++;
      return;
    }
    const held = this.store.get(place);
    // How old it is nobody signs. Who says that it is nearly over, and is faster than others, must not end it.
    const expiresMs = expiryOf(advert, m.ageSeconds, turn.nowMs);
    const isYounger = expiresMs > passed.expiresMs + TIMES.ageSlackMs;
    if (isYounger) passed.expiresMs = expiresMs;
    const ageSeconds = Math.min(m.ageSeconds, ageOf(advert, passed.expiresMs, turn.nowMs));
    if (passed.best === 0 || isYounger) {
      const isSame = held?.seq === advert.seq;
      if (held === undefined || held.seq < advert.seq || (isSame && isYounger))
        this.#hold(n, { ...m, ageSeconds }, passed, turn);
      return;
    }
    if (held?.seq === advert.seq && this.#again(n, m, held, turn)) return;
    if (m.budget < 2 * passed.best + 1 || passed.topUps >= limits.topUpsMax) {
      counters.duplicates++;
      return;
    }
    counters.topUps++;
    passed.topUps++;
    const surplus = m.budget - passed.best;
    passed.best = m.budget;
    const chain = this.#chain(place);
    if (chain === undefined)
      this.#lost.set(place, {
        place,
        seq: advert.seq,
        hops: m.hops,
        parents: [n.key],
        expiresMs: passed.expiresMs,
      });
    const hops = chain?.seq === advert.seq ? chain.hops : 0;
    this.#pass(n, m, surplus, { place, narrowest, hops }, turn);
  }

  /**
   * What we hold comes once more: one more chain to its member. True if it is the only one; then it goes on. So it is
   * where what we hold was said to be too far away to go on at all: nobody has that from us.
   */
  #again(n: Neighbour, m: AdvertMessage, held: Held, turn: Turn): boolean {
    const isFirst = held.parents.length === 0 || (held.hops >= WIRE.hopsMax && m.hops < held.hops);
    if (!isFirst || held.expiresMs <= turn.nowMs) {
      fasten(held, n.key, m.hops);
      return false;
    }
    held.parents = [n.key];
    held.hops = m.hops;
    this.#s.counters.mended++;
    this.#pass(n, m, m.budget, held, turn);
    return true;
  }

  /** Holds it, if there is a place, and passes it on only then: a crowd's bubbles end where cells are full. */
  #hold(n: Neighbour, m: AdvertMessage, passed: Passed, turn: Turn): void {
    const { known, expiresMs } = passed;
    const { advert, place, subnet, narrowest } = known;
    const before = this.#chain(place);
    const same = before?.seq === advert.seq && before.parents.length > 0 ? before : undefined;
    const held = {
      place,
      subnet,
      id: advert.id,
      seq: advert.seq,
      bytes: advert.bytes,
      hops: same?.hops ?? m.hops,
      parents: same?.parents ?? [n.key],
      from: n.peer,
      rank: n.rank,
      narrowest,
      signedMs: turn.nowMs - m.ageSeconds * 1000,
      expiresMs,
    };
    fasten(held, n.key, m.hops);
    if (!this.store.admit(held, turn.nowMs)) {
      this.#s.counters.notAdmitted++;
      return;
    }
    this.#lost.delete(place);
    passed.best = m.budget;
    renew(this.trails.take(place, turn.nowMs), expiresMs);
    this.#pass(n, m, m.budget, held, turn);
  }

  #pass(
    n: Neighbour,
    m: AdvertMessage,
    units: number,
    at: Pick<Held, 'place' | 'narrowest' | 'hops'>,
    turn: Turn,
  ): void {
    this.orphans.hurry(at.place, turn);
    const hops = Math.max(m.hops, at.hops); // never as near as those from whom we have it
    if (hops >= WIRE.hopsMax || units <= 1) return;
    const { ageSeconds, advert } = m;
    const message = (budget: number): Uint8Array =>
      encodeAdvertMessage({ budget, hops: hops + 1, ageSeconds, advert });
    const cast = { kind: 'advert', units: units - 1, source: n.key, message } as const;
    const shares = this.#s.caster.cast(cast, turn, (to) => to.rank <= at.narrowest);
    const trail = this.trails.take(at.place, turn.nowMs);
    for (const share of shares) lengthen(trail, share);
  }

  #withdrawn(n: Neighbour, m: AdvertMessage, { advert, place, subnet }: KnownAdvert, turn: Turn): void {
    const trail = this.trails.get(place);
    // Of what is held, but whose way was forgotten, everybody may have heard.
    const links = this.trails.of(place) ?? 'all';
    const isLive = trail?.live ?? this.store.get(place) !== undefined;
    this.learn(advert, subnet, turn.nowMs);
    // One for each advert: a withdrawal has a budget of 1, and goes all the way.
    if (!isLive || m.hops >= WIRE.hopsMax) return;
    if (trail !== undefined) trail.live = false;
    const { neighbours } = this.#s.caster;
    const { ageSeconds } = m;
    const message = encodeAdvertMessage({ budget: 1, hops: m.hops + 1, ageSeconds, advert: m.advert });
    for (const link of links === 'all' ? [...neighbours.keys()] : links) {
      const to = neighbours.get(link);
      if (to !== undefined && to !== n) this.#passWithdrawal(n.key, to, message, turn);
    }
  }

  /** A good withdrawal, from wherever. One of an advert that never came by says nothing to us. */
  learn(advert: Advert, subnet: string, nowMs: number): void {
    const { id, seq, bytes } = advert;
    const place = placeOf(subnet, id);
    const isKnown = this.trails.get(place) !== undefined || this.store.get(place) !== undefined;
    if (!isKnown || this.withdrawals.covers(place, seq)) return;
    this.store.withdraw(place);
    this.#lost.delete(place);
    const expiresMs = nowMs + WIRE.ttlSecondsMax * 1000;
    this.withdrawals.add({
      place,
      subnet,
      id,
      seq,
      bytes,
      expiresMs,
      narrowest: narrowestRank(advert.record),
    });
  }

  /** A neighbour is gone, and all chains by way of it. */
  linkDown(link: LinkKey, turn: Turn): void {
    for (const held of this.#store?.detach(link) ?? []) this.orphans.add(held, turn.nowMs);
    for (const chain of [...this.#lost.values()]) this.#loosen(chain, link, turn.nowMs);
    this.repair.linkDown(link, turn);
  }

  /** A neighbour has no chain to these members any more. */
  orphaned(n: Neighbour, message: OrphansMessage, { nowMs }: Turn): void {
    if (n.admit('advert', 1, nowMs) === 0) {
      this.#s.counters.limiterDrops++;
      return;
    }
    for (const place of message.places) {
      const chain = this.#chain(place);
      if (chain !== undefined) this.#loosen(chain, n.key, nowMs);
    }
  }

  #loosen(chain: Chain, link: LinkKey, nowMs: number): void {
    if (!loosen(chain, link)) return;
    this.#lost.delete(chain.place);
    this.orphans.add(chain, nowMs);
  }

  #passWithdrawal(source: LinkKey, to: Neighbour, message: Uint8Array, { nowMs, effects }: Turn): void {
    if (!to.takesWithdrawal(source, nowMs) || !effects.send(to.key, message, 'advert')) return;
    to.sent('advert', source, 1, nowMs);
  }

  sweep(nowMs: number): void {
    this.#store?.sweep(nowMs);
    this.withdrawals.sweep(nowMs);
    this.trails.sweep(nowMs);
    this.#lost.dropWhile((chain) => chain.expiresMs <= nowMs);
    this.#passed.dropWhile((passed) => passed.atMs + TIMES.seenMs <= nowMs);
  }
}
