import { expect, test } from 'vitest';
import { hashBytes, hashKeys, hashText, hashWords, secretOf } from '../src/machine/keyed-hash.js';

const counting = (count: number) => Uint8Array.from({ length: count }, (_, i) => i);
const [key] = hashKeys(counting(32));

// The reference vectors of the authors (siphash 2-4, key 00 … 0f, message 00 01 02 …), low half.
test.each([
  [0, 0xdd0e0e31],
  [1, 0x93dc67fd],
  [2, 0xd9a94f5a],
  [15, 0x49be45e5],
])('SipHash-2-4 of %i bytes', (length, low) => {
  expect(hashBytes(key, counting(length))).toBe(low);
});

test('text and words are hashed as their bytes', () => {
  expect(hashText(key, 'abc', 0x04030201)).toBe(hashBytes(key, Uint8Array.of(1, 2, 3, 4, 97, 98, 99)));
  expect(hashWords(key, 0xff020100)).toBe(hashBytes(key, Uint8Array.of(0, 1, 2, 255)));
});

test('another secret, another hash', () => {
  const [, other] = hashKeys(counting(32));
  expect(hashText(other, 'ws://1.2.3.4:5')).not.toBe(hashText(key, 'ws://1.2.3.4:5'));
  expect(() => hashKeys(new Uint8Array(16))).toThrow(TypeError);
});

test('the secret can be had back from the keys', () => {
  expect(secretOf(...hashKeys(counting(32)))).toEqual(counting(32));
});
