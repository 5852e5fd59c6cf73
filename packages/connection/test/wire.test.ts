import { readFileSync } from 'node:fs';
import { below, concatBytes, fromHex, type PeerId, randomBytes, seededRandom, toHex } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { WIRE } from '../src/defaults.js';
import {
  decodeHello,
  decodeIdentity,
  decodeOpen,
  encodeHello,
  encodeIdentity,
  encodeOpen,
  encodeStatement,
  FRAME,
  FrameView,
  headerBytes,
  isChannelName,
  putHeader,
  readFrame,
  readU32,
} from '../src/wire.js';
import { frame } from './frames.js';

interface FrameVector {
  type: keyof typeof FRAME;
  channel: number;
  body: string;
  bytes: string;
}
const vectors = JSON.parse(readFileSync(new URL('vectors/frames.json', import.meta.url), 'utf8')) as {
  frames: FrameVector[];
  hello: { role: 'any' | 'initiator' | 'responder'; nonce: string; bytes: string }[];
  identity: {
    id: PeerId;
    bootSeq: number;
    signature: string;
    staticKey: string;
    bytes: string;
    statement: string;
  };
  open: { kind: 'messages' | 'stream'; name: string; body: string }[];
};
const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;

describe('vectors', () => {
  test.each(vectors.frames)('$type on $channel', ({ type, channel, body, bytes }) => {
    expect(toHex(frame(FRAME[type], channel, hex(body)))).toBe(bytes);
    const view = new FrameView();
    expect(readFrame(hex(bytes), 0, view)).toBe(bytes.length / 2);
    expect([view.type, view.channel]).toEqual([FRAME[type], channel]);
    expect(toHex(hex(bytes).subarray(view.start, view.end))).toBe(body);
  });

  test.each(vectors.hello)('hello of $role', ({ role, nonce, bytes }) => {
    expect(toHex(encodeHello(role, hex(nonce)))).toBe(bytes);
    expect(toHex(decodeHello(hex(bytes))?.nonce as Uint8Array)).toBe(nonce);
  });

  test('identity', () => {
    const { id, bootSeq, signature, staticKey, bytes, statement } = vectors.identity;
    expect(toHex(encodeIdentity({ id, bootSeq, signature: hex(signature) }))).toBe(bytes);
    expect(decodeIdentity(hex(bytes))).toEqual({ id, bootSeq, signature: hex(signature) });
    expect(toHex(encodeStatement(hex(staticKey), bootSeq))).toBe(statement);
  });

  test.each(vectors.open)('open $kind $name', ({ kind, name, body }) => {
    expect(toHex(encodeOpen(kind, name))).toBe(body);
    expect(decodeOpen(hex(body))).toEqual({ kind, name });
  });
});

describe('what cannot be is refused', () => {
  test('hellos', () => {
    const good = encodeHello('any', new Uint8Array(16));
    expect(decodeHello(good)).toBeDefined();
    expect(decodeHello(good.subarray(0, 20))).toBeUndefined();
    expect(decodeHello(concatBytes(good, Uint8Array.of(0)))).toBeUndefined();
    for (const [at, value] of [
      [0, 0x71],
      [3, 0x32],
      [4, 3],
    ] as const) {
      const bad = good.slice();
      bad[at] = value;
      expect(decodeHello(bad)).toBeUndefined();
    }
  });

  test('identities', () => {
    expect(decodeIdentity(new Uint8Array(WIRE.identityBytes))).toBeDefined();
    expect(decodeIdentity(new Uint8Array(WIRE.identityBytes - 1))).toBeUndefined();
    expect(decodeIdentity(new Uint8Array(WIRE.identityBytes + 1))).toBeUndefined();
    expect(decodeIdentity(new Uint8Array(WIRE.identityBytes).fill(0xff))).toBeUndefined(); // boot seq above 2^53
  });

  test('names: 1 … 64 of A-Z a-z 0-9 _ . / -', () => {
    for (let code = 0; code < 256; code++) {
      const name = String.fromCharCode(code);
      const fine = /^[A-Za-z0-9_./-]$/.test(name);
      expect(isChannelName(name), `code ${code}`).toBe(fine);
      expect(decodeOpen(Uint8Array.of(0, code)) !== undefined, `code ${code}`).toBe(fine);
    }
    expect(isChannelName('a'.repeat(64))).toBe(true);
    expect(isChannelName('a'.repeat(65))).toBe(false);
    expect(isChannelName('')).toBe(false);
    expect(isChannelName('aé')).toBe(false);
    expect(decodeOpen(Uint8Array.of(0))).toBeUndefined();
    expect(decodeOpen(Uint8Array.of(2, 0x61))).toBeUndefined();
    expect(decodeOpen(new Uint8Array(0))).toBeUndefined();
    expect(decodeOpen(new Uint8Array(66).fill(0x61).fill(0, 0, 1))).toBeUndefined();
    expect(decodeOpen(new Uint8Array(65).fill(0x61).fill(0, 0, 1))).toBeDefined();
  });

  test.each([
    ['empty', ''],
    ['cut in the header', '0401'],
    ['cut in the length', '040100'],
    ['longer than the record', '04010002aa'],
    ['type 0', '00010000'],
    ['type 11', '0b000000'],
    ['type 255', 'ff010000'],
    ['DATA on channel 0', '0400000100'],
    ['PING on channel 1', '08010004' + '00000000'],
    ['PING of 3 bytes', '08000003' + '000000'],
    ['PONG of 5 bytes', '09000005' + '0000000000'],
    ['GOAWAY without reason', '0a000000'],
    ['OPEN without name', '01010001' + '00'],
    ['ACCEPT with a body', '02010001' + '00'],
    ['CREDIT of 3 bytes', '05010003' + '000000'],
    ['FIN of 2 bytes', '06010002' + '0000'],
    ['RESET without reason', '07010000'],
    ['channel in 2 bytes that fits into 1', '04810000' + '00'],
    ['channel in 6 bytes', '04ffffffffff010000'],
    ['channel above 2^32 - 1', '04ffffffff1f0000'],
    ['channel cut off', '04ff'],
  ])('frame: %s', (_, bytes) => {
    expect(readFrame(hex(bytes), 0, new FrameView())).toBe(-1);
  });

  test('channel ids go round at every length', () => {
    for (const id of [
      1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, 268_435_456, 4_294_967_295,
    ]) {
      const bytes = frame(FRAME.ACCEPT, id, new Uint8Array(0));
      expect(bytes).toHaveLength(headerBytes(id));
      const view = new FrameView();
      expect(readFrame(bytes, 0, view)).toBe(bytes.length);
      expect(view.channel).toBe(id);
    }
  });

  test('u32', () => {
    expect(readU32(hex('00ffffffff'), 1)).toBe(4_294_967_295);
    expect(readU32(hex('80000000'), 0)).toBe(2_147_483_648);
  });
});

