import { below, concatBytes, randomBytes, seededRandom } from '@peernet/core';
import { expect, test } from 'vitest';
import { BufferPool, bufferBytes } from '../src/machine/buffers.js';
import { RecordReader } from '../src/machine/record-reader.js';

const framed = (record: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(record.length >>> 8, record.length & 255), record);

function read(reader: RecordReader, chunks: Iterable<Uint8Array>): { records: Uint8Array[]; fine: boolean } {
  const records: Uint8Array[] = [];
  let fine = true;
  for (const chunk of chunks) {
    fine &&= reader.push(chunk, (sealed) => {
      records.push(sealed.slice());
      return true;
    });
  }
  return { records, fine };
}

test('records come out whole however they are cut', () => {
  const random = seededRandom(1);
  const records = [20, 21, 64, 65, 2_046, 2_047, 2_048, 5_000, 65_535, 30, 65_535, 20].map((n) =>
    randomBytes(random, n),
  );
  const bytes = concatBytes(...records.map(framed));
  for (let round = 0; round < 60; round++) {
    const pool = new BufferPool(4);
    const most = [1, 3, 100, 1_460, 65_536, 200_000][round % 6] as number;
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = round < 6 ? most : 1 + below(random, most);
      chunks.push(bytes.subarray(at, at + size));
      at += size;
    }
    const { records: got, fine } = read(new RecordReader(pool), chunks);
    expect(fine).toBe(true);
    expect(Buffer.compare(concatBytes(...got), concatBytes(...records))).toBe(0);
    expect(got.map((r) => r.length)).toEqual(records.map((r) => r.length));
  }
});

test('cut at every byte of two small records', () => {
  const records = [new Uint8Array(20).fill(1), new Uint8Array(25).fill(2)];
  const bytes = concatBytes(...records.map(framed));
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(
      read(new RecordReader(new BufferPool()), [bytes.subarray(0, cut), bytes.subarray(cut)]).records,
    ).toEqual(records);
  }
});

test('empty chunks between any two bytes change nothing', () => {
  const records = [new Uint8Array(300).fill(1), new Uint8Array(25).fill(2)];
  const bytes = concatBytes(...records.map(framed));
  const none = new Uint8Array(0);
  const chunks = Array.from(bytes, (byte) => [none, Uint8Array.of(byte)]).flat();
  expect(read(new RecordReader(new BufferPool()), chunks)).toEqual({ records, fine: true });
});

test('a record shorter than tag and frame cannot be, also if its length is cut', () => {
  for (const length of [0, 1, 16, 19]) {
    const bytes = Uint8Array.of(0, length, ...new Array(length).fill(0));
    expect(read(new RecordReader(new BufferPool()), [bytes]).fine).toBe(false);
    expect(read(new RecordReader(new BufferPool()), [bytes.subarray(0, 1), bytes.subarray(1)]).fine).toBe(
      false,
    );
  }
  expect(read(new RecordReader(new BufferPool()), [framed(new Uint8Array(20))]).fine).toBe(true);
});

test('stops when told to', () => {
  const reader = new RecordReader(new BufferPool());
  let seen = 0;
  const bytes = concatBytes(framed(new Uint8Array(20)), framed(new Uint8Array(20)));
  expect(reader.push(bytes, () => ++seen > 5)).toBe(false);
  expect(seen).toBe(1);
});

test('memory is taken for what came, not for what was announced', () => {
  const taken: Uint8Array[] = [];
  class CountingPool extends BufferPool {
    override take(): Uint8Array {
      const buffer = super.take();
      taken.push(buffer);
      return buffer;
    }
  }
  const reader = new RecordReader(new CountingPool());
  reader.push(Uint8Array.of(255, 255, 1), () => true);
  expect(taken).toHaveLength(0);
  reader.push(new Uint8Array(3_000), () => true);
  expect(taken).toHaveLength(1);
  expect(taken[0]).toHaveLength(bufferBytes);
});

test('a borrowed buffer goes back, once', () => {
  const pool = new BufferPool(10);
  const reader = new RecordReader(pool);
  const bytes = framed(new Uint8Array(60_000));
  reader.push(bytes.subarray(0, 50_000), () => true);
  reader.push(bytes.subarray(50_000), () => true);
  reader.release();
  const [one, two] = [pool.take(), pool.take()];
  expect(one).not.toBe(two);
});
