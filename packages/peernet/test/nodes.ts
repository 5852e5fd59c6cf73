// What the tests of this package share: nodes over a memory network of their own, closed after each test.
import { MemoryNetwork, memoryTransport } from '@peernet/connection';
import { type Clock, systemClock } from '@peernet/core';
import { leakCheck } from '@peernet/testkit';
import { afterEach } from 'vitest';
import { type Options, Peernet } from '../src/index.js';

const open: Peernet[] = [];
let network = new MemoryNetwork();

// Hooks run last first: the nodes of a test are closed, then nothing of it may be left.
afterEach(leakCheck());
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  network = new MemoryNetwork();
});

/** The transport of this test's network. */
export function memory() {
  return memoryTransport(network);
}

/** A node of any make, closed after the test. */
export function keep(node: Peernet): Peernet {
  open.push(node);
  return node;
}

export function make(options: Options = {}, db?: unknown): Peernet {
  return keep(new Peernet(db, { transport: memory(), ...options }));
}

/** `a` listens at memory:a, `b` at memory:b, and b has connected to a. */
export async function pair(options: Options = {}): Promise<[Peernet, Peernet]> {
  const [a, b] = [make({ listen: 'memory:a', ...options }), make({ listen: 'memory:b', ...options })];
  await a.ready();
  await b.connect('memory:a');
  await until(() => a.connections().length === 1, 'a knows b');
  return [a, b];
}

export async function rows<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of stream) all.push(row);
  return all;
}

/** The clock of this computer, of which a test can let seconds pass that it does not have. */
export class JumpClock implements Clock {
  #aheadMs = 0;
  readonly #alarms = new Map<object, { atMs: number; ring: () => void; cancel: () => void }>();

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  wall(): number {
    return systemClock.wall() + this.#aheadMs;
  }

  alarm(atMs: number, ring: () => void): () => void {
    const key = {};
    this.#arm(key, atMs, ring);
    return () => {
      this.#alarms.get(key)?.cancel();
      this.#alarms.delete(key);
    };
  }

  #arm(key: object, atMs: number, ring: () => void): void {
    const cancel = systemClock.alarm(atMs - this.#aheadMs, () => {
      this.#alarms.delete(key);
      ring();
    });
    this.#alarms.set(key, { atMs, ring, cancel });
  }

  /** `ms` pass, in steps, so that what happens every few seconds does. */
  async pass(ms: number, stepMs = 1_000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.#aheadMs += Math.min(left, stepMs);
      for (const [key, { atMs, ring, cancel }] of [...this.#alarms]) {
        cancel();
        this.#arm(key, atMs, ring);
      }
      await new Promise((done) => setTimeout(done, 1));
    }
  }
}

/** Resolves when `condition` holds. */
export async function until(condition: () => unknown, what: string, withinMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** What `run` leaves to the process: rejections and exceptions that nobody handled. */
export async function unhandledDuring(run: () => unknown): Promise<unknown[]> {
  const { rejections, exceptions } = await leftDuring(run);
  return [...rejections, ...exceptions];
}

/** The same, told apart. */
export async function leftDuring(
  run: () => unknown,
): Promise<{ rejections: unknown[]; exceptions: unknown[] }> {
  const rejections: unknown[] = [];
  const exceptions: unknown[] = [];
  const onRejection = (error: unknown): void => void rejections.push(error);
  const onException = (error: unknown): void => void exceptions.push(error);
  process.on('unhandledRejection', onRejection).on('uncaughtException', onException);
  try {
    await run();
    await new Promise((done) => setTimeout(done, 20)); // rejections are reported a turn later
  } finally {
    process.off('unhandledRejection', onRejection).off('uncaughtException', onException);
  }
  return { rejections, exceptions };
}
