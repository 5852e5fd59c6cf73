// Min-wise slots: a sample of all that was ever offered in which neither number nor frequency of offers counts. Each
// slot ranks by a private random seed, and the best-ranked may take it; who wants to be that can only offer more
// groups, as groups rank first (Brahms, Bortnikov et al. 2009; by group: research/algorithms.md §5). Once taken, a slot
// is held until its seed ends: offers are words, and words must not end what works. Seeds end at different times, and
// a fresh one counts only when it has seen a few minutes of offers.
// Pure: keys are numbers that its user derives from groups and ids, by a secret of his own if outsiders choose them.
import { type Random, shuffle, uniform } from './random.js';

export interface MinWiseOptions {
  readonly random: Random;
  /** Slots; 0: nothing is ever kept. */
  readonly count: number;
  /** Life of a seed, ms. The first ones end between a tenth of it and all of it, so that not all renew at once. */
  readonly lifeMs: number;
  /** A seed counts after this, ms. */
  readonly warmUpMs: number;
}

/** One slot, as it can be looked at and restored. */
export interface MinWiseSlot<Item> {
  /** Two random words: for groups, for ids. */
  readonly groupSeed: number;
  readonly idSeed: number;
  /** Where the seed's life began … */
  readonly bornMs: number;
  /** … and ends. */
  readonly endsMs: number;
  /** Best-ranked of all that was offered and is not known to be gone. */
  readonly best: Item | undefined;
  /** Who has taken it. */
  readonly holder: Item | undefined;
}

/** Worse than every rank. */
const worst = Number.POSITIVE_INFINITY;

export class MinWise<Item> {
  /** Seeds that ended and were drawn anew. */
  renewals = 0;
  readonly #o: MinWiseOptions;
  // Columns, two numbers for each slot, and not objects: every offer looks at all slots, and a simulation has ten
  // thousand times 64 of them.
  /** Two random words: for groups, for ids. */
  readonly #seeds: Uint32Array;
  /** Ranks of the best in its group and by its id, or the worst. */
  readonly #ranks: Float64Array;
  /** When the life of the seed began and ends. */
  readonly #times: Float64Array;
  readonly #best: (Item | undefined)[];
  readonly #holders: (Item | undefined)[];
  /** No seed ends before this. */
  #nextEndMs = worst;

  constructor(options: MinWiseOptions, nowMs: number) {
    const { count, lifeMs, random } = options;
    this.#o = options;
    this.#seeds = new Uint32Array(2 * count);
    this.#ranks = new Float64Array(2 * count);
    this.#times = new Float64Array(2 * count);
    this.#best = new Array(count).fill(undefined);
    this.#holders = new Array(count).fill(undefined);
    for (let i = 0; i < count; i++) {
      const endsMs = nowMs + lifeMs * (0.1 + 0.9 * uniform(random));
      this.#draw(i, nowMs, endsMs);
    }
  }

