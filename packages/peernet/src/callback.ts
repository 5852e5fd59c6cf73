// Callbacks and promises: every asynchronous method takes a Node callback or is awaited.
import { type Clock, PeernetError } from '@peernet/core';
import type { Callback } from './types.js';

/** Hears of a rejection that no callback was there for: it may be awaited, or nobody may ever look. */
export type Rejected = (error: unknown) => void;

/**
 * Starts `work` and delivers its promise to `callback` too, if there is one: never synchronously, never twice. What
 * the callback throws is an uncaught exception of the application, as in Node. Nobody has to look at the promise: it
 * never becomes an unhandled rejection (`pn.save([...])` alone is in the specification).
 */
export function settle<T>(
  work: () => Promise<T>,
  callback: Callback<T> | undefined,
  rejected: Rejected,
): Promise<T> {
  if (callback !== undefined && typeof callback !== 'function') {
    throw new TypeError(`the callback must be a function, got ${typeof callback}`);
  }
  const promise = work();
  if (callback === undefined) promise.catch(rejected);
  else {
    promise.then(
      (value) => queueMicrotask(() => callback(null, value)),
      (error: unknown) => queueMicrotask(() => callback(error as Error)),
    );
  }
  return promise;
}

/** TypeError unless it is an AbortSignal or absent: where one is listened to, it is too late to say so. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined) return;
  if (typeof (signal as Partial<AbortSignal> | null)?.addEventListener === 'function') return;
  throw new TypeError('signal must be an AbortSignal (of an AbortController: its .signal)');
}

/** Splits `(options?, callback?)`: both may be absent. */
export function optionsAndCallback<O extends object, T>(
  options: O | Callback<T> | undefined,
  callback: Callback<T> | undefined,
): [O, Callback<T> | undefined] {
  if (typeof options === 'function') return [{} as O, options];
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw new TypeError(`the options must be an object, got ${options === null ? 'null' : typeof options}`);
  }
  checkSignal((options as { signal?: unknown } | undefined)?.signal);
  return [options ?? ({} as O), callback];
}

/** Resolves when `work` is done or failed, or after `ms`, whichever is first: for endings that must end. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  // Whoever does the work reports its errors; an ending goes on.
  await within(clock, ms, work).catch(() => {});
}

/** `work`, or a rejection with TIMEOUT after `ms`. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const error = new PeernetError('TIMEOUT', `not done within ${ms / 1000} s`);
    cancel = clock.alarm(clock.now() + ms, () => reject(error));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

/**
 * `work`, or a rejection with ABORTED as soon as `signal` aborts. Without one it takes as many turns: who waits for the
 * same is served in the order of his coming.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new PeernetError('ABORTED', 'given up', { cause: signal?.reason }));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort));
  });
}
