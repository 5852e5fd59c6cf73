// Two duplexes of streamx that are each other's other end: for tests, and for whoever joins two parts of one process.
import type { DuplexLike } from '@peernet/core';
import { Duplex } from 'streamx';
import { type ByteStream, chunkLength, toBytes } from './byte-stream.js';
import { DEFAULTS } from './defaults.js';

type Callback = (error: Error | null) => void;

class PairedDuplex extends Duplex {
  #other!: PairedDuplex;
  /** A write of ours that the other end has no room for. */
  #waiting: Callback | undefined;
  #ended = false;
  #sinceTurnBytes = 0;

  constructor() {
    super({ highWaterMark: DEFAULTS.memoryBufferBytes, byteLength: chunkLength, mapWritable: toBytes });
    this.on('error', () => {});
  }

  static join(a: PairedDuplex, b: PairedDuplex): void {
    a.#other = b;
    b.#other = a;
  }

  override _writev(batch: Uint8Array[], callback: Callback): void {
    let room = true;
    for (const chunk of batch) {
      room = this.#other.push(chunk);
      this.#sinceTurnBytes += chunk.length;
    }
    if (!room) this.#waiting = callback;
    else if (this.#sinceTurnBytes < DEFAULTS.memoryTurnBytes) callback(null);
    else this.#takeTurn(callback);
  }

  /** Everything here runs in microtasks: two busy ends would never let a timer or a socket have its turn. */
  #takeTurn(callback: Callback): void {
    this.#sinceTurnBytes = 0;
    setTimeout(() => callback(null), 0);
  }

  override _read(callback: Callback): void {
    const other = this.#other;
    const waiting = other.#waiting;
    other.#waiting = undefined;
    if (waiting !== undefined && other.#sinceTurnBytes >= DEFAULTS.memoryTurnBytes) other.#takeTurn(waiting);
    else waiting?.(null);
    callback(null);
  }

  override _final(callback: Callback): void {
    this.#ended = true;
    this.#other.push(null);
    callback(null);
  }

  override _predestroy(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(null);
  }

  override _destroy(callback: Callback): void {
    // If both have ended, the other one closes by itself when all is read; anything else is a broken pipe.
    if (!this.#ended || !this.#other.#ended) this.#other.destroy();
    callback(null);
  }
}

/** Two joined duplexes: what is written into one can be read from the other, in order and with back-pressure. */
export function duplexPair(): [ByteStream, ByteStream] {
  const a = new PairedDuplex();
  const b = new PairedDuplex();
  PairedDuplex.join(a, b);
  return [a as ByteStream, b as ByteStream];
}

/** Whether both ends of `duplex` are in this process, as far as we made them. */
export function isInProcess(duplex: DuplexLike | Duplex): boolean {
  return duplex instanceof PairedDuplex;
}