type Decoder = typeof readFrame;

/** Feeds damaged records to a decoder; returns what it did that no decoder may do. */
function fuzz(decode: Decoder, seed: number, rounds: number): string | undefined {
  const random = seededRandom(seed);
  const view = new FrameView();
  for (let round = 0; round < rounds; round++) {
    const length = below(random, 40);
    // One in eight begins with a channel in two bytes that would fit into one.
    const padded = Uint8Array.of(FRAME.DATA, 128 + below(random, 128), 0, 0, 0);
    const record = concatBytes(
      below(random, 8) === 0 ? padded : new Uint8Array(0),
      frame(1 + below(random, 10), below(random, 300), randomBytes(random, length)),
      randomBytes(random, below(random, 4)),
    );
    for (let k = below(random, 4); k > 0; k--) record[below(random, record.length)] = below(random, 256);
    const cut = record.subarray(0, 1 + below(random, record.length));
    for (let at = 0; at < cut.length; ) {
      const next = decode(cut, at, view);
      if (next === -1) break;
      if (next <= at || next > cut.length)
        return `seed ${seed} round ${round}: at ${at} went to ${next} of ${cut.length}`;
      if (view.start > view.end || view.end > next) return `seed ${seed} round ${round}: body outside`;
      if (view.type < 1 || view.type > 10 || (view.channel === 0) !== view.type >= 8)
        return `round ${round}: type`;
      const rewritten = new Uint8Array(16);
      const header = putHeader(rewritten, 0, view.type, view.channel, view.end - view.start);
      if (toHex(rewritten.subarray(0, header)) !== toHex(cut.subarray(at, view.start)))
        return `seed ${seed} round ${round}: two spellings of one header`;
      at = next;
    }
  }
  return undefined;
}

describe('100 000 damaged records', () => {
  test('the decoder stays inside and knows one spelling only', () => {
    expect(fuzz(readFrame, 1, 100_000)).toBeUndefined();
  });

  test('control: a decoder that does not look where the record ends is caught', () => {
    const loose: Decoder = (record, at, view) =>
      readFrame(concatBytes(record, new Uint8Array(65_536)), at, view);
    expect(fuzz(loose, 1, 5_000)).toMatch(/went to/);
  });

  test('control: a decoder that takes longer varints is caught', () => {
    const lax: Decoder = (record, at, view) => {
      const short = record[at + 1] as number;
      if (short < 128 || record[at + 2] !== 0) return readFrame(record, at, view);
      const fixed = concatBytes(
        record.subarray(0, at + 1),
        Uint8Array.of(short - 128),
        record.subarray(at + 3),
      );
      const next = readFrame(fixed, at, view);
      view.start++;
      view.end++;
      return next < 0 ? next : next + 1;
    };
    expect(fuzz(lax, 2, 100_000)).toMatch(/two spellings|body outside|went to/);
  });
});
