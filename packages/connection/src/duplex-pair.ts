// Two duplexes of streamx that are each other's other end: for tests, and for whoever joins two parts of one process.
import type { DuplexLike } from '@peernet/core';
import { Duplex } from 'streamx';
import { DEFAULTS } from './defaults.js';

type Callback = (error: Error | null) => void;

const byteLength = (data: unknown): number => (data as Uint8Array).byteLength;

class PairedDuplex extends Duplex {
  #other!: PairedDuplex;
  /** A write of ours that the other end has no room for. */
  #waiting: Callback | undefined;

  constructor() {
    super({ highWaterMark: DEFAULTS.memoryBufferBytes, byteLength });
    this.on('error', () => {});
  }

  static join(a: PairedDuplex, b: PairedDuplex): void {
    a.#other = b;
    b.#other = a;
  }

  override _writev(batch: Uint8Array[], callback: Callback): void {
    let room = true;
    for (const chunk of batch) room = this.#other.push(chunk);
    if (room) callback(null);
    else this.#waiting = callback;
  }

  override _read(callback: Callback): void {
    const waiting = this.#other.#waiting;
    this.#other.#waiting = undefined;
    waiting?.(null);
    callback(null);
  }

  override _final(callback: Callback): void {
    this.#other.push(null);
    callback(null);
  }

  override _predestroy(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(null);
  }

  override _destroy(callback: Callback): void {
    // An end that both know of has closed the other one already; anything else is a broken pipe.
    this.#other.destroy();
    callback(null);
  }
}

/** Two joined duplexes: what is written into one can be read from the other, in order and with back-pressure. */
export function duplexPair(): [Duplex, Duplex] {
  const a = new PairedDuplex();
  const b = new PairedDuplex();
  PairedDuplex.join(a, b);
  return [a, b];
}

/** Whether both ends of `duplex` are in this process, as far as we made them. */
export function isInProcess(duplex: DuplexLike | Duplex): boolean {
  return duplex instanceof PairedDuplex;
}
