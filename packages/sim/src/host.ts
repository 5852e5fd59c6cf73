// A host: one process on one simulated machine, with an identity, addresses, a clock and links. It can sleep, crash,
// restart and have its calendar set. What runs on it is whatever its user attaches: dial with `dialNow`, take
// inbound links from `onLink`.
import {
  type Clock,
  type Crypto,
  type PeerId,
  parseAddress,
  type Random,
  type Scope,
  type Signaller,
  seededRandom,
} from '@peernet/core';
import { wallStartMs } from './defaults.js';
import { type DialDone, Dialing } from './dialing.js';
import type { Action, QueuedEvent } from './event-queue.js';
import { answering, Introducing, type NatKind } from './introducing.js';
import type { Network } from './network.js';
import { simCrypto } from './sim-crypto.js';
import type { SimLink } from './sim-link.js';
import { traceKinds } from './trace.js';
import type { World } from './world.js';

export interface HostOptions {
  /** Where it can be dialed; default: a global address that nobody else has. */
  readonly address?: string;
  /** Further addresses that lead to it. */
  readonly aliases?: readonly string[];
  /** False: dials to its addresses get no answer (NAT, firewall). Default true. */
  readonly dialable?: boolean;
  /** The narrowest network that it sits in: its links are at most this wide. Default 'global'. */
  readonly scope?: Scope;
  /** What it sits behind, for dials to and from `wrtc:` addresses. Default: 'open' if it can be dialed, else 'easy'. */
  readonly nat?: NatKind;
  /** Names the identity; default: `host <index>`. */
  readonly name?: string;
  /** Default: `simCrypto(world, name)`. */
  readonly crypto?: Crypto;
  /** False: it cannot reach itself by its own address (routers without hairpin). Default true. */
  readonly hairpin?: boolean;
}

/** An alarm of a host's clock. */
interface HostAlarm {
  readonly host: Host;
  readonly epoch: number;
  readonly atMs: number;
  readonly ring: () => void;
  cancelled: boolean;
}

export class Host {
  readonly world: World;
  readonly network: Network;
  /** Number of the host in its network, from 0. */
  readonly index: number;
  readonly name: string;
  readonly crypto: Crypto;
  readonly address: string;
  readonly aliases: readonly string[];
  /** IP that others see. */
  readonly ip: string;
  readonly scope: Scope;
  readonly hairpin: boolean;
  readonly nat: NatKind;
  /** Own dice, seeded by the world's seed and the host's number. */
  readonly random: Random;
  /** Own monotonic axis (its origin differs from host to host) and calendar. */
  readonly clock: Clock;
  /** Open ends of this host, also those that `onLink` has not got yet. */
  readonly links = new Set<SimLink>();
  /** Counters over all its links. */
  readonly traffic = { messagesOut: 0, bytesOut: 0, messagesIn: 0, bytesIn: 0, dials: 0 };
  dialable: boolean;
  /** True: dials get a refusal at once: the machine is up, nothing listens. */
  refusing = false;
  /** Gets inbound links; without one they are closed with REJECTED. */
  onLink: ((link: SimLink) => void) | undefined;
  /** Counts restarts: alarms and dials of an earlier process are void. */
  epoch = 0;
  /** Neither crashed nor asleep. */
  running = true;
  /** Crashed. */
  dead = false;
  session: string;
  #signaller: Signaller | undefined;
  #stopServing: (() => void) | undefined;
  #deferred: [Action, unknown, unknown][] = [];
  /** Ends at others of links that died with this host, until they give up: they learn of a restart. */
  readonly #orphans = new Set<SimLink>();
  #offsetMs: number;
  #wallJumpMs = 0;
  #floorMs = Number.NEGATIVE_INFINITY;
  #sourcePort = 32_768;

  constructor(network: Network, index: number, address: string, ip: string, options: HostOptions) {
    this.world = network.world;
    this.network = network;
    this.index = index;
    this.name = options.name ?? `host ${index}`;
    this.crypto = options.crypto ?? simCrypto(this.world, this.name);
    this.address = address;
    this.aliases = options.aliases ?? [];
    this.ip = ip;
    this.scope = options.scope ?? 'global';
    this.hairpin = options.hairpin ?? true;
    this.dialable = options.dialable ?? true;
    this.nat = options.nat ?? (this.dialable ? 'open' : 'easy');
    this.random = seededRandom(network.seedOf(index, 1));
    this.#offsetMs = seededRandom(network.seedOf(index, 2)).uint32() % 1_000_000;
    this.session = this.#newSession();
    this.clock = {
      now: () => this.#now(),
      wall: () => wallStartMs + this.world.now + this.#wallJumpMs,
      alarm: (atMs, ring) => this.#alarm(atMs, ring),
    };
  }

  get id(): PeerId {
    return this.crypto.id;
  }

  /** Who finds a way to peers that cannot be dialed: then `wrtc:` addresses can be dialed, and offers are answered. */
  get signaller(): Signaller | undefined {
    return this.#signaller;
  }

  set signaller(signaller: Signaller | undefined) {
    this.#stopServing?.();
    this.#signaller = signaller;
    this.#stopServing = signaller?.serve(answering(this));
  }

