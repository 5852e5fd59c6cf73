// The life of a link in the overlay: it comes up, both sides say HELLO, it turns into what it is for, it ends. One link
// per peer has a part; of two, made by both sides at once, the peer with the smaller id ends one by a rule that both
// can compute (protocol.md §1.6). What a link turns into is decided in admission.ts.
import type { CloseReason, ErrorCode, LinkKey } from '@peernet/core';
import { encodeHello, type Hello, type Purpose } from '../wire.js';
import type { Admission } from './admission.js';
import { Bans } from './bans.js';
import type { Context, Ending } from './context.js';
import type { Dial, Dialer } from './dialer.js';
import type { LinkKind, NewLink } from './effects.js';
import { Peer } from './peer.js';
import type { Records } from './records.js';

/** Parts that are told about neighbours and HELLOs. */
export interface LinksListener {
  greeted(peer: Peer, hello: Hello): void;
  neighbour(peer: Peer): void;
  /** A link has become what it is for. */
  turned(peer: Peer): void;
  /** A link ended, or is none of a neighbour any more. */
  parted(peer: Peer, wasNeighbour: boolean): void;
}

export interface LinksParts {
  readonly records: Records;
  readonly dialer: Dialer;
  readonly admission: () => Admission;
  readonly digest: () => Uint8Array;
  readonly listener: LinksListener;
}

export class Links implements Ending {
  readonly #c: Context;
  readonly #p: LinksParts;
  readonly #bans: Bans;
  /** No link expires before this. */
  #nextExpiryMs = Number.POSITIVE_INFINITY;

  constructor(context: Context, parts: LinksParts) {
    this.#c = context;
    this.#p = parts;
    this.#bans = new Bans(context);
  }

  // ---- coming up ----

