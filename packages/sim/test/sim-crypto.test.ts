// The cheap cryptography: as strict as the real one for everybody who has no access to the registry.
import { DOMAIN, type PeerId, parsePeerId, signRecord, toHex, utf8, verifyRecord } from '@peernet/core';
import { expect, test } from 'vitest';
import { createWorld, simCrypto } from '../src/index.js';

test('a name is one identity in one world', () => {
  const world = createWorld({ seed: 1 });
  const ann = simCrypto(world, 'ann');
  expect(parsePeerId(ann.id)).toBe(ann.id);
  expect(simCrypto(world, 'ann').id).toBe(ann.id);
  expect(simCrypto(world, 'bob').id).not.toBe(ann.id);
  expect(simCrypto(createWorld({ seed: 2 }), 'ann').id).not.toBe(ann.id);
});

test('signatures hold for exactly one id, domain and text', () => {
  const world = createWorld({ seed: 1 });
  const [ann, bob] = [simCrypto(world, 'ann'), simCrypto(world, 'bob')];
  const text = utf8('hello');
  const signature = ann.sign('d', text);
  expect(signature.length).toBe(64);
  expect(bob.verify('d', ann.id, text, signature)).toBe(true);
  expect(bob.verify('d', bob.id, text, signature)).toBe(false);
  expect(bob.verify('e', ann.id, text, signature)).toBe(false);
  expect(bob.verify('d', ann.id, utf8('hellp'), signature)).toBe(false);
  expect(bob.verify('d', ann.id, text, signature.subarray(1))).toBe(false);
  expect(bob.verify('d', 'f'.repeat(64) as PeerId, text, signature)).toBe(false);
  for (let i = 0; i < 512; i++) {
    const flipped = signature.slice();
    flipped[i >> 3] = (flipped[i >> 3] as number) ^ (1 << (i & 7));
    expect(bob.verify('d', ann.id, text, flipped)).toBe(false);
  }
});

test('an id of another world is unknown here', () => {
  const [one, two] = [createWorld({ seed: 1 }), createWorld({ seed: 2 })];
  const stranger = simCrypto(two, 'ann');
  const signature = stranger.sign('d', utf8('x'));
  expect(stranger.verify('d', stranger.id, utf8('x'), signature), 'control').toBe(true);
  expect(simCrypto(one, 'ann').verify('d', stranger.id, utf8('x'), signature)).toBe(false);
});

test('records can be signed and verified', () => {
  const world = createWorld({ seed: 1 });
  const fields = {
    seq: 5,
    ttlSeconds: 60,
    addresses: ['ws://1.2.3.4:5'],
    relays: [],
    dialable: true,
    webrtc: false,
    stun: false,
  };
  const record = signRecord(simCrypto(world, 'ann'), fields);
  expect(verifyRecord(simCrypto(world, 'bob'), record)).toBe(true);
  expect(verifyRecord(simCrypto(world, 'bob'), { ...record, id: simCrypto(world, 'eve').id })).toBe(false);
});

test('only the target opens what was sealed to it', () => {
  const world = createWorld({ seed: 1 });
  const [ann, bob, eve] = [simCrypto(world, 'ann'), simCrypto(world, 'bob'), simCrypto(world, 'eve')];
  for (const length of [0, 1, 5, 1_000]) {
    const text = new Uint8Array(length).fill(7);
    const sealed = ann.seal(bob.id, 'd', text);
    expect(bob.open('d', sealed)).toEqual(text);
    expect(eve.open('d', sealed)).toBeUndefined();
    expect(bob.open('e', sealed)).toBeUndefined();
    expect(toHex(ann.seal(bob.id, 'd', text))).not.toBe(toHex(sealed));
    for (let i = 0; i < sealed.length; i += 7) {
      const bent = sealed.slice();
      bent[i] = (bent[i] as number) ^ 1;
      expect(bob.open('d', bent)).toBeUndefined();
    }
    expect(bob.open('d', sealed.subarray(0, -1))).toBeUndefined();
  }
  expect(bob.open('d', new Uint8Array(3))).toBeUndefined();
  expect(ann.open('d', ann.seal('f'.repeat(64) as PeerId, 'd', utf8('x')))).toBeUndefined();
});

test('the hash is 32 bytes, differs by domain, and every bit of it is fair and avalanches', () => {
  const crypto = simCrypto(createWorld({ seed: 1 }), 'ann');
  expect(crypto.hash('d', utf8('x'))).not.toEqual(crypto.hash('e', utf8('x')));
  expect(crypto.hash(DOMAIN.subnet, new Uint8Array(0))).not.toEqual(
    crypto.hash(DOMAIN.subnet, new Uint8Array(1)),
  );
  const rounds = 4_000;
  const ones = new Array<number>(256).fill(0);
  const flips = new Array<number>(256).fill(0);
  const input = new Uint8Array(36);
  for (let n = 0; n < rounds; n++) {
    new DataView(input.buffer).setUint32(0, n); // counters: the worst natural input
    const hash = crypto.hash('d', input);
    const other = input.slice();
    other[n % 36] = (other[n % 36] as number) ^ (1 << (n & 7));
    const changed = crypto.hash('d', other);
    for (let bit = 0; bit < 256; bit++) {
      const at = bit >> 3;
      ones[bit] = (ones[bit] as number) + (((hash[at] as number) >> (bit & 7)) & 1);
      flips[bit] =
        (flips[bit] as number) + ((((hash[at] as number) ^ (changed[at] as number)) >> (bit & 7)) & 1);
    }
  }
  // Binomial(4000, ½): standard deviation 32; 4.5 of them over 512 counters.
  for (const count of [...ones, ...flips]) expect(Math.abs(count - rounds / 2)).toBeLessThan(143);
});
