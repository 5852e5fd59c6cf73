// The contract for cryptography. Synchronous, so that machines stay synchronous. Every operation names its domain,
// so that a signature or hash made for one purpose means nothing for another. The real one is in
// @peernet/connection (`createCrypto`); the simulator's is cheap, and as unforgeable inside it.
import type { PeerId } from './peer-id.js';

export interface Crypto {
  /** Who we are. */
  readonly id: PeerId;
  /** 64-byte Ed25519 signature over domain ‖ 0 ‖ bytes. */
  sign(domain: string, bytes: Uint8Array): Uint8Array;
  /** False for small-order and non-canonical ids too. Never throws. */
  verify(domain: string, id: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean;
  /** Only `to` can open it; says nothing about who sealed it. */
  seal(to: PeerId, domain: string, bytes: Uint8Array): Uint8Array;
  /** What was sealed to us, or undefined. Never throws. */
  open(domain: string, sealed: Uint8Array): Uint8Array | undefined;
  /** 32 bytes, SHA-256 over domain ‖ 0 ‖ bytes. */
  hash(domain: string, bytes: Uint8Array): Uint8Array;
}

/** Bytes of a signature. */
export const signatureBytes = 64;
/** Bytes of a hash. */
export const hashBytes = 32;

/** Domains of everything that is signed or hashed: append only. */
export const DOMAIN = Object.freeze({
  noise: 'peernet/noise/1',
  record: 'peernet/record/1',
  advert: 'peernet/ad/1',
  answer: 'peernet/answer/1',
  subnet: 'peernet/subnet/1',
  extrema: 'peernet/extrema/1',
  signal: 'peernet/signal/1',
  subnetKey: 'peernet/subnet-key/1',
});
