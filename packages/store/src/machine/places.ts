// The two tables of the book, NEW and TRIED: where an address may stand, and who stands there.
//
// A place is a number: bucket × slots + slot in NEW, behind them those of TRIED. Which places an address can have is
// decided by a keyed hash of its group, its source's group and itself, so that whoever names addresses can neither
// aim at a place nor fill more than a sixteenth of NEW from one group (Heilman et al. 2015; Bitcoin's addrman).
// Empty buckets do not exist: an empty book costs nothing. Saved entries without a place gather in a bucket of their own.
import { below, type Random } from '@peernet/core';
import { BOOK } from '../defaults.js';
import { Buckets } from './buckets.js';
import { type Entry, placeCount, placesOf } from './entry.js';
import { type HashKey, hashKeys, hashText, hashWords, secretOf } from './keyed-hash.js';

/** Sizes of the tables. */
export interface Shape {
  readonly newBuckets: number;
  readonly triedBuckets: number;
  readonly slots: number;
  readonly bucketsPerSource: number;
  readonly bucketsPerGroup: number;
}

/**
 * Buckets and slots both shrink by the root of `scale`, so that small books still spread over groups.
 * @param scale 1: a daemon. 1/16: a browser. 1/64: thousands of nodes in one simulation. Nothing else: TypeError.
 */
export function shapeOf(scale: number): Shape {
  const by = Math.sqrt(scale);
  if (![1, 1 / 16, 1 / 64].includes(scale))
    throw new TypeError(`scale must be 1, 1/16 or 1/64, got ${scale}`);
  return {
    newBuckets: BOOK.newBuckets * by,
    triedBuckets: BOOK.triedBuckets * by,
    slots: BOOK.slots * by,
    bucketsPerSource: BOOK.bucketsPerSource * by,
    bucketsPerGroup: BOOK.bucketsPerGroup * by,
  };
}

/** Key of the bucket of those without a place. */
const homeless = -1;

export class Places {
  readonly shape: Shape;
  readonly #new = new Buckets();
  readonly #tried = new Buckets();
  #size = 0;
  #newKey: HashKey;
  #triedKey: HashKey;

