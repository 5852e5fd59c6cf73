// S2 and S3: searching while sessions end silently and links really break. A node that leaves is replaced by a
// stranger who takes over its subnet, so old adverts of the subnet lead to nobody.
import type { Scenario, Stage, Target } from '../scenario.js';
import { joinSubnets, searchAround } from './searching.js';

const parameters = {
  searches: 1000,
  everyMs: 200,
  /** Subnets of one member each (research/joint.md: 300). */
  subnets: 300,
  joinSeconds: 300,
  /** Churn before the first search. */
  steadySeconds: 600,
  /** Median of the sessions; 0: they do not end. */
  medianMinutes: 10,
};

function* run(stage: Stage): Generator<void, void> {
  const population = stage.population();
  const { world } = population;
  const bootstraps = Math.min(stage.settings.node.bootstraps, stage.nodes - 1);
  const members = Math.min(stage.parameter('subnets'), stage.nodes - bootstraps);
  joinSubnets(population, bootstraps, members);
  stage.doing = 'growing';
  population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
  yield* stage.advance(world, stage.parameter('joinSeconds') * 1000);
  stage.doing = 'sessions begin to end';
  if (stage.parameter('medianMinutes') > 0) population.churn(stage.parameter('medianMinutes') * 60_000);
  yield* stage.advance(world, stage.parameter('steadySeconds') * 1000);
  yield* searchAround(stage, population, {
    searches: stage.parameter('searches'),
    everyMs: stage.parameter('everyMs'),
    firstMember: bootstraps,
    members,
  });
  const degrees = population.graph.degrees();
  stage.report({
    largestShare: population.graph.largestShare(),
    degreeMean: degrees.reduce((sum, degree) => sum + degree, 0) / degrees.length,
    belowFour: degrees.filter((degree) => degree < 4).length / degrees.length,
  });
}

const name = (nodes: number): string => `a subnet of one member among ${nodes}, sessions of 10 min`;

export const churnSearch: Scenario = {
  name: 'S2',
  title: name(1_000),
  nodes: 1_000,
  nodesMin: 10,
  parameters,
  targets: () => [
    { field: 'foundFirstTry', min: 0.995 },
    { field: 'found', min: 0.9995 },
    { field: 'messages', max: 160 },
  ],
  run,
};

export const largeSearch: Scenario = {
  name: 'S3',
  title: name(10_000),
  nodes: 10_000,
  nodesMin: 10,
  parameters,
  targets: (nodes): Target[] => [
    { field: 'foundFirstTry', min: 0.999 },
    { field: 'found', min: 0.9995 },
    { field: 'firstHop', max: 2.4 },
    ...(nodes === 10_000 ? [{ field: 'messages', min: 360, max: 440 }] : []),
  ],
  run,
};
