// Records: signed by their owner, carried unchanged, and every limit exact: N works, N + 1 is refused.
import { describe, expect, test } from 'vitest';
import {
  below,
  DOMAIN,
  decodeRecord,
  type PeerRecord,
  parseAddress,
  parsedAddresses,
  peerIdToBytes,
  RECORD_LIMITS,
  Reader,
  type RecordFields,
  reachableAt,
  readRecord,
  seededRandom,
  signRecord,
  verifyRecord,
  Writer,
} from '../src/index.js';
import { testCrypto } from './test-crypto.js';

const ann = testCrypto('ann');
const bob = testCrypto('bob');
const base: RecordFields = {
  seq: 1_767_225_600_000,
  ttlSeconds: 3_600,
  addresses: ['ws://1.2.3.4:80', 'wss://example.org:443'],
  relays: [{ id: bob.id, address: 'tcp://5.6.7.8:9' }],
  dialable: true,
  webrtc: false,
  stun: true,
};

/** A record written by hand, so that what `signRecord` refuses can be on the wire too. */
function forge(change: {
  ttl?: number;
  flags?: number;
  addresses?: string[];
  count?: number;
  relays?: number;
  relay?: string;
  tail?: number[];
}): Uint8Array {
  const addresses = change.addresses ?? ['ws://1.2.3.4:80'];
  const w = new Writer()
    .fixed(peerIdToBytes(ann.id))
    .u64(7)
    .u32(change.ttl ?? 60)
    .u8(change.flags ?? 1)
    .varint(change.count ?? addresses.length);
  for (const address of addresses) w.text(address, 10_000);
  w.varint(change.relays ?? 0);
  for (let i = 0; i < (change.relays ?? 0); i++)
    w.fixed(peerIdToBytes(bob.id)).text(change.relay ?? 'ws://1.2.3.4:80', 10_000);
  w.fixed(ann.sign(DOMAIN.record, w.finish()));
  return w.fixed(Uint8Array.from(change.tail ?? [])).finish();
}

test('what was signed comes back, with its bytes, and verifies', () => {
  for (let flags = 0; flags < 8; flags++) {
    const fields = { ...base, dialable: (flags & 1) > 0, webrtc: (flags & 2) > 0, stun: (flags & 4) > 0 };
    const record = signRecord(ann, fields);
    expect(record).toMatchObject({ ...fields, id: ann.id });
    expect(decodeRecord(record.bytes)).toEqual(record);
    expect(verifyRecord(bob, record)).toBe(true);
  }
  const empty = signRecord(ann, { ...base, addresses: [], relays: [], seq: 0, ttlSeconds: 0 });
  expect(decodeRecord(empty.bytes)).toEqual(empty);
});

test('a decoded record keeps bytes of its own', () => {
  const record = signRecord(ann, base);
  const message = record.bytes.slice();
  const decoded = decodeRecord(message) as PeerRecord;
  message.fill(0);
  expect(verifyRecord(bob, decoded)).toBe(true);
});

test('every bent bit is refused or does not verify; every truncation is refused', () => {
  const { bytes } = signRecord(ann, base);
  let refused = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const bent = bytes.slice();
    bent[bit >> 3] = (bent[bit >> 3] as number) ^ (1 << (bit & 7));
    const record = decodeRecord(bent);
    if (record === undefined) refused++;
    else if (verifyRecord(bob, record)) throw new Error(`bit ${bit} does not matter`);
  }
  expect(refused).toBeGreaterThan(8);
  for (let length = 0; length < bytes.length; length++)
    expect(decodeRecord(bytes.subarray(0, length))).toBeUndefined();
  expect(decodeRecord(Uint8Array.of(...bytes, 0)), 'a byte more').toBeUndefined();
});

