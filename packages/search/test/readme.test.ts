// The example of the README, as printed there, over real connections inside this process.
import { readFileSync } from 'node:fs';
import * as connection from '@peernet/connection';
import { expect, test } from 'vitest';
import * as search from '../src/index.js';

test('the example of the README works', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  const code = example.replace(/^import .*\n/gm, '');
  const lines: string[] = [];
  let done = (): void => {};
  const ended = new Promise<void>((resolve) => {
    done = resolve;
  });
  const log = (...words: unknown[]): void => {
    lines.push(words.join(' '));
    if (words[0] === 'that is all') done();
  };
  const names = ['accepter', 'createCrypto', 'dialer', 'memoryTransport', 'LinkOverlay', 'Search', 'console'];
  const { accepter, createCrypto, dialer, memoryTransport } = connection;
  const values = [
    accepter,
    createCrypto,
    dialer,
    memoryTransport,
    search.LinkOverlay,
    search.Search,
    { log },
  ];
  const run = new Function(...names, `return (async () => {${code}})()`);
  await run(...values);
  await ended;
  expect(lines).toEqual(['alice is 1 hop away', 'that is all']);
});
