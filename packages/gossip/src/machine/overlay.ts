// The overlay machine: one node of the random graph. It routes what happens to the parts beside it, each of which holds
// one rule of protocol.md §5, and checks on the way what is the same for all messages: form, rate and signatures.
import {
  type HeardRecord,
  type Machine,
  type PeerId,
  type PeerRecord,
} from '@peernet/core';
import type { RateName } from '../defaults.js';
import { decodeMessage, type Hello, type Message } from '../wire.js';
import { userAddressOf } from './address-memo.js';
import { Admission } from './admission.js';
import { Announcer } from './announcer.js';
import { Census } from './census.js';
import { Context, type OverlayOptions } from './context.js';
import { Dialer } from './dialer.js';
import type { LinkKind, OverlayEffects, OverlayInput } from './effects.js';
import { Exchange } from './exchange.js';
import { Links, type LinksListener } from './links.js';
import type { Peer } from './peer.js';
import { Prober } from './prober.js';
import { Records } from './records.js';
import { Upkeep } from './upkeep.js';
import { Walks } from './walks.js';

/** The bucket that each kind of message has to pass. */
const rateOf: { readonly [K in Message['kind']]: RateName } = {
  hello: 'hello',
  record: 'record',
  shuffle: 'shuffle',
  extrema: 'extrema',
  walk: 'walk',
  link: 'answer',
  full: 'answer',
  replaced: 'answer',
  unknown: 'shuffle',
};

export class Overlay implements Machine<OverlayInput, OverlayEffects>, LinksListener {
  readonly #c: Context;
  readonly #records: Records;
  readonly #dialer: Dialer;
  readonly #links: Links;
  readonly #exchange: Exchange;
  readonly #walks: Walks;
  readonly #admission: Admission;
  readonly #census: Census;
  readonly #announcer: Announcer;
  readonly #prober: Prober;
  readonly #upkeep: Upkeep;
  /** Links with messages that wait for signature budget, and when to look again. */
  readonly #waiting = new Set<Peer>();
  #waitingMs = Number.POSITIVE_INFINITY;

