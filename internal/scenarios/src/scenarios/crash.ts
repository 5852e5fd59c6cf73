// S7: a large part of the network goes at once, silently, all bootstraps with it. What is left must find together.
import type { Scenario, Stage } from '../scenario.js';

const limitMs = 300_000;
const shares = [50, 80, 90] as const;

export const crash: Scenario = {
  name: 'S7',
  title: '50, 80 and 90 % go at once',
  nodes: 1_000,
  nodesMin: 50,
  parameters: { joinSeconds: 300, settleSeconds: 120, reset: 0 },
  targets: () => [
    { field: 'crash50', min: 1 },
    { field: 'crash80', min: 0.995 },
    { field: 'crash90', min: 0.94 },
    { field: 'crash50at120', min: 1 },
    { field: 'crash80at120', min: 0.9995 },
    { field: 'crash90at120', min: 0.995 },
    { field: 'allSeconds', max: 300, each: true },
  ],
  *run(stage) {
    let slowest = 0;
    for (const percent of shares) {
      const seconds = yield* crashOnce(stage, percent);
      slowest = Math.max(slowest, seconds);
      stage.report({ allSeconds: slowest });
    }
  },
};

/** Grows a network and lets that share of it go. Returns the seconds until the rest was one component. */
function* crashOnce(stage: Stage, percent: number): Generator<void, number> {
  const population = stage.population();
  const { world } = population;
  const growMs = (stage.parameter('joinSeconds') + stage.parameter('settleSeconds')) * 1000;
  population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
  stage.doing = `${percent} %: growing`;
  yield* stage.advance(world, growMs);
  population.crash(percent / 100, stage.parameter('reset') > 0 ? 'reset' : 'silent');
  stage.doing = `${percent} %: healing`;
  const crashedMs = world.now;
  const key = `crash${percent}`;
  stage.report({ [`${key}at0`]: population.graph.largestShare() });
  let wholeMs: number | undefined;
  for (const atMs of [60_000, 120_000, limitMs]) {
    const isWhole = () => {
      const [largest = 0, ...others] = population.graph.components();
      const whole = others.length === 0;
      stage.plot(`crash${percent}`, (world.now - crashedMs) / 1000, largest / population.nodes.length);
      if (whole) wholeMs ??= world.now - crashedMs;
      else wholeMs = undefined;
      return false;
    };
    yield* stage.until(world, isWhole, { withinMs: crashedMs + atMs - world.now, everyMs: 5_000 });
    isWhole();
    const share = population.graph.largestShare();
    if (atMs === 60_000) stage.report({ [key]: share });
    else if (atMs === 120_000) stage.report({ [`${key}at120`]: share });
    else stage.report({ [`${key}at300`]: share });
    // Whole, and nothing else will happen to it.
    if (wholeMs !== undefined && atMs >= 120_000) break;
  }
  stage.retire(population);
  return wholeMs === undefined ? Number.POSITIVE_INFINITY : wholeMs / 1000;
}
