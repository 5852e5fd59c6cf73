// Rows of the store. Damage is noticed by their checksum, so most damaged rows are sealed anew: as if whoever damaged
// the database knew how.
import { type PeerId, utf8 } from '@peernet/core';
import { PERSISTENCE } from '../../../../packages/store/src/defaults.js';
import * as wire from '../../../../packages/store/src/wire.js';
import { fixedTalk } from './corpus.js';
import type { Decoder } from './decoders.js';
import { Broken } from './gauge.js';
import { recordOf } from './talk.js';

const addressKey = `${wire.KEY.address}ws://1.2.3.4:80`;
/** Bytes of version and checksum. */
const headBytes = 5;

/** CRC-32 of IEEE 802.3, bit by bit. */
function crc32(...parts: readonly Uint8Array[]): number {
  let c = 0xffff_ffff;
  for (const part of parts) {
    for (const byte of part) {
      c ^= byte;
      for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    }
  }
  return (c ^ 0xffff_ffff) >>> 0;
}

/** The row with the checksum that its body ought to have; rows that are too short, or end in an odd byte, as they are. */
function sealed(key: string, row: Uint8Array): Uint8Array {
  if (row.length < headBytes || (row[row.length - 1] ?? 0) % 16 === 15) return row;
  const copy = row.slice();
  const sum = crc32(utf8(key), copy.subarray(headBytes));
  for (let i = 0; i < 4; i++) copy[1 + i] = sum >>> (24 - 8 * i);
  return copy;
}

function addressRows(): Uint8Array[] {
  const talk = fixedTalk(9);
  const { id } = talk.self;
  const record = recordOf(talk, talk.self);
  const bare = {
    saved: true,
    pinned: false,
    tried: false,
    source: 'self',
    heardWall: 1,
    buckets: [],
  } as const;
  const history = {
    ok: 3,
    fail: 4,
    rx: 2 ** 40,
    tx: 6,
    failures: 2,
    seenWall: 7,
    failedWall: 8,
    restUntilWall: 9,
    provenWall: 0,
  };
  const full = { ...bare, source: id, id, record: { record, signedWall: 5 }, buckets: [0, 17, 255], history };
  return [bare, full, { ...full, record: undefined }, { ...bare, tried: true, history }].map((row) =>
    wire.encodeAddress(addressKey, row),
  );
}

/** A decoder of rows. Those without lengths of their own are past the check when they are taken. */
function rowDecoder<T>(
  name: string,
  key: string,
  samples: readonly Uint8Array[],
  read: (key: string, row: Uint8Array) => T | undefined,
  write: (key: string, value: T) => Uint8Array,
): Decoder {
  return {
    name,
    weight: 1,
    samples,
    prepare: (row) => sealed(key, row),
    read: (row) => read(key, row),
    write: (value: never) => write(key, value),
  };
}

const taken = (_: Uint8Array, value: unknown): boolean => value !== undefined;
const { anchors, seed, seq, slots, subnet } = wire.KEY;
/** The encoder believes its caller. */
function writeAnchors(key: string, addresses: string[]): Uint8Array {
  if (addresses.length > PERSISTENCE.anchorsMax) throw new Broken(`${addresses.length} anchors`);
  return wire.encodeAnchors(key, addresses);
}

const anchorRow = wire.encodeAnchors(anchors, ['ws://1.2.3.4:80', 'tcp://[2001:470::1]:4000']);

const slotRow = wire.encodeSlots(slots, [
  { groupSeed: 1, idSeed: 2, ageSeconds: 3, leftSeconds: 4, peer: undefined },
  {
    groupSeed: 5,
    idSeed: 6,
    ageSeconds: 7,
    leftSeconds: 8,
    peer: { id: 'ab'.repeat(32) as PeerId, address: 'ws://1.2.3.4:80', holds: true },
  },
]);

const seedRow = wire.encodeSecret(seed, new Uint8Array(32).fill(5));
const chat = `${subnet}chat`;

export const rowDecoders: readonly Decoder[] = [
  {
    ...rowDecoder('address row', addressKey, addressRows(), wire.decodeAddress, wire.encodeAddress),
    weight: 5,
  },
  rowDecoder('anchors row', anchors, [anchorRow], wire.decodeAnchors, writeAnchors),
  rowDecoder('slots row', slots, [slotRow], wire.decodeSlots, wire.encodeSlots),
  {
    ...rowDecoder('number row', seq, [wire.encodeNumber(seq, 5e12)], wire.decodeNumber, wire.encodeNumber),
    past: taken,
  },
  { ...rowDecoder('seed row', seed, [seedRow], wire.decodeSecret, wire.encodeSecret), past: taken },
  {
    ...rowDecoder('subnet row', chat, [wire.encodeSubnet(chat)], wire.decodeSubnet, wire.encodeSubnet),
    past: taken,
  },
];
