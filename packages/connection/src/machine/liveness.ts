// Is the peer still there, and does it read? Pings, silence, a transport that takes nothing, and sleep: a computer
// that wakes must not judge its peers by the time that it slept itself.
import { jitter, type Random } from '@peernet/core';
import type { Limits } from '../defaults.js';

export type Verdict = 'alive' | 'ping' | 'down';

export class Liveness {
  readonly #limits: Limits;
  readonly #random: Random;
  #pingAtMs: number;
  #sentAtMs: number | undefined;
  #heard = true;
  #misses = 0;
  #excuses = 0;
  /** The next ping is one that has to be answered soon. */
  #doubting = false;
  #stalledSinceMs: number | undefined;
  /** Credit that came since the last proof that the peer reads, bytes. */
  #credited = 0;
  /** Of the last ping; drawn, so that only who has read it can answer. */
  token = 0;
  /** Round trip of the last answered ping, ms. */
  rttMs: number | undefined;

  constructor(limits: Limits, random: Random, nowMs: number) {
    this.#limits = limits;
    this.#random = random;
    this.#pingAtMs = this.#next(nowMs);
  }

  /** Anything came: the peer lives. */
  heard(): void {
    this.#heard = true;
    this.#excuses = 0;
  }

  /** There is reason to think that the peer is gone: whoever does not answer soon is down. */
  doubt(nowMs: number): void {
    this.#doubting = true;
    this.#heard = false;
    this.#misses = this.#limits.missesMax - 2; // one for asking, one for the silence that follows
    this.#pingAtMs = nowMs;
  }

  onPong(token: number, nowMs: number): void {
    if (token !== this.token || this.#sentAtMs === undefined) return;
    this.rttMs = nowMs - this.#sentAtMs;
    this.#sentAtMs = undefined;
    this.#reads(nowMs);
  }

  /** The peer says that it has read so much: believed where it is much, for that it can say only so often. */
  onCredit(bytes: number, nowMs: number): void {
    this.#credited += bytes;
    if (this.#credited >= this.#limits.creditProofBytes) this.#reads(nowMs);
  }

  /** Proof that the peer reads: then a full transport is slow, not stalled. */
  #reads(nowMs: number): void {
    this.#credited = 0;
    if (this.#stalledSinceMs !== undefined) this.#stalledSinceMs = nowMs;
  }

  /** Whether the transport takes nothing at the moment. */
  transport(blocked: boolean, nowMs: number): void {
    if (!blocked) this.#stalledSinceMs = undefined;
    else this.#stalledSinceMs ??= nowMs;
  }

  deadline(): number {
    const stallAtMs = (this.#stalledSinceMs ?? Number.POSITIVE_INFINITY) + this.#limits.stallMs;
    return Math.min(this.#pingAtMs, stallAtMs);
  }

  /** 'ping': send one with `token`. */
  tick(nowMs: number): Verdict {
    const { pingMs, sleepIntervals, stallMs } = this.#limits;
    const slept = nowMs - this.deadline() > sleepIntervals * pingMs;
    if (this.#stalledSinceMs !== undefined) {
      if (slept) this.#stalledSinceMs = nowMs;
      else if (nowMs >= this.#stalledSinceMs + stallMs) return 'down';
    }
    if (nowMs < this.#pingAtMs) return 'alive';
    if (!this.#silenceIsFine(slept)) return 'down';
    this.#heard = false;
    this.#pingAtMs = this.#doubting ? nowMs + this.#limits.doubtMs : this.#next(nowMs);
    this.#doubting = false;
    this.#sentAtMs = nowMs;
    this.token = this.#random.uint32();
    return 'ping';
  }

  #silenceIsFine(slept: boolean): boolean {
    if (this.#heard) this.#misses = 0;
    else if (slept && this.#excuses < this.#limits.excusesMax) {
      this.#excuses++;
      this.#misses = 0;
    } else this.#misses++;
    return this.#misses < this.#limits.missesMax;
  }

  #next(nowMs: number): number {
    return nowMs + jitter(this.#random, this.#limits.pingMs, this.#limits.pingJitter);
  }
}
