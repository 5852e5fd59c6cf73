// Noise_XX_25519_ChaChaPoly_<hash>, revision 34 of the specification, by its own words: SymmetricState and the three
// messages of XX. Peernet speaks SHA256; the hash is a parameter only so that tests can talk to implementations that
// know another one. Pure: no randomness but the key pairs that it is given.
//
//   -> e          <- e, ee, s, es          -> s, se
import { concatBytes, utf8 } from '@peernet/core';
import { WIRE } from '../defaults.js';
import { hkdf } from './hkdf.js';
import type { Aead, KeyPair, NoisePrimitives } from './primitives.js';

const empty = new Uint8Array(0);
const sealedKeyBytes = WIRE.keyBytes + WIRE.tagBytes;

/** One direction of the transport phase: a cipher and its counter. */
export class RecordCipher {
  readonly #aead: Aead;
  #nonce = 0;

  constructor(aead: Aead) {
    this.#aead = aead;
  }

  /** True when the counter is used up; by reasoning: 285 years at a million records per second. */
  get spent(): boolean {
    return this.#nonce >= Number.MAX_SAFE_INTEGER;
  }

  seal(plain: Uint8Array): Uint8Array {
    return this.#aead.seal(this.#nonce++, empty, plain);
  }

  /** The record as it travels; see Aead. */
  record(plain: Uint8Array, gather: boolean): Uint8Array | readonly Uint8Array[] {
    return this.#aead.record(this.#nonce++, plain, gather);
  }

  /** Undefined ends the connection: the counter does not move, nothing is tried twice. */
  open(sealed: Uint8Array): Uint8Array | undefined {
    const plain = this.#aead.open(this.#nonce, empty, sealed);
    if (plain !== undefined) this.#nonce++;
    return plain;
  }
}

export interface NoiseOptions {
  readonly primitives: NoisePrimitives;
  readonly initiator: boolean;
  readonly staticKey: KeyPair;
  readonly ephemeralKey: KeyPair;
  readonly prologue: Uint8Array;
}

/** The state of one handshake. Every method returns undefined when the other side's bytes cannot be. */
export class NoiseXX {
  readonly initiator: boolean;
  readonly #p: NoisePrimitives;
  readonly #s: KeyPair;
  readonly #e: KeyPair;
  #h: Uint8Array;
  #ck: Uint8Array;
  #aead: Aead | undefined;
  #nonce = 0;
  #re: Uint8Array = empty;
  #rs: Uint8Array | undefined;

  constructor(options: NoiseOptions) {
    this.#p = options.primitives;
    this.initiator = options.initiator;
    this.#s = options.staticKey;
    this.#e = options.ephemeralKey;
    const name = utf8(`Noise_XX_25519_ChaChaPoly_${this.#p.hashName}`);
    const room = this.#p.hashBytes - name.length;
    this.#h = room >= 0 ? concatBytes(name, new Uint8Array(room)) : this.#p.hash(name);
    this.#ck = this.#h;
    this.#mixHash(options.prologue);
  }

  /** The other side's static key, once its message was read. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#rs;
  }

  /** The hash of everything said: both sides know the same, and nobody else's connection has it. */
  get hash(): Uint8Array {
    return this.#h;
  }

  /** -> e */
  write1(payload: Uint8Array = empty): Uint8Array {
    this.#mixHash(this.#e.publicKey);
    return concatBytes(this.#e.publicKey, this.#encrypt(payload));
  }

  read1(message: Uint8Array): Uint8Array | undefined {
    if (message.length < WIRE.keyBytes) return undefined;
    this.#re = new Uint8Array(message.subarray(0, WIRE.keyBytes));
    this.#mixHash(this.#re);
    return this.#decrypt(message.subarray(WIRE.keyBytes));
  }

  /** <- e, ee, s, es. Undefined if their ephemeral key was no key. */
  write2(payload: Uint8Array = empty): Uint8Array | undefined {
    this.#mixHash(this.#e.publicKey);
    if (!this.#mixDh(this.#e, this.#re)) return undefined;
    const key = this.#encrypt(this.#s.publicKey);
    if (!this.#mixDh(this.#s, this.#re)) return undefined;
    return concatBytes(this.#e.publicKey, key, this.#encrypt(payload));
  }

  read2(message: Uint8Array): Uint8Array | undefined {
    const at = WIRE.keyBytes + sealedKeyBytes;
    if (message.length < at + WIRE.tagBytes) return undefined;
    this.#re = new Uint8Array(message.subarray(0, WIRE.keyBytes));
    this.#mixHash(this.#re);
    if (!this.#mixDh(this.#e, this.#re)) return undefined;
    this.#rs = this.#decrypt(message.subarray(WIRE.keyBytes, at));
    if (this.#rs === undefined || !this.#mixDh(this.#e, this.#rs)) return undefined;
    return this.#decrypt(message.subarray(at));
  }

  /** -> s, se */
  write3(payload: Uint8Array = empty): Uint8Array | undefined {
    const key = this.#encrypt(this.#s.publicKey);
    if (!this.#mixDh(this.#s, this.#re)) return undefined;
    return concatBytes(key, this.#encrypt(payload));
  }

  read3(message: Uint8Array): Uint8Array | undefined {
    if (message.length < sealedKeyBytes + WIRE.tagBytes) return undefined;
    this.#rs = this.#decrypt(message.subarray(0, sealedKeyBytes));
    if (this.#rs === undefined || !this.#mixDh(this.#e, this.#rs)) return undefined;
    return this.#decrypt(message.subarray(sealedKeyBytes));
  }

  /** The ciphers of the transport phase, after message 3. */
  split(): { send: RecordCipher; receive: RecordCipher } {
    const [a, b] = hkdf(this.#p, this.#ck, empty).map(
      (key) => new RecordCipher(this.#p.aead(key.subarray(0, WIRE.keyBytes))),
    ) as [RecordCipher, RecordCipher];
    return this.initiator ? { send: a, receive: b } : { send: b, receive: a };
  }

  #mixHash(bytes: Uint8Array): void {
    this.#h = this.#p.hash(concatBytes(this.#h, bytes));
  }

  #mixDh(pair: KeyPair, remote: Uint8Array): boolean {
    const shared = this.#p.dh(pair.secret, remote);
    if (shared === undefined) return false;
    const [chaining, key] = hkdf(this.#p, this.#ck, shared);
    this.#ck = chaining;
    this.#aead = this.#p.aead(key.subarray(0, WIRE.keyBytes));
    this.#nonce = 0;
    return true;
  }

  #encrypt(plain: Uint8Array): Uint8Array {
    const sealed = this.#aead === undefined ? plain : this.#aead.seal(this.#nonce++, this.#h, plain);
    this.#mixHash(sealed);
    return sealed;
  }

  #decrypt(sealed: Uint8Array): Uint8Array | undefined {
    const plain = this.#aead === undefined ? sealed : this.#aead.open(this.#nonce++, this.#h, sealed);
    if (plain !== undefined) this.#mixHash(sealed);
    return plain;
  }
}
