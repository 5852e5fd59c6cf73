// The byte codecs: whatever was written reads back, whatever was cut off is bad, and nothing on the wire throws.
import { deepEqual, equal } from 'node:assert/strict'; // in loops of 10^5: `expect` takes a millisecond on a busy machine
import { expect, test } from 'vitest';
import {
  below,
  concatBytes,
  equalBytes,
  type Random,
  Reader,
  randomBytes,
  seededRandom,
  utf8,
  Writer,
} from '../src/index.js';

/** One operation: how it is written, and what must be read. */
interface Op {
  write(w: Writer): void;
  read(r: Reader): unknown;
  readonly value: unknown;
}

const bigs = [0, 1, 127, 128, 255, 256, 16_383, 16_384, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1];
const huge = [...bigs, 2 ** 32, 2 ** 33 + 5, Number.MAX_SAFE_INTEGER];
const letters = ['a', 'ß', '€', '😀', '\0', '\ufeff', 'z'];

function anyOp(random: Random): Op {
  const pick = <T>(list: readonly T[]): T => list[below(random, list.length)] as T;
  const upTo = (max: number): number =>
    below(random, 2) ? Math.min(pick(bigs), max) : below(random, max + 1);
  const kind = below(random, 8);
  const bytes = randomBytes(random, below(random, 40));
  if (kind === 0)
    return number(
      (w, v) => w.u8(v),
      (r) => r.u8(),
      upTo(255),
    );
  if (kind === 1)
    return number(
      (w, v) => w.u16(v),
      (r) => r.u16(),
      upTo(65_535),
    );
  if (kind === 2)
    return number(
      (w, v) => w.u32(v),
      (r) => r.u32(),
      upTo(2 ** 32 - 1),
    );
  if (kind === 3)
    return number(
      (w, v) => w.u64(v),
      (r) => r.u64(),
      pick(huge),
    );
  if (kind === 4)
    return number(
      (w, v) => w.varint(v),
      (r) => r.varint(),
      upTo(2 ** 32 - 1),
    );
  if (kind === 5)
    return { write: (w) => w.fixed(bytes), read: (r) => r.fixed(bytes.length).slice(), value: bytes };
  if (kind === 6) return { write: (w) => w.bytes(bytes, 40), read: (r) => r.bytes(40).slice(), value: bytes };
  const text = Array.from(bytes, () => pick(letters)).join('');
  return { write: (w) => w.text(text, 160), read: (r) => r.text(160), value: text };
}

function number(
  write: (w: Writer, value: number) => unknown,
  read: (r: Reader) => number,
  value: number,
): Op {
  return { write: (w) => void write(w, value), read, value };
}

test('10^5 random operations come back as they were written', () => {
  const random = seededRandom(1);
  for (let left = 100_000; left > 0; ) {
    const ops = Array.from({ length: 1 + below(random, 40) }, () => anyOp(random));
    left -= ops.length;
    const w = new Writer(below(random, 64));
    for (const op of ops) op.write(w);
    const message = w.finish();
    equal(message.length, w.length);
    const r = new Reader(message);
    for (const op of ops) deepEqual(op.read(r), op.value);
    deepEqual([r.done, r.bad, r.left], [true, false, 0]);
  }
});

test('every truncation of a message is bad, reads zeros after that, and never throws', () => {
  const random = seededRandom(2);
  let truncations = 0;
  for (let round = 0; round < 60; round++) {
    const ops = Array.from({ length: 12 }, () => anyOp(random));
    const w = new Writer();
    for (const op of ops) op.write(w);
    const message = w.finish();
    for (let length = 0; length < message.length; length++) {
      const r = new Reader(message.subarray(0, length));
      for (const op of ops) op.read(r);
      truncations++;
      if (!r.bad || r.done) throw new Error(`${length} of ${message.length} bytes are not bad`);
      expect([r.u8(), r.u32(), r.u64(), r.varint(), r.text(9), r.bytes(9).length, r.count(9)]).toEqual([
        0,
        0,
        0,
        0,
        '',
        0,
        0,
      ]);
      expect(r.fixed(3)).toEqual(new Uint8Array(3));
    }
  }
  expect(truncations).toBeGreaterThan(5_000);
});

test('a byte more is not done', () => {
  const r = new Reader(Uint8Array.of(1, 2));
  r.u8();
  expect([r.bad, r.done, r.left, r.offset]).toEqual([false, false, 1, 1]);
});

test('garbage never throws', () => {
  const random = seededRandom(3);
  let good = 0;
  for (let i = 0; i < 30_000; i++) {
    const r = new Reader(randomBytes(random, below(random, 60)));
    for (let k = 0; k < 6; k++) anyOp(random).read(r);
    if (!r.bad) good++;
  }
  expect(good).toBeGreaterThan(100); // control: some of it reads
});

