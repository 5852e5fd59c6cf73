// Who broke the protocol, and for how long no link with it is made: by id, never by group or IP, because behind one many
// may be honest (protocol.md §8).
import { LruMap, type PeerId } from '@peernet/core';
import type { Context } from './context.js';

interface Ban {
  readonly untilMs: number;
  readonly ms: number;
}

export class Bans {
  readonly #c: Context;
  readonly #bans: LruMap<PeerId, Ban>;

  constructor(context: Context) {
    this.#c = context;
    this.#bans = new LruMap(context.tuning.bansMax);
  }

  /** Returns for how long, ms: twice as long as the last time. */
  add(id: PeerId): number {
    const { tuning, nowMs } = this.#c;
    const lastMs = this.#bans.get(id)?.ms;
    const ms = lastMs === undefined ? tuning.banMs : Math.min(2 * lastMs, tuning.banMaxMs);
    this.#bans.set(id, { untilMs: nowMs + ms, ms });
    return ms;
  }

  has(id: PeerId): boolean {
    return (this.#bans.get(id)?.untilMs ?? 0) > this.#c.nowMs;
  }
}
