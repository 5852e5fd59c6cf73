// Nodes for tests: the real shell on simulated hosts, and questions about the graph that they form.
import { memoryStore, type PeerStore, parseIp } from '@peernet/core';
import type { Host, HostOptions, Network } from '@peernet/sim';
import { expect } from 'vitest';
import { Gossip, type GossipOptions } from '../src/index.js';

export interface Node {
  readonly host: Host;
  readonly gossip: Gossip;
  readonly store: PeerStore;
  readonly bornMs: number;
  /** World time of the first overlay link. */
  firstMs: number | undefined;
}

export type NodeOptions = Partial<GossipOptions> & { host?: HostOptions };

/** A node on a new host; it listens at the host's address if that can be dialed. */
export function startNode(network: Network, options: NodeOptions = {}): Node {
  const { host: hostOptions, ...rest } = options;
  return runOn(network.host(hostOptions), rest);
}

/** A node on a host that exists: after a crash, for instance. */
export function runOn(host: Host, options: Partial<GossipOptions> = {}): Node {
  const { clock, random, crypto } = host;
  const store = options.store ?? memoryStore({ clock, random });
  const gossip = new Gossip({
    crypto,
    clock,
    random,
    store,
    dialNow: (address, dial, done) => host.dialNow(address, dial, done),
    interfaces: () => (parseIp(host.ip) === undefined ? [] : [host.ip]),
    ...options,
  });
  host.onLink = (link) => gossip.add(link);
  if (options.webrtc) host.signaller = gossip.signaller;
  const node: Node = { host, gossip, store, bornMs: host.world.now, firstMs: undefined };
  gossip.on('up', () => {
    node.firstMs ??= host.world.now;
  });
  if (host.dialable) {
    const [scheme = 'ws', rest = ''] = host.address.split('://');
    const port = Number(rest.slice(rest.lastIndexOf(':') + 1));
    gossip.listening([{ scheme, host: host.ip, port }]);
  }
  return node;
}

export function degrees(nodes: readonly Node[]): number[] {
  return nodes.map((node) => node.gossip.neighbours().length);
}

/** Sizes of the connected components of the overlay, largest first; links count only if both ends see them. */
export function components(nodes: readonly Node[]): number[] {
  const byId = new Map(nodes.map((node) => [node.host.id, node]));
  const seesOf = new Map(nodes.map((node) => [node, new Set(node.gossip.neighbours().map(({ id }) => id))]));
  const left = new Set(nodes);
  const sizes: number[] = [];
  for (const start of nodes) {
    if (!left.delete(start)) continue;
    const queue = [start];
    for (const node of queue) {
      for (const id of seesOf.get(node) ?? []) {
        const other = byId.get(id);
        if (other === undefined || !left.has(other) || !seesOf.get(other)?.has(node.host.id)) continue;
        left.delete(other);
        queue.push(other);
      }
    }
    sizes.push(queue.length);
  }
  return sizes.sort((a, b) => b - a);
}

/** Sum of a counter over all nodes. */
export function total(nodes: readonly Node[], counter: string): number {
  return nodes.reduce((sum, node) => sum + Number(node.gossip.snapshot()[counter] ?? Number.NaN), 0);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export interface JoinOptions {
  readonly count: number;
  /** The nodes come one after the other in this time, ms; the first one, their seed, at once. */
  readonly overMs: number;
  readonly dialable?: (index: number) => boolean;
  readonly limits?: GossipOptions['limits'];
}

/** Nodes that know only the first of them. The list is filled as they come. */
export function nodesJoin(network: Network, options: JoinOptions): Node[] {
  const { count, overMs, dialable = () => true, limits } = options;
  const { world } = network;
  const seed = startNode(network, { limits });
  const nodes = [seed];
  for (let i = 1; i < count; i++) {
    world.after((overMs * i) / count, () => {
      nodes.push(startNode(network, { seeds: [seed.host.address], limits, host: { dialable: dialable(i) } }));
    });
  }
  return nodes;
}

/** From birth to the first overlay link of each; Infinity: none. */
export function firstLinkMs(nodes: readonly Node[]): number[] {
  return nodes.map(({ firstMs, bornMs }) => (firstMs ?? Number.POSITIVE_INFINITY) - bornMs);
}

/** Nobody was throttled, banned, or found a bug. */
export function expectHonest(nodes: readonly Node[]): void {
  for (const counter of ['limiterDrops', 'bans', 'malformed', 'badSignatures', 'recordsIgnored', 'bugs']) {
    expect(total(nodes, counter), counter).toBe(0);
  }
}
