// How many peer connections may be in the making at once. The bound is of the process, not of a transport: what hung
// and ran out of descriptors when 28 were made at once was the process (measured, trap 4 of @roamhq/wrtc), and tests
// run dozens of nodes in one. Who is let in gets a function that lets the next one in.

export class Gate {
  readonly #size: number;
  #inside = 0;
  readonly #waiting = new Set<() => void>();

  constructor(size: number) {
    this.#size = size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** In order of arrival. Rejects with the reason of `signal` when that ends first. */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw signal.reason;
    if (this.#inside < this.#size) this.#inside++;
    else await this.#turn(signal);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.#waiting;
      // The place is handed over, so that nobody who comes in between takes it.
      if (next === undefined) this.#inside--;
      else next();
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => (): void => {
        this.#waiting.delete(go);
        signal.removeEventListener('abort', giveUp);
        settle();
      };
      const go = done(resolve);
      const giveUp = done(() => reject(signal.reason));
      this.#waiting.add(go);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}
