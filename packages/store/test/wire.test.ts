// The row format: frozen by vectors, total on damage.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { below, fromHex, type PeerId, seededRandom, toHex } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import * as wire from '../src/wire.js';
import { address, peer, recordOf, wallStart } from './stage.js';

const full: wire.AddressRow = {
  saved: true,
  pinned: true,
  tried: false,
  source: peer(7),
  id: peer(1),
  record: { record: recordOf(1), signedWall: wallStart - 5000 },
  heardWall: wallStart,
  buckets: [0, 17, 255],
  history: {
    ok: 3,
    fail: 4,
    rx: 2 ** 40,
    tx: 6,
    failures: 2,
    seenWall: wallStart - 1,
    failedWall: wallStart - 2,
    restUntilWall: wallStart + 60_000,
    provenWall: 0,
  },
};
const bare: wire.AddressRow = {
  saved: false,
  pinned: false,
  tried: true,
  source: 'dial',
  heardWall: 1,
  buckets: [],
};
const key = wire.KEY.address + address(1);
const slots = [
  { groupSeed: 1, idSeed: 0xffff_ffff, ageSeconds: 400, leftSeconds: 21_200, peer: undefined },
  {
    groupSeed: 7,
    idSeed: 8,
    ageSeconds: 0,
    leftSeconds: 9,
    peer: { id: peer(1), address: address(1), holds: false },
  },
  {
    groupSeed: 0,
    idSeed: 2,
    ageSeconds: 1,
    leftSeconds: 0,
    peer: { id: peer(2), address: address(2), holds: true },
  },
];
const secret = Uint8Array.from({ length: 32 }, (_, i) => i);

test('rows come back as they went', () => {
  expect(wire.decodeAddress(key, wire.encodeAddress(key, full))).toEqual(full);
  const got = wire.decodeAddress(key, wire.encodeAddress(key, bare));
  expect(JSON.parse(JSON.stringify(got))).toEqual(bare);
  expect(wire.decodeNumber('t!x', wire.encodeNumber('t!x', wallStart))).toBe(wallStart);
  expect(wire.decodeSecret('m!seed', wire.encodeSecret('m!seed', secret))).toEqual(secret);
  const anchors = [address(1), address(2)];
  expect(wire.decodeAnchors('m!anchors', wire.encodeAnchors('m!anchors', anchors))).toEqual(anchors);
  expect(wire.decodeSlots('m!slots', wire.encodeSlots('m!slots', slots))).toEqual(slots);
  expect(wire.decodeSubnet('s!chät', wire.encodeSubnet('s!chät'))).toBe('chät');
});

/** What rows of version 1 look like, for ever. Append only. */
describe('vectors', () => {
  const file = new URL('./vectors/rows-v1.json', import.meta.url);
  const rows: Record<string, Uint8Array> = {
    'address, full': wire.encodeAddress(key, full),
    'address, bare': wire.encodeAddress(key, bare),
    tombstone: wire.encodeNumber(wire.KEY.tombstone + address(1), wallStart),
    seed: wire.encodeSecret(wire.KEY.seed, secret),
    anchors: wire.encodeAnchors(wire.KEY.anchors, [address(1), address(2)]),
    subnet: wire.encodeSubnet(`${wire.KEY.subnet}chat`),
    slots: wire.encodeSlots(wire.KEY.slots, slots),
  };
  if (!existsSync(file) && process.env.PEERNET_WRITE_VECTORS) {
    const hex = Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, toHex(row)]));
    writeFileSync(file, `${JSON.stringify(hex, null, 2)}\n`);
  }
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;

  test.each(Object.entries(vectors))('%s', (name, hex) => {
    expect(toHex(rows[name] ?? new Uint8Array(0))).toBe(hex);
  });

  test('still read', () => {
    const read = (name: string): Uint8Array => fromHex(vectors[name] ?? '') ?? new Uint8Array(0);
    expect(wire.decodeAddress(key, read('address, full'))).toEqual(full);
    expect(wire.decodeSecret(wire.KEY.seed, read('seed'))).toEqual(secret);
  });
});

describe('damage', () => {
  const rows: [string, string, Uint8Array, (k: string, v: Uint8Array) => unknown][] = [
    ['address', key, wire.encodeAddress(key, full), wire.decodeAddress],
    ['number', 'm!seq', wire.encodeNumber('m!seq', 5), wire.decodeNumber],
    ['secret', 'm!seed', wire.encodeSecret('m!seed', secret), wire.decodeSecret],
    ['anchors', 'm!anchors', wire.encodeAnchors('m!anchors', [address(1)]), wire.decodeAnchors],
    ['slots', 'm!slots', wire.encodeSlots('m!slots', slots), wire.decodeSlots],
    ['subnet', 's!chat', wire.encodeSubnet('s!chat'), wire.decodeSubnet],
  ];

  test.each(rows)(
    '%s: every flipped bit, every missing byte, every wrong key is noticed',
    (_, k, row, decode) => {
      expect(decode(k, row)).toBeDefined();
      for (let bit = 0; bit < 8 * row.length; bit++) {
        const flipped = row.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(decode(k, flipped)).toBeUndefined();
      }
      for (let length = 0; length < row.length; length++)
        expect(decode(k, row.subarray(0, length))).toBeUndefined();
      expect(decode(`${k}x`, row)).toBeUndefined();
    },
  );

  test('no bytes make a decoder throw', () => {
    const random = seededRandom(9);
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from({ length: below(random, 80) }, () => random.uint32());
      for (const [, k, , decode] of rows) decode(k, bytes);
    }
  });

  test('a row with a good checksum but bad contents is not believed', () => {
    const wrong = { ...full, id: peer(2) as PeerId }; // the record is of peer 1
    expect(wire.decodeAddress(key, wire.encodeAddress(key, wrong))).toBeUndefined();
  });

  test('rows of a newer version are told apart from bad ones', () => {
    expect(wire.isForeignVersion(Uint8Array.of(2, 9, 9))).toBe(true);
    expect(wire.isForeignVersion(wire.encodeSubnet('s!chat'))).toBe(false);
    expect(wire.isForeignVersion(new Uint8Array(0))).toBe(false);
  });
});
