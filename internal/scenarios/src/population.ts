// A network of simulated nodes that grows, churns, crashes and splits. Each place in it (slot) has one node at a time;
// a node that leaves for good is replaced by a stranger with a new identity, a new address and an empty book.
import { type PeerId, type Random, seededRandom, shuffle } from '@peernet/core';
import type { GossipOptions } from '@peernet/gossip';
import type { SearchLimits } from '@peernet/search';
import {
  exponentialMs,
  type Host,
  type HostOptions,
  type Network,
  type NetworkOptions,
  type World,
} from '@peernet/sim';
import { channelTag } from './connection.js';
import { Graph } from './graph.js';
import { type NodeOptions, type Profile, SimNode } from './node.js';
import { SABOTAGE, type Sabotage, sabotageMachines } from './sabotage.js';
import { Traffic } from './traffic.js';

export interface PopulationOptions {
  readonly world: World;
  readonly network?: NetworkOptions;
  /** Share of the nodes that others can dial. Bootstraps can be. */
  readonly dialableShare: number;
  /** The first so many nodes are what everybody else is given as seeds. They do not churn. */
  readonly bootstraps: number;
  readonly bookScale: number;
  readonly relay: boolean;
  /** Of the nodes that cannot be dialed: how many speak WebRTC, and how many sit behind hard NATs. Default: none. */
  readonly introducedShare?: number;
  readonly hardNatShare?: number;
  /** … and how many announce an address at which nobody answers. Default: none. */
  readonly boastShare?: number;
  /** Defences that all of them lack. Default: none. */
  readonly sabotage?: Sabotage;
  readonly gossip?: Partial<GossipOptions>;
  readonly search?: Partial<SearchLimits>;
  /** Differences of single nodes. */
  readonly nodeOptions?: (slot: number) => Partial<NodeOptions> | undefined;
  readonly hostOptions?: (slot: number) => HostOptions | undefined;
}

export type Tap = (from: Host, to: Host, message: Uint8Array) => void;

/** What is summed over all nodes that ever lived. In honest networks all of these are 0. */
const faultCounters = ['limiterDrops', 'bans', 'bugs', 'malformed', 'badSignatures', 'misbehaved'] as const;
export type FaultCounter = (typeof faultCounters)[number];

export class Population {
  readonly world: World;
  readonly network: Network;
  /** Dice for what happens to the nodes: drawn in the order of the events, apart from the nodes' own. */
  readonly random: Random;
  /** The living, by slot. */
  readonly slots: (SimNode | undefined)[] = [];
  readonly byHost = new Map<Host, SimNode>();
  readonly byId = new Map<PeerId, SimNode>();
  /** Told of each node that starts. */
  onStart: ((node: SimNode, slot: number) => void) | undefined;
  /** Told of each node that leaves or crashes, before it does. */
  onEnd: ((node: SimNode, slot: number) => void) | undefined;
  readonly #o: PopulationOptions;
  readonly #departed = noFaults();
  readonly traffic = new Traffic();
  readonly #taps: Tap[] = [];

