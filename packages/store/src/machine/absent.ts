// What is remembered of addresses that are not in the book: that the user removed them (tombstones), and how dials
// of them went. Nothing is allocated before it is needed.
import { type AddressStats, LruMap } from '@peernet/core';
import { BOOK } from '../defaults.js';

export class Absent {
  readonly #tombstonesMax: number;
  /** Address → until when it stays away. */
  #tombstones: LruMap<string, number> | undefined;
  #strangers: LruMap<string, AddressStats> | undefined;

  constructor(scale: number) {
    this.#tombstonesMax = BOOK.tombstonesMax * scale;
  }

  /** Keeps an address away. Returns the address whose tombstone had to go for it, if any. */
  bury(address: string, untilMs: number): string | undefined {
    this.#strangers?.delete(address);
    this.#tombstones ??= new LruMap(this.#tombstonesMax);
    return this.#tombstones.set(address, untilMs)?.[0];
  }

  exhume(address: string): void {
    this.#tombstones?.delete(address);
  }

  /** Until when an address stays away, if it does. */
  buriedUntil(address: string): number | undefined {
    return this.#tombstones?.get(address);
  }

  isBuried(address: string, nowMs: number): boolean {
    const untilMs = this.#tombstones?.get(address);
    return untilMs !== undefined && untilMs > nowMs;
  }

  /** Whether another tombstone of an earlier run may be kept without one of this run being lost. */
  get hasRoom(): boolean {
    return (this.#tombstones?.size ?? 0) < this.#tombstonesMax;
  }

  get tombstoneCount(): number {
    return this.#tombstones?.size ?? 0;
  }

  /** Ends tombstones that are over, and names them. */
  *expire(nowMs: number): Iterable<string> {
    if (this.#tombstones === undefined) return;
    for (const [address, untilMs] of this.#tombstones.entries()) {
      if (untilMs > nowMs) continue;
      this.#tombstones.delete(address);
      yield address;
    }
  }

  /** Counters of an address, to be counted in. */
  count(address: string): AddressStats {
    this.#strangers ??= new LruMap(BOOK.strangersMax);
    const stats = this.#strangers.touch(address) ?? {
      connections: { ok: 0, fail: 0 },
      nodes: { rx: 0, tx: 0 },
    };
    this.#strangers.set(address, stats);
    return stats;
  }

  stats(address: string): AddressStats | undefined {
    return this.#strangers?.get(address);
  }

  /** Counters of an address that enters the book. */
  takeStats(address: string): AddressStats | undefined {
    const stats = this.#strangers?.get(address);
    this.#strangers?.delete(address);
    return stats;
  }
}
