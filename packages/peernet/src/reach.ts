// Getting a connection to somebody: the one that there is, or one that is made for it. Of several addresses the next
// one is tried as soon as one fails, or after a second without an answer; whichever answers first is used, and the
// others are given up. Who asks for the same peer meanwhile waits for the same dial.
import { type Clock, isPeernetError, type PeerId, PeernetError, parseForeignAddress } from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import type { Member } from './member.js';
import type { Parts } from './parts.js';

/** Who is meant, as far as it is known. */
export interface Target {
  readonly id: PeerId | undefined;
  readonly addresses: readonly string[];
}

/** What a search row said. */
export interface Tried {
  readonly addresses: readonly string[];
  readonly seq?: number | undefined;
}

export class Reach {
  readonly #clock: Clock;
  readonly #dials = new Map<string, Promise<Member>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The connection that there is already. */
  find(parts: Parts, target: Target): Member | undefined {
    if (target.id !== undefined) return parts.hub.byId(target.id);
    for (const address of target.addresses) {
      const member = parts.hub.byAddress(address);
      if (member !== undefined) return member;
    }
    return undefined;
  }

  /** Rejects with NOT_FOUND, LIMIT, CLOSED, or why the last address failed. */
  async member(parts: Parts, target: Target): Promise<Member> {
    const there = this.find(parts, target);
    if (there !== undefined) return there;
    const key = target.id ?? target.addresses[0] ?? '';
    const running = this.#dials.get(key);
    if (running !== undefined) return running;
    const dial = this.#dial(parts, target)
      .catch((error: unknown) => {
        const late = this.find(parts, target);
        if (late === undefined) throw error;
        return late; // it has dialed us meanwhile
      })
      .finally(() => this.#dials.delete(key));
    this.#dials.set(key, dial);
    return dial;
  }

  /**
   * A row led nowhere: what its member had said is not shown again. Who names no relay is known to neighbours of ours
   * or not, and has nothing new to say once it is.
   */
  stale(parts: Parts, id: PeerId, { addresses, seq }: Tried): void {
    const isStranger = addresses.every((text) => text === `wrtc:${id}`);
    if (isConnected(parts)) parts.search.stale(id, seq, isStranger ? DEFAULTS.strangerMs : undefined);
  }

  /** The connection that another dial makes; it may stand by now. */
  async #arrival({ hub }: Parts, id: PeerId): Promise<Member | undefined> {
    return hub.byId(id) ?? hub.arrivals.next(id, DEFAULTS.pendingMs);
  }

  async #dial(parts: Parts, target: Target): Promise<Member> {
    const busy = parts.hub.members().filter((member) => member.kind === 'app').length;
    if (busy >= DEFAULTS.appConnectionsMax) {
      throw new PeernetError('LIMIT', `${busy} connections for streams are open already`);
    }
    const given = target.addresses.length > 0 ? target.addresses : addressesOf(parts, target.id);
    const addresses = inOrder(given, (scheme) => parts.canDial(scheme));
    if (addresses.length === 0) {
      throw new PeernetError(
        'NOT_FOUND',
        `no address of ${target.id} is known: search for it, or pass an address`,
      );
    }
    const counts = isConnected(parts);
    const { member, address } = await firstOf(addresses, this.#clock, DEFAULTS.staggerMs, (text, signal) =>
      parts.hub
        .dial(text, { expect: target.id, signal })
        .then((dialed) => ({ member: dialed, address: text }))
        .catch(async (error: unknown) => {
          const isPending = isPeernetError(error, 'PENDING') && target.id !== undefined;
          const other = isPending ? await this.#arrival(parts, target.id) : undefined;
          if (other !== undefined) return { member: other, address: undefined };
          const ours = signal.aborted || isPending || isPeernetError(error, 'CLOSED');
          // Another peer than the one that is known there may claim its address: that is no fault of the address.
          const isLie = isPeernetError(error, 'WRONG_PEER') && parts.store.get(text)?.id !== target.id;
          if (!ours && !isLie) parts.store.outcome(text, { ok: false, counts });
          throw error;
        }),
    );
    if (address === undefined) return member; // whoever dialed has seen to the rest
    parts.store.outcome(address, { ok: true, id: member.connection.peer });
    parts.gossip.add(member.gossipLink, { purpose: 'app' });
    member.announce();
    return member;
  }
}

/** Without any connection it is we who are cut off: a dial that fails then says nothing of its peer. */
function isConnected({ hub }: Parts): boolean {
  return hub.members().length > 0;
}

/** Each once; those that cost others an introduction, and those for which there is no transport, last. */
function inOrder(addresses: readonly string[], canDial: (scheme: string) => boolean): string[] {
  const rank = (text: string): number => {
    const scheme = parseForeignAddress(text)?.scheme ?? '';
    return (scheme === 'wrtc' ? 1 : 0) + (canDial(scheme) ? 0 : 2);
  };
  return [...new Set(addresses)].sort((a, b) => rank(a) - rank(b));
}

/** What is known of an id. */
function addressesOf(parts: Parts, id: PeerId | undefined): string[] {
  const found: string[] = [];
  for (const entry of parts.store.entries()) if (entry.id === id) found.push(entry.address);
  return found;
}

/**
 * The first success of `attempt`, begun for one item after the other: at a failure of the one before, or `staggerMs`
 * after it began. The others are aborted then. Rejects as the last failure did.
 */
export function firstOf<Item, T>(
  items: readonly Item[],
  clock: Clock,
  staggerMs: number,
  attempt: (item: Item, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const running = new Set<AbortController>();
    let next = 0;
    let over = false;
    let cancel = (): void => {};
    const begin = (): void => {
      cancel();
      if (over || next >= items.length) return;
      const abort = new AbortController();
      running.add(abort);
      const item = items[next++] as Item;
      if (next < items.length) cancel = clock.alarm(clock.now() + staggerMs, begin);
      attempt(item, abort.signal).then(
        (value) => {
          over = true;
          cancel();
          running.delete(abort);
          for (const other of running) other.abort();
          resolve(value);
        },
        (error: unknown) => {
          running.delete(abort);
          if (over) return;
          if (next < items.length) begin();
          else if (running.size === 0) reject(error);
        },
      );
    };
    begin();
  });
}
