// Buffers of one record each, shared by all connections of a process: only connections that are busy in this very
// tick hold one, so an idle connection costs none.
import { DEFAULTS, WIRE } from '../defaults.js';

/** Bytes of a buffer: a record with its length. */
export const bufferBytes: number = 2 + WIRE.recordBytesMax;

export class BufferPool {
  readonly #spare: Uint8Array[] = [];
  readonly #max: number;

  constructor(max: number = DEFAULTS.spareBuffersMax) {
    this.#max = max;
  }

  /** Its content is whatever was there. */
  take(): Uint8Array {
    return this.#spare.pop() ?? new Uint8Array(bufferBytes);
  }

  /** Only for what `take` gave, once, and never used after. */
  give(buffer: Uint8Array): void {
    if (this.#spare.length < this.#max) this.#spare.push(buffer);
  }
}
