// Introductions: paths to peers that cannot be dialed, over somebody who is connected to both (protocol.md §7). Here are
// the paths that end at us: those that we began, which try one way after the other until the other side speaks, and
// those that others began. What goes through us for others is in relayed.ts; what the signals mean is the business of
// the transports at the ends.
import {
  LruMap,
  type PeerId,
  randomBytes,
  type Scope,
  type Signal,
  signalBytesMax,
  toHex,
} from '@peernet/core';
import { encodeSignal, type Said, type SignalMessage, type Unreachable, WIRE } from '../wire.js';
import type { Context } from './context.js';
import type { Dialer } from './dialer.js';
import type { Links } from './links.js';
import { Path } from './path.js';
import type { Peer } from './peer.js';
import type { Records } from './records.js';
import { carriesSignals, type Relayed, wider } from './relayed.js';
import { openSignal, sealSignal } from './sealed-signal.js';
import type { Way, Ways } from './ways.js';

export interface IntroductionsParts {
  readonly records: Records;
  readonly dialer: Dialer;
  readonly links: Links;
  readonly relayed: Relayed;
  readonly ways: Ways;
  /** A walk of ours is answered by the one that has ended it. */
  readonly found: (walk: string) => void;
}

export class Introductions {
  readonly #c: Context;
  readonly #p: IntroductionsParts;
  readonly #ways: Ways;
  readonly #paths = new Map<number, Path>();
  readonly #byId = new Map<string, Path>();
  /** Ids of paths that others began with us: nobody begins one twice. */
  readonly #seen: LruMap<string, true>;
  #taken = 0;
  #nextTaken = -1;

  constructor(context: Context, parts: IntroductionsParts) {
    this.#c = context;
    this.#p = parts;
    this.#ways = parts.ways;
    this.#seen = new LruMap(context.tuning.pathsSeenMax);
  }

  get size(): number {
    return this.#paths.size;
  }

  // ---- what the local transport wants ----

  /** Begins one; `number` > 0. It sets out with the next tick. */
  introduce(number: number, peer: PeerId, via: readonly string[]): void {
    const { nowMs, tuning, crypto, fx } = this.#c;
    if (this.#paths.size - this.#taken >= tuning.pathsMax || peer === crypto.id) {
      fx.emit({ type: 'pathClosed', path: number, code: peer === crypto.id ? 'SELF' : 'LIMIT' });
      return;
    }
    const ways = this.#ways.to(peer, via);
    const path = new Path({
      number,
      peer,
      scope: this.#ways.scopeOf(ways),
      nowMs,
      expiresMs: nowMs + tuning.pathMs,
    });
    path.ways = ways;
    this.#paths.set(number, path);
  }

  /** Whether offers are taken. */
  serve(on: boolean): void {
    this.#c.serving = on;
  }

  send(number: number, signal: Signal): void {
    const path = this.#paths.get(number);
    if (path === undefined) return;
    path.said.push(signal);
    this.#flush(path);
  }

  close(number: number, code: 'CLOSED' | 'REFUSED' = 'CLOSED'): void {
    const path = this.#paths.get(number);
    if (path === undefined) return;
    if (code === 'REFUSED' && path.hop !== undefined) this.#p.relayed.tell(path.hop, path.id, 'REFUSED');
    this.#end(path, code);
  }

  /** The widest network that a path is known to cross. */
  scopeOf(number: number): Scope | undefined {
    return this.#paths.get(number)?.scope;
  }

  // ---- time ----

