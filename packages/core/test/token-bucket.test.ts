// The rate limiter: never more than burst + rate · time, never less, whatever the steps of time.
import { equal } from 'node:assert/strict';
import { expect, test } from 'vitest';
import { below, seededRandom, TokenBucket } from '../src/index.js';

test('begins full; burst passes, one more does not', () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 5 }, 1_000);
  expect(bucket.full(1_000)).toBe(true);
  for (let i = 0; i < 5; i++) expect(bucket.take(1, 1_000)).toBe(true);
  expect(bucket.take(1, 1_000)).toBe(false);
  expect(bucket.take(1, 1_999)).toBe(false);
  expect(bucket.take(1, 2_000)).toBe(true);
  expect(bucket.full(6_999)).toBe(false);
  expect(bucket.full(7_000)).toBe(true);
  expect(bucket.level(99_000)).toBe(5);
});

test('in random steps it gives exactly its rate', () => {
  const random = seededRandom(1);
  const bucket = new TokenBucket({ perSecond: 3, burst: 7 }, 0);
  let given = 0;
  let nowMs = 0;
  while (nowMs < 1_000_000) {
    nowMs += below(random, 100) / 7;
    if (bucket.take(1, nowMs)) given++;
    if (given > 7 + (3 * nowMs) / 1000 + 1e-3) throw new Error(`${given} at ${nowMs}`);
  }
  expect(given).toBeGreaterThanOrEqual(Math.floor(7 + (3 * nowMs) / 1000) - 1);
});

test('time that steps back takes nothing away, and gives nothing twice', () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 5 }, 10_000);
  expect(bucket.take(3, 10_000)).toBe(true);
  expect(bucket.level(9_000)).toBe(2);
  expect(bucket.level(0)).toBe(2);
  expect(bucket.level(11_000)).toBe(3);
});

test('sums of fractions do not refuse what the rate allows', () => {
  const bucket = new TokenBucket({ perSecond: 0.1, burst: 1 }, 0);
  expect(bucket.take(1, 0)).toBe(true);
  for (let ms = 1; ms < 10_000; ms++) bucket.level(ms);
  expect(bucket.take(1, 10_000)).toBe(true);
});

test('all or nothing; or up to, in whole tokens', () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 10 }, 0);
  expect(bucket.take(11, 0)).toBe(false);
  expect(bucket.level(0)).toBe(10);
  expect(bucket.takeUpTo(7, 0)).toBe(7);
  expect(bucket.takeUpTo(7, 500)).toBe(3);
  expect(bucket.level(500)).toBeCloseTo(0.5, 9);
  expect(bucket.takeUpTo(7, 500)).toBe(0);
  expect(bucket.takeUpTo(0, 500)).toBe(0);
});

test('what is owed is paid back before anything is given', () => {
  const bucket = new TokenBucket({ perSecond: 2, burst: 10 }, 0);
  bucket.owe(16, 0);
  expect(bucket.level(0)).toBe(-6);
  expect(bucket.takeUpTo(5, 2_000)).toBe(0);
  expect(bucket.take(1, 3_000)).toBe(false);
  expect(bucket.take(1, 3_500)).toBe(true);
});

test('readyAt is when a take succeeds, and not before', () => {
  const random = seededRandom(2);
  for (let i = 0; i < 2_000; i++) {
    const rate = { perSecond: (1 + below(random, 50)) / 7, burst: 1 + below(random, 20) };
    const bucket = new TokenBucket(rate, 0);
    bucket.takeUpTo(below(random, 21), 0);
    const count = 1 + below(random, rate.burst);
    const atMs = bucket.readyAt(count, 10);
    if (atMs > 11) equal(bucket.take(count, atMs - 1), false);
    equal(bucket.take(count, atMs), true);
  }
});

test('what never comes is at Infinity', () => {
  expect(new TokenBucket({ perSecond: 1, burst: 5 }, 0).readyAt(6, 0)).toBe(Number.POSITIVE_INFINITY);
  const none = new TokenBucket({ perSecond: 0, burst: 1 }, 0);
  expect(none.readyAt(1, 0)).toBe(0);
  none.take(1, 0);
  expect(none.readyAt(1, 5)).toBe(Number.POSITIVE_INFINITY);
});

test('time that goes back gives nothing twice', () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 5_000);
  bucket.take(1, 5_000);
  for (let i = 0; i < 50; i++) {
    expect(bucket.take(1, 1_000)).toBe(false);
    expect(bucket.take(1, 5_500)).toBe(false);
  }
  expect(bucket.take(1, 6_000)).toBe(true);
});
