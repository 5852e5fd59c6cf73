// How a budget is split among neighbours: protocol.md §6, the same for adverts and searches, for our own casts and
// for those of others. Splitting over all neighbours (instead of a few) loses least to nodes that drop silently
// (research/algorithms.md §3.2).
import { type LinkKey, type Random, shuffle } from '@peernet/core';
import { CAST } from '../defaults.js';
import type { SearchEffects } from './effects.js';
import { type CastKind, type Neighbour, outboundCapacity, outboundPerSecond, self } from './neighbours.js';

export interface Cast {
  readonly kind: CastKind;
  /** Units for the neighbours together. */
  readonly units: number;
  /** The link that it came from, or `self`. */
  readonly source: LinkKey;
  /** Message for one neighbour with its share of the budget. */
  message(units: number): Uint8Array;
}

export class Caster {
  readonly neighbours: Map<LinkKey, Neighbour>;
  readonly #random: Random;
  /** Units that our own buckets have cut from casts of others. */
  clipped = 0;

  constructor(neighbours: Map<LinkKey, Neighbour>, random: Random) {
    this.neighbours = neighbours;
    this.#random = random;
  }

  /** Sends the shares; returns the links that took one. `passes`: whom this cast may go to. */
  cast(cast: Cast, nowMs: number, effects: SearchEffects, passes: (n: Neighbour) => boolean): LinkKey[] {
    const reached: LinkKey[] = [];
    let left = Math.min(cast.units, CAST.budgetMax);
    if (left < 1) return reached;
    const peers = shuffle(this.#random, this.#ready(cast, nowMs, effects, passes));
    let slots = Math.min(peers.length, left);
    if (cast.source === self) peers.splice(slots); // whoever has least room goes first, the others take what is left
    if (cast.source === self) peers.sort((a, b) => a.room - b.room);
    for (const { neighbour, room } of peers) {
      if (slots === 0) break;
      const share = Math.ceil(left / slots);
      const units = Math.min(share, room);
      // Not taken: its share goes to the others.
      if (!effects.send(neighbour.key, cast.message(units), cast.kind)) continue;
      neighbour.sent(cast.kind, cast.source, units, nowMs);
      reached.push(neighbour.key);
      // Over the bucket a budget is clipped, not handed on: only an own cast has been promised that it fits.
      left -= cast.source === self ? units : share;
      this.clipped += share - units;
      slots--;
    }
    return reached;
  }

  #ready(cast: Cast, nowMs: number, effects: SearchEffects, passes: (n: Neighbour) => boolean) {
    const ready: { neighbour: Neighbour; room: number }[] = [];
    for (const neighbour of this.neighbours.values()) {
      if (neighbour.key === cast.source || !passes(neighbour)) continue;
      const room = neighbour.room(cast.kind, cast.source, nowMs);
      if (room >= 1 && !effects.congested(neighbour.key)) ready.push({ neighbour, room });
    }
    return ready;
  }

  /** Units of an own cast that fit now, and that would ever fit with the present neighbours; 0 and 0 without any. */
  ownRoom(
    kind: CastKind,
    nowMs: number,
    effects: SearchEffects,
  ): { room: number; capacity: number; perSecond: number } {
    let room = 0;
    let links = 0;
    for (const neighbour of this.neighbours.values()) {
      if (effects.congested(neighbour.key)) continue;
      room += neighbour.room(kind, self, nowMs);
      links++;
    }
    return {
      room,
      capacity: links * outboundCapacity(kind, self),
      perSecond: links * outboundPerSecond(kind),
    };
  }
}
