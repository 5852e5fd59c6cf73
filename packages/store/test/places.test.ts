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
  /** 20 entries in TRIED; in NEW one bucket with 40, one with 4, and one entry that has a place in each. */
  function filled(): { places: Places; tried: Entry[]; crowd: Entry[]; few: Entry[]; both: Entry } {
    const places = makePlaces();
    const { slots } = places.shape;
    const entries = Array.from({ length: 65 }, (_, n) => entry(places, n));
    const [both, ...others] = entries as [Entry, ...Entry[]];
    const [tried, crowd, few] = [others.slice(0, 20), others.slice(20, 60), others.slice(60)];
    for (const e of tried) places.put(e, places.triedPlace(e));
    crowd.forEach((e, i) => void places.put(e, 7 * slots + i));
    few.forEach((e, i) => void places.put(e, 9 * slots + i));
    places.put(both, 7 * slots + 50);
    places.put(both, 9 * slots + 50);
    return { places, tried, crowd, few, both };
  }

  function drawn(places: Places, seed: number, max = 1000): Entry[] {
    const seen: Entry[] = [];
    places.draw(seededRandom(seed), max, (e) => {
      seen.push(e);
      return false;
    });
    return seen;
  }

  test('shows every place once', () => {
    const { places, both } = filled();
    for (let seed = 1; seed < 30; seed++) {
      const seen = drawn(places, seed);
      expect(seen).toHaveLength(66);
      expect(new Set(seen).size).toBe(65);
      expect(seen.filter((e) => e === both)).toHaveLength(2);
    }
  });

  test('stops when told, or after the maximum', () => {
    const { places } = filled();
    expect(drawn(places, 3, 7)).toHaveLength(7);
    let shown = 0;
    places.draw(seededRandom(3), 1000, () => ++shown === 3);
    expect(shown).toBe(3);
  });

  test('a table, then a bucket, then an entry: who fills a bucket is not drawn more often', () => {
    const { places, tried, crowd, few } = filled();
    let firsts = [0, 0, 0];
    for (let seed = 1; seed <= 4000; seed++) {
      const [first] = drawn(places, seed, 1);
      firsts = [tried, crowd, few].map(
        (group, i) => (firsts[i] ?? 0) + (first && group.includes(first) ? 1 : 0),
      );
    }
    // ½ from TRIED; ¼ from each bucket of NEW, of which 1/41 and 1/5 is the one that stands in both. σ ≈ 30.
    expect(Math.abs((firsts[0] ?? 0) - 2000)).toBeLessThan(150);
    expect(Math.abs((firsts[1] ?? 0) - 976)).toBeLessThan(150);
    expect(Math.abs((firsts[2] ?? 0) - 800)).toBeLessThan(150);
  });

  test('what was taken out is not shown', () => {
    const { places, tried, few, both } = filled();
    for (const e of [...few, both, ...tried.slice(1)]) places.remove(e);
    expect(new Set(drawn(places, 5)).size).toBe(41);
    expect(places.size).toBe(41);
    places.clear((tried[0] as Entry).place);
    expect(drawn(places, 6)).toContain(tried[0]); // without a place, but kept
  });
});