  constructor(shape: Shape, secret: Uint8Array) {
    this.shape = shape;
    [this.#newKey, this.#triedKey] = hashKeys(secret);
  }

  /** Forgets all places (not the entries), to place them anew under another secret. */
  rekey(secret: Uint8Array): void {
    [this.#newKey, this.#triedKey] = hashKeys(secret);
    this.#new.clear();
    this.#tried.clear();
    this.#size = 0;
  }

  get secret(): Uint8Array {
    return secretOf(this.#newKey, this.#triedKey);
  }

  /** What a limit key of an address becomes in an entry: a number that outsiders cannot predict. */
  keyOf(limitKey: string): number {
    return hashText(this.#newKey, limitKey) & 0x3fff_ffff;
  }

  /** The bucket of NEW for an address of `group`, told by somebody of `sourceGroup`. */
  newBucket(group: number, sourceGroup: number): number {
    const { bucketsPerSource, newBuckets } = this.shape;
    const nth = hashWords(this.#newKey, 1, group, sourceGroup) % bucketsPerSource;
    return hashWords(this.#newKey, 2, sourceGroup, nth) % newBuckets;
  }

  /** The one place of an address in a bucket of NEW. */
  newPlace(bucket: number, address: string): number {
    return bucket * this.shape.slots + (hashText(this.#newKey, address, 3, bucket) % this.shape.slots);
  }

  /** The bucket of NEW that a place lies in; undefined for a place in TRIED. */
  newBucketAt(place: number): number | undefined {
    return place < this.#triedBase ? this.#bucketOf(place) : undefined;
  }

  /** The one place of an entry in TRIED. */
  triedPlace(entry: Entry): number {
    const { bucketsPerGroup, triedBuckets, slots } = this.shape;
    const nth = hashText(this.#triedKey, entry.address, 1) % bucketsPerGroup;
    const bucket = hashWords(this.#triedKey, 2, entry.group, nth) % triedBuckets;
    return this.#triedBase + bucket * slots + (hashText(this.#triedKey, entry.address, 3, bucket) % slots);
  }

  at(place: number): Entry | undefined {
    const stands = (entry: Entry): boolean =>
      entry.place === place || entry.morePlaces?.includes(place) === true;
    return this.#tableOf(place).find(this.#bucketOf(place), stands);
  }

  /** Who stands where. */
  *taken(): Iterable<[number, Entry]> {
    for (const table of [this.#new, this.#tried])
      for (const [bucket, entries] of table.all())
        for (const entry of entries)
          for (const place of placesOf(entry)) if (this.#bucketOf(place) === bucket) yield [place, entry];
  }

  /** Entries in the two tables, as many times as they have places, and those without. */
  *shelved(): Iterable<Entry> {
    for (const table of [this.#new, this.#tried]) for (const [, entries] of table.all()) yield* entries;
  }

  /** Occupied places. */
  get size(): number {
    return this.#size;
  }

  /** Puts an entry into an empty place. */
  put(entry: Entry, place: number): void {
    if (entry.homeless) this.#new.delete(homeless, entry);
    entry.homeless = false;
    this.#tableOf(place).add(this.#bucketOf(place), entry);
    this.#size++;
    if (entry.place < 0) entry.place = place;
    else if (entry.morePlaces === undefined) entry.morePlaces = [place];
    else entry.morePlaces.push(place);
    entry.tried = place >= this.#triedBase;
  }

  /** Empties a place. Returns who stood there, who may have other places, or none at all any more. */
  clear(place: number): Entry | undefined {
    const entry = this.at(place);
    if (entry === undefined) return undefined;
    this.#tableOf(place).delete(this.#bucketOf(place), entry);
    this.#size--;
    const left = placesOf(entry).filter((other) => other !== place);
    entry.place = left[0] ?? -1;
    entry.morePlaces = left.length > 1 ? left.slice(1) : undefined;
    entry.tried = false;
    if (left.length === 0) this.shelve(entry);
    return entry;
  }

  /** Keeps an entry that has no place where it can be drawn. */
  shelve(entry: Entry): void {
    if (entry.homeless || entry.place >= 0) return;
    entry.homeless = true;
    this.#new.add(homeless, entry);
  }

  /** Takes an entry out altogether. */
  remove(entry: Entry): void {
    for (const place of placesOf(entry)) {
      this.#tableOf(place).delete(this.#bucketOf(place), entry);
      this.#size--;
    }
    if (entry.homeless) this.#new.delete(homeless, entry);
    Object.assign(entry, { place: -1, morePlaces: undefined, tried: false, homeless: false });
  }

  /** Whether an entry could get one more place in NEW: each is half as likely as the one before. */
  wantsPlace(entry: Entry, random: Random): boolean {
    const count = placeCount(entry);
    return !entry.tried && count < BOOK.placesMax && (count === 0 || below(random, 2 ** count) === 0);
  }

  /**
   * Shows entries in random order, half of them from TRIED as long as there are both, until `seen` returns true or
   * `examinedMax` were shown. Who has several places may be shown as often.
   */
  draw(random: Random, examinedMax: number, seen: (entry: Entry) => boolean): void {
    const fromTried = this.#tried.draw();
    const fromNew = this.#new.draw();
    for (let left = examinedMax; left > 0; left--) {
      const heads = (random.uint32() & 0x8000) !== 0;
      const entry = heads
        ? (this.#tried.next(fromTried, random) ?? this.#new.next(fromNew, random))
        : (this.#new.next(fromNew, random) ?? this.#tried.next(fromTried, random));
      if (entry === undefined || seen(entry)) return;
    }
  }

  get #triedBase(): number {
    return this.shape.newBuckets * this.shape.slots;
  }

  #tableOf(place: number): Buckets {
    return place < this.#triedBase ? this.#new : this.#tried;
  }

  #bucketOf(place: number): number {
    return Math.floor(place / this.shape.slots);
  }
}
