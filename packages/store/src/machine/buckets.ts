// The buckets of one table that are not empty, and how entries are drawn from them: bucket first, then an entry in it.
// So who fills a few buckets to the brim is drawn no more often than their number allows, which is what makes
// flooding expensive; a draw from the list of all entries would give it all away again.
import { below, type Random } from '@peernet/core';
import type { Entry } from './entry.js';

interface Bucket {
  readonly key: number;
  readonly entries: Entry[];
  /** Position in the list. */
  index: number;
}

export class Buckets {
  /** Made with the first entry: ten thousand empty books of a simulation need no maps. */
  #byKey: Map<number, Bucket> | undefined;
  readonly #list: Bucket[] = [];

  /** Entries of a bucket. */
  in(key: number): readonly Entry[] {
    return this.#byKey?.get(key)?.entries ?? [];
  }

  *all(): Iterable<[number, readonly Entry[]]> {
    for (const { key, entries } of this.#list) yield [key, entries];
  }

  add(key: number, entry: Entry): void {
    this.#byKey ??= new Map();
    let bucket = this.#byKey.get(key);
    if (bucket === undefined) {
      // Most buckets have one entry: a list that is born with it has no spare room (17 places after a first push in V8).
      bucket = { key, entries: [entry], index: this.#list.length };
      this.#byKey.set(key, bucket);
      this.#list.push(bucket);
    } else bucket.entries.push(entry);
  }

  delete(key: number, entry: Entry): void {
    const bucket = this.#byKey?.get(key);
    // From the end: what came last goes first, as a rule.
    const at = bucket?.entries.lastIndexOf(entry) ?? -1;
    if (bucket === undefined || at < 0) return;
    const last = bucket.entries.pop() as Entry;
    if (last !== entry) bucket.entries[at] = last;
    if (bucket.entries.length > 0) return;
    this.#byKey?.delete(key);
    this.#swap(bucket.index, this.#list.length - 1);
    this.#list.pop();
  }

  clear(): void {
    this.#byKey = undefined;
    this.#list.length = 0;
  }

  /** Begins to draw without putting back. */
  draw(): Drawing {
    return { at: 0, kept: 0, live: this.#list.length, round: 0 };
  }

  /**
   * The next entry of a drawing: in each round one from every bucket that has one left, in random order. Shuffles in
   * place as far as it goes, so nothing is copied. Undefined when all were drawn.
   */
  next(drawing: Drawing, random: Random): Entry | undefined {
    if (drawing.at >= drawing.live) {
      drawing.live = drawing.kept;
      drawing.at = 0;
      drawing.kept = 0;
      drawing.round++;
      if (drawing.live === 0) return undefined;
    }
    const { at, live, round } = drawing;
    this.#swap(at, at + below(random, live - at));
    const { entries } = this.#list[at] as Bucket;
    // Buckets with more to draw gather in front, for the next round.
    if (entries.length > round + 1) this.#swap(drawing.kept++, at);
    drawing.at++;
    const from = round + below(random, entries.length - round);
    const entry = entries[from] as Entry;
    entries[from] = entries[round] as Entry;
    entries[round] = entry;
    return entry;
  }

  #swap(a: number, b: number): void {
    const first = this.#list[a];
    const second = this.#list[b];
    if (first === undefined || second === undefined) return;
    this.#list[a] = second;
    this.#list[b] = first;
    second.index = a;
    first.index = b;
  }
}

/** How far a drawing is. The table must not change meanwhile. */
export interface Drawing {
  at: number;
  kept: number;
  live: number;
  round: number;
}
