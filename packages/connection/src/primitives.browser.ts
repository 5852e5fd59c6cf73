// The primitives of browsers: @noble alone. Web Crypto would be asynchronous, and is absent on plain-http pages.
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes, signatureBytes } from '@peernet/core';
import { WIRE } from './defaults.js';
import type { Aead, KeyPair, Primitives, Signer } from './machine/primitives.js';

class NobleAead implements Aead {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = new Uint8Array(key);
  }

  #cipher(nonce: number, ad?: Uint8Array): ReturnType<typeof chacha20poly1305> {
    const iv = new Uint8Array(12);
    const view = new DataView(iv.buffer);
    view.setUint32(4, nonce % 4_294_967_296, true);
    view.setUint32(8, Math.floor(nonce / 4_294_967_296), true);
    return chacha20poly1305(this.#key, iv, ad);
  }

  seal(nonce: number, ad: Uint8Array, plain: Uint8Array): Uint8Array {
    return this.#cipher(nonce, ad).encrypt(plain);
  }

  open(nonce: number, ad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < WIRE.tagBytes) return undefined;
    try {
      return this.#cipher(nonce, ad).decrypt(sealed);
    } catch {
      return undefined;
    }
  }

  record(nonce: number, plain: Uint8Array): Uint8Array {
    const length = plain.length + WIRE.tagBytes;
    const record = new Uint8Array(2 + length);
    record[0] = length >>> 8;
    record[1] = length;
    this.#cipher(nonce).encrypt(plain, record.subarray(2));
    return record;
  }
}

function keyPair(secret: Uint8Array = x25519.utils.randomSecretKey()): KeyPair {
  return { publicKey: x25519.getPublicKey(secret), secret: new Uint8Array(secret) };
}

function dh(secret: unknown, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    return x25519.getSharedSecret(secret as Uint8Array, publicKey);
  } catch {
    return undefined; // noble refuses keys that would give all zeros
  }
}

function signer(seed: Uint8Array): Signer {
  const secret = new Uint8Array(seed);
  return { publicKey: ed25519.getPublicKey(secret), sign: (bytes) => ed25519.sign(bytes, secret) };
}

function verifier(publicKey: Uint8Array): ReturnType<Primitives['verifier']> {
  const own = publicKey.slice();
  const key = pointOf(own);
  if (key === undefined) return undefined;
  return (bytes, signature) => {
    try {
      return holds(key, own, bytes, signature);
    } catch {
      return false; // its number is none below the order of the base point
    }
  };
}

function pointOf(publicKey: Uint8Array): EdwardsPoint | undefined {
  try {
    return ed25519.Point.fromBytes(publicKey, false);
  } catch {
    return undefined;
  }
}

/**
 * RFC 8032 §5.1.7 without the cofactor, as OpenSSL does. `ed25519.verify` multiplies by it, and so takes signatures that
 * Node refuses: a page that passed one on would be banned for it.
 */
function holds(key: EdwardsPoint, publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519;
  if (signature.length !== signatureBytes) return false;
  const point = signature.subarray(0, WIRE.keyBytes);
  const k = Point.Fn.create(bytesToNumberLE(sha512(concatBytes(point, publicKey, bytes))));
  const times = Point.BASE.multiplyUnsafe(bytesToNumberLE(signature.subarray(WIRE.keyBytes)));
  return equalBytes(times.subtract(key.multiplyUnsafe(k)).toBytes(), point);
}

function sealingKey(publicKey: Uint8Array): Uint8Array | undefined {
  try {
    return ed25519.utils.toMontgomery(publicKey);
  } catch {
    return undefined; // not a point of the curve
  }
}

export const primitives: Primitives = {
  hashName: 'SHA256',
  hashBytes: 32,
  hash: sha256,
  hmac: (key, bytes) => hmac(sha256, key, bytes),
  keyPair,
  dh,
  aead: (key) => new NobleAead(key),
  signer,
  verifier,
  sealingKey,
  sealingPair: (seed) => keyPair(ed25519.utils.toMontgomerySecret(seed)),
};
