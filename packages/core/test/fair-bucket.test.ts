import { describe, expect, test } from 'vitest';
import { FairBucket } from '../src/index.js';

const rate = { perSecond: 10, burst: 100 };

/** Takes what it may at each of `steps` times, 100 ms apart; returns tokens per source. */
function compete(weights: readonly number[], steps: number): number[] {
  const bucket = new FairBucket(rate, 0);
  const taken = weights.map(() => 0);
  for (let step = 0; step < steps; step++) {
    for (const [source, weight] of weights.entries()) {
      const room = bucket.room(source, weight, step * 100);
      if (room > 0) bucket.take(source, room, step * 100);
      taken[source] = (taken[source] as number) + room;
    }
  }
  return taken;
}

describe('a fair bucket', () => {
  test('leaves half of itself to others, whoever floods', () => {
    const bucket = new FairBucket(rate, 0);
    bucket.take(1, bucket.room(1, 1, 0), 0);
    expect(bucket.room(1, 1, 0)).toBe(0);
    expect(bucket.room(2, 1, 0)).toBeGreaterThanOrEqual(25);
  });

  test('gives the whole rate to one, equal rates to many', () => {
    expect(compete([1], 1000)[0]).toBeGreaterThan(0.99 * (50 + 10 * 99.9));
    const many = compete([1, 1, 1, 1], 4000);
    for (const taken of many) expect(taken).toBeGreaterThan(0.2 * (100 + 10 * 400));
    const sum = many.reduce((a, b) => a + b);
    expect(sum).toBeLessThanOrEqual(100 + 10 * 400);
  });

  test('own casts may have more of it', () => {
    const bucket = new FairBucket(rate, 0);
    expect(bucket.room(-1, 8, 0)).toBe(88);
  });

  test('is full when all is paid back, not before', () => {
    const bucket = new FairBucket(rate, 0);
    bucket.take(1, 50, 0);
    expect(bucket.full(4_900)).toBe(false);
    expect(bucket.full(5_100)).toBe(true);
  });

  test('knows who has taken nothing that is not given back', () => {
    const bucket = new FairBucket(rate, 0);
    bucket.take(1, 10, 0);
    expect([bucket.owes(1, 900), bucket.owes(2, 900)]).toEqual([true, false]);
    expect(bucket.owes(1, 1_100)).toBe(false);
  });

  test('knows what others leave of it to each', () => {
    const bucket = new FairBucket(rate, 0);
    bucket.take(1, 30, 0);
    bucket.take(2, 20, 0);
    expect([1, 2, 3].map((source) => bucket.left(source, 0))).toEqual([80, 70, 50]);
    expect(bucket.left(3, 5_000)).toBe(100);
  });

  test('control: a plain bucket is drained by the first who comes', () => {
    const greedy = new FairBucket(rate, 0);
    greedy.take(1, greedy.room(1, 1e9, 0), 0);
    expect(greedy.room(2, 1, 0)).toBe(0);
  });
});
