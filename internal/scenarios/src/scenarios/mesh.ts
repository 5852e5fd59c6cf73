// A mesh on one machine, as `pnpm sim:compare` makes it of real sockets too: everybody listens on loopback, knows only
// the first node, and is the one member of a subnet. What comes out here is the prediction for those.
import { spread } from '../graph.js';
import type { Population } from '../population.js';
import type { Scenario } from '../scenario.js';
import { joinSubnets, searchAround } from './searching.js';

const firstPort = 20_000;

export const mesh: Scenario = {
  name: 'mesh',
  title: 'a mesh on one machine, to be compared with real sockets (pnpm sim:compare)',
  nodes: 30,
  nodesMin: 4,
  parameters: { searches: 200, everyMs: 100, settleSeconds: 30, joinSeconds: 1 },
  targets: () => [{ field: 'found', min: 1 }],
  *run(stage) {
    const population = stage.population({
      bootstraps: 1,
      dialableShare: 1,
      network: { latencyMs: 0.2, sigma: 0 },
      hostOptions: (slot) => ({ address: `ws://127.0.0.1:${firstPort + slot}`, scope: 'loopback' }),
    });
    const { world } = population;
    joinSubnets(population, 0, stage.nodes);
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    const wanted = Math.min(4, stage.nodes - 2);
    const meshed = (): boolean =>
      population.nodes.length === stage.nodes &&
      population.nodes.every((node) => linksOf(population, node) >= wanted);
    stage.doing = 'a star becomes a mesh';
    const ms = yield* stage.until(world, meshed, { withinMs: 300_000, everyMs: 100 });
    stage.report({ meshedSeconds: (ms ?? world.now) / 1000 });
    yield* stage.advance(world, stage.parameter('settleSeconds') * 1000);
    stage.report({ degreeMean: spread(population.graph.degrees()).mean });
    const before = population.sum('search.searchesIn');
    const meter = yield* searchAround(stage, population, {
      searches: stage.parameter('searches'),
      everyMs: stage.parameter('everyMs'),
      firstMember: 0,
      members: stage.nodes,
    });
    stage.report({ messagesHeard: (population.sum('search.searchesIn') - before) / meter.searches.length });
  },
};

/** Links beside that to the centre; the centre itself counts as served. */
function linksOf(population: Population, node: Population['nodes'][number]): number {
  const hub = population.slots[0];
  if (node === hub) return Number.POSITIVE_INFINITY;
  return node.gossip.neighbours().filter(({ id }) => id !== hub?.id).length;
}
