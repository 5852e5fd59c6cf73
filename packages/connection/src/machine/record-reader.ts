// Cuts the bytes of a transport into records: u16 length ‖ ciphertext. Memory is taken for what has arrived, never
// for what a length announces.
import { DEFAULTS, WIRE } from '../defaults.js';
import { type BufferPool, bufferBytes } from './buffers.js';

const { recordBytesMin } = WIRE;
const { smallBufferBytes } = DEFAULTS;

export class RecordReader {
  readonly #pool: BufferPool;
  #held: Uint8Array | undefined;
  #borrowed = false;
  #have = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /**
   * Calls `onRecord` with each whole ciphertext, which is valid during the call only; it returns false to stop.
   * False: stopped, or a length that cannot be; read no further then.
   */
  push(chunk: Uint8Array, onRecord: (sealed: Uint8Array) => boolean): boolean {
    let at = 0;
    if (this.#have > 0) {
      at = this.#complete(chunk);
      const length = this.#have < 2 ? recordBytesMin : this.#heldLength();
      if (length < recordBytesMin) return false;
      if (this.#have < 2 + length) return true;
      const goesOn = onRecord((this.#held as Uint8Array).subarray(2, 2 + length));
      this.#release();
      if (!goesOn) return false;
    }
    while (chunk.length - at >= 2) {
      const length = ((chunk[at] as number) << 8) | (chunk[at + 1] as number);
      if (length < recordBytesMin) return false;
      const end = at + 2 + length;
      if (end > chunk.length) break;
      if (!onRecord(chunk.subarray(at + 2, end))) return false;
      at = end;
    }
    if (at < chunk.length) this.#hold(chunk, at, chunk.length);
    return true;
  }

  /** Gives back what it holds; for the end of a connection. */
  release(): void {
    this.#release();
  }

  #heldLength(): number {
    const held = this.#held as Uint8Array;
    return ((held[0] as number) << 8) | (held[1] as number);
  }

  /** Adds to the unfinished record what it lacks; returns how much of `chunk` that was. */
  #complete(chunk: Uint8Array): number {
    let at = 0;
    if (this.#have < 2) {
      at = Math.min(1, chunk.length); // some streams deliver empty chunks
      this.#hold(chunk, 0, at);
      if (this.#have < 2) return at;
    }
    const end = Math.min(chunk.length, at + 2 + this.#heldLength() - this.#have);
    if (end > at) this.#hold(chunk, at, end);
    return Math.max(at, end);
  }

  #hold(chunk: Uint8Array, from: number, to: number): void {
    const need = this.#have + to - from;
    if (this.#held === undefined || this.#held.length < need) this.#grow(need);
    (this.#held as Uint8Array).set(chunk.subarray(from, to), this.#have);
    this.#have = need;
  }

  #grow(need: number): void {
    const before = this.#held;
    this.#borrowed = need > smallBufferBytes;
    this.#held = this.#borrowed ? this.#pool.take() : new Uint8Array(need <= 64 ? 64 : smallBufferBytes);
    if (before !== undefined) this.#held.set(before.subarray(0, this.#have));
  }

  #release(): void {
    if (this.#borrowed && this.#held?.length === bufferBytes) this.#pool.give(this.#held);
    this.#held = undefined;
    this.#borrowed = false;
    this.#have = 0;
  }
}
