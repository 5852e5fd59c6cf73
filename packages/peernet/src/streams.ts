// The duplexes that users hold: `createStream()`, and `open()` before its connection exists. Both are safe to wire
// without a single error handler, exactly as the specification writes it:
//
//   stream.pipe(pn.createStream()).pipe(stream)
//
// so they carry a no-op error listener, and put one on whatever is piped into them and on whatever they are piped to.
// What went wrong is told by `disconnect(peer, reason)` and the debug events instead.
import { duplexPair } from '@peernet/connection';
import type { DuplexLike } from '@peernet/core';
import type { Duplex } from 'streamx';
import type { ByteStream } from './types.js';

const ignore = (): void => {};

interface Piped {
  on(event: string, listener: (...args: never[]) => void): unknown;
  listenerCount?(event: string): number;
  destroy?(error?: Error): unknown;
}

/** Puts the no-op listener on `stream` once. */
function calm(stream: Piped, calmed: WeakSet<object>): void {
  if (calmed.has(stream)) return;
  calmed.add(stream);
  stream.on('error', ignore);
}

/** Two joined duplexes: `outer` for the user, safe as above; `inner` for us. When one ends or dies, so does the other. */
export function safePair(): { outer: ByteStream; inner: Duplex } {
  const [first, inner] = duplexPair();
  const outer = first as ByteStream;
  const calmed = new WeakSet<object>();
  const sources = new Set<Piped>();
  for (const side of [outer, inner]) side.on('error', ignore);
  outer.on(
    'pipe' as never,
    ((source: Piped) => {
      calm(source, calmed);
      sources.add(source);
      // node:stream does not tell a destination that its source died without an end.
      source.on('close', () => outer.destroy());
    }) as never,
  );
  const pipe = outer.pipe.bind(outer) as (destination: Piped, ...rest: unknown[]) => unknown;
  outer.pipe = ((destination: Piped, ...rest: unknown[]) => {
    calm(destination, calmed);
    destination.on('close', () => outer.destroy());
    return pipe(destination, ...rest);
  }) as typeof outer.pipe;
  // And when we are gone, what was piped into us must not hang half open.
  outer.on('close', () => {
    for (const source of sources) source.destroy?.();
  });
  return { outer, inner };
}

/** Joins two duplexes: data, ends and deaths of each go to the other. */
export function join(a: DuplexLike, b: DuplexLike): void {
  forward(a, b);
  forward(b, a);
}

function forward(from: DuplexLike, to: DuplexLike): void {
  from.on('error', ignore);
  from.on('data', (chunk: Uint8Array) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  let ended = false;
  from.on('end', () => {
    ended = true;
    to.end();
  });
  from.on('close', () => {
    if (!ended) to.destroy();
  });
}
