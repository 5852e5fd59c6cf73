import { seededRandom } from '@peernet/core';
import { afterEach, expect, it, vi } from 'vitest';
import { exponentialMs } from '../src/index.js';
import { anotherEngine } from './another-engine.js';
import { chatter } from './chatter.js';

afterEach(() => vi.restoreAllMocks());

it('draws times that are exponentially distributed, in whole ms', () => {
  const random = seededRandom(1);
  const drawn = Array.from({ length: 20_000 }, () => exponentialMs(random, 60_000));
  expect(drawn.every((ms) => Number.isInteger(ms) && ms >= 0)).toBe(true);
  const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
  const above = drawn.filter((ms) => ms > 120_000).length / drawn.length;
  expect(mean).toBeCloseTo(60_000, -3.5); // ± 1 600: four standard errors are 1 700
  expect(above).toBeCloseTo(Math.exp(-2), 1.5); // ± .016: six standard errors
});

it('is the same run under an engine whose mathematics differ in the last bits', () => {
  const own = chatter(1).traceHash;
  anotherEngine(2 ** -51);
  expect(chatter(1).traceHash).toBe(own);
});

// The control: those functions do decide what happens.
it('is another run where they differ in the third digit', () => {
  const own = chatter(1).traceHash;
  anotherEngine(1e-3);
  expect(chatter(1).traceHash).not.toBe(own);
});