test('a signature made for another purpose, or by somebody else, does not verify', () => {
  const record = signRecord(ann, base);
  const body = record.bytes.subarray(0, -64);
  const with_ = (signature: Uint8Array): PeerRecord => ({
    ...record,
    bytes: Uint8Array.of(...body, ...signature),
  });
  expect(verifyRecord(bob, with_(ann.sign(DOMAIN.record, body))), 'control').toBe(true);
  expect(verifyRecord(bob, with_(ann.sign(DOMAIN.advert, body)))).toBe(false);
  expect(verifyRecord(bob, with_(bob.sign(DOMAIN.record, body)))).toBe(false);
  expect(verifyRecord(bob, { ...record, id: bob.id })).toBe(false);
});

test('who cannot be dialed is reached through its relays, if it speaks WebRTC', () => {
  const fields = { ...base, addresses: ['ws://1.2.3.4:80'], webrtc: true };
  const through = `wrtc:${ann.id}?via=tcp://5.6.7.8:9#${bob.id}`;
  expect(reachableAt(signRecord(ann, fields))).toEqual(['ws://1.2.3.4:80', through]);
  expect(parseAddress(through)).toMatchObject({ id: ann.id, via: [{ id: bob.id, text: 'tcp://5.6.7.8:9' }] });
  expect(reachableAt({ ...fields, id: ann.id, webrtc: false })).toEqual(['ws://1.2.3.4:80']);
  // Longer than an address may be, or none: left out.
  const relays = ['h', `${'h.'.repeat(60)}example`, 'x y'].map((host) => ({
    id: bob.id,
    address: `ws://${host}:80`,
  }));
  expect(reachableAt({ ...fields, id: ann.id, addresses: [], relays: [] })).toEqual([`wrtc:${ann.id}`]);
  expect(reachableAt({ ...fields, id: ann.id, addresses: [], relays: [], webrtc: false })).toEqual([]);
  expect(reachableAt({ id: ann.id, addresses: [], relays, webrtc: true })).toEqual([
    `wrtc:${ann.id}?via=ws://h:80#${bob.id}`,
  ]);
});

describe('several relays', () => {
  const relayed = (...addresses: string[]) =>
    reachableAt({
      id: ann.id,
      addresses: [],
      webrtc: true,
      relays: addresses.map((address) => ({ id: bob.id, address })),
    });

  test('stand in one address, so that each is asked before anybody is asked by chance', () => {
    expect(relayed('ws://a.io:1', 'ws://b.io:1')).toEqual([
      `wrtc:${ann.id}?via=ws://a.io:1#${bob.id}&via=ws://b.io:1#${bob.id}`,
    ]);
  });

  test('do without their ids if that would be too long', () => {
    const three = ['ws://a.io:1', 'wss://b.io:443', 'ws://[2606::1]:80'];
    expect(relayed(...three)).toEqual([`wrtc:${ann.id}?${three.map((text) => `via=${text}`).join('&')}`]);
  });

  test('have an address each if even that is too long, or if one is in a narrower network', () => {
    const long = ['a', 'b', 'c'].map((letter) => `ws://${`${letter}.`.repeat(40)}example:80`);
    expect(relayed(...long)).toEqual(long.map((text) => `wrtc:${ann.id}?via=${text}#${bob.id}`));
    expect(relayed('ws://a.io:1', 'ws://10.0.0.1:1', 'ws://b.io:1', 'x y')).toEqual([
      `wrtc:${ann.id}?via=ws://a.io:1#${bob.id}&via=ws://b.io:1#${bob.id}`,
      `wrtc:${ann.id}?via=ws://10.0.0.1:1#${bob.id}`,
    ]);
  });
});

