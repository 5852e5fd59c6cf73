// One link as the overlay sees it: who, what for, since when, and what it may still send and receive. Plain state; the
// rules are in the other files of this folder. Ten thousand nodes share a process in the simulator, so what most links
// never need is made when it is first used.
import {
  addressOf,
  FairBucket,
  keysOf,
  type LinkKey,
  type PeerId,
  type PeerRecord,
  type Rate,
  type Scope,
  TokenBucket,
} from '@peernet/core';
import { RATES, type RateName, SEND_SHARE, STALL_SECONDS, STALLING } from '../defaults.js';
import type { Purpose } from '../wire.js';
import type { LinkKind, NewLink } from './effects.js';

/** Why a dial was made; it decides what the link may be used for. */
export type Intent =
  /** Below target: from the book, seeds, anchors, or a record that came with a message. */
  | 'fill'
  /** The end of a join walk. */
  | 'walk'
  /** One swap of the rotation. */
  | 'rotate'
  /** A choice of the book's min-wise slots: a link to stay with. */
  | 'protect'
  /** A walk of it has ended at us: it is introduced. */
  | 'introduce'
  /** It can introduce us to somebody. */
  | 'relay'
  /** The user's `connect`. */
  | 'user'
  /** Does the neighbour answer at the address that it claims? */
  | 'probe'
  /** Is this address ours? */
  | 'own';

export class Peer {
  readonly key: LinkKey;
  readonly id: PeerId;
  readonly initiator: boolean;
  readonly scope: Scope;
  readonly session: string | undefined;
  readonly remoteAddress: string | undefined;
  readonly sinceMs: number;
  /** The address that we dialed. */
  readonly dialed: string | undefined;
  readonly intent: Intent | undefined;
  /** Limit group of where it sits: what an attacker has to pay for. */
  readonly group: string;
  kind: LinkKind = 'pending';
  purpose: Purpose = 'overlay';
  /** When it ends by itself: HELLO missing, guest's time over. */
  expiresMs: number;
  /** When it became a neighbour. */
  neighbourMs = 0;
  /** Its HELLO has come. */
  greeted = false;
  /** Our HELLO is out. */
  helloSent = false;
  /** We asked to be neighbours and wait for LINK or FULL. */
  asking = false;
  /** A guest of ours (else, if a guest, we are its). */
  hosted = false;
  pinned = false;
  /** The other link to the same peer; one of them will end. */
  twin: Peer | undefined;
  record: PeerRecord | undefined;
  /** When its record was signed, on our clock. */
  recordBornMs = 0;
  degree = 0;
  /** Its calendar minus our clock, ms: ours may be set while the link lives. */
  calendarMs: number | undefined;
  digest: Uint8Array | undefined;
  /** Seq of our record that it has. */
  toldSeq = 0;
  /** SHUFFLEs of ours that it has not answered. */
  unanswered = 0;
  /** When the last one went out. */
  askedMs = Number.NEGATIVE_INFINITY;
  /** Slots of the size estimate that it has to be told, as two 32-bit sets. */
  dirtyLow = 0;
  dirtyHigh = 0;
  /** Since when it takes nothing. */
  congestedMs: number | undefined;
  /** Messages that wait for signature budget, oldest first. */
  waiting: Uint8Array[] | undefined;
  /** Numbers of the user's `connect` calls that wait for its HELLO. */
  requests: number[] | undefined;
  /** The store knows how the dial ended. */
  settled = false;
  /** Messages over the limits. */
  drops = 0;
  #receiving: Partial<Record<RateName, TokenBucket>> | undefined;
  #sending: Partial<Record<RateName, TokenBucket>> | undefined;
  #sharing: Partial<Record<RateName, FairBucket>> | undefined;

  constructor(link: NewLink, nowMs: number, dialed?: string, intent?: Intent) {
    this.key = link.key;
    this.id = link.peer;
    this.initiator = link.initiator;
    this.scope = link.scope;
    this.session = link.session;
    this.remoteAddress = link.remoteAddress;
    this.sinceMs = nowMs;
    this.expiresMs = Number.POSITIVE_INFINITY;
    this.dialed = dialed;
    this.intent = intent;
    const at = addressOf(dialed ?? link.remoteAddress ?? '');
    this.group = at === undefined ? link.peer : keysOf(at).group;
  }

  /** The bucket that what it sends us has to pass. */
  receiving(name: RateName, nowMs: number): TokenBucket {
    this.#receiving ??= {};
    let bucket = this.#receiving[name];
    if (bucket === undefined) {
      bucket = new TokenBucket(RATES[name], nowMs);
      this.#receiving[name] = bucket;
    }
    return bucket;
  }

  /** The bucket that paces what we send it, below what it allows. */
  sending(name: RateName, nowMs: number): TokenBucket {
    this.#sending ??= {};
    let bucket = this.#sending[name];
    if (bucket === undefined) {
      bucket = new TokenBucket(sendingRate(name), nowMs);
      this.#sending[name] = bucket;
    }
    return bucket;
  }

  /** The same for what we pass on to it for others, who share it. */
  sharing(name: RateName, nowMs: number): FairBucket {
    this.#sharing ??= {};
    this.#sharing[name] ??= new FairBucket(sendingRate(name), nowMs);
    return this.#sharing[name];
  }

  /** We got to it by an introduction: it has no address of its own to go by. */
  get introduced(): boolean {
    return this.dialed?.startsWith('wrtc:') === true;
  }

  /** Address to show: what we dialed, or what it claims and we believe. */
  get address(): string | undefined {
    if (this.introduced || this.remoteAddress?.startsWith('wrtc:')) return `wrtc:${this.id}`;
    return this.dialed ?? this.record?.addresses[0];
  }

  /** Its newest own word with its age. */
  heard(nowMs: number): { record: PeerRecord; ageSeconds: number } | undefined {
    if (this.record === undefined) return undefined;
    return { record: this.record, ageSeconds: Math.max(0, Math.ceil((nowMs - this.recordBornMs) / 1000)) };
  }
}

/** Worked out once, for all links. */
const sendingRates: Partial<Record<RateName, Rate>> = {};

function sendingRate(name: RateName): Rate {
  const { perSecond, burst } = RATES[name];
  const stalled = STALLING.includes(name) ? Math.ceil(perSecond * SEND_SHARE * STALL_SECONDS) : 0;
  sendingRates[name] ??= {
    perSecond: perSecond * SEND_SHARE,
    burst: Math.max(1, Math.floor((burst - stalled) * SEND_SHARE)),
  };
  return sendingRates[name];
}

/** Who has been a neighbour longest comes first. */
export function byAge(a: Peer, b: Peer): number {
  return a.neighbourMs - b.neighbourMs;
}
