// Bubbles that mend themselves. When a link is gone over which an advert went on, everybody behind it is cut off from
// the member (see orphans.ts); the share of the budget that went that way goes once more, to a neighbour who has not
// got the advert from us: one that we have, or else the next that comes. Without it a third of a bubble is left after
// 150 s where links live 600 s (rotation alone makes them do so).
import { type LinkKey, pickOne, type Random } from '@peernet/core';
import { WIRE } from '../defaults.js';
import { encodeAdvertMessage } from '../wire.js';
import type { Turn } from './effects.js';
import { type Neighbour, self } from './neighbours.js';
import { lengthen, shorten, type Trail, type Trails } from './trails.js';

/** An advert that can be passed on: held with a chain to its member, or our own. */
export interface Source {
  readonly bytes: Uint8Array;
  /** Links from the member to us; 0 for our own. */
  readonly hops: number;
  /** Links by which it came. */
  readonly parents: readonly LinkKey[];
  readonly narrowest: number;
  readonly signedMs: number;
  readonly expiresMs: number;
}

export class Repair {
  readonly #neighbours: ReadonlyMap<LinkKey, Neighbour>;
  readonly #trails: Trails;
  readonly #random: Random;
  readonly #source: (place: string) => Source | undefined;
  /** Units that were sent once more. */
  units = 0;

  constructor(
    neighbours: ReadonlyMap<LinkKey, Neighbour>,
    trails: Trails,
    random: Random,
    source: (place: string) => Source | undefined,
  ) {
    this.#neighbours = neighbours;
    this.#trails = trails;
    this.#random = random;
    this.#source = source;
  }

  linkDown(link: LinkKey, turn: Turn): void {
    for (const [place, trail] of this.#trails.entries()) {
      if (!trail.links.includes(link)) continue;
      shorten(trail, link);
      if (trail.owed > 0) this.#mend(place, trail, [...this.#neighbours.values()], turn);
    }
  }

  linkUp(neighbour: Neighbour, turn: Turn): void {
    for (const [place, trail] of this.#trails.entries()) {
      if (trail.owed > 0) this.#mend(place, trail, [neighbour], turn);
    }
  }

  #mend(place: string, trail: Trail, candidates: readonly Neighbour[], { nowMs, effects }: Turn): void {
    const source = this.#source(place);
    if (source === undefined || source.expiresMs <= nowMs || source.hops >= WIRE.hopsMax) return;
    const fresh = (n: Neighbour): boolean =>
      n.rank <= source.narrowest && !trail.links.includes(n.key) && !source.parents.includes(n.key);
    const to = pickOne(this.#random, candidates.filter(fresh));
    if (to === undefined) return;
    const from = source.parents[0] ?? self;
    const budget = Math.min(trail.owed, to.room('advert', from, nowMs));
    if (budget < 1 || effects.congested(to.key)) return;
    const ageSeconds = Math.max(0, Math.floor((nowMs - source.signedMs) / 1000));
    const advert = source.bytes;
    const message = encodeAdvertMessage({ budget, hops: source.hops + 1, ageSeconds, advert });
    if (!effects.send(to.key, message, 'advert')) return;
    to.sent('advert', from, budget, nowMs);
    lengthen(trail, { link: to.key, units: budget });
    trail.owed -= budget;
    this.units += budget;
  }
}
