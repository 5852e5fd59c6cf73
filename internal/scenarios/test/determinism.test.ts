// The same seed is the same run: in this process, in another one, and through the build of `pnpm sim`.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
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

it(`has one trace per seed: ${seeds} of ${seeds}`, { timeout: seeds * 10_000 }, () => {
  const traces = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) {
    const { traceHash } = play('S1', { ...size, seed });
    expect([seed, inAnotherProcess(seed)]).toEqual([seed, traceHash]);
    traces.add(traceHash);
  }
  expect(traces.size).toBe(seeds);
});
