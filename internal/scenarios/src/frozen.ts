// The light profile, for networks of a hundred thousand nodes: the product's Search on every node, over an overlay that
// is drawn once and then does not change (frozen). The overlay is not grown by gossip, which costs fifty times as much;
// it is drawn as gossip leaves it (S6): everybody has five outbound links to random dialable nodes, those accept up to
// 128. All nodes share one clock, one set of dice and the true size of the network. What this cannot show: churn,
// links that break, and how well the overlay holds together.
import { below, type Crypto, type PeerId, type PeerRecord, type Random, signRecord } from '@peernet/core';
import { type Overlay, type OverlayEvents, Search, type SearchLimits } from '@peernet/search';
import { type Network, type NetworkOptions, simCrypto, type World } from '@peernet/sim';
import { channelTag } from './connection.js';
import type { Station } from './search-meter.js';
import { Traffic } from './traffic.js';

export interface FrozenOptions {
  readonly world: World;
  readonly nodes: number;
  readonly network?: NetworkOptions;
  readonly dialableShare: number;
  /** Outbound links of a node. */
  readonly connections: number;
  /** Links of a dialable node at most. */
  readonly linksMax: number;
  /** What everybody takes for the size of the network, beside the truth. */
  readonly sizeFactor: number;
  readonly search?: Partial<SearchLimits>;
}

type Tap = (from: Station, to: Station, message: Uint8Array) => void;

export class FrozenNetwork {
  readonly world: World;
  readonly nodes: FrozenNode[] = [];
  readonly traffic = new Traffic();
  readonly network: Network;
  readonly random: Random;
  readonly size: number;
  readonly #byId = new Map<PeerId, FrozenNode>();
  readonly #taps: Tap[] = [];

  constructor(options: FrozenOptions) {
    const { world } = options;
    this.world = world;
    this.network = world.network(options.network);
    this.random = world.random;
    this.size = Math.max(1, options.nodes * options.sizeFactor);
    const links = drawLinks(options, this.random);
    for (let i = 0; i < options.nodes; i++) this.nodes.push(new FrozenNode(this, i, isDialable(options, i)));
    for (const node of this.nodes) this.#byId.set(node.id, node);
    for (const node of this.nodes) node.begin(links[node.index] ?? [], options.search);
  }

  listenToSearch(tap: Tap): void {
    this.#taps.push(tap);
  }

  addressOf(id: PeerId): string | undefined {
    return this.#byId.get(id)?.address;
  }

  deliver(from: FrozenNode, to: FrozenNode, message: Uint8Array): void {
    this.traffic.add(channelTag.search, message[0] as number, message.length);
    for (const tap of this.#taps) tap(from, to, message);
    const atMs = this.world.now + this.network.latencyMs(from, to);
    this.world.schedule(atMs, arrive, { from, to }, this.network.copy(message));
  }

  degrees(): number[] {
    return this.nodes.map((node) => node.neighbours().length);
  }

  /** What honest networks must not see. */
  faults(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const node of this.nodes) {
      const { limiterDrops = 0, misbehaved = 0 } = node.search.snapshot();
      if (limiterDrops > 0) sums.limiterDrops = (sums.limiterDrops ?? 0) + limiterDrops;
      if (misbehaved > 0) sums.malformed = (sums.malformed ?? 0) + misbehaved;
    }
    return sums;
  }
}

/** The same instant and latency for all messages of a pair, so order within a link is that of the queue. */
const arrive = ({ from, to }: { from: FrozenNode; to: FrozenNode }, message: Uint8Array): void => {
  const { trace, now } = to.net.world;
  trace.add(channelTag.search, now, to.index);
  trace.bytes(message);
  to.heard(from.index, message);
};

function isDialable({ dialableShare }: FrozenOptions, i: number): boolean {
  return Math.floor((i + 1) * dialableShare) > Math.floor(i * dialableShare);
}

/** Neighbours of each node. */
function drawLinks(options: FrozenOptions, random: Random): number[][] {
  const all = [...Array(options.nodes).keys()];
  const dialable = all.filter((i) => isDialable(options, i));
  const links: number[][] = all.map(() => []);
  for (const i of all) {
    const mine = links[i] as number[];
    const wanted = Math.min(options.connections, dialable.length - 1);
    for (let own = 0, tries = 0; own < wanted && tries < 100 * wanted; tries++) {
      const j = dialable[below(random, dialable.length)] as number;
      const theirs = links[j] as number[];
      if (j === i || mine.includes(j) || theirs.length >= options.linksMax) continue;
      mine.push(j);
      theirs.push(i);
      own++;
    }
  }
  return links.map((list) => [...list]); // without spare room
}

/** One node; it is its own overlay and host. The key of a link is the number of the neighbour. */
export class FrozenNode implements Overlay, Station {
  readonly net: FrozenNetwork;
  readonly index: number;
  readonly crypto: Crypto;
  readonly address: string;
  readonly record: PeerRecord;
  #links: readonly number[] = [];
  #search: Search | undefined;
  #events: OverlayEvents | undefined;

  constructor(net: FrozenNetwork, index: number, dialable: boolean) {
    this.net = net;
    this.index = index;
    this.crypto = simCrypto(net.world, `host ${index}`);
    // 1.0.0.0 and on: an address of its own for each.
    const word = 0x0100_0000 + index;
    this.address = `ws://${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}:4000`;
    this.record = signRecord(this.crypto, {
      seq: Math.floor(net.world.clock.wall()),
      ttlSeconds: 86_400,
      addresses: dialable ? [this.address] : [],
      relays: [],
      dialable,
      webrtc: false,
      stun: false,
    });
  }

  begin(links: readonly number[], limits: Partial<SearchLimits> | undefined): void {
    this.#links = links;
    const { world, random } = this.net;
    const { crypto } = this;
    this.#search = new Search({
      crypto,
      clock: world.clock,
      random,
      overlay: this,
      record: () => this.record,
      limits,
    });
  }

  get host(): this {
    return this;
  }

  get search(): Search {
    return this.#search as Search;
  }

  get id(): PeerId {
    return this.crypto.id;
  }

  heard(from: number, message: Uint8Array): void {
    this.#events?.message(from, message);
  }

  neighbours(): { key: number; peer: PeerId; scope: 'global' }[] {
    return this.#links.map((key) => ({
      key,
      peer: (this.net.nodes[key] as FrozenNode).id,
      scope: 'global' as const,
    }));
  }

  send(to: number, message: Uint8Array): boolean {
    this.net.deliver(this, this.net.nodes[to] as FrozenNode, message);
    return true;
  }

  buffered(): number {
    return 0;
  }

  size(): number {
    return this.net.size;
  }

  subscribe(events: OverlayEvents): () => void {
    this.#events = events;
    return () => {
      this.#events = undefined;
    };
  }
}
