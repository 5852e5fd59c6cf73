// S9: how well and how soon nodes know the size of their network. A draw is a network of new identities.
import { OPTIONS } from '@peernet/gossip';
import { EXTREMA, extremeOf } from '../../../../packages/gossip/src/machine/extrema.js';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';

export const sizeEstimate: Scenario = {
  name: 'S9',
  title: 'the size estimate',
  nodes: 300,
  nodesMin: 10,
  parameters: {
    draws: 100,
    drawNodes: 30,
    drawSeconds: 120,
    joinSeconds: 120,
    /** Size of the network that newcomers come to; 0: they come to none. */
    crowd: 100_000,
    newcomers: 20,
  },
  targets: (_, { draws = 100, crowd = 0 }) => [
    // The sample's own error is 7 % of it at 100 draws: only then do the bounds mean anything.
    ...(draws >= 100 ? [{ field: 'rms', min: 0.107, max: 0.147 }] : []),
    { field: 'rounds', max: 14, each: true },
    ...(crowd > 0 ? [{ field: 'newcomerSeconds', max: 30, each: true }] : []),
  ],
  *run(stage) {
    yield* converge(stage);
    yield* drawMany(stage);
    if (stage.parameter('crowd') > 0) yield* joinCrowd(stage);
  },
};

/** One network grows; how soon all of it says the same. */
function* converge(stage: Stage): Generator<void, void> {
  const one = stage.population();
  one.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
  stage.doing = 'growing';
  for (let second = 0; second < stage.parameter('joinSeconds'); second += 5) {
    yield* stage.advance(one.world, 5_000);
    plotSizes(stage, one);
  }
  const agreed = (): boolean => {
    plotSizes(stage, one);
    return agree(one);
  };
  const ms = yield* stage.until(one.world, agreed, { withinMs: 600_000, everyMs: 500 });
  stage.report({
    rounds: (ms ?? Number.POSITIVE_INFINITY) / OPTIONS.intervalMs,
    error: one.nodes.reduce((sum, node) => sum + node.gossip.size, 0) / stage.nodes / stage.nodes - 1,
  });
  stage.retire(one);
}

/** Many small networks; how far off they are. */
function* drawMany(stage: Stage): Generator<void, void> {
  const errors: number[] = [];
  const draws = stage.parameter('draws');
  for (let draw = 0; draw < draws; draw++) {
    stage.doing = `draw ${draw} of ${draws}`;
    // Seeds of draws of different runs do not meet: 2^20 apart.
    const population = stage.population({ seed: stage.seed * 1_048_576 + draw + 1, dialableShare: 1 });
    const count = stage.parameter('drawNodes');
    population.grow(count, 10_000);
    yield* stage.advance(population.world, stage.parameter('drawSeconds') * 1000);
    errors.push((population.slots[0]?.gossip.size ?? 0) / count - 1);
    stage.retire(population);
    stage.report({
      rms: Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length),
      bias: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    });
  }
}

/** What is right for a newcomer: within this share of what the tables of the others say. */
const closeShare = 0.05;

/**
 * Newcomers to a network whose tables are those of `crowd` nodes: it consists of the winners of so many identities, who
 * are all that tables name. How long the slowest takes to know the size.
 */
function* joinCrowd(stage: Stage): Generator<void, void> {
  const crowd = stage.parameter('crowd');
  stage.doing = `choosing the winners of ${crowd}`;
  let names: readonly string[] = [];
  const population = stage.population({
    dialableShare: 1,
    hostOptions: (slot) => ({ name: names[slot] ?? `newcomer ${slot}` }),
  });
  const { world } = population;
  const { winners, size } = winnersAmong(population, crowd);
  names = winners;
  population.grow(winners.length, 30_000);
  yield* stage.advance(world, 60_000);
  stage.doing = 'newcomers';
  let slowestMs = 0;
  for (let i = 0; i < stage.parameter('newcomers'); i++) {
    const { gossip } = population.start(winners.length + i);
    const knows = (): boolean => Math.abs(gossip.size / size - 1) <= closeShare;
    const ms = yield* stage.until(world, knows, { withinMs: 600_000, everyMs: 100 });
    slowestMs = Math.max(slowestMs, ms ?? Number.POSITIVE_INFINITY);
    stage.report({ newcomerSeconds: slowestMs / 1000, crowdError: size / crowd - 1 });
  }
}

/** Those of so many identities that have the smallest value of a slot, and what a table of them says. */
function winnersAmong({ world, network }: Population, count: number): { winners: string[]; size: number } {
  const { crypto } = network.host({ name: 'who looks for them' });
  const best = Array.from({ length: EXTREMA.slots }, () => ({ value: Number.POSITIVE_INFINITY, name: '' }));
  for (let i = 0; i < count; i++) {
    const name = `one of the crowd ${i}`;
    const id = world.identities.create(name);
    for (const [slot, { value }] of best.entries()) {
      const own = extremeOf(crypto, slot, id);
      if (own < value) best[slot] = { value: own, name };
    }
  }
  const sum = best.reduce((total, { value }) => total + value, 0);
  return { winners: [...new Set(best.map(({ name }) => name))], size: (EXTREMA.slots - 1) / sum };
}

/** Whether all nodes estimate the same, but for rounding. */
function agree(population: Population): boolean {
  const [first, ...rest] = population.nodes.map((node) => node.gossip.size);
  return rest.every((size) => Math.abs(size - (first as number)) < 1e-6 * size);
}

/** What the nodes take for the size of the network, beside the number of nodes that there are: smallest, median, largest. */
function plotSizes(stage: Stage, { nodes, world }: Population): void {
  const sizes = nodes.map((node) => node.gossip.size).sort((a, b) => a - b);
  const seconds = world.now / 1000;
  stage.plot('nodes', seconds, nodes.length);
  stage.plot('smallest', seconds, sizes[0] ?? 0);
  stage.plot('median', seconds, sizes[sizes.length >> 1] ?? 0);
  stage.plot('largest', seconds, sizes.at(-1) ?? 0);
}
