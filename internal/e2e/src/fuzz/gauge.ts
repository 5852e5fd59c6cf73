// How far an input got: counts the length-prefixed fields and counts that a Reader accepted. Its prototype is patched
// for the time of a campaign, in this process only.
import { Reader } from '@peernet/core';

/** Thrown when something that must always hold does not. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

export interface Gauge {
  /** Before an input. */
  begin(): void;
  /** Whether it got past its first length check: a length or count that a Reader took. */
  past(): boolean;
  restore(): void;
}

export function gauge(): Gauge {
  const { bytes, count } = Reader.prototype;
  let taken = 0;
  Reader.prototype.bytes = function (maxBytes) {
    const value = bytes.call(this, maxBytes);
    if (!this.bad) taken++;
    return value;
  };
  Reader.prototype.count = function (max) {
    const value = count.call(this, max);
    if (!this.bad) taken++;
    return value;
  };
  return {
    begin: () => {
      taken = 0;
    },
    past: () => taken > 0,
    restore: () => {
      Reader.prototype.bytes = bytes;
      Reader.prototype.count = count;
    },
  };
}
