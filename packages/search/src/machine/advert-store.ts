// Adverts that we hold for others. A subnet's cell keeps few members, chosen by a keyed hash that nobody else can
// compute, so a crowd costs each node little and nobody can aim at a place; shares per neighbour and per key keep a
// flooding link or id from displacing everybody else's (protocol.md §6).
import { type Crypto, type LinkKey, LruMap, type PeerId, peerIdToBytes } from '@peernet/core';
import { CAPACITY, type SearchLimits } from '../defaults.js';
import type { Advert } from '../wire.js';

/** One advert that we hold. */
export interface Held {
  /** `placeOf` member and subnet. */
  readonly place: string;
  readonly subnet: string;
  readonly id: PeerId;
  readonly seq: number;
  /** As it travels. */
  readonly bytes: Uint8Array;
  /** Links from the member to us, by the first copy of the chain that we have; whom we tell hears of one more. */
  hops: number;
  /** Links by which an unbroken chain leads to the member; none: an orphan. */
  parents: LinkKey[];
  /** The neighbour who brought it. */
  readonly from: PeerId;
  /** Scope of that link: narrower addresses in it are not believed. */
  readonly rank: number;
  /** The narrowest address in it: it is told only to links as narrow. */
  readonly narrowest: number;
  /** When it was signed, on our monotonic clock, as far as its carriers say. */
  readonly signedMs: number;
  readonly expiresMs: number;
}

/** What of it others count on to whom we have passed it. */
export type Chain = Pick<Held, 'place' | 'seq' | 'hops' | 'parents' | 'expiresMs'>;

const domain = 'peernet/cell/1';

export class AdvertStore {
  readonly #crypto: Crypto;
  readonly #limits: SearchLimits;
  readonly #secret: Uint8Array;
  readonly #cells = new Map<string, Held[]>();
  /** All of them by `placeOf`, oldest first. */
  readonly #all: LruMap<string, Held>;
  readonly #perNeighbour = new Map<PeerId, number>();
  readonly #perKey = new Map<PeerId, number>();
  readonly #lost: (held: Held) => void;
  #bytes = 0;

  /**
   * @param secret bytes that nobody else knows; they decide who stays in a full cell.
   * @param lost is told of what is held no more though nobody has taken it back.
   */
  constructor(
    crypto: Crypto,
    limits: SearchLimits,
    secret: Uint8Array,
    lost: (held: Held) => void = () => {},
  ) {
    this.#lost = lost;
    this.#crypto = crypto;
    this.#limits = limits;
    this.#secret = secret;
    this.#all = new LruMap(limits.adverts);
  }

  get size(): number {
    return this.#all.size;
  }

