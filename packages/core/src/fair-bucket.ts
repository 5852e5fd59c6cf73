// A token bucket for one outgoing link, shared max-min among those whose messages it carries. What everybody has taken
// and the rate has not yet given back is counted per source; a source may hold at most `weight` times what is still
// free. One that floods therefore never fills the bucket, the first token of another source fits (of the last ones of a
// small bucket `room` gives nobody any: ask `owes`), and in the long run all that want more than their share get equal
// rates (dynamic thresholds, Choudhury & Hahne 1998).
import type { Rate } from './token-bucket.js';

/** A debt below this is none: sums of fractions. */
const nothing = 1e-6;

export class FairBucket {
  readonly #perMs: number;
  readonly #burst: number;
  /** Source → tokens taken and not given back. Only sources in debt are in it. */
  #debts: Map<number, number> | undefined;
  #sum = 0;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#perMs = rate.perSecond / 1000;
    this.#burst = rate.burst;
    this.#atMs = nowMs;
  }

  /** Whole tokens that `source` may take now. */
  room(source: number, weight: number, nowMs: number): number {
    this.#flow(nowMs);
    const own = this.#debts?.get(source) ?? 0;
    const free = this.#burst - this.#sum;
    // own + x ≤ weight · (free − x)
    return Math.max(0, Math.floor((weight * free - own) / (1 + weight) + nothing));
  }

  /** Tokens that others leave to `source`: what is free, and what it has taken itself. */
  left(source: number, nowMs: number): number {
    this.#flow(nowMs);
    return this.#burst - this.#sum + (this.#debts?.get(source) ?? 0);
  }

  /** Whether `source` has taken what is not given back yet. */
  owes(source: number, nowMs: number): boolean {
    this.#flow(nowMs);
    return this.#debts?.has(source) === true;
  }

  /** Nobody is in debt: it may be forgotten. */
  full(nowMs: number): boolean {
    this.#flow(nowMs);
    return this.#debts === undefined;
  }

  take(source: number, count: number, nowMs: number): void {
    this.#flow(nowMs);
    this.#debts ??= new Map();
    this.#debts.set(source, (this.#debts.get(source) ?? 0) + count);
    this.#sum += count;
  }

  /** The rate pays the debts back, equal parts to all that have any. */
  #flow(nowMs: number): void {
    let flow = (nowMs - this.#atMs) * this.#perMs;
    if (nowMs > this.#atMs) this.#atMs = nowMs;
    const debts = this.#debts;
    if (flow <= 0 || debts === undefined) return;
    if (flow >= this.#sum) {
      this.#debts = undefined;
      this.#sum = 0;
      return;
    }
    while (flow > nothing && debts.size > 0) {
      const part = flow / debts.size;
      for (const [source, debt] of debts) {
        const paid = Math.min(part, debt);
        flow -= paid;
        this.#sum -= paid;
        if (debt - paid <= nothing) debts.delete(source);
        else debts.set(source, debt - paid);
      }
    }
  }
}
