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

/** One slot. */
export interface MinWiseSlot<Item> {
  /** Two random words: for groups, for ids. */
  groupSeed: number;
  idSeed: number;
  /** Where the seed's life began … */
  bornMs: number;
  /** … and ends. */
  endsMs: number;
  /** Of the best, or infinite. */
  groupRank: number;
  idRank: number;
  /** Best-ranked of all that was offered and is not known to be gone. */
  best: Item | undefined;
  /** Who has taken it. */
  holder: Item | undefined;
}

/** Worse than every rank. */
const worst = Number.POSITIVE_INFINITY;

export class MinWise<Item> {
  slots: MinWiseSlot<Item>[] = [];
  /** Seeds that ended and were drawn anew. */
  renewals = 0;
  readonly #o: MinWiseOptions;
  /** No seed ends before this. */
  #nextEndMs = Number.POSITIVE_INFINITY;

  constructor(options: MinWiseOptions, nowMs: number) {
    this.#o = options;
    const slots: MinWiseSlot<Item>[] = [];
    for (let i = 0; i < options.count; i++) {
      const endsMs = nowMs + options.lifeMs * (0.1 + 0.9 * uniform(options.random));
      slots.push({ ...this.#drawn(nowMs), endsMs });
    }
    this.replace(slots);
  }

  #drawn(nowMs: number): MinWiseSlot<Item> {
    const { random, lifeMs } = this.#o;
    return {
      groupSeed: random.uint32(),
      idSeed: random.uint32(),
      bornMs: nowMs,
      endsMs: nowMs + lifeMs,
      groupRank: worst,
      idRank: worst,
      best: undefined,
      holder: undefined,
    };
  }

  /** Takes over the slots of an earlier run. */
  replace(slots: MinWiseSlot<Item>[]): void {
    this.slots = slots;
    this.#nextEndMs = Math.min(...slots.map(({ endsMs }) => endsMs));
  }

  /** Somebody to choose from. `idKey` is asked for only where the group wins or draws. True if a slot has another best. */
  offer(item: Item, groupKey: number, idKey: () => number): boolean {
    let key: number | undefined;
    let won = false;
    for (const slot of this.slots) {
      const groupRank = rank(slot.groupSeed, groupKey);
      if (groupRank > slot.groupRank) continue;
      key ??= idKey();
      const idRank = rank(slot.idSeed, key);
      if (groupRank === slot.groupRank && idRank >= slot.idRank) continue;
      slot.groupRank = groupRank;
      slot.idRank = idRank;
      slot.best = item;
      won = true;
    }
    return won;
  }

  /** It takes the free slots where it is the best, for the lives of their seeds. True if there was one. */
  take(is: (item: Item) => boolean): boolean {
    let any = false;
    for (const slot of this.slots) {
      if (slot.holder !== undefined || slot.best === undefined || !is(slot.best)) continue;
      slot.holder = slot.best;
      any = true;
    }
    return any;
  }

  isHeld(is: (item: Item) => boolean): boolean {
    return this.slots.some(({ holder }) => holder !== undefined && is(holder));
  }

  /** It is gone: others may have its slots. True if it had one. */
  vacate(is: (item: Item) => boolean): boolean {
    let any = false;
    for (const slot of this.slots) {
      const { holder, best } = slot;
      if (holder !== undefined && is(holder)) {
        slot.holder = undefined;
        any = true;
      }
      if (best === undefined || !is(best)) continue;
      Object.assign(slot, { best: undefined, groupRank: worst, idRank: worst });
      any = true;
    }
    return any;
  }

  /** Draws seeds anew whose life is over; their slots are free. True if there was one. */
  renew(nowMs: number): boolean {
    if (nowMs < this.#nextEndMs) return false;
    this.#nextEndMs = worst;
    for (const slot of this.slots) {
      if (slot.endsMs <= nowMs) {
        Object.assign(slot, this.#drawn(nowMs));
        this.renewals++;
      }
      this.#nextEndMs = Math.min(this.#nextEndMs, slot.endsMs);
    }
    return true;
  }

  /** Whom to choose: those who hold a slot, then those who may take one; each once, in random order. */
  choices(nowMs: number, random: Random): Item[] {
    const holders = new Set<Item>();
    const candidates = new Set<Item>();
    for (const { holder, best, bornMs } of this.slots) {
      if (holder !== undefined) holders.add(holder);
      else if (best !== undefined && nowMs - bornMs >= this.#o.warmUpMs) candidates.add(best);
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
