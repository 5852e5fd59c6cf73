// The book's min-wise slots (protocol.md §4): whom to stay with. Fed by what neighbours of our own choice tell and by
// our own successes, never by who came to us; what failed just now is not taken. They know peers by address and id, not
// by entry: who pushes an address out of NEW must not push it out of here. Their lives count the time that we run, not
// the calendar: after a night the choice of yesterday is the best defence there is (research/joint.md §4).
import { MinWise, type PeerId, type Random } from '@peernet/core';
import { BOOK } from '../defaults.js';

/** Who may have a slot. */
export interface Choice {
  readonly address: string;
  readonly id: PeerId;
  /** Keyed hashes of the address group and of the id. */
  readonly group: number;
  readonly key: number;
}

/** A slot as it is stored. */
export interface SlotRow {
  readonly groupSeed: number;
  readonly idSeed: number;
  /** For how long its seed has been in use, and will be, seconds. */
  readonly ageSeconds: number;
  readonly leftSeconds: number;
  readonly peer?: { readonly id: PeerId; readonly address: string; readonly holds: boolean } | undefined;
}

export interface SlotsOptions {
  readonly random: Random;
  readonly count: number;
  /** The slots are not what they were. */
  readonly changed: () => void;
}

export class Slots {
  readonly #o: SlotsOptions;
  /** Made when there is something to choose: ten thousand empty books of a simulation need none. */
  #minWise: MinWise<Choice> | undefined;

  constructor(options: SlotsOptions) {
    this.#o = options;
  }

  #at(nowMs: number): MinWise<Choice> {
    const { random, count } = this.#o;
    const { minWiseLifeMs: lifeMs, minWiseWarmUpMs: warmUpMs } = BOOK;
    this.#minWise ??= new MinWise({ random, count, lifeMs, warmUpMs }, nowMs);
    if (this.#minWise.renew(nowMs)) this.#o.changed();
    return this.#minWise;
  }

  /** Somebody that may be chosen. `key` hashes its id. */
  offer(address: string, id: PeerId, group: number, key: () => number, nowMs: number): void {
    if (this.#o.count === 0) return;
    const choice = { address, id, group, key: 0 };
    const won = this.#at(nowMs).offer(choice, group, () => {
      choice.key = key();
      return choice.key;
    });
    if (won) this.#o.changed();
  }

  hold(id: PeerId, nowMs: number): void {
    if (this.#at(nowMs).take((choice) => choice.id === id)) this.#o.changed();
  }

  holds(id: PeerId, nowMs: number): boolean {
    return this.#minWise !== undefined && this.#at(nowMs).isHeld((choice) => choice.id === id);
  }

  /** It failed, or the user does not want it. */
  drop(address: string): void {
    if (this.#minWise?.vacate((choice) => choice.address === address)) this.#o.changed();
  }

  /** Whom to link with: holders first, each group of them in random order. */
  choices(nowMs: number): Choice[] {
    if (this.#minWise === undefined) return [];
    const known = new Set<PeerId>();
    // One peer can be in several slots with several objects: it was offered again after it had lost one.
    return this.#at(nowMs)
      .choices(nowMs, this.#o.random)
      .filter(({ id }) => !known.has(id) && known.add(id));
  }

  /** Sums for who looks at it. */
  counts(): { slots: number; chosen: number; held: number; renewed: number } {
    const slots = this.#minWise?.slots ?? [];
    return {
      slots: this.#o.count,
      chosen: slots.filter(({ best }) => best !== undefined).length,
      held: slots.filter(({ holder }) => holder !== undefined).length,
      renewed: this.#minWise?.renewals ?? 0,
    };
  }

  // ---- rows ----

  rows(nowMs: number): SlotRow[] {
    const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000));
    return (this.#minWise?.slots ?? []).map(({ groupSeed, idSeed, bornMs, endsMs, best, holder }) => {
      const peer = holder ?? best;
      return {
        groupSeed,
        idSeed,
        ageSeconds: seconds(nowMs - bornMs),
        leftSeconds: seconds(endsMs - nowMs),
        peer: peer && { id: peer.id, address: peer.address, holds: holder !== undefined },
      };
    });
  }

  /** Slots of an earlier run, instead of those of this one. `choiceOf`: undefined for what is no address any more. */
  restore(
    rows: readonly SlotRow[],
    choiceOf: (address: string, id: PeerId) => Choice | undefined,
    nowMs: number,
  ): void {
    const { count } = this.#o;
    if (count === 0 || rows.length === 0) return;
    const early = this.#minWise?.slots.flatMap(({ best }) => best ?? []) ?? [];
    const slots = this.#at(nowMs);
    const leftMaxMs = BOOK.minWiseLifeMs;
    const restored = rows.slice(0, count).map(({ groupSeed, idSeed, ageSeconds, leftSeconds, peer }) => {
      const choice = peer && choiceOf(peer.address, peer.id);
      return {
        groupSeed,
        idSeed,
        bornMs: nowMs - 1000 * ageSeconds,
        endsMs: nowMs + Math.min(1000 * leftSeconds, leftMaxMs),
        holder: peer?.holds === true ? choice : undefined,
        choice,
      };
    });
    slots.restore(restored);
    const offered = [...restored.flatMap(({ choice }) => choice ?? []), ...early];
    for (const choice of offered) slots.offer(choice, choice.group, () => choice.key);
    this.#o.changed();
  }

  /** Keyed hashes are others now: all ranks with them. What is held is held no more. */
  rekey(choiceOf: (address: string, id: PeerId) => Choice | undefined): void {
    const slots = this.#minWise;
    if (slots === undefined) return;
    const before = slots.slots.flatMap(({ best }) => best ?? []);
    slots.vacate(() => true);
    for (const { address, id } of before) {
      const choice = choiceOf(address, id);
      if (choice !== undefined) slots.offer(choice, choice.group, () => choice.key);
    }
  }
}
