// The example of the README, as printed there, on real sockets of this computer.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Peernet, peernet } from '../src/index.js';
import { keep } from './nodes.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the example works, and closes what it opened', async () => {
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(example).toContain("import peernet from 'peernet'");
  const closed: Promise<void>[] = [];
  const lines: string[] = [];
  const made = (): Peernet => {
    const node = keep(peernet());
    closed.push(new Promise((done) => node.on('close', done)));
    return node;
  };
  const run = new Function(
    'peernet',
    'console',
    `return (async () => {${example.replace(/^import .*$/gm, '')}})()`,
  );
  await run(made, { log: (line: string) => lines.push(line) });
  await Promise.all(closed);
  expect(closed).toHaveLength(2);
  expect(lines).toEqual(['hello']);
});

test('the table names every method, and none that is not there', () => {
  const methods = Object.getOwnPropertyNames(Peernet.prototype).filter((name) => name !== 'constructor');
  const [table = ''] = /\| call \|[\s\S]*?\n\n/.exec(readme) ?? [];
  const calls = table
    .split('\n')
    .slice(2)
    .map((line) => line.split(' | ')[0] ?? '')
    .join(' ');
  const named = [...calls.matchAll(/`(\w+)/g)].map(([, name]) => name);
  expect(named.filter((name) => name !== 'peernet').sort()).toEqual(methods.sort());
});
