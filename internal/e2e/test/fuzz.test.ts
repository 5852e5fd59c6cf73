// Damaged input of every kind: never an exception, never another peer harmed. `PEERNET_FUZZ=1000000` runs a million
// (`pnpm fuzz`); SEED replays.
import { memoryStore, seededRandom } from '@peernet/core';
import { expect, test } from 'vitest';
import { fuzz, gossipSequences } from '../src/fuzz.js';

const count = Number(process.env.PEERNET_FUZZ ?? 60_000);
const seed = Number(process.env.SEED ?? 1);

test(`${count} damaged inputs raise nothing (seed ${seed})`, () => {
  const report = fuzz(count, seed);
  const total = Object.values(report.inputs).reduce((a, b) => a + b, 0);
  console.log(
    `fuzz: ${total} inputs (seed ${seed}), ${(report.perMinute / 1e6).toFixed(2)} million a minute, ` +
      `${(100 * report.deepShare).toFixed(0)} % past the first length check, ${report.failures.length} exceptions, ` +
      `RSS ${report.rssGrownMiB.toFixed(0)} MiB more: ${JSON.stringify(report.inputs)}`,
  );
  expect(report.failures).toEqual([]);
  expect(report.deepShare).toBeGreaterThanOrEqual(0.3);
}, 600_000);

test('control: a decoder with a bound removed is caught', () => {
  const { failures } = fuzz(5_000, seed, { sabotage: true });
  expect(failures.length).toBeGreaterThan(0);
  expect(failures.every((failure) => failure.includes('sabotage'))).toBe(true);
});

test('control: a throw inside gossip, which its shell survives, is caught', () => {
  const store = memoryStore();
  for (const verb of ['offer', 'sample'] as const) {
    store[verb] = () => {
      throw new Error('sabotage');
    };
  }
  expect(() => gossipSequences(seededRandom(seed), 3_000, store)).toThrow('throws inside the machine');
});