  /** A link that was not dialed by us: inbound, or the application's own. */
  arrived(link: NewLink, purpose: Purpose | undefined): void {
    const { tuning, peers, nowMs, fx } = this.#c;
    const peer = new Peer(link, nowMs, link.initiator ? link.remoteAddress : undefined);
    if (this.#c.closed) fx.close(link.key, 'SHUTDOWN');
    else if (this.#bans.has(link.peer)) fx.close(link.key, 'BANNED');
    else if (link.peer === this.#c.crypto.id) fx.close(link.key, 'SELF');
    else if (!link.initiator && !this.#hasRoom()) fx.close(link.key, 'FULL');
    else {
      // What an application dials for itself it tells the store itself.
      peer.settled = purpose === 'app';
      peers.add(peer);
      this.expire(peer, tuning.helloMs);
      if (link.initiator) this.#begin(peer, purpose ?? 'overlay');
    }
  }

  /** One more may come without HELLO (who waits for the end of another link has said it); whoever says nothing for longer than anybody honest needs gives way. */
  #hasRoom(): boolean {
    const { tuning, o, peers, nowMs } = this.#c;
    const silent = peers.silent();
    if (silent.length < (o.relay ? tuning.pendingRelayMax : tuning.pendingMax)) return true;
    const [first] = silent;
    if (first === undefined || nowMs - first.sinceMs < tuning.dialHopefulMs) return false;
    this.end(first, 'TIMEOUT');
    return true;
  }

  /** A dial of ours has succeeded. */
  dialed(link: NewLink, dial: Dial): Peer | undefined {
    const { fx, tuning, nowMs } = this.#c;
    const peer = new Peer(link, nowMs, dial.address.text, dial.intent);
    const isOut = this.#bans.has(link.peer) || link.peer === this.#c.crypto.id;
    if (this.#c.closed || isOut || this.#p.dialer.isUnwanted(dial, link.peer)) {
      const reason = isOut ? 'BANNED' : 'USER';
      fx.close(link.key, this.#c.closed ? 'SHUTDOWN' : reason);
      this.#p.dialer.avoid(dial.address.text);
      for (const request of dial.requests) fx.emit({ type: 'connectFailed', request, code: 'REFUSED' });
      return undefined;
    }
    this.#c.counters.dialsOk++;
    this.#p.dialer.met(peer.group);
    peer.requests = dial.requests.length > 0 ? dial.requests : undefined;
    peer.pinned = dial.requests.length > 0 || dial.intent === 'user';
    this.#c.peers.add(peer);
    this.expire(peer, tuning.helloMs);
    if (dial.intent === 'probe' || dial.intent === 'own') {
      this.#c.peers.turn(peer, 'probe');
      this.#sayHello(peer, 'probe');
      this.#probed(peer, dial);
      this.end(peer, 'DONE');
      return peer;
    }
    this.#begin(peer, dial.intent === 'relay' && dial.requests.length === 0 ? 'app' : 'overlay');
    return peer;
  }

  /** It answered, with the id that was expected if any was: its address is true. But others have led us there. */
  #probed(peer: Peer, dial: Dial): void {
    const record = this.#c.peers.byId(peer.id)?.record;
    this.#c.store.outcome(dial.address.text, { ok: true, id: peer.id, record, probe: true });
    peer.settled = true;
  }

  #begin(peer: Peer, purpose: Purpose): void {
    peer.purpose = purpose;
    peer.asking = purpose === 'overlay';
    this.#settle(peer);
    if (this.#c.peers.get(peer.key) === peer) this.#sayHello(peer, purpose);
  }

  #sayHello(peer: Peer, purpose: Purpose): void {
    const { o, degree, nowMs } = this.#c;
    const self = this.#p.records.heardOwn();
    peer.sending('hello', nowMs).takeUpTo(1, nowMs);
    peer.toldSeq = self.record.seq;
    const observed = peer.initiator ? '' : (peer.remoteAddress ?? '');
    const digest = this.#p.digest();
    this.#c.send(
      peer,
      encodeHello({ purpose, degree, wallMs: o.wall(), dialed: peer.dialed ?? '', observed, digest, self }),
      'control',
    );
  }

  // ---- two links to one peer ----

  /** Makes `fresh` the link to its peer, unless there is another one. */
  #settle(fresh: Peer): void {
    const { peers, crypto, tuning, counters, nowMs } = this.#c;
    const old = peers.byId(fresh.id);
    if (old === undefined || old === fresh) {
      peers.settle(fresh);
      return;
    }
    if (old.session !== undefined && fresh.session !== undefined && old.session !== fresh.session) {
      // Another process under the same identity: the old one is gone. A twin goes first: it would succeed the other.
      if (old.twin !== undefined) this.end(old.twin, 'STALE');
      this.end(old, 'STALE');
      peers.settle(fresh);
      return;
    }
    counters.duplicates++;
    if (old.twin !== undefined) {
      this.end(fresh, 'DUPLICATE');
      return;
    }
    old.twin = fresh;
    fresh.twin = old;
    const inDoubt = !old.initiator && !fresh.initiator; // it dials again: has it lost the old one, which is asked now?
    if (crypto.id < fresh.id && !inDoubt) this.end(this.#loser(old, fresh), 'DUPLICATE');
    else fresh.expiresMs = this.#remind(nowMs + tuning.twinWaitMs);
  }

  /** Of two links made in one moment by both sides the one of the smaller id stays; else the older one. */
  #loser(old: Peer, fresh: Peer): Peer {
    const crossed = old.initiator !== fresh.initiator && fresh.sinceMs - old.sinceMs < this.#c.tuning.twinMs;
    const weAreSmaller = this.#c.crypto.id < fresh.id;
    // Made by the smaller id: by us if we are it, by the other if not.
    return crossed && fresh.initiator === weAreSmaller ? old : fresh;
  }

  // ---- HELLO ----

  /** Its record has been checked. */
  onHello(peer: Peer, hello: Hello): void {
    if (hello.self.record.id !== peer.id) {
      this.ban(peer, "somebody else's record in HELLO");
      return;
    }
    const first = !peer.greeted;
    if (!first && !this.#p.admission().mayRepeat(peer, hello)) {
      this.end(peer, 'PROTOCOL');
      return;
    }
    peer.greeted = true;
    peer.degree = hello.degree;
    peer.calendarMs = hello.wallMs - this.#c.nowMs;
    peer.digest = hello.digest;
    this.adopt(peer, hello.self);
    this.#p.listener.greeted(peer, hello);
    if (!first) this.#p.admission().promote(peer);
    else if (peer.initiator) this.#welcomed(peer);
    else this.#visited(peer, hello.purpose);
  }

  /** A record that its owner handed over always replaces. */
  adopt(peer: Peer, heard: Hello['self']): void {
    peer.record = heard.record;
    peer.recordBornMs = this.#c.nowMs - heard.ageSeconds * 1000;
  }

