// The way that adverts took through this node: for each member of each subnet the links to which we passed its
// adverts on, so that what becomes of it can follow, and how often it advertises. Kept apart from the adverts
// themselves: one that found no place, or lost it, was passed on all the same.
import { type LinkKey, LruMap, type Rate } from '@peernet/core';
import { CAPACITY } from '../defaults.js';
import type { Share } from './cast.js';

export interface Trail {
  /** Where adverts of the member went. */
  links: readonly LinkKey[];
  /** How many units of the newest went to each of them. */
  units: readonly number[];
  /** They were more than fit: it may be anybody. */
  overflown: boolean;
  /** An advert went some of these ways, and no withdrawal has followed it yet. */
  live: boolean;
  /** Units of the newest that were lost with links, for neighbours that come. */
  owed: number;
  expiresMs: number;
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

  /** The trail of a place, with its present tokens; made if there is none. */
  take(place: string, nowMs: number): Trail {
    const { perSecond, burst } = this.#rate;
    let trail = this.#trails.touch(place);
    if (trail === undefined) {
      const expiresMs = nowMs + (1000 * burst) / perSecond; // then its tokens are all back
      trail = {
        links: [],
        units: [],
        overflown: false,
        live: false,
        owed: 0,
        expiresMs,
        tokens: burst,
        paceMs: nowMs,
      };
      this.#trails.set(place, trail);
    }
    trail.tokens = Math.min(burst, trail.tokens + ((nowMs - trail.paceMs) * perSecond) / 1000);
    trail.paceMs = nowMs;
    return trail;
  }

  get(place: string): Trail | undefined {
    return this.#trails.get(place);
  }

  forget(place: string): void {
    this.#trails.delete(place);
  }

  /** Where adverts went: links, or 'all'; undefined if none came by. */
  of(place: string): readonly LinkKey[] | 'all' | undefined {
    const trail = this.#trails.get(place);
    return trail?.overflown ? 'all' : trail?.links;
  }

  /** All of them with their places. */
  entries(): Iterable<[string, Trail]> {
    return this.#trails.entries();
  }

  sweep(nowMs: number): void {
    this.#trails.dropWhile((trail) => trail.expiresMs <= nowMs);
  }
}

/** Counts a new advert; false if the member sends them too often. */
export function paced(trail: Trail): boolean {
  if (trail.tokens < 1) return false;
  trail.tokens -= 1;
  return true;
}

/** A newer advert begins its way: what is owed of older ones is void. */
export function renew(trail: Trail, expiresMs: number): void {
  trail.expiresMs = Math.max(trail.expiresMs, expiresMs);
  trail.units = trail.units.map(() => 0);
  trail.owed = 0;
}

/** A share of the newest advert went this way. Lists are made anew: they are short, live long, and so have no spare room. */
export function lengthen(trail: Trail, { link, units }: Share): void {
  trail.live = true;
  const at = trail.links.indexOf(link);
  if (at >= 0) trail.units = trail.units.with(at, (trail.units[at] as number) + units);
  else if (trail.links.length >= CAPACITY.trailLinks) trail.overflown = true;
  else {
    trail.links = [...trail.links, link];
    trail.units = [...trail.units, units];
  }
}

/** A link is gone: what went that way is owed. */
export function shorten(trail: Trail, link: LinkKey): void {
  const at = trail.links.indexOf(link);
  if (at < 0) return;
  trail.owed += trail.units[at] as number;
  trail.links = trail.links.toSpliced(at, 1);
  trail.units = trail.units.toSpliced(at, 1);
}
