// Every frozen vector of every package reads and writes itself, by the code that peers run. `pnpm vectors --write` makes
// the files of core that are missing (fixed keys: here is a real crypto to sign them); it changes none.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCrypto } from '@peernet/connection';
import {
  decodeRecord,
  fromHex,
  type PeerRecord,
  type RecordFields,
  signRecord,
  toHex,
  verifyRecord,
} from '@peernet/core';
import { describe, expect, test } from 'vitest';
import * as connection from '../../../packages/connection/src/wire.js';
import * as gossip from '../../../packages/gossip/src/wire.js';
import type { SlotRow } from '../../../packages/store/src/machine/slots.js';
import * as store from '../../../packages/store/src/wire.js';
import { type Decoder, decoders, frameOf } from '../src/fuzz/decoders.js';

const fileOf = (name: string, file: string): string =>
  fileURLToPath(new URL(`../../../packages/${name}/test/vectors/${file}`, import.meta.url));
const read = (name: string, file: string) => JSON.parse(readFileSync(fileOf(name, file), 'utf8'));
const bytesOf = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;

/** The bytes that a decoder of the fuzzer makes of what it reads. */
function rewritten(decoder: string, hex: string): string | undefined {
  const { read: decode, write } = decoders.find(({ name }) => name === decoder) as Decoder;
  const value = decode(bytesOf(hex));
  const again = value === undefined ? undefined : write?.(value as never);
  return again && toHex(again);
}

// ---- records of core ----

interface RecordVector extends RecordFields {
  readonly name: string;
  /** Ed25519 secret of the owner. */
  readonly seed: string;
  readonly bytes: string;
}

const seedOf = (digit: number): string => String(digit).repeat(64);
const flags = { dialable: false, webrtc: false, stun: false };
const addresses = ['ws://1.2.3.4:80', 'wss://node.example.org:443', 'tcp://[2001:470::1]:4000', '!!!'];

function freshRecords(): RecordVector[] {
  const relays = [7, 8, 9].map((digit) => ({
    id: createCrypto({ seed: bytesOf(seedOf(digit)) }).id,
    address: `tcp://5.6.7.${digit}:4000`,
  }));
  const bare = { ttlSeconds: 60, addresses: [], relays: [], ...flags };
  const cases: (RecordFields & { name: string })[] = [
    { name: 'bare', seq: 0, ...bare },
    {
      name: 'usual',
      seq: 1_767_225_600_000,
      ...bare,
      ttlSeconds: 3_600,
      addresses: [addresses[0] ?? ''],
      dialable: true,
    },
    {
      name: 'full',
      seq: 1_767_225_600_001,
      ttlSeconds: 86_400,
      addresses,
      relays,
      dialable: true,
      webrtc: true,
      stun: true,
    },
    { name: 'one relay', seq: 5, ...bare, relays: relays.slice(0, 1), webrtc: true },
    { name: 'highest seq', seq: Number.MAX_SAFE_INTEGER, ...bare, ttlSeconds: 0, stun: true },
    { name: 'longest address', seq: 6, ...bare, addresses: [`wss://${'a.'.repeat(119)}a-b-cd:65535`] },
  ];
  return cases.map((fields, i) => {
    const crypto = createCrypto({ seed: bytesOf(seedOf(1 + i)) });
    return { ...fields, seed: seedOf(1 + i), bytes: toHex(signRecord(crypto, fields).bytes) };
  });
}

const recordFile = fileOf('core', 'record-v1.json');
if (process.env.PEERNET_WRITE_VECTORS !== undefined && !existsSync(recordFile)) {
  mkdirSync(dirname(recordFile), { recursive: true });
  const about = 'Records as they travel, signed by Ed25519 keys made of these seeds. Append only.';
  writeFileSync(recordFile, `${JSON.stringify({ about, records: freshRecords() }, null, 1)}\n`);
}

