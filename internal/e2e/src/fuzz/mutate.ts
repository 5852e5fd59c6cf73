// Damage from a seed: what the fuzzer does to bytes and to sequences of messages that were valid. Half of the inputs
// are hurt once and lightly, so that they get deep into a decoder; the others in several ways at once.
import { below, concatBytes, type Random, randomBytes } from '@peernet/core';

type Damage = (bytes: Uint8Array, random: Random, corpus: readonly Uint8Array[]) => Uint8Array;

/** Values at which lengths, counts and varints turn. */
const edges = [0, 1, 2, 0x10, 0x7f, 0x80, 0x81, 0xfe, 0xff];
/** Longest input that damage makes, bytes: somewhat above the largest record. */
const grownBytesMax = 70_000;

const placeIn = (bytes: Uint8Array, random: Random): number => below(random, Math.max(1, bytes.length));
const pick = <T>(list: readonly T[], random: Random): T => list[below(random, list.length)] as T;

/** `bytes` with `count` of them at `from` replaced by `middle`. */
function replaced(bytes: Uint8Array, from: number, count: number, middle: Uint8Array): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, from + count));
  return concatBytes(bytes.subarray(0, from), middle, rest).subarray(0, grownBytesMax);
}

const flipBit: Damage = (bytes, random) => {
  const copy = bytes.slice();
  const at = placeIn(copy, random);
  if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << below(random, 8));
  return copy;
};

const setByte: Damage = (bytes, random) => {
  const copy = bytes.slice();
  const at = placeIn(copy, random);
  if (at < copy.length) copy[at] = below(random, 3) > 0 ? pick(edges, random) : below(random, 256);
  return copy;
};

/** Lengths and counts are small numbers: makes one a little or much larger or smaller. */
const bumpLength: Damage = (bytes, random) => {
  const copy = bytes.slice();
  for (let tries = 0; tries < 16 && copy.length > 0; tries++) {
    const at = placeIn(copy, random);
    const value = copy[at] as number;
    if (value > 64) continue;
    copy[at] = Math.max(0, value + pick([-1, 1, 1, 2, 64, below(random, 127)], random)) & 0x7f;
    break;
  }
  return copy;
};

/** LEB128, as Writer writes it. */
function varint(value: number): Uint8Array {
  return value < 0x80 ? Uint8Array.of(value) : Uint8Array.of((value & 0x7f) | 0x80, value >> 7);
}

/** Where a length or count of at most `max` may be: most of them come early in a message. */
function earlyIn(bytes: Uint8Array, random: Random, max: number): number {
  const end = below(random, 2) === 0 ? Math.min(64, bytes.length) : bytes.length;
  let at = 0;
  for (let tries = 0; tries < 16; tries++) {
    at = below(random, Math.max(1, end));
    const value = bytes[at] ?? 0;
    if (value > 0 && value <= max) break;
  }
  return at;
}

/** Whether what begins at `at` looks like a length and so many printable characters. */
function looksLikeText(bytes: Uint8Array, at: number): boolean {
  const length = bytes[at] ?? 0;
  if (length < 3 || length > 0x7f || at + length >= bytes.length) return false;
  for (let i = at + 1; i <= at + length; i++) {
    const code = bytes[i] as number;
    if (code < 0x21 || code > 0x7e) return false;
  }
  return true;
}

/** Where a text may begin, at `from` or behind it; -1 if nowhere. */
function textFrom(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length - 3; at++) if (looksLikeText(bytes, at)) return at;
  return -1;
}

/** A byte that may be a length becomes a larger one, and so many bytes come behind it: what only a maximum refuses. */
const growField: Damage = (bytes, random) => {
  let at = earlyIn(bytes, random, 0xff);
  if (below(random, 2) === 0) at = Math.max(at, textFrom(bytes, at));
  const [first = 0, second = 0] = [bytes[at], bytes[at + 1]];
  const long = first > 0x7f && second > 0 && second < 8;
  const length = long ? (first & 0x7f) | (second << 7) : first;
  if (length >= bytes.length - at || (first > 0x7f && !long)) return bytes;
  const more = pick([1, 2, 50, 130, 260, 260, 800], random);
  const head = varint(length + more);
  const wider = replaced(bytes, at, long ? 2 : 1, head);
  const filler = new Uint8Array(more).fill(pick([0x61, 0x61, 0x31, 0, 0xff], random));
  return replaced(wider, at + head.length, 0, filler);
};

