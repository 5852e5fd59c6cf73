// S6: most nodes cannot be dialed, everybody comes within ten minutes and knows three bootstraps.
import { quantile, spread } from '../graph.js';
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';

export const growth: Scenario = {
  name: 'S6',
  title: 'growth with three bootstraps, 70 % not dialable',
  nodes: 1_000,
  nodesMin: 20,
  parameters: { joinSeconds: 600, settleSeconds: 60 },
  targets: (nodes, { joinSeconds = 600 }) => [
    { field: 'degreeMin', min: 4, each: true },
    { field: 'nondialableMax', max: 8, each: true },
    { field: 'twoRelaysShare', min: 0.99 },
    { field: 'dialableMean', min: 17, max: 23 },
    { field: 'components', max: 1 },
    { field: 'wholeSeconds', max: joinSeconds >= 600 ? 20 : 90, each: true },
    { field: 'firstLinkP50', max: 4 },
    { field: 'firstLinkP99', max: 12 },
    ...(nodes === 10_000 ? [{ field: 'meanPath', min: 3.4, max: 4 }] : []),
  ],
  *run(stage) {
    const population = stage.population();
    const { world } = population;
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    stage.doing = 'growing';
    yield* stage.advance(world, stage.parameter('joinSeconds') * 1000);
    const settleMs = stage.parameter('settleSeconds') * 1000;
    const startMs = world.now;
    const whole = yield* stage.until(world, () => population.graph.components().length === 1, {
      withinMs: Math.max(settleMs, 300_000),
      everyMs: 5_000,
    });
    stage.report({ wholeSeconds: (whole ?? world.now - startMs) / 1000 });
    yield* stage.advance(world, Math.max(0, startMs + settleMs - world.now));
    reportShape(stage, population);
  },
};

/** Degrees, components, paths and first links. */
export function reportShape(stage: Stage, population: Population): void {
  const { graph, nodes } = population;
  const degrees = graph.degrees();
  const all = spread(degrees);
  const of = (wanted: (node: SimNode) => boolean) => degrees.filter((_, i) => wanted(nodes[i] as SimNode));
  const dialable = of((node) => node.profile === 'dialable');
  const others = of((node) => node.profile !== 'dialable');
  const hasRelays = graph.edges.map(
    (mine) => mine.filter((j) => nodes[j]?.profile === 'dialable').length >= 2,
  );
  const isOther = nodes.map((node) => node.profile !== 'dialable');
  const firstLinks = nodes.map(
    (node) => ((node.firstLinkMs ?? Number.POSITIVE_INFINITY) - node.bornMs) / 1000,
  );
  for (const [name, list] of [
    ['dialable', dialable],
    ['nondialable', others],
  ] as const) {
    for (const [degree, count] of countEach(list)) stage.plot(name, degree, count);
  }
  stage.report({
    degreeMean: all.mean,
    degreeSd: all.sd,
    degreeMin: all.min,
    degreeMax: all.max,
    nondialableMax: Math.max(0, ...others),
    dialableMean: spread(dialable).mean,
    twoRelaysShare:
      hasRelays.filter((has, i) => has && isOther[i]).length / Math.max(1, isOther.filter(Boolean).length),
    components: graph.components().length,
    meanPath: graph.meanPath(population.random),
    firstLinkP50: quantile(firstLinks, 0.5),
    firstLinkP99: quantile(firstLinks, 0.99),
    ...population.sums('gossip', ['dials', 'dialsOk', 'refused', 'paced']),
  });
}

/** How often each value occurs, smallest first. */
function countEach(values: readonly number[]): [number, number][] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b);
}
