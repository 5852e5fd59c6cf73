// When we look at candidates for own addresses to which nothing but others' word leads: they may be a victim's. One at
// a time, rarely, and at a moment of our own, so that nodes which liars aim at one victim do not dial it all at once
// (targets.md S14). Those who name them take turns.
import { LruMap, type Random, uniform } from '@peernet/core';

/** ms from the start in which the first look need not wait: peers who knew us before come at once. */
const youngMs = 60_000;
/** Address groups that are remembered: as many as candidates that others may name. */
const groupsMax = 32;

export interface ForeignLooksOptions {
  readonly random: Random;
  /** From one look in vain to the next one, ms; up to as long to the first one. */
  readonly everyMs: number;
  readonly nowMs: number;
}

export class ForeignLooks {
  readonly #random: Random;
  readonly #everyMs: number;
  #youngUntilMs: number;
  /** None before. */
  #nextMs = Number.NEGATIVE_INFINITY;
  /** Group → when what it had named first was last looked at. */
  readonly #groups = new LruMap<string, number>(groupsMax);

  constructor({ random, everyMs, nowMs }: ForeignLooksOptions) {
    this.#random = random;
    this.#everyMs = everyMs;
    this.#youngUntilMs = nowMs + youngMs;
  }

  /** We are elsewhere, and everybody may name us anew. */
  moved(nowMs: number): void {
    this.#youngUntilMs = nowMs + youngMs;
  }

  /** When what has been due since `dueMs` ≤ now may be looked at. */
  readyAt(dueMs: number, nowMs: number): number {
    if (dueMs <= this.#nextMs) return this.#nextMs;
    // The last turn went by when nothing was due.
    const waitMs = nowMs < this.#youngUntilMs ? 0 : uniform(this.#random) * this.#everyMs;
    this.#nextMs = nowMs + waitMs;
    return this.#nextMs;
  }

  begun(group: string | undefined, nowMs: number): void {
    this.#groups.set(group ?? '', nowMs);
  }

  inVain(nowMs: number): void {
    this.#nextMs = nowMs + this.#everyMs;
  }

  /** Smaller for those who have waited longer. */
  turnOf(group: string | undefined): number {
    return this.#groups.get(group ?? '') ?? 0;
  }
}