describe('records of core', () => {
  const { records } = read('core', 'record-v1.json') as { records: RecordVector[] };

  test.each(records)('$name', ({ name, seed, bytes, ...fields }) => {
    const crypto = createCrypto({ seed: bytesOf(seed) });
    const record = decodeRecord(bytesOf(bytes)) as PeerRecord;
    expect(record).toEqual({ ...fields, id: crypto.id, bytes: bytesOf(bytes) });
    expect(verifyRecord(crypto, record)).toBe(true);
    expect(toHex(signRecord(crypto, fields).bytes)).toBe(bytes);
    expect(rewritten('record', bytes)).toBe(bytes);
  });

  test('control: any other byte makes it another record, or none', () => {
    const [usual] = records.filter(({ name }) => name === 'usual') as [RecordVector];
    const crypto = createCrypto({ seed: bytesOf(usual.seed) });
    for (let i = 0; i < usual.bytes.length / 2; i++) {
      const damaged = bytesOf(usual.bytes);
      damaged[i] = (damaged[i] as number) ^ 1;
      const record = decodeRecord(damaged);
      expect(record !== undefined && verifyRecord(crypto, record), `byte ${i}`).toBe(false);
    }
  });
});

// ---- the others ----

describe('messages of gossip', () => {
  test.each(Object.entries<string>(read('gossip', 'wire-v1.json')))('%s', (name, hex) => {
    const message = gossip.decodeMessage(bytesOf(hex));
    if (message === undefined) throw new Error(`${name} does not read`);
    if (message.kind === 'hello') expect(toHex(gossip.encodeHello(message))).toBe(hex);
    else if (message.kind === 'extrema')
      expect(toHex(gossip.encodeExtrema(message.degree, message.entries))).toBe(hex);
    else expect(rewritten('gossip', hex)).toBe(hex);
  });
});

describe('messages and objects of search', () => {
  const vectors: { name: string; hex: string }[] = read('search', 'messages-v1.json');

  test.each(vectors)('$name', ({ name, hex }) => {
    const decoder = { 'signed advert': 'advert', 'signed answer': 'answer' }[name] ?? 'search';
    expect(rewritten(decoder, hex)).toBe(hex);
  });
});

describe('frames of connection', () => {
  const { frames, hello, identity, open } = read('connection', 'frames.json');

  test.each(
    frames as { type: keyof typeof connection.FRAME; channel: number; body: string; bytes: string }[],
  )('$type on $channel', ({ type, channel, body, bytes }) => {
    expect(rewritten('frames', bytes)).toBe(bytes);
    expect(toHex(frameOf(connection.FRAME[type], channel, bytesOf(body)))).toBe(bytes);
  });

  test.each(hello as { role: string; bytes: string }[])('hello of $role', ({ bytes }) => {
    expect(rewritten('hello', bytes)).toBe(bytes);
  });

  test('identity', () => {
    expect(rewritten('identity', identity.bytes)).toBe(identity.bytes);
  });

  test.each(open as { name: string; body: string }[])('open $name', ({ body }) => {
    expect(rewritten('open', body)).toBe(body);
  });
});

describe('rows of the store', () => {
  const key = `${store.KEY.address}ws://21.0.0.9:4000`;
  const readers: Record<string, (row: Uint8Array) => Uint8Array> = {
    'address, full': (row) => store.encodeAddress(key, store.decodeAddress(key, row) as store.AddressRow),
    'address, bare': (row) => store.encodeAddress(key, store.decodeAddress(key, row) as store.AddressRow),
    tombstone: (row) => {
      const tomb = store.KEY.tombstone + key.slice(store.KEY.address.length);
      return store.encodeNumber(tomb, store.decodeNumber(tomb, row) as number);
    },
    seed: (row) => store.encodeSecret(store.KEY.seed, store.decodeSecret(store.KEY.seed, row) as Uint8Array),
    anchors: (row) =>
      store.encodeAnchors(store.KEY.anchors, store.decodeAnchors(store.KEY.anchors, row) as string[]),
    slots: (row) => store.encodeSlots(store.KEY.slots, store.decodeSlots(store.KEY.slots, row) as SlotRow[]),
    subnet: (row) => {
      const chat = `${store.KEY.subnet}chat`;
      expect(store.decodeSubnet(chat, row)).toBe('chat');
      return store.encodeSubnet(chat);
    },
  };

  test.each(Object.entries<string>(read('store', 'rows-v1.json')))('%s', (name, hex) => {
    const again = readers[name];
    if (again === undefined) throw new Error(`nobody reads '${name}'`);
    expect(toHex(again(bytesOf(hex)))).toBe(hex);
  });
});
