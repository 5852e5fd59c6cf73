// How a budget is split among neighbours: protocol.md §6, the same for adverts and searches. Casts of others are split
// over all neighbours: that (instead of a few) loses least to nodes that drop silently (research/algorithms.md §3.2).
// Own casts begin with a few at most, so that they leave the neighbourhood of a node that has a hundred.
import { type LinkKey, type Random, shuffle } from '@peernet/core';
import { CAST } from '../defaults.js';
import type { Turn } from './effects.js';
import { type CastKind, type LinkRates, type Neighbour, self } from './neighbours.js';

export interface Cast {
  readonly kind: CastKind;
  /** Units for the neighbours together. */
  readonly units: number;
  /** The link that it came from, or `self`. */
  readonly source: LinkKey;
  /** Message for one neighbour with its share of the budget. */
  message(units: number, to: Neighbour): Uint8Array;
}

interface Ready {
  readonly neighbour: Neighbour;
  readonly room: number;
}

/** Units that an own cast can have. */
export interface Room {
  /** Now. */
  readonly room: number;
  /** Ever, with the present neighbours. */
  readonly capacity: number;
  /** How fast it comes back. */
  readonly perSecond: number;
}

/** What one link took of a cast. */
export interface Share {
  readonly link: LinkKey;
  readonly units: number;
}

/** Neighbours with which an own cast begins: as many as it needs room, and no more than spread it well. */
function firstHops(peers: readonly Ready[], units: number): number {
  let [count, room] = [0, 0];
  while (count < Math.min(peers.length, units) && (count < CAST.firstHops || room < units))
    room += (peers[count++] as Ready).room;
  return count;
}

export class Caster {
  readonly neighbours: Map<LinkKey, Neighbour>;
  readonly #random: Random;
  readonly #rates: LinkRates;
  /** Units that our own buckets have cut from casts of others. */
  clipped = 0;

  constructor(neighbours: Map<LinkKey, Neighbour>, rates: LinkRates, random: Random) {
    this.neighbours = neighbours;
    this.#rates = rates;
    this.#random = random;
  }

  /** Sends the shares and returns them. `passes`: whom this cast may go to. */
  cast(cast: Cast, turn: Turn, passes: (n: Neighbour) => boolean): Share[] {
    const reached: Share[] = [];
    let left = Math.min(cast.units, CAST.budgetMax);
    if (left < 1) return reached;
    const peers = shuffle(this.#random, this.#ready(cast, turn, passes));
    const isOwn = cast.source === self;
    let slots = isOwn ? firstHops(peers, left) : Math.min(peers.length, left);
    if (isOwn) peers.splice(slots);
    if (isOwn) peers.sort((a, b) => a.room - b.room); // whoever has least goes first, the others take what is left
    for (const { neighbour, room } of peers) {
      if (slots === 0) break;
      const share = Math.ceil(left / slots);
      const units = Math.min(share, room);
      // Not taken: its share goes to the others.
      if (!turn.effects.send(neighbour.key, cast.message(units, neighbour), cast.kind)) continue;
      neighbour.sent(cast.kind, cast.source, units, turn.nowMs);
      reached.push({ link: neighbour.key, units });
      // Over the bucket a budget is clipped, not handed on: only an own cast has been promised that it fits.
      left -= cast.source === self ? units : share;
      if (cast.source !== self) this.clipped += share - units;
      slots--;
    }
    return reached;
  }

  #ready({ kind, source }: Cast, { nowMs, effects }: Turn, passes: (n: Neighbour) => boolean): Ready[] {
    const ready: Ready[] = [];
    const spare = this.#spare(kind, source);
    for (const neighbour of this.neighbours.values()) {
      if (neighbour.key === source || !passes(neighbour)) continue;
      const room = neighbour.room(kind, source, nowMs, spare);
      if (room >= 1 && !effects.congested(neighbour.key)) ready.push({ neighbour, room });
    }
    return ready;
  }

  /** What our own adverts leave in each link: who parts has one withdrawal for each of them, which waits for nothing. */
  #spare(kind: CastKind, source: LinkKey): number {
    return kind === 'advert' && source === self ? this.#rates.spare : 0;
  }

  /** Units of an own cast that fit now, and that would ever fit with the present neighbours; 0 and 0 without any. */
  ownRoom(kind: CastKind, { nowMs, effects }: Turn): Room {
    let room = 0;
    let links = 0;
    const spare = this.#spare(kind, self);
    for (const neighbour of this.neighbours.values()) {
      if (effects.congested(neighbour.key)) continue;
      room += neighbour.room(kind, self, nowMs, spare);
      links++;
    }
    return {
      room,
      capacity: links * Math.max(0, this.#rates.capacity(kind, self) - spare),
      perSecond: links * this.#rates.outbound[kind].units.perSecond,
    };
  }
}
