import { createWorld } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import {
  components,
  degrees,
  expectHonest,
  firstLinkMs,
  type Node,
  nodesJoin,
  quantile,
  startNode,
  total,
} from './nodes.js';

describe('a hundred nodes that know one seed', () => {
  it('are one network within a minute, and nobody waits long for a first link', () => {
    const world = createWorld({ seed: 11 });
    const network = world.network();
    const nodes = nodesJoin(network, { count: 100, overMs: 20_000 });
    world.run(60_000);
    expect(components(nodes)).toEqual([100]);
    expect(Math.min(...degrees(nodes))).toBeGreaterThanOrEqual(5);
    const waits = firstLinkMs(nodes.slice(1));
    expect(quantile(waits, 0.5)).toBeLessThan(4_000);
    expect(quantile(waits, 0.99)).toBeLessThan(12_000);
    for (const { gossip } of nodes) expect(gossip.size).toBeGreaterThan(60);
    for (const { gossip } of nodes) expect(gossip.size).toBeLessThan(150);
    expectHonest(nodes);
  });

  it('of which seventy cannot be dialed: those have eight links at most, and two to dialable nodes', () => {
    const world = createWorld({ seed: 12 });
    const network = world.network();
    const nodes = nodesJoin(network, { count: 100, overMs: 30_000, dialable: (i) => i % 10 < 3 });
    world.run(90_000);
    expect(components(nodes)).toEqual([100]);
    expect(Math.min(...degrees(nodes))).toBeGreaterThanOrEqual(4);
    const open = new Set(nodes.filter(({ host }) => host.dialable).map(({ host }) => host.id));
    for (const { host, gossip } of nodes) {
      if (host.dialable) continue;
      const links = gossip.neighbours();
      expect(links.length).toBeLessThanOrEqual(8);
      expect(links.filter(({ id }) => open.has(id)).length).toBeGreaterThanOrEqual(2);
    }
    expectHonest(nodes);
  });

  it('all get in through a seed that is full: guests, walks, evictions', () => {
    const world = createWorld({ seed: 13 });
    const network = world.network();
    const nodes = nodesJoin(network, { count: 80, overMs: 10_000, limits: { linksDialableMax: 12 } });
    world.run(60_000);
    const [seed] = nodes as [Node];
    expect(seed.gossip.neighbours().length).toBeLessThanOrEqual(13);
    expect(total([seed], 'guests')).toBeGreaterThan(10);
    expect(components(nodes)).toEqual([80]);
    expect(Math.min(...degrees(nodes))).toBeGreaterThanOrEqual(4);
    expect(quantile(firstLinkMs(nodes.slice(1)), 0.99)).toBeLessThan(12_000);
    expectHonest(nodes);
  });
});

describe('a star becomes a mesh', () => {
  for (const count of [3, 30]) {
    it(`${count} nodes that all know only S, and stay together after S has died`, () => {
      const world = createWorld({ seed: 20 + count });
      const network = world.network();
      const nodes = nodesJoin(network, { count, overMs: 100 });
      world.run(35_000);
      const [seed, ...others] = nodes as [Node, ...Node[]];
      for (const { gossip } of others) {
        const beside = gossip.neighbours().filter(({ id }) => id !== seed.host.id);
        expect(beside.length).toBeGreaterThanOrEqual(Math.min(4, count - 2));
      }
      expect(components(others)).toEqual([count - 1]);
      seed.host.crash('silent');
      world.run(95_000);
      expect(components(others)).toEqual([count - 1]);
      expectHonest(others);
    });
  }
});

describe('two nodes that dial each other at the same moment', () => {
  it('have exactly one link, and both know which', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = createWorld({ seed });
      const network = world.network();
      const [a, b] = [startNode(network), startNode(network)] as [Node, Node];
      a.gossip.connectNow(b.host.address, () => {});
      b.gossip.connectNow(a.host.address, () => {});
      world.run(4_000);
      expect(degrees([a, b])).toEqual([1, 1]);
      expect(network.links.length).toBe(1);
      expect(a.gossip.neighbours()[0]?.direction).not.toBe(b.gossip.neighbours()[0]?.direction);
      world.run(60_000);
      expect(degrees([a, b])).toEqual([1, 1]);
      expectHonest([a, b]);
    }
  });

  it('thirty of them, all pairs: one link per pair at most', () => {
    const world = createWorld({ seed: 5 });
    const network = world.network({ sigma: 1.5 });
    const nodes = Array.from({ length: 30 }, () => startNode(network));
    for (const { gossip } of nodes) {
      for (const { host } of nodes.slice(0, 8)) gossip.connectNow(host.address, () => {});
    }
    world.invariant(
      'no two overlay links to one id',
      () => {
        for (const { gossip } of nodes) {
          const ids = gossip.neighbours().map(({ id }) => id);
          if (new Set(ids).size < ids.length) return false;
        }
        return true;
      },
      { everyMs: 20 },
    );
    world.run(30_000);
    const pairs = network.links.map(({ host, peer }) => [host.id, peer].sort().join());
    expect(new Set(pairs).size).toBe(pairs.length);
    expect(total(nodes, 'duplicates')).toBeGreaterThan(0);
    expectHonest(nodes);
  });
});
