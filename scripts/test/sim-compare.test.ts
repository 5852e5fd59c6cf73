// `pnpm sim:compare`: the simulator beside real sockets, with few nodes, so that nobody finds it broken first who needs it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../sim-compare.mjs', import.meta.url));

function compare(...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
}

test('four simulated nodes and four real ones find each other', { timeout: 120_000 }, () => {
  const { stdout, stderr } = compare('--nodes', '4', '--searches', '8', '--settle', '1');
  expect(stderr).toBe('');
  const columns = (what: string): number[] =>
    (stdout.split('\n').find((line) => line.startsWith(what)) ?? '')
      .slice(what.length)
      .trim()
      .split(/\s+/)
      .slice(0, 2)
      .map(Number);
  expect(columns('share of searches that find the member')).toEqual([1, 1]);
  for (const links of columns('overlay links of a node, mean')) expect(links).toBeCloseTo(3, 0);
});

test.each([
  [['--nodes', 'two'], '--nodes takes a whole number from 4 to 100, not "two"'],
  [['--searches', '0'], '--searches takes a whole number from 1 to 10000, not "0"'],
  [['--node', '4'], "Unknown option '--node'"],
])('%j is refused', (args, message) => {
  const { status, stderr } = compare(...args);
  expect(stderr).toContain(message);
  expect(status).toBe(2);
});
