// The same seed is the same run: in this process, in another one, and through the build of `pnpm sim`.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { anotherEngine } from '../../../packages/sim/test/another-engine.js';
import { play } from './runs.js';

/** A hundred by `pnpm test:nightly` (targets.md §1). */
const seeds = process.env.PEERNET_NIGHTLY === undefined ? 10 : 100;

const sim = fileURLToPath(new URL('../../../scripts/sim.mjs', import.meta.url));
const size = { nodes: 20, parameters: { searches: 50, settleSeconds: 10 } };

function inAnotherProcess(seed: number): string {
  const args = ['S1', '--json', '--seed', String(seed), '--nodes', String(size.nodes)];
  const sets = Object.entries(size.parameters).flatMap(([name, value]) => [
    '--set',
    `scenario.${name}=${value}`,
  ]);
  const output = execFileSync(process.execPath, [sim, ...args, ...sets], { encoding: 'utf8' });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '').traceHash;
}

afterEach(() => vi.restoreAllMocks());

it(`has one trace per seed: ${seeds} of ${seeds}`, { timeout: seeds * 10_000 }, () => {
  const traces = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) {
    const { traceHash } = play('S1', { ...size, seed });
    expect([seed, inAnotherProcess(seed)]).toEqual([seed, traceHash]);
    traces.add(traceHash);
  }
  expect(traces.size).toBe(seeds);
});

it('has the same trace under an engine whose mathematics differ in the last bits', {
  timeout: 60_000,
}, () => {
  const faults = { nodes: 20, parameters: { seeds: 1 } };
  const own = play('S16', faults).traceHash;
  anotherEngine(2 ** -51);
  expect(play('S16', faults).traceHash).toBe(own);
});
