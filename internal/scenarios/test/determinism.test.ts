// The same seed is the same run: in this process, in another one, and through the build of `pnpm sim`.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { play } from './runs.js';

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

it('has one trace per seed', () => {
  const here = play('S1', { ...size, seed: 7 });
  expect(inAnotherProcess(7)).toBe(here.traceHash);
  expect(inAnotherProcess(7)).toBe(here.traceHash);
  expect(play('S1', { ...size, seed: 8 }).traceHash).not.toBe(here.traceHash);
});
