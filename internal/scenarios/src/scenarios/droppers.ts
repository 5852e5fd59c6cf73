// S5: some nodes take part in the overlay and silently drop every search and advert.
import { shuffle } from '@peernet/core';
import type { NodeOptions } from '../node.js';
import type { Scenario, Stage } from '../scenario.js';
import { joinSubnets, searchAround } from './searching.js';

const shares = [10, 30] as const;
/** Hears nothing and says nothing. */
const mute: Partial<NodeOptions> = { wiretap: { heard: () => undefined, said: () => undefined } };

export const droppers: Scenario = {
  name: 'S5',
  title: '10 % and 30 % drop all searches and adverts',
  nodes: 1_000,
  nodesMin: 20,
  parameters: { searches: 500, everyMs: 200, subnets: 300, joinSeconds: 300, settleSeconds: 120 },
  targets: () => [
    { field: 'found', min: 0.999 },
    { field: 'found30', min: 0.97 },
  ],
  *run(stage) {
    for (const percent of shares) yield* searchAmong(stage, percent);
  },
};

function* searchAmong(stage: Stage, percent: number): Generator<void, void> {
  const mutes = new Set<number>();
  const population = stage.population({ nodeOptions: (slot) => (mutes.has(slot) ? mute : undefined) });
  const slots = shuffle(population.random, [...Array(stage.nodes).keys()]);
  for (const slot of slots.slice(0, Math.round((stage.nodes * percent) / 100))) mutes.add(slot);
  const members = Math.min(stage.parameter('subnets'), stage.nodes);
  joinSubnets(population, 0, members);
  stage.doing = `${percent} %: growing`;
  population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
  const growMs = (stage.parameter('joinSeconds') + stage.parameter('settleSeconds')) * 1000;
  yield* stage.advance(population.world, growMs);
  yield* searchAround(stage, population, {
    searches: stage.parameter('searches'),
    everyMs: stage.parameter('everyMs'),
    firstMember: 0,
    members,
    honest: (node) => node.options.wiretap === undefined,
    suffix: percent === 10 ? '' : String(percent),
  });
  stage.retire(population);
}
