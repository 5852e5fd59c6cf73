import { createWorld, type Network } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { components, degrees, expectHonest, type Node, nodesJoin, runOn, total } from './nodes.js';

/** A network that has grown for two minutes. */
function grown(seed: number, count: number, options: Partial<Parameters<typeof nodesJoin>[1]> = {}) {
  const world = createWorld({ seed });
  const network: Network = world.network();
  const nodes = nodesJoin(network, { count, overMs: 20_000, ...options });
  world.run(120_000);
  return { world, network, nodes };
}

describe('a crash', () => {
  it('of half of the nodes at once, silently, the seed among them, is repaired within a minute', () => {
    const { world, nodes } = grown(31, 80, { dialable: (i) => i % 10 < 4 });
    const dead = nodes.filter((_, i) => i % 2 === 0);
    const alive = nodes.filter((_, i) => i % 2 === 1);
    for (const { host } of dead) host.crash('silent');
    world.run(180_000);
    expect(components(alive)).toEqual([40]);
    expect(Math.min(...degrees(alive))).toBeGreaterThanOrEqual(3);
    expectHonest(alive);
  });

  it('and return of one: the same identity is let in again at once', () => {
    const { world, nodes } = grown(32, 20);
    const [seed, other] = nodes as [Node, Node];
    other.host.crash('silent');
    world.run(122_000);
    other.host.restart();
    const again = runOn(other.host, { seeds: [seed.host.address] });
    world.run(140_000);
    expect(again.gossip.neighbours().length).toBeGreaterThanOrEqual(4);
    for (const { gossip } of nodes) {
      const ids = gossip.neighbours().map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });
});

describe('a split in halves for ten minutes', () => {
  function split(seed: number, limits: { rotateEveryMs?: number; protectedLinks?: number } = {}) {
    // No hub: one that everybody has dialed lacks links of its own, dials for ever, and so heals without rotation.
    const { world, network, nodes } = grown(seed, 60, { limits: { linksDialableMax: 14, ...limits } });
    const halves = [0, 1].map((half) => nodes.filter((_, i) => i % 2 === half));
    network.partition(halves.map((half) => half.map(({ host }) => host)));
    world.runFor(600_000);
    const apart = components(nodes);
    network.heal();
    const healedMs = world.now;
    return { world, nodes, halves, apart, healedMs };
  }

  it('heals within thirty seconds of the network, by swaps', () => {
    const { world, nodes, apart, healedMs } = split(41);
    expect(apart).toEqual([30, 30]);
    world.run(healedMs + 30_000);
    expect(components(nodes)).toEqual([60]);
    world.run(healedMs + 600_000);
    expect(components(nodes)).toEqual([60]);
    expectHonest(nodes);
  });

  it('control: without swaps, of rotation or for the slots, there are two networks for ever', () => {
    const limits = { rotateEveryMs: Number.POSITIVE_INFINITY, protectedLinks: 0 };
    const { world, nodes, apart, healedMs } = split(41, limits);
    expect(apart).toEqual([30, 30]);
    world.run(healedMs + 900_000);
    expect(components(nodes)).toEqual([30, 30]);
  });
});

describe('sleep', () => {
  it('of two minutes: back with three links in ten seconds', () => {
    const { world, nodes } = grown(51, 40);
    const sleeper = nodes[7] as Node;
    sleeper.host.pause();
    world.runFor(120_000);
    sleeper.host.resume();
    world.runFor(10_000);
    expect(sleeper.gossip.neighbours().length).toBeGreaterThanOrEqual(3);
    for (const { gossip, host } of nodes)
      if (host !== sleeper.host) expect(gossip.neighbours().length).toBeGreaterThan(2);
  });
});

describe('goodbye', () => {
  it('is heard: nobody waits for a timeout, and nobody keeps a link', () => {
    const { world, nodes } = grown(61, 20);
    const leaver = nodes[3] as Node;
    leaver.gossip.close();
    world.runFor(1_500);
    for (const { gossip, host } of nodes) {
      if (host === leaver.host) continue;
      expect(gossip.neighbours().map(({ id }) => id)).not.toContain(leaver.host.id);
    }
    expect(leaver.gossip.neighbours()).toEqual([]);
    expect(leaver.host.links.size).toBe(0);
  });
});

describe('one seed', () => {
  it('is one history: the same twice, another one with another seed', () => {
    const hash = (seed: number): string => {
      const { world } = grown(seed, 15);
      return world.traceHash;
    };
    expect(hash(71)).toBe(hash(71));
    expect(hash(71)).not.toBe(hash(72));
  });
});

describe('idle traffic', () => {
  it('is a few hundred bytes per second and node', () => {
    const { world, nodes } = grown(81, 60);
    const bytes = (): number => nodes.reduce((sum, { host }) => sum + host.traffic.bytesOut, 0);
    const before = bytes();
    world.runFor(300_000);
    expect((bytes() - before) / 60 / 300).toBeLessThan(450);
    expect(total(nodes, 'paced')).toBeLessThan(20);
  });
});
