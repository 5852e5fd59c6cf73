import { readFileSync } from 'node:fs';
import { below, fromHex, type Random, randomBytes, seededRandom, toHex } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { WIRE } from '../src/defaults.js';
import {
  type Advert,
  type Answer,
  decodeAdvert,
  decodeAnswer,
  decodeMessage,
  encodeAdvertMessage,
  encodeOrphans,
  encodeRows,
  encodeSearch,
  type Message,
  objectBytesMax,
  queryOf,
  signAdvert,
  signAnswer,
  subnetHash,
  verifyAdvert,
  verifyAnswer,
} from '../src/wire.js';
import { Bench, wallMs } from './bench.js';

const bench = new Bench();
const advert = bench.advert('alice', 'chat', { meta: new Uint8Array([1, 2, 3]) });
const answer = signAnswer(bench.who('bob'), {
  query: new Uint8Array(16).fill(9),
  subnet: bench.hash('chat'),
  record: bench.recordOf(bench.who('bob'), []),
  meta: new Uint8Array([4]),
});
const search = {
  budget: 400,
  hops: 3,
  want: 32,
  known: ['0011223344556677'],
  searchId: new Uint8Array(16).fill(1),
  subnet: bench.hash('chat'),
  payload: new Uint8Array([5, 6]),
};
const samples: Record<string, Uint8Array> = {
  advert: encodeAdvertMessage({ budget: 400, hops: 1, ageSeconds: 7, advert: advert.bytes }),
  search: encodeSearch(search),
  rows: encodeRows(new Uint8Array(16).fill(9), [
    { kind: 'advert', hops: 2, ageSeconds: 8, bytes: advert.bytes },
    { kind: 'orphan', hops: 3, ageSeconds: 9, bytes: advert.bytes },
    { kind: 'answer', hops: 1, ageSeconds: 0, bytes: answer.bytes },
  ]),
  orphans: encodeOrphans(['00'.repeat(28), 'ff'.repeat(28)]),
};

/** What decodes must encode to the very same bytes: then nothing has two spellings. */
function encode(m: Message): Uint8Array {
  if (m.type === 'advert') return encodeAdvertMessage(m);
  if (m.type === 'search') return encodeSearch(m);
  if (m.type === 'rows') return encodeRows(m.query, m.rows);
  return encodeOrphans(m.places);
}

