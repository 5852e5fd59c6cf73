// Controls: a run without one defence misses the target that stands for it, and the same run with it does not. What is
// a constant cannot be changed here, where tables are frozen: that control runs by the build of `pnpm sim`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Neighbour } from '../../../packages/search/src/machine/neighbours.js';
import { findScenario } from '../src/registry.js';
import { runScenario } from '../src/run.js';
import { SABOTAGE } from '../src/sabotage.js';
import { SettingError, set } from '../src/settings.js';
import { play } from './runs.js';

const sim = fileURLToPath(new URL('../../../scripts/sim.mjs', import.meta.url));

/** Names of the fields whose targets were missed. */
function missedFields(outcome: ReturnType<typeof play>): string[] {
  expect(outcome.broken).toEqual([]);
  return outcome.missed.map((text) => text.split(' ')[0] as string);
}

describe('a run without one defence fails', () => {
  afterEach(() => {
    for (const name of Object.keys(SABOTAGE)) set(`sabotage.${name}`, 0);
    set('node.boastShare', 0);
  });

  it('verification: forged rows are shown', () => {
    const size = { nodes: 60, parameters: { searches: 300, joinSeconds: 60 } };
    expect(missedFields(play('S15', size))).toEqual([]);
    set('sabotage.verification', 1);
    expect(missedFields(play('S15', size))).toContain('forged');
  });

  it('dedup: a flood costs what its budget allows, not what the network needs', () => {
    const size = { nodes: 50, parameters: { questions: 40 } };
    const sound = play('reach', size);
    expect(missedFields(sound)).toEqual([]);
    set('sabotage.searchDedup', 1);
    const without = play('reach', size);
    expect(missedFields(without)).toEqual(['copiesPerLink']);
    expect(Number(without.figures.copiesPerLink)).toBeGreaterThan(2 * Number(sound.figures.copiesPerLink));
  });

  it('proof: books full of addresses at which nobody answers keep who wakes up alone', () => {
    const size = { nodes: 100, parameters: { joinSeconds: 60, settleSeconds: 60, idleSeconds: 10 } };
    set('node.boastShare', 1);
    expect(missedFields(play('sleep', size))).toEqual([]);
    set('sabotage.proof', 1);
    expect(missedFields(play('sleep', size))).toEqual(['back']);
  });

  it('top-ups: floods do not come to everybody, but only where latencies differ', () => {
    const run = (...sets: string[]) => {
      const args = ['reach', '--nodes', '50', '--set', 'scenario.questions=40'];
      const { status, stderr } = spawnSync(
        process.execPath,
        [sim, ...args, ...sets.flatMap((text) => ['--set', text])],
        { encoding: 'utf8' },
      );
      return [status, /^missed: \w+/m.exec(stderr)?.[0]];
    };
    expect(run()).toEqual([0, undefined]);
    expect(run('search.topUpsMax=0')).toEqual([1, 'missed: reach']);
    expect(run('search.topUpsMax=0', 'net.sigma=0')).toEqual([0, undefined]);
  });

  it('rates of links: a flood of four times what a link may costs the network no more than that', () => {
    const size = (excess: number) => ({
      nodes: 60,
      parameters: { excess, searches: 20, joinSeconds: 60, floodSeconds: 10, searchFloodSeconds: 20 },
    });
    expect(missedFields(play('S17', size(4)))).toEqual([]);
    const admit = vi.spyOn(Neighbour.prototype, 'admit').mockImplementation((_, budget) => budget);
    try {
      // Who keeps to the limits by itself says nothing about them.
      expect(missedFields(play('S17', size(1)))).toEqual([]);
      expect(missedFields(play('S17', size(4)))).toEqual(['floodLoadShare']);
    } finally {
      admit.mockRestore();
    }
  });

  it('leaves nothing behind: the next run in the process has all defences', () => {
    const size = { nodes: 20, parameters: { questions: 5 } };
    const before = play('reach', size).traceHash;
    set('sabotage.searchDedup', 1);
    expect(play('reach', size).traceHash).not.toBe(before);
    set('sabotage.searchDedup', 0);
    expect(play('reach', size).traceHash).toBe(before);
  });

  it('is refused where it would change nothing', () => {
    const scenario = findScenario('S4');
    if (scenario === undefined) throw new TypeError('no S4');
    set('sabotage.proof', 1);
    expect(() => runScenario({ scenario, seed: 1, nodes: 100 })).toThrow(SettingError);
  });
});
