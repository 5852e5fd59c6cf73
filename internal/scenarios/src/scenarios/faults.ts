// S16: random faults of every kind, from many seeds; all invariants hold all the time, and when the faults end the
// network becomes whole. A broken promise names the seed that shows it again.
import { randomFaults } from '@peernet/sim';
import { watch } from '../invariants.js';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';
import { joinSubnets, nameOf } from './searching.js';

/** After the faults: until the network is whole again. As long as after a crash (S7). */
const healMs = 300_000;

export const faults: Scenario = {
  name: 'S16',
  title: 'random faults from many seeds',
  nodes: 100,
  nodesMin: 5,
  parameters: { seeds: 10, joinSeconds: 60, faultSeconds: 480, faultEverySeconds: 10, searchEverySeconds: 2 },
  targets: () => [{ field: 'violations', max: 0 }],
  *run(stage) {
    let violations = 0;
    const seeds = stage.parameter('seeds');
    for (let i = 0; i < seeds; i++) {
      const seed = stage.seed + i;
      stage.doing = `seed ${seed}, ${violations} violations so far`;
      try {
        yield* once(stage, seed);
      } catch (error) {
        violations++;
        stage.broken.push({
          what: error instanceof Error ? error.message : String(error),
          // The last word about a setting counts.
          replay: `${stage.replay(seed)} --set scenario.seeds=1`,
        });
      }
      stage.report({ seeds: i + 1, violations });
    }
  },
};

function* once(stage: Stage, seed: number): Generator<void, void> {
  const population = stage.population({ seed });
  const { world, network } = population;
  try {
    watch(population);
    joinSubnets(population, 0, stage.nodes);
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    yield* stage.advance(world, stage.parameter('joinSeconds') * 1000);
    searchOften(population, stage.nodes, stage.parameter('searchEverySeconds') * 1000);
    const untilMs = world.now + stage.parameter('faultSeconds') * 1000;
    randomFaults(network, {
      untilMs,
      everyMs: stage.parameter('faultEverySeconds') * 1000,
      restart: (host) => {
        const old = population.byHost.get(host);
        const slot = old === undefined ? -1 : population.slots.indexOf(old);
        if (old !== undefined) population.restart(old, slot);
      },
    });
    yield* stage.advance(world, untilMs - world.now + 1);
    const ms = yield* stage.until(world, () => population.graph.components().length === 1, {
      withinMs: healMs,
    });
    if (ms === undefined) throw new Error(`not whole ${healMs / 1000} s after the faults`);
  } finally {
    stage.retire(population);
  }
}

/** Somebody searches for somebody, so that there is something to get wrong. */
function searchOften(population: Population, count: number, everyMs: number): void {
  const { world, random } = population;
  const again = (): void => {
    const from = population.nodes[random.uint32() % count];
    if (from?.host.running === true) {
      from.search.search(
        nameOf(random.uint32() % count),
        {},
        () => {},
        () => {},
      );
    }
    world.after(everyMs, again);
  };
  again();
}
