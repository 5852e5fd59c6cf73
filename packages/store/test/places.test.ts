import { randomBytes, seededRandom } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { Entry } from '../src/machine/entry.js';
import { Places, shapeOf } from '../src/machine/places.js';

function entry(places: Places, n: number): Entry {
  const address = `ws://20.${n % 250}.${Math.floor(n / 250)}.1:4000`;
  const group = places.keyOf(`4/20.${n % 250}`);
  const key = { address, scheme: 'ws', scope: 'global', host: n, group } as const;
  return new Entry(key, 'self', 0);
}

function makePlaces(seed = 1, scale = 1): Places {
  return new Places(shapeOf(scale), randomBytes(seededRandom(seed), 32));
}

test.each([
  [1, 16_384, 4096],
  [1 / 16, 1024, 256],
  [1 / 64, 256, 64],
])('scale %d: %i places in NEW, %i in TRIED', (scale, inNew, inTried) => {
  const { newBuckets, triedBuckets, slots } = shapeOf(scale);
  expect([newBuckets * slots, triedBuckets * slots]).toEqual([inNew, inTried]);
});

test('no other scale', () => {
  expect(() => shapeOf(0.5)).toThrow(TypeError);
});

test('places differ between secrets, and never within one', () => {
  const [a, b] = [makePlaces(1), makePlaces(2)];
  const same = Array.from({ length: 500 }, (_, n) => {
    const [inA, inB] = [a.triedPlace(entry(a, n)), b.triedPlace(entry(b, n))];
    expect(a.triedPlace(entry(a, n))).toBe(inA);
    return inA === inB;
  });
  expect(same.filter(Boolean).length).toBeLessThan(5);
});

test('all buckets are used, evenly', () => {
  const places = makePlaces();
  const counts = new Map<number, number>();
  for (let n = 0; n < 25_600; n++) {
    const bucket = places.newBucket(n, n * 7);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  expect(counts.size).toBe(256);
  // 100 each, σ = 10: six of them.
  expect(Math.min(...counts.values())).toBeGreaterThan(40);
  expect(Math.max(...counts.values())).toBeLessThan(160);
});

describe('draw', () => {
  function filled(): Places {
    const places = makePlaces();
    for (let n = 0; n < 60; n++) places.enlist(entry(places, n), n < 20);
    return places;
  }

  test('shows every entry once', () => {
    const places = filled();
    const seen: Entry[] = [];
    places.draw(seededRandom(3), 1000, (e) => {
      seen.push(e);
      return false;
    });
    expect(seen).toHaveLength(60);
    expect(new Set(seen).size).toBe(60);
    expect(places.tried.every((e, i) => e.index === i)).toBe(true);
    expect(places.others.every((e, i) => e.index === i)).toBe(true);
  });

  test('stops when told, or after the maximum', () => {
    const places = filled();
    let shown = 0;
    places.draw(seededRandom(3), 7, () => {
      shown++;
      return false;
    });
    places.draw(seededRandom(3), 1000, () => {
      shown++;
      return true;
    });
    expect(shown).toBe(8);
  });

  test('every entry of a list is equally likely to come first', () => {
    const places = filled();
    const random = seededRandom(4);
    const firsts = new Map<Entry, number>();
    for (let i = 0; i < 12_000; i++)
      places.draw(random, 1, (e) => {
        firsts.set(e, (firsts.get(e) ?? 0) + 1);
        return true;
      });
    for (const e of places.tried) expect(Math.abs((firsts.get(e) ?? 0) - 300)).toBeLessThan(100); // σ = 17
    for (const e of places.others) expect(Math.abs((firsts.get(e) ?? 0) - 150)).toBeLessThan(70); // σ = 12
  });
});
