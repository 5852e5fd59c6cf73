// Our memberships: when each is advertised, with what, and to how many. Placed anew every 300 s, and at once when half
// of the neighbours are new, when we have moved, or when the network has turned out twice as large (protocol.md §6).
import {
  type Crypto,
  jitter,
  type LinkKey,
  type PeerRecord,
  type Random,
  type Rate,
  scopeRank,
  TokenBucket,
  toHex,
} from '@peernet/core';
import { CAPACITY, CAST, TIMES, WIRE } from '../defaults.js';
import { type Advert, encodeAdvertMessage, placeOf, signAdvert } from '../wire.js';
import { advertBudget } from './budgets.js';
import type { Caster, Share } from './cast.js';
import type { Surroundings, Turn } from './effects.js';
import type { Neighbour } from './neighbours.js';
import { self } from './neighbours.js';
import type { Source } from './repair.js';
import { narrowestRank, slimRecord, whereabouts } from './slim-record.js';

interface Membership {
  readonly subnetHash: Uint8Array;
  readonly meta: Uint8Array;
  /** Of the present advert; 0 before the first. */
  seq: number;
  /** The present advert by the rank of the links that it is for. */
  readonly adverts: Map<number, Advert>;
  /** The one that was cast last. */
  sent: (Source & { readonly advert: Advert }) | undefined;
  dueMs: number;
  readonly pace: TokenBucket;
  /** Adverts of others seen since the last own one, and in the interval before. */
  seen: number;
  seenBefore: number;
}

/** Most nodes are in no subnet; they share this. */
const none = new Map<string, Membership>();

export class OwnAdverts {
  readonly #crypto: Crypto;
  readonly #random: Random;
  readonly #caster: Caster;
  readonly #pace: Rate;
  #memberships: Map<string, Membership> = none;
  #seq = 0;
  #record: PeerRecord | undefined;
  #place = '';
  /** N̂ at which the present adverts are too few. */
  #growSize = Number.POSITIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;

  /** @param pace of the adverts of one membership. */
  constructor(crypto: Crypto, random: Random, caster: Caster, pace: Rate) {
    this.#pace = pace;
    this.#crypto = crypto;
    this.#random = random;
    this.#caster = caster;
  }

  /** When the next advert is due. */
  get deadlineMs(): number {
    return this.#dueMs;
  }

