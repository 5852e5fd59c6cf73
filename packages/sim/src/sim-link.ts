// One end of a simulated link: core's contract over the event queue. Messages arrive whole, in order, after the
// latency of the pair; what is sent while the path is cut waits as TCP would make it wait. Idle links schedule
// nothing: the death of a peer is noticed by a timer that is set when the peer dies, not by pings.
import {
  type CloseReason,
  type Link,
  type LinkEvents,
  messageBytesMax,
  type PeerId,
  type Scope,
  type Urgency,
} from '@peernet/core';
import { TIMING } from './defaults.js';
import type { Action, QueuedEvent } from './event-queue.js';
import type { Host } from './host.js';
import { traceKinds } from './trace.js';

/** What both ends agree on when a link is made. */
export interface LinkOptions {
  readonly latencyMs: number;
  readonly scope: Scope;
  readonly dialed: string;
  /** How the acceptor sees where it comes from; default: an IP and a port of the moment. */
  readonly source?: string;
}

/** Makes a link between two hosts; the ends are registered with them. */
export function linkPair(from: Host, to: Host, options: LinkOptions): [SimLink, SimLink] {
  const near = new SimLink(from, to, true, options.dialed, options);
  const far = new SimLink(to, from, false, options.source ?? from.sourceAddress(), options);
  near.other = far;
  far.other = near;
  from.links.add(near);
  to.links.add(far);
  return [near, far];
}

export class SimLink implements Link {
  /** Whose end this is. */
  readonly host: Host;
  /** The other end. */
  other!: SimLink;
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly session: string;
  readonly remoteAddress: string;
  readonly scope: Scope;
  readonly latencyMs: number;
  /** No more messages, in either direction. */
  closed = false;
  /** Closed without a word to the other end: its host died, or it gave the other one up. */
  vanished = false;
  #ownClose = false;
  /** Of our process: what comes after its end is for nobody. */
  readonly #epoch: number;
  #events: LinkEvents | undefined;
  /** Arrived before `open`. */
  #inbox: Uint8Array[] | undefined;
  #closeReason: CloseReason | undefined;
  /** Arrived at a cut: triples of action and slots. */
  #held: [Action, SimLink, unknown][] | undefined;
  #busyUntilMs = 0;
  #lastArrivalMs = 0;
  #inFlight = 0;
  #congested = false;
  #silence: QueuedEvent | undefined;

  constructor(host: Host, peer: Host, initiator: boolean, remoteAddress: string, options: LinkOptions) {
    this.host = host;
    this.#epoch = host.epoch;
    this.peer = peer.id;
    this.session = peer.session;
    this.initiator = initiator;
    this.remoteAddress = remoteAddress;
    this.scope = options.scope;
    this.latencyMs = options.latencyMs;
  }

