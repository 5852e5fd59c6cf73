// Damage, from a seed: what a fuzzer does to bytes that were valid. Half of the inputs are hurt lightly, so that they
// get deep into a decoder; the others in every way at once.
import { below, type Random } from '@peernet/core';

type Damage = (bytes: Uint8Array, random: Random, corpus: readonly Uint8Array[]) => Uint8Array;

const at = (bytes: Uint8Array, random: Random): number => below(random, Math.max(1, bytes.length));

const flipBit: Damage = (bytes, random) => {
  const copy = bytes.slice();
  const i = at(copy, random);
  copy[i] = (copy[i] ?? 0) ^ (1 << below(random, 8));
  return copy;
};

const setByte: Damage = (bytes, random) => {
  const copy = bytes.slice();
  const values = [0, 1, 0x7f, 0x80, 0xff, below(random, 256)];
  copy[at(copy, random)] = values[below(random, values.length)] as number;
  return copy;
};

/** Counts and lengths are small numbers: make one a little or much too large. */
const bumpLength: Damage = (bytes, random) => {
  const copy = bytes.slice();
  for (let tries = 0; tries < 8; tries++) {
    const i = at(copy, random);
    const value = copy[i] ?? 0;
    if (value === 0 || value > 64) continue;
    copy[i] = value + 1 + below(random, 120);
    break;
  }
  return copy;
};

const truncate: Damage = (bytes, random) => bytes.slice(0, at(bytes, random));

const insert: Damage = (bytes, random) => {
  const i = at(bytes, random);
  const count = 1 + below(random, 16);
  const grown = new Uint8Array(bytes.length + count).fill(below(random, 256));
  grown.set(bytes.subarray(0, i));
  grown.set(bytes.subarray(i), i + count);
  return grown;
};

const remove: Damage = (bytes, random) => {
  const i = at(bytes, random);
  const end = Math.min(bytes.length, i + 1 + below(random, 16));
  const short = new Uint8Array(bytes.length - (end - i));
  short.set(bytes.subarray(0, i));
  short.set(bytes.subarray(end), i);
  return short;
};

const splice: Damage = (bytes, random, corpus) => {
  const other = corpus[below(random, corpus.length)] as Uint8Array;
  const [i, j] = [at(bytes, random), at(other, random)];
  const joined = new Uint8Array(i + other.length - j);
  joined.set(bytes.subarray(0, i));
  joined.set(other.subarray(j), i);
  return joined;
};

const light: readonly Damage[] = [flipBit, setByte, bumpLength];
const heavy: readonly Damage[] = [...light, truncate, insert, remove, splice];

/** A damaged copy of one of `corpus`. */
export function mutate(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  let bytes = corpus[below(random, corpus.length)] as Uint8Array;
  const kinds = below(random, 2) === 0 ? light : heavy;
  for (let n = 1 + below(random, kinds === light ? 2 : 5); n > 0; n--) {
    bytes = (kinds[below(random, kinds.length)] as Damage)(bytes, random, corpus);
  }
  return bytes;
}
