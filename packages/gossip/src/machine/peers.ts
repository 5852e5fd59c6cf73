// All links of a node: by number, by peer, and the neighbours in a list that a walk can draw from. At most one link per
// peer has a part in the overlay; a second one is the `twin` of the first until one of them ends.
import { type LinkKey, type PeerId, pickOne, type Random } from '@peernet/core';
import type { LinkKind } from './effects.js';
import type { Peer } from './peer.js';

export class Peers {
  readonly #byKey = new Map<LinkKey, Peer>();
  /** The link that counts for each peer; probes are in none of the tables but the first. */
  readonly #byId = new Map<PeerId, Peer>();
  /** In no particular order. */
  readonly neighbours: Peer[] = [];
  readonly #count: Record<LinkKind, number> = { pending: 0, overlay: 0, guest: 0, app: 0, probe: 0 };
  /** Guests of ours. */
  hosted = 0;
  /** Neighbours whose link we made by dialing an address. */
  outbound = 0;

  get(key: LinkKey): Peer | undefined {
    return this.#byKey.get(key);
  }

  byId(id: PeerId): Peer | undefined {
    return this.#byId.get(id);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Links of a kind. */
  count(kind: LinkKind): number {
    return this.#count[kind];
  }

  /** Those who have come and not said HELLO, the first one first. */
  silent(): Peer[] {
    return [...this.#byKey.values()].filter(
      (peer) => peer.kind === 'pending' && !peer.initiator && !peer.greeted,
    );
  }

  all(): IterableIterator<Peer> {
    return this.#byKey.values();
  }

  add(peer: Peer): void {
    this.#byKey.set(peer.key, peer);
    this.#count[peer.kind]++;
  }

  /** From now on this is the link to its peer. */
  settle(peer: Peer): void {
    this.#byId.set(peer.id, peer);
  }

  turn(peer: Peer, kind: LinkKind, hosted = false): void {
    this.#leave(peer);
    peer.kind = kind;
    peer.hosted = hosted;
    this.#count[kind]++;
    if (hosted) this.hosted++;
    if (kind !== 'overlay') return;
    this.neighbours.push(peer);
    if (peer.initiator && !peer.introduced) this.outbound++;
  }

  remove(peer: Peer): void {
    if (!this.#byKey.delete(peer.key)) return;
    this.#leave(peer);
    if (this.#byId.get(peer.id) === peer) this.#byId.delete(peer.id);
    if (peer.twin !== undefined) peer.twin.twin = undefined;
  }

  #leave(peer: Peer): void {
    this.#count[peer.kind]--;
    if (peer.hosted) this.hosted--;
    if (peer.kind !== 'overlay') return;
    if (peer.initiator && !peer.introduced) this.outbound--;
    const at = this.neighbours.indexOf(peer);
    const last = this.neighbours.pop() as Peer;
    if (last !== peer) this.neighbours[at] = last;
  }

  /** A neighbour that `fits`, uniformly, or undefined. */
  draw(random: Random, fits: (peer: Peer) => boolean): Peer | undefined {
    // A few blind draws nearly always do; only then the whole list is looked at.
    for (let i = 0; i < 4; i++) {
      const peer = pickOne(random, this.neighbours);
      if (peer === undefined || fits(peer)) return peer;
    }
    return pickOne(random, this.neighbours.filter(fits));
  }

  /** Own outbound neighbours that we made, of a group. */
  outboundIn(group: string): number {
    let count = 0;
    for (const peer of this.neighbours) if (peer.initiator && peer.group === group) count++;
    return count;
  }
}
