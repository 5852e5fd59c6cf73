// Walks. A newcomer's record goes for a Metropolis–Hastings walk, which ends at a uniformly random node whatever the
// degrees are; that node takes it, or says who else might (protocol.md §5). A hop that does not move to a node (because
// its degree is higher) sends the walk back, so that every node decides by its own degree and nobody's claim. Answers
// return along the hops, each of which remembers for 30 s where a walk came from first. Walks of kind `introduce` look for
// somebody else who cannot be dialed: their end offers a connection, by signals that go back the same way (§7).
import {
  addressOf,
  type HeardRecord,
  LruMap,
  type PeerId,
  type PeerRecord,
  randomBytes,
  toHex,
} from '@peernet/core';
import { type Answer, encodeAnswer, encodeWalk, type Walk, type WalkKind, WIRE } from '../wire.js';
import type { Context } from './context.js';
import type { Dialer } from './dialer.js';
import type { Exchange } from './exchange.js';
import type { Peer } from './peer.js';
import type { Records } from './records.js';

/** Who is asked whether there is room for one more. */
export interface Room {
  /** A newcomer that knocks would be taken (`desperate`: even if somebody has to go for it). */
  hasRoom(desperate: boolean): boolean;
  /** One more link with somebody who cannot be dialed would be welcome. */
  lacksIntroduced(beyond: boolean): boolean;
}

/** Where a walk came from; undefined: from us. */
interface Route {
  readonly from: Peer | undefined;
  readonly atMs: number;
}

/** What all hops of a walk have in common. */
type Carried = Pick<Walk, 'id' | 'purpose' | 'origin' | 'desperate'>;

/** A walk of ours that has not been answered. */
interface OwnWalk {
  readonly by: Peer;
  readonly purpose: WalkKind;
  readonly deadlineMs: number;
  readonly last: boolean;
}

export interface WalksParts {
  readonly records: Records;
  readonly dialer: Dialer;
  readonly exchange: Exchange;
  readonly room: Room;
  /** N̂. */
  readonly size: () => number;
  /** A walk of ours has found nobody, and walks rest. */
  readonly onFruitless: () => void;
}

export class Walks {
  readonly #c: Context;
  readonly #p: WalksParts;
  readonly #routes: LruMap<string, Route>;
  readonly #own = new Map<string, OwnWalk>();
  /** No walks of a kind before, and for how long the last one let us rest. */
  readonly #rests = { join: { untilMs: 0, ms: 0 }, introduce: { untilMs: 0, ms: 0 } };
  /** Introduce walks in a row that brought no neighbour. */
  #inVain = 0;
  /** Walks that have ended at us, by origin. */
  readonly #ended: LruMap<PeerId, string>;

  constructor(context: Context, parts: WalksParts) {
    this.#c = context;
    this.#p = parts;
    this.#routes = new LruMap(context.tuning.routesMax);
    this.#ended = new LruMap(context.tuning.pathsMax);
  }

  // ---- own walks ----

  /** Walks of ours under way. */
  get pending(): number {
    return this.#own.size;
  }

