// The emitter: Node's names and order, and a listener that throws harms nobody but is not silenced.
import { afterEach, expect, test, vi } from 'vitest';
import { Emitter } from '../src/index.js';

type Events = { a: [number, string]; b: [] };

afterEach(() => vi.restoreAllMocks());

test('listeners are called in order, with all arguments; emit tells whether there was one', () => {
  const emitter = new Emitter<Events>();
  const seen: unknown[] = [];
  expect(emitter.emit('a', 1, 'x')).toBe(false);
  emitter.on('a', (n, s) => seen.push(['first', n, s]));
  emitter.addListener('a', (n) => seen.push(['second', n]));
  expect(emitter.emit('a', 2, 'y')).toBe(true);
  expect(seen).toEqual([
    ['first', 2, 'y'],
    ['second', 2],
  ]);
  expect([emitter.listenerCount('a'), emitter.listenerCount('b')]).toEqual([2, 0]);
});

test('once is once, also when it emits itself', () => {
  const emitter = new Emitter<Events>();
  let calls = 0;
  emitter.once('b', () => {
    calls++;
    emitter.emit('b');
  });
  emitter.emit('b');
  emitter.emit('b');
  expect([calls, emitter.listenerCount('b')]).toEqual([1, 0]);
});

test('off removes one registration, the last; of once too', () => {
  const emitter = new Emitter<Events>();
  const calls: string[] = [];
  const listener = (): void => void calls.push('x');
  emitter.on('b', listener).on('b', listener).once('b', listener);
  emitter.off('b', listener);
  emitter.removeListener('b', listener);
  emitter.emit('b');
  expect(calls.length).toBe(1);
  emitter.off('b', () => {});
  expect(emitter.listenerCount('b')).toBe(1);
  emitter.off('b', listener);
  expect(emitter.emit('b')).toBe(false);
});

test('changes during a round do not disturb it', () => {
  const emitter = new Emitter<Events>();
  const calls: string[] = [];
  const second = (): void => void calls.push('second');
  emitter.on('b', () => {
    calls.push('first');
    emitter.off('b', second);
    emitter.on('b', () => calls.push('late'));
  });
  emitter.on('b', second);
  emitter.emit('b');
  expect(calls).toEqual(['first', 'second']);
});

test('removeAllListeners, of one event or of all', () => {
  const emitter = new Emitter<Events>();
  emitter.on('a', () => {}).on('b', () => {});
  emitter.removeAllListeners('a');
  expect([emitter.listenerCount('a'), emitter.listenerCount('b')]).toEqual([0, 1]);
  emitter.removeAllListeners();
  expect(emitter.listenerCount('b')).toBe(0);
});

test('a listener that throws: the others still hear, and the platform reports the error', () => {
  const tasks: (() => void)[] = [];
  vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => void tasks.push(task));
  const emitter = new Emitter<Events>();
  let heard = 0;
  emitter.on('b', () => {
    throw new RangeError('of the application');
  });
  emitter.on('b', () => heard++);
  expect(emitter.emit('b')).toBe(true);
  expect([heard, tasks.length]).toEqual([1, 1]);
  expect(tasks[0]).toThrow(RangeError);
});