  /**
   * Dials; `done` is called once, never synchronously, unless the returned "cancel" comes first.
   * `address` may carry `#id`, which `expect` overrides.
   */
  dialNow(address: string, options: { expect?: PeerId | undefined }, done: DialDone): () => void {
    this.traffic.dials++;
    const target = parseAddress(address);
    const id = target?.scheme === 'wrtc' ? target.id : undefined;
    if (target !== undefined && id !== undefined) {
      const introducing = new Introducing(this, { ...target, id }, options.expect, done);
      return () => introducing.cancel();
    }
    const dialing = new Dialing(this, address, options.expect, done);
    return () => dialing.cancel();
  }

  /** Ends all links and alarms. `silent`: as by a power cut, peers find out by timeout; `reset`: the process dies, the machine says so. */
  crash(how: 'silent' | 'reset' = 'silent'): void {
    if (this.dead) return;
    this.dead = true;
    this.running = false;
    this.refusing = how === 'reset';
    this.epoch++;
    this.#deferred = [];
    for (const link of [...this.links]) {
      link.vanish();
      this.#orphans.add(link.other);
      if (how === 'reset') link.other.breakSoon(1);
      link.other.recheck();
    }
  }

  /** A new process with the same identity and addresses; attach what runs on it anew. */
  restart(): void {
    if (!this.dead) throw new TypeError('only a crashed host restarts');
    this.dead = false;
    this.running = true;
    this.refusing = false;
    this.onLink = undefined;
    this.#signaller = undefined;
    this.#stopServing = undefined;
    this.session = this.#newSession();
    for (const link of [...this.#orphans]) link.recheck();
    this.#orphans.clear();
  }

  /** Falls asleep: nothing runs, nothing is answered, time goes on. */
  pause(): void {
    if (!this.running) return;
    this.running = false;
    for (const link of this.links) {
      link.calm();
      link.other.recheck();
    }
  }

  /** Wakes up: first comes what has waited, in order. */
  resume(): void {
    if (this.running || this.dead) return;
    this.running = true;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const [action, a, b] of deferred) action(a, b);
    for (const link of [...this.links]) {
      link.recheck();
      link.other.recheck();
    }
  }

  /** Sets the calendar forward or (negative) back. `clock.now()` does not notice. */
  jumpWall(ms: number): void {
    this.#wallJumpMs += ms;
  }

  // ---- for the simulator ----

  /** The epoch of the process that runs here; of code that goes on after a crash, NaN: equal to none, so void for the next one. */
  get process(): number {
    return this.dead ? Number.NaN : this.epoch;
  }

  /** True if an event for this host must not happen now: kept until it wakes up, dropped if it is dead. */
  withheld(action: Action, a: unknown, b: unknown): boolean {
    if (this.running) return false;
    if (!this.dead) this.#deferred.push([action, a, b]);
    return true;
  }

  /** The other end of a link that died with this host has given up. */
  abandon(link: SimLink): void {
    this.#orphans.delete(link);
  }

  accept(link: SimLink): void {
    this.world.trace.add(traceKinds.link, this.world.now, this.index);
    if (this.onLink === undefined) link.close('REJECTED');
    else this.onLink(link);
  }

  /** How an acceptor sees a connection of ours: our IP and a port of the moment. */
  sourceAddress(): string {
    this.#sourcePort = this.#sourcePort === 65_535 ? 32_768 : this.#sourcePort + 1;
    return `tcp://${this.ip.includes(':') ? `[${this.ip}]` : this.ip}:${this.#sourcePort}`;
  }

  sent(bytes: number): void {
    this.traffic.messagesOut++;
    this.traffic.bytesOut += bytes;
  }

  received(bytes: number): void {
    this.traffic.messagesIn++;
    this.traffic.bytesIn += bytes;
  }

  #newSession(): string {
    return `${this.id.slice(0, 56)}${this.epoch.toString(16).padStart(8, '0')}`;
  }

  /** Own time. Never below the time of an alarm that has rung: offsets must not make alarms early by a rounding error. */
  #now(): number {
    const nowMs = this.world.now + this.#offsetMs;
    return Math.max(nowMs, this.#floorMs);
  }

  #alarm(atMs: number, ring: () => void): () => void {
    const alarm: HostAlarm = { host: this, epoch: this.process, atMs, ring, cancelled: false };
    const event: QueuedEvent = this.world.schedule(atMs - this.#offsetMs, ringAlarm, alarm, undefined);
    return () => {
      alarm.cancelled = true;
      this.world.cancel(event);
    };
  }

  rang(atMs: number): void {
    this.#floorMs = Math.max(this.#floorMs, atMs);
    this.world.trace.add(traceKinds.alarm, this.world.now, this.index);
  }
}

const ringAlarm = (alarm: HostAlarm): void => {
  const { host } = alarm;
  if (alarm.cancelled || alarm.epoch !== host.epoch || host.withheld(ringAlarm, alarm, undefined)) return;
  host.rang(alarm.atMs);
  alarm.ring();
};
