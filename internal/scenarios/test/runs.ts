// Runs of scenarios for tests: small, and with what went wrong in the message of a failure.
import { findScenario } from '../src/registry.js';
import { type Outcome, runScenario } from '../src/run.js';
import type { Parameters } from '../src/scenario.js';

export function play(
  name: string,
  { seed = 1, nodes, parameters = {} }: { seed?: number; nodes: number; parameters?: Parameters },
): Outcome {
  const scenario = findScenario(name);
  if (scenario === undefined) throw new TypeError(`no scenario ${name}`);
  return runScenario({ scenario, seed, nodes, parameters });
}
