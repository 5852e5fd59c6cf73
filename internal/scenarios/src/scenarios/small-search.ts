// S1: a small network, where a search should be answered next door.
import type { Scenario } from '../scenario.js';
import { joinSubnets, searchAround } from './searching.js';

/** Messages of one search at most, by size (targets.md S1). */
const messagesMax: Readonly<Record<number, number>> = { 20: 25, 50: 40, 100: 60 };

export const smallSearch: Scenario = {
  name: 'S1',
  title: 'small network, a subnet of one member',
  nodes: 50,
  nodesMin: 3,
  parameters: { searches: 1000, everyMs: 200, joinSeconds: 60, settleSeconds: 60 },
  targets: (nodes) => [
    { field: 'found', min: 1 },
    { field: 'foundFirstTry', min: 1 },
    { field: 'firstHop', max: 2 },
    ...(messagesMax[nodes] === undefined ? [] : [{ field: 'messages', max: messagesMax[nodes] }]),
  ],
  *run(stage) {
    const population = stage.population();
    const members = Math.min(stage.nodes, 300);
    joinSubnets(population, 0, members);
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    stage.doing = 'growing';
    const growMs = (stage.parameter('joinSeconds') + stage.parameter('settleSeconds')) * 1000;
    yield* stage.advance(population.world, growMs);
    yield* searchAround(stage, population, {
      searches: stage.parameter('searches'),
      everyMs: stage.parameter('everyMs'),
      firstMember: 0,
      members,
    });
  },
};
