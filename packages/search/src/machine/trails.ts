// The way that adverts took through this node: for each member of each subnet the links to which we passed its
// adverts on, so that a withdrawal can follow; what was withdrawn, so that late copies and rows of it die here; and
// how often a member advertises. Kept apart from the adverts themselves: one that found no place, or lost it, was
// passed on all the same.
import { type LinkKey, LruMap, type PeerId, type Rate } from '@peernet/core';
import { CAPACITY } from '../defaults.js';
import { placeKey } from './advert-store.js';

interface Trail {
  /** Undefined: more than fit, so all neighbours. */
  links: LinkKey[] | undefined;
  expiresMs: number;
  /** Adverts up to this seq are void. */
  withdrawn: number;
  /** Tokens of the rate of one member's adverts, at `paceMs`. */
  tokens: number;
  paceMs: number;
}

export class Trails {
  readonly #rate: Rate;
  readonly #trails = new LruMap<string, Trail>(CAPACITY.trails);

  /** @param rate of one member's adverts of one subnet. */
  constructor(rate: Rate) {
    this.#rate = rate;
  }

  get size(): number {
    return this.#trails.size;
  }

  /** Whether the member has taken back an advert of this seq. */
  isWithdrawn(subnet: string, id: PeerId, seq: number): boolean {
    const trail = this.#trails.get(placeKey(subnet, id));
    return trail !== undefined && seq <= trail.withdrawn;
  }

  /** Counts a new advert; false if the member sends them too often. */
  pace(subnet: string, id: PeerId, nowMs: number): boolean {
    const trail = this.#trail(subnet, id, nowMs);
    const { perSecond, burst } = this.#rate;
    trail.tokens = Math.min(burst, trail.tokens + ((nowMs - trail.paceMs) * perSecond) / 1000);
    trail.paceMs = nowMs;
    if (trail.tokens < 1) return false;
    trail.tokens -= 1;
    return true;
  }

  /** An advert went to these links. */
  extend(subnet: string, id: PeerId, links: readonly LinkKey[], expiresMs: number, nowMs: number): void {
    const trail = this.#trail(subnet, id, nowMs);
    trail.expiresMs = Math.max(trail.expiresMs, expiresMs);
    if (trail.links === undefined) return;
    for (const link of links) if (!trail.links.includes(link)) trail.links.push(link);
    if (trail.links.length > CAPACITY.trailLinks) trail.links = undefined;
  }

  /**
   * The member has taken back what it said up to `seq`. Returns where to pass that on: links, or 'all'; undefined if
   * it is no news, or never came by here.
   */
  withdraw(subnet: string, id: PeerId, seq: number): readonly LinkKey[] | 'all' | undefined {
    const trail = this.#trails.get(placeKey(subnet, id));
    if (trail === undefined || seq <= trail.withdrawn) return undefined;
    trail.withdrawn = seq;
    const links = trail.links ?? 'all';
    trail.links = [];
    return links;
  }

  sweep(nowMs: number): void {
    this.#trails.dropWhile((trail) => trail.expiresMs <= nowMs);
  }

  #trail(subnet: string, id: PeerId, nowMs: number): Trail {
    const key = placeKey(subnet, id);
    const { perSecond, burst } = this.#rate;
    let trail = this.#trails.touch(key);
    if (trail === undefined) {
      const expiresMs = nowMs + (1000 * burst) / perSecond; // then its tokens are all back
      trail = { links: [], expiresMs, withdrawn: 0, tokens: burst, paceMs: nowMs };
      this.#trails.set(key, trail);
    }
    return trail;
  }
}