/** A byte that may be a count becomes a larger one, and what may be its list, or the first text of it, comes again. */
const growList: Damage = (bytes, random) => {
  let at = earlyIn(bytes, random, 40);
  const text = below(random, 2) === 0 ? textFrom(bytes, at + 1) : -1;
  if (text > 0) at = text - 1;
  const count = bytes[at] ?? 0;
  if (count < 1 || count > 40) return bytes;
  const item = text > 0 ? bytes.slice(text, text + 1 + (bytes[text] as number)) : bytes.slice(at + 1);
  const times = pick([1, 1, 2, 5, 40, 300], random);
  const grown = text > 0 ? count + times : count * (1 + times);
  if (grown > 0x3fff || item.length * times > grownBytesMax) return bytes;
  const again = concatBytes(...Array.from({ length: times }, () => item));
  return replaced(replaced(bytes, at + 1, 0, again), at, 1, varint(grown));
};

const truncate: Damage = (bytes, random) => bytes.slice(0, placeIn(bytes, random));

const extend: Damage = (bytes, random) => {
  const more = randomBytes(random, 1 + below(random, 40));
  return replaced(bytes, bytes.length, 0, below(random, 2) === 0 ? more.fill(pick(edges, random)) : more);
};

const insert: Damage = (bytes, random) =>
  replaced(bytes, placeIn(bytes, random), 0, randomBytes(random, 1 + below(random, 16)));

const remove: Damage = (bytes, random) =>
  replaced(bytes, placeIn(bytes, random), 1 + below(random, 16), new Uint8Array(0));

const overwrite: Damage = (bytes, random) => {
  const count = 1 + below(random, 16);
  return replaced(bytes, placeIn(bytes, random), count, new Uint8Array(count).fill(pick(edges, random)));
};

const splice: Damage = (bytes, random, corpus) => {
  const other = pick(corpus, random);
  return replaced(bytes, placeIn(bytes, random), bytes.length, other.subarray(placeIn(other, random)));
};

const light: readonly Damage[] = [flipBit, flipBit, setByte, setByte, bumpLength];
const heavy: readonly Damage[] = [
  ...light,
  growField,
  growField,
  growField,
  growList,
  growList,
  growList,
  truncate,
  extend,
  insert,
  remove,
  overwrite,
  splice,
];

/** A damaged copy of `bytes`; `corpus` is what may be spliced into it. */
export function mutate(random: Random, bytes: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
  if (below(random, 2) === 0) return pick(light, random)(bytes, random, corpus);
  let hurt = bytes;
  for (let n = 1 + below(random, 3); n > 0; n--) hurt = pick(heavy, random)(hurt, random, corpus);
  return hurt;
}

/**
 * A damaged copy of a sequence: some messages are dropped, said twice, or out of order, and in two of three sequences
 * some are damaged themselves. Whoever says many of those is thrown out before the others are heard.
 */
export function mutateSequence(random: Random, sequence: readonly Uint8Array[]): Uint8Array[] {
  const hurt: Uint8Array[] = [];
  const percent = pick([0, 8, 40], random);
  for (const message of sequence) {
    const said = below(random, 100) < percent ? mutate(random, message, sequence) : message;
    const times = pick([0, 1, 1, 1, 1, 1, 1, 1, 1, 2], random);
    for (let n = times; n > 0; n--) hurt.push(said);
  }
  for (let n = below(random, 3); n > 0 && hurt.length > 1; n--) {
    const [i, j] = [below(random, hurt.length), below(random, hurt.length)];
    const swap = hurt[i] as Uint8Array;
    hurt[i] = hurt[j] as Uint8Array;
    hurt[j] = swap;
  }
  return hurt;
}
