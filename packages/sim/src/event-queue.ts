// The event queue: a heap ordered by (time, sequence), so that events of one instant keep the order in which they were
// scheduled and every run of a seed is the same run. Four children to a place, and the times in an array of their own:
// a hundred thousand events wait in a large world, and what a move compares lies side by side, not in as many objects.
import { compactMin, heapMin } from './defaults.js';

/** What an event does: gets the two slots that it was scheduled with. */
// biome-ignore lint/suspicious/noExplicitAny: the slots belong to the action, which knows their types
export type Action = (a: any, b: any) => void;

export class QueuedEvent {
  readonly sequence: number;
  /** Undefined once cancelled or fired. */
  action: Action | undefined;
  a: unknown;
  b: unknown;

  constructor(sequence: number, action: Action, a: unknown, b: unknown) {
    this.sequence = sequence;
    this.action = action;
    this.a = a;
    this.b = b;
  }
}

/** Children of a place, and the same as a shift. */
const arity = 4;
const arityBits = 2;

export class EventQueue {
  #events: QueuedEvent[] = [];
  /** When they are due; parallel to the events, longer than they are. */
  #times = new Float64Array(heapMin);
  #sequence = 0;
  #cancelled = 0;
  /** When the event that `next` returned last was due. */
  atMs = 0;

  /** Events that are still to happen. */
  get size(): number {
    return this.#events.length - this.#cancelled;
  }

  push(atMs: number, action: Action, a: unknown, b: unknown): QueuedEvent {
    const event = new QueuedEvent(this.#sequence++, action, a, b);
    const last = this.#events.length;
    if (last === this.#times.length) {
      const longer = new Float64Array(2 * last);
      longer.set(this.#times);
      this.#times = longer;
    }
    this.#events.push(event);
    this.#up(last, atMs, event);
    return event;
  }

  /** Idempotent; nothing happens if it has been fired. */
  cancel(event: QueuedEvent): void {
    if (event.action === undefined) return;
    event.action = undefined;
    event.a = undefined;
    event.b = undefined;
    this.#cancelled++;
    if (this.#events.length > compactMin && this.#cancelled * 2 > this.#events.length) this.#compact();
  }

  /** The next event, removed, if it is due by `untilMs`. */
  next(untilMs: number): QueuedEvent | undefined {
    for (;;) {
      const first = this.#events[0];
      if (first === undefined) return undefined;
      const atMs = this.#times[0] as number;
      if (atMs > untilMs) return undefined;
      const last = this.#events.pop() as QueuedEvent;
      if (last !== first) this.#down(0, this.#times[this.#events.length] as number, last);
      if (first.action !== undefined) {
        this.atMs = atMs;
        return first;
      }
      this.#cancelled--;
    }
  }

  /** Whether the event at a place comes before another one. */
  #isBefore(at: number, otherMs: number, other: QueuedEvent): boolean {
    const atMs = this.#times[at] as number;
    return (
      atMs < otherMs || (atMs === otherMs && (this.#events[at] as QueuedEvent).sequence < other.sequence)
    );
  }

  #put(at: number, atMs: number, event: QueuedEvent): void {
    this.#times[at] = atMs;
    this.#events[at] = event;
  }

  #up(from: number, atMs: number, event: QueuedEvent): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> arityBits;
      if (this.#isBefore(parent, atMs, event)) break;
      this.#put(at, this.#times[parent] as number, this.#events[parent] as QueuedEvent);
      at = parent;
    }
    this.#put(at, atMs, event);
  }

  #down(from: number, atMs: number, event: QueuedEvent): void {
    const times = this.#times;
    const events = this.#events;
    let at = from;
    for (let child = arity * at + 1; child < events.length; child = arity * at + 1) {
      let least = child;
      const end = Math.min(child + arity, events.length);
      for (let other = child + 1; other < end; other++) {
        if (this.#isBefore(other, times[least] as number, events[least] as QueuedEvent)) least = other;
      }
      if (!this.#isBefore(least, atMs, event)) break;
      this.#put(at, times[least] as number, events[least] as QueuedEvent);
      at = least;
    }
    this.#put(at, atMs, event);
  }

  /** Drops cancelled events; the order of the others is given by their keys and does not change. */
  #compact(): void {
    const { length } = this.#events;
    let kept = 0;
    for (let at = 0; at < length; at++) {
      const event = this.#events[at] as QueuedEvent;
      if (event.action !== undefined) this.#put(kept++, this.#times[at] as number, event);
    }
    this.#events.length = kept;
    this.#cancelled = 0;
    for (let at = (kept - 2) >> arityBits; at >= 0; at--)
      this.#down(at, this.#times[at] as number, this.#events[at] as QueuedEvent);
  }
}
