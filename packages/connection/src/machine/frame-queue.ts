// Messages that wait, as the frames that they will be: one run of bytes, so that many of them leave by one copy and
// none is an object of its own (allocating them took a fifth of the time of a burst).
import { WIRE } from '../defaults.js';
import { FRAME, headerBytes, putHeader } from '../wire.js';

export class FrameQueue {
  readonly #channel: number;
  readonly #headerBytes: number;
  #buffer: Uint8Array = new Uint8Array(0);
  #head = 0;
  #tail = 0;
  /** Messages that wait. */
  size = 0;
  /** Their bytes, without headers. */
  bytes = 0;
  /** What `fit` found: messages, and their cost of the window. */
  fitting = 0;
  fittingCost = 0;

  constructor(channel: number) {
    this.#channel = channel;
    this.#headerBytes = headerBytes(channel);
  }

  /** Copies. Its owner keeps the bounds. */
  push(message: Uint8Array): void {
    this.#makeRoom(this.#headerBytes + message.length);
    const at = putHeader(this.#buffer, this.#tail, FRAME.DATA, this.#channel, message.length);
    this.#buffer.set(message, at);
    this.#tail = at + message.length;
    this.size++;
    this.bytes += message.length;
  }

  /**
   * Bytes of the frames at the front that fit into `space` and are allowed by `window`; 0 if the window does not allow
   * the first, -1 if it does not fit.
   */
  fit(space: number, window: number): number {
    const buffer = this.#buffer;
    const header = this.#headerBytes;
    let at = this.#head;
    this.fitting = 0;
    this.fittingCost = 0;
    while (at < this.#tail) {
      const lengthAt = at + header - 2;
      const length = ((buffer[lengthAt] as number) << 8) | (buffer[lengthAt + 1] as number);
      const cost = this.fittingCost + length + WIRE.frameCostBytes;
      const next = at + header + length;
      if (cost > window) return at - this.#head;
      if (next - this.#head > space) return this.fitting === 0 ? -1 : at - this.#head;
      this.fitting++;
      this.fittingCost = cost;
      at = next;
    }
    return at - this.#head;
  }

  /** The first `length` bytes, as `fit` said; a view that is valid until the next `push`. */
  front(length: number): Uint8Array {
    return this.#buffer.subarray(this.#head, this.#head + length);
  }

  /** Forgets the frames that `fit` found. */
  shift(length: number): void {
    this.#head += length;
    this.size -= this.fitting;
    this.bytes -= this.fittingCost - this.fitting * WIRE.frameCostBytes;
    if (this.size > 0) return;
    this.#buffer = new Uint8Array(0);
    this.#head = 0;
    this.#tail = 0;
  }

  #makeRoom(need: number): void {
    if (this.#tail + need <= this.#buffer.length) return;
    const used = this.#tail - this.#head;
    const old = this.#buffer;
    if (used + need > old.length / 2) this.#buffer = new Uint8Array(Math.max(4 * need, 2 * old.length));
    this.#buffer.set(old.subarray(this.#head, this.#tail));
    this.#head = 0;
    this.#tail = used;
  }
}
