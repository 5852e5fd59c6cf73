// The overlay machine: one node of the random graph. It routes what happens to the parts beside it, each of which holds
// one rule of protocol.md §5.
import {
  addressOf,
  type HeardRecord,
  type Machine,
  type PeerId,
  type PeerRecord,
  type Scope,
} from '@peernet/core';
import type { Hello, Message } from '../wire.js';
import { Admission } from './admission.js';
import { Announcer } from './announcer.js';
import { Census } from './census.js';
import { Context, type OverlayOptions } from './context.js';
import { Dialer } from './dialer.js';
import type { LinkKind, OverlayEffects, OverlayInput } from './effects.js';
import { Exchange } from './exchange.js';
import { Intake } from './intake.js';
import { Introductions } from './introductions.js';
import { Links, type LinksListener } from './links.js';
import type { Peer } from './peer.js';
import { Prober } from './prober.js';
import { Protection } from './protection.js';
import { Records } from './records.js';
import { Relayed } from './relayed.js';
import { Upkeep } from './upkeep.js';
import { Walks } from './walks.js';
import { Ways } from './ways.js';
import { Wishes } from './wishes.js';

export class Overlay implements Machine<OverlayInput, OverlayEffects>, LinksListener {
  readonly #c: Context;
  readonly #records: Records;
  readonly #dialer: Dialer;
  readonly #intake: Intake;
  readonly #links: Links;
  readonly #exchange: Exchange;
  readonly #walks: Walks;
  readonly #admission: Admission;
  readonly #protection: Protection;
  readonly #census: Census;
  readonly #announcer: Announcer;
  readonly #prober: Prober;
  readonly #upkeep: Upkeep;
  readonly #wishes: Wishes;
  readonly #relayed: Relayed;
  readonly #introductions: Introductions;

