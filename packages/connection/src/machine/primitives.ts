// What the handshake, the record cipher and `createCrypto` need of a cryptographic library: the seam behind which
// node:crypto and @noble are exchanged. Synchronous and without state of its own.

/** An X25519 key pair. What a secret is, only the primitives that made it know. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secret: unknown;
}

/** ChaCha20-Poly1305 under one key; the nonce is the counter of Noise (4 zero bytes, then 64 bits, little-endian). */
export interface Aead {
  /** ciphertext ‖ tag */
  seal(nonce: number, ad: Uint8Array, plain: Uint8Array): Uint8Array;
  /** The plaintext, or undefined if somebody changed something. */
  open(nonce: number, ad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /** A record as it travels, u16 length in front, without associated data: in one piece, or in several if `gather`. */
  record(nonce: number, plain: Uint8Array, gather: boolean): Uint8Array | readonly Uint8Array[];
}

/** What Noise is built of. */
export interface NoisePrimitives {
  /** As in the protocol name: 'SHA256'. */
  readonly hashName: string;
  readonly hashBytes: number;
  hash(bytes: Uint8Array): Uint8Array;
  hmac(key: Uint8Array, bytes: Uint8Array): Uint8Array;
  /** A fresh pair, or the pair of `secret` (32 bytes). */
  keyPair(secret?: Uint8Array): KeyPair;
  /** The shared secret; undefined if it would be all zeros (a key of small order). */
  dh(secret: unknown, publicKey: Uint8Array): Uint8Array | undefined;
  aead(key: Uint8Array): Aead;
}

/** An Ed25519 signer. */
export interface Signer {
  readonly publicKey: Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
}

export interface Primitives extends NoisePrimitives {
  signer(seed: Uint8Array): Signer;
  /** A prepared public key: expensive to import, so it is kept. Undefined if these bytes are none. */
  verifier(publicKey: Uint8Array): ((bytes: Uint8Array, signature: Uint8Array) => boolean) | undefined;
  /** The X25519 key that belongs to an Ed25519 key (RFC 7748 §4.1), for sealing; undefined if there is none. */
  sealingKey(publicKey: Uint8Array): Uint8Array | undefined;
  /** The X25519 pair that belongs to an Ed25519 seed. */
  sealingPair(seed: Uint8Array): KeyPair;
}