  deadline(): number {
    let atMs = Number.POSITIVE_INFINITY;
    for (const path of this.#paths.values()) atMs = Math.min(atMs, path.dueMs, path.expiresMs);
    return atMs;
  }

  tick(): void {
    const { nowMs } = this.#c;
    for (const path of [...this.#paths.values()]) {
      if (path.expiresMs <= nowMs) this.#end(path, 'TIMEOUT');
      else if (path.dueMs <= nowMs) {
        if (path.sent > 0) path.code = path.code === 'NOT_FOUND' ? 'TIMEOUT' : path.code;
        this.#advance(path);
      }
    }
  }

  // ---- one way after the other ----

  /** Takes the next way that is open. */
  #advance(path: Path): void {
    const { nowMs, tuning } = this.#c;
    this.#leave(path);
    path.dueMs = Number.POSITIVE_INFINITY;
    for (let way = path.ways.shift(); way !== undefined; way = path.ways.shift()) {
      if (way.by === 'dial') {
        if (this.#dial(path, way)) return;
        continue;
      }
      if (way.by === 'walk' && this.#byId.has(way.id)) continue; // another path to that peer goes by it
      const hop = this.#ways.hop(way);
      if (hop === undefined) continue;
      const readyMs = hop.sending('introduction', nowMs).readyAt(1, nowMs);
      if (readyMs <= nowMs) {
        this.#take(path, hop, way.by === 'walk' ? way.id : this.#newId());
        return;
      }
      path.code = 'LIMIT';
      if (readyMs > nowMs + tuning.pathAnswerMs) continue;
      path.ways.unshift(way);
      path.dueMs = readyMs;
      return;
    }
    if (!this.#guess(path) && !path.expectsRelay) this.#end(path, path.code);
  }

  /** Nobody who was named knows it: one more neighbour is asked. True if there is one. */
  #guess(path: Path): boolean {
    if (path.code !== 'NOT_FOUND' || !path.began || path.guesses >= this.#c.tuning.guessesMax) return false;
    const way = this.#ways.guess(path.peer, path.asked);
    if (way === undefined) return false;
    path.guesses++;
    path.ways.push(way);
    path.dueMs = this.#c.nowMs;
    return true;
  }

  #newId(): string {
    return toHex(randomBytes(this.#c.random, WIRE.pathIdBytes));
  }

  #take(path: Path, hop: Peer, id: string): void {
    hop.sending('introduction', this.#c.nowMs).take(1, this.#c.nowMs);
    path.hop = hop;
    path.asked.add(hop.id);
    path.id = id;
    path.sent = 0;
    path.scope = wider(path.scope, hop.scope);
    this.#byId.set(id, path);
    if (hop.intent === 'relay') hop.expiresMs = Number.POSITIVE_INFINITY;
    this.#flush(path);
  }

  /** Off the present way. */
  #leave(path: Path): void {
    const { hop } = path;
    if (path.id !== '') this.#byId.delete(path.id);
    path.id = '';
    path.hop = undefined;
    if (hop === undefined || !isOnlyRelay(hop)) return;
    for (const other of this.#paths.values()) if (other.hop === hop) return;
    this.#p.links.expire(hop, this.#c.tuning.relayLingerMs);
  }

  #dial(path: Path, way: Extract<Way, { by: 'dial' }>): boolean {
    const { address } = way;
    const { dialer } = this.#p;
    const there = this.#ways.relayAt(address.text, address.id);
    if (there !== undefined) {
      path.ways.unshift({ by: 'peer', id: there.id });
      path.dueMs = this.#c.nowMs;
      return true;
    }
    if (dialer.isBarred(address.text) || (address.id !== undefined && dialer.isBarred(address.id)))
      return false;
    const entry = this.#c.store.get(address.text);
    // That somebody else is there is a stranger's word: such dials are not held against who is there, so they are few.
    const isOther = address.id !== undefined && address.id !== entry?.id;
    const trusted = !isOther && (entry?.verified === true || entry?.saved === true);
    const dial =
      dialer.find(address.text, address.id) ??
      dialer.start(address, { intent: 'relay', expect: address.id, trusted });
    if (dial === undefined) {
      path.code = 'LIMIT';
      return false;
    }
    path.dials.add(dial.number);
    if (path.ways.length > 0) path.dueMs = this.#c.nowMs + this.#c.tuning.relayDialMs;
    return true;
  }

  /** A dial that may be for one of ours has made a link, or none. */
  dialed(dial: number, peer: Peer | undefined): void {
    const { nowMs, peers } = this.#c;
    for (const path of this.#paths.values()) {
      if (!path.dials.delete(dial)) continue;
      const isUnready =
        peer !== undefined && peers.get(peer.key) === peer && this.#ways.peer(peer.id) === undefined;
      if (isUnready) path.unready.add(peer);
      else if (peer !== undefined) this.#reached(path, peer);
      else if (path.hop === undefined) path.dueMs = nowMs;
    }
  }

  /** A link has become what it is for. */
  turned(peer: Peer): void {
    if (!carriesSignals(peer)) return;
    // Nobody may need it any more; whoever takes it as a way keeps it.
    if (isOnlyRelay(peer)) this.#p.links.expire(peer, this.#c.tuning.relayLingerMs);
    for (const path of this.#paths.values()) if (path.unready.delete(peer)) this.#reached(path, peer);
  }

  parted(peer: Peer): void {
    for (const path of [...this.#paths.values()]) {
      if (path.unready.delete(peer)) {
        // One of two links to the same relay; the other one will do.
        this.#reached(path, peer);
        path.code = 'LOST';
      } else if (path.hop === peer) this.#fail(path, 'LOST');
    }
    this.#p.relayed.parted(peer);
  }

  /** A relay that was dialed is the next way: now, or if that by which we went meanwhile says nothing. */
  #reached(path: Path, peer: Peer): void {
    const { nowMs, tuning } = this.#c;
    path.ways.unshift({ by: 'peer', id: peer.id });
    if (path.hop === undefined) path.dueMs = nowMs;
    else if (!path.answered) path.dueMs = Math.min(path.dueMs, nowMs + tuning.pathAnswerMs);
  }

  #fail(path: Path, code: Path['code']): void {
    path.code = code;
    if (!path.began || path.answered) {
      this.#end(path, code);
      return;
    }
    this.#leave(path);
    path.sent = 0; // it was not silence
    path.dueMs = this.#c.nowMs;
  }

  /** Sends what has not gone out by the present way. */
  #flush(path: Path): void {
    const { nowMs, tuning, crypto } = this.#c;
    const { hop } = path;
    if (hop === undefined) return;
    for (let signal = path.said[path.sent]; signal !== undefined; signal = path.said[path.sent]) {
      const sealed = sealSignal(crypto, path.peer, { path: path.id, counter: path.sent, signal });
      const target = path.began && path.sent === 0 ? path.peer : undefined;
      const message = encodeSignal({ path: path.id, scope: 'loopback', target, sealed });
      if (!hop.sending('signal', nowMs).take(1, nowMs) || !this.#c.send(hop, message, 'signal')) {
        this.#fail(path, 'LIMIT');
        return;
      }
      if (path.began && path.sent === 0)
        path.dueMs = path.ways.length > 0 ? nowMs + tuning.pathAnswerMs : Number.POSITIVE_INFINITY;
      path.sent++;
    }
  }

  #end(path: Path, code: Path['code']): void {
    if (!this.#paths.delete(path.number)) return;
    this.#leave(path);
    if (!path.began) this.#taken--;
    this.#c.fx.emit({ type: 'pathClosed', path: path.number, code });
  }

  // ---- what comes in ----

  onSignal(peer: Peer, message: SignalMessage): void {
    const path = this.#byId.get(message.path);
    if (!carriesSignals(peer)) this.#c.counters.unexpected++;
    else if (path !== undefined) this.#continued(path, peer, message);
    else if (message.target === this.#c.crypto.id) this.#offered(peer, message);
    else this.#p.relayed.onSignal(peer, message);
  }

  /** Of the other side, or of somebody who would like to be it. */
  #open(peer: Peer, message: SignalMessage): Said | undefined {
    this.#p.records.spend(peer);
    const said = openSignal(this.#c.crypto, message.path, message.sealed);
    if (said === undefined) this.#c.counters.signalsRefused++;
    return said;
  }

  #continued(path: Path, peer: Peer, message: SignalMessage): void {
    const { counters, fx } = this.#c;
    if (path.hop !== peer) {
      counters.unexpected++;
      return;
    }
    const said = this.#open(peer, message);
    if (said === undefined) return;
    const { signal, counter, from } = said;
    const isDue = signal.kind === 'candidate' || (path.began && signal.kind === 'answer');
    if (
      from !== path.peer ||
      counter < path.nextCounter ||
      !isDue ||
      !path.heard.take(signal, signalBytesMax)
    ) {
      counters.signalsRefused++;
      return;
    }
    path.nextCounter = counter + 1;
    path.scope = wider(path.scope, message.scope);
    path.dueMs = Number.POSITIVE_INFINITY; // it speaks: no other way is needed
    fx.emit({ type: 'signalled', path: path.number, signal });
  }

  /** Somebody begins a path with us. */
  #offered(peer: Peer, message: SignalMessage): void {
    const { counters, tuning } = this.#c;
    const { path: id } = message;
    const refuse = (code: Unreachable['code']): void => this.#p.relayed.tell(peer, id, code);
    if (this.#seen.has(id)) counters.signalsRefused++;
    else if (!this.#c.serving) refuse('REFUSED');
    else if (this.#taken >= tuning.pathsTakenMax) refuse('LIMIT');
    else {
      const said = this.#open(peer, message);
      if (said === undefined) return;
      if (said.signal.kind === 'offer' && said.counter === 0 && said.from !== this.#c.crypto.id) {
        this.#begun(peer, message, said);
      } else counters.signalsRefused++;
    }
  }

  #begun(peer: Peer, message: SignalMessage, { from, signal }: Said): void {
    const { nowMs, tuning, fx, counters } = this.#c;
    this.#seen.set(message.path, true);
    // One at a time: who begins anew has given the other one up.
    for (const old of [...this.#paths.values()]) if (!old.began && old.peer === from) this.#end(old, 'LOST');
    const scope = wider(message.scope, peer.scope);
    const number = this.#nextTaken--;
    const path = new Path({ number, peer: from, scope, nowMs, expiresMs: nowMs + tuning.pathMs });
    path.id = message.path;
    path.hop = peer;
    path.nextCounter = 1;
    path.dueMs = Number.POSITIVE_INFINITY;
    path.heard.take(signal, signalBytesMax);
    this.#paths.set(number, path);
    this.#byId.set(path.id, path);
    this.#taken++;
    counters.offers++;
    this.#p.found(path.id);
    fx.emit({ type: 'offered', path: number, peer: from });
    fx.emit({ type: 'signalled', path: number, signal });
  }

  onUnreachable(peer: Peer, message: Unreachable): void {
    const path = this.#byId.get(message.path);
    if (path === undefined) this.#p.relayed.onUnreachable(peer, message);
    else if (path.hop !== peer) this.#c.counters.unexpected++;
    else this.#fail(path, message.code);
  }

  /** Nobody is told anything any more. */
  stop(): void {
    for (const path of [...this.#paths.values()]) this.#end(path, 'CLOSED');
  }
}

/** A link that was made for introductions, and has not become more. */
function isOnlyRelay({ intent, kind }: Peer): boolean {
  return intent === 'relay' && kind === 'app';
}