  /** Those without a chain to their member; counted when asked. */
  get orphans(): number {
    let count = 0;
    for (const held of this.#all.values()) if (held.parents.length === 0) count++;
    return count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What is held at a place (`placeOf`). */
  get(place: string): Held | undefined {
    return this.#all.get(place);
  }

  /** Adverts of a subnet that have not expired; the list is not ours to keep. */
  find(subnet: string, nowMs: number): readonly Held[] {
    const cell = this.#cells.get(subnet);
    if (cell === undefined) return [];
    return cell.some((held) => held.expiresMs <= nowMs)
      ? cell.filter((held) => held.expiresMs > nowMs)
      : cell;
  }

  /** Takes an advert in, instead of an older one of the same member. False if there is no place for it. */
  admit(held: Held, nowMs: number): boolean {
    this.sweep(nowMs);
    const before = this.get(held.place);
    if (before !== undefined) {
      // The place is the member's; whose neighbour's share it counts in does not change by a refresh.
      this.#remove(before);
      this.#makeRoom(held.bytes.length);
      this.#insert({ ...held, from: before.from });
      return true;
    }
    const quota = this.#limits.adverts * CAPACITY.neighbourShare;
    if ((this.#perNeighbour.get(held.from) ?? 0) >= quota) return false;
    if ((this.#perKey.get(held.id) ?? 0) >= CAPACITY.subnetsPerKey) return false;
    if (!this.#placeInCell(held, nowMs)) return false;
    this.#makeRoom(held.bytes.length);
    this.#insert(held);
    return true;
  }

  /** Room for one more of so many bytes: the oldest go. */
  #makeRoom(bytes: number): void {
    const { adverts, advertBytes } = this.#limits;
    for (const oldest of this.#all.values()) {
      if (this.#all.size < adverts && this.#bytes + bytes <= advertBytes) return;
      this.#lose(oldest);
    }
  }

  /** Makes room in the cell, by the keyed order; false if the new one is the last in it. */
  #placeInCell(held: Held, nowMs: number): boolean {
    const cell = this.#cells.get(held.subnet);
    if (cell === undefined) return true;
    for (const other of [...cell]) if (other.expiresMs <= nowMs) this.#remove(other);
    const rivals = cell.filter((other) => other.from === held.from);
    if (rivals.length >= this.#limits.cellPerNeighbour) return this.#displace(rivals, held);
    return cell.length < this.#limits.cell || this.#displace(cell, held);
  }

  #displace(rivals: readonly Held[], held: Held): boolean {
    let last: Held | undefined;
    let lastOrder = this.#order(held.id);
    for (const rival of rivals) {
      const order = this.#order(rival.id);
      if (order > lastOrder) {
        last = rival;
        lastOrder = order;
      }
    }
    if (last === undefined) return false;
    this.#lose(last);
    return true;
  }

  /** 48 bits of H(secret, id). */
  #order(id: PeerId): number {
    const bytes = new Uint8Array(this.#secret.length + 32);
    bytes.set(this.#secret);
    bytes.set(peerIdToBytes(id), this.#secret.length);
    const hash = this.#crypto.hash(domain, bytes);
    let order = 0;
    for (let i = 0; i < 6; i++) order = order * 256 + (hash[i] as number);
    return order;
  }

  #insert(held: Held): void {
    const cell = this.#cells.get(held.subnet);
    if (cell === undefined) this.#cells.set(held.subnet, [held]);
    else cell.push(held);
    this.#all.set(held.place, held);
    this.#bytes += held.bytes.length;
    count(this.#perNeighbour, held.from, 1);
    count(this.#perKey, held.id, 1);
  }

  #remove(held: Held): void {
    if (!this.#all.delete(held.place)) return;
    const cell = this.#cells.get(held.subnet) as Held[];
    cell.splice(cell.indexOf(held), 1);
    if (cell.length === 0) this.#cells.delete(held.subnet);
    this.#bytes -= held.bytes.length;
    count(this.#perNeighbour, held.from, -1);
    count(this.#perKey, held.id, -1);
  }

  #lose(held: Held): void {
    this.#remove(held);
    this.#lost(held);
  }

  /** Forgets what a member has withdrawn. */
  withdraw(place: string): void {
    const held = this.get(place);
    if (held !== undefined) this.#remove(held);
  }

  /** Forgets what a member had said until `seq`: it could not be reached. */
  forget(id: PeerId, seq: number): void {
    if (!this.#perKey.has(id)) return;
    for (const held of [...this.#all.values()]) if (held.id === id && held.seq <= seq) this.#lose(held);
  }

  /** Takes a link out of all chains; returns those that have no other. */
  detach(link: LinkKey): Held[] {
    const orphans: Held[] = [];
    for (const held of this.#all.values()) if (loosen(held, link)) orphans.push(held);
    return orphans;
  }

  /** Drops expired ones from the old end. */
  sweep(nowMs: number): void {
    for (const held of this.#all.values()) {
      if (held.expiresMs > nowMs) return;
      this.#remove(held);
    }
  }
}

function count(counts: Map<PeerId, number>, key: PeerId, change: 1 | -1): void {
  const value = (counts.get(key) ?? 0) + change;
  if (value === 0) counts.delete(key);
  else counts.set(key, value);
}

/** When an advert ends that is so old now. */
export function expiryOf({ ttlSeconds }: Advert, ageSeconds: number, nowMs: number): number {
  return nowMs + (ttlSeconds - ageSeconds) * 1000;
}

/** How old an advert is now that ends then: whole seconds, so that it is never said to be over before it is. */
export function ageOf({ ttlSeconds }: Advert, expiresMs: number, nowMs: number): number {
  return Math.max(0, Math.floor(ttlSeconds - (expiresMs - nowMs) / 1000));
}

/**
 * A copy of a held advert came by another link: one more chain, if it is no longer than the first. A parent is always
 * nearer to the member than its child, so that no two hold each other up when the member is gone. So `hops` stays what
 * the first copy said, however near others claim to be, and nobody sends away those who came before.
 */
export function fasten(held: Chain, link: LinkKey, hops: number): void {
  if (hops > held.hops) return;
  if (held.parents.length < CAPACITY.parents && !held.parents.includes(link)) held.parents.push(link);
}

/** A chain is broken. True if it was the last one. */
export function loosen(held: Chain, link: LinkKey): boolean {
  const at = held.parents.indexOf(link);
  if (at < 0) return false;
  held.parents = held.parents.toSpliced(at, 1);
  return held.parents.length === 0;
}
