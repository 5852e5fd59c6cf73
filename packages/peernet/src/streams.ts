// The duplexes that users hold: `createStream()`, and `open()` before its connection exists. The former is safe to wire
// without a single error handler, exactly as the specification writes it:
//
//   stream.pipe(pn.createStream()).pipe(stream)
//
// so it carries a no-op error listener, and puts one on whatever is piped into it and on whatever it is piped to. What
// went wrong is told by `disconnect(peer, reason)` and the debug events instead. What an application pipes into the
// stream of an `open()` is its own affair: its errors are its to see.
import { duplexPair } from '@peernet/connection';
import type { DuplexLike } from '@peernet/core';
import type { Duplex } from 'streamx';
import type { ByteStream } from './types.js';

const ignore = (): void => {};

/** What is used of streams that users bring: of Node, of streamx, or of a package that looks like one of these. */
interface Piped {
  on(event: string, listener: (...args: never[]) => void): unknown;
  destroy?(error?: Error): unknown;
}

/** Two joined duplexes, `outer` for the user, `inner` for us. When one ends or dies, so does the other. */
export function pair(): { outer: ByteStream; inner: Duplex } {
  const [outer, inner] = duplexPair();
  return { outer: outer as ByteStream, inner };
}

/** The same, with an `outer` that is safe as above. */
export function safePair(): { outer: ByteStream; inner: Duplex } {
  const { outer, inner } = pair();
  const stream = outer as unknown as Piped;
  const calmed = new WeakSet<object>();
  const calm = (piped: Piped): void => {
    if (calmed.has(piped)) return;
    calmed.add(piped);
    piped.on('error', ignore);
  };
  stream.on('pipe', (source: Piped) => {
    calm(source);
    // node:stream does not tell a destination that its source died without an end.
    let ended = false;
    source.on('end', () => {
      ended = true;
    });
    source.on('close', () => {
      if (!ended) outer.destroy();
    });
    // And when we are gone, what was piped into us must not hang half open.
    stream.on('close', () => source.destroy?.());
  });
  // Of streamx, which does the rest: who dies takes the other one along.
  stream.on('piping', calm);
  return { outer, inner };
}

/** Joins the inner end of a pair with a duplex: data, ends and deaths of each go to the other. */
export function join(inner: DuplexLike, duplex: DuplexLike): void {
  forward(inner, duplex);
  forward(duplex, inner);
  let said = false;
  duplex.on('end', () => {
    said = true;
  });
  // Whoever had said all himself has stopped reading: what would still come is for nobody.
  inner.on('close', () => {
    if (!said) duplex.destroy();
  });
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