  #draw(i: number, nowMs: number, endsMs: number): void {
    const { random } = this.#o;
    this.#put(i, { groupSeed: random.uint32(), idSeed: random.uint32(), bornMs: nowMs, endsMs });
  }

  #put(i: number, slot: Pick<MinWiseSlot<Item>, 'groupSeed' | 'idSeed' | 'bornMs' | 'endsMs'>): void {
    this.#seeds[2 * i] = slot.groupSeed;
    this.#seeds[2 * i + 1] = slot.idSeed;
    this.#times[2 * i] = slot.bornMs;
    this.#times[2 * i + 1] = slot.endsMs;
    this.#nextEndMs = Math.min(this.#nextEndMs, slot.endsMs);
    this.#empty(i);
    this.#holders[i] = undefined;
  }

  #empty(i: number): void {
    this.#best[i] = undefined;
    this.#ranks[2 * i] = worst;
    this.#ranks[2 * i + 1] = worst;
  }

  /** The slots as they are. */
  get slots(): MinWiseSlot<Item>[] {
    return this.#best.map((best, i) => ({
      groupSeed: this.#seeds[2 * i] as number,
      idSeed: this.#seeds[2 * i + 1] as number,
      bornMs: this.#times[2 * i] as number,
      endsMs: this.#times[2 * i + 1] as number,
      best,
      holder: this.#holders[i],
    }));
  }

  /** Takes over seeds and holders of an earlier run, in place of the first slots; offer their best ones again. */
  restore(slots: readonly Omit<MinWiseSlot<Item>, 'best'>[]): void {
    for (const [i, slot] of slots.slice(0, this.#o.count).entries()) {
      this.#put(i, slot);
      this.#holders[i] = slot.holder;
    }
    this.#nextEndMs = worst;
    for (let i = 0; i < this.#o.count; i++)
      this.#nextEndMs = Math.min(this.#nextEndMs, this.#times[2 * i + 1] as number);
  }

  /** Somebody to choose from. `idKey` is asked for only where the group wins or draws. True if a slot has another best. */
  offer(item: Item, groupKey: number, idKey: () => number): boolean {
    const ranks = this.#ranks;
    const seeds = this.#seeds;
    let key: number | undefined;
    let won = false;
    for (let i = 0; i < seeds.length; i += 2) {
      const groupRank = rank(seeds[i] as number, groupKey);
      if (groupRank > (ranks[i] as number)) continue;
      key ??= idKey();
      const idRank = rank(seeds[i + 1] as number, key);
      if (groupRank === ranks[i] && idRank >= (ranks[i + 1] as number)) continue;
      ranks[i] = groupRank;
      ranks[i + 1] = idRank;
      this.#best[i >> 1] = item;
      won = true;
    }
    return won;
  }

  /** It takes the free slots where it is the best, for the lives of their seeds. True if there was one. */
  take(is: (item: Item) => boolean): boolean {
    let any = false;
    for (const [i, best] of this.#best.entries()) {
      if (this.#holders[i] !== undefined || best === undefined || !is(best)) continue;
      this.#holders[i] = best;
      any = true;
    }
    return any;
  }

  isHeld(is: (item: Item) => boolean): boolean {
    return this.#holders.some((holder) => holder !== undefined && is(holder));
  }

  /** It is gone: others may have its slots. True if it had one. */
  vacate(is: (item: Item) => boolean): boolean {
    let any = false;
    for (let i = 0; i < this.#best.length; i++) {
      const holder = this.#holders[i];
      const best = this.#best[i];
      if (holder !== undefined && is(holder)) {
        this.#holders[i] = undefined;
        any = true;
      }
      if (best === undefined || !is(best)) continue;
      this.#empty(i);
      any = true;
    }
    return any;
  }

  /** Draws seeds anew whose life is over; their slots are free. True if there was one. */
  renew(nowMs: number): boolean {
    if (nowMs < this.#nextEndMs) return false;
    this.#nextEndMs = worst;
    for (let i = 0; i < this.#best.length; i++) {
      const endsMs = this.#times[2 * i + 1] as number;
      if (endsMs <= nowMs) {
        this.#draw(i, nowMs, nowMs + this.#o.lifeMs);
        this.renewals++;
      } else this.#nextEndMs = Math.min(this.#nextEndMs, endsMs);
    }
    return true;
  }

  /** Whom to choose: those who hold a slot, then those who may take one; each once, in random order. */
  choices(nowMs: number, random: Random): Item[] {
    const holders = new Set<Item>();
    const candidates = new Set<Item>();
    for (const [i, best] of this.#best.entries()) {
      const holder = this.#holders[i];
      if (holder !== undefined) holders.add(holder);
      else if (best !== undefined && nowMs - (this.#times[2 * i] as number) >= this.#o.warmUpMs)
        candidates.add(best);
    }
    return [...new Set([...shuffle(random, [...holders]), ...shuffle(random, [...candidates])])];
  }
}

/** The finalizer of MurmurHash3 (Appleby), which spreads every bit over all: the seed is secret, so it need not be more. */
function rank(seed: number, key: number): number {
  let h = seed ^ key;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