describe('limits', () => {
  const address = (bytes: number): string => `ws://${'a'.repeat(bytes - 5)}`;
  const { addressesMax, relaysMax, addressBytesMax, ttlSecondsMax } = RECORD_LIMITS;
  const cases: [string, Parameters<typeof forge>[0], boolean][] = [
    ['as many addresses as allowed', { addresses: Array(addressesMax).fill('ws://a:1') }, true],
    ['one more', { addresses: Array(addressesMax + 1).fill('ws://a:1') }, false],
    ['a count of 4 000 000 000', { count: 4_000_000_000 }, false],
    ['as many relays as allowed', { relays: relaysMax }, true],
    ['one relay more', { relays: relaysMax + 1 }, false],
    ['the longest address', { addresses: [address(addressBytesMax)] }, true],
    ['one byte longer', { addresses: [address(addressBytesMax + 1)] }, false],
    ['the longest address of a relay', { relays: 1, relay: address(addressBytesMax) }, true],
    ['one byte longer there', { relays: 1, relay: address(addressBytesMax + 1) }, false],
    ['the longest life', { ttl: ttlSecondsMax }, true],
    ['a second longer', { ttl: ttlSecondsMax + 1 }, false],
    ['all flags', { flags: 7 }, true],
    ['an unknown flag', { flags: 8 }, false],
    ['a space in an address', { addresses: ['ws://a b'] }, false],
    ['a newline in an address', { addresses: ['ws://a\n'] }, false],
    ['an escape sequence', { addresses: ['ws://\u001b[2J'] }, false],
    ['letters beyond ASCII', { addresses: ['ws://ä:1'] }, false],
    ['an address of two letters', { addresses: ['ws'] }, false],
    ['an empty address', { addresses: [''] }, false],
    ['a space in the address of a relay', { relays: 1, relay: 'ws://a b' }, false],
    ['an address that we cannot parse', { addresses: ['i2p:xyz'] }, true],
    ['a byte after the end', { tail: [0] }, false],
  ];
  test.each(cases)('%s', (_, change, passes) => {
    const record = decodeRecord(forge(change));
    expect(record !== undefined).toBe(passes);
    if (record !== undefined) expect(verifyRecord(bob, record)).toBe(true);
  });

  test('the owner cannot sign what others would refuse', () => {
    const bad: Partial<RecordFields>[] = [
      { addresses: Array(addressesMax + 1).fill('ws://a:1') },
      { relays: Array(relaysMax + 1).fill(base.relays[0]) },
      { ttlSeconds: ttlSecondsMax + 1 },
      { addresses: [address(addressBytesMax + 1)] },
      { addresses: ['ws://a b'] },
      { addresses: [''] },
      { relays: [{ id: bob.id, address: 'ä'.repeat(5) }] },
      { seq: -1 },
      { seq: 2 ** 53 },
      { seq: 0.5 },
    ];
    for (const change of bad) {
      expect(() => signRecord(ann, { ...base, ...change }), JSON.stringify(change)).toThrow(TypeError);
    }
  });

  test('the largest record has the size that is written down', () => {
    const longest = address(addressBytesMax);
    const relays = Array(relaysMax).fill({ id: bob.id, address: longest });
    const record = signRecord(ann, { ...base, addresses: Array(addressesMax).fill(longest), relays });
    expect(record.bytes.length).toBe(RECORD_LIMITS.recordBytesMax);
    expect(decodeRecord(record.bytes)).toEqual(record);
  });
});

test('two records in a row are read in place', () => {
  const [one, two] = [signRecord(ann, base), signRecord(bob, { ...base, addresses: [] })];
  const r = new Reader(new Writer().u8(9).fixed(one.bytes).fixed(two.bytes).finish());
  r.u8();
  expect([readRecord(r)?.id, readRecord(r)?.id, r.done]).toEqual([ann.id, bob.id, true]);
});

test('mutated records never throw', () => {
  const random = seededRandom(1);
  const { bytes } = signRecord(ann, base);
  let decoded = 0;
  for (let i = 0; i < 30_000; i++) {
    const bent = bytes.slice(0, below(random, 3) ? bytes.length : below(random, bytes.length));
    for (let k = below(random, 4); k > 0 && bent.length > 0; k--)
      bent[below(random, bent.length)] = below(random, 256);
    const record = decodeRecord(bent);
    if (record === undefined) continue;
    decoded++;
    parsedAddresses(record);
    verifyRecord(bob, record);
  }
  expect(decoded).toBeGreaterThan(1_000);
});

test('parsedAddresses leaves out what is no address', () => {
  const record = signRecord(ann, { ...base, addresses: ['i2p:xyz', 'ws://1.2.3.4:80', 'ws://0x7f.1'] });
  expect(parsedAddresses(record).map((address) => address?.text)).toEqual(['ws://1.2.3.4:80']);
});
