// What must be true of honest nodes at every moment, whatever happens to them. Each is a named function; those that
// look at messages are told of them as they are sent, the others look at all nodes now and then.
import { type PeerId, toHex } from '@peernet/core';
import { TUNING } from '@peernet/gossip';
import { CAPACITY, LIMITS } from '@peernet/search';
import type { Host } from '@peernet/sim';
import { decodeMessage as decodeGossip, type Message } from '../../../packages/gossip/src/wire.js';
import { decodeMessage as decodeSearch, queryOf } from '../../../packages/search/src/wire.js';
import { channelTag } from './connection.js';
import type { SimNode } from './node.js';
import type { Population } from './population.js';

/** What is wrong, or undefined. */
type Check = (node: SimNode) => string | undefined;

/** ms between two looks at all nodes. */
const lookMs = 2_000;
/** … and into their books, which takes longer. */
const bookMs = 60_000;

/** Protocol.md §1.6: one overlay link per peer. */
export const oneLinkPerPeer: Check = (node) => {
  const ids = node.gossip.neighbours().map(({ id }) => id);
  return new Set(ids).size === ids.length ? undefined : `${name(node)} has two overlay links to one peer`;
};

/** Protocol.md §1, §5: no more links of any kind than allowed. */
export const linksWithinLimits: Check = (node) => {
  const { overlayLinks, guestLinks, appLinks, probeLinks, pendingLinks, linksMax } = node.gossip.snapshot();
  const limits: [string, unknown, number][] = [
    // One more while a rotation connects first and drops then, per end (protocol.md §5).
    ['overlay', overlayLinks, Number(linksMax) + 1],
    ['guest', guestLinks, TUNING.guestsMax],
    ['app', appLinks, TUNING.appsMax],
    ['probe', probeLinks, TUNING.probesMax],
    ['pending', pendingLinks, TUNING.pendingRelayMax],
  ];
  const over = limits.find(([, count, max]) => Number(count) > max);
  return over && `${name(node)} has ${over[1]} ${over[0]} links, at most ${over[2]}`;
};

/** Protocol.md §6, §8: the tables of the search. */
export const searchTablesWithinCapacity: Check = (node) => {
  const { adverts = 0, casts = 0, trails = 0, withdrawals = 0, queries = 0 } = node.search.snapshot();
  const limits: [string, number, number][] = [
    ['adverts', adverts, LIMITS.adverts],
    ['casts', casts, CAPACITY.seen],
    ['trails', trails, CAPACITY.trails],
    ['withdrawals', withdrawals, CAPACITY.withdrawals],
    ['queries', queries, CAPACITY.seen],
  ];
  const over = limits.find(([, count, max]) => count > max);
  return over && `${name(node)} holds ${over[1]} ${over[0]}, at most ${over[2]}`;
};

/** Protocol.md §4: the book's own invariants. */
export const soundBook: Check = (node) => {
  const [broken] = node.book.broken();
  return broken && `${name(node)}: ${broken}`;
};

/** Nothing thrown inside a machine, and nobody taken for hostile. (Throttled: a figure, `limiterDrops`.) */
export const nobodyPunished: Check = (node) => {
  const { bans, bugs, malformed, badSignatures } = node.gossip.snapshot();
  const { misbehaved } = node.search.snapshot();
  const counters = { bans, bugs, malformed, badSignatures, misbehaved };
  const bad = Object.entries(counters).find(([, count]) => Number(count) > 0);
  return bad && `${name(node)}: ${bad[0]} ${bad[1]}`;
};

/** Watches over a population; the first broken promise ends the run of its world. */
export function watch(population: Population): void {
  const { world } = population;
  const each: [Check, number][] = [
    [oneLinkPerPeer, lookMs],
    [linksWithinLimits, lookMs],
    [searchTablesWithinCapacity, lookMs],
    [nobodyPunished, lookMs],
    [soundBook, bookMs],
  ];
  for (const [check, everyMs] of each) {
    world.invariant(check.name, () => firstOf(population.nodes, check), { everyMs });
  }
  const messages = new MessageInvariants(population);
  population.listen((from, to, message) => messages.sent(from, to, message));
  world.invariant('messages', () => messages.broken);
}

function firstOf(nodes: readonly SimNode[], check: Check): string | undefined {
  for (const node of nodes) {
    const wrong = check(node);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The promises about what is sent. */
export class MessageInvariants {
  /** The first broken one. */
  broken: string | undefined;
  readonly #population: Population;
  /** Query → who was asked by whom: `asked>asker`. */
  readonly #asked = new Map<string, Set<string>>();

  constructor(population: Population) {
    this.#population = population;
  }

  sent(from: Host, to: Host, message: Uint8Array): void {
    const bytes = message.subarray(1);
    if (message[0] === channelTag.gossip) this.#gossiped(from, bytes);
    else if (message[0] === channelTag.search) this.#searched(from, to, bytes);
  }

  /** Protocol.md §3: only own and verified records are gossiped. */
  #gossiped(from: Host, bytes: Uint8Array): void {
    if (!vouching.includes(bytes[0] as number)) return; // decoding costs more than sending
    const message = decodeGossip(bytes);
    const node = this.#population.byHost.get(from);
    if (message === undefined || node === undefined) return;
    for (const { record } of vouchedFor(message)) {
      if (record.id === from.id) continue;
      const isVerified = record.addresses.some((address) => {
        const entry = node.book.get(address);
        return entry?.verified === true && entry.id === record.id;
      });
      if (!isVerified)
        this.broken ??= `${name(node)} gossips a record in a ${message.kind} that it has not verified`;
    }
  }

  /** Protocol.md §6: rows go back the way that the search came. */
  #searched(from: Host, to: Host, bytes: Uint8Array): void {
    const message = decodeSearch(bytes);
    if (message?.type === 'search') {
      const key = toHex(queryOf(from.crypto, message));
      const pairs = this.#asked.get(key) ?? new Set();
      this.#asked.set(key, pairs.add(pair(to.id, from.id)));
    } else if (message?.type === 'rows') {
      if (this.#asked.get(toHex(message.query))?.has(pair(from.id, to.id)) !== true)
        this.broken ??= `host ${from.index} sends rows to host ${to.index}, which has not asked it`;
    }
  }
}

function pair(asked: PeerId, asker: PeerId): string {
  return `${asked}>${asker}`;
}

/** First bytes of SHUFFLE, LINK, FULL and REPLACED. */
const vouching: readonly number[] = [3, 6, 7, 8];

/** Records of a message for which its sender vouches: not those of walks on their way, nor the joiner of REPLACED, which are their owners' own words. */
function vouchedFor(message: Message): readonly { record: { id: PeerId; addresses: readonly string[] } }[] {
  if (message.kind === 'shuffle' || message.kind === 'replaced') return message.records;
  const isOwn = (message.kind === 'full' || message.kind === 'link') && /^0*$/.test(message.walk);
  return isOwn ? message.records : [];
}

function name(node: SimNode): string {
  return `host ${node.host.index}`;
}
