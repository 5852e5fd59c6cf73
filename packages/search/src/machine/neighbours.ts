// The neighbours over whose links casts come and go, and what each link has carried: inbound buckets at the rates of
// the protocol, outbound ones at 80 % of them. Buckets come into being when they are first used; most links of a
// quiet network never need more than two.
import { type LinkKey, type PeerId, type Rate, type Scope, scopeRank, TokenBucket } from '@peernet/core';
import { CAST, PACE, RATES } from '../defaults.js';
import { FairBucket } from './fair-bucket.js';

export type CastKind = 'advert' | 'search';

/** The source of our own casts; link keys are ≥ 0. */
export const self: LinkKey = -1;

const messageRate = { advert: RATES.adverts, search: RATES.searches };
const unitRate = { advert: RATES.advertUnits, search: RATES.searchUnits };

function senderRate({ perSecond, burst }: Rate): Rate {
  return { perSecond: perSecond * PACE.senderShare, burst: burst * PACE.senderShare };
}

const senderMessageRate = { advert: senderRate(RATES.adverts), search: senderRate(RATES.searches) };
const senderUnitRate = { advert: senderRate(RATES.advertUnits), search: senderRate(RATES.searchUnits) };

/** Messages and units of one kind in one direction. */
interface Inbound {
  readonly messages: TokenBucket;
  readonly units: TokenBucket;
}

interface Outbound {
  readonly messages: FairBucket;
  readonly units: FairBucket;
}

export class Neighbour {
  readonly key: LinkKey;
  readonly peer: PeerId;
  /** How wide the network is over which it is connected: addresses narrower than this are not for it, nor believed from it. */
  readonly rank: number;
  readonly #in: Partial<Record<CastKind, Inbound>> = {};
  readonly #out: Partial<Record<CastKind, Outbound>> = {};
  #signatures: TokenBucket | undefined;
  #unasked: TokenBucket | undefined;

  constructor(key: LinkKey, peer: PeerId, scope: Scope) {
    this.key = key;
    this.peer = peer;
    this.rank = scopeRank(scope);
  }

  /** Counts a cast that came in. Returns the budget that it may keep: 0 means drop. */
  admit(kind: CastKind, budget: number, nowMs: number): number {
    this.#in[kind] ??= {
      messages: new TokenBucket(messageRate[kind], nowMs),
      units: new TokenBucket(unitRate[kind], nowMs),
    };
    const { messages, units } = this.#in[kind];
    if (!messages.take(1, nowMs)) return 0;
    return units.takeUpTo(budget, nowMs);
  }

  /** Units that a cast of `source` may send to it now. */
  room(kind: CastKind, source: LinkKey, nowMs: number): number {
    const out = this.#out[kind];
    const weight = source === self ? PACE.ownWeight : PACE.neighbourWeight;
    if (out === undefined) return outboundCapacity(kind, source);
    return out.messages.room(source, weight, nowMs) < 1 ? 0 : out.units.room(source, weight, nowMs);
  }

  sent(kind: CastKind, source: LinkKey, units: number, nowMs: number): void {
    this.#out[kind] ??= {
      messages: new FairBucket(senderMessageRate[kind], nowMs),
      units: new FairBucket(senderUnitRate[kind], nowMs),
    };
    this.#out[kind].messages.take(source, 1, nowMs);
    this.#out[kind].units.take(source, units, nowMs);
  }

  /** Signatures that it may make us look at. */
  signatures(nowMs: number): TokenBucket {
    this.#signatures ??= new TokenBucket(RATES.signatures, nowMs);
    return this.#signatures;
  }

  /** Counts an answer to nothing; false if there were too many. */
  forgive(nowMs: number): boolean {
    this.#unasked ??= new TokenBucket(RATES.unasked, nowMs);
    return this.#unasked.take(1, nowMs);
  }
}

/** Most units that one source can put into one link at once. */
export function outboundCapacity(kind: CastKind, source: LinkKey): number {
  const weight = source === self ? PACE.ownWeight : PACE.neighbourWeight;
  return Math.min(CAST.budgetMax, Math.floor((senderUnitRate[kind].burst * weight) / (1 + weight)));
}

/** Units per second that flow back into one outgoing bucket. */
export function outboundPerSecond(kind: CastKind): number {
  return senderUnitRate[kind].perSecond;
}