  /** Sends one out for ourselves. False if that is not possible or not wise now. */
  start(purpose: WalkKind = 'join'): boolean {
    const { nowMs, tuning, counters } = this.#c;
    if (nowMs < this.#rests[purpose].untilMs || this.#own.size >= tuning.walksMax) return false;
    if (!this.#launch(purpose, false, undefined)) return false;
    counters.walks++;
    return true;
  }

  #launch(purpose: WalkKind, last: boolean, not: Peer | undefined): boolean {
    const { nowMs, tuning } = this.#c;
    const id = this.#newId();
    const desperate = this.#c.degree < tuning.desperateDegree;
    const walk = { id, purpose, origin: this.#p.records.heardOwn(), desperate };
    const by = this.#send(walk, this.#length(), (peer) => peer !== not);
    if (by === undefined) return false;
    this.#own.set(id, { by, purpose, deadlineMs: nowMs + tuning.walkAnswerMs, last });
    return true;
  }

  /** Up to `count` walks on behalf of a guest. */
  startFor(guest: Peer, count: number): void {
    const origin = guest.heard(this.#c.nowMs);
    if (origin === undefined) return;
    for (let i = 0; i < count; i++) {
      const id = this.#newId();
      const walk = { id, purpose: 'join', origin, desperate: true } as const;
      if (this.#send(walk, this.#length(), (peer) => peer.id !== guest.id) === undefined) return;
      this.#routes.set(id, { from: guest, atMs: this.#c.nowMs });
    }
  }

  #newId(): string {
    return toHex(randomBytes(this.#c.random, WIRE.walkIdBytes));
  }

  /** Hops to near-uniformity for the estimated size, and those in which an end may be looked for. */
  #length(): number {
    const { walkHopsMin, walkHopsMax, walkExtraHops } = this.#c.tuning;
    const hops = Math.ceil((2.2 * Math.log(Math.max(this.#p.size(), 2))) / Math.log(5));
    return Math.min(Math.max(hops, walkHopsMin), walkHopsMax) + walkExtraHops;
  }

  deadline(): number {
    let atMs = Number.POSITIVE_INFINITY;
    for (const walk of this.#own.values()) atMs = Math.min(atMs, walk.deadlineMs);
    return atMs;
  }

  /** Walks that were not answered go once more, by another neighbour. */
  tick(): void {
    const { nowMs, counters } = this.#c;
    for (const [id, walk] of this.#own) {
      if (walk.deadlineMs > nowMs) continue;
      this.#own.delete(id);
      counters.walksLost++;
      if (walk.last) this.#missed(walk.purpose);
      else if (!this.#launch(walk.purpose, true, walk.by)) this.#fruitless(walk.purpose);
    }
  }

  /** In a network of a handful there is nobody to find, and asking again and again is a nuisance. */
  #fruitless(purpose: WalkKind): void {
    const { nowMs, tuning, o } = this.#c;
    const rest = this.#rests[purpose];
    const firstMs = o.intervalMs || tuning.walkAnswerMs;
    rest.ms = Math.min(Math.max(firstMs, rest.ms * 2), tuning.walkRestMaxMs);
    rest.untilMs = nowMs + rest.ms;
    this.#missed(purpose);
    if (purpose === 'join') this.#p.onFruitless();
  }

  /** After a few of them links to those who can be dialed have to do. */
  #missed(purpose: WalkKind): void {
    if (purpose === 'introduce' && ++this.#inVain >= this.#c.tuning.introduceTries)
      this.#c.unintroduced = true;
  }

  /** The neighbourhood has changed: walks may bear fruit again. */
  refresh(): void {
    for (const rest of Object.values(this.#rests)) {
      rest.ms = 0;
      rest.untilMs = 0;
    }
  }

  // ---- walks of others ----

  /** Who brought a walk of somebody else first. */
  cameFrom(walk: string): Peer | undefined {
    const route = this.#routes.get(walk);
    if (route?.from === undefined || this.#c.nowMs - route.atMs > this.#c.tuning.routeMs) return undefined;
    return this.#c.peers.get(route.from.key) === route.from ? route.from : undefined;
  }

  /** The walk of `origin` that has ended at us. */
  endedFor(origin: PeerId): string | undefined {
    return this.#ended.get(origin);
  }

  /** Somebody who cannot be dialed is our neighbour now. */
  introduced(): void {
    this.#inVain = 0;
    this.#c.unintroduced = false;
  }

  /** Who ended a walk of ours has found its way back to us. */
  found(walk: string): void {
    const { counters, nowMs, tuning } = this.#c;
    if (!this.#own.delete(walk)) return;
    counters.walksLinked++;
    this.#missed('introduce'); // unless the two get connected: NATs may be in the way
    // The two have to get connected before we know whether one more is needed.
    this.#rests.introduce = { untilMs: nowMs + tuning.walkAnswerMs, ms: 0 };
  }

  /** The origin's record has been checked. */
  onWalk(peer: Peer, walk: Walk): void {
    const { nowMs, counters, random } = this.#c;
    const mayWalk = peer.kind === 'overlay' || peer.kind === 'guest';
    if (!mayWalk || !this.#p.records.timely(walk.origin)) {
      counters.unexpected++;
      return;
    }
    counters.walkHops++;
    this.#routes.dropWhile((route) => nowMs - route.atMs > this.#c.tuning.routeMs);
    if (!this.#routes.has(walk.id) && !this.#own.has(walk.id))
      this.#routes.set(walk.id, { from: peer, atMs: nowMs });
    const firstHop = walk.origin.record.id === peer.id;
    const own = Math.max(1, this.#c.degree);
    const moves = firstHop || (random.uint32() / 4_294_967_296) * own < Math.max(1, walk.degree);
    const ttl = Math.max(0, walk.ttl - 1);
    if (!moves && ttl > 0 && this.#sendTo(peer, walk, ttl)) return;
    this.#arrived(peer, walk, ttl);
  }

  #arrived(peer: Peer, walk: Walk, ttl: number): void {
    const { record } = walk.origin;
    if (ttl <= this.#c.tuning.walkExtraHops && this.#mayEnd(walk, peer)) {
      this.#end(peer, walk);
      return;
    }
    const onward = (next: Peer): boolean => next.id !== record.id;
    if (ttl > 0 && this.#send(walk, ttl, onward) !== undefined) return;
    // Our own walk came home to die: it will not be answered otherwise.
    if (this.#own.delete(walk.id)) this.#fruitless(walk.purpose);
    else this.#answer(peer, 'full', walk.id);
  }

  /** Not at the origin, not next to it, and only where one of the two can dial the other. */
  #mayEnd(walk: Walk, teller: Peer): boolean {
    const { crypto, peers } = this.#c;
    const { id } = walk.origin.record;
    if (id === crypto.id || peers.byId(id) !== undefined || this.#p.dialer.isHeld(id)) return false;
    if (walk.purpose === 'introduce') return this.#mayOffer(walk.origin.record);
    // Who cannot be dialed has to dial: that is a link of its own making, so it must lack one.
    return this.#c.dialable || (this.#p.dialer.missing > 0 && this.#canDial(walk.origin, teller));
  }

  #canDial(heard: HeardRecord, teller: Peer): boolean {
    return heard.record.dialable && this.#p.records.takeable(heard, teller.scope) !== undefined;
  }

  /** Neither of the two can be dialed, both speak WebRTC, and one more link is welcome. */
  #mayOffer({ id, webrtc, dialable }: PeerRecord): boolean {
    const { isShy, o } = this.#c;
    const { dialer, room } = this.#p;
    const address = `wrtc:${id}`;
    if (!isShy || !o.bootstrap || !webrtc || dialable || !room.lacksIntroduced(true)) return false;
    return !dialer.isOut(address) && !dialer.isBusy(address, id);
  }

  /** Offers the origin of a walk that has ended here a connection: the offer is its answer. */
  #offer(walk: Walk): boolean {
    const { id } = walk.origin.record;
    const address = addressOf(`wrtc:${id}`);
    this.#ended.set(id, walk.id);
    return (
      address !== undefined &&
      this.#p.dialer.start(address, { intent: 'introduce', expect: id }) !== undefined
    );
  }

  #end(peer: Peer, walk: Walk): void {
    if (walk.purpose === 'introduce') {
      if (!this.#offer(walk)) this.#answer(peer, 'full', walk.id);
    } else if (!this.#p.room.hasRoom(walk.desperate)) this.#answer(peer, 'full', walk.id);
    else if (this.#c.dialable) this.#answer(peer, 'link', walk.id);
    else if (this.dialRecord(walk.origin, peer)) this.#answer(peer, 'link', walk.id);
    else this.#answer(peer, 'full', walk.id);
  }

  #answer(last: Peer, kind: Answer['kind'], walk: string): void {
    const { nowMs, counters } = this.#c;
    const peer = this.#routes.get(walk)?.from ?? last;
    if (this.#c.peers.get(peer.key) !== peer) return;
    if (!peer.sending('answer', nowMs).take(1, nowMs)) {
      counters.paced++;
      return;
    }
    const own = kind === 'link' ? [this.#p.records.heardOwn()] : [];
    const records = [...own, ...this.#p.exchange.sample(peer, WIRE.recordsMax - own.length)];
    this.#c.send(peer, encodeAnswer({ kind, walk, degree: this.#c.degree, records }), 'control');
  }

  /** LINK or FULL to a walk, its records checked. */
  onAnswer(peer: Peer, message: Answer): void {
    const { nowMs, counters } = this.#c;
    // A full node that has us as its guest walks for us, under numbers of its own.
    const forGuest = peer.kind === 'guest' && !peer.hosted && !this.#routes.has(message.walk);
    const own = this.#own.get(message.walk);
    if (own !== undefined || forGuest) {
      this.#own.delete(message.walk);
      this.#mine(peer, message, own?.purpose ?? 'join');
      return;
    }
    const route = this.#routes.get(message.walk);
    if (route?.from === undefined || nowMs - route.atMs > this.#c.tuning.routeMs) {
      counters.unexpected++;
      return;
    }
    this.#routes.delete(message.walk);
    const { from } = route;
    if (this.#c.peers.get(from.key) !== from) return;
    if (from.sending('answer', nowMs).take(1, nowMs)) this.#c.send(from, encodeAnswer(message), 'control');
    else counters.paced++;
  }

  #mine(peer: Peer, message: Answer, purpose: WalkKind): void {
    const { counters } = this.#c;
    if (message.kind === 'full' || purpose === 'introduce') {
      counters.walksFull++;
      this.#fruitless(purpose);
      this.#p.exchange.take(message.records, peer);
      return;
    }
    counters.walksLinked++;
    this.refresh();
    const [end, ...others] = message.records;
    if (end !== undefined && this.#p.dialer.missing > 0) this.dialRecord(end, peer);
    this.#p.exchange.take(others, peer);
  }

  /** Dials who has given us its record by way of `teller`. */
  dialRecord(heard: HeardRecord, teller: Peer): boolean {
    const { records, dialer } = this.#p;
    const { record } = heard;
    if (!this.#c.o.bootstrap || !record.dialable || !records.timely(heard)) return false;
    if (this.#isKnown(record.id)) return false;
    for (const text of records.takeable(heard, teller.scope)?.record.addresses ?? []) {
      const address = addressOf(text);
      if (address === undefined || dialer.isBusy(text, record.id) || dialer.isHeld(text)) continue;
      if (dialer.start(address, { intent: 'walk', expect: record.id }) !== undefined) return true;
    }
    return false;
  }

  #isKnown(id: PeerId): boolean {
    const { crypto, peers } = this.#c;
    return id === crypto.id || peers.byId(id) !== undefined || this.#p.dialer.isHeld(id);
  }

  // ---- sending ----

  /** Sends a walk to a random neighbour that may have it; returns which. */
  #send(walk: Carried, ttl: number, fits: (peer: Peer) => boolean): Peer | undefined {
    const { nowMs, peers, random, counters } = this.#c;
    const free = (peer: Peer): boolean =>
      fits(peer) && peer.congestedMs === undefined && peer.sending('walk', nowMs).level(nowMs) >= 1;
    const next = peers.draw(random, free);
    if (next === undefined) {
      counters.paced++;
      return undefined;
    }
    return this.#sendTo(next, walk, ttl) ? next : undefined;
  }

  #sendTo(peer: Peer, walk: Carried, ttl: number): boolean {
    const { nowMs } = this.#c;
    if (!peer.sending('walk', nowMs).take(1, nowMs)) return false;
    const { id, purpose, desperate, origin } = walk;
    const message = encodeWalk({ id, purpose, desperate, origin, ttl, degree: this.#c.degree });
    return this.#c.send(peer, message, 'control');
  }
}
