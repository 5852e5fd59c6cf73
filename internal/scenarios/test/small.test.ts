// Small runs of the scenarios: the daemon's machines under virtual time, from a seed.
import { expect, test } from 'vitest';
import { findScenario } from '../src/registry.js';
import { ScenarioRun } from '../src/run.js';

function run(name: string, nodes: number, seed: number, parameters: Record<string, number> = {}) {
  const scenario = findScenario(name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  const running = new ScenarioRun({ scenario, nodes, seed, parameters });
  while (running.step());
  return running.outcome();
}

test('S11: a star of 12 becomes a mesh', () => {
  const { figures, broken, missed } = run('S11', 12, 7);
  expect({ broken, missed }).toEqual({ broken: [], missed: [] });
  expect(figures.meshed).toBe(1);
});

test('the same seed gives the same trace; control: another seed another', () => {
  const hashes = [1, 1, 2].map((seed) => run('S11', 6, seed).traceHash);
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(hashes[2]);
});
