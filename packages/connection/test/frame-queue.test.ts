import { below, equalBytes, randomBytes, seededRandom } from '@peernet/core';
import { expect, test } from 'vitest';
import { WIRE } from '../src/defaults.js';
import { FrameQueue } from '../src/machine/frame-queue.js';
import { data } from './frames.js';

const cost = WIRE.frameCostBytes;

test('a window that is too small gives 0, a record that is too small -1, an empty queue 0', () => {
  const queue = new FrameQueue(300);
  expect(queue.fit(1_000, 1_000)).toBe(0);
  queue.push(new Uint8Array(10));
  queue.push(new Uint8Array(20));
  const [first, second] = [5 + 10, 5 + 20];
  expect(queue.fit(first - 1, 1_000)).toBe(-1);
  expect(queue.fit(first, 1_000)).toBe(first);
  expect(queue.fit(1_000, 9 + cost)).toBe(0);
  expect(queue.fit(1_000, 10 + cost)).toBe(first);
  expect(queue.fit(1_000, 30 + 2 * cost - 1)).toBe(first);
  expect(queue.fit(first + second - 1, 1_000)).toBe(first);
  expect(queue.fit(first + second, 30 + 2 * cost)).toBe(first + second);
  expect([queue.fitting, queue.fittingCost, queue.size, queue.bytes]).toEqual([2, 30 + 2 * cost, 2, 30]);
});

test('against a list of frames', () => {
  const random = seededRandom(8);
  for (const channel of [1, 200, 20_000]) {
    const queue = new FrameQueue(channel);
    const model: Uint8Array[] = [];
    for (let round = 0; round < 5_000; round++) {
      if (below(random, 5) < 3 && model.length < 300) {
        const message = randomBytes(random, below(random, [4, 300, 5_000][below(random, 3)] as number));
        queue.push(message);
        model.push(data(channel, message));
        message.fill(0);
      } else {
        const length = queue.fit(below(random, 20_000), below(random, 20_000));
        if (length <= 0) continue;
        const front = queue.front(length).slice();
        let at = 0;
        for (let i = queue.fitting; i > 0; i--) {
          const frame = model.shift() as Uint8Array;
          expect(equalBytes(front.subarray(at, at + frame.length), frame)).toBe(true);
          at += frame.length;
        }
        expect(at).toBe(length);
        queue.shift(length);
      }
      expect(queue.size).toBe(model.length);
    }
  }
});