  open(events: LinkEvents): void {
    if (this.#events !== undefined) throw new TypeError('a link is opened once');
    this.#events = events;
    if (this.#inbox === undefined && this.#closeReason === undefined) return;
    this.#inbox ??= [];
    this.host.world.schedule(this.host.world.now, flushInbox, this, undefined);
  }

  /** All urgencies travel in one queue: only congestion could tell them apart. */
  send(message: Uint8Array, _urgency: Urgency): boolean {
    if (message.length > messageBytesMax) throw new TypeError(`a message of ${message.length} bytes`);
    if (this.closed) return false;
    const { network, world } = this.host;
    if (this.buffered + message.length > network.options.bufferBytesMax) {
      this.#congested = true;
      return false;
    }
    this.#inFlight += message.length;
    this.#busyUntilMs =
      Math.max(this.#busyUntilMs, world.now) + (message.length * 1000) / network.options.bytesPerSecond;
    this.host.sent(message.length);
    network.tap?.(this.host, this.other.host, message);
    world.schedule(this.#arrival(this.#busyUntilMs), deliver, this.other, network.copy(message));
    return true;
  }

  get buffered(): number {
    if (this.closed || this.#inFlight === 0) return 0;
    const { network, world } = this.host;
    const backlog = ((this.#busyUntilMs - world.now) * network.options.bytesPerSecond) / 1000;
    return Math.ceil(Math.max(0, backlog, this.#inFlight - network.options.windowBytes));
  }

  /** `onClose` follows as an event of its own, never synchronously. */
  close(reason: CloseReason): void {
    if (this.closed) return;
    const { world } = this.host;
    this.#retire();
    this.#ownClose = true;
    world.schedule(world.now, tellClosed, this, reason);
    world.schedule(this.#arrival(Math.max(this.#busyUntilMs, world.now)), farClosed, this.other, reason);
  }

  // ---- for the simulator ----

  /** The other end learns of the link after one more latency; everything sent comes after that. */
  announceTo(end: SimLink): void {
    this.host.world.schedule(this.#arrival(this.host.world.now), accept, end, undefined);
  }

  /** Looks anew at whether the other end can be heard; sets or stops the timer of its silence. */
  recheck(): void {
    if (this.closed || !this.host.running) return;
    const { world, network } = this.host;
    if (this.other.host.running && !network.isCut(this.host, this.other.host)) {
      this.calm();
      this.#released();
    } else if (this.#silence === undefined) {
      const { silenceMinMs, silenceMaxMs } = TIMING;
      const waitMs = silenceMinMs + network.draw() * (silenceMaxMs - silenceMinMs);
      this.#silence = world.schedule(world.now + waitMs, silent, this, undefined);
    }
  }

  /** The path is whole again: what was held comes after a latency, or the news that nobody is there any more. */
  #released(): void {
    const { world } = this.host;
    if (this.#held !== undefined) world.schedule(world.now + this.latencyMs, release, this, undefined);
    if (this.other.vanished) this.breakSoon(TIMING.resetLatencies);
  }

  /** Breaks when a reset gets here: after so many latencies. */
  breakSoon(latencies: number): void {
    const { world } = this.host;
    world.schedule(world.now + latencies * this.latencyMs, farClosed, this, 'LOST');
  }

  /** Stops waiting for a sign of life. */
  calm(): void {
    if (this.#silence !== undefined) this.host.world.cancel(this.#silence);
    this.#silence = undefined;
  }

  /** Gone without any event: its host has died. */
  vanish(): void {
    this.#retire();
    this.vanished = true;
    this.#inbox = undefined;
    this.#held = undefined;
    this.#events = undefined;
  }

  #arrival(departureMs: number): number {
    const { network, world } = this.host;
    const jitter = network.options.jitterShare;
    const latencyMs =
      jitter === 0 ? this.latencyMs : this.latencyMs * (1 + jitter * (2 * network.draw() - 1));
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, departureMs + latencyMs, world.now);
    return this.#lastArrivalMs;
  }

  #retire(): void {
    this.closed = true;
    this.host.links.delete(this);
    this.other.host.abandon(this);
    this.calm();
  }

  /** True if our process cannot be told of it now: it sleeps (then later), or is gone. */
  #isDeaf(action: Action, b: unknown): boolean {
    return this.#epoch !== this.host.epoch || this.host.withheld(action, this, b);
  }

  /** True if what arrives must not be handled now: it is kept for later, or lost with its host. */
  #withheld(action: Action, b: unknown): boolean {
    if (this.#isDeaf(action, b)) return true;
    if (this.#held === undefined && !this.host.network.isCut(this.host, this.other.host)) return false;
    this.#held ??= [];
    this.#held.push([action, this, b]);
    return true;
  }

  deliver(message: Uint8Array): void {
    if (this.closed) {
      // Of a dead machine, as of one that sleeps, the sender hears nothing.
      if (!this.vanished) this.#delivered(message.length);
      return;
    }
    if (this.#withheld(deliver, message)) return;
    this.#delivered(message.length);
    if (this.#events === undefined || this.#inbox !== undefined) {
      this.#inbox ??= [];
      this.#inbox.push(message);
    } else this.#receive(this.#events, message);
  }

  #receive(events: LinkEvents, message: Uint8Array): void {
    const { world } = this.host;
    world.trace.add(traceKinds.message, world.now, this.host.index);
    world.trace.bytes(message);
    this.host.received(message.length);
    events.onMessage(message);
  }

  /** Accounts for the sender. */
  #delivered(bytes: number): void {
    const sender = this.other;
    sender.#inFlight -= bytes;
    if (!sender.#congested || sender.buffered * 2 > this.host.network.options.bufferBytesMax) return;
    sender.#congested = false;
    const { world } = this.host;
    world.schedule(world.now + this.latencyMs, drained, sender, undefined);
  }

  drained(): void {
    if (this.closed || this.#isDeaf(drained, undefined)) return;
    this.host.world.trace.add(traceKinds.drain, this.host.world.now, this.host.index);
    this.#events?.onDrain();
  }

  accept(): void {
    if (!this.closed && !this.#withheld(accept, undefined)) this.host.accept(this);
  }

  farClosed(reason: CloseReason): void {
    if (this.closed || this.#withheld(farClosed, reason)) return;
    this.#retire();
    this.tellClosed(reason);
  }

  silent(): void {
    this.#silence = undefined;
    if (this.closed || !this.host.running) return;
    this.#retire();
    this.vanished = true;
    this.tellClosed('TIMEOUT');
  }

  tellClosed(reason: CloseReason): void {
    if (this.#isDeaf(tellClosed, reason)) return;
    if (this.#events === undefined || this.#inbox !== undefined) this.#closeReason ??= reason;
    else this.#end(this.#events, reason);
  }

  #end(events: LinkEvents, reason: CloseReason): void {
    const { world } = this.host;
    world.trace.add(traceKinds.close, world.now, this.host.index);
    world.trace.text(reason);
    this.#events = undefined;
    events.onClose(reason);
  }

  flushInbox(): void {
    if (this.#events === undefined || this.#isDeaf(flushInbox, undefined)) return;
    // Messages that came before the other side closed are still delivered; after our own close none is.
    for (let message = this.#next(); message !== undefined; message = this.#next()) {
      this.#receive(this.#events, message);
      // A message may be what makes our process end or fall asleep.
      if (this.#events === undefined || this.#isDeaf(flushInbox, undefined)) return;
    }
    this.#inbox = undefined;
    if (this.#closeReason !== undefined) this.#end(this.#events, this.#closeReason);
  }

  #next(): Uint8Array | undefined {
    return this.#ownClose ? undefined : this.#inbox?.shift();
  }

  release(): void {
    const held = this.#held;
    if (held === undefined || this.host.network.isCut(this.host, this.other.host)) return;
    if (this.#isDeaf(release, undefined)) return;
    this.#held = undefined;
    for (const [action, link, b] of held) action(link, b);
  }
}

// Actions of the queue: plain functions, so that an event is two slots and no closure.
const deliver = (link: SimLink, message: Uint8Array): void => link.deliver(message);
const accept = (link: SimLink): void => link.accept();
const farClosed = (link: SimLink, reason: CloseReason): void => link.farClosed(reason);
const tellClosed = (link: SimLink, reason: CloseReason): void => link.tellClosed(reason);
const silent = (link: SimLink): void => link.silent();
const drained = (link: SimLink): void => link.drained();
const flushInbox = (link: SimLink): void => link.flushInbox();
const release = (link: SimLink): void => link.release();