  constructor(options: OverlayOptions) {
    const c = new Context(options);
    this.#c = c;
    const records = new Records(c);
    const dialer = new Dialer(c);
    const links: Links = new Links(c, {
      records,
      dialer,
      admission: () => this.#admission,
      digest: () => this.#census.digest(),
      listener: this,
    });
    const exchange = new Exchange(c, { records, dialer, ending: links });
    this.#records = records;
    this.#dialer = dialer;
    this.#links = links;
    this.#exchange = exchange;
    this.#admission = new Admission(c, { links, exchange, dialer, walks: () => this.#walks });
    this.#census = new Census(c, { records, ending: links, random: options.random });
    const size = (): number => this.#census.size();
    this.#walks = new Walks(c, { records, dialer, exchange, room: this.#admission, size });
    this.#announcer = new Announcer(c, { records, dialer });
    this.#prober = new Prober(c, { dialer, records });
    const { intervalMs } = options;
    const parts = { dialer, walks: this.#walks, links, admission: this.#admission };
    this.#upkeep = new Upkeep(c, parts, intervalMs > 0 ? intervalMs : c.tuning.upkeepMs);
  }

  handle(input: OverlayInput, nowMs: number, effects: OverlayEffects): void {
    this.#c.nowMs = nowMs;
    this.#c.fx = effects;
    if (this.#c.closed && input.type !== 'linkDown' && input.type !== 'linkUp' && input.type !== 'dialed')
      return;
    this.#route(input);
  }

  #route(input: OverlayInput): void {
    switch (input.type) {
      case 'tick':
        return this.#tick();
      case 'message':
        return this.#message(input.key, input.bytes);
      case 'linkUp':
        return this.#links.arrived(input.link, input.purpose);
      case 'linkDown':
        return this.#links.onDown(input.key, input.reason);
      case 'dialed':
        return this.#dialed(input);
      case 'dialFailed':
        return this.#dialFailed(input);
      case 'drain': {
        const peer = this.#c.peers.get(input.key);
        if (peer !== undefined) peer.congestedMs = undefined;
        return;
      }
      case 'connect':
        return this.#connect(input.request, input.address);
      case 'connectCancel':
        return this.#connectCancel(input.request);
      case 'disconnect':
        return this.#disconnect(input.target);
      case 'listening':
        return this.#announcer.listening(input.services, input.interfaces);
      case 'wake':
        this.#dialer.forgive();
        this.#walks.refresh();
        return this.#upkeep.wake();
      case 'close':
        return this.#close();
    }
  }

  deadline(): number {
    if (this.#c.closed) return Number.POSITIVE_INFINITY;
    return Math.min(
      this.#links.deadline(),
      this.#exchange.deadline(),
      this.#walks.deadline(),
      this.#census.deadline(),
      this.#announcer.deadline(),
      this.#prober.deadline(),
      this.#upkeep.deadline(),
      this.#waitingMs,
    );
  }

  #tick(): void {
    if (this.#c.nowMs >= this.#waitingMs) this.#resume();
    this.#links.tick();
    this.#walks.tick();
    this.#exchange.tick();
    this.#census.tick();
    this.#announcer.tick();
    this.#prober.tick();
    this.#upkeep.tick();
  }

  // ---- messages ----

  #message(key: number, bytes: Uint8Array): void {
    const peer = this.#c.peers.get(key);
    if (peer === undefined) return;
    if (peer.waiting !== undefined) this.#postpone(peer, bytes);
    else this.#read(peer, bytes);
  }

  #read(peer: Peer, bytes: Uint8Array): void {
    const { counters, nowMs } = this.#c;
    const message = decodeMessage(bytes);
    if (message === undefined) {
      counters.malformed++;
      this.#links.ban(peer, 'a malformed message');
      return;
    }
    if (!this.#affordable(peer, message)) {
      this.#postpone(peer, bytes);
      return;
    }
    if (!peer.receiving(rateOf[message.kind], nowMs).take(1, nowMs)) this.#drop(peer);
    else if (message.kind !== 'hello' && !peer.greeted) this.#links.end(peer, 'PROTOCOL');
    else if (this.#genuine(peer, message)) this.#dispatch(peer, message);
  }

  /** More than it may: dropped, not punished, unless it goes on and on. */
  #drop(peer: Peer): void {
    this.#c.counters.limiterDrops++;
    peer.drops++;
    if (peer.drops > this.#c.tuning.dropsMax) this.#links.end(peer, 'RATE');
  }

  #affordable(peer: Peer, message: Message): boolean {
    if (message.kind === 'extrema') return this.#records.affordable(peer, message.entries.length);
    const records = recordsOf(message);
    // Nearly always there is enough for all of them; only then it matters which ones we know.
    return (
      this.#records.affordable(peer, records.length) ||
      this.#records.affordable(peer, this.#records.unchecked(records))
    );
  }

  /** Whoever passes on what its owner did not sign has not checked it, or made it. */
  #genuine(peer: Peer, message: Message): boolean {
    for (const { record } of recordsOf(message)) {
      if (!this.#records.genuine(record, peer)) {
        this.#c.counters.badSignatures++;
        this.#links.ban(peer, 'a forged record');
        return false;
      }
      if (record.id === this.#c.crypto.id && this.#records.met(record)) this.#announcer.tell();
    }
    return true;
  }

