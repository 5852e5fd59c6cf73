// The event queue: a binary heap ordered by (time, sequence), so that events of one instant keep the order in which
// they were scheduled and every run of a seed is the same run. One class of events with two plain slots, because
// the heap touches nothing else and millions of them live shortly.
import { compactMin } from './defaults.js';

/** What an event does: gets the two slots that it was scheduled with. */
// biome-ignore lint/suspicious/noExplicitAny: the slots belong to the action, which knows their types
export type Action = (a: any, b: any) => void;

export class QueuedEvent {
  readonly atMs: number;
  readonly sequence: number;
  /** Undefined once cancelled or fired. */
  action: Action | undefined;
  a: unknown;
  b: unknown;

  constructor(atMs: number, sequence: number, action: Action, a: unknown, b: unknown) {
    this.atMs = atMs;
    this.sequence = sequence;
    this.action = action;
    this.a = a;
    this.b = b;
  }
}

function before(x: QueuedEvent, y: QueuedEvent): boolean {
  return x.atMs < y.atMs || (x.atMs === y.atMs && x.sequence < y.sequence);
}

export class EventQueue {
  #heap: QueuedEvent[] = [];
  #sequence = 0;
  #cancelled = 0;

  /** Events that are still to happen. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  push(atMs: number, action: Action, a: unknown, b: unknown): QueuedEvent {
    const event = new QueuedEvent(atMs, this.#sequence++, action, a, b);
    this.#heap.push(event);
    this.#up(this.#heap.length - 1, event);
    return event;
  }

  /** Idempotent; nothing happens if it has been fired. */
  cancel(event: QueuedEvent): void {
    if (event.action === undefined) return;
    event.action = undefined;
    event.a = undefined;
    event.b = undefined;
    this.#cancelled++;
    if (this.#heap.length > compactMin && this.#cancelled * 2 > this.#heap.length) this.#compact();
  }

  /** The next event, removed, if it is due by `untilMs`. */
  next(untilMs: number): QueuedEvent | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > untilMs) return undefined;
      const last = this.#heap.pop() as QueuedEvent;
      if (last !== first) this.#down(0, last);
      if (first.action !== undefined) return first;
      this.#cancelled--;
    }
  }

  #up(from: number, event: QueuedEvent): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as QueuedEvent;
      if (!before(event, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  #down(from: number, event: QueuedEvent): void {
    const heap = this.#heap;
    const length = heap.length;
    let at = from;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= length) break;
      let child = heap[childAt] as QueuedEvent;
      const right = heap[childAt + 1];
      if (right !== undefined && before(right, child)) {
        child = right;
        childAt++;
      }
      if (!before(child, event)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = event;
  }

  /** Drops cancelled events; the order of the others is given by their keys and does not change. */
  #compact(): void {
    this.#heap = this.#heap.filter((event) => event.action !== undefined);
    this.#cancelled = 0;
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#down(i, this.#heap[i] as QueuedEvent);
  }
}
