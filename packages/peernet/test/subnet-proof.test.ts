// The first bytes of subnet streams, frozen: test/vectors/subnet-v1.json.
import { readFileSync } from 'node:fs';
import { createCrypto } from '@peernet/connection';
import { fromHex, toHex, utf8 } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { SubnetProofs } from '../src/subnet-proof.js';
import { isSubnetChannel, proof, subnetChannel, subnetKey } from '../src/wire.js';

interface Vector {
  network: string;
  name: string;
  hash: string;
  channel: string;
  key: string;
  handshakeHash: string;
  initiator: string;
  responder: string;
}

const crypto = createCrypto();
const file = new URL('vectors/subnet-v1.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];
const bytes = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;
const on = (handshakeHash: Uint8Array, initiator: boolean) => ({ handshakeHash, initiator }) as never;

describe.each(vectors)('$name in "$network"', (v) => {
  test('the channel is the base64url of the hash', () => {
    expect(subnetChannel(bytes(v.hash))).toBe(v.channel);
    expect(isSubnetChannel(v.channel)).toBe(true);
    expect(v.channel).toMatch(/^[A-Za-z0-9_./-]{1,64}$/);
  });

  test('key and proofs', () => {
    const key = subnetKey(crypto, utf8(v.name), utf8(v.network));
    expect(toHex(key)).toBe(v.key);
    for (const role of ['initiator', 'responder'] as const) {
      const made = proof(crypto.primitives.hmac, key, bytes(v.handshakeHash), role);
      expect(toHex(made)).toBe(v[role]);
    }
  });

  test('each side takes the proof of the other role, on the same connection, and no other', () => {
    const proofs = new SubnetProofs(crypto, v.name, v.network);
    const hash = bytes(v.handshakeHash);
    const theirs = bytes(v.responder);
    expect(proofs.isTheirs(on(hash, true), theirs)).toBe(true);
    expect(proofs.isTheirs(on(hash, false), theirs)).toBe(false);
    expect(proofs.isTheirs(on(hash, false), bytes(v.initiator))).toBe(true);
    const other = Uint8Array.from(hash, (byte, i) => (i === 31 ? byte ^ 1 : byte));
    expect(proofs.isTheirs(on(other, true), theirs)).toBe(false);
    expect(proofs.isTheirs(on(hash, true), theirs.subarray(0, 31))).toBe(false);
    for (const wrong of [
      new SubnetProofs(crypto, `${v.name}x`, v.network),
      new SubnetProofs(crypto, v.name, 'elsewhere'),
    ]) {
      expect(wrong.isTheirs(on(hash, true), theirs)).toBe(false);
    }
  });
});
