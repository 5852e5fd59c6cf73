// Keeps the target of neighbours: every interval a few tries, some dialing the book, some walking; only book and seeds
// when there is nobody to walk with, for ever. While the target is met, one swap every two minutes: without it the
// halves of a healed partition would never meet (protocol.md §5). Also tells the anchors.
import { type Address, type BookEntry, jitter, shuffle, uniform, userAddressOf } from '@peernet/core';
import type { Admission } from './admission.js';
import type { Context } from './context.js';
import type { Dialer } from './dialer.js';
import type { Links } from './links.js';
import { byAge, type Peer } from './peer.js';
import type { Protection } from './protection.js';
import type { Walks } from './walks.js';
import type { Wishes } from './wishes.js';

/** Share by which the interval varies (protocol.md §5). */
const intervalJitter = 0.2;
/** A round comes sooner, by this factor, when something good or bad has happened. Guess. */
const hurryFactor = 0.2;

export interface UpkeepParts {
  readonly dialer: Dialer;
  readonly walks: Walks;
  readonly links: Links;
  readonly admission: Admission;
  readonly protection: Protection;
  readonly wishes: Wishes;
}

export class Upkeep {
  readonly #c: Context;
  readonly #p: UpkeepParts;
  readonly #intervalMs: number;
  /** Seeds and anchors. */
  readonly #seeds: readonly Address[];
  #nextMs: number;
  #rotateAtMs: number;
  #protectAtMs: number;
  #anchors = '';
  /** The next round lets nobody rest: the network is back. */
  #eager = false;
  /** Neighbours have come or gone since anchors were told. */
  #moved = false;

  constructor(context: Context, parts: UpkeepParts) {
    const { nowMs, o, random, tuning } = context;
    this.#c = context;
    this.#p = parts;
    this.#intervalMs = o.intervalMs > 0 ? o.intervalMs : tuning.upkeepMs;
    this.#seeds = [...o.anchors, ...o.seeds].map(userAddressOf).filter((a) => a !== undefined);
    this.#nextMs = nowMs;
    this.#rotateAtMs = nowMs + tuning.rotateEveryMs * (0.25 + uniform(random));
    this.#protectAtMs = nowMs + tuning.protectEveryMs;
  }