  #dispatch(peer: Peer, message: Message): void {
    switch (message.kind) {
      case 'hello':
        return this.#links.onHello(peer, message);
      case 'record':
        return this.#onRecord(peer, message.self);
      case 'shuffle':
        return this.#exchange.onShuffle(peer, message);
      case 'extrema':
        return this.#census.onExtrema(peer, message);
      case 'walk':
        return this.#walks.onWalk(peer, message);
      case 'link':
      case 'full':
        return message.walk === ''
          ? this.#admission.onAnswer(peer, message)
          : this.#walks.onAnswer(peer, message);
      case 'replaced':
        return this.#admission.onReplaced(peer, message);
      case 'unknown':
        return;
    }
  }

  #onRecord(peer: Peer, self: HeardRecord): void {
    if (self.record.id !== peer.id) {
      this.#links.ban(peer, "somebody else's record in RECORD");
      return;
    }
    this.#links.adopt(peer, self);
    this.#exchange.take([self], peer);
    this.#prober.consider(peer);
  }

  // ---- later, not lost ----

  /** Keeps a message until there is budget for its signatures, and those behind it in order. */
  #postpone(peer: Peer, bytes: Uint8Array): void {
    const { counters, tuning, nowMs } = this.#c;
    peer.waiting ??= [];
    if (peer.waiting.length >= tuning.waitingMax) {
      this.#drop(peer);
      return;
    }
    counters.postponed++;
    peer.waiting.push(bytes);
    this.#waiting.add(peer);
    this.#waitingMs = Math.min(this.#waitingMs, nowMs + tuning.waitingMs);
  }

  #resume(): void {
    const { peers, nowMs, tuning } = this.#c;
    this.#waitingMs = Number.POSITIVE_INFINITY;
    for (const peer of [...this.#waiting]) {
      const list = peer.waiting ?? [];
      peer.waiting = undefined;
      this.#waiting.delete(peer);
      for (const bytes of list) if (peers.get(peer.key) === peer) this.#message(peer.key, bytes);
    }
    if (this.#waiting.size > 0) this.#waitingMs = nowMs + tuning.waitingMs;
  }

  // ---- what links tell (LinksListener) ----

  greeted(peer: Peer, hello: Hello): void {
    this.#announcer.greeted(peer, hello);
  }

  neighbour(peer: Peer): void {
    this.#census.neighbour(peer);
    this.#prober.consider(peer);
    this.#announcer.neighbourhood();
    this.#upkeep.neighbourhood();
  }

  parted(peer: Peer, wasNeighbour: boolean): void {
    if (!wasNeighbour && peer.kind !== 'pending') return;
    this.#announcer.neighbourhood();
    this.#upkeep.neighbourhood();
  }

  // ---- dials ----

  #dialed(input: Extract<OverlayInput, { type: 'dialed' }>): void {
    const dial = this.#dialer.finish(input.dial);
    if (dial === undefined) {
      this.#c.fx.close(input.link.key, 'DONE');
      return;
    }
    if (dial.intent === 'own') this.#announcer.probed(dial.address.text, undefined);
    this.#links.dialed(input.link, dial);
    if (dial.intent === 'user') this.#upkeep.pin(dial.address, input.link.peer);
  }

  #dialFailed(input: Extract<OverlayInput, { type: 'dialFailed' }>): void {
    const dial = this.#dialer.finish(input.dial);
    if (dial === undefined) return;
    this.#dialer.failed(dial, input.code);
    if (dial.intent === 'own' || input.code === 'SELF') this.#announcer.probed(dial.address.text, input.code);
    for (const request of dial.requests) {
      this.#c.fx.emit({ type: 'connectFailed', request, code: input.code });
    }
    if (this.#c.degree === 0 && dial.intent === 'fill') this.#upkeep.hurry();
  }

  #connect(request: number, text: string): void {
    const { fx } = this.#c;
    const address = userAddressOf(text);
    if (address === undefined || address.scope === 'forbidden') {
      fx.emit({ type: 'connectFailed', request, code: 'ADDRESS_INVALID' });
      return;
    }
    this.#dialer.release(address.text);
    if (address.id !== undefined) this.#dialer.release(address.id);
    const there = this.#linkTo(address.text, address.id);
    if (there !== undefined) {
      there.pinned = true;
      this.#upkeep.pin(address, there.id);
      if (there.greeted) fx.emit({ type: 'connected', request, id: there.id });
      else there.requests = [...(there.requests ?? []), request];
      if (there.kind === 'app') this.#links.ask(there);
      return;
    }
    const running = this.#dialer.find(address.text);
    const dial = running ?? this.#dialer.start(address, { intent: 'user', expect: address.id });
    if (dial === undefined) fx.emit({ type: 'connectFailed', request, code: 'LIMIT' });
    else dial.requests.push(request);
  }

  #linkTo(address: string, id: PeerId | undefined): Peer | undefined {
    const { peers } = this.#c;
    if (id !== undefined) return peers.byId(id);
    for (const peer of peers.all()) if (peer.dialed === address && peer.kind !== 'probe') return peer;
    return undefined;
  }

  #connectCancel(request: number): void {
    for (const dial of [...this.#dialer.all()]) {
      if (!dial.requests.includes(request)) continue;
      dial.requests = dial.requests.filter((other) => other !== request);
      if (dial.requests.length === 0 && dial.intent === 'user') this.#dialer.cancel(dial);
    }
    for (const peer of this.#c.peers.all()) {
      if (peer.requests !== undefined) peer.requests = peer.requests.filter((other) => other !== request);
    }
  }

  #disconnect(target: string): void {
    this.#dialer.hold(target);
    this.#upkeep.unpin(target);
    for (const dial of [...this.#dialer.all()]) {
      if (dial.address.text !== target && dial.expect !== target) continue;
      this.#dialer.cancel(dial);
      for (const request of dial.requests) {
        this.#c.fx.emit({ type: 'connectFailed', request, code: 'HELD_OFF' });
      }
    }
    for (const peer of [...this.#c.peers.all()]) {
      if (peer.id !== target && peer.dialed !== target && !peer.record?.addresses.includes(target)) continue;
      this.#dialer.hold(peer.id);
      if (peer.dialed !== undefined) this.#dialer.hold(peer.dialed);
      this.#upkeep.unpin(peer.id);
      this.#links.end(peer, 'USER');
    }
  }

  #close(): void {
    this.#c.closed = true;
    for (const dial of [...this.#dialer.all()]) {
      this.#dialer.cancel(dial);
      for (const request of dial.requests)
        this.#c.fx.emit({ type: 'connectFailed', request, code: 'CLOSED' });
    }
    for (const peer of [...this.#c.peers.all()]) this.#links.end(peer, 'SHUTDOWN');
  }

  // ---- what can be seen from outside ----

  /** Own record, as of `nowMs`. */
  record(nowMs: number): PeerRecord {
    this.#c.nowMs = Math.max(nowMs, this.#c.nowMs);
    return this.#records.own();
  }

  /** N̂ ≥ 1. */
  size(nowMs: number): number {
    this.#c.nowMs = Math.max(nowMs, this.#c.nowMs);
    return this.#census.size();
  }

  own(): { address: string; verified: boolean }[] {
    return this.#announcer.own();
  }

  /** Overlay neighbours, in no particular order. */
  get neighbours(): readonly Peer[] {
    return this.#c.peers.neighbours;
  }

  links(): IterableIterator<Peer> {
    return this.#c.peers.all();
  }

  snapshot(): Record<string, number | boolean> {
    const { peers, counters, dialable, linksMax } = this.#c;
    const kinds: LinkKind[] = ['pending', 'overlay', 'guest', 'app', 'probe'];
    const links = Object.fromEntries(kinds.map((kind) => [`${kind}Links`, peers.count(kind)]));
    return {
      ...counters,
      ...links,
      outbound: peers.outbound,
      hosted: peers.hosted,
      dialing: this.#dialer.size,
      walking: this.#walks.pending,
      dialable,
      linksMax,
    };
  }
}

/** Records in a message whose signatures have to hold before it means anything. */
function recordsOf(message: Message): readonly HeardRecord[] {
  switch (message.kind) {
    case 'hello':
    case 'record':
      return [message.self];
    case 'walk':
      return [message.origin];
    case 'shuffle':
    case 'link':
    case 'full':
      return message.records;
    case 'replaced':
      return message.joiner === undefined ? message.records : [message.joiner, ...message.records];
    default:
      return [];
  }
}
