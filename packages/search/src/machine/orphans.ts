// The news that adverts have become orphans: the link is gone over which they came, so neither a withdrawal nor the end
// of the member would reach us any more. It goes to whom we told of them, gathered into few messages. An advert
// becomes an orphan once at most in each node, so this costs a ninth of what the adverts themselves cost.
import type { LinkKey } from '@peernet/core';
import { TIMES, WIRE } from '../defaults.js';
import { encodeOrphans } from '../wire.js';
import type { Chain } from './advert-store.js';
import type { Turn } from './effects.js';
import { type Neighbour, self } from './neighbours.js';
import type { Trails } from './trails.js';

export class Orphans {
  readonly #neighbours: ReadonlyMap<LinkKey, Neighbour>;
  readonly #trails: Trails;
  /** Whom to tell → places. */
  #news: Map<LinkKey, Set<string>> | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(neighbours: ReadonlyMap<LinkKey, Neighbour>, trails: Trails) {
    this.#neighbours = neighbours;
    this.#trails = trails;
  }

  get deadlineMs(): number {
    return this.#dueMs;
  }

  /** `held` has lost its last chain to the member. */
  add(held: Chain, nowMs: number): void {
    const links = this.#trails.of(held.place) ?? [];
    for (const link of links === 'all' ? this.#neighbours.keys() : links) {
      if (!this.#neighbours.has(link)) continue;
      this.#news ??= new Map();
      const places = this.#news.get(link) ?? new Set();
      this.#news.set(link, places.add(held.place));
      this.#dueMs = Math.min(this.#dueMs, nowMs + TIMES.orphanGatherMs);
    }
  }

  /** Tells what is due; what does not fit waits. */
  tick(turn: Turn): void {
    if (turn.nowMs < this.#dueMs) return;
    this.#dueMs = Number.POSITIVE_INFINITY;
    const news = this.#news ?? new Map<LinkKey, Set<string>>();
    this.#news = undefined;
    for (const [link, places] of news) {
      const neighbour = this.#neighbours.get(link);
      const left = neighbour === undefined ? [] : this.#tell(neighbour, [...places], turn);
      if (left.length === 0) continue;
      this.#news ??= new Map();
      this.#news.set(link, new Set(left));
      this.#dueMs = turn.nowMs + TIMES.orphanGatherMs;
    }
  }

  /** Tells what waits to be told of a place, before its advert goes on again: behind that it would be taken for a new loss. */
  hurry(place: string, turn: Turn): void {
    for (const [link, places] of this.#news ?? []) {
      const neighbour = this.#neighbours.get(link);
      if (!places.has(place) || neighbour === undefined) continue;
      if (this.#tell(neighbour, [place], turn).length === 0) places.delete(place);
    }
  }

  #tell(to: Neighbour, places: readonly string[], { nowMs, effects }: Turn): readonly string[] {
    for (let at = 0; at < places.length; at += WIRE.orphansMax) {
      const message = encodeOrphans(places.slice(at, at + WIRE.orphansMax));
      if (to.room('advert', self, nowMs) < 1 || !effects.send(to.key, message, 'advert'))
        return places.slice(at);
      to.sent('advert', self, 1, nowMs);
    }
    return [];
  }
}
