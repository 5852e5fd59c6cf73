// The queue beside a list that is sorted anew each time: the same order, whatever is put in, cancelled and taken out.
import { below, seededRandom } from '@peernet/core';
import { expect, test } from 'vitest';
import { EventQueue, type QueuedEvent } from '../src/event-queue.js';

interface Waiting {
  readonly atMs: number;
  readonly event: QueuedEvent;
}

const nothing = (): void => {};

for (const seed of [1, 2, 3]) {
  test(`takes out in the order of times, then of arrival (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const queue = new EventQueue();
    let waiting: Waiting[] = [];
    const takeOut = (): void => {
      waiting.sort((a, b) => a.atMs - b.atMs || a.event.sequence - b.event.sequence);
      const [first] = waiting;
      const untilMs = below(random, 100);
      const due = first !== undefined && first.atMs <= untilMs ? first : undefined;
      expect(queue.next(untilMs)).toBe(due?.event);
      if (due === undefined) return;
      expect(queue.atMs).toBe(due.atMs);
      due.event.action = undefined; // fired, as the world does it
      waiting.shift();
    };
    for (let i = 0; i < 10_000; i++) {
      const act = below(random, 100);
      if (act < 60) {
        const atMs = below(random, 100); // few times, so that many are equal
        waiting.push({ atMs, event: queue.push(atMs, nothing, i, undefined) });
      } else if (act < 90) {
        // Many are cancelled, so that the queue is cleared of them again and again.
        const [gone] = waiting.splice(below(random, waiting.length + 1), 1);
        if (gone !== undefined) queue.cancel(gone.event);
      } else takeOut();
      if (i % 2_000 === 1_999) {
        for (const { event } of waiting.slice(50)) queue.cancel(event);
        waiting = waiting.slice(0, 50);
      }
      expect(queue.size).toBe(waiting.length);
    }
    while (waiting.length > 0) takeOut();
    expect(queue.next(Number.POSITIVE_INFINITY)).toBeUndefined();
  });
}