  constructor(options: PopulationOptions) {
    this.#o = options;
    sabotageMachines(options.sabotage ?? SABOTAGE);
    this.world = options.world;
    this.network = options.world.network(options.network);
    this.random = seededRandom(this.network.seedOf(0, 9));
    this.network.tap = (from, to, message) => {
      this.traffic.count(message);
      for (const tap of this.#taps) tap(from, to, message);
    };
  }

  /** Shows every message as it is sent, channel tag in front. */
  listen(tap: Tap): void {
    this.#taps.push(tap);
  }

  /** Shows what travels on search channels. */
  listenToSearch(tap: Tap): void {
    this.listen((from, to, message) => {
      if (message[0] === channelTag.search) tap(from, to, message.subarray(1));
    });
  }

  /** Where a living node can be dialed. */
  addressOf(id: PeerId): string | undefined {
    return this.byId.get(id)?.host.address;
  }

  get nodes(): SimNode[] {
    return this.slots.filter((node) => node !== undefined);
  }

  get graph(): Graph {
    return new Graph(this.nodes);
  }

  get seeds(): string[] {
    return this.slots.slice(0, this.#o.bootstraps).flatMap((node) => node?.host.address ?? []);
  }

  isDialable(slot: number): boolean {
    const { bootstraps, dialableShare } = this.#o;
    return slot < bootstraps || isInShare(slot - bootstraps, dialableShare);
  }

  /** Shares among those who cannot be dialed, spread by an odd step so that they do not follow the dialable ones. */
  #isAmong(slot: number, share: number | undefined, step: number): boolean {
    return !this.isDialable(slot) && isInShare((slot * step) % 1_009, share ?? 0);
  }

  /** A new node on a new host. */
  start(slot: number, more?: Partial<NodeOptions>): SimNode {
    const { bootstraps, hostOptions, introducedShare, hardNatShare } = this.#o;
    const dialable = this.isDialable(slot);
    const nat = dialable ? 'open' : this.#isAmong(slot, hardNatShare, 619) ? 'hard' : 'easy';
    const host = this.network.host({ dialable, nat, ...hostOptions?.(slot) });
    return this.#run(host, slot, {
      profile: dialable ? 'dialable' : 'nondialable',
      seeds: slot < bootstraps ? this.#otherSeeds(slot) : this.seeds,
      webrtc: this.#isAmong(slot, introducedShare, 367),
      ...this.#o.nodeOptions?.(slot),
      ...more,
    });
  }

  /** A node that crashed comes back: the same identity, its book if `keep`. */
  restart(
    node: SimNode,
    slot: number,
    { keep = true, more = {} }: { keep?: boolean; more?: Partial<NodeOptions> } = {},
  ): SimNode {
    if (node.host.dead) node.host.restart();
    if (this.byId.get(node.id) === node) this.#depart(node);
    const { book, seq, anchors, options } = node;
    // What it knew in an earlier life stands in its options.
    const { book: _, anchors: __, ...others } = options;
    return this.#run(node.host, slot, { ...others, ...(keep ? { book, anchors } : {}), ...more, seq });
  }

  #run(host: Host, slot: number, options: Partial<NodeOptions> & { profile: Profile }): SimNode {
    const { bookScale, relay, boastShare, sabotage, gossip, search } = this.#o;
    const boast = this.#isAmong(slot, boastShare, 757) ? { announce: [host.address] } : {};
    const node = new SimNode(host, {
      bookScale,
      sabotage,
      ...options,
      gossip: { relay: relay && slot < this.#o.bootstraps, ...boast, ...gossip, ...options.gossip },
      search: { ...search, ...options.search },
    });
    this.slots[slot] = node;
    this.byHost.set(host, node);
    this.byId.set(node.id, node);
    this.onStart?.(node, slot);
    return node;
  }

  /** The other bootstraps. */
  #otherSeeds(slot: number): string[] {
    return this.slots
      .slice(0, this.#o.bootstraps)
      .flatMap((node, i) => (i === slot || node === undefined ? [] : [node.host.address]));
  }

  /** Bootstraps at once, everybody else one after the other within `overMs`. */
  grow(count: number, overMs: number): void {
    const { bootstraps } = this.#o;
    const others = count - Math.min(count, bootstraps);
    for (let slot = 0; slot < Math.min(count, bootstraps); slot++) this.start(slot);
    for (let i = 0; i < others; i++) {
      this.world.after((overMs * (i + 1)) / others, () => this.start(bootstraps + i));
    }
  }

  /** Sessions end silently after times with this median (exponentially distributed); somebody new takes the place. */
  churn(medianMs: number): void {
    for (const [slot, node] of this.slots.entries()) {
      if (node !== undefined && slot >= this.#o.bootstraps) this.#doom(slot, medianMs);
    }
  }

  #doom(slot: number, medianMs: number): void {
    const lifeMs = exponentialMs(this.random, medianMs / Math.LN2);
    this.world.after(lifeMs, () => {
      this.end(slot);
      this.start(slot);
      this.#doom(slot, medianMs);
    });
  }

  /** Ends a node without a word. */
  end(slot: number, how: 'silent' | 'reset' = 'silent'): void {
    const node = this.slots[slot];
    if (node === undefined) return;
    this.onEnd?.(node, slot);
    this.#depart(node);
    node.crash(how);
    this.slots[slot] = undefined;
    this.byHost.delete(node.host);
    this.byId.delete(node.id);
  }

  /** What it has seen counts on. */
  #depart(node: SimNode): void {
    addFaults(this.#departed, node);
  }

  /** This share of the nodes ends at once, drawn by lot, bootstraps among the candidates or all of them. */
  crash(
    share: number,
    how: 'silent' | 'reset' = 'silent',
    { bootstraps = 'all' as 'all' | 'lot' } = {},
  ): void {
    const living = [...this.slots.keys()].filter((slot) => this.slots[slot] !== undefined);
    const first = bootstraps === 'all' ? living.filter((slot) => slot < this.#o.bootstraps) : [];
    const rest = shuffle(
      this.random,
      living.filter((slot) => !first.includes(slot)),
    );
    for (const slot of [...first, ...rest].slice(0, Math.round(share * living.length))) this.end(slot, how);
  }

  /** A sum over everybody, also those who are gone. */
  total(name: FaultCounter): number {
    return this.#totals()[name];
  }

  #totals(): Record<FaultCounter, number> {
    const totals = { ...this.#departed };
    for (const node of this.nodes) addFaults(totals, node);
    return totals;
  }

  /** What honest networks must not see, by name, where it was seen. */
  faults(): Partial<Record<FaultCounter, number>> {
    return Object.fromEntries(Object.entries(this.#totals()).filter(([, count]) => count !== 0));
  }

  /** A counter of the living: `gossip.dials`, `search.rowsIn`. */
  sum(name: `${'gossip' | 'search'}.${string}`): number {
    const [part, counter] = name.split('.') as ['gossip' | 'search', string];
    return this.sums(part, [counter])[counter] as number;
  }

  /** Counters of one part of the living, each node looked at once. */
  sums(part: 'gossip' | 'search', counters: readonly string[]): Record<string, number> {
    const sums = Object.fromEntries(counters.map((counter) => [counter, 0]));
    for (const node of this.nodes) {
      const snapshot = node[part].snapshot();
      for (const counter of counters)
        sums[counter] = (sums[counter] as number) + Number(snapshot[counter] ?? Number.NaN);
    }
    return sums;
  }

  /** The largest value of a counter among the living. */
  max(name: `${'gossip' | 'search'}.${string}`): number {
    const [part, counter] = name.split('.') as ['gossip' | 'search', string];
    return Math.max(...this.nodes.map((node) => Number(node[part].snapshot()[counter] ?? Number.NaN)));
  }
}

/** Every so many-th number, so that `share` of them are in. */
function isInShare(number: number, share: number): boolean {
  return Math.floor((number + 1) * share) > Math.floor(number * share);
}

function noFaults(): Record<FaultCounter, number> {
  return { limiterDrops: 0, bans: 0, bugs: 0, malformed: 0, badSignatures: 0, misbehaved: 0 };
}

/** Adds what a node has seen. */
function addFaults(sums: Record<FaultCounter, number>, node: SimNode): void {
  const gossip = node.gossip.snapshot();
  const search = node.search.snapshot();
  for (const name of faultCounters) sums[name] += Number(gossip[name] ?? 0) + Number(search[name] ?? 0);
}
