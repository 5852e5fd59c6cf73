// The shell around the overlay machine: it owns one alarm, the links and the dials, and decides nothing of the protocol.
// Synchronous inside (promises only at the edge, for users), so that the simulator runs this file under its virtual clock.
import {
  Alarm,
  type Clock,
  Emitter,
  type ErrorCode,
  errorCodes,
  type Link,
  type LinkKey,
  type Log,
  memoryStore,
  noLog,
  type PeerId,
  PeernetError,
  type PeerRecord,
  type PeerStore,
  type Random,
  type Signaller,
  shuffle,
  systemClock,
  systemRandom,
  type Urgency,
} from '@peernet/core';
import { OPTIONS, TUNING } from './defaults.js';
import { type DialNow, type DialNowResult, withoutPromises } from './dial-now.js';
import { HeldLink } from './held-link.js';
import type { OverlayEffects, OverlayEvent, OverlayInput, Service } from './machine/effects.js';
import { Overlay } from './machine/overlay.js';
import { attempt, Paths } from './paths.js';
import type { GossipEvents, GossipOptions, LinkView, Neighbour } from './types.js';

type ConnectDone = (result: { id: PeerId; code?: undefined } | { code: ErrorCode; id?: undefined }) => void;

export class Gossip extends Emitter<GossipEvents> {
  /** Finds a way to peers that cannot be dialed: for transports. */
  readonly signaller: Signaller;
  readonly #paths: Paths;
  readonly #machine: Overlay;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #store: PeerStore;
  readonly #log: Log;
  readonly #alarm: Alarm;
  readonly #dialNow: DialNow | undefined;
  readonly #interfaces: () => readonly string[];
  readonly #held = new Map<LinkKey, HeldLink>();
  readonly #dials = new Map<number, () => void>();
  readonly #requests = new Map<number, ConnectDone>();
  #nextKey = 1;
  #nextRequest = 1;
  #closing = false; // nothing is begun any more, although what was before it may have to be handled yet
  #closed = false;
  #busy = false;
  #bugs = 0;
  /** Inputs that came meanwhile. */
  readonly #inputs: OverlayInput[] = [];
  /** What the machine has to say about the input that it handles. */
  readonly #events: OverlayEvent[] = [];
  readonly #effects: OverlayEffects;

