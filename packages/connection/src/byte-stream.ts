// The type of the streams that we hand out: streamx Duplexes whose methods take what they take in practice.
import { type CloseReason, type DuplexListener, utf8 } from '@peernet/core';
import type { Duplex } from 'streamx';

/** A streamx Duplex of bytes; satisfies DuplexLike, so that a connection may run over a stream of another one. */
export interface ByteStream extends Duplex {
  on(event: PropertyKey, listener: DuplexListener): this;
  once(event: PropertyKey, listener: DuplexListener): this;
  off(event: PropertyKey, listener: DuplexListener): this;
  addListener(event: PropertyKey, listener: DuplexListener): this;
  removeListener(event: PropertyKey, listener: DuplexListener): this;
  /** Uint8Array or string (UTF-8). */
  write(data: Uint8Array | string): boolean;
  end(data?: Uint8Array | string): this;
}

/** A stream of a connection. */
export interface ChannelByteStream extends ByteStream {
  /** Destroys it, and tells the other side why; `destroy` says DONE. */
  reset(reason: CloseReason): void;
}

/** Text is written as UTF-8; TypeError for what is neither bytes nor text. */
export function toBytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === 'string') return utf8(data);
  throw new TypeError(`a stream takes bytes or strings, not ${data === null ? 'null' : typeof data}`);
}

/** What a chunk counts for: text, once somebody has called `setEncoding`, counts as what it is. */
export function chunkLength(chunk: unknown): number {
  return (chunk as Uint8Array | string).length;
}
