// A small typed event emitter that runs everywhere (browsers have none that Node users would recognise).

/** Any listener: its arguments are checked where it is added. */
type Listener = (...args: unknown[]) => void;

/** Event name → tuple of arguments. */
export type EventMap = Record<string, unknown[]>;

/**
 * `on`, `once`, `off` as in Node. A listener that throws does not disturb peernet: the error is thrown again from a
 * microtask of its own, where the platform reports it as what it is, an uncaught exception of the application.
 */
export class Emitter<Events extends { [K in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, Listener[]>();

  on<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this {
    const list = this.#listeners.get(event) ?? [];
    // A new list each time: listeners added or removed while emitting do not disturb the round.
    this.#listeners.set(event, [...list, listener as Listener]);
    return this;
  }

  addListener<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this {
    return this.on(event, listener);
  }

  once<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this {
    const wrapped = Object.assign(
      (...args: Events[K]): void => {
        this.off(event, wrapped);
        listener(...args);
      },
      { listener },
    );
    return this.on(event, wrapped);
  }

  off<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this {
    const list = this.#listeners.get(event);
    const at = list?.findLastIndex(
      (l) => l === (listener as unknown) || (l as { listener?: unknown }).listener === listener,
    );
    if (list !== undefined && at !== undefined && at >= 0) this.#listeners.set(event, list.toSpliced(at, 1));
    return this;
  }

  removeListener<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: keyof Events): this {
    if (event === undefined) this.#listeners.clear();
    else this.#listeners.delete(event);
    return this;
  }

  listenerCount(event: keyof Events): number {
    return this.#listeners.get(event)?.length ?? 0;
  }

  /** Calls the listeners in order; returns whether there was one. For the owner of the emitter. */
  emit<K extends keyof Events>(event: K, ...args: Events[K]): boolean {
    const list = this.#listeners.get(event);
    if (list === undefined || list.length === 0) return false;
    for (const listener of list) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    return true;
  }
}
