// What the local user wants: to be connected with somebody, and to stay so; or with somebody not at all. A wish knows
// no limits by host or group, and no long rest (protocol.md §3).
import { type Address, type ErrorCode, type PeerId, userAddressOf } from '@peernet/core';
import type { Context } from './context.js';
import type { Dial, Dialer } from './dialer.js';
import type { Links } from './links.js';
import type { Peer } from './peer.js';

/** What the user connected: dialed again until disconnected. */
interface Pinned {
  readonly address: Address;
  id: PeerId | undefined;
  nextMs: number;
  waitMs: number;
}

/** A `connect` whose dial gave way to another one with that peer. */
interface Coming {
  readonly address: Address;
  readonly untilMs: number;
}

export class Wishes {
  readonly #c: Context;
  readonly #dialer: Dialer;
  readonly #links: Links;
  /** First wait of a lost one, ms. */
  readonly #waitMs: number;
  readonly #pinned = new Map<string, Pinned>();
  /** By request. */
  readonly #coming = new Map<number, Coming>();
  /** Requests for one peer that wait for the dial of another one, which may take anybody, with what was asked for. */
  readonly #named = new Map<number, Address>();

  constructor(context: Context, parts: { dialer: Dialer; links: Links }) {
    this.#c = context;
    this.#dialer = parts.dialer;
    this.#links = parts.links;
    this.#waitMs = context.tuning.upkeepMs;
  }

  // ---- connect ----

  /** Answered by `connected` or `connectFailed` with the same number. */
  connect(request: number, text: string): void {
    const { fx } = this.#c;
    const address = userAddressOf(text);
    if (address === undefined || address.scope === 'forbidden') {
      fx.emit({ type: 'connectFailed', request, code: 'ADDRESS_INVALID' });
      return;
    }
    this.#dialer.release(address.text);
    if (address.id !== undefined) this.#dialer.release(address.id);
    const there = this.#linkTo(address.text, address.id);
    if (there !== undefined) this.#useLink(request, address, there);
    else {
      const running = this.#dialer.find(address.text, address.id);
      const open = running === undefined ? this.#dialer.findOpen(address.text) : undefined;
      const dial = running ?? open ?? this.#dialer.start(address, { intent: 'user', expect: address.id });
      if (dial === undefined) fx.emit({ type: 'connectFailed', request, code: 'LIMIT' });
      else {
        dial.requests.push(request);
        if (address.id !== undefined) this.#named.set(request, address);
      }
    }
  }

