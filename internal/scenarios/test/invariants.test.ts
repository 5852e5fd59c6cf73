// The invariants must be able to fail: each meets a node that breaks it.
import { createWorld } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { encodeRows, encodeSearch } from '../../../packages/search/src/wire.js';
import { channelTag } from '../src/connection.js';
import { MessageInvariants, nobodyPunished, oneLinkPerPeer, soundBook, watch } from '../src/invariants.js';
import { Population } from '../src/population.js';
import { runScenario } from '../src/run.js';
import type { Scenario } from '../src/scenario.js';

function network(count: number): Population {
  const population = new Population({
    world: createWorld({ seed: 3 }),
    dialableShare: 1,
    bootstraps: 1,
    bookScale: 1 / 64,
    relay: false,
  });
  population.grow(count, 1_000);
  return population;
}

describe('invariants', () => {
  it('hold in an honest network', () => {
    const population = network(10);
    watch(population);
    population.world.run(60_000);
    for (const node of population.nodes) {
      expect([oneLinkPerPeer(node), nobodyPunished(node), soundBook(node)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
  });

  it('notice two links to one peer', () => {
    const population = network(3);
    population.world.run(20_000);
    const node = population.nodes[1];
    if (node === undefined) throw new Error('no node');
    const [one] = node.gossip.neighbours();
    if (one === undefined) throw new Error('no neighbour');
    node.gossip.neighbours = () => [one, { ...one, key: one.key + 1 }];
    expect(oneLinkPerPeer(node)).toMatch(/two overlay links/);
  });

  it('notice rows that nobody has asked for', () => {
    const population = network(3);
    const invariants = new MessageInvariants(population);
    const [a, b] = population.network.hosts;
    if (a === undefined || b === undefined) population.world.run(2_000);
    const [from, to] = population.network.hosts;
    if (from === undefined || to === undefined) throw new Error('no hosts');
    const row = { kind: 'advert', hops: 1, ageSeconds: 0, bytes: new Uint8Array(200) } as const;
    const rows = encodeRows(new Uint8Array(16), [row]);
    invariants.sent(from, to, Uint8Array.of(channelTag.search, ...rows));
    expect(invariants.broken).toMatch(/has not asked/);
  });

  it('notice records that their sender has not verified', () => {
    const population = network(6);
    const invariants = new MessageInvariants(population);
    population.listen((from, to, message) => invariants.sent(from, to, message));
    population.world.run(20_000);
    expect(invariants.broken).toBeUndefined();
    for (const node of population.nodes) node.book.get = () => undefined; // as if nothing was known to be verified
    population.world.run(60_000);
    expect(invariants.broken).toMatch(/has not verified/);
  });
});

it('says of a run that threw that it did not come to its end, and judges no part of it', () => {
  const thrower: Scenario = {
    name: 'test',
    title: 'throws half way',
    nodes: 3,
    nodesMin: 3,
    parameters: {},
    targets: () => [{ field: 'found', min: 1 }],
    *run(stage) {
      const population = stage.population();
      population.grow(stage.nodes, 1_000);
      stage.report({ found: 0.5 });
      yield* stage.advance(population.world, 1_000);
      throw new Error('half way');
    },
  };
  const { unfinished, broken, missed } = runScenario({ scenario: thrower, seed: 1, nodes: 3 });
  expect({ unfinished, broken: broken.length, missed }).toEqual({ unfinished: true, broken: 1, missed: [] });
});

it('breaks an honest run if a search takes somebody for hostile', () => {
  const scenario = (words: Uint8Array): Scenario => ({
    name: 'test',
    title: 'one node says something to its neighbours',
    nodes: 3,
    nodesMin: 3,
    parameters: {},
    targets: () => [],
    *run(stage) {
      const population = stage.population({ dialableShare: 1, bootstraps: 1 });
      population.grow(stage.nodes, 1_000);
      yield* stage.advance(population.world, 20_000);
      population.nodes[0]?.shout(words, 'search');
      yield* stage.advance(population.world, 5_000);
    },
  });
  const brokenBy = (words: Uint8Array) =>
    runScenario({ scenario: scenario(words), seed: 1, nodes: 3 }).broken.map(({ what }) => what);
  expect(brokenBy(Uint8Array.of(99))).toEqual(['misbehaved: 2']);
  const search = { budget: 1, hops: 1, want: 1, known: [], payload: new Uint8Array() };
  const [searchId, subnet] = [new Uint8Array(16), new Uint8Array(32)];
  expect(brokenBy(encodeSearch({ ...search, searchId, subnet }))).toEqual([]);
});
