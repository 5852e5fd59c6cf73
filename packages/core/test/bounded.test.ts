// Bounded collections against plain models, and their limits: N fit, N + 1 do not.
import { deepEqual, equal } from 'node:assert/strict'; // in loops of 10^5: `expect` takes a millisecond on a busy machine
import { expect, test } from 'vitest';
import { BoundedQueue, below, LruMap, seededRandom } from '../src/index.js';

test('an LruMap does what a list of pairs does, 10^5 random operations long', () => {
  const random = seededRandom(1);
  const map = new LruMap<number, number>(20);
  let model: [number, number][] = [];
  const without = (key: number): [number, number][] => model.filter(([other]) => other !== key);
  for (let i = 0; i < 100_000; i++) {
    const key = below(random, 40);
    const held = model.find(([other]) => other === key)?.[1];
    const what = below(random, 5);
    if (what === 0) {
      const gone = map.set(key, i);
      model = [...without(key), [key, i]];
      deepEqual(gone, model.length > 20 ? model.shift() : undefined);
    } else if (what === 1) equal(map.get(key), held);
    else if (what === 2) {
      equal(map.touch(key), held);
      if (held !== undefined) model = [...without(key), [key, held]];
    } else if (what === 3) {
      equal(map.has(key), held !== undefined);
    } else if (below(random, 4) === 0) {
      equal(map.delete(key), held !== undefined);
      model = without(key);
    }
    equal(map.size, model.length);
    if (i % 500 === 0) expect([...map.entries()]).toEqual(model);
  }
  expect([...map.keys()]).toEqual(model.map(([key]) => key));
  expect([...map.values()]).toEqual(model.map(([, value]) => value));
  map.clear();
  expect([map.size, map.get(1)]).toEqual([0, undefined]);
});

test('dropWhile drops from the old end, up to the first that stays', () => {
  const map = new LruMap<string, number>(9);
  for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) map.set(key, i);
  map.touch('a');
  map.dropWhile((value) => value < 2);
  expect([...map.keys()]).toEqual(['c', 'd', 'a']);
  map.dropWhile(() => true);
  expect(map.size).toBe(0);
});

test('a queue gives back in order, refuses when full, and goes on after that', () => {
  const random = seededRandom(2);
  const queue = new BoundedQueue<number>(50);
  const model: number[] = [];
  let refused = 0;
  for (let i = 0; i < 100_000; i++) {
    if (below(random, 100) < 51) {
      const taken = queue.push(i);
      equal(taken, model.length < 50);
      if (taken) model.push(i);
      else refused++;
    } else {
      equal(queue.peek(), model[0]);
      equal(queue.shift(), model.shift());
    }
    equal(queue.size, model.length);
  }
  expect(refused).toBeGreaterThan(100);
  queue.clear();
  expect([queue.size, queue.shift(), queue.peek()]).toEqual([0, undefined, undefined]);
});

test('a capacity that is none is misuse', () => {
  for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new LruMap(capacity), `${capacity}`).toThrow(TypeError);
    expect(() => new BoundedQueue(capacity), `${capacity}`).toThrow(TypeError);
  }
  expect(new LruMap(1).capacity).toBe(1);
});
