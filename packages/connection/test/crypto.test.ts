import { readFileSync } from 'node:fs';
import { DOMAIN, fromHex, type PeerId, seededRandom, toHex, utf8 } from '@peernet/core';
import { describe, expect, test, vi } from 'vitest';
import { createCrypto } from '../src/index.js';
import { primitives as browser } from '../src/primitives.browser.js';
import { primitives as node } from '../src/primitives.node.js';
import { seal, sealedExtraBytes } from '../src/sealing.js';
import { encodeStatement } from '../src/wire.js';

const vectors = JSON.parse(readFileSync(new URL('vectors/crypto.json', import.meta.url), 'utf8')) as {
  seed: string;
  id: PeerId;
  signed: { domain: string; bytes: string; signature: string };
  hashed: { domain: string; bytes: string; hash: string };
  sealed: { to: PeerId; domain: string; ephemeralSecret: string; bytes: string; sealed: string };
};

describe.each([
  ['node', node],
  ['browser', browser],
])('createCrypto, %s primitives', (_, primitives) => {
  test('the id is the Ed25519 key of the seed (RFC 8032 §7.1, test 1)', () => {
    const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60') as Uint8Array;
    const crypto = createCrypto({ seed, primitives });
    expect(crypto.id).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    expect(crypto.seed).toEqual(seed);
    expect(crypto.seed).not.toBe(seed);
  });

  test('vectors', () => {
    const seed = fromHex(vectors.seed) as Uint8Array;
    const crypto = createCrypto({ seed, primitives });
    const bytesOf = (part: { bytes: string }): Uint8Array => fromHex(part.bytes) as Uint8Array;
    const { signed, hashed, sealed } = vectors;
    expect(crypto.id).toBe(vectors.id);
    expect(toHex(crypto.sign(signed.domain, bytesOf(signed)))).toBe(signed.signature);
    expect(toHex(crypto.hash(hashed.domain, bytesOf(hashed)))).toBe(hashed.hash);
    const ephemeral = primitives.keyPair(fromHex(sealed.ephemeralSecret) as Uint8Array);
    expect(toHex(seal(primitives, ephemeral, sealed.to, sealed.domain, bytesOf(sealed)))).toBe(sealed.sealed);
    expect(crypto.open(sealed.domain, fromHex(sealed.sealed) as Uint8Array)).toEqual(bytesOf(sealed));
  });

  test('a signature holds for its bytes, domain and signer only', () => {
    const [a, b] = [createCrypto({ primitives }), createCrypto({ primitives })];
    const signature = a.sign('d', utf8('text'));
    expect(signature).toHaveLength(64);
    for (let i = 0; i < 2; i++) expect(b.verify('d', a.id, utf8('text'), signature)).toBe(true); // the second by cache
    expect(b.verify('d', a.id, utf8('texT'), signature)).toBe(false);
    expect(b.verify('D', a.id, utf8('text'), signature)).toBe(false);
    expect(b.verify('d', b.id, utf8('text'), signature)).toBe(false);
    expect(b.verify('d', a.id, utf8('text'), signature.subarray(1))).toBe(false);
    expect(b.verify('d', 'no id' as PeerId, utf8('text'), signature)).toBe(false);
    expect(b.verify('d', '02'.repeat(32) as PeerId, utf8('text'), signature)).toBe(false);
    const bent = signature.slice();
    bent[63] = (bent[63] as number) ^ 1;
    expect(b.verify('d', a.id, utf8('text'), bent)).toBe(false);
  });

  test('domain and bytes do not flow into each other', () => {
    const a = createCrypto({ primitives });
    expect(a.hash('ab', utf8('c'))).not.toEqual(a.hash('a', utf8('bc')));
    expect(a.hash('a', utf8('b'))).toEqual(a.hash('a', utf8('b')));
    expect(toHex(a.hash('peernet/subnet/1', utf8('x')))).toBe(
      toHex(primitives.hash(utf8('peernet/subnet/1\0x'))),
    );
  });

  test('what is sealed to me I can open, under its domain, and nobody else can', () => {
    const [a, b] = [createCrypto({ primitives }), createCrypto({ primitives })];
    for (const text of ['', 'an offer']) {
      const sealed = a.seal(b.id, DOMAIN.signal, utf8(text));
      expect(sealed).toHaveLength(text.length + sealedExtraBytes);
      expect(b.open(DOMAIN.signal, sealed)).toEqual(utf8(text));
      expect(a.open(DOMAIN.signal, sealed)).toBeUndefined();
      expect(b.open(DOMAIN.record, sealed)).toBeUndefined();
      for (let at = 0; at < sealed.length; at++) {
        if (at === 31) continue; // the top bit of an X25519 key is ignored by both sides; the AEAD binds the bytes
        const bent = sealed.slice();
        bent[at] = (bent[at] as number) ^ 1;
        expect(b.open(DOMAIN.signal, bent), `byte ${at}`).toBeUndefined();
      }
      const top = sealed.slice();
      top[31] = (top[31] as number) ^ 0x80;
      expect(b.open(DOMAIN.signal, top)).toBeUndefined();
    }
    expect(b.open(DOMAIN.signal, new Uint8Array(47))).toBeUndefined();
    expect(b.open(DOMAIN.signal, new Uint8Array(48))).toBeUndefined();
  });

  test('sealing to what is nobody’s key does not throw, and nobody can open it', () => {
    const a = createCrypto({ primitives });
    for (const id of ['01'.padEnd(64, '0'), '02'.repeat(32)]) {
      expect(a.seal(id as PeerId, 'd', utf8('x'))).toHaveLength(1 + sealedExtraBytes);
    }
  });

  test('the identity is signed over static key and boot seq', () => {
    const a = createCrypto({ primitives, bootSeq: 77 });
    const { id, bootSeq, signature } = a.identity;
    expect([id, bootSeq]).toEqual([a.id, 77]);
    expect(a.verify(DOMAIN.noise, id, encodeStatement(a.staticKey.publicKey, 77), signature)).toBe(true);
    expect(a.verify(DOMAIN.noise, id, encodeStatement(a.staticKey.publicKey, 78), signature)).toBe(false);
  });
});