  #linkTo(address: string, id: PeerId | undefined): Peer | undefined {
    const { peers } = this.#c;
    if (id !== undefined) return peers.byId(id);
    for (const peer of peers.all()) if (peer.dialed === address && peer.kind !== 'probe') return peer;
    return undefined;
  }

  #useLink(request: number, address: Address, peer: Peer): void {
    peer.pinned = true;
    this.pin(address, peer.id);
    if (peer.greeted) this.#c.fx.emit({ type: 'connected', request, id: peer.id });
    else peer.requests = [...(peer.requests ?? []), request];
    if (peer.kind === 'app') this.#links.ask(peer);
  }

  /** A dial has failed that requests waited for. The peer may be there all the same, or be about to come. */
  failed(dial: Dial, code: ErrorCode): void {
    const { address } = dial;
    const pinned = this.#pinned.get(address.text);
    // The user did not name who is to be there, and somebody else is: a server that has lost its identity.
    if (code === 'WRONG_PEER' && pinned !== undefined && pinned.id === dial.expect)
      pinned.id = pinned.address.id;
    const there = this.#linkTo(address.text, address.id);
    const untilMs = this.#c.nowMs + this.#c.tuning.comingMs;
    for (const request of dial.requests) {
      this.#named.delete(request);
      if (there !== undefined) this.#useLink(request, address, there);
      else if (code === 'PENDING' && address.id !== undefined)
        this.#coming.set(request, { address, untilMs });
      else this.#c.fx.emit({ type: 'connectFailed', request, code });
    }
  }

  /** A peer has said HELLO, and its link has stayed. */
  met(peer: Peer): void {
    for (const [request, { address }] of this.#coming) {
      if (address.id !== peer.id || this.#c.peers.byId(peer.id) !== peer) continue;
      this.#coming.delete(request);
      this.#useLink(request, address, peer);
    }
  }

  deadline(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { untilMs } of this.#coming.values()) first = Math.min(first, untilMs);
    return first;
  }

  tick(): void {
    this.#giveUp('PENDING', ({ untilMs }) => untilMs <= this.#c.nowMs);
  }

  #giveUp(code: ErrorCode, isMeant: (coming: Coming) => boolean): void {
    for (const [request, coming] of this.#coming) {
      if (!isMeant(coming)) continue;
      this.#coming.delete(request);
      this.#c.fx.emit({ type: 'connectFailed', request, code });
    }
  }

  cancel(request: number): void {
    this.#coming.delete(request);
    this.#named.delete(request);
    for (const dial of [...this.#dialer.all()]) {
      if (!dial.requests.includes(request)) continue;
      dial.requests = dial.requests.filter((other) => other !== request);
      if (dial.requests.length === 0 && dial.intent === 'user') this.#dialer.cancel(dial);
    }
    for (const peer of this.#c.peers.all()) {
      if (peer.requests !== undefined) peer.requests = peer.requests.filter((other) => other !== request);
    }
  }

  // ---- stay connected ----

  /** A dial that the user wanted has succeeded. Those who want somebody else there dial for themselves. */
  dialed(dial: Dial, id: PeerId): void {
    const isOther = (request: number): boolean => (this.#named.get(request)?.id ?? id) !== id;
    const others = dial.requests
      .filter(isOther)
      .map((request) => [request, this.#named.get(request)] as const);
    dial.requests = dial.requests.filter((request) => !isOther(request));
    let { address: wanted } = dial;
    for (const request of dial.requests) {
      wanted = this.#named.get(request) ?? wanted;
      this.#named.delete(request);
    }
    // Without a request it is of who was there before; whom the user has sent away since is not wanted in his place.
    const isKept = dial.intent === 'user' && !this.#dialer.isBarred(id);
    if (isKept || dial.requests.length > 0) this.pin(wanted, id);
    for (const [request, address] of others) {
      this.#named.delete(request);
      if (address !== undefined) this.connect(request, `${address.text}#${address.id}`);
    }
  }

  pin(address: Address, id: PeerId): void {
    const { tuning, nowMs } = this.#c;
    this.#dialer.release(id); // it may have been held off by its id, and been connected by its address
    const { waitMs } = this.#pinned.get(address.text) ?? { waitMs: this.#waitMs }; // `keep` shortens it if the link lasts
    this.#pinned.delete(address.text);
    this.#pinned.set(address.text, { address, id, nextMs: nowMs + waitMs, waitMs });
    const oldest = this.#pinned.keys().next().value;
    if (this.#pinned.size > tuning.pinnedMax && oldest !== undefined) this.#pinned.delete(oldest);
  }

  /** No need to wait. */
  wake(): void {
    for (const pinned of this.#pinned.values()) pinned.nextMs = this.#c.nowMs;
  }

  /** Part of every round of upkeep: dials those that are lost. */
  keep(): void {
    const { nowMs, tuning, peers } = this.#c;
    for (const pinned of this.#pinned.values()) {
      const { address, id } = pinned;
      if ((id !== undefined && peers.byId(id) !== undefined) || this.#dialer.isBusy(address.text, id)) {
        pinned.waitMs = this.#waitMs;
        pinned.nextMs = nowMs + this.#waitMs;
      } else if (nowMs >= pinned.nextMs && !this.#dialer.isHeld(address.text)) {
        pinned.waitMs = Math.min(2 * pinned.waitMs, tuning.pinnedRestMs);
        pinned.nextMs = nowMs + pinned.waitMs;
        this.#dialer.start(address, { intent: 'user', expect: id });
      }
    }
  }

  // ---- disconnect ----

  /** By id, or by address however it is spelled: one that names an id means that peer as well. */
  disconnect(text: string): void {
    const address = userAddressOf(text);
    this.#disconnect(address?.text ?? text);
    if (address?.id !== undefined) this.#disconnect(address.id);
  }

  #disconnect(target: string): void {
    this.#dialer.hold(target);
    this.#unpin(target);
    this.#giveUp('HELD_OFF', ({ address }) => address.text === target || address.id === target);
    for (const dial of [...this.#dialer.all()]) {
      if (dial.address.text !== target && dial.expect !== target) continue;
      this.#dialer.cancel(dial);
      for (const request of dial.requests) {
        this.#named.delete(request);
        this.#c.fx.emit({ type: 'connectFailed', request, code: 'HELD_OFF' });
      }
    }
    for (const peer of [...this.#c.peers.all()]) {
      const named = peer.id === target || peer.dialed === target || peer.record?.addresses.includes(target);
      if (!named) continue;
      this.#dialer.hold(peer.id);
      if (peer.dialed !== undefined) this.#dialer.hold(peer.dialed);
      this.#unpin(peer.id);
      this.#links.end(peer, 'USER');
    }
  }

  #unpin(target: string): void {
    for (const [text, pinned] of this.#pinned) {
      if (text === target || pinned.id === target) this.#pinned.delete(text);
    }
  }

  /** Nobody waits any more. */
  close(): void {
    this.#giveUp('CLOSED', () => true);
    for (const dial of [...this.#dialer.all()]) {
      this.#dialer.cancel(dial);
      for (const request of dial.requests)
        this.#c.fx.emit({ type: 'connectFailed', request, code: 'CLOSED' });
    }
  }
}
