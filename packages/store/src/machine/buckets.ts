// The buckets of one table that are not empty, and how entries are drawn from them: bucket first, then an entry in it.
// So who fills a few buckets to the brim is drawn no more often than their number allows, which is what makes
// flooding expensive; a draw from the list of all entries would give it all away again.
import { below, type Random } from '@peernet/core';
import type { Entry } from './entry.js';

/** One bucket. Most have one entry, and a simulation has millions of them: a list begins with the second. */
class Bucket {
  readonly key: number;
  /** Position in the list of buckets. */
  index: number;
  #first: Entry | undefined;
  #others: Entry[] | undefined;

  constructor(key: number, index: number) {
    this.key = key;
    this.index = index;
  }

  get size(): number {
    return this.#first === undefined ? 0 : 1 + (this.#others?.length ?? 0);
  }

  at(position: number): Entry {
    return (position === 0 ? this.#first : this.#others?.[position - 1]) as Entry;
  }

  #put(position: number, entry: Entry): void {
    if (position === 0) this.#first = entry;
    else (this.#others as Entry[])[position - 1] = entry;
  }

  swap(a: number, b: number): void {
    const entry = this.at(a);
    this.#put(a, this.at(b));
    this.#put(b, entry);
  }

  push(entry: Entry): void {
    if (this.#first === undefined) this.#first = entry;
    else if (this.#others === undefined) this.#others = [entry];
    else this.#others.push(entry);
  }

  /** The last one takes its position. */
  delete(entry: Entry): void {
    // From the end: what came last goes first, as a rule.
    let at = this.size - 1;
    while (at >= 0 && this.at(at) !== entry) at--;
    if (at < 0) return;
    const last = this.#others?.pop();
    if (this.#others?.length === 0) this.#others = undefined;
    if (last === undefined) this.#first = undefined;
    else if (last !== entry) this.#put(at, last);
  }

  find(is: (entry: Entry) => boolean): Entry | undefined {
    if (this.#first === undefined || is(this.#first)) return this.#first;
    return this.#others?.find(is);
  }

  entries(): Entry[] {
    return this.#first === undefined ? [] : [this.#first, ...(this.#others ?? [])];
  }
}

export class Buckets {
  /** Made with the first entry: ten thousand empty books of a simulation need no maps. */
  #byKey: Map<number, Bucket> | undefined;
  readonly #list: Bucket[] = [];

  /** The first entry of a bucket that is the one, if there is one. */
  find(key: number, is: (entry: Entry) => boolean): Entry | undefined {
    return this.#byKey?.get(key)?.find(is);
  }

  *all(): Iterable<[number, readonly Entry[]]> {
    for (const bucket of this.#list) yield [bucket.key, bucket.entries()];
  }

  add(key: number, entry: Entry): void {
    this.#byKey ??= new Map();
    let bucket = this.#byKey.get(key);
    if (bucket === undefined) {
      bucket = new Bucket(key, this.#list.length);
      this.#byKey.set(key, bucket);
      this.#list.push(bucket);
    }
    bucket.push(entry);
  }

  delete(key: number, entry: Entry): void {
    const bucket = this.#byKey?.get(key);
    if (bucket === undefined) return;
    bucket.delete(entry);
    if (bucket.size > 0) return;
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
    const bucket = this.#list[at] as Bucket;
    // Buckets with more to draw gather in front, for the next round.
    if (bucket.size > round + 1) this.#swap(drawing.kept++, at);
    drawing.at++;
    const from = round + below(random, bucket.size - round);
    const entry = bucket.at(from);
    bucket.swap(from, round);
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
