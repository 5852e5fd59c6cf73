// Time as shells see it. Machines never touch this: they get `nowMs` and return deadlines.

/** A source of time. `now` and `alarm` share one monotonic axis; `wall` is the calendar. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin. Never goes back, even when the wall clock is set. */
  now(): number;
  /** Milliseconds since 1970-01-01 UTC, as this computer believes. Only for what is persisted or put into own sequence numbers. */
  wall(): number;
  /** Calls `ring` once when `now()` has reached `atMs` (at once, but not synchronously, if it has). Returns a function that cancels. */
  alarm(atMs: number, ring: () => void): () => void;
}

/** Longest delay that timers of JavaScript engines take, ms (2^31 - 1; longer ones fire at once). */
const timerMaxMs = 2_147_483_647;

/** The clock of this computer. Its alarms do not keep a Node process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  alarm(atMs, ring) {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (): void => {
      const waitMs = Math.ceil(Math.max(0, atMs - performance.now()));
      timer = setTimeout(due, Math.min(waitMs, timerMaxMs));
      (timer as { unref?: () => void }).unref?.();
    };
    // Timers fire up to a millisecond early (one in six, measured) and hold at most 24 days: ask the clock again.
    const due = (): void => (performance.now() < atMs ? arm() : ring());
    arm();
    return () => clearTimeout(timer);
  },
};

/** One re-settable alarm: what a shell needs to serve `machine.deadline()`. */
export class Alarm {
  #clock: Clock;
  #ring: () => void;
  #cancel: (() => void) | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Moves the alarm to `atMs`; Infinity turns it off. Cheap when nothing changed. */
  set(atMs: number): void {
    if (atMs === this.#atMs) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#atMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#clock.alarm(atMs, () => {
      this.#atMs = Number.POSITIVE_INFINITY;
      this.#cancel = undefined;
      this.#ring();
    });
  }

  /** Turns the alarm off for good. */
  stop(): void {
    this.set(Number.POSITIVE_INFINITY);
  }
}
