// Who becomes a neighbour. The dialer says HELLO and what for; the dialed one answers HELLO, and then LINK (neighbours),
// or FULL with others to try. A full node keeps a newcomer as its guest for half a minute and walks for it, so that a
// crowded bootstrap still lets everybody in. For who ranks better, and now and then for the desperate, it evicts an
// inbound neighbour (places.ts), who is told the newcomer: the edge is split, not lost (protocol.md §5).
import { type BookEntry, type HeardRecord, LruMap, pickOne } from '@peernet/core';
import { type Answer, encodeAnswer, encodeReplaced, type Hello, type Replaced, WIRE } from '../wire.js';
import type { Context } from './context.js';
import type { Dialer } from './dialer.js';
import type { Exchange } from './exchange.js';
import type { Links } from './links.js';
import type { Peer } from './peer.js';
import { originOf, Places } from './places.js';
import { claimsAnotherHost } from './prober.js';
import type { Protection } from './protection.js';
import type { Room, Walks } from './walks.js';

export interface AdmissionParts {
  readonly links: Links;
  readonly exchange: Exchange;
  readonly dialer: Dialer;
  readonly protection: Protection;
  readonly walks: () => Walks;
  /** Somebody has no room for us, but has told us of others. */
  readonly onRefused: () => void;
}

export class Admission implements Room {
  readonly #c: Context;
  readonly #p: AdmissionParts;
  #evictAtMs = Number.NEGATIVE_INFINITY;
  /** When somebody was last evicted for whom: by id, and by where it comes from. */
  readonly #claimants: LruMap<string, number>;
  readonly #places: Places;

  constructor(context: Context, parts: AdmissionParts) {
    this.#c = context;
    this.#p = parts;
    this.#claimants = new LruMap(context.tuning.claimantsMax);
    this.#places = new Places(context);
  }

  // ---- the one who was dialed ----

  /** A visitor has said HELLO, and we have answered it: what becomes of it. */
  receive(peer: Peer): void {
    const { tuning, peers } = this.#c;
    if (peer.purpose === 'overlay') this.#decide(peer);
    else if (peers.count('app') >= tuning.appsMax) this.#p.links.end(peer, 'FULL');
    else this.#p.links.turn(peer, 'app');
  }

  /** The other side of an application's link wants to be a neighbour. */
  promote(peer: Peer): void {
    if (peer.kind === 'overlay') this.#answer(peer, 'link');
    else this.#decide(peer);
  }

