// Links to stay with: up to four own outbound ones that no rotation drops. Whom they lead to is the choice of the
// book's min-wise slots, which he who pushes more than others cannot sway; a link that book or walk have led to is never
// protected, because both lead to attackers more often than chance (research/algorithms.md §5). A link is protected as
// long as its peer holds a slot, that is until the slot's seed ends, hours later: then another one is made first, and
// this one may be dropped (protocol.md §5). Where the store makes no such choice the oldest links are protected.
import type { BookEntry, PickOptions } from '@peernet/core';
import type { Context } from './context.js';
import type { Dialer } from './dialer.js';
import { byAge, type Peer } from './peer.js';

export class Protection {
  readonly #c: Context;
  readonly #dialer: Dialer;

  constructor(context: Context, parts: { dialer: Dialer }) {
    this.#c = context;
    this.#dialer = parts.dialer;
  }

  /** As many as protected links may be: one that we dial is left for rotation, and those who are introduced take others' places. */
  get #max(): number {
    const { tuning, o, dialedTarget } = this.#c;
    const introduced = o.connections - dialedTarget;
    return Math.max(0, Math.min(tuning.protectedLinks - introduced, dialedTarget - 1));
  }

  /** Neighbours that are protected. */
  links(): Peer[] {
    const { peers, store } = this.#c;
    const own = peers.neighbours.filter((peer) => peer.initiator && !peer.pinned && !peer.introduced);
    const { preference } = store;
    const fit =
      preference === undefined
        ? own.filter((peer) => peer.intent !== 'walk')
        : own.filter((peer) => peer.intent === 'protect' && preference.holds(peer.id));
    return fit.sort(byAge).slice(0, this.#max);
  }

  /** Protected links that we lack and the store could name; those under way count as there. */
  get missing(): number {
    if (this.#c.store.preference === undefined) return 0;
    return Math.max(0, this.#max - this.links().length - this.#dialer.count('protect'));
  }

  /** Whom to dial for them. */
  pick(count: number, backoffMaxMs: number | undefined): readonly BookEntry[] {
    const { store, o } = this.#c;
    const exclude = (entry: BookEntry): boolean => !this.#dialer.mayDial(entry, 'protect');
    const options: PickOptions = { schemes: o.schemes, exclude, backoffMaxMs };
    return store.preference?.pick(Math.min(count, this.missing), options) ?? [];
  }

  /** One of them has become a neighbour. */
  linked(peer: Peer): void {
    this.#c.store.preference?.hold(peer.id);
    this.#c.counters.protections++;
  }
}
