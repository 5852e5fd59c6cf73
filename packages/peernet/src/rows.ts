// Object streams that users read: streamx Readables, so that pipe, events and `for await` work, and destroying one
// early frees everything behind it.
import { Readable } from 'streamx';
import type { RowStream } from './types.js';

/** A stream over what `list` gives once it is asked. */
export function rowsOf<T>(list: () => Promise<Iterable<T>> | Iterable<T>): RowStream<T> {
  let iterator: Iterator<T> | undefined;
  return made<T>({
    open(done: (error: Error | null) => void) {
      Promise.resolve()
        .then(list)
        .then(
          (items) => {
            iterator = items[Symbol.iterator]();
            done(null);
          },
          (error: Error) => done(error),
        );
    },
    read(this: Readable, done: (error: Error | null) => void) {
      let more = true;
      while (more) {
        const next = iterator?.next();
        more =
          this.push(next === undefined || next.done ? null : next.value) && !next?.done && next !== undefined;
      }
      done(null);
    },
  });
}

/** A stream that `start` feeds; what it returns is called when the stream is over, however it ends. */
export function rowsFrom<T>(
  start: (push: (row: T) => void, end: (error?: Error) => void) => () => void,
  capacity: number,
): RowStream<T> {
  const waiting: T[] = [];
  let stop: (() => void) | undefined;
  let over = false;
  let ready = false;
  const flush = (): void => {
    while (ready && waiting.length > 0) ready = stream.push(waiting.shift() as T);
    if (over && waiting.length === 0) stream.push(null);
  };
  const stream = new Readable({
    read(done: (error: Error | null) => void) {
      ready = true;
      stop ??= start(
        (row) => {
          // A reader this slow has long lost the search; the bound is what protects the process.
          if (!over && waiting.length < capacity) waiting.push(row);
          flush();
        },
        (error) => {
          if (over) return;
          over = true;
          if (error !== undefined) stream.destroy(error);
          else flush();
        },
      );
      flush();
      done(null);
    },
    destroy(done: (error: Error | null) => void) {
      over = true;
      stop?.();
      done(null);
    },
  });
  return stream as unknown as RowStream<T>;
}

/** A stream that has failed already: the error is its first and last event. */
export function failedRows<T>(error: Error): RowStream<T> {
  return made<T>({
    open(done: (error: Error | null) => void) {
      done(error);
    },
  });
}

/** streamx types its rows as unknown. */
function made<T>(options: ConstructorParameters<typeof Readable>[0]): RowStream<T> {
  return new Readable(options) as unknown as RowStream<T>;
}