  deadline(): number {
    return Math.min(this.#nextMs, this.#rotateAtMs);
  }

  tick(): void {
    const { nowMs, random, tuning } = this.#c;
    if (nowMs >= this.#nextMs) {
      this.#nextMs = nowMs + jitter(random, this.#intervalMs, intervalJitter);
      this.#round();
    }
    if (nowMs >= this.#rotateAtMs) {
      this.#rotateAtMs = nowMs + jitter(random, tuning.rotateEveryMs, tuning.rotateJitter);
      this.#rotate();
    }
  }

  /** No need to wait a whole interval. */
  hurry(): void {
    const soonMs = this.#c.nowMs + jitter(this.#c.random, this.#intervalMs * hurryFactor, intervalJitter);
    this.#nextMs = Math.min(this.#nextMs, soonMs);
  }

  /** A round soon, if links are missing. */
  refill(): void {
    if (this.#c.degree < this.#c.o.connections) this.hurry();
  }

  /** By somebody who told us of others: who has no neighbour tries those at once. */
  refused(): void {
    if (this.#c.degree === 0) this.#nextMs = this.#c.nowMs;
  }

  /** Neighbours have come or gone. */
  neighbourhood(): void {
    this.#moved = true;
    this.refill();
  }

  /** Now. */
  wake(): void {
    this.#nextMs = this.#c.nowMs;
    this.#eager = true;
  }

  // ---- a round ----

  #round(): void {
    this.#endCongested();
    this.#p.wishes.keep();
    this.#tellAnchors();
    if (!this.#c.o.bootstrap) return;
    const { missing, pending } = this.#p.dialer;
    const { isBereft, nowMs } = this.#c;
    // Where nine of ten are gone, three in five seconds would be minutes without a neighbour: after the first three, all.
    const tries = isBereft && pending > 0 ? missing : Math.min(missing, this.#c.tuning.triesMax);
    const dialed = tries > 0 ? this.#fill(tries) : 0;
    if (isBereft && dialed > 0) this.#nextMs = Math.min(this.#nextMs, nowMs + this.#c.tuning.dialHopefulMs);
    if (missing <= 0) this.#protect();
    // Who has relays can be found by others who cannot be dialed either; and who finds nobody else to dial needs them
    // most: pages that all know the same one server must have each other before it goes.
    const { serving, peers, tuning, degree } = this.#c;
    const settled = peers.outbound >= tuning.relaysMin || (missing > 0 && dialed === 0 && degree > 0);
    if (serving && settled && this.#p.admission.lacksIntroduced()) this.#p.walks.start('introduce');
  }

  /** Returns how many dials it began. */
  #fill(tries: number): number {
    const { degree, tuning, random, o } = this.#c;
    let byBook = 0;
    const share = degree < tuning.desperateDegree ? tuning.bookShareLow : tuning.bookShare;
    for (let i = 0; i < tries; i++) if (degree === 0 || uniform(random) < share) byBook++;
    const alone = degree === 0 ? jitter(random, tuning.retryAloneMs, 0.5) : undefined;
    const backoffMaxMs = this.#eager ? 0 : alone;
    this.#eager = false;
    let dialed = this.#dialKnown(byBook, backoffMaxMs);
    if (degree === 0 && dialed < tries) dialed += this.#dialSeeds(tries - dialed);
    // Walks find nobody whom a full neighbourhood needs: then only outbound links are missing, and the book has those.
    const lacksRelays = this.#c.isShy && this.#c.peers.outbound < tuning.relaysMin;
    if (degree >= o.connections && !lacksRelays) return dialed;
    this.#askApps();
    if (degree === 0) return dialed;
    let walked = 0;
    while (dialed + walked < tries && this.#p.walks.start()) walked++;
    // Walks rest after one that found nobody; to wait for them would cost whole rounds.
    return dialed + this.#dialKnown(tries - dialed - walked, backoffMaxMs);
  }

  /**
   * At most half of it by the slots: what they chose may be gone, and must not be all that is tried; so it rests after
   * a failure even where others may not.
   */
  #dialKnown(count: number, backoffMaxMs: number | undefined): number {
    const dialed = this.#dialChosen(Math.ceil(count / 2), backoffMaxMs === 0 ? 0 : undefined);
    return dialed + this.#dialBook(count - dialed, backoffMaxMs);
  }

  #dialBook(count: number, backoffMaxMs: number | undefined): number {
    if (count === 0) return 0;
    const { store, o } = this.#c;
    const exclude = (entry: BookEntry): boolean => !this.#p.dialer.mayDial(entry, 'fill');
    const entries = store.pick(count, { schemes: o.schemes, exclude, backoffMaxMs });
    return entries.filter((entry) => this.#dialEntry(entry, 'fill')).length;
  }

  #dialChosen(count: number, backoffMaxMs: number | undefined): number {
    if (count === 0) return 0;
    const entries = this.#p.protection.pick(count, backoffMaxMs);
    return entries.filter((entry) => this.#dialEntry(entry, 'protect')).length;
  }

  #dialEntry(entry: BookEntry, intent: 'fill' | 'rotate' | 'protect'): boolean {
    const address = userAddressOf(entry.address);
    if (address === undefined) return false;
    const trusted = entry.saved || (this.#c.degree === 0 && entry.lastSeen !== undefined);
    return this.#p.dialer.start(address, { intent, expect: entry.id, trusted }) !== undefined;
  }

  #dialSeeds(count: number): number {
    const { dialer } = this.#p;
    let dialed = 0;
    for (const address of shuffle(this.#c.random, [...this.#seeds])) {
      if (dialed >= count) break;
      if (dialer.isOut(address.text) || dialer.isBusy(address.text, address.id)) continue;
      if (address.id !== undefined && this.#c.peers.byId(address.id) !== undefined) continue;
      if (dialer.start(address, { intent: 'fill', expect: address.id, trusted: true }) !== undefined)
        dialed++;
    }
    return dialed;
  }

  /** Peers that an application already talks to are the cheapest neighbours; for who has none, anybody will do. */
  #askApps(): void {
    const { peers, degree } = this.#c;
    if (peers.count('app') === 0) return;
    const takesShy = degree === 0 || this.#p.admission.lacksIntroduced();
    for (const peer of peers.all()) {
      const isFit = peer.kind === 'app' && (takesShy || peer.record?.dialable);
      if (isFit && this.#p.links.ask(peer)) return;
    }
  }

  #endCongested(): void {
    const { nowMs, tuning, peers } = this.#c;
    let stuck: Peer[] | undefined;
    for (const peer of peers.all()) {
      if (peer.congestedMs === undefined || nowMs - peer.congestedMs < tuning.congestedMs) continue;
      stuck ??= [];
      stuck.push(peer);
    }
    for (const peer of stuck ?? []) this.#p.links.end(peer, 'TIMEOUT');
  }

  // ---- swaps while the target is met ----

  /** One of the links to stay with is missing: it will take the place of another own one. */
  #protect(): void {
    const { nowMs, tuning } = this.#c;
    if (nowMs < this.#protectAtMs) return;
    this.#protectAtMs = nowMs + tuning.protectEveryMs;
    this.#dialChosen(1, undefined);
  }

  #rotate(): void {
    const { o, degree, store } = this.#c;
    if (!o.bootstrap || degree < o.connections || this.#p.admission.rotatable().length === 0) return;
    const exclude = (entry: BookEntry): boolean => !this.#p.dialer.mayDial(entry, 'rotate');
    const [entry] = store.pick(1, { schemes: o.schemes, exclude });
    if (entry !== undefined) this.#dialEntry(entry, 'rotate');
  }

  // ---- anchors ----

  /** The oldest neighbours that we dialed: where to begin after a restart. */
  #tellAnchors(): void {
    const { peers, tuning, fx } = this.#c;
    if (!this.#moved) return;
    this.#moved = false;
    const oldest = peers.neighbours
      .filter((peer) => peer.initiator && peer.dialed !== undefined && !peer.introduced)
      .sort(byAge)
      .slice(0, tuning.anchors)
      .map((peer) => peer.dialed as string);
    const text = oldest.join();
    if (text === this.#anchors || oldest.length === 0) return;
    this.#anchors = text;
    fx.emit({ type: 'anchors', addresses: oldest });
  }
}
