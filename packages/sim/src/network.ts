// A network of hosts: who is where, how far apart any two are, and which paths are cut. Latencies are drawn from the
// seed and the pair, not stored, so ten thousand hosts cost no matrix.
import { parseAddress, parseIp } from '@peernet/core';
import { hostPort, NETWORK_DEFAULTS, type NetworkOptions, slabBytes } from './defaults.js';
import { exponentialMs, logNormalMs } from './distributions.js';
import { Host, type HostOptions } from './host.js';
import { absorb, avalanche, type State } from './mixing.js';
import type { SimLink } from './sim-link.js';
import type { World } from './world.js';

const noBytes = new Uint8Array(0);

export class Network {
  readonly world: World;
  readonly options: Required<NetworkOptions>;
  readonly hosts: Host[] = [];
  /** Sees every message as it is sent; for measurements. */
  tap: ((from: Host, to: Host, message: Uint8Array) => void) | undefined;
  readonly #byAddress = new Map<string, Host>();
  readonly #groups = new Map<Host, number>();
  readonly #cuts = new Set<string>();
  #nextIp = 0;
  #slab = new Uint8Array(0);
  #slabAt = 0;

  constructor(world: World, options: NetworkOptions) {
    this.world = world;
    this.options = settled(options);
  }

  host(options: HostOptions = {}): Host {
    const parsed = parseAddress(options.address ?? this.#freeAddress());
    if (parsed === undefined) throw new TypeError(`not an address: ${options.address}`);
    const addresses = new Set<string>();
    for (const text of [parsed.text, ...(options.aliases ?? [])]) {
      const normal = parseAddress(text)?.text;
      if (normal === undefined) throw new TypeError(`not an address: ${text}`);
      if (this.#byAddress.has(normal) || addresses.has(normal)) throw new TypeError(`${normal} is taken`);
      addresses.add(normal);
    }
    const ip = parsed.ip?.text ?? this.#freeIp();
    const host = new Host(this, this.hosts.length, parsed.text, ip, options);
    for (const address of addresses) this.#byAddress.set(address, host);
    this.hosts.push(host);
    return host;
  }

  /** Who is at an address in normal form. */
  at(address: string): Host | undefined {
    return this.#byAddress.get(address);
  }

  /** Open links; each is counted once, by its dialer's end. */
  get links(): SimLink[] {
    const all: SimLink[] = [];
    for (const host of this.hosts) for (const link of host.links) if (link.initiator) all.push(link);
    return all;
  }

  /** One-way latency between two hosts, the same in both directions. */
  latencyMs(a: { readonly index: number }, b: { readonly index: number }): number {
    const { latencyMs, sigma, latencyMaxMs } = this.options;
    if (sigma === 0) return Math.min(latencyMs, latencyMaxMs);
    const state: State = [this.world.seed | 0, Math.min(a.index, b.index), Math.max(a.index, b.index), 0x1a7];
    absorb(state, noBytes);
    const u = ((state[0] >>> 0) + 1) / 4_294_967_297;
    const v = (state[1] >>> 0) / 4_294_967_296;
    return Math.min(logNormalMs(latencyMs, sigma, u, v), latencyMaxMs);
  }

  /** Cuts the path between two hosts: links time out on both sides, dials too. */
  cut(a: Host, b: Host): void {
    this.#cuts.add(pairKey(a, b));
    this.#recheckAll();
  }

  /** Restores what `cut` has cut. */
  mend(a: Host, b: Host): void {
    this.#cuts.delete(pairKey(a, b));
    this.#recheckAll();
  }

  /** Only hosts of the same group reach each other; hosts in none form one of their own. Replaces an earlier partition. */
  partition(groups: readonly (readonly Host[])[]): void {
    this.#groups.clear();
    for (const [i, group] of groups.entries()) for (const host of group) this.#groups.set(host, i + 1);
    this.#recheckAll();
  }

  /** Ends all cuts and partitions. Links that have not timed out yet go on where they were. */
  heal(): void {
    this.#groups.clear();
    this.#cuts.clear();
    this.#recheckAll();
  }

  isCut(a: Host, b: Host): boolean {
    if (this.#groups.size > 0 && this.#groups.get(a) !== this.#groups.get(b)) return true;
    return this.#cuts.size > 0 && this.#cuts.has(pairKey(a, b));
  }

  /** Breaks a link: both ends learn LOST, what is on its way may get lost. */
  break(link: SimLink): void {
    link.breakSoon(this.draw());
    link.other.breakSoon(this.draw());
  }

  // ---- for the simulator ----

  /** A copy of a message, cut from a larger buffer as those of a real connection are. */
  copy(message: Uint8Array): Uint8Array {
    if (message.length > this.#slab.length - this.#slabAt) {
      this.#slab = new Uint8Array(Math.max(slabBytes, message.length));
      this.#slabAt = 0;
    }
    const copy = this.#slab.subarray(this.#slabAt, this.#slabAt + message.length);
    copy.set(message);
    this.#slabAt += message.length;
    return copy;
  }

  /** A number in [0, 1) from the world's dice. */
  draw(): number {
    return this.world.random.uint32() / 4_294_967_296;
  }

  /** A seed for the dice of a host. */
  seedOf(index: number, purpose: number): number {
    return (avalanche(this.world.seed ^ avalanche(index ^ (purpose << 24))) >>> 0) + index;
  }

  /** A link was made: it may be one that breaks by itself. */
  linked(link: SimLink): void {
    const { breakMeanMs } = this.options;
    if (breakMeanMs === Number.POSITIVE_INFINITY) return;
    const lifeMs = exponentialMs(this.world.random, breakMeanMs);
    this.world.schedule(this.world.now + lifeMs, breakLink, this, link);
  }

  #recheckAll(): void {
    for (const host of this.hosts) for (const link of [...host.links]) link.recheck();
  }

  #freeAddress(): string {
    return `ws://${this.#freeIp()}:${hostPort}`;
  }

  /** Global IPs, spread over address groups as those of strangers are. */
  #freeIp(): string {
    for (;;) {
      // An odd factor walks through all 2^32 addresses without repeating one.
      const word = Math.imul(++this.#nextIp, 0x9e3779b1) >>> 0;
      const text = `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
      if (parseIp(text)?.scope === 'global') return text;
    }
  }
}

/** The options with the defaults for what was left out, or is undefined. Throws a TypeError for what makes no sense. */
function settled(options: NetworkOptions): Required<NetworkOptions> {
  const all = { ...NETWORK_DEFAULTS };
  for (const name of Object.keys(all) as (keyof NetworkOptions)[]) {
    const value = options[name] ?? all[name];
    if (!(value >= 0)) throw new TypeError(`${name}: a number, 0 or more, not ${value}`);
    all[name] = value;
  }
  const { bytesPerSecond } = all;
  if (!(bytesPerSecond > 0 && bytesPerSecond < Number.POSITIVE_INFINITY))
    throw new TypeError(`bytesPerSecond: a number above 0, not ${bytesPerSecond}`);
  if (all.jitterShare > 1) throw new TypeError(`jitterShare: a share, 0 to 1, not ${all.jitterShare}`);
  return all;
}

const breakLink = (network: Network, link: SimLink): void => {
  if (!link.closed) network.break(link);
};

function pairKey(a: Host, b: Host): string {
  return a.index < b.index ? `${a.index} ${b.index}` : `${b.index} ${a.index}`;
}
