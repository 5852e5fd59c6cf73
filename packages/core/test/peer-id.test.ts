// Peer ids, close reasons and errors: the small vocabularies that everybody shares.
import { expect, test } from 'vitest';
import {
  closeCodes,
  closeReasonOf,
  errorCodes,
  fromHex,
  isPeernetError,
  PeernetError,
  parsePeerId,
  peerIdFromBytes,
  peerIdToBytes,
  randomBytes,
  seededRandom,
  toHex,
} from '../src/index.js';

test('an id is its bytes, and sorts as they do', () => {
  const random = seededRandom(1);
  const list = Array.from({ length: 500 }, () => randomBytes(random, 32));
  for (const bytes of list) {
    const id = peerIdFromBytes(bytes);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(peerIdToBytes(id)).toEqual(bytes);
    expect(parsePeerId(id)).toBe(id);
  }
  const byBytes = [...list].sort((a, b) => Buffer.compare(a, b)).map(peerIdFromBytes);
  expect(list.map(peerIdFromBytes).sort()).toEqual(byBytes);
});

test('what is no id', () => {
  const good = 'ab'.repeat(32);
  expect(parsePeerId(good)).toBe(good);
  for (const text of [
    '',
    good.slice(1),
    `${good}0`,
    good.toUpperCase(),
    good.replace('a', 'g'),
    `${good.slice(2)}é`,
    `0x${good.slice(2)}`,
  ]) {
    expect(parsePeerId(text), text).toBeUndefined();
  }
  for (const length of [0, 31, 33]) expect(() => peerIdFromBytes(new Uint8Array(length))).toThrow(TypeError);
});

test('hex, in lower case only', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(fromHex(toHex(bytes))).toEqual(bytes);
  expect([toHex(new Uint8Array(0)), fromHex('')]).toEqual(['', new Uint8Array(0)]);
  for (const text of ['a', 'AB', '0g', ' 0', '0\0', 'é0']) expect(fromHex(text), text).toBeUndefined();
});

test('close reasons keep their numbers; later ones read as LOST', () => {
  expect(closeCodes).toMatchInlineSnapshot(`
    {
      "BANNED": 13,
      "DONE": 16,
      "DUPLICATE": 3,
      "FULL": 1,
      "IDLE": 9,
      "INTERNAL": 12,
      "LOST": 0,
      "MIRROR": 5,
      "PROTOCOL": 7,
      "RATE": 8,
      "REJECTED": 15,
      "REPLACED": 2,
      "ROTATED": 17,
      "SELF": 4,
      "SHUTDOWN": 6,
      "STALE": 14,
      "TIMEOUT": 10,
      "USER": 11,
    }
  `);
  for (const [name, code] of Object.entries(closeCodes)) expect(closeReasonOf(code)).toBe(name);
  for (const code of [-1, 0.5, 200, Number.NaN]) expect(closeReasonOf(code)).toBe('LOST');
});

test('errors are known by their code, across copies of this package', () => {
  const cause = new Error('below');
  const error = new PeernetError('LOST', 'gone', { cause });
  expect([error.name, error.code, error.message, error.cause]).toEqual([
    'PeernetError',
    'LOST',
    'gone',
    cause,
  ]);
  expect(error).toBeInstanceOf(Error);
  expect([isPeernetError(error), isPeernetError(error, 'LOST'), isPeernetError(error, 'SELF')]).toEqual([
    true,
    true,
    false,
  ]);
  expect(isPeernetError({ name: 'PeernetError', code: 'SELF', message: '' }, 'SELF'), 'another copy').toBe(
    true,
  );
  for (const other of [undefined, null, 'LOST', new Error('x'), { code: 'LOST' }, { name: 'PeernetError' }]) {
    expect(isPeernetError(other)).toBe(false);
  }
  for (const text of Object.values(errorCodes)) expect(text.length).toBeGreaterThan(10);
});
