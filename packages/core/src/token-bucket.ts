// The rate limiter. Pure: it is told the time.

/** What a bucket gives: `perSecond` tokens flow in, at most `burst` stand in it, and it begins full. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export class TokenBucket {
  /** Shared by all buckets of a kind: a process has hundreds of thousands of them in a simulation. */
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  /** @param nowMs the time at which it is full. */
  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  #flow(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) * perSecond) / 1000);
    this.#atMs = nowMs;
  }

  /** Tokens that stand in it now. */
  level(nowMs: number): number {
    this.#flow(nowMs);
    return this.#tokens;
  }

  /** Takes all `count` tokens, or none and returns false. */
  take(count: number, nowMs: number): boolean {
    this.#flow(nowMs);
    // A millionth of a token of slack: sums of fractions must not refuse what the rate allows.
    if (this.#tokens + 1e-6 < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** Takes as many of `count` whole tokens as there are; returns how many: for budgets that are clipped, not dropped. */
  takeUpTo(count: number, nowMs: number): number {
    this.#flow(nowMs);
    const taken = Math.max(0, Math.min(count, Math.floor(this.#tokens + 1e-6)));
    this.#tokens -= taken;
    return taken;
  }

  /** Takes `count` tokens whether they are there or not: what is missing is paid back first. For what is counted afterwards. */
  owe(count: number, nowMs: number): void {
    this.#flow(nowMs);
    this.#tokens -= count;
  }

  /** When `count` tokens will stand in it (absolute ms); Infinity if never. */
  readyAt(count: number, nowMs: number): number {
    this.#flow(nowMs);
    if (this.#tokens + 1e-6 >= count) return nowMs;
    const { perSecond, burst } = this.#rate;
    if (count > burst || perSecond <= 0) return Number.POSITIVE_INFINITY;
    return nowMs + ((count - this.#tokens) * 1000) / perSecond;
  }

  /** True when it is full again: then it may be forgotten. */
  full(nowMs: number): boolean {
    this.#flow(nowMs);
    return this.#tokens >= this.#rate.burst;
  }
}
