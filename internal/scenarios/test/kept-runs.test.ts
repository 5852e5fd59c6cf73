import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keptRuns } from '../src/kept-runs.js';
import { runScenario } from '../src/run.js';
import { listSettings, set, setAll } from '../src/settings.js';

const kept = keptRuns(readFileSync(new URL('../seeds.txt', import.meta.url), 'utf8'));

/** Larger ones are run by `pnpm sim:nightly`. */
const nodesMax = 50;

describe('runs that broke a promise once', () => {
  it('are all understood; a line that is no command is no comment either', () => {
    expect(kept.length).toBeGreaterThan(1);
    expect(() => keptRuns('pnpm sim S16 --seeds 2')).toThrow('seeds');
    expect(() => keptRuns('S16 --seed 2')).toThrow('not a run');
    expect(keptRuns('# a comment\n\n')).toEqual([]);
  });

  const small = kept.filter(({ command }) => command.nodes <= nodesMax);
  it.each(small.map(({ line, command }) => [line, command] as const))('%s', (_, command) => {
    const { scenario, seed, nodes, sets } = command;
    if (scenario === undefined) throw new TypeError('which scenario?');
    const before = listSettings();
    try {
      const parameters = setAll(sets);
      const { broken, missed } = runScenario({ scenario, seed, nodes, parameters });
      expect({ broken, missed }).toEqual({ broken: [], missed: [] });
    } finally {
      for (const [name] of sets) if (!name.startsWith('scenario.')) set(name, before[name] as number);
    }
  });
});
