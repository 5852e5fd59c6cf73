// S11: everybody knows only one node, and all come at once. They must find each other, so that it can go.
import { Graph } from '../graph.js';
import type { Scenario } from '../scenario.js';

export const star: Scenario = {
  name: 'S11',
  title: 'a star becomes a mesh',
  nodes: 30,
  nodesMin: 3,
  parameters: { joinSeconds: 1, dialableShare: 1, afterSeconds: 120 },
  targets: () => [
    { field: 'meshed', min: 1 },
    { field: 'seconds', max: 35, each: true },
    { field: 'stays', min: 1 },
  ],
  *run(stage) {
    const population = stage.population({ bootstraps: 1, dialableShare: stage.parameter('dialableShare') });
    const { world } = population;
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    const [hub] = population.slots;
    if (hub === undefined) return;
    const wanted = Math.min(4, stage.nodes - 2);
    const others = () => population.nodes.filter((node) => node !== hub);
    const isMesh = (): boolean => {
      const graph = new Graph(others());
      return (
        graph.nodes.length === stage.nodes - 1 &&
        graph.degrees().every((degree) => degree >= wanted) &&
        graph.components().length === 1
      );
    };
    stage.doing = 'a star becomes a mesh';
    const ms = yield* stage.until(world, isMesh, { withinMs: 300_000, everyMs: 500 });
    stage.report({ meshed: ms === undefined ? 0 : 1, seconds: (ms ?? world.now) / 1000 });
    population.end(0);
    yield* stage.advance(world, stage.parameter('afterSeconds') * 1000);
    const { graph } = population;
    const degrees = graph.degrees();
    stage.report({
      stays: graph.components().length === 1 ? 1 : 0,
      degreeMinAfter: Math.min(...degrees),
    });
  },
};
