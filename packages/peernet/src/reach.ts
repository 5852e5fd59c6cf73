// Getting a connection to somebody: the one that there is, or one that is made for it. Of several addresses the next
// one is tried as soon as one fails, or after a second without an answer; whichever answers first is used, and the
// others are given up. Who asks for the same peer meanwhile waits for the same dial.
import { type Clock, isPeernetError, type PeerId, PeernetError, parseForeignAddress } from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import { Hearsay } from './hearsay.js';
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

/** A dial under way, and what it tries. */
interface Running {
  readonly addresses: readonly string[];
  readonly member: Promise<Member>;
}

export class Reach {
  readonly #clock: Clock;
  readonly #dials = new Map<string, Running>();
  readonly #hearsay = new Hearsay();

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
    const addresses = target.addresses.length > 0 ? target.addresses : addressesOf(parts, target.id);
    const running = this.#dials.get(key);
    if (running !== undefined) {
      return running.member.catch((error: unknown) => {
        if (addresses.every((text) => running.addresses.includes(text))) throw error;
        return this.member(parts, target); // we know of others
      });
    }
    const member = this.#dial(parts, { ...target, addresses })
      .catch((error: unknown) => {
        const late = this.find(parts, target);
        if (late === undefined) throw error;
        return late; // it has dialed us meanwhile
      })
      .finally(() => this.#dials.delete(key));
    this.#dials.set(key, { addresses, member });
    return member;
  }

  /**
   * The same for somebody whom nobody asked for but the subnet itself: only where a stranger may lead us, and not while
   * the user holds it off. Rejects with HELD_OFF or LIMIT then, without a dial.
   */
  async found(parts: Parts, target: Target & { readonly id: PeerId }): Promise<Member> {
    const { gossip, store } = parts;
    const { id } = target;
    const there = this.find(parts, target);
    if (there !== undefined) return there;
    const named = target.addresses.length > 0 ? target.addresses : addressesOf(parts, id);
    const open = named.filter((text) => !gossip.isHeldOff(text));
    if (gossip.isHeldOff(id) || (named.length > 0 && open.length === 0)) {
      throw new PeernetError('HELD_OFF', `${id} is held off`);
    }
    const addresses = this.#hearsay.believed(open, store, this.#clock.now());
    if (open.length > 0 && addresses.length === 0) {
      throw new PeernetError('LIMIT', `where ${id} says that it is, nobody may lead us now`);
    }
    return this.member(parts, { id, addresses });
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
    // Those that others have made are their affair: strangers must not keep us from dialing.
    const ours = parts.hub.members().filter(({ connection, kind }) => connection.initiator && kind === 'app');
    if (ours.length >= DEFAULTS.appConnectionsMax) {
      throw new PeernetError('LIMIT', `${ours.length} connections for streams are open already`);
    }
    const addresses = inOrder(target.addresses, (scheme) => parts.canDial(scheme));
    if (addresses.length === 0) {
      throw new PeernetError(
        'NOT_FOUND',
        `no address of ${target.id} is known: search for it, or pass an address`,
      );
    }
    const counts = isConnected(parts);
    const making = new Set<{ readonly address: string | undefined }>();
    const attempt = (text: string, signal: AbortSignal): Promise<Reached> => {
      const own = { address: parseForeignAddress(text)?.text };
      making.add(own);
      return parts.hub
        .dial(text, { expect: target.id, signal })
        .then((dialed): Reached => ({ member: dialed, address: text }))
        .catch(async (error: unknown) => {
          making.delete(own);
          const isPending = isPeernetError(error, 'PENDING') && target.id !== undefined;
          const other = isPending ? await this.#arrival(parts, target.id) : undefined;
          // Another attempt of this race is about to say so itself, and would be given up for having won.
          const isOwn = [...making].some(({ address }) => address === other?.address);
          if (other !== undefined && !isOwn) return { member: other, address: undefined };
          const isOurs = signal.aborted || isPending || isPeernetError(error, 'CLOSED');
          if (!isOurs) this.#failed(parts, text, target.id, error, counts);
          throw error;
        });
    };
    const drop = ({ member: late, address: dialed }: Reached): void => {
      if (dialed !== undefined) late.connection.close('DONE');
    };
    const { member, address } = await firstOf(addresses, this.#clock, DEFAULTS.staggerMs, attempt, drop);
    if (address === undefined) return member; // whoever dialed has seen to the rest
    parts.store.outcome(address, { ok: true, id: member.connection.peer });
    parts.gossip.add(member.gossipLink, { purpose: 'app' });
    member.announce();
    return member;
  }

  /** Whoever lives there, by what we know, is not to blame that somebody else gave the address for his. */
  #failed({ store }: Parts, text: string, id: PeerId | undefined, error: unknown, counts: boolean): void {
    const isAnothers = isPeernetError(error, 'WRONG_PEER') && store.get(text)?.id !== id;
    store.outcome(text, { ok: false, counts: counts && !isAnothers });
    if (counts) this.#hearsay.failed(text, this.#clock.now());
  }
}

/** Where somebody was reached; without an address if another dial has done it. */
interface Reached {
  readonly member: Member;
  readonly address: string | undefined;
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
 * after it began. The others are aborted then; one that succeeds all the same is given to `drop`. Rejects as the last
 * failure did.
 */
export function firstOf<Item, T>(
  items: readonly Item[],
  clock: Clock,
  staggerMs: number,
  attempt: (item: Item, signal: AbortSignal) => Promise<T>,
  drop: (late: T) => void,
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
          running.delete(abort);
          if (over) {
            drop(value);
            return;
          }
          over = true;
          cancel();
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
