// A world: virtual time, seeded dice, the queue of what is to happen, and the promises that must hold after every
// step. Nothing in it waits: a minute takes as long as its events do. Equal seeds give equal runs, event by event.
import { type Clock, type Random, seededRandom } from '@peernet/core';
import { type NetworkOptions, untilEveryMs, wallStartMs } from './defaults.js';
import { type Action, EventQueue, type QueuedEvent } from './event-queue.js';
import { Network } from './network.js';
import { IdentityRegistry } from './sim-crypto.js';
import { Trace, traceKinds } from './trace.js';

export interface WorldOptions {
  /** Any safe integer: the same seed, the same run. */
  readonly seed: number;
  /** The line that failures print so that somebody can see them again. */
  readonly replay?: (seed: number) => string;
}

/** What an invariant says: true or undefined if it holds, else false or what is wrong. */
export type Verdict = boolean | string | undefined;

interface Invariant {
  readonly name: string;
  readonly check: () => Verdict;
  readonly everyMs: number;
  nextMs: number;
}

export function createWorld(options: WorldOptions): World {
  return new World(options);
}

export class World {
  readonly seed: number;
  /** Dice of the world itself (latencies, faults). Hosts have their own, so that one more draw in one host moves nobody else. */
  readonly random: Random;
  /** Virtual time, origin 0. Hosts have clocks of their own (`host.clock`). */
  readonly clock: Clock;
  readonly identities: IdentityRegistry;
  readonly trace = new Trace();
  readonly #queue = new EventQueue();
  readonly #replay: (seed: number) => string;
  #invariants: Invariant[] = [];
  #nowMs = 0;
  #steps = 0;

  constructor(options: WorldOptions) {
    if (!Number.isSafeInteger(options.seed)) throw new TypeError(`seed: a safe integer, not ${options.seed}`);
    this.seed = options.seed;
    this.#replay = options.replay ?? ((seed) => `replay with seed ${seed}`);
    this.random = seededRandom(options.seed);
    this.identities = new IdentityRegistry(options.seed);
    this.clock = {
      now: () => this.#nowMs,
      wall: () => wallStartMs + this.#nowMs,
      alarm: (atMs, ring) => {
        const event = this.schedule(atMs, this.#call, ring, traceKinds.alarm);
        return () => this.cancel(event);
      },
    };
  }

  /** Virtual ms since the beginning. */
  get now(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** Events that are still to happen. */
  get pending(): number {
    return this.#queue.size;
  }

  /** 16 hex digits over everything that was delivered so far. */
  get traceHash(): string {
    return this.trace.digest();
  }

  network(options: NetworkOptions = {}): Network {
    return new Network(this, options);
  }

  /** Calls `fn` at virtual time `atMs` (now, but not synchronously, if that is past). Returns "cancel". */
  at(atMs: number, fn: () => void): () => void {
    const event = this.schedule(atMs, this.#call, fn, traceKinds.call);
    return () => this.cancel(event);
  }

  /** Calls `fn` in `ms`. */
  after(ms: number, fn: () => void): () => void {
    return this.at(this.#nowMs + ms, fn);
  }

  /** `check` runs after every step, or at most every `everyMs` of virtual time if it is costly. */
  invariant(name: string, check: () => Verdict, options: { everyMs?: number } = {}): void {
    this.#invariants = [...this.#invariants, { name, check, everyMs: options.everyMs ?? 0, nextMs: 0 }];
  }

  /** Lets everything happen that is due by `untilMs`, and the time be `untilMs`. Returns the number of events. */
  run(untilMs: number): number {
    // Nothing is later than NaN: it would never end.
    if (Number.isNaN(Number(untilMs))) throw new TypeError(`run: until a time in ms, not ${untilMs}`);
    const from = this.#steps;
    for (let event = this.#queue.next(untilMs); event !== undefined; event = this.#queue.next(untilMs)) {
      this.#step(event);
    }
    if (untilMs > this.#nowMs && untilMs < Number.POSITIVE_INFINITY) this.#nowMs = untilMs;
    return this.#steps - from;
  }

  /** `run` for `ms` from now. */
  runFor(ms: number): number {
    return this.run(this.#nowMs + ms);
  }

  /**
   * Runs until `condition` holds; returns the virtual ms at which it was seen to hold, or throws after `withinMs`
   * with a line to replay. It is looked at now, and then after events, at most every `everyMs` (10).
   */
  until(
    condition: () => boolean,
    options: { withinMs: number; everyMs?: number; what?: string | (() => string) },
  ): number {
    const { withinMs, everyMs = untilEveryMs, what } = options;
    if (!(withinMs < Number.POSITIVE_INFINITY))
      throw new TypeError(`withinMs: a number of ms, not ${withinMs}`);
    if (!(everyMs > 0)) throw new TypeError(`everyMs: above 0, not ${everyMs}`);
    const endMs = this.#nowMs + withinMs;
    let lookMs = this.#nowMs;
    for (;;) {
      if (this.#asked('until', condition)) return this.#nowMs;
      if (lookMs >= endMs) break;
      lookMs = Math.min(lookMs + everyMs, endMs);
      while (this.run(lookMs) === 0 && lookMs < endMs) lookMs = Math.min(lookMs + everyMs, endMs);
    }
    const wanted = typeof what === 'function' ? what() : (what ?? String(condition));
    throw new Error(this.#story(`not within ${withinMs} ms: ${wanted}`));
  }

  /** For the parts of the simulator: `action(a, b)` at `atMs`. */
  schedule(atMs: number, action: Action, a: unknown, b: unknown): QueuedEvent {
    const dueMs = Math.max(atMs, this.#nowMs);
    // Also of what plain JavaScript passes: at NaN, time itself would be NaN from then on.
    if (Number.isNaN(dueMs)) throw new TypeError(`an event at ${atMs}: a time in ms`);
    return this.#queue.push(dueMs, action, a, b);
  }

  cancel(event: QueuedEvent): void {
    this.#queue.cancel(event);
  }

  #call = (fn: () => void, kind: number): void => {
    this.trace.add(kind, this.#nowMs, -1);
    fn();
  };

  #step(event: QueuedEvent): void {
    this.#nowMs = this.#queue.atMs;
    const { action, a, b } = event;
    event.action = undefined; // a later cancel finds it fired
    this.#steps++;
    try {
      (action as Action)(a, b);
    } catch (error) {
      throw this.#failure(error);
    }
    for (const invariant of this.#invariants) {
      if (this.#nowMs >= invariant.nextMs) this.#check(invariant);
    }
  }

  #check(invariant: Invariant): void {
    if (invariant.everyMs > 0) invariant.nextMs = this.#nowMs + invariant.everyMs;
    const verdict = this.#asked(`invariant "${invariant.name}"`, invariant.check);
    if (verdict === true || verdict === undefined) return;
    const detail = verdict === false ? '' : `: ${verdict}`;
    throw new Error(this.#story(`invariant "${invariant.name}" is broken${detail}`));
  }

  /** What code of the user answers. What it throws, as assertions do, is a failure to replay like any other. */
  #asked<T>(what: string, ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      throw this.#failure(error, `${what}: `);
    }
  }

  #failure(cause: unknown, who = ''): Error {
    const what = cause instanceof Error ? cause.message : String(cause);
    return new Error(this.#story(who + what), { cause });
  }

  #story(what: string): string {
    return `${what}\n  at ${this.#nowMs} ms, event ${this.#steps}; ${this.#replay(this.seed)}`;
  }
}
