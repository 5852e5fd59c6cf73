// What a subnet knows of its members: who was found, who is being reached, who is connected, and when somebody who
// failed may be tried again. A bounded table with a few judgments; when to do what is subnet.ts's affair.
import { jitter, type LinkKey, type PeerId, type Random } from '@peernet/core';
import { SUBNET } from '../defaults.js';

/** Names a stream or an attempt to get one: never used twice. */
export type StreamKey = LinkKey;

/** Why an attempt failed. */
export type Failure =
  /** Nobody answered at any address. */
  | 'dial'
  /** It has no room. */
  | 'full'
  /** It does not serve this subnet, or does not believe that we know its name. */
  | 'absent'
  /** It does not know the name. */
  | 'proof'
  /** The connection broke, or another stream took its place. */
  | 'lost';

export interface Member {
  readonly id: PeerId;
  /** reaching: a connection is made; opening: our proof is on its way; connected: both have proven it. */
  state: 'idle' | 'reaching' | 'opening' | 'connected';
  /** Of the attempt or of the stream. */
  key: StreamKey;
  /** We opened the stream. */
  mine: boolean;
  /** Names the process at the other end, while connected. */
  session: string;
  /** Of the state, ms. */
  sinceMs: number;
  /** Not tried before, ms. */
  notBeforeMs: number;
  /** In a row. */
  failures: number;
  /** Found since the last report that it is stale, or since we were connected. */
  fresh: boolean;
  /** Those who told us have lost the way to it. */
  doubtful: boolean;
  /** Last row or stream, ms. */
  seenMs: number;
}

/** First wait and longest one after each kind of failure. */
const waits: Record<Failure, readonly [firstMs: number, mostMs: number]> = {
  dial: [SUBNET.retryMs, SUBNET.retryMaxMs],
  full: [SUBNET.fullMs, SUBNET.retryMaxMs],
  absent: [SUBNET.fullMs, SUBNET.retryMaxMs],
  proof: [SUBNET.proofMs, SUBNET.retryMaxMs],
  lost: [SUBNET.lostMs, SUBNET.retryMaxMs],
};

export class Members {
  readonly #random: Random;
  readonly #byId = new Map<PeerId, Member>();

  constructor(random: Random) {
    this.#random = random;
  }

  get(id: PeerId): Member | undefined {
    return this.#byId.get(id);
  }

  all(): IterableIterator<Member> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  count(judge: (member: Member) => boolean): number {
    let count = 0;
    for (const member of this.#byId.values()) if (judge(member)) count++;
    return count;
  }

  /** The member, new or known; undefined if the table is full of better ones. `forget` hears of whom it replaces. */
  meet(id: PeerId, nowMs: number, forget: (id: PeerId) => void): Member | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined) {
      known.seenMs = nowMs;
      return known;
    }
    if (this.#byId.size >= SUBNET.membersMax && !this.#evict(forget)) return undefined;
    const member: Member = {
      id,
      state: 'idle',
      key: 0,
      mine: false,
      session: '',
      sinceMs: nowMs,
      notBeforeMs: nowMs,
      failures: 0,
      fresh: false,
      doubtful: false,
      seenMs: nowMs,
    };
    this.#byId.set(id, member);
    return member;
  }

  /** The idle one that failed most, the longest unseen among them. */
  #evict(forget: (id: PeerId) => void): boolean {
    let worst: Member | undefined;
    for (const member of this.#byId.values()) {
      if (member.state !== 'idle') continue;
      const isWorse =
        worst === undefined ||
        member.failures > worst.failures ||
        (member.failures === worst.failures && member.seenMs < worst.seenMs);
      if (isWorse) worst = member;
    }
    if (worst === undefined) return false;
    this.remove(worst.id, forget);
    return true;
  }

  remove(id: PeerId, forget: (id: PeerId) => void): void {
    if (this.#byId.delete(id)) forget(id);
  }

  /** Lets go of the idle ones that nobody has spoken of for long, or that fail and fail. */
  sweep(nowMs: number, forget: (id: PeerId) => void): void {
    for (const member of [...this.#byId.values()]) {
      if (member.state !== 'idle') continue;
      const isOld = nowMs - member.seenMs > SUBNET.unseenMs;
      if (isOld || (member.failures >= SUBNET.failuresMax && nowMs >= member.notBeforeMs)) {
        this.remove(member.id, forget);
      }
    }
  }

  /** An attempt or a stream of it is over: it waits, longer each time. */
  failed(member: Member, why: Failure, nowMs: number): void {
    const [firstMs, mostMs] = waits[why];
    const waitMs = Math.min(mostMs, firstMs * 2 ** member.failures);
    member.state = 'idle';
    member.sinceMs = nowMs;
    member.failures++;
    member.notBeforeMs = nowMs + jitter(this.#random, waitMs, SUBNET.waitJitter);
  }

  /** Those who may be tried now. */
  ready(nowMs: number): Member[] {
    return [...this.#byId.values()].filter(
      ({ state, notBeforeMs }) => state === 'idle' && notBeforeMs <= nowMs,
    );
  }

  /** When the next one may be tried, ms. */
  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { state, notBeforeMs } of this.#byId.values()) {
      if (state === 'idle') next = Math.min(next, notBeforeMs);
    }
    return next;
  }
}
