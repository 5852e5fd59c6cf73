// Channels of ours that wait to be opened, and how fast that may go. The other side ends a connection on which OPEN
// comes more often than its rate allows, and what was said while a link stood still comes at once. So an OPEN is spent
// until it is answered: at any time the other side has a token left for each that is on its way, and for each of ours.
import { type Rate, TokenBucket } from '@peernet/core';
import type { Channel } from './channel.js';
import { ChannelSet } from './channel-set.js';

export class Opens implements Iterable<Channel> {
  readonly #waiting = new ChannelSet();
  readonly #burst: number;
  /** Whose burst is less by what is on its way. */
  readonly #rate: { -readonly [K in keyof Rate]: Rate[K] };
  readonly #bucket: TokenBucket;
  #unanswered = 0;

  /** @param share of `rate`, which is the other side's, that we use. */
  constructor(rate: Rate, share: number, nowMs: number) {
    this.#burst = Math.max(1, rate.burst * share);
    this.#rate = { perSecond: rate.perSecond * share, burst: this.#burst };
    this.#bucket = new TokenBucket(this.#rate, nowMs);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** When the next one may be said, ms: now at the earliest, never if an answer has to come first. */
  readyAt(nowMs: number): number {
    return this.#bucket.readyAt(1, nowMs);
  }

  /** Bounded by its owner. */
  add(channel: Channel): void {
    this.#waiting.add(channel);
  }

  delete(channel: Channel): void {
    this.#waiting.delete(channel);
  }

  /** OPEN is on its way. */
  said(channel: Channel, nowMs: number): void {
    this.#waiting.delete(channel);
    this.#bucket.take(1, nowMs);
    this.#expect(this.#unanswered + 1);
  }

  /** An answer has come, to whichever it was. */
  answered(nowMs: number): void {
    this.#bucket.level(nowMs); // what has flowed in until now is bounded by what was on its way until now
    this.#expect(Math.max(0, this.#unanswered - 1));
  }

  [Symbol.iterator](): Iterator<Channel> {
    return this.#waiting[Symbol.iterator]();
  }

  #expect(unanswered: number): void {
    this.#unanswered = unanswered;
    this.#rate.burst = this.#burst - unanswered;
  }
}
