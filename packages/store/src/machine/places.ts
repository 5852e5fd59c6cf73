// The two tables of the book, NEW and TRIED, and the lists from which entries are drawn.
//
// A place is a number: bucket × slots + slot in NEW, behind them those of TRIED. Which places an address can have is
// decided by a keyed hash of its group, its source's group and itself, so that whoever names addresses can neither
// aim at a place nor fill more than a sixteenth of NEW from one group (Heilman et al. 2015; Bitcoin's addrman).
// Buckets exist only as keys of a Map: an empty book costs nothing.
import { below, type Random } from '@peernet/core';
import { BOOK } from '../defaults.js';
import { type Entry, placeCount, placesOf } from './entry.js';
import { type HashKey, hashKeys, hashText, hashWords } from './keyed-hash.js';

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

export class Places {
  readonly shape: Shape;
  /** Entries that are not in TRIED: those with places in NEW, and saved ones without any. */
  readonly others: Entry[] = [];
  /** Entries in TRIED. */
  readonly tried: Entry[] = [];
  readonly #taken = new Map<number, Entry>();
  #newKey: HashKey;
  #triedKey: HashKey;

  constructor(shape: Shape, secret: Uint8Array) {
    this.shape = shape;
    [this.#newKey, this.#triedKey] = hashKeys(secret);
  }

  /** Forgets all places (not the entries), to place them anew under another secret. */
  rekey(secret: Uint8Array): void {
    [this.#newKey, this.#triedKey] = hashKeys(secret);
    this.#taken.clear();
    this.others.length = 0;
    this.tried.length = 0;
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
    return place < this.#triedBase ? Math.floor(place / this.shape.slots) : undefined;
  }

  /** The one place of an entry in TRIED. */
  triedPlace(entry: Entry): number {
    const { bucketsPerGroup, triedBuckets, slots } = this.shape;
    const nth = hashText(this.#triedKey, entry.address, 1) % bucketsPerGroup;
    const bucket = hashWords(this.#triedKey, 2, entry.group, nth) % triedBuckets;
    return this.#triedBase + bucket * slots + (hashText(this.#triedKey, entry.address, 3, bucket) % slots);
  }

  at(place: number): Entry | undefined {
    return this.#taken.get(place);
  }

  /** Who stands where. */
  taken(): Iterable<[number, Entry]> {
    return this.#taken;
  }

  /** Occupied places. */
  get size(): number {
    return this.#taken.size;
  }

  /** Puts an entry into an empty place. */
  put(entry: Entry, place: number): void {
    this.#taken.set(place, entry);
    if (entry.place < 0) entry.place = place;
    else if (entry.morePlaces === undefined) entry.morePlaces = [place];
    else entry.morePlaces.push(place);
    const tried = place >= this.#triedBase;
    if (entry.index < 0 || entry.tried !== tried) this.enlist(entry, tried);
  }

  /** Empties a place. Returns who stood there, who may have other places. */
  clear(place: number): Entry | undefined {
    const entry = this.#taken.get(place);
    if (entry === undefined) return undefined;
    this.#taken.delete(place);
    const left = placesOf(entry).filter((other) => other !== place);
    entry.place = left[0] ?? -1;
    entry.morePlaces = left.length > 1 ? left.slice(1) : undefined;
    if (entry.tried) this.enlist(entry, false);
    return entry;
  }

  /** Empties all places of an entry. */
  clearAll(entry: Entry): void {
    for (const place of placesOf(entry)) this.#taken.delete(place);
    entry.place = -1;
    entry.morePlaces = undefined;
  }

  /** Puts an entry into the list of tried or of other entries. */
  enlist(entry: Entry, tried: boolean): void {
    this.delist(entry);
    entry.tried = tried;
    const list = tried ? this.tried : this.others;
    entry.index = list.length;
    list.push(entry);
  }

  delist(entry: Entry): void {
    if (entry.index < 0) return;
    const list = entry.tried ? this.tried : this.others;
    const last = list.pop() as Entry;
    if (last !== entry) {
      list[entry.index] = last;
      last.index = entry.index;
    }
    entry.index = -1;
  }

  /** Whether an entry could get one more place in NEW: each is half as likely as the one before. */
  wantsPlace(entry: Entry, random: Random): boolean {
    const count = placeCount(entry);
    return !entry.tried && count < BOOK.placesMax && (count === 0 || below(random, 2 ** count) === 0);
  }

  /**
   * Shows entries in random order, half of them tried ones as long as there are both, until `seen` returns true or
   * `examinedMax` were shown. Shuffles the lists in place, as far as it goes: no copy of thousands of entries.
   */
  draw(random: Random, examinedMax: number, seen: (entry: Entry) => boolean): void {
    const { tried, others } = this;
    let triedAt = 0;
    let othersAt = 0;
    for (let left = examinedMax; left > 0; left--) {
      const triedLeft = triedAt < tried.length;
      if (!triedLeft && othersAt >= others.length) return;
      const fromTried = triedLeft && (othersAt >= others.length || (random.uint32() & 0x8000) !== 0);
      const entry = fromTried ? drawAt(tried, triedAt++, random) : drawAt(others, othersAt++, random);
      if (entry === undefined || seen(entry)) return;
    }
  }

  get #triedBase(): number {
    return this.shape.newBuckets * this.shape.slots;
  }
}

/** Swaps a random entry of `list` from `at` on to `at`. */
function drawAt(list: Entry[], at: number, random: Random): Entry | undefined {
  const from = at + below(random, list.length - at);
  const entry = list[from];
  const other = list[at];
  if (entry === undefined || other === undefined) return undefined;
  list[at] = entry;
  list[from] = other;
  other.index = from;
  entry.index = at;
  return entry;
}