  constructor(options: OverlayOptions) {
    const c = new Context(options);
    const records = new Records(c);
    const dialer = new Dialer(c);
    const digest = (): Uint8Array => this.#census.digest();
    const links: Links = new Links(c, {
      records,
      dialer,
      digest,
      admission: () => this.#admission,
      listener: this,
    });
    const exchange = new Exchange(c, { records, dialer, ending: links });
    const protection = new Protection(c, { dialer });
    const admission = new Admission(c, {
      links,
      exchange,
      dialer,
      protection,
      walks: () => this.#walks,
      onRefused: () => this.#upkeep.refused(),
    });
    const size = (): number => this.#census.size();
    const onFruitless = (): void => this.#upkeep.refill();
    const walks = new Walks(c, { records, dialer, exchange, room: admission, size, onFruitless });
    const wishes = new Wishes(c, { dialer, links });
    this.#c = c;
    this.#records = records;
    this.#dialer = dialer;
    this.#links = links;
    this.#exchange = exchange;
    this.#admission = admission;
    this.#protection = protection;
    this.#walks = walks;
    this.#wishes = wishes;
    const walkedFrom = (walk: string): Peer | undefined => walks.cameFrom(walk);
    this.#relayed = new Relayed(c, { walkedFrom });
    this.#introductions = new Introductions(c, {
      records,
      dialer,
      links,
      relayed: this.#relayed,
      ways: new Ways(c, { walkOf: (origin) => walks.endedFor(origin), walkedFrom }),
      found: (walk) => walks.found(walk),
    });
    this.#census = new Census(c, { records, ending: links });
    this.#announcer = new Announcer(c, { records, dialer });
    this.#prober = new Prober(c, { dialer, records });
    this.#upkeep = new Upkeep(c, { dialer, walks, links, admission, protection, wishes });
    this.#intake = new Intake(c, {
      records,
      ending: links,
      dispatch: (peer, message) => this.#dispatch(peer, message),
      mirrored: (record) => {
        if (records.met(record)) this.#announcer.tell();
      },
    });
  }

  handle(input: OverlayInput, nowMs: number, effects: OverlayEffects): void {
    this.#c.nowMs = nowMs;
    this.#c.fx = effects;
    if (this.#c.closed && input.type !== 'linkUp' && input.type !== 'dialed') return;
    switch (input.type) {
      case 'tick':
        this.#tick();
        break;
      case 'message':
        this.#intake.message(input.key, input.bytes);
        break;
      case 'drain':
        this.#drained(input.key);
        break;
      case 'linkUp':
        this.#links.arrived(input.link, input.purpose);
        break;
      case 'linkDown':
        this.#links.onDown(input.key, input.reason);
        break;
      case 'dialed':
        this.#dialed(input);
        break;
      case 'dialFailed':
        this.#dialFailed(input);
        break;
      default:
        this.#obey(input);
    }
  }

  deadline(): number {
    if (this.#c.closed) return Number.POSITIVE_INFINITY;
    return Math.min(
      this.#intake.deadline(),
      this.#links.deadline(),
      this.#exchange.deadline(),
      this.#walks.deadline(),
      this.#census.deadline(),
      this.#announcer.deadline(),
      this.#prober.deadline(),
      this.#upkeep.deadline(),
      this.#introductions.deadline(),
      this.#wishes.deadline(),
    );
  }

  #tick(): void {
    this.#intake.tick();
    this.#links.tick();
    this.#walks.tick();
    this.#exchange.tick();
    this.#census.tick();
    this.#announcer.tick();
    this.#prober.tick();
    this.#prober.look(this.#admission.takeSuspects());
    this.#upkeep.tick();
    this.#introductions.tick();
    this.#wishes.tick();
  }

  // ---- messages ----

  #dispatch(peer: Peer, message: Message): void {
    switch (message.kind) {
      case 'hello':
        this.#links.onHello(peer, message);
        this.#wishes.met(peer);
        break;
      case 'record':
        this.#onRecord(peer, message.self);
        break;
      case 'shuffle':
        this.#exchange.onShuffle(peer, message);
        break;
      case 'extrema':
        this.#census.onExtrema(peer, message);
        break;
      case 'walk':
        this.#walks.onWalk(peer, message);
        break;
      case 'link':
      case 'full':
        if (message.walk === '') this.#admission.onAnswer(peer, message);
        else this.#walks.onAnswer(peer, message);
        break;
      case 'replaced':
        this.#admission.onReplaced(peer, message);
        break;
      case 'signal':
        this.#introductions.onSignal(peer, message);
        break;
      case 'unreachable':
        this.#introductions.onUnreachable(peer, message);
        break;
      case 'unknown':
        break; // of a later version
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
    this.#announcer.neighbourhood(); // who has just proven its address may be a relay now
  }

  #drained(key: number): void {
    const peer = this.#c.peers.get(key);
    if (peer !== undefined) peer.congestedMs = undefined;
  }

  // ---- what links tell (LinksListener) ----

  greeted(peer: Peer, hello: Hello): void {
    this.#announcer.greeted(peer, hello);
  }

  neighbour(peer: Peer): void {
    this.#c.wasLinked = true;
    this.#census.neighbour(peer);
    const claim = peer.initiator ? undefined : peer.heard(this.#c.nowMs);
    if (claim !== undefined) this.#exchange.take([claim], peer);
    this.#prober.consider(peer);
    if (this.#c.isShy && peer.record?.dialable === false) this.#walks.introduced();
    this.#announcer.neighbourhood();
    this.#upkeep.neighbourhood();
  }

  turned(peer: Peer): void {
    this.#introductions.turned(peer);
  }

  parted(peer: Peer, wasNeighbour: boolean): void {
    if (this.#c.peers.get(peer.key) !== peer) this.#introductions.parted(peer);
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
    this.#wishes.dialed(dial, input.link.peer);
    this.#introductions.dialed(dial.number, this.#links.dialed(input.link, dial));
  }

  #dialFailed(input: Extract<OverlayInput, { type: 'dialFailed' }>): void {
    const dial = this.#dialer.finish(input.dial);
    if (dial === undefined) return;
    this.#dialer.failed(dial, input.code);
    this.#introductions.dialed(dial.number, undefined);
    if (dial.intent === 'own' || input.code === 'SELF') this.#announcer.probed(dial.address.text, input.code);
    this.#wishes.failed(dial, input.code);
    if (this.#c.degree === 0 && (dial.intent === 'fill' || dial.intent === 'protect')) this.#upkeep.hurry();
  }

  #misbehaved(id: PeerId, why: string): void {
    const peer = [...this.#c.peers.all()].find((one) => one.id === id);
    if (peer !== undefined) this.#links.ban(peer, why);
  }

  // ---- what the local user wants ----

  #obey(input: OverlayInput): void {
    switch (input.type) {
      case 'connect':
        this.#wishes.connect(input.request, input.address);
        break;
      case 'connectCancel':
        this.#wishes.cancel(input.request);
        break;
      case 'disconnect':
        this.#wishes.disconnect(input.target);
        break;
      case 'misbehaved':
        this.#misbehaved(input.id, input.why);
        break;
      case 'listening':
        this.#announcer.listening(input.services, input.interfaces);
        break;
      case 'introduce':
        this.#introductions.introduce(input.path, input.to, input.via);
        break;
      case 'signal':
        this.#introductions.send(input.path, input.signal);
        break;
      case 'pathClose':
        this.#introductions.close(input.path, input.refuse ? 'REFUSED' : 'CLOSED');
        break;
      case 'serve':
        this.#introductions.serve(input.on);
        break;
      case 'wake':
        this.#census.wake();
        this.#dialer.forgive();
        this.#walks.refresh();
        this.#wishes.wake();
        this.#upkeep.wake();
        break;
      case 'close':
        this.#c.closed = true;
        this.#wishes.close();
        this.#introductions.stop();
        for (const peer of [...this.#c.peers.all()]) this.#links.end(peer, 'SHUTDOWN');
        break;
    }
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

  /** Neighbours that we dialed and that say they answer STUN at that very port. */
  stunServers(): { host: string; port: number }[] {
    return this.neighbours.flatMap(({ dialed, record }) => {
      const at = record?.stun === true && dialed !== undefined ? addressOf(dialed) : undefined;
      return at === undefined || at.host === '' ? [] : [{ host: at.host, port: at.port }];
    });
  }

  wall(): number {
    return this.#c.o.wall() + this.#records.correction();
  }

  isHeldOff(target: string): boolean {
    return this.#dialer.isHeld(target);
  }

  /** The widest network that a path is known to cross. */
  pathScope(path: number): Scope | undefined {
    return this.#introductions.scopeOf(path);
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
      protected: this.#protection.links().length,
      hosted: peers.hosted,
      dialing: this.#dialer.size,
      walking: this.#walks.pending,
      paths: this.#introductions.size,
      relaying: this.#relayed.size,
      dialable,
      linksMax,
    };
  }
}