  get subnets(): readonly string[] {
    return [...this.#memberships.keys()];
  }

  has(subnet: string): boolean {
    return this.#memberships.has(subnet);
  }

  /** True if there is room for one more subnet. */
  get room(): boolean {
    return this.#memberships.size < CAPACITY.subnetsPerKey;
  }

  /** In a subnet that we are in already: what we say there is said anew, and newer than what it differs from. */
  join(subnetHash: Uint8Array, meta: Uint8Array, { nowMs, wallMs }: Turn): void {
    const subnet = toHex(subnetHash);
    const before = this.#memberships.get(subnet);
    if (before === undefined && !this.room) return;
    if (this.#memberships === none) this.#memberships = new Map();
    this.#memberships.set(subnet, {
      subnetHash,
      meta,
      seq: before === undefined || before.seq === 0 ? 0 : this.#nextSeq(wallMs),
      adverts: new Map(),
      sent: undefined,
      dueMs: nowMs,
      pace: before?.pace ?? new TokenBucket(this.#pace, nowMs),
      seen: before?.seen ?? 0,
      seenBefore: before?.seenBefore ?? 0,
    });
    this.#dueMs = Math.min(this.#dueMs, nowMs);
  }

  /** Leaves; returns what to tell those who hold our advert, if there is one. */
  part(subnet: string, wallMs: number): Advert | undefined {
    const membership = this.#memberships.get(subnet);
    if (membership === undefined) return undefined;
    this.#memberships.delete(subnet);
    this.#reschedule();
    if (membership.seq === 0) return undefined;
    return signAdvert(this.#crypto, {
      subnet: membership.subnetHash,
      record: slimRecord(this.#crypto, undefined, scopeRank('global'), wallMs),
      seq: this.#nextSeq(wallMs),
      ttlSeconds: 0,
      meta: new Uint8Array(0),
    });
  }

  /** Somebody holds an advert of ours that we do not know of: from before a restart, or a step of the calendar. */
  metOwnSeq(seq: number, subnet: string, nowMs: number): void {
    if (seq <= this.#seq) return;
    this.#seq = seq;
    if (this.#memberships.has(subnet)) this.#dueAll(nowMs);
  }

  /** Somebody else advertises `subnet`. */
  met(subnet: string): void {
    const membership = this.#memberships.get(subnet);
    if (membership !== undefined) membership.seen++;
  }

  /** Looks at what has changed outside: our record, the size of the network. */
  look(outside: Surroundings, { nowMs, wallMs }: Turn): void {
    if (outside.record !== this.#record) {
      this.#record = outside.record;
      const place = whereabouts(outside.record);
      if (place !== this.#place) {
        this.#place = place;
        // Answers say so before the next advert may be sent, and must be newer than what they differ from.
        for (const membership of this.#memberships.values()) {
          membership.adverts.clear();
          if (membership.seq > 0) membership.seq = this.#nextSeq(wallMs);
        }
        this.#dueAll(nowMs + TIMES.gatherMs);
      }
    }
    if (outside.size >= this.#growSize) {
      this.#growSize = Number.POSITIVE_INFINITY;
      this.#dueAll(nowMs + TIMES.gatherMs);
    }
  }

  /** A neighbour has come. Where half of those that it began with have not got our advert, it goes out again. `told`: who has. */
  neighboursChanged(nowMs: number, told: (subnet: string) => readonly LinkKey[] | 'all' | undefined): void {
    const { neighbours } = this.#caster;
    const wanted = Math.min(neighbours.size, CAST.firstHops);
    for (const [subnet, membership] of this.#memberships) {
      const links = told(subnet) ?? [];
      const missing = links === 'all' ? 0 : wanted - links.filter((key) => neighbours.has(key)).length;
      // Who found nobody to tell waits for the first that comes, whoever was told before.
      const waits = membership.dueMs === Number.POSITIVE_INFINITY;
      if (waits || (missing > 0 && missing >= wanted * TIMES.neighboursChangedShare)) {
        membership.dueMs = Math.min(membership.dueMs, nowMs + TIMES.gatherMs);
      }
    }
    this.#reschedule();
  }

  /** Our present advert at a place, for neighbours that have not got it. */
  sourceAt(place: string): Source | undefined {
    if (!place.endsWith(this.#crypto.id.slice(0, 32))) return undefined;
    for (const { sent } of this.#memberships.values()) {
      if (sent !== undefined && placeOf(toHex(sent.advert.subnet), this.#crypto.id) === place) return sent;
    }
    return undefined;
  }

  /** Our own advert, for a neighbour that asks. `rank` of its link if it asks for itself, else for whom it may be. */
  advertFor(subnet: string, rank: number | undefined, wallMs: number): Advert | undefined {
    const membership = this.#memberships.get(subnet);
    if (membership === undefined) return undefined;
    if (membership.seq === 0) membership.seq = this.#nextSeq(wallMs);
    return this.#advert(membership, rank ?? this.#widest(), wallMs);
  }

  /** Our slim record, likewise. */
  recordFor(rank: number | undefined, wallMs: number): PeerRecord {
    return slimRecord(this.#crypto, this.#record, rank ?? this.#widest(), wallMs);
  }

  #advert(membership: Membership, rank: number, wallMs: number): Advert {
    let advert = membership.adverts.get(rank);
    if (advert === undefined) {
      advert = signAdvert(this.#crypto, {
        subnet: membership.subnetHash,
        record: slimRecord(this.#crypto, this.#record, rank, wallMs),
        seq: membership.seq,
        ttlSeconds: WIRE.ttlSecondsMax,
        meta: membership.meta,
      });
      membership.adverts.set(rank, advert);
    }
    return advert;
  }

  /** Never goes back, but from what everybody refuses: that a calendar was days ahead must not outlast it. */
  #nextSeq(wallMs: number): number {
    const refused = this.#seq - wallMs > TIMES.skewMaxMs;
    this.#seq = refused ? wallMs : Math.min(Math.max(this.#seq + 1, wallMs), Number.MAX_SAFE_INTEGER);
    return this.#seq;
  }

  /** Sends what is due and fits. `sent` is told of every cast. */
  tick(size: number, turn: Turn, sent: (advert: Advert, shares: readonly Share[]) => void): void {
    const { nowMs } = turn;
    if (nowMs < this.#dueMs) return;
    for (const membership of this.#memberships.values()) {
      if (membership.dueMs > nowMs) continue;
      const shares = this.#advertise(membership, size, turn);
      if (shares !== undefined && membership.sent !== undefined) sent(membership.sent.advert, shares);
    }
    this.#reschedule();
  }

  /** Sends one now, or says when to try again. */
  #advertise(membership: Membership, size: number, turn: Turn): Share[] | undefined {
    const { nowMs, wallMs } = turn;
    const readyMs = membership.pace.readyAt(1, nowMs);
    if (readyMs > nowMs) {
      membership.dueMs = readyMs;
      return undefined;
    }
    if (this.#caster.neighbours.size === 0) {
      membership.dueMs = Number.POSITIVE_INFINITY; // the first neighbour makes it due again
      return undefined;
    }
    const crowd = Math.max(membership.seen, membership.seenBefore);
    const { room, capacity, perSecond } = this.#caster.ownRoom('advert', turn);
    const units = Math.min(advertBudget(size, crowd), capacity);
    if (units < 1 || room < units) {
      membership.dueMs = nowMs + paceMs(units - room, perSecond);
      return undefined;
    }
    membership.pace.take(1, nowMs);
    membership.seq = this.#nextSeq(wallMs);
    membership.adverts.clear();
    const advert = this.#advert(membership, this.#widest(), wallMs);
    const message = (budget: number): Uint8Array =>
      encodeAdvertMessage({ budget, hops: 1, ageSeconds: 0, advert: advert.bytes });
    const shares = this.#caster.cast({ kind: 'advert', units, source: self, message }, turn, everybody);
    membership.sent = sentAt(advert, nowMs);
    this.#growSize = size * TIMES.growth;
    membership.seenBefore = membership.seen;
    membership.seen = 0;
    membership.dueMs = nowMs + jitter(this.#random, TIMES.refreshMs, TIMES.refreshJitter);
    return shares;
  }

  /** What goes everywhere must fit the widest of our links: everybody passes it on to everybody. */
  #widest(): number {
    let rank = 0;
    for (const neighbour of this.#caster.neighbours.values()) rank = Math.max(rank, neighbour.rank);
    return rank;
  }

  #dueAll(atMs: number): void {
    for (const membership of this.#memberships.values()) membership.dueMs = Math.min(membership.dueMs, atMs);
    this.#reschedule();
  }

  #reschedule(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#memberships.values()) this.#dueMs = Math.min(this.#dueMs, dueMs);
  }
}

function sentAt(advert: Advert, nowMs: number): Source & { readonly advert: Advert } {
  const { bytes, record, ttlSeconds } = advert;
  return {
    advert,
    bytes,
    hops: 0,
    parents: [],
    narrowest: narrowestRank(record),
    signedMs: nowMs,
    expiresMs: nowMs + ttlSeconds * 1000,
  };
}

function everybody(_neighbour: Neighbour): boolean {
  return true;
}

/** How long to wait for so many units. */
export function paceMs(missing: number, perSecond: number): number {
  const waitMs = perSecond > 0 ? (missing * 1000) / perSecond : TIMES.paceMaxMs;
  return Math.min(TIMES.paceMaxMs, Math.max(TIMES.paceMinMs, waitMs));
}