  /** We dialed, and are answered. */
  #welcomed(peer: Peer): void {
    this.#tellOutcome(peer);
    for (const request of peer.requests ?? []) this.#c.fx.emit({ type: 'connected', request, id: peer.id });
    peer.requests = undefined;
    if (peer.purpose === 'app') this.turn(peer, 'app');
    else if (peer.twin === undefined) this.expire(peer, this.#c.tuning.helloMs);
  }

  /** We were dialed. */
  #visited(peer: Peer, purpose: Purpose): void {
    const { peers, tuning } = this.#c;
    peer.purpose = purpose;
    if (purpose === 'probe') {
      if (peers.count('probe') >= tuning.probesMax) {
        this.end(peer, 'FULL');
        return;
      }
      this.#sayHello(peer, purpose);
      peers.turn(peer, 'probe');
      this.expire(peer, tuning.probeMs);
      return;
    }
    if (this.#p.dialer.isBarred(peer.id)) {
      this.end(peer, 'USER');
      return;
    }
    this.#settle(peer);
    if (peers.get(peer.key) !== peer) return;
    this.#sayHello(peer, purpose);
    if (peer.twin !== undefined) return;
    peer.expiresMs = Number.POSITIVE_INFINITY;
    this.#p.admission().receive(peer);
  }

  /** Asks the peer at the other end of an application's link to be our neighbour. */
  ask(peer: Peer): boolean {
    const { nowMs, tuning } = this.#c;
    if (peer.kind !== 'app' || peer.asking || peer.sending('hello', nowMs).level(nowMs) < 1) return false;
    peer.asking = true;
    this.expire(peer, tuning.helloMs);
    this.#sayHello(peer, 'overlay');
    return true;
  }

  // ---- turning ----

  /** Makes a link something else; tells those who must know. */
  turn(peer: Peer, kind: LinkKind, hosted = false, reason: CloseReason = 'DONE'): void {
    const was = peer.kind;
    this.#c.peers.turn(peer, kind, hosted);
    this.keep(peer);
    this.#p.listener.turned(peer);
    const { id, key, address } = peer;
    if (was === 'overlay' && kind !== 'overlay') {
      this.#c.fx.emit({ type: 'down', key, id, address, reason });
      this.#p.listener.parted(peer, true);
    }
    if (kind !== 'overlay' || was === 'overlay') return;
    peer.neighbourMs = this.#c.nowMs;
    this.#p.dialer.met(peer.group);
    this.#c.fx.emit({ type: 'up', key, id, address });
    this.#p.listener.neighbour(peer);
    this.#leaveHosts();
  }

  /** Others need the places where we are guests more than we do. */
  #leaveHosts(): void {
    const { peers, degree, tuning } = this.#c;
    if (degree < tuning.desperateDegree || peers.count('guest') === peers.hosted) return;
    for (const peer of [...peers.all()]) if (peer.kind === 'guest' && !peer.hosted) this.end(peer, 'DONE');
  }

  // ---- ending ----

  end(peer: Peer, reason: CloseReason): void {
    if (this.#c.peers.get(peer.key) !== peer) return;
    this.#c.fx.close(peer.key, reason);
    this.#part(peer, reason);
  }

  /** The other side, or the network, has ended it. */
  onDown(key: LinkKey, reason: CloseReason): void {
    const peer = this.#c.peers.get(key);
    if (peer === undefined) return;
    const { dialer } = this.#p;
    if (reason === 'USER' || reason === 'BANNED') dialer.hold(peer.id, 'them');
    if (reason === 'USER' && peer.dialed !== undefined) dialer.hold(peer.dialed, 'them');
    const isRefusal = peer.kind === 'pending' && reason !== 'DUPLICATE';
    if (isRefusal || reason === 'FULL' || reason === 'ROTATED' || reason === 'REPLACED' || reason === 'DONE')
      dialer.avoid(peer.dialed);
    this.#part(peer, reason);
  }

  #part(peer: Peer, reason: CloseReason): void {
    const { peers, fx } = this.#c;
    const { key, id, address, kind, twin } = peer;
    this.#tellOutcome(peer);
    peers.remove(peer);
    for (const request of peer.requests ?? []) this.#handOver(request, twin, reason);
    if (kind === 'overlay') fx.emit({ type: 'down', key, id, address, reason });
    else fx.emit({ type: 'gone', key, id, kind, reason });
    this.#p.listener.parted(peer, kind === 'overlay');
    if (twin !== undefined) this.#succeed(twin, peer);
    else if (reason === 'DUPLICATE' && peer.initiator && peer.purpose === 'overlay') {
      const other = peers.byId(id);
      if (other !== undefined) this.ask(other);
    }
  }

  /** A `connect` waits for the other link now, or has failed. */
  #handOver(request: number, twin: Peer | undefined, reason: CloseReason): void {
    if (twin === undefined) {
      this.#c.fx.emit({ type: 'connectFailed', request, code: codeOf(reason) });
    } else if (twin.greeted) {
      this.#c.fx.emit({ type: 'connected', request, id: twin.id });
    } else {
      twin.requests = [...(twin.requests ?? []), request];
    }
  }

  /** One of two links has ended: the other one is the link to its peer now, and goes on where it was held up. */
  #succeed(peer: Peer, gone: Peer): void {
    peer.pinned ||= gone.pinned;
    this.#c.peers.settle(peer);
    if (peer.kind === 'overlay') this.keep(peer);
    if (peer.kind === 'app' && gone.initiator && gone.purpose === 'overlay') this.ask(peer);
    if (peer.kind !== 'pending') return;
    this.expire(peer, this.#c.tuning.helloMs);
    if (!peer.greeted || peer.initiator) return;
    peer.expiresMs = Number.POSITIVE_INFINITY;
    this.#p.admission().receive(peer);
  }

  /** The book hears of each dial once. */
  #tellOutcome(peer: Peer): void {
    if (peer.settled || peer.dialed === undefined) return;
    peer.settled = true;
    if (peer.introduced && peer.intent !== 'user') return; // nothing that could be dialed again
    this.#c.store.outcome(peer.dialed, { ok: true, id: peer.id, record: peer.record });
  }

  ban(peer: Peer, why: string): void {
    this.#c.counters.bans++;
    this.#c.debug('ban', { id: peer.id, why, ms: this.#bans.add(peer.id) });
    const links = [...this.#c.peers.all()].filter(({ id }) => id === peer.id);
    for (const link of links) link.twin = undefined; // whichever ends first, none succeeds it
    for (const link of links) this.end(link, 'PROTOCOL');
  }

  // ---- expiry ----

  /** It ends in `ms`, unless it turns into something. */
  expire(peer: Peer, ms: number): void {
    peer.expiresMs = this.#remind(this.#c.nowMs + ms);
  }

  /** It has become something, and does not end by itself; one of two to a peer still does, whatever is said over it. */
  keep(peer: Peer): void {
    if (peer.twin === undefined) peer.expiresMs = Number.POSITIVE_INFINITY;
  }

  #remind(atMs: number): number {
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, atMs);
    return atMs;
  }

  deadline(): number {
    return this.#nextExpiryMs;
  }

  tick(): void {
    const { nowMs, peers } = this.#c;
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = Number.POSITIVE_INFINITY;
    for (const peer of [...peers.all()]) {
      if (peer.expiresMs <= nowMs) this.#expired(peer);
      else this.#remind(peer.expiresMs);
    }
  }

  #expired(peer: Peer): void {
    const { twin } = peer;
    if (twin !== undefined) {
      const old = twin.sinceMs <= peer.sinceMs ? twin : peer;
      this.end(this.#loser(old, old === twin ? peer : twin), 'DUPLICATE');
    } else if (peer.kind === 'app') {
      // A relay that was dialed for an introduction is let go, unless it was asked to be more meanwhile.
      const isRelay = peer.intent === 'relay' && !peer.pinned;
      if (isRelay && !peer.asking) this.end(peer, 'DONE');
      peer.asking = false;
      peer.expiresMs = Number.POSITIVE_INFINITY;
      if (isRelay) this.expire(peer, this.#c.tuning.relayLingerMs);
    } else if (peer.kind === 'guest') this.end(peer, peer.hosted ? 'FULL' : 'DONE');
    else if (peer.kind === 'probe') this.end(peer, 'DONE');
    else this.end(peer, 'TIMEOUT');
  }
}

function codeOf(reason: CloseReason): ErrorCode {
  return reason === 'LOST' || reason === 'TIMEOUT' || reason === 'PROTOCOL' ? reason : 'REFUSED';
}