  #decide(peer: Peer): void {
    if (!this.#hasFreePlace()) {
      const victim = this.#byRank(peer) ?? this.#byNeed(peer);
      if (victim === undefined) {
        this.#refuse(peer);
        return;
      }
      this.#evict(victim, peer);
    }
    this.#accept(peer);
  }

  /** A full node that can be dialed has those who rank best, so that nobody can have all of its places. */
  #byRank(claimant: Peer): Peer | undefined {
    if (!this.#c.dialable || !this.#mayClaim(originOf(claimant))) return undefined;
    const victim = this.#places.byRank(claimant);
    if (victim !== undefined) this.#claimants.set(originOf(claimant), this.#c.nowMs);
    return victim;
  }

  #byNeed(claimant: Peer): Peer | undefined {
    const { tuning, nowMs } = this.#c;
    if (claimant.degree >= tuning.desperateDegree || !this.#mayClaim(claimant.id)) return undefined;
    if (nowMs - this.#evictAtMs < tuning.evictEveryMs) return undefined;
    const victim = this.#places.byNeed();
    if (victim === undefined) return undefined;
    this.#evictAtMs = nowMs;
    this.#claimants.set(claimant.id, nowMs);
    this.#places.help(claimant);
    return victim;
  }

  /** Nobody was evicted for it just now. */
  #mayClaim(claimant: string): boolean {
    const lastMs = this.#claimants.get(claimant) ?? Number.NEGATIVE_INFINITY;
    return this.#c.nowMs - lastMs >= this.#c.tuning.evictClaimantMs;
  }

  /** Addresses that may prove who among our neighbours can be dialed. */
  takeSuspects(): readonly BookEntry[] {
    return this.#places.takeSuspects();
  }

  hasRoom(desperate: boolean): boolean {
    if (this.#hasFreePlace()) return true;
    return desperate && this.#c.nowMs - this.#evictAtMs >= this.#c.tuning.evictEveryMs;
  }

  /** We cannot be dialed, and lack links with others of the kind (`beyond`: or would take one more for their sake). */
  lacksIntroduced(beyond = false): boolean {
    const { tuning, shyNeighbours, introducedTarget } = this.#c;
    const most = introducedTarget * (beyond ? tuning.introducedFactor : 1);
    return shyNeighbours + this.#p.dialer.count('introduce') < most && this.#hasFreePlace();
  }

  /** Places that our own outbound links will need are not given away. */
  #hasFreePlace(): boolean {
    const { dialedTarget, peers, degree, linksMax } = this.#c;
    return degree + Math.max(0, dialedTarget - peers.outbound) < linksMax;
  }

  #accept(peer: Peer): void {
    this.#answer(peer, 'link');
    this.#p.links.turn(peer, 'overlay');
  }

  #refuse(peer: Peer): void {
    const { tuning, peers, counters } = this.#c;
    counters.refusedOthers++;
    this.#answer(peer, 'full');
    if (peer.kind === 'app') return;
    if (peer.degree >= tuning.desperateDegree || peers.hosted >= tuning.guestsMax) {
      this.#p.links.end(peer, 'FULL');
      return;
    }
    counters.guests++;
    this.#p.links.turn(peer, 'guest', true);
    this.#p.links.expire(peer, tuning.guestMs);
    this.#p.walks().startFor(peer, tuning.guestWalks);
  }

  #answer(peer: Peer, kind: Answer['kind']): void {
    const { degree } = this.#c;
    const records = this.#p.exchange.sample(peer, WIRE.recordsMax);
    peer.sending('answer', this.#c.nowMs).takeUpTo(1, this.#c.nowMs);
    this.#c.send(peer, encodeAnswer({ kind, walk: '', degree, records }), 'control');
  }

  #evict(victim: Peer, joiner: Peer): void {
    const { nowMs, tuning, counters } = this.#c;
    counters.evictions++;
    const heard = joiner.heard(nowMs);
    // Nobody has dialed the joiner yet. Where it comes from may be told; another host that it names may be a victim.
    const told = heard?.record.dialable && !claimsAnotherHost(joiner) ? heard : undefined;
    const records = this.#p.exchange.sample(victim, WIRE.recordsMax);
    victim.sending('answer', nowMs).takeUpTo(1, nowMs);
    this.#c.send(victim, encodeReplaced(told, records), 'control');
    this.#p.links.turn(victim, 'guest', true, 'REPLACED');
    this.#p.links.expire(victim, tuning.evictedGuestMs);
  }

  // ---- the one who dialed ----

  /** LINK or FULL for the very link that it came over. */
  onAnswer(peer: Peer, message: Answer): void {
    const { counters } = this.#c;
    if (!peer.asking || !peer.greeted) {
      // After a promotion that crossed another, or a timeout of ours, an answer may find nobody waiting.
      counters.unexpected++;
      if (peer.kind === 'pending') this.#p.links.end(peer, 'PROTOCOL');
      return;
    }
    peer.asking = false;
    this.#p.links.keep(peer);
    peer.degree = message.degree;
    if (message.kind === 'link') this.#linked(peer, message.records);
    else this.#refused(peer, message.records);
  }

  #linked(peer: Peer, records: readonly HeardRecord[]): void {
    const { degree, linksMax } = this.#c;
    const swaps = peer.intent === 'rotate' || peer.intent === 'protect';
    const most = linksMax + (swaps || peer.pinned ? 1 : 0);
    if (peer.kind === 'overlay') return;
    if (degree >= most) {
      this.#p.links.end(peer, 'FULL');
      return;
    }
    this.#p.links.turn(peer, 'overlay');
    this.#p.exchange.take(records, peer);
    this.#p.walks().refresh();
    if (peer.intent === 'protect') this.#p.protection.linked(peer);
    if (swaps) this.#dropFor(peer);
  }

  #refused(peer: Peer, records: readonly HeardRecord[]): void {
    const { o, degree, tuning, counters } = this.#c;
    if (peer.kind === 'overlay') return; // it has asked as well, and takes the LINK that we gave it
    counters.refused++;
    this.#p.dialer.avoid(peer.dialed);
    this.#p.exchange.take(records, peer);
    if (peer.kind === 'app') return;
    if (degree >= o.connections) {
      this.#p.links.end(peer, 'DONE');
      return;
    }
    this.#p.links.turn(peer, 'guest');
    this.#p.links.expire(peer, tuning.guestMs + tuning.helloMs);
    this.#p.onRefused();
  }

  /** A swap: the new link stands, so an own one may go. Never an inbound one: those are others' swaps (●). */
  #dropFor(fresh: Peer): void {
    const { dialedTarget, peers, random, counters } = this.#c;
    if (fresh.intent === 'rotate') counters.rotations++;
    if (peers.outbound <= dialedTarget) return;
    const victim = pickOne(
      random,
      this.rotatable().filter((peer) => peer !== fresh),
    );
    if (victim !== undefined) this.#p.links.end(victim, 'ROTATED');
  }

  /** Own outbound neighbours that a swap may drop: settled, neither pinned nor protected. */
  rotatable(): Peer[] {
    const { nowMs, tuning, peers } = this.#c;
    const kept = this.#p.protection.links();
    return peers.neighbours.filter(
      (peer) =>
        peer.initiator &&
        !peer.pinned &&
        !peer.introduced &&
        nowMs - peer.neighbourMs >= tuning.settledMs &&
        !kept.includes(peer),
    );
  }

  /** We had to make room for somebody; its record has been checked. */
  onReplaced(peer: Peer, message: Replaced): void {
    const { counters, tuning } = this.#c;
    if (peer.kind !== 'overlay') {
      counters.unexpected++;
      return;
    }
    counters.evicted++;
    this.#p.dialer.avoid(peer.dialed);
    this.#p.links.turn(peer, 'guest', false, 'REPLACED');
    this.#p.links.expire(peer, tuning.guestMs);
    this.#p.exchange.take(message.records, peer);
    const { joiner } = message;
    if (joiner === undefined) return;
    this.#p.exchange.take([joiner], peer);
    if (this.#p.dialer.missing > 0) this.#p.walks().dialRecord(joiner, peer);
  }

  /** HELLO once more: only an application's link may ask to become an overlay link. */
  mayRepeat(peer: Peer, message: Hello): boolean {
    return message.purpose === 'overlay' && (peer.kind === 'app' || peer.kind === 'overlay');
  }
}