const varints: [string, number[], number | 'bad'][] = [
  ['zero', [0], 0],
  ['127', [0x7f], 127],
  ['128', [0x80, 1], 128],
  ['2^32 - 1', [0xff, 0xff, 0xff, 0xff, 0x0f], 2 ** 32 - 1],
  ['2^32', [0x80, 0x80, 0x80, 0x80, 0x10], 'bad'],
  ['2^35 - 1', [0xff, 0xff, 0xff, 0xff, 0x7f], 'bad'],
  ['six bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 1], 'bad'],
  ['a longer zero', [0x80, 0], 'bad'],
  ['a longer one', [0x81, 0], 'bad'],
  ['a longer 127', [0xff, 0x80, 0], 'bad'],
  ['cut off', [0x80], 'bad'],
  ['nothing', [], 'bad'],
];
test.each(varints)('varint: %s', (_, bytes, expected) => {
  const r = new Reader(Uint8Array.from(bytes));
  const value = r.varint();
  if (expected === 'bad') expect([value, r.bad]).toEqual([0, true]);
  else expect([value, r.done]).toEqual([expected, true]);
});

test('numbers: the largest passes, one more is bad on the wire and misuse in the writer', () => {
  expect(new Reader(Uint8Array.of(0, 0x1f, 255, 255, 255, 255, 255, 255)).u64()).toBe(
    Number.MAX_SAFE_INTEGER,
  );
  const r = new Reader(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0));
  expect([r.u64(), r.bad]).toEqual([0, true]);
  const w = (): Writer => new Writer(1);
  for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    for (const method of ['u8', 'u16', 'u32', 'u64', 'varint'] as const) {
      expect(() => w()[method](value), `${method}(${value})`).toThrow(TypeError);
    }
  }
  expect(() => w().u8(256)).toThrow(TypeError);
  expect(() => w().u16(65_536)).toThrow(TypeError);
  expect(() => w().u32(2 ** 32)).toThrow(TypeError);
  expect(() => w().varint(2 ** 32)).toThrow(TypeError);
  expect(w().u64(Number.MAX_SAFE_INTEGER).length).toBe(8);
});

test('lengths: N bytes pass, N + 1 are bad, and misuse in the writer', () => {
  const eight = new Uint8Array(8).fill(65);
  const message = new Writer().bytes(eight, 8).finish();
  expect(new Reader(message).bytes(8)).toEqual(eight);
  const r = new Reader(message);
  expect([r.bytes(7).length, r.bad]).toEqual([0, true]);
  expect(new Reader(message).text(8)).toBe('AAAAAAAA');
  const t = new Reader(message);
  expect([t.text(7), t.bad]).toEqual(['', true]);
  expect(() => new Writer().bytes(eight, 7)).toThrow(TypeError);
  expect(() => new Writer().text('€€', 5)).toThrow(TypeError);
  expect(new Writer().text('€€', 6).length).toBe(7);
  expect(new Reader(Uint8Array.of(9)).count(9)).toBe(9);
  const c = new Reader(Uint8Array.of(10));
  expect([c.count(9), c.bad]).toEqual([0, true]);
});

test('a length that promises gigabytes allocates nothing', () => {
  const r = new Reader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3));
  expect([r.bytes(2 ** 32).length, r.bad]).toEqual([0, true]);
});

test('text must be UTF-8, in its only form', () => {
  const bad = [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xff]];
  for (const bytes of bad) {
    const r = new Reader(new Writer().bytes(Uint8Array.from(bytes), 9).finish());
    expect([r.text(9), r.bad], `${bytes}`).toEqual(['', true]);
  }
  const r = new Reader(new Writer().text('\ufeffx', 9).finish());
  expect(r.text(9)).toBe('\ufeffx');
});

test('fail marks a message as bad; since gives the bytes just read', () => {
  const r = new Reader(Uint8Array.of(1, 2, 3, 4));
  r.u8();
  const from = r.offset;
  r.u16();
  expect(r.since(from)).toEqual(Uint8Array.of(2, 3));
  expect([r.fail(), r.bad, r.done]).toEqual([undefined, true, false]);
});

test('what a writer gave stays as it was, whatever is written after it', () => {
  const w = new Writer(4).u8(1);
  const first = w.finish();
  w.u8(2);
  expect([first, w.finish()]).toEqual([Uint8Array.of(1), Uint8Array.of(1, 2)]);
});

test('equalBytes and concatBytes', () => {
  expect(equalBytes(utf8('abc'), utf8('abc'))).toBe(true);
  expect(equalBytes(utf8('abc'), utf8('abd'))).toBe(false);
  expect(equalBytes(utf8('abc'), utf8('ab'))).toBe(false);
  expect(concatBytes(utf8('a'), utf8(''), utf8('bc'))).toEqual(utf8('abc'));
  expect(concatBytes()).toEqual(new Uint8Array(0));
});

test('writers that write in turns do not disturb each other, whatever they begin with', () => {
  const random = seededRandom(7);
  const writers = Array.from({ length: 50 }, () => ({
    writer: new Writer(below(random, 300)),
    written: [] as number[],
  }));
  for (let i = 0; i < 20_000; i++) {
    const { writer, written } = writers[below(random, writers.length)] as (typeof writers)[number];
    const value = below(random, 256);
    writer.u8(value);
    written.push(value);
  }
  for (const { writer, written } of writers) {
    deepEqual([...writer.finish()], written);
    equal(writer.length, written.length);
  }
  // More than any of them can begin with, and what is none.
  equal(new Writer(100_000).u8(1).finish().length, 1);
  for (const capacity of [-1, 1.5, Number.NaN]) expect(() => new Writer(capacity)).toThrow(TypeError);
});
