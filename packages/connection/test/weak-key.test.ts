import { ed25519 } from '@noble/curves/ed25519.js';
import { fromHex, type PeerId, toHex, utf8 } from '@peernet/core';
import { expect, test } from 'vitest';
import { createCrypto } from '../src/index.js';
import { isWeakKey } from '../src/machine/weak-key.js';
import { primitives as browser } from '../src/primitives.browser.js';
import { primitives as node } from '../src/primitives.node.js';

// The y-coordinates of the eight points of small order with either sign, and the same plus p where that still fits
// into 255 bits ("Taming the many EdDSAs", table 6).
const spellings = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
];

test.each(spellings)('%s is nobody', (id) => {
  expect(isWeakKey(id)).toBe(true);
});

test('non-canonical spellings are nobody: p … 2^255 - 1; p - 2 is fine', () => {
  for (let low = 0xed; low <= 0xff; low++)
    expect(isWeakKey(`${low.toString(16)}${'ff'.repeat(30)}7f`)).toBe(true);
  expect(isWeakKey(`eb${'ff'.repeat(30)}7f`)).toBe(false);
  expect(isWeakKey(`ff${'ff'.repeat(29)}fe7f`)).toBe(false);
  expect(isWeakKey('00')).toBe(true);
});

test('real keys are somebody', () => {
  for (let i = 0; i < 20; i++) expect(isWeakKey(createCrypto().id)).toBe(false);
});

test('without the check, one signature would be valid for every message of such an id', () => {
  const id = spellings[2] as PeerId;
  const forged = new Uint8Array(64);
  forged[0] = 1; // R = the same point, S = 0
  // The control: noble takes it by its default rules (ZIP 215), and so does OpenSSL in Node 20 and 22.
  expect(ed25519.verify(forged, utf8('anything'), fromHex(id) as Uint8Array)).toBe(true);
  for (const primitives of [node, browser]) {
    const crypto = createCrypto({ primitives });
    expect(crypto.verify('peernet/record/1', id, utf8('anything'), forged)).toBe(false);
  }
});

test('nothing of small order, in any spelling, verifies anything', () => {
  const crypto = createCrypto();
  for (const id of spellings) {
    for (const r of spellings) {
      const signature = new Uint8Array(64);
      signature.set(fromHex(r) as Uint8Array);
      expect(crypto.verify('d', id as PeerId, utf8(toHex(signature)), signature)).toBe(false);
    }
  }
});
