// The neighbours over whose links casts come and go, and what each link has carried: inbound buckets at the rates of
// the protocol, outbound ones at 80 % of them. Buckets come into being when they are used and go when they are full
// again; most links of a quiet network have none.
import {
  FairBucket,
  type LinkKey,
  type PeerId,
  type Rate,
  type Scope,
  scopeRank,
  TokenBucket,
} from '@peernet/core';
import { CAPACITY, CAST, PACE, RATES, type Rates } from '../defaults.js';

export type CastKind = 'advert' | 'search';

/** The source of our own casts; link keys are ≥ 0. */
export const self: LinkKey = -1;

/** Rates of one kind of cast. */
interface KindRates {
  readonly messages: Rate;
  readonly units: Rate;
}

/** The rates of both directions, worked out once per machine. */
class LinkRates {
  readonly inbound: Readonly<Record<CastKind, KindRates>>;
  readonly outbound: Readonly<Record<CastKind, KindRates>>;
  readonly signatures: Rate;
  /** Of signatures that it looks at for our sake. */
  readonly proofs: Rate;
  /** Of rows that we give, and that we have it give. */
  readonly given: Rate;
  readonly brought: Rate;
  readonly unasked: Rate;
  /** Messages of one unit that own adverts leave in a link, so that withdrawals of all of them may follow at once. */
  readonly spare: number;

  constructor(rates: Rates) {
    this.inbound = {
      advert: { messages: rates.adverts, units: rates.advertUnits },
      search: { messages: rates.searches, units: rates.searchUnits },
    };
    this.outbound = {
      advert: { messages: senderRate(rates.adverts), units: senderRate(rates.advertUnits) },
      search: { messages: senderRate(rates.searches), units: senderRate(rates.searchUnits) },
    };
    this.signatures = rates.signatures;
    const { perSecond, burst } = senderRate(rates.signatures);
    this.proofs = { perSecond, burst: Math.max(2, burst) }; // of which one source may have half
    this.given = rates.rowBytes;
    this.brought = senderRate(rates.rowBytes);
    this.unasked = rates.unasked;
    const { messages, units } = this.outbound.advert;
    const least = Math.min(messages.burst, units.burst);
    this.spare = Math.min(CAPACITY.subnetsPerKey, Math.floor(least * PACE.spareShare));
  }

  /** Most units that one source can put into one link at once. */
  capacity(kind: CastKind, source: LinkKey): number {
    const weight = weightOf(source);
    return Math.min(CAST.budgetMax, Math.floor((this.outbound[kind].units.burst * weight) / (1 + weight)));
  }
}

/** Ten thousand machines with equal rates share them: worked out for the first, when experiments have set what they set. */
let standard: LinkRates | undefined;

export function linkRates(rates: Rates): LinkRates {
  if (rates !== RATES) return new LinkRates(rates);
  standard ??= new LinkRates(RATES);
  return standard;
}

function senderRate({ perSecond, burst }: Rate): Rate {
  return { perSecond: perSecond * PACE.senderShare, burst: burst * PACE.senderShare };
}

function weightOf(source: LinkKey): number {
  return source === self ? PACE.ownWeight : PACE.neighbourWeight;
}

class Inbound {
  readonly messages: TokenBucket;
  readonly units: TokenBucket;

  constructor(rates: KindRates, nowMs: number) {
    this.messages = new TokenBucket(rates.messages, nowMs);
    this.units = new TokenBucket(rates.units, nowMs);
  }

  full(nowMs: number): boolean {
    return this.messages.full(nowMs) && this.units.full(nowMs);
  }
}

class Outbound {
  readonly messages: FairBucket;
  readonly units: FairBucket;

  constructor(rates: KindRates, nowMs: number) {
    this.messages = new FairBucket(rates.messages, nowMs);
    this.units = new FairBucket(rates.units, nowMs);
  }

  full(nowMs: number): boolean {
    return this.messages.full(nowMs) && this.units.full(nowMs);
  }
}

export class Neighbour {
  readonly key: LinkKey;
  readonly peer: PeerId;
  /** How wide the network is over which it is connected: addresses narrower than this are not for it, nor believed from it. */
  readonly rank: number;
  readonly #rates: LinkRates;
  #advertsIn: Inbound | undefined;
  #searchesIn: Inbound | undefined;
  #advertsOut: Outbound | undefined;
  #searchesOut: Outbound | undefined;
  #signatures: TokenBucket | undefined;
  #proofs: FairBucket | undefined;
  #given: TokenBucket | undefined;
  #brought: FairBucket | undefined;
  /** Source → bytes brought for it over its share: they are taken from what it gets next. */
  #late: Map<LinkKey, number> | undefined;
  #unasked: TokenBucket | undefined;

  constructor(key: LinkKey, peer: PeerId, scope: Scope, rates: LinkRates) {
    this.key = key;
    this.peer = peer;
    this.rank = scopeRank(scope);
    this.#rates = rates;
  }

  /** Counts a cast that came in. Returns the budget that it may keep: 0 means drop. */
  admit(kind: CastKind, budget: number, nowMs: number): number {
    const { messages, units } = this.#in(kind, nowMs);
    return messages.take(1, nowMs) ? units.takeUpTo(budget, nowMs) : 0;
  }

