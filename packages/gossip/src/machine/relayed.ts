// Introductions through us: signals between two peers of ours, which we can neither read nor change. We remember for
// half a minute which two a path joins, pass on what comes from one of them to the other, count it, and cut what is
// more than an introduction may take: nobody gets a tunnel here (protocol.md §7; security.md D9, D11).
import { LruMap, type Scope, scopeRank } from '@peernet/core';
import { INTRODUCTION } from '../defaults.js';
import {
  encodeSignal,
  encodeUnreachable,
  type SignalMessage,
  type Unreachable,
  type UnreachableCode,
} from '../wire.js';
import type { Context } from './context.js';
import type { Peer } from './peer.js';

/** The two ends of a path, as far as we see. */
interface Route {
  readonly began: Peer;
  readonly taken: Peer;
  readonly atMs: number;
  messages: number;
  bytes: number;
}

/** Kinds of links over which signals travel. */
export function carriesSignals(peer: Peer): boolean {
  return peer.kind === 'overlay' || peer.kind === 'guest' || peer.kind === 'app';
}

/** The wider of two networks: who sits in it can be told nothing narrower. */
export function wider(a: Scope, b: Scope): Scope {
  return scopeRank(a) >= scopeRank(b) ? a : b;
}

export class Relayed {
  readonly #c: Context;
  /** By id of the path, oldest first. */
  readonly #routes: LruMap<string, Route>;
  /** Where a walk with this id came from. */
  readonly #walkedFrom: (id: string) => Peer | undefined;

  constructor(context: Context, parts: { walkedFrom: (id: string) => Peer | undefined }) {
    this.#c = context;
    this.#routes = new LruMap(context.tuning.introductionsMax);
    this.#walkedFrom = parts.walkedFrom;
  }

  /** Introductions through us that are remembered. */
  get size(): number {
    return this.#routes.size;
  }

  /** A signal for somebody else. */
  onSignal(peer: Peer, message: SignalMessage): void {
    this.#forget();
    const route = this.#routes.get(message.path);
    if (route === undefined) this.#begin(peer, message);
    else if (peer !== route.began && peer !== route.taken) this.#c.counters.unexpected++;
    else this.#pass(route, peer, { ...message, target: undefined });
  }

  #forget(): void {
    const { nowMs, tuning } = this.#c;
    this.#routes.dropWhile((route) => nowMs - route.atMs > tuning.introductionMs);
  }

  #begin(peer: Peer, message: SignalMessage): void {
    const { nowMs, tuning, counters, peers } = this.#c;
    const { path, target } = message;
    if (target === undefined) {
      counters.unexpected++; // a late candidate on a path that is forgotten
      return;
    }
    const isFull =
      this.#routes.size >= tuning.introductionsMax || this.#begunBy(peer) >= tuning.introductionsPerPeer;
    const known = peers.byId(target);
    const next = known !== undefined && carriesSignals(known) ? known : this.#walkedFrom(path);
    if (isFull) this.tell(peer, path, 'LIMIT');
    else if (next === undefined || next === peer) this.tell(peer, path, 'NOT_FOUND');
    else if (!this.#hasRoom('introduction', peer, next)) this.tell(peer, path, 'LIMIT');
    else {
      const route: Route = { began: peer, taken: next, atMs: nowMs, messages: 0, bytes: 0 };
      this.#routes.set(path, route);
      counters.introductions++;
      this.#pass(route, peer, message);
    }
  }

  /** One more of `from` to `to`, if there is room: as much as `from` has taken lately, if anything, must be left for others. */
  #hasRoom(name: 'introduction' | 'signal', from: Peer, to: Peer): boolean {
    const { nowMs } = this.#c;
    const shared = to.sharing(name, nowMs);
    const isGreedy = shared.owes(from.key, nowMs) && shared.room(from.key, 1, nowMs) < 1;
    if (isGreedy || !to.sending(name, nowMs).take(1, nowMs)) return false;
    shared.take(from.key, 1, nowMs);
    return true;
  }

  #begunBy(peer: Peer): number {
    if (this.#routes.size < this.#c.tuning.introductionsPerPeer) return 0;
    let count = 0;
    for (const { began } of this.#routes.values()) if (began === peer) count++;
    return count;
  }

  #pass(route: Route, from: Peer, message: SignalMessage): void {
    const { counters } = this.#c;
    const { messagesMax, bytesMax } = INTRODUCTION;
    const to = from === route.began ? route.taken : route.began;
    route.messages++;
    route.bytes += message.sealed.length;
    const isOver = route.messages > messagesMax || route.bytes > bytesMax;
    if (isOver) counters.introductionsCut++;
    else if (this.#hasRoom('signal', from, to)) {
      const scope = wider(message.scope, from.scope);
      if (this.#c.send(to, encodeSignal({ ...message, scope }), 'signal')) return;
    } else counters.paced++;
    this.#end(message.path, from, isOver || route.messages > 1 ? to : undefined, 'LIMIT');
  }

  /** Somebody says that a path leads no further: the other end hears of it. Only those whose path it is are believed. */
  onUnreachable(peer: Peer, { path, code }: Unreachable): void {
    const route = this.#routes.get(path);
    if (route === undefined || (peer !== route.began && peer !== route.taken)) this.#c.counters.unexpected++;
    else this.#end(path, peer === route.began ? route.taken : route.began, undefined, code);
  }

  #end(path: string, a: Peer, b: Peer | undefined, code: UnreachableCode): void {
    this.#routes.delete(path);
    this.tell(a, path, code);
    if (b !== undefined) this.tell(b, path, code);
  }

  /** A link is gone, and the paths over it. */
  parted(peer: Peer): void {
    for (const [path, route] of [...this.#routes.entries()]) {
      if (route.began === peer) this.#end(path, route.taken, undefined, 'LOST');
      else if (route.taken === peer) this.#end(path, route.began, undefined, 'LOST');
    }
  }

  tell(peer: Peer, path: string, code: UnreachableCode): void {
    const { nowMs, peers, counters } = this.#c;
    if (peers.get(peer.key) !== peer) return;
    if (peer.sending('unreachable', nowMs).take(1, nowMs))
      this.#c.send(peer, encodeUnreachable({ path, code }), 'signal');
    else counters.paced++;
  }
}
