// Streams of the application to whoever is behind a search row, a peer, an id or an address: over the connection that
// there is, or over one that is made for it.
import {
  type Clock,
  type DuplexLike,
  type ErrorCode,
  isPeernetError,
  PeernetError,
  parseForeignAddress,
  parsePeerId,
  systemClock,
} from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import type { Member } from './member.js';
import type { Parts } from './parts.js';
import type { Reach, Target as ReachTarget } from './reach.js';
import { join, pair } from './streams.js';
import type { ByteStream, Peer, SearchRow } from './types.js';

/** Who is meant, and how we know. */
interface Target extends ReachTarget {
  /** From a search row: a dial that fails says that the row is stale. */
  readonly found: boolean;
  /** Of that row, if it has one. */
  readonly seq?: number | undefined;
}

/** The part of a node that streams need. */
interface RunningNode {
  readonly running: Parts | undefined;
  readonly reach: Reach;
  readonly options: { readonly clock?: Clock | undefined };
  /** Streams that end with the node. */
  readonly streams: Set<ByteStream>;
  started(): Promise<Parts>;
  learnScheme(address: string): void;
}

export class AppStreams {
  readonly #node: RunningNode;

  constructor(node: RunningNode) {
    this.#node = node;
  }

  /** Returns at once; what is written waits for the connection. Failure is the stream's `error`. */
  open(to: SearchRow | Peer | string, protocol: string): ByteStream {
    checkProtocol(protocol);
    const target = targetOf(to);
    const parts = this.#node.running;
    const there = parts && this.#node.reach.find(parts, target);
    if (there !== undefined) return there.open(protocol);
    for (const address of typeof to === 'string' ? target.addresses : []) this.#node.learnScheme(address);
    const { outer, inner } = pair();
    this.#node.streams.add(outer);
    outer.on('close', () => this.#node.streams.delete(outer));
    this.#member(target).then(
      (member) => {
        // Given up meanwhile; the connection waits for the next stream, or goes.
        if (outer.destroying) {
          member.rest();
          return;
        }
        const stream = member.open(protocol);
        failWith(stream, outer, this.#node.options.clock ?? systemClock);
        join(inner as unknown as DuplexLike, stream as unknown as DuplexLike);
      },
      (error: Error) => outer.destroy(error),
    );
    return outer;
  }

  async #member(target: Target): Promise<Member> {
    const parts = await this.#node.started();
    try {
      return await this.#node.reach.member(parts, target);
    } catch (error) {
      if (target.found && target.id !== undefined && isUnreachable(error, target)) {
        this.#node.reach.stale(parts, target.id, target);
      }
      throw error;
    }
  }
}

/** `outer` fails as `stream` does: behind what was said to its end and is still on its way, if it is read soon. */
function failWith(stream: ByteStream, outer: ByteStream, clock: Clock): void {
  let [said, read] = [false, false];
  stream.on('end', () => {
    said = true;
  });
  outer.on('end', () => {
    read = true;
  });
  stream.on('error', (error: Error) => {
    const fail = (): void => void outer.destroy(error);
    if (!said || read) fail();
    else {
      outer.on('end', fail);
      outer.on('close', clock.alarm(clock.now() + DEFAULTS.lastWordsMs, fail));
    }
  });
}

/** Whether a failure says that the peer is gone: not if we had no address, no room, or no transport. */
export function isUnreachable(error: unknown, { addresses }: ReachTarget): boolean {
  return (
    addresses.length > 0 &&
    !['CLOSED', 'LIMIT', 'ABORTED', 'HELD_OFF', 'PENDING', 'SCHEME_UNKNOWN'].some((code) =>
      isPeernetError(error, code as ErrorCode),
    )
  );
}

/** TypeError unless it is a protocol name: 1 … 60 of `A-Z a-z 0-9 _ . / -` (protocol.md §1.4). */
export function checkProtocol(protocol: unknown): void {
  if (typeof protocol !== 'string' || !/^[A-Za-z0-9_./-]{1,60}$/.test(protocol)) {
    throw new TypeError(`a protocol name is 1 … 60 of A-Z a-z 0-9 _ . / - , got ${String(protocol)}`);
  }
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
    const seq = 'seq' in to && Number.isSafeInteger(to.seq) ? to.seq : undefined;
    if (id !== undefined) return { id, addresses: [...new Set(all as string[])], found: 'hash' in to, seq };
  }
  throw new PeernetError(
    'ADDRESS_INVALID',
    `neither a search row, a peer, an id nor an address: ${String(to)}`,
  );
}
