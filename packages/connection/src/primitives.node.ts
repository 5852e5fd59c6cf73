// The primitives of Node: node:crypto with KeyObjects. Keys travel as JWK where they are imported often: on Node 20
// a DER import takes up to 70 times as long (fast.md §3.5).
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  sign as edSign,
  verify as edVerify,
  generateKeyPairSync,
  hash as hashOnce,
  type KeyObject,
} from 'node:crypto';
import { equalBytes } from '@peernet/core';
import { DEFAULTS, WIRE } from './defaults.js';
import type { Aead, KeyPair, Primitives, Signer } from './machine/primitives.js';
import { montgomeryPoint, montgomerySecret } from './montgomery.js';

const cipherName = 'chacha20-poly1305';
const aeadOptions = { authTagLength: WIRE.tagBytes } as const;
/** PKCS #8 in front of 32 secret bytes (RFC 8410): for secrets that are given as bytes, which is rare. */
const pkcs8 = {
  X25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  Ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
};
type Curve = keyof typeof pkcs8;

function privateKeyOf(curve: Curve, secret: Uint8Array): KeyObject {
  const key = Buffer.concat([pkcs8[curve], secret]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function publicKeyOf(crv: Curve, bytes: Uint8Array): KeyObject {
  const x = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv, x }, format: 'jwk' });
}

function publicBytes(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return new Uint8Array(Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url'));
}

/** No Buffer leaves this file: its `slice` does not copy. */
function plainArray(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return plainArray(hashOnce('sha256', bytes, 'buffer'));
}

/** Bytes of a block of SHA-256. */
const blockBytes = 64;
const hmacInner = new Uint8Array(blockBytes + 128);
const hmacOuter = new Uint8Array(blockBytes + 32);

/** RFC 2104 over one-shot hashes: createHmac takes up to 14 µs to set up (fast.md §2), and a handshake needs 12. */
function hmac(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const inner = bytes.length <= 128 ? hmacInner : new Uint8Array(blockBytes + bytes.length);
  const short = key.length <= blockBytes ? key : sha256(key);
  for (let i = 0; i < blockBytes; i++) {
    const byte = short[i] ?? 0;
    inner[i] = byte ^ 0x36;
    hmacOuter[i] = byte ^ 0x5c;
  }
  inner.set(bytes, blockBytes);
  hmacOuter.set(sha256(inner.subarray(0, blockBytes + bytes.length)), blockBytes);
  return sha256(hmacOuter);
}

/** Shared: OpenSSL copies it before the call returns. */
const iv = Buffer.alloc(12);

function ivOf(nonce: number): Buffer {
  iv.writeUInt32LE(nonce % 4_294_967_296, 4);
  iv.writeUInt32LE(Math.floor(nonce / 4_294_967_296), 8);
  return iv;
}

class NodeAead implements Aead {
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  seal(nonce: number, ad: Uint8Array, plain: Uint8Array): Uint8Array {
    const cipher = createCipheriv(cipherName, this.#key, ivOf(nonce), aeadOptions);
    if (ad.length > 0) cipher.setAAD(ad, { plaintextLength: plain.length });
    const sealed = new Uint8Array(plain.length + WIRE.tagBytes);
    sealed.set(cipher.update(plain));
    cipher.final();
    sealed.set(cipher.getAuthTag(), plain.length);
    return sealed;
  }

  open(nonce: number, ad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const length = sealed.length - WIRE.tagBytes;
    if (length < 0) return undefined;
    const decipher = createDecipheriv(cipherName, this.#key, ivOf(nonce), aeadOptions);
    if (ad.length > 0) decipher.setAAD(ad, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    const plain = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      return undefined; // the only thing that `final` of an AEAD throws about is the tag
    }
    return plainArray(plain);
  }

  record(nonce: number, plain: Uint8Array, gather: boolean): Uint8Array | readonly Uint8Array[] {
    const cipher = createCipheriv(cipherName, this.#key, ivOf(nonce), aeadOptions);
    const body = cipher.update(plain);
    cipher.final();
    const tag = cipher.getAuthTag();
    const length = plain.length + WIRE.tagBytes;
    if (gather && plain.length >= DEFAULTS.gatherBytesMin) {
      return [Uint8Array.of(length >>> 8, length), body, tag];
    }
    const record = new Uint8Array(2 + length);
    record[0] = length >>> 8;
    record[1] = length;
    record.set(body, 2);
    record.set(tag, 2 + plain.length);
    return record;
  }
}

function keyPair(secret?: Uint8Array): KeyPair {
  if (secret !== undefined) {
    const key = privateKeyOf('X25519', secret);
    return { publicKey: publicBytes(key), secret: key };
  }
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: publicBytes(publicKey), secret: privateKey };
}

/** A handshake uses the other side's ephemeral key twice in a row; an import takes 5 µs and more. */
let lastImport: { bytes: Uint8Array; key: KeyObject } | undefined;

function dh(secret: unknown, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    if (lastImport === undefined || !equalBytes(lastImport.bytes, publicKey)) {
      lastImport = { bytes: new Uint8Array(publicKey), key: publicKeyOf('X25519', publicKey) };
    }
    const { key } = lastImport;
    return plainArray(diffieHellman({ privateKey: secret as KeyObject, publicKey: key }));
  } catch {
    return undefined; // OpenSSL refuses keys that would give all zeros
  }
}

function signer(seed: Uint8Array): Signer {
  const key = privateKeyOf('Ed25519', seed);
  return { publicKey: publicBytes(key), sign: (bytes) => new Uint8Array(edSign(null, bytes, key)) };
}

function verifier(publicKey: Uint8Array): ReturnType<Primitives['verifier']> {
  try {
    const key = publicKeyOf('Ed25519', publicKey);
    return (bytes, signature) => edVerify(null, bytes, key, signature);
  } catch {
    return undefined;
  }
}

export const primitives: Primitives = {
  hashName: 'SHA256',
  hashBytes: 32,
  hash: sha256,
  hmac,
  keyPair,
  dh,
  aead: (key) => new NodeAead(key),
  signer,
  verifier,
  sealingKey: montgomeryPoint,
  sealingPair: (seed) => keyPair(montgomerySecret(seed)),
};