  #in(kind: CastKind, nowMs: number): Inbound {
    if (kind === 'advert') {
      this.#advertsIn ??= new Inbound(this.#rates.inbound.advert, nowMs);
      return this.#advertsIn;
    }
    this.#searchesIn ??= new Inbound(this.#rates.inbound.search, nowMs);
    return this.#searchesIn;
  }

  /** Units that a cast of `source` may send to it now, if room for so many messages of one unit is to be left. */
  room(kind: CastKind, source: LinkKey, nowMs: number, spare = 0): number {
    const out = kind === 'advert' ? this.#advertsOut : this.#searchesOut;
    if (out === undefined) return Math.max(0, this.#rates.capacity(kind, source) - spare);
    const roomOf = (bucket: FairBucket): number => {
      // Where others have taken most of it, what is to be left would be more than there is to be had.
      const kept = spare === 0 ? 0 : Math.floor(bucket.left(source, nowMs) * PACE.spareShare);
      return bucket.room(source, weightOf(source), nowMs) - Math.min(spare, kept);
    };
    return roomOf(out.messages) < 1 ? 0 : Math.max(0, roomOf(out.units));
  }

  /** Whether a withdrawal that `source` brought may be sent to it now. */
  takesWithdrawal(source: LinkKey, nowMs: number): boolean {
    const out = this.#advertsOut;
    if (out === undefined) return this.#rates.capacity('advert', source) >= 1;
    const fits = (bucket: FairBucket): boolean => bucket.room(source, PACE.withdrawalWeight, nowMs) >= 1;
    return fits(out.messages) && fits(out.units);
  }

  sent(kind: CastKind, source: LinkKey, units: number, nowMs: number): void {
    const out = this.#out(kind, nowMs);
    out.messages.take(source, 1, nowMs);
    out.units.take(source, units, nowMs);
  }

  #out(kind: CastKind, nowMs: number): Outbound {
    if (kind === 'advert') {
      this.#advertsOut ??= new Outbound(this.#rates.outbound.advert, nowMs);
      return this.#advertsOut;
    }
    this.#searchesOut ??= new Outbound(this.#rates.outbound.search, nowMs);
    return this.#searchesOut;
  }

  /** Signatures that it may make us look at. */
  signatures(nowMs: number): TokenBucket {
    this.#signatures ??= new TokenBucket(this.#rates.signatures, nowMs);
    return this.#signatures;
  }

  /** How many rows of `source` that it has hardly seen it can look at now: more would wait there, and others behind them. */
  provable(source: LinkKey, nowMs: number): number {
    this.#proofs ??= new FairBucket(this.#rates.proofs, nowMs);
    return this.#proofs.room(source, weightOf(source), nowMs);
  }

  /** Counts one of these; false if there is no room for it. */
  prove(source: LinkKey, nowMs: number): boolean {
    if (this.provable(source, nowMs) < 1) return false;
    this.#proofs?.take(source, 1, nowMs);
    return true;
  }

  /** Rows that a search of its may ask for: one, while it owes for those of others. */
  wanted(want: number, nowMs: number): number {
    return this.#given === undefined || this.#given.level(nowMs) > 0 ? want : 1;
  }

  /** Counts rows that we gave it. They come after the search, so it may owe. */
  gave(bytes: number, nowMs: number): void {
    this.#given ??= new TokenBucket(this.#rates.given, nowMs);
    this.#given.owe(bytes, nowMs);
  }

  /** Rows that a search of `source` may ask it for. */
  wants(want: number, source: LinkKey, nowMs: number): number {
    return this.#brought === undefined || this.#settle(this.#brought, source, nowMs) > 0 ? want : 1;
  }

  /** Counts rows that it gave to a search of `source`: now no more than the share of that, for others have theirs. */
  brought(source: LinkKey, bytes: number, nowMs: number): void {
    this.#brought ??= new FairBucket(this.#rates.brought, nowMs);
    this.#late ??= new Map();
    this.#late.set(source, (this.#late.get(source) ?? 0) + bytes);
    this.#settle(this.#brought, source, nowMs);
  }

  /** Takes from the share of a source what it is late with. Returns what is left of the share. */
  #settle(bucket: FairBucket, source: LinkKey, nowMs: number): number {
    const room = bucket.room(source, weightOf(source), nowMs);
    const late = this.#late?.get(source) ?? 0;
    const paid = Math.min(room, late);
    if (paid > 0) bucket.take(source, paid, nowMs);
    if (paid < late) this.#late?.set(source, late - paid);
    else this.#late?.delete(source);
    return room - paid;
  }

  #restBrought(bucket: FairBucket, nowMs: number): void {
    for (const source of [...(this.#late?.keys() ?? [])]) this.#settle(bucket, source, nowMs);
    if (!bucket.full(nowMs)) return;
    this.#brought = undefined;
    this.#late = undefined;
  }

  /** Counts an answer to nothing; false if there were too many. */
  forgive(nowMs: number): boolean {
    this.#unasked ??= new TokenBucket(this.#rates.unasked, nowMs);
    return this.#unasked.take(1, nowMs);
  }

  /** Forgets buckets that are full again. True if some are not. */
  rest(nowMs: number): boolean {
    if (this.#advertsIn?.full(nowMs)) this.#advertsIn = undefined;
    if (this.#searchesIn?.full(nowMs)) this.#searchesIn = undefined;
    if (this.#advertsOut?.full(nowMs)) this.#advertsOut = undefined;
    if (this.#searchesOut?.full(nowMs)) this.#searchesOut = undefined;
    if (this.#signatures?.full(nowMs)) this.#signatures = undefined;
    if (this.#proofs?.full(nowMs)) this.#proofs = undefined;
    if (this.#given?.full(nowMs)) this.#given = undefined;
    if (this.#brought !== undefined) this.#restBrought(this.#brought, nowMs);
    if (this.#unasked?.full(nowMs)) this.#unasked = undefined;
    return (
      (this.#advertsIn ?? this.#searchesIn ?? this.#advertsOut ?? this.#searchesOut) !== undefined ||
      (this.#signatures ?? this.#proofs ?? this.#given ?? this.#brought ?? this.#unasked) !== undefined
    );
  }
}

export type { LinkRates };
