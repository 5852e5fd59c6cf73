// Fast hashing that is well distributed and not cryptographic: MurmurHash3 x86_128 by Austin Appleby (public domain),
// written anew over a state of four words. It places things, seals traces and stands in for real cryptography.

/** Four 32-bit words. */
export type State = [number, number, number, number];

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

/** Spreads every bit of a word over all of it. */
export function avalanche(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Mixes `bytes` (and their number) into `state`. */
export function absorb(state: State, bytes: Uint8Array): void {
  let [h1, h2, h3, h4] = state;
  const length = bytes.length;
  const word = (at: number): number =>
    at + 4 <= length
      ? (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)
      : (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | 0;
  for (let at = 0; at < length; at += 16) {
    h1 ^= Math.imul(rotate(Math.imul(word(at), 0x239b961b), 15), 0xab0e9789);
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotate(Math.imul(word(at + 4), 0xab0e9789), 16), 0x38b34ae5);
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotate(Math.imul(word(at + 8), 0x38b34ae5), 17), 0xa1e38b93);
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotate(Math.imul(word(at + 12), 0xa1e38b93), 18), 0x239b961b);
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  state[0] = h1 ^ length;
  state[1] = h2 ^ length;
  state[2] = h3 ^ length;
  state[3] = h4 ^ length;
  finish(state);
}

function finish(state: State): void {
  let [h1, h2, h3, h4] = state;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = avalanche((h2 + h1) | 0);
  h3 = avalanche((h3 + h1) | 0);
  h4 = avalanche((h4 + h1) | 0);
  h1 = (avalanche(h1) + h2 + h3 + h4) | 0;
  state[0] = h1;
  state[1] = (h2 + h1) | 0;
  state[2] = (h3 + h1) | 0;
  state[3] = (h4 + h1) | 0;
}

/** `count` bytes (a multiple of 4) that depend on all of `state`; `salt` gives unrelated ones. */
export function squeeze(state: State, count: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(count);
  const [h1, h2, h3, h4] = state;
  let carry = avalanche(salt ^ 0x9e3779b9);
  for (let at = 0, i = 1; at < count; at += 4, i++) {
    carry = avalanche((carry + h1 + Math.imul(i, 0x9e3779b9)) | 0) ^ h2;
    carry = avalanche((carry + h3) | 0) ^ h4;
    const word = avalanche(carry);
    bytes[at] = word;
    bytes[at + 1] = word >>> 8;
    bytes[at + 2] = word >>> 16;
    bytes[at + 3] = word >>> 24;
  }
  return bytes;
}
