import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { concatBytes, equalBytes, fromHex, randomBytes, seededRandom, toHex, utf8 } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { hkdf } from '../src/machine/hkdf.js';
import type { Primitives } from '../src/machine/primitives.js';
import { smallOrder } from '../src/machine/weak-key.js';
import { primitives as browser } from '../src/primitives.browser.js';
import { primitives as node } from '../src/primitives.node.js';

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;
const littleEndian = (n: bigint): Uint8Array => hex(n.toString(16).padStart(64, '0')).reverse();
const none = new Uint8Array(0);
const both: [string, Primitives][] = [
  ['node', node],
  ['browser', browser],
];

describe.each(both)('%s', (_, p) => {
  test('SHA-256 of "abc" (FIPS 180-2)', () => {
    expect(toHex(p.hash(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  test('HMAC-SHA-256 (RFC 4231 cases 1, 2, 6: short, text, key longer than a block)', () => {
    expect(toHex(p.hmac(new Uint8Array(20).fill(0x0b), utf8('Hi There')))).toBe(
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    );
    expect(toHex(p.hmac(utf8('Jefe'), utf8('what do ya want for nothing?')))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
    const text = utf8('Test Using Larger Than Block-Size Key - Hash Key First');
    expect(toHex(p.hmac(new Uint8Array(131).fill(0xaa), text))).toBe(
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    );
  });

  test('X25519 (RFC 7748 §6.1)', () => {
    const bob = p.keyPair(hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
    expect(toHex(bob.publicKey)).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
    const alice = hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    expect(toHex(p.dh(bob.secret, alice) as Uint8Array)).toBe(
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    );
  });

  test('a DH with a key of small order gives nothing', () => {
    const { secret } = p.keyPair();
    expect(p.dh(secret, new Uint8Array(32))).toBeUndefined();
    expect(p.dh(secret, hex(`01${'00'.repeat(31)}`))).toBeUndefined();
    expect(p.dh(secret, p.keyPair().publicKey)).toHaveLength(32);
  });

  test('an AEAD refuses what is short, changed, of another nonce or other data', () => {
    const aead = p.aead(new Uint8Array(32).fill(1));
    const sealed = aead.seal(5, utf8('ad'), utf8('text'));
    expect(aead.open(5, utf8('ad'), sealed)).toEqual(utf8('text'));
    expect(aead.open(4, utf8('ad'), sealed)).toBeUndefined();
    expect(aead.open(5, utf8('da'), sealed)).toBeUndefined();
    expect(aead.open(5, none, sealed)).toBeUndefined();
    expect(aead.open(5, utf8('ad'), sealed.subarray(1))).toBeUndefined();
    expect(aead.open(5, utf8('ad'), sealed.subarray(0, 15))).toBeUndefined();
    for (let at = 0; at < sealed.length; at++) {
      const bent = sealed.slice();
      bent[at] = (bent[at] as number) ^ 0x40;
      expect(aead.open(5, utf8('ad'), bent)).toBeUndefined();
    }
  });

  test('what it returns may be sliced without sharing memory', () => {
    const aead = p.aead(new Uint8Array(32));
    for (const bytes of [
      p.hash(none),
      aead.seal(0, none, utf8('x')),
      aead.open(0, none, aead.seal(0, none, utf8('x'))),
    ]) {
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    }
  });

  test('bytes that are no point make no verifier that agrees', () => {
    const junk = new Uint8Array(32).fill(2);
    expect(p.verifier(junk)?.(utf8('x'), new Uint8Array(64)) ?? false).toBe(false);
    expect(p.sealingKey(junk)).toBeUndefined();
  });
});

describe('both agree', () => {
  test('keys, shared secrets, sealing keys', () => {
    const secrets = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(9)] as const;
    const [a, b] = secrets.map((secret) => node.keyPair(secret));
    const [c, d] = secrets.map((secret) => browser.keyPair(secret));
    expect(a?.publicKey).toEqual(c?.publicKey);
    expect(node.dh(a?.secret, b?.publicKey as Uint8Array)).toEqual(
      browser.dh(d?.secret, c?.publicKey as Uint8Array),
    );
    const id = node.signer(secrets[0]).publicKey;
    expect(node.sealingKey(id)).toEqual(browser.sealingKey(id));
    expect(node.sealingPair(secrets[0]).publicKey).toEqual(node.sealingKey(id));
    expect(browser.sealingPair(secrets[0]).publicKey).toEqual(node.sealingKey(id));
  });

  test('signatures whose point or key has a part of small order: who passed one on that others refuse would be banned for it', () => {
    const { Point } = ed25519;
    const { Fn } = Point;
    const number = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes.slice().reverse())}`);
    const torsion = Point.fromBytes(hex(smallOrder[3] as string), true);
    const parts = Array.from({ length: 8 }, (_, n) => torsion.multiplyUnsafe(BigInt(n)));
    const [a, r] = [12_345n, 67_890n];
    const outcomes = new Set<string>();
    for (const [i, inKey] of parts.entries()) {
      for (const [j, inPoint] of parts.entries()) {
        const key = Point.BASE.multiply(a).add(inKey).toBytes();
        const point = Point.BASE.multiply(r).add(inPoint).toBytes();
        const text = utf8(`${i} ${j}`);
        const k = Fn.create(number(createHash('sha512').update(point).update(key).update(text).digest()));
        const signature = concatBytes(point, littleEndian(Fn.create(r + k * a)));
        const [here, there] = [node, browser].map((p) => p.verifier(key)?.(text, signature));
        expect(there, `key ${i}, point ${j}`).toBe(here);
        outcomes.add(`${i > 0} ${j > 0} ${here}`);
        const order = littleEndian(Fn.create(r + k * a) + Fn.ORDER);
        for (const p of [node, browser]) {
          expect(p.verifier(key)?.(text, concatBytes(point, order))).toBe(false);
          expect(p.verifier(key)?.(text, signature.subarray(1))).toBe(false);
        }
      }
    }
    expect(outcomes).toContain('false false true');
    expect(outcomes).toContain('false true false');
    expect(outcomes).toContain('true true true');
  });

  test('sealing keys of anything, the borders among it', () => {
    const order = 2n ** 255n - 19n;
    const ys = [0n, 1n, 2n, order - 2n, order - 1n, order, order + 1n, 2n ** 255n - 1n];
    const borders = ys.flatMap((y) => [y, y + 2n ** 255n]).map(littleEndian);
    const random = seededRandom(8);
    const drawn = Array.from({ length: 200 }, () => randomBytes(random, 32));
    const weak = smallOrder.flatMap((y) => [
      hex(y),
      hex(y.slice(0, 62) + (Number.parseInt(y.slice(62), 16) | 128).toString(16)),
    ]);
    const keys = [...borders, ...drawn, ...weak, new Uint8Array(31), new Uint8Array(33)];
    const found = keys.map((key) => node.sealingKey(key));
    expect(found).toEqual(keys.map((key) => browser.sealingKey(key)));
    // About half of all numbers are y of a point.
    const points = found.slice(borders.length, borders.length + drawn.length).filter(Boolean).length;
    expect(points).toBeGreaterThan(70);
    expect(points).toBeLessThan(130);
  });

  test('the key pair of RFC 8032 §7.1, test 1, as an X25519 pair', () => {
    const seed = hex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    const publicKey = 'd85e07ec22b0ad881537c2f44d662d1a143cf830c57aca4305d85c7a90f6b62e';
    for (const p of [node, browser]) {
      expect(toHex(p.sealingPair(seed).publicKey)).toBe(publicKey);
      expect(toHex(p.sealingKey(p.signer(seed).publicKey) as Uint8Array)).toBe(publicKey);
    }
  });

  test('signatures', () => {
    const seed = new Uint8Array(32).fill(7);
    const [n, w] = [node.signer(seed), browser.signer(seed)];
    expect(n.publicKey).toEqual(w.publicKey);
    expect(n.sign(utf8('text'))).toEqual(w.sign(utf8('text')));
    expect(node.verifier(n.publicKey)?.(utf8('text'), w.sign(utf8('text')))).toBe(true);
    expect(browser.verifier(n.publicKey)?.(utf8('text'), n.sign(utf8('text')))).toBe(true);
    expect(browser.verifier(n.publicKey)?.(utf8('other'), n.sign(utf8('text')))).toBe(false);
  });

  test('AEAD and records, at sizes around blocks and at large counters', () => {
    const key = new Uint8Array(32).fill(4);
    const [n, w] = [node.aead(key), browser.aead(key)];
    for (const size of [0, 1, 15, 16, 17, 63, 64, 65, 2_047, 2_048, 65_519]) {
      for (const nonce of [0, 1, 4_294_967_295, 4_294_967_296, Number.MAX_SAFE_INTEGER]) {
        const plain = new Uint8Array(size).fill(size);
        const sealed = n.seal(nonce, none, plain);
        expect(equalBytes(w.open(nonce, none, sealed) as Uint8Array, plain)).toBe(true);
        const whole = n.record(nonce, plain, false) as Uint8Array;
        expect(equalBytes(whole.subarray(2), sealed)).toBe(true);
        expect((whole[0] as number) * 256 + (whole[1] as number)).toBe(size + 16);
        expect(equalBytes(w.record(nonce, plain, false) as Uint8Array, whole)).toBe(true);
        const pieces = n.record(nonce, plain, true);
        expect(equalBytes(pieces instanceof Uint8Array ? pieces : concatBytes(...pieces), whole)).toBe(true);
      }
    }
  });

  test('hkdf', () => {
    const [a, b] = hkdf(node, new Uint8Array(32).fill(1), utf8('input'));
    expect(hkdf(browser, new Uint8Array(32).fill(1), utf8('input'))).toEqual([a, b]);
    expect(a).not.toEqual(b);
  });
});