test('both platforms open what the other one seals', () => {
  const [a, b] = [createCrypto({ primitives: node }), createCrypto({ primitives: browser })];
  expect(b.open('d', a.seal(b.id, 'd', utf8('x')))).toEqual(utf8('x'));
  expect(a.open('d', b.seal(a.id, 'd', utf8('x')))).toEqual(utf8('x'));
});

test('a verified signature is verified once, a bad one each time, and the cache is of this crypto only', () => {
  const verify = vi.fn(() => true);
  const verifier = vi.fn(() => verify);
  const crypto = createCrypto({ primitives: { ...node, verifier } });
  const { id } = createCrypto();
  const signature = new Uint8Array(64);
  for (let i = 0; i < 3; i++) expect(crypto.verify('d', id, utf8('a'), signature)).toBe(true);
  expect(verify).toHaveBeenCalledTimes(1);
  verify.mockReturnValue(false);
  for (let i = 0; i < 3; i++) expect(crypto.verify('d', id, utf8('b'), signature)).toBe(false);
  expect(verify).toHaveBeenCalledTimes(4);
  expect(verifier).toHaveBeenCalledTimes(1);
});

test('drawn keys replay', () => {
  const make = () => createCrypto({ random: seededRandom(5), bootSeq: 1 });
  expect(make().identity).toEqual(make().identity);
  expect(make().ephemeralKey().publicKey).toEqual(make().ephemeralKey().publicKey);
  expect(createCrypto({ random: seededRandom(6), bootSeq: 1 }).id).not.toBe(make().id);
  expect(createCrypto().id).not.toBe(createCrypto().id);
});

test('misuse is a TypeError', () => {
  expect(() => createCrypto({ seed: new Uint8Array(31) })).toThrow(TypeError);
  expect(() => createCrypto({ seed: 'x'.repeat(32) as unknown as Uint8Array })).toThrow(TypeError);
  expect(() => createCrypto({ bootSeq: -1 })).toThrow(TypeError);
  expect(() => createCrypto({ bootSeq: 1.5 })).toThrow(TypeError);
});
