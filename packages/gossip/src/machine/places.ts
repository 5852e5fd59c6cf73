// Who has to go when a full node lets somebody in. A node that can be dialed ranks those who want a place by a secret of
// its own and by where they come from: the worst-ranked neighbour gives way to whoever ranks better. So neither how often
// they ask, nor what they say of themselves counts, and each address group wins the same share of the places. By turns of
// who leaves, those who never leave would have all of them in the end (targets.md S12). The oldest neighbours are spared,
// one of a group: if a network is attacked after it has grown, those are the honest ones. A few places go by need
// instead: to the desperate, whatever their rank, until other desperate ones come. Who can be dialed ranks last: others
// come to it, so that an attacker's address is dialed or takes places, not both.
import { addressOf, type BookEntry, concatBytes, pickOne, randomBytes, utf8 } from '@peernet/core';
import type { Context } from './context.js';
import { byAge, type Peer } from './peer.js';

/** Nothing else is hashed under it. */
const domain = 'peernet/place/1';
/** Bytes of the secret: nobody guesses it. */
const secretBytes = 32;

/** What most ticks take: no new array for nothing. */
const none: readonly BookEntry[] = [];

/** How a neighbour ranks, the smaller the better; what is named first counts first. */
interface Standing {
  /** Neighbours from where it comes from that were here before it: each group's first ones come first. */
  readonly behind: number;
  /** It can be dialed itself. */
  readonly reachable: boolean;
  readonly rank: number;
}

interface Candidate extends Standing {
  readonly peer: Peer;
}

export class Places {
  readonly #c: Context;
  /** Drawn when it is first needed: most nodes are never full. */
  #secret: Uint8Array | undefined;
  readonly #ranks = new WeakMap<Peer, number>();
  /** Ids and IPs of whom we have dialed, as of `#provenMs`. */
  #proven: ReadonlySet<string> = new Set();
  #suspects: readonly BookEntry[] = none;
  #provenMs = Number.NEGATIVE_INFINITY;
  /** Those who have their place by need. */
  readonly #needy = new WeakSet<Peer>();

  constructor(context: Context) {
    this.#c = context;
  }

