import { expect, test } from 'vitest';
import { type ByteStream, duplexPair, isInProcess } from '../src/index.js';
import { turn, until } from './shells.js';

const closed = (stream: ByteStream): Promise<void> =>
  new Promise((resolve) => stream.once('close', () => resolve()));

test('both ways, in order', async () => {
  const [a, b] = duplexPair();
  const got: number[] = [];
  for (const end of [a, b]) end.on('data', (bytes: Uint8Array) => got.push(...bytes));
  for (let i = 0; i < 5; i++) a.write(Uint8Array.of(i));
  await turn();
  b.write(Uint8Array.of(9));
  await turn();
  expect(got).toEqual([0, 1, 2, 3, 4, 9]);
  expect([isInProcess(a), isInProcess(b)]).toEqual([true, true]);
});

test('a reader that does not read stops the writer', async () => {
  const [a, b] = duplexPair();
  const chunk = new Uint8Array(65_536);
  let written = 0;
  while (written < 100 && a.write(chunk)) written++;
  let drained = false;
  a.on('drain', () => {
    drained = true;
  });
  a.write(chunk);
  a.write(chunk);
  await turn();
  expect(drained).toBe(false);
  b.resume();
  await until(() => drained);
});

test('an end arrives behind the data; ended both ways, both close and nothing is lost', async () => {
  const [a, b] = duplexPair();
  const bytes = new Uint8Array(500_000);
  a.write(bytes);
  a.end();
  b.end();
  a.resume();
  await turn(); // a is done with both; b has not read yet
  let got = 0;
  let ended = false;
  b.on('end', () => {
    ended = true;
  });
  const both = Promise.all([closed(a), closed(b)]);
  b.on('data', (chunk: Uint8Array) => {
    got += chunk.length;
  });
  await both;
  expect([got, ended]).toEqual([bytes.length, true]);
});

test('destroying one end destroys the other, with an error that nobody has to hear', async () => {
  const [a, b] = duplexPair();
  const both = Promise.all([closed(a), closed(b)]);
  a.destroy(new Error('boom'));
  await both;
  expect([a.destroyed, b.destroyed]).toEqual([true, true]);
});

test('two busy ends leave timers their turn', async () => {
  const [a, b] = duplexPair();
  const chunk = new Uint8Array(65_536);
  const pump = (): void => {
    while (!a.destroying && a.write(chunk));
  };
  a.on('drain', pump);
  b.resume();
  pump();
  await new Promise((resolve) => setTimeout(resolve, 5));
  a.destroy();
  await closed(b);
});
