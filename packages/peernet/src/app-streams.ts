// Streams of the application to whoever is behind a search row, a peer, an id or an address: over the connection that
// there is, or over one that is made for it.
import {
  type DuplexLike,
  isPeernetError,
  type PeerId,
  PeernetError,
  parseForeignAddress,
  parsePeerId,
} from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import type { Member } from './member.js';
import type { Parts } from './parts.js';
import { join, pair } from './streams.js';
import type { ByteStream, Peer, SearchRow } from './types.js';

/** Who is meant, as far as it is known. */
interface Target {
  readonly id: PeerId | undefined;
  readonly addresses: readonly string[];
  /** From a search row: a dial that fails says that the row is stale. */
  readonly found: boolean;
}

/** The part of a node that streams need. */
interface RunningNode {
  readonly running: Parts | undefined;
  /** Streams that end with the node. */
  readonly streams: Set<ByteStream>;
  started(): Promise<Parts>;
  learnScheme(address: string): void;
}

export class AppStreams {
  readonly #node: RunningNode;
  readonly #dials = new Map<string, Promise<Member>>();

  constructor(node: RunningNode) {
    this.#node = node;
  }

  /** Returns at once; what is written waits for the connection. Failure is the stream's `error`. */
  open(to: SearchRow | Peer | string, protocol: string): ByteStream {
    checkProtocol(protocol);
    const target = targetOf(to);
    const parts = this.#node.running;
    const there = parts && find(parts, target);
    if (there !== undefined) return there.open(protocol);
    for (const address of typeof to === 'string' ? target.addresses : []) this.#node.learnScheme(address);
    const { outer, inner } = pair();
    this.#node.streams.add(outer);
    outer.on('close', () => this.#node.streams.delete(outer));
    this.#reach(target).then(
      (member) => {
        // Given up meanwhile; the connection waits for the next stream, or goes.
        if (outer.destroying) {
          member.rest();
          return;
        }
        const stream = member.open(protocol);
        stream.on('error', (error: Error) => outer.destroy(error));
        join(inner as unknown as DuplexLike, stream as unknown as DuplexLike);
      },
      (error: Error) => outer.destroy(error),
    );
    return outer;
  }

  async #reach(target: Target): Promise<Member> {
    const parts = await this.#node.started();
    const there = find(parts, target);
    if (there !== undefined) return there;
    const key = target.id ?? target.addresses[0] ?? '';
    const running = this.#dials.get(key);
    if (running !== undefined) return running;
    const dial = this.#dial(parts, target).finally(() => this.#dials.delete(key));
    this.#dials.set(key, dial);
    return dial;
  }

  async #dial(parts: Parts, target: Target): Promise<Member> {
    const busy = parts.hub.members().filter((member) => member.kind === 'app').length;
    if (busy >= DEFAULTS.appConnectionsMax) {
      throw new PeernetError('LIMIT', `${busy} connections for streams are open already`);
    }
    const addresses = target.addresses.length > 0 ? target.addresses : addressesOf(parts, target.id);
    if (addresses.length === 0) {
      throw new PeernetError(
        'NOT_FOUND',
        `no address of ${target.id} is known: search for it, or pass an address`,
      );
    }
    let last: unknown;
    const counts = parts.hub.members().length > 0;
    for (const address of addresses) {
      try {
        const member = await parts.hub.dial(address, { expect: target.id });
        parts.store.outcome(address, { ok: true, id: member.connection.peer });
        parts.gossip.add(member.gossipLink, { purpose: 'app' });
        member.announce();
        return member;
      } catch (error) {
        if (isPeernetError(error, 'CLOSED')) throw error;
        last = error;
        parts.store.outcome(address, { ok: false, counts });
      }
    }
    if (target.found && target.id !== undefined) parts.search.stale(target.id);
    throw last;
  }
}

/** TypeError unless it is a protocol name: 1 … 60 of `A-Z a-z 0-9 _ . / -` (protocol.md §1.4). */
export function checkProtocol(protocol: unknown): void {
  if (typeof protocol !== 'string' || !/^[A-Za-z0-9_./-]{1,60}$/.test(protocol)) {
    throw new TypeError(`a protocol name is 1 … 60 of A-Z a-z 0-9 _ . / - , got ${String(protocol)}`);
  }
}

function find(parts: Parts, target: Target): Member | undefined {
  if (target.id !== undefined) return parts.hub.byId(target.id);
  for (const address of target.addresses) {
    const member = parts.hub.byAddress(address);
    if (member !== undefined) return member;
  }
  return undefined;
}

function addressesOf(parts: Parts, id: PeerId | undefined): string[] {
  const found: string[] = [];
  for (const entry of parts.store.entries()) if (entry.id === id) found.push(entry.address);
  return found;
}

function targetOf(to: SearchRow | Peer | string): Target {
  if (typeof to === 'string') {
    const id = parsePeerId(to);
    if (id !== undefined) return { id, addresses: [], found: false };
    const address = parseForeignAddress(to);
    if (address !== undefined) return { id: address.id, addresses: [address.text], found: false };
  } else if (typeof to?.id === 'string') {
    const id = parsePeerId(to.id);
    const listed = 'addresses' in to ? to.addresses : [];
    const all = [to.address, ...listed].filter(
      (text) => text !== undefined && parseForeignAddress(text) !== undefined,
    );
    if (id !== undefined) return { id, addresses: [...new Set(all as string[])], found: 'hash' in to };
  }
  throw new PeernetError(
    'ADDRESS_INVALID',
    `neither a search row, a peer, an id nor an address: ${String(to)}`,
  );
}
