// part: a member that leaves its subnet should be in nobody's rows ten seconds later. The control are members that
// crash: nobody says so, and their adverts live on.
import { pickOne, shuffle } from '@peernet/core';
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';
import { SearchMeter } from '../search-meter.js';
import { joinSubnets, nameOf, searchMaxMs } from './searching.js';

export const parting: Scenario = {
  name: 'part',
  title: 'members leave their subnets',
  nodes: 1_000,
  nodesMin: 20,
  parameters: {
    /** Subnets of one member; half of the members part, the others crash. */
    subnets: 300,
    joinSeconds: 300,
    settleSeconds: 120,
    everyMs: 1_000,
    /** From the parting to the search. */
    afterSeconds: 10,
    /** Median of the sessions of all others, during it; 0: they do not end. */
    medianMinutes: 0,
  },
  targets: () => [
    { field: 'gone', min: 0.99 },
    { field: 'controlGone', max: 0.5 },
  ],
  *run(stage) {
    const population = stage.population();
    const { world, random } = population;
    const bootstraps = Math.min(stage.settings.node.bootstraps, stage.nodes - 2);
    const members = Math.min(stage.parameter('subnets'), stage.nodes - bootstraps - 1);
    joinSubnets(population, bootstraps, members);
    stage.doing = 'growing';
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    const growMs = (stage.parameter('joinSeconds') + stage.parameter('settleSeconds')) * 1000;
    yield* stage.advance(world, growMs);
    if (stage.parameter('medianMinutes') > 0) population.churn(stage.parameter('medianMinutes') * 60_000);
    const slots = shuffle(
      random,
      Array.from({ length: members }, (_, i) => bootstraps + i),
    );
    const half = slots.length >> 1;
    stage.doing = 'members part';
    const gone = yield* leaveOneByOne(stage, population, slots.slice(0, half), (node, slot) =>
      node.search.part(nameOf(slot)),
    );
    stage.report({ gone, partings: half });
    stage.doing = 'control: members crash';
    const controlGone = yield* leaveOneByOne(stage, population, slots.slice(half), (_, slot) =>
      population.end(slot),
    );
    stage.report({ controlGone });
  },
};

/** Share of the searches, some time after a member has left, that do not show it. */
function* leaveOneByOne(
  stage: Stage,
  population: Population,
  slots: readonly number[],
  leave: (node: SimNode, slot: number) => void,
): Generator<void, number> {
  const { world, random } = population;
  const meter = new SearchMeter(population);
  for (const [i, slot] of slots.entries()) {
    world.after(i * stage.parameter('everyMs'), () => {
      const node = population.slots[slot];
      if (node === undefined) return;
      leave(node, slot);
      world.after(stage.parameter('afterSeconds') * 1000, () => {
        const from = pickOne(
          random,
          population.nodes.filter((other) => other !== node),
        );
        if (from !== undefined) meter.start(from, nameOf(slot), node);
      });
    });
  }
  const lastMs = slots.length * stage.parameter('everyMs') + stage.parameter('afterSeconds') * 1000;
  yield* stage.advance(world, lastMs + searchMaxMs);
  const ended = meter.searches.filter((search) => search.ended);
  if (ended.length === 0) return Number.NaN;
  return ended.filter(({ foundMs }) => foundMs === undefined).length / ended.length;
}