  /** Who has to go for `newcomer`, whatever it says: the worst-ranked, if that is not itself. */
  byRank(newcomer: Peer): Peer | undefined {
    const inbound = this.#inbound();
    const worst = this.#worst(inbound);
    if (worst === undefined) return undefined;
    const origin = originOf(newcomer);
    const behind = inbound.filter((peer) => originOf(peer) === origin).length;
    return isWorse(worst, this.#standing(newcomer, behind)) ? worst.peer : undefined;
  }

  /** Who has to go for somebody who is desperate. */
  byNeed(): Peer | undefined {
    const inbound = this.#inbound();
    if (!this.#c.dialable) return this.#ofLargestGroup(inbound);
    const needy = inbound.filter((peer) => this.#needy.has(peer));
    if (needy.length < this.#c.tuning.needyMax) return this.#worst(inbound)?.peer;
    return pickOne(
      this.#c.random,
      needy.filter((peer) => this.#isSettled(peer)),
    );
  }

  /**
   * Addresses at the IPs of neighbours who say that they cannot be dialed: if somebody answers there, they can. Who
   * dials them reaches nobody else than the host that has come to us.
   */
  takeSuspects(): readonly BookEntry[] {
    const suspects = this.#suspects;
    this.#suspects = none;
    return suspects;
  }

  /** It has got a place by need. */
  help(peer: Peer): void {
    this.#needy.add(peer);
  }

  /** Neighbours that may have to go one day, oldest first. */
  #inbound(): Peer[] {
    return this.#c.peers.neighbours.filter((peer) => !peer.initiator && !peer.pinned).sort(byAge);
  }

  #isSettled(peer: Peer): boolean {
    return this.#c.nowMs - peer.neighbourMs >= this.#c.tuning.settledMs;
  }

  /** Of those who are settled, no seniors, and have no place by need. */
  #worst(inbound: readonly Peer[]): Candidate | undefined {
    const met = new Map<string, number>();
    let worst: Candidate | undefined;
    const seniors = Math.floor(inbound.length * this.#c.tuning.seniorShare);
    for (const [age, peer] of inbound.entries()) {
      const origin = originOf(peer);
      const behind = met.get(origin) ?? 0;
      met.set(origin, behind + 1);
      const isSenior = age < seniors && behind === 0;
      if (isSenior || !this.#isSettled(peer) || this.#needy.has(peer)) continue;
      const candidate = { ...this.#standing(peer, behind), peer };
      if (worst === undefined || isWorse(candidate, worst)) worst = candidate;
    }
    return worst;
  }

  #standing(peer: Peer, behind: number): Standing {
    return { behind, reachable: this.#isReachable(peer), rank: this.#rankOf(peer) };
  }

  /** It says so, or we have dialed it, or somebody at the same IP. */
  #isReachable(peer: Peer): boolean {
    if (this.#c.tuning.shyFirst === 0) return false;
    if (peer.record?.dialable) return true;
    const proven = this.#provenReachable();
    return proven.has(peer.id) || proven.has(ipOf(peer) ?? '');
  }

  /** Ids and IPs of whom we have dialed within the hour; looked up at most once a minute. */
  #provenReachable(): ReadonlySet<string> {
    const { nowMs, store, tuning } = this.#c;
    if (nowMs - this.#provenMs < tuning.provenEveryMs) return this.#proven;
    this.#provenMs = nowMs;
    const proven = new Set<string>();
    const shy = new Set(
      this.#inbound()
        .filter(({ record }) => !record?.dialable)
        .map(ipOf),
    );
    const suspects = new Map<string, BookEntry>();
    for (const entry of store.entries()) {
      const ip = addressOf(entry.address)?.ip?.text;
      if (entry.verified && entry.id !== undefined) proven.add(entry.id);
      if (ip === undefined) continue;
      if (entry.verified) proven.add(ip);
      else if (entry.failures === 0 && shy.has(ip)) suspects.set(ip, entry);
    }
    this.#suspects = [...suspects].filter(([ip]) => !proven.has(ip)).map(([, entry]) => entry);
    this.#proven = proven;
    return proven;
  }

  #rankOf(peer: Peer): number {
    const known = this.#ranks.get(peer);
    if (known !== undefined) return known;
    const { crypto, random } = this.#c;
    this.#secret ??= randomBytes(random, secretBytes);
    const hash = crypto.hash(domain, concatBytes(this.#secret, utf8(originOf(peer))));
    const rank = new DataView(hash.buffer, hash.byteOffset).getUint32(0);
    this.#ranks.set(peer, rank);
    return rank;
  }

  /** Where few others can come: one of the largest group, settled, but not of the older half. */
  #ofLargestGroup(inbound: readonly Peer[]): Peer | undefined {
    const groups = new Map<string, number>();
    for (const { group } of inbound) groups.set(group, (groups.get(group) ?? 0) + 1);
    const fit = inbound.slice(inbound.length >> 1).filter((peer) => this.#isSettled(peer));
    const most = Math.max(0, ...fit.map(({ group }) => groups.get(group) ?? 0));
    return pickOne(
      this.#c.random,
      fit.filter(({ group }) => groups.get(group) === most),
    );
  }
}

function isWorse(a: Standing, b: Standing): boolean {
  if (a.behind !== b.behind) return a.behind > b.behind;
  return a.reachable === b.reachable ? a.rank > b.rank : a.reachable;
}

/** What places are won by: the address group that a peer comes from, or, where that says nothing (loopback, a proxy, an introduction), its id. */
export function originOf(peer: Peer): string {
  return tellsOrigin(peer) ? peer.group : peer.id;
}

function tellsOrigin({ scope, remoteAddress }: Peer): boolean {
  return scope === 'global' && remoteAddress !== undefined && !remoteAddress.startsWith('wrtc:');
}

/** Where it comes from, if that says anything. */
function ipOf(peer: Peer): string | undefined {
  return tellsOrigin(peer) ? addressOf(peer.remoteAddress ?? '')?.ip?.text : undefined;
}
