// S9: how well and how soon nodes know the size of their network. A draw is a network of new identities.
import { OPTIONS } from '@peernet/gossip';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';

export const sizeEstimate: Scenario = {
  name: 'S9',
  title: 'the size estimate',
  nodes: 300,
  nodesMin: 10,
  parameters: { draws: 100, drawNodes: 30, drawSeconds: 120, joinSeconds: 120 },
  targets: (_, { draws = 100 }) => [
    // The sample's own error is 7 % of it at 100 draws: only then do the bounds mean anything.
    ...(draws >= 100 ? [{ field: 'rms', min: 0.107, max: 0.147 }] : []),
    { field: 'rounds', max: 14 },
  ],
  *run(stage) {
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
  },
};

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