  constructor(options: GossipOptions) {
    super();
    const { crypto, dial, clock = systemClock, random = systemRandom } = options;
    const connections = numberOption('connections', options.connections ?? OPTIONS.connections);
    const intervalMs = numberOption('interval', options.interval ?? OPTIONS.intervalMs);
    this.#clock = clock;
    this.#random = random;
    this.#store = options.store ?? memoryStore({ clock, random });
    this.#log = options.log ?? noLog;
    this.#dialNow = options.dialNow ?? (dial === undefined ? undefined : withoutPromises(dial));
    this.#interfaces = options.interfaces ?? (() => []);
    this.#effects = this.#makeEffects();
    this.#alarm = new Alarm(clock, () => this.#handle({ type: 'tick' }));
    this.#machine = new Overlay({
      crypto,
      random,
      store: this.#store,
      wall: () => clock.wall(),
      nowMs: clock.now(),
      seq: options.seq ?? 0,
      connections,
      intervalMs,
      canDial: this.#dialNow !== undefined,
      bootstrap: (options.bootstrap ?? true) && this.#dialNow !== undefined,
      relay: options.relay ?? false,
      lan: options.lan ?? false,
      webrtc: options.webrtc ?? false,
      schemes: options.schemes ?? OPTIONS.schemes,
      seeds: options.seeds ?? [],
      anchors: options.anchors ?? [],
      announce: options.announce ?? [],
      tuning: { ...TUNING, ...options.limits },
      wantsKnown: () => this.listenerCount('known') > 0,
    });
    this.#paths = new Paths({
      clock,
      isClosed: () => this.#closing,
      handle: (input) => this.#handle(input),
      scopeOf: (path) => this.#machine.pathScope(path),
    });
    this.signaller = this.#paths;
    this.#alarm.set(this.#machine.deadline());
  }

  // ---- links and dials of others ----

  /** Takes a link over: an inbound one, or one that the application dialed itself (`purpose: 'app'`, or to be a neighbour). */
  add(link: Link, options: { purpose?: 'overlay' | 'app' | undefined } = {}): void {
    const held = this.#hold(link);
    this.#handle({ type: 'linkUp', link: held.describe(), purpose: options.purpose ?? 'overlay' });
    held.begin();
  }

  #hold(link: Link): HeldLink {
    const key = this.#nextKey++;
    const held = new HeldLink(key, link, (input) => this.#handle(input));
    this.#held.set(key, held);
    return held;
  }

  /** Connects, and stays connected until `disconnect`. Rejects with a PeernetError. */
  connect(address: string, options: { signal?: AbortSignal | undefined } = {}): Promise<PeerId> {
    const { signal } = options;
    if (typeof address !== 'string') throw new TypeError(`connect: an address, not ${String(address)}`);
    return new Promise((resolve, reject) => {
      let cancel = (): void => {};
      const abort = (): void => {
        cancel();
        reject(new PeernetError('ABORTED', `gave up connecting to ${address}`));
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      cancel = this.connectNow(address, (result) => {
        signal?.removeEventListener('abort', abort);
        if (result.id !== undefined) resolve(result.id);
        else
          reject(new PeernetError(result.code, `cannot connect to ${address}: ${errorCodes[result.code]}`));
      });
      if (signal?.aborted) cancel(); // by somebody who was told of it at once
    });
  }

  /** The same without promises; returns a function that gives up. `done` may be called before it returns. */
  connectNow(address: string, done: ConnectDone): () => void {
    if (typeof address !== 'string') throw new TypeError(`connect: an address, not ${String(address)}`);
    if (this.#closing || this.#dialNow === undefined) {
      done({ code: this.#closing ? 'CLOSED' : 'NOT_SUPPORTED' });
      return () => {};
    }
    const request = this.#nextRequest++;
    this.#requests.set(request, done);
    this.#handle({ type: 'connect', request, address });
    return () => {
      if (this.#requests.delete(request)) this.#handle({ type: 'connectCancel', request });
    };
  }

  /** Ends links with an id or address, and holds it off for ten minutes. */
  disconnect(target: string): void {
    this.#handle({ type: 'disconnect', target });
  }

  /** Whether an id or address is held off: by `disconnect`, or because that peer's user has disconnected us. */
  isHeldOff(target: string): boolean {
    return this.#machine.isHeldOff(target);
  }

  /** A peer broke another protocol of ours (search): its links end and it is banned, as if it had broken this one. */
  misbehaved(id: PeerId, why: string): void {
    this.#handle({ type: 'misbehaved', id, why });
  }

  /** What we listen on; replaces what was said before. */
  listening(services: readonly Service[]): void {
    this.#handle({ type: 'listening', services, interfaces: this.#interfaces() });
  }

  /** There are new addresses in the store, or the network is back. */
  wake(): void {
    this.#handle({ type: 'wake' });
  }

  // ---- what is known ----

  /** Overlay links. */
  neighbours(): Neighbour[] {
    return this.#machine.neighbours.map((peer) => view(peer));
  }

  /** All links. */
  links(): LinkView[] {
    const views: LinkView[] = [];
    for (const peer of this.#machine.links()) {
      const held = this.#held.get(peer.key);
      if (held !== undefined) views.push({ ...view(peer), kind: peer.kind, link: held.link });
    }
    return views;
  }

  /** Up to `count` different peers at random, of the neighbours and of those that we have met within the hour. */
  random(count: number): PeerId[] {
    const ids = new Set(this.#machine.neighbours.map((peer) => peer.id));
    const entries = this.#store.sample(count, {
      scope: 'loopback',
      exclude: (entry) => entry.id === undefined,
    });
    for (const { id } of entries) if (id !== undefined) ids.add(id);
    ids.delete(this.record.id);
    return shuffle(this.#random, [...ids]).slice(0, count);
  }

  /** Estimated number of nodes, ≥ 1. */
  get size(): number {
    return this.#machine.size(this.#clock.now());
  }

  /** The calendar, ms: the clock's, or that of the neighbours where three of them agree that ours is wrong. */
  wall(): number {
    return this.#machine.wall();
  }

  /** What we say of ourselves, signed. */
  get record(): PeerRecord {
    return this.#machine.record(this.#clock.now());
  }

  /** Addresses at which we can be dialed, proven ones first. */
  own(): string[] {
    return this.ownStates().map(({ address }) => address);
  }

  /** Neighbours that answer STUN, as WebRTC wants to be told: up to two. */
  stunServers(): string[] {
    const servers = this.#machine.stunServers().slice(0, 2);
    return servers.map(({ host, port }) => `stun:${host.includes(':') ? `[${host}]` : host}:${port}`);
  }

  ownStates(): { address: string; verified: boolean }[] {
    return this.#machine.own();
  }

  snapshot(): Record<string, number | boolean> {
    return { ...this.#machine.snapshot(), size: this.size, bugs: this.#bugs };
  }

  /** Says SHUTDOWN to all. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#handle({ type: 'close' });
  }

  // ---- the machine ----

  /** One input at a time: what happens while one is handled, or while listeners are told of it, comes after it. */
  #handle(input: OverlayInput): void {
    if (this.#busy) {
      this.#inputs.push(input);
      return;
    }
    this.#busy = true;
    for (let next: OverlayInput | undefined = input; next !== undefined; next = this.#inputs.shift()) {
      this.#step(next);
    }
    this.#busy = false;
    this.#alarm.set(this.#machine.deadline()); // never, once it is closed
  }

  #step(input: OverlayInput): void {
    if (!this.#closed) this.#attempt(input);
    else if (input.type === 'linkUp' || input.type === 'dialed') {
      this.#held.get(input.link.key)?.link.close('SHUTDOWN');
    }
    if (input.type === 'close') this.#closed = true;
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      this.#tell(event);
    }
    if (input.type === 'linkDown') this.#held.delete(input.key);
  }

  /** A bug of ours must not take the process down: it costs the link that brought it to light, and is counted. */
  #attempt(input: OverlayInput): void {
    try {
      this.#machine.handle(input, this.#clock.now(), this.#effects);
    } catch (error) {
      this.#bugs++;
      this.#events.push({ type: 'debug', event: 'bug', fields: { input: input.type, error: String(error) } });
      if (input.type !== 'message') return;
      this.#held.get(input.key)?.link.close('INTERNAL');
      this.#inputs.push({ type: 'linkDown', key: input.key, reason: 'INTERNAL' });
    }
  }

  #makeEffects(): OverlayEffects {
    return {
      send: (key: LinkKey, message: Uint8Array, urgency: Urgency) =>
        this.#held.get(key)?.link.send(message, urgency) ?? false,
      close: (key, reason) => this.#held.get(key)?.link.close(reason),
      dial: (dial, address, expect) => this.#dial(dial, address, expect),
      cancelDial: (dial) => {
        this.#dials.get(dial)?.();
        this.#dials.delete(dial);
      },
      emit: (event) => this.#events.push(event),
    };
  }

  #dial(dial: number, address: string, expect: PeerId | undefined): void {
    let over = false;
    const done = (result: DialNowResult): void => {
      if (over) {
        result.link?.close('DONE');
        return;
      }
      over = true;
      this.#dials.delete(dial);
      if (result.link === undefined) this.#handle({ type: 'dialFailed', dial, code: result.code });
      else {
        const held = this.#hold(result.link);
        this.#handle({ type: 'dialed', dial, link: held.describe() });
        held.begin();
      }
    };
    if (this.#dialNow === undefined) {
      done({ code: 'NOT_SUPPORTED' });
      return;
    }
    const cancel = this.#dialNow(address, { expect }, done);
    if (over) return;
    this.#dials.set(dial, () => {
      over = true;
      cancel();
    });
  }

  #tell(event: OverlayEvent): void {
    switch (event.type) {
      case 'up':
      case 'down':
      case 'gone':
        this.#tellOfLink(event);
        break;
      case 'connected':
        this.#answer(event.request, { id: event.id });
        break;
      case 'connectFailed':
        this.#answer(event.request, { code: event.code });
        break;
      case 'seq':
        this.emit('seq', event.seq);
        break;
      case 'offered':
      case 'signalled':
      case 'pathClosed':
        this.#paths.tell(event);
        break;
      case 'debug':
        attempt(() => this.#log(event.event, event.fields));
        this.emit('debug', event.event, event.fields);
        break;
      default:
        this.emit(event.type, event.addresses);
    }
  }

  #tellOfLink(event: Extract<OverlayEvent, { type: 'up' | 'down' | 'gone' }>): void {
    const link = this.#held.get(event.key)?.link;
    if (link === undefined) return;
    const { id } = event;
    if (event.type === 'gone') this.emit('gone', { id, kind: event.kind, reason: event.reason, link });
    else if (event.type === 'down')
      this.emit('down', { id, address: event.address, reason: event.reason, link });
    else {
      this.emit('up', { id, address: event.address, direction: link.initiator ? 'out' : 'in', link });
      this.emit('peer', { id, address: event.address });
    }
  }

  #answer(request: number, result: Parameters<ConnectDone>[0]): void {
    const done = this.#requests.get(request);
    this.#requests.delete(request);
    attempt(() => done?.(result));
  }
}

function view(peer: Overlay['neighbours'][number]): Neighbour {
  const { key, id, address, scope, pinned, degree } = peer;
  const direction = peer.initiator ? 'out' : 'in';
  return { key, id, address, direction, scope, since: peer.neighbourMs || peer.sinceMs, pinned, degree };
}

/** Finite and not negative, or a TypeError. */
function numberOption(name: string, value: number): number {
  if (typeof value !== 'number' || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw new TypeError(`${name}: a number ≥ 0, not ${String(value)}`);
  }
  return value;
}
