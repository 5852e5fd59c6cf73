// The only dice. A machine draws through this interface, so that a seed replays everything it did.

/** A source of uniformly distributed 32-bit numbers: a CSPRNG in production, seeded in tests. */
export interface Random {
  /** An integer in [0, 2^32). */
  uint32(): number;
}

/** Words drawn from the operating system at once (1 KiB: one call per 256 numbers). */
const poolWords = 256;

/** The CSPRNG of the platform (Web Crypto, present in Node ≥ 20 and in every browser, secure context or not). */
export const systemRandom: Random = (() => {
  const pool = new Uint32Array(poolWords);
  let next = poolWords;
  return {
    uint32() {
      if (next === poolWords) {
        globalThis.crypto.getRandomValues(pool);
        next = 0;
      }
      const value = pool[next] as number;
      pool[next++] = 0; // a drawn number must not be found in a heap dump
      return value;
    },
  };
})();

/**
 * A reproducible source: xoshiro128** (Blackman & Vigna 2018) seeded by splitmix32. Not for secrets.
 * @param seed any safe integer; different seeds give different streams. Their first numbers are the same where the lower
 * 32 bits are: only from the second on do the higher ones count.
 */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const word = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let a = word();
  let b = word();
  mix ^= Math.floor(seed / 4_294_967_296); // the high half, so that seeds of 53 bits differ too
  let c = word();
  let d = word();
  return {
    uint32() {
      const five = Math.imul(b, 5);
      const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      return result;
    },
  };
}

/** An integer in [0, bound), without modulo bias. `bound` in 1 … 2^32. */
export function below(random: Random, bound: number): number {
  if (!(Number.isInteger(bound) && bound >= 1 && bound <= 4_294_967_296))
    throw new TypeError(`below: bound must be 1 … 2^32, got ${bound}`);
  const limit = 4_294_967_296 - (4_294_967_296 % bound);
  for (;;) {
    const value = random.uint32();
    if (value < limit) return value % bound;
  }
}

/** A number in [0, 1) with 32 bits. */
export function uniform(random: Random): number {
  return random.uint32() / 4_294_967_296;
}

/** `value` ± `share` of it, uniformly: the jitter that keeps nodes from acting in step. */
export function jitter(random: Random, value: number, share: number): number {
  return value * (1 + share * (2 * uniform(random) - 1));
}

/** One element of a non-empty list, or undefined for an empty one. */
export function pickOne<T>(random: Random, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[below(random, list.length)];
}

/** The list itself, in uniformly random order (Fisher–Yates). Returns the same array. */
export function shuffle<T>(random: Random, list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    const swap = list[i] as T;
    list[i] = list[j] as T;
    list[j] = swap;
  }
  return list;
}

/** `count` random bytes. */
export function randomBytes(random: Random, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i += 4) {
    const word = random.uint32();
    for (let k = 0; k < 4 && i + k < count; k++) bytes[i + k] = word >>> (8 * k);
  }
  return bytes;
}