describe('messages', () => {
  test.each(Object.keys(samples))('%s comes back as it was', (name) => {
    const bytes = samples[name] as Uint8Array;
    const message = decodeMessage(bytes);
    expect(message?.type).toBe(name);
    expect(encode(message as Message)).toEqual(bytes);
  });

  test.each(Object.keys(samples))('%s: cut anywhere, or longer, it is none', (name) => {
    const bytes = samples[name] as Uint8Array;
    const read = (b: Uint8Array): boolean => {
      const m = decodeMessage(b);
      return m?.type === 'advert' ? decodeAdvert(m.advert) !== undefined : m !== undefined;
    };
    for (let length = 0; length < bytes.length; length++) expect(read(bytes.subarray(0, length))).toBe(false);
    expect(read(new Uint8Array([...bytes, 0]))).toBe(false);
  });

  test('limits: N is taken, N + 1 is not', () => {
    const taken = (m: Partial<typeof search>): boolean =>
      decodeMessage(encodeSearch({ ...search, ...m })) !== undefined;
    expect([taken({ want: 1 }), taken({ want: 32 }), taken({ want: 0 }), taken({ want: 33 })]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([taken({ hops: 1 }), taken({ hops: 16 }), taken({ hops: 0 }), taken({ hops: 17 })]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([taken({ budget: 1 }), taken({ budget: 65_535 }), taken({ budget: 0 })]).toEqual([
      true,
      true,
      false,
    ]);
    const briefs = (n: number): string[] => Array.from({ length: n }, () => '0011223344556677');
    expect([taken({ known: briefs(32) }), taken({ known: briefs(33) })]).toEqual([true, false]);
    expect(taken({ payload: new Uint8Array(256) })).toBe(true);
    expect(() => encodeSearch({ ...search, payload: new Uint8Array(257) })).toThrow(TypeError);
    const rows = (n: number): boolean => {
      const row = { kind: 'advert', hops: 2, ageSeconds: 8, bytes: advert.bytes } as const;
      return (
        decodeMessage(
          encodeRows(
            new Uint8Array(16),
            Array.from({ length: n }, () => row),
          ),
        ) !== undefined
      );
    };
    expect([rows(1), rows(16), rows(0), rows(17)]).toEqual([true, true, false, false]);
    const places = (n: number): boolean =>
      decodeMessage(encodeOrphans(Array.from({ length: n }, () => '00'.repeat(28)))) !== undefined;
    expect([places(1), places(256), places(0), places(257)]).toEqual([true, true, false, false]);
    const aged = (ageSeconds: number): boolean =>
      decodeMessage(encodeAdvertMessage({ budget: 1, hops: 1, ageSeconds, advert: advert.bytes })) !==
      undefined;
    expect([aged(600), aged(601)]).toEqual([true, false]);
    const cast = (budget: number, hops: number): boolean =>
      decodeMessage(encodeAdvertMessage({ budget, hops, ageSeconds: 0, advert: advert.bytes })) !== undefined;
    expect([cast(1, 1), cast(1, 16), cast(0, 1), cast(1, 0), cast(1, 17)]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    const row = (hops: number, ageSeconds: number): boolean =>
      decodeMessage(
        encodeRows(new Uint8Array(16), [{ kind: 'advert', hops, ageSeconds, bytes: advert.bytes }]),
      ) !== undefined;
    expect([row(1, 600), row(32, 0), row(0, 0), row(33, 0), row(1, 601)]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test('an advert that lives longer than any may, or whose record has something behind it, is none', () => {
    const ttlAt = advert.bytes.length - 64 - 1 - advert.meta.length - 2;
    const lives = (ttlSeconds: number): boolean => {
      const bytes = advert.bytes.slice();
      new DataView(bytes.buffer).setUint16(ttlAt, ttlSeconds);
      return decodeAdvert(bytes) !== undefined;
    };
    expect([lives(600), lives(601)]).toEqual([true, false]);
    const { record } = advert;
    const followed = (...more: number[]): Uint8Array =>
      signAdvert(bench.who('alice'), {
        ...advert,
        record: { ...record, bytes: Uint8Array.from([...record.bytes, ...more]) },
      }).bytes;
    expect([decodeAdvert(followed()), decodeAdvert(followed(0))].map((one) => one !== undefined)).toEqual([
      true,
      false,
    ]);
  });

  test('the largest object fits', () => {
    const long = (n: number): string => `ws://${'a'.repeat(60)}.${'b'.repeat(60)}.example:400${n}`;
    const record = bench.recordOf(bench.who('alice'), [long(0), long(1)]);
    const big = signAdvert(bench.who('alice'), { ...advert, record, meta: new Uint8Array(128) });
    expect(big.bytes.length).toBeLessThanOrEqual(objectBytesMax);
    expect(decodeAdvert(big.bytes)).toBeDefined();
    expect(() => signAdvert(bench.who('alice'), { ...advert, meta: new Uint8Array(129) })).toThrow(TypeError);
    expect(() => signAdvert(bench.who('alice'), { ...advert, ttlSeconds: 601 })).toThrow(TypeError);
    const huge = bench.recordOf(bench.who('alice'), [long(0), long(1), long(2), long(3)]);
    expect(() => signAdvert(bench.who('alice'), { ...advert, record: huge })).toThrow(TypeError);
  });
});

describe('signed objects', () => {
  test('come back, and are good', () => {
    expect(decodeAdvert(advert.bytes)).toMatchObject({ id: advert.id, seq: wallMs, ttlSeconds: 600 });
    expect(verifyAdvert(bench.crypto, decodeAdvert(advert.bytes) as Advert)).toBe(true);
    expect(verifyAnswer(bench.crypto, decodeAnswer(answer.bytes) as Answer)).toBe(true);
  });

  test('one bit flipped anywhere: none, or bad', () => {
    for (let bit = 0; bit < 8 * advert.bytes.length; bit++) {
      const other = decodeAdvert(flipped(advert.bytes, bit));
      expect(other === undefined || !verifyAdvert(bench.crypto, other)).toBe(true);
    }
    for (let bit = 0; bit < 8 * answer.bytes.length; bit++) {
      const other = decodeAnswer(flipped(answer.bytes, bit));
      expect(other === undefined || !verifyAnswer(bench.crypto, other)).toBe(true);
    }
  });

  test('an advert is no answer, whoever signed it', () => {
    expect(decodeAnswer(advert.bytes)).toBeUndefined();
    const crossed = decodeAdvert(advert.bytes) as Advert;
    expect(verifyAnswer(bench.crypto, crossed as unknown as Answer)).toBe(false);
  });

  test('a search is named by all that must not change on the way, and by nothing else', () => {
    const name = toHex(queryOf(bench.crypto, search));
    const changed = { ...search, budget: 1, hops: 9, want: 1, known: [] };
    expect(toHex(queryOf(bench.crypto, changed))).toBe(name);
    expect(toHex(queryOf(bench.crypto, { ...search, payload: new Uint8Array([5]) }))).not.toBe(name);
    expect(toHex(queryOf(bench.crypto, { ...search, subnet: bench.hash('other') }))).not.toBe(name);
    expect(toHex(queryOf(bench.crypto, { ...search, searchId: new Uint8Array(16) }))).not.toBe(name);
  });

  test('equal names in two networks are two subnets', () => {
    const name = new TextEncoder().encode('chat');
    const a = subnetHash(bench.crypto, name, new TextEncoder().encode('a'));
    expect(a).toHaveLength(WIRE.subnetBytes);
    expect(subnetHash(bench.crypto, name, new TextEncoder().encode('b'))).not.toEqual(a);
  });
});

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

describe('garbage', () => {
  /** Changes, cuts, repeats and splices what is valid. */
  function mutate(random: Random, bytes: Uint8Array): Uint8Array {
    const copy = [...bytes];
    for (let n = 1 + below(random, 4); n > 0; n--) {
      const at = below(random, copy.length + 1);
      const kind = below(random, 4);
      if (kind === 0) copy[at] = below(random, 256);
      else if (kind === 1) copy.splice(at, below(random, 8));
      else if (kind === 2) copy.splice(at, 0, ...randomBytes(random, below(random, 8)));
      else copy.splice(at, 1, 0xff);
    }
    return Uint8Array.from(copy, (b) => b ?? 0);
  }

  /** Bytes that a decoder takes, and that do not come back as they were or break a limit. */
  function broken(decode: (bytes: Uint8Array) => Message | undefined, seed: number, count: number): number {
    const random = seededRandom(seed);
    const all = Object.values(samples);
    let wrong = 0;
    for (let i = 0; i < count; i++) {
      const bytes = mutate(random, all[below(random, all.length)] as Uint8Array);
      const m = decode(bytes);
      if (m === undefined) continue;
      if (m.type === 'rows') for (const row of m.rows) decodeAdvert(row.bytes);
      if (m.type === 'advert') decodeAdvert(m.advert);
      const tooMuch = m.type !== 'rows' && m.type !== 'orphans' && (m.hops > WIRE.hopsMax || m.budget < 1);
      if (tooMuch || toHex(encode(m)) !== toHex(bytes)) wrong++;
    }
    return wrong;
  }

  test('20 000 mutations: never a throw, never a second spelling, never beyond a limit (seed 1)', () => {
    expect(broken(decodeMessage, 1, 20_000)).toBe(0);
  });

  test('control: a decoder without the bound on hops is caught', () => {
    const careless = (bytes: Uint8Array): Message | undefined => {
      const honest = bytes.slice();
      const hops = honest[3] ?? 0;
      if (honest[0] === 1 && honest.length > 3) honest[3] = 1;
      const m = decodeMessage(honest);
      return m?.type === 'advert' ? { ...m, hops } : m;
    };
    expect(broken(careless, 1, 20_000)).toBeGreaterThan(0);
  });
});

/** A value as JSON has it: bytes in hex. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? toHex(v) : v)));
}

const objects: Record<string, (bytes: Uint8Array) => unknown> = {
  'signed advert': decodeAdvert,
  'signed answer': decodeAnswer,
};

describe('vectors: version 1 never changes', () => {
  const path = new URL('./vectors/messages-v1.json', import.meta.url);
  const vectors: { name: string; hex: string; decoded: unknown }[] = JSON.parse(readFileSync(path, 'utf8'));

  test.each(vectors)('$name', ({ name, hex, decoded }) => {
    const bytes = fromHex(hex) as Uint8Array;
    const read = objects[name] ?? decodeMessage;
    expect(plain(read(bytes))).toEqual(decoded);
    const message = decodeMessage(bytes);
    if (objects[name] === undefined) expect(toHex(encode(message as Message))).toBe(hex);
  });

  test('there is one of each kind', () => {
    const names = vectors.map((vector) => vector.name);
    expect(names).toEqual(expect.arrayContaining([...Object.keys(samples), ...Object.keys(objects)]));
  });
});
