// The trace hash: one number for everything that was delivered, in order. Two runs with equal hashes did the same.
import { avalanche } from './mixing.js';

const asDouble = new Float64Array(1);
const asWords = new Uint32Array(asDouble.buffer);

export class Trace {
  #a = 0x6a09e667;
  #b = 0xbb67ae85 | 0;

  /** Kind of event, when, at whom. */
  add(kind: number, atMs: number, host: number): void {
    asDouble[0] = atMs;
    this.#word(kind);
    this.#word(asWords[0] as number);
    this.#word(asWords[1] as number);
    this.#word(host);
  }

  bytes(bytes: Uint8Array): void {
    let a = this.#a;
    let b = this.#b;
    for (let i = 0; i < bytes.length; i++) {
      a = Math.imul(a ^ (bytes[i] as number), 0x01000193);
      b = (Math.imul(b, 31) + a) | 0;
    }
    this.#a = a;
    this.#b = b;
    this.#word(bytes.length);
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#word(text.charCodeAt(i));
  }

  #word(word: number): void {
    this.#a = avalanche(this.#a ^ word);
    this.#b = (Math.imul((this.#b << 7) | (this.#b >>> 25), 5) + this.#a) | 0;
  }

  /** 16 hex digits. */
  digest(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return hex(avalanche(this.#a ^ this.#b)) + hex(avalanche(this.#b));
  }
}

/** Kinds of events in a trace. */
export const traceKinds = { call: 1, alarm: 2, message: 3, link: 4, close: 5, dialed: 6, drain: 7 } as const;
