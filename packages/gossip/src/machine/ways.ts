// How a peer may be found that has to be introduced: it is a peer of ours itself; a peer of ours knows it, or brought a
// walk of it; or a relay that it names can be dialed (protocol.md §7). When all that fails, any neighbour may know it.
import { type Address, type PeerId, parseAddress, pickOne, type Scope } from '@peernet/core';
import type { Context } from './context.js';
import type { Peer } from './peer.js';
import { carriesSignals, wider } from './relayed.js';

/** How a peer may be found. */
export type Way =
  /** It is a peer of ours itself, or a peer of ours knows it: by id. */
  | { readonly by: 'peer'; readonly id: PeerId }
  /** A walk of it has ended at us: back the way that the walk came. */
  | { readonly by: 'walk'; readonly id: string }
  /** A relay that is to be dialed. */
  | { readonly by: 'dial'; readonly address: Address };

export interface WaysParts {
  /** The walk of a peer that has ended at us. */
  readonly walkOf: (origin: PeerId) => string | undefined;
  /** Who brought it. */
  readonly walkedFrom: (walk: string) => Peer | undefined;
}

export class Ways {
  readonly #c: Context;
  readonly #p: WaysParts;

  constructor(context: Context, parts: WaysParts) {
    this.#c = context;
    this.#p = parts;
  }

  /** Best first. */
  to(peer: PeerId, via: readonly string[]): Way[] {
    const near: Way[] = [];
    const far: Way[] = [];
    if (this.peer(peer) !== undefined) near.push({ by: 'peer', id: peer });
    const walk = this.#p.walkOf(peer);
    if (walk !== undefined) near.push({ by: 'walk', id: walk });
    for (const text of via.slice(0, 3)) {
      const address = parseAddress(text);
      if (address === undefined || address.scheme === 'wrtc' || address.scope === 'forbidden') continue;
      const relay = this.relayAt(address.text, address.id);
      if (relay !== undefined) near.push({ by: 'peer', id: relay.id });
      else if (address.id !== peer) far.push({ by: 'dial', address });
    }
    return [...near, ...far];
  }

  /**
   * A peer who was not asked and might know it: in a small network most do, and in one of pages only all relays may be
   * gone. Neighbours first, then whoever else we are connected with: the application's peers may be all that a page has.
   */
  guess(peer: PeerId, asked: ReadonlySet<PeerId>): Way | undefined {
    const { random, peers } = this.#c;
    const isFit = ({ id }: Peer): boolean => id !== peer && !asked.has(id);
    const neighbour = pickOne(random, peers.neighbours.filter(isFit));
    const guessed =
      neighbour ??
      pickOne(
        random,
        [...peers.all()].filter((one) => carriesSignals(one) && isFit(one)),
      );
    return guessed && { by: 'peer', id: guessed.id };
  }

  /** The narrowest guess that is not too narrow: over which network will the first hop be? */
  scopeOf(ways: readonly Way[]): Scope {
    let scope: Scope = ways.length === 0 ? 'global' : 'loopback';
    for (const way of ways) {
      const next = way.by === 'dial' ? way.address.scope : (this.hop(way)?.scope ?? 'global');
      if (next !== 'forbidden') scope = wider(scope, next);
    }
    return scope;
  }

  /** Our link to it, if signals may go over it. */
  peer(id: PeerId): Peer | undefined {
    const peer = this.#c.peers.byId(id);
    return peer !== undefined && carriesSignals(peer) ? peer : undefined;
  }

  /** A peer of ours that is, or says it is, at an address. */
  relayAt(address: string, id: PeerId | undefined): Peer | undefined {
    if (id !== undefined) return this.peer(id);
    for (const peer of this.#c.peers.all()) {
      if (!carriesSignals(peer)) continue;
      if (peer.dialed === address || peer.record?.addresses.includes(address)) return peer;
    }
    return undefined;
  }

  /** Over whom it goes, if it is open. */
  hop(way: Way): Peer | undefined {
    const { peers } = this.#c;
    if (way.by === 'peer') return this.peer(way.id);
    const from = way.by === 'walk' ? this.#p.walkedFrom(way.id) : undefined;
    return from !== undefined && carriesSignals(from) && peers.get(from.key) === from ? from : undefined;
  }
}
