// A network of nodes that run the real shell and machine over simulated links: a random regular graph, virtual time.
// Gossip is not needed: the graph is made at once, and its size is told.
import { type Crypto, type PeerRecord, type Random, seededRandom, shuffle, signRecord } from '@peernet/core';
import { createWorld, type Host, type Network, type World } from '@peernet/sim';
import {
  LinkOverlay,
  Search,
  type SearchCallOptions,
  type SearchLimits,
  type SearchRow,
} from '../src/index.js';

export interface Node {
  readonly index: number;
  readonly host: Host;
  readonly overlay: LinkOverlay;
  readonly search: Search;
  record: PeerRecord;
  /** N̂ as this node believes. */
  size: number;
}

export interface NetOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly degree?: number;
  readonly latencyMs?: number;
  readonly sigma?: number;
  /** Edges; by default everybody has `degree`. */
  readonly graph?: typeof randomGraph;
  readonly limits?: Partial<SearchLimits>;
  /** Crypto of a node; by default the host's. */
  readonly crypto?: (host: Host) => Crypto;
}

/** Messages sent since `reset`, by type. */
export interface Traffic {
  advert: number;
  search: number;
  rows: number;
  bytes: number;
}

export class Net {
  readonly world: World;
  readonly network: Network;
  readonly nodes: Node[] = [];
  readonly random: Random;
  readonly #options: NetOptions;
  traffic: Traffic = { advert: 0, search: 0, rows: 0, bytes: 0 };

  constructor(options: NetOptions) {
    const { seed, nodes, degree = 5, latencyMs = 40, sigma = 1 } = options;
    this.#options = options;
    this.world = createWorld({ seed });
    this.network = this.world.network({ latencyMs, sigma });
    this.random = seededRandom(seed + 1);
    for (let i = 0; i < nodes; i++) this.nodes.push(this.#node(i, nodes));
    const edges = (options.graph ?? randomGraph)(this.random, nodes, degree);
    for (const [a, b] of edges) this.connect(a, b);
    this.world.runFor(10_000);
    const names = ['', 'advert', 'search', 'rows'] as const;
    this.network.tap = (_from, _to, message) => {
      const name = names[message[0] ?? 0];
      if (name) this.traffic[name]++;
      this.traffic.bytes += message.length;
    };
  }

  #node(index: number, size: number): Node {
    const host = this.network.host();
    const record = recordOf(host, this.world.clock.wall());
    const overlay = new LinkOverlay({ size: () => node.size });
    const search = new Search({
      crypto: this.#options.crypto?.(host) ?? host.crypto,
      limits: this.#options.limits,
      overlay,
      clock: host.clock,
      random: host.random,
      record: () => node.record,
    });
    host.onLink = (link) => overlay.add(link);
    const node: Node = { index, host, overlay, search, record, size };
    return node;
  }

  connect(a: number, b: number): void {
    const from = this.nodes[a] as Node;
    from.host.dialNow((this.nodes[b] as Node).host.address, {}, (result) => {
      if (result.link !== undefined) from.overlay.add(result.link);
    });
  }

  node(index: number): Node {
    return this.nodes[index] as Node;
  }

  reset(): Traffic {
    const before = this.traffic;
    this.traffic = { advert: 0, search: 0, rows: 0, bytes: 0 };
    return before;
  }

  /** Runs a search to its end. */
  find(from: number, name: string, options: SearchCallOptions = {}): Found {
    const startMs = this.world.now;
    const rows: SearchRow[] = [];
    const found: Found = { rows, firstMs: Number.POSITIVE_INFINITY, endMs: 0 };
    let ended = false;
    this.node(from).search.search(
      name,
      options,
      (row) => {
        if (rows.length === 0) found.firstMs = this.world.now - startMs;
        rows.push(row);
      },
      () => {
        ended = true;
        found.endMs = this.world.now - startMs;
      },
    );
    this.world.until(() => ended, { withinMs: 20_000 });
    return found;
  }

  /** Sum of a counter over all nodes. */
  sum(name: string): number {
    return this.nodes.reduce((sum, node) => sum + (node.search.snapshot()[name] ?? 0), 0);
  }
}

export interface Found {
  readonly rows: SearchRow[];
  firstMs: number;
  endMs: number;
}

export function recordOf(
  host: Pick<Host, 'crypto' | 'address'>,
  wallMs: number,
  addresses: readonly string[] = [host.address],
): PeerRecord {
  return signRecord(host.crypto, {
    seq: Math.floor(wallMs),
    ttlSeconds: 86_400,
    addresses,
    relays: [],
    dialable: addresses.length > 0,
    webrtc: false,
    stun: false,
  });
}

/** Edges of a random graph in which everybody has `degree` neighbours (one may have one less), made by pairing. */
function randomGraph(random: Random, nodes: number, degree: number): [number, number][] {
  for (;;) {
    const edges = pairing(random, nodes, Math.min(degree, nodes - 1));
    if (edges !== undefined) return edges;
  }
}

/** … as gossip makes it: each node dials `degree` of the 30 % that can be dialed, which so have about 20 links. */
export function dialableGraph(random: Random, nodes: number, degree: number): [number, number][] {
  const dialable = Math.ceil(nodes * 0.3);
  const edges = new Map<number, [number, number]>();
  for (let from = 0; from < nodes; from++) {
    for (let made = 0; made < Math.min(degree, dialable - 1); ) {
      const to = random.uint32() % dialable;
      const edge = Math.min(from, to) * nodes + Math.max(from, to);
      if (to === from || edges.has(edge)) continue;
      edges.set(edge, [from, to]);
      made++;
    }
  }
  return [...edges.values()];
}

function pairing(random: Random, nodes: number, degree: number): [number, number][] | undefined {
  let stubs = Array.from({ length: nodes * degree }, (_, i) => i % nodes);
  if (stubs.length % 2 === 1) stubs.pop();
  const edges: [number, number][] = [];
  const taken = new Set<number>();
  for (let round = 0; stubs.length > 0; round++) {
    if (round > 100) return undefined;
    shuffle(random, stubs);
    const left: number[] = [];
    for (let i = 0; i + 1 < stubs.length; i += 2) {
      const a = stubs[i] as number;
      const b = stubs[i + 1] as number;
      const edge = Math.min(a, b) * nodes + Math.max(a, b);
      if (a === b || taken.has(edge)) left.push(a, b);
      else {
        taken.add(edge);
        edges.push([a, b]);
      }
    }
    stubs = left;
  }
  return edges;
}
