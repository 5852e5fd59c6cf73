// S8: the network is split in halves for a while, then whole again. Without swaps (rotation, and links for the slots of
// the book) each half has all the links that it wants and never looks for the other one: the control.
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';

export const split: Scenario = {
  name: 'S8',
  title: 'halves, for ten minutes',
  nodes: 300,
  nodesMin: 20,
  parameters: {
    joinSeconds: 300,
    settleSeconds: 60,
    splitMinutes: 10,
    afterMinutes: 30,
    control: 1,
    /**
     * Links of a dialable node at most. Where there are fewer nodes than that, the bootstraps are everybody's
     * neighbours, want outbound links of their own that nobody is left for, and so look for the other half for ever:
     * then the control is none.
     */
    linksDialableMax: 128,
  },
  targets: (_, { control }) => [
    // Where the halves are not apart there is nothing to heal.
    { field: 'componentsSplit', min: 2, each: true },
    { field: 'components', max: 1 },
    { field: 'healSeconds', max: 30, each: true },
    { field: 'crossShare', min: 0.05 },
    ...(control === 0 ? [] : [{ field: 'controlComponents', min: 2 }]),
  ],
  *run(stage) {
    const { components, healSeconds, crossShare } = yield* splitOnce(stage, {});
    stage.report({ components, healSeconds, crossShare });
    if (stage.parameter('control') === 0) return;
    const control = yield* splitOnce(stage, { rotateEveryMs: Number.POSITIVE_INFINITY, protectedLinks: 0 });
    stage.report({ controlComponents: control.components, controlCrossShare: control.crossShare });
  },
};

interface Healed {
  components: number;
  healSeconds: number;
  crossShare: number;
}

function* splitOnce(
  stage: Stage,
  differences: { rotateEveryMs?: number; protectedLinks?: number },
): Generator<void, Healed> {
  const limits = { linksDialableMax: stage.parameter('linksDialableMax'), ...differences };
  const isControl = differences.rotateEveryMs !== undefined;
  const population = stage.population({ gossip: { limits } });
  const { world, network } = population;
  const say = (what: string): void => {
    stage.doing = `${isControl ? 'control: ' : ''}${what}`;
  };
  say('growing');
  population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
  yield* stage.advance(world, (stage.parameter('joinSeconds') + stage.parameter('settleSeconds')) * 1000);
  say('split');
  const half = (node: SimNode): boolean => node.host.index % 2 === 0;
  network.partition([population.nodes.filter(half).map((node) => node.host)]);
  yield* stage.advance(world, stage.parameter('splitMinutes') * 60_000);
  if (!isControl) stage.report({ componentsSplit: population.graph.components().length });
  network.heal();
  say('whole again');
  const healedMs = world.now;
  const afterMs = stage.parameter('afterMinutes') * 60_000;
  const ms = yield* stage.until(world, () => population.graph.components().length === 1, {
    withinMs: afterMs,
  });
  yield* stage.advance(world, healedMs + afterMs - world.now);
  const healed = {
    components: population.graph.components().length,
    healSeconds: ms === undefined ? afterMs / 1000 : ms / 1000,
    crossShare: crossShare(population, half),
  };
  stage.retire(population);
  return healed;
}

/** Share of the links that lead from one half to the other. */
function crossShare(population: Population, half: (node: SimNode) => boolean): number {
  const { graph, nodes } = population;
  let all = 0;
  let crossing = 0;
  for (const [i, mine] of graph.edges.entries()) {
    for (const j of mine) {
      all++;
      if (half(nodes[i] as SimNode) !== half(nodes[j] as SimNode)) crossing++;
    }
  }
  return crossing / Math.max(1, all);
}
