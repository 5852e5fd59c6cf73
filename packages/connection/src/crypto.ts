// The real Crypto: Ed25519 and SHA-256 with domains, sealing, and the Noise static key of this process.
import {
  type Crypto,
  concatBytes,
  DOMAIN,
  LruMap,
  type PeerId,
  peerIdFromBytes,
  peerIdToBytes,
  type Random,
  randomBytes,
  signatureBytes,
  systemRandom,
  toHex,
  utf8,
} from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import type { KeyPair, Primitives } from './machine/primitives.js';
import { isWeakKey } from './machine/weak-key.js';
import { primitives as platform } from './primitives.node.js';
import { seal, unseal } from './sealing.js';
import { encodeStatement, type Identity } from './wire.js';

/** A Crypto that owns a private key and can therefore make connections. */
export interface LocalCrypto extends Crypto {
  /** The Ed25519 secret, 32 bytes: what to keep in order to stay the same peer. */
  readonly seed: Uint8Array;
  /** The X25519 key of this process. */
  readonly staticKey: KeyPair;
  /** Higher than in all earlier processes of this peer. */
  readonly bootSeq: number;
  /** What is said in handshakes: id, boot seq, and the signature over both keys, made once. */
  readonly identity: Identity;
  readonly primitives: Primitives;
  /** A fresh X25519 pair. */
  ephemeralKey(): KeyPair;
}

export interface CryptoOptions {
  /** Ed25519 secret, 32 bytes; absent: a new peer. */
  seed?: Uint8Array | undefined;
  /** For tests: all keys are drawn from it. Absent: the CSPRNG of the platform. */
  random?: Random | undefined;
  /** Absent: the wall clock, ms. */
  bootSeq?: number | undefined;
  /** For tests, and for platforms of their own. */
  primitives?: Primitives | undefined;
}

/** @throws TypeError if the seed has not 32 bytes, or belongs to no usable id. */
export function createCrypto(options: CryptoOptions = {}): LocalCrypto {
  const { seed, bootSeq = Date.now() } = options;
  if (seed !== undefined && !(seed instanceof Uint8Array && seed.length === 32)) {
    throw new TypeError('createCrypto: seed must be a Uint8Array of 32 bytes');
  }
  if (!Number.isSafeInteger(bootSeq) || bootSeq < 0) {
    throw new TypeError(`createCrypto: bootSeq must be a safe integer ≥ 0, got ${bootSeq}`);
  }
  return new PlatformCrypto(options, bootSeq);
}

class PlatformCrypto implements LocalCrypto {
  readonly id: PeerId;
  readonly seed: Uint8Array;
  readonly bootSeq: number;
  readonly primitives: Primitives;
  readonly staticKey: KeyPair;
  readonly identity: Identity;
  readonly #random: Random | undefined;
  readonly #sign: (bytes: Uint8Array) => Uint8Array;
  #sealingPair: KeyPair | undefined;
  readonly #verifiers = new LruMap<PeerId, ReturnType<Primitives['verifier']>>(DEFAULTS.keysMax);
  readonly #verified = new LruMap<string, true>(DEFAULTS.verifiedMax);

  constructor(options: CryptoOptions, bootSeq: number) {
    const p = options.primitives ?? platform;
    this.primitives = p;
    this.#random = options.random;
    this.seed = new Uint8Array(options.seed ?? randomBytes(options.random ?? systemRandom, 32));
    this.bootSeq = bootSeq;
    const { publicKey, sign } = p.signer(this.seed);
    this.#sign = sign;
    this.id = peerIdFromBytes(publicKey);
    this.staticKey = this.ephemeralKey();
    const statement = encodeStatement(this.staticKey.publicKey, bootSeq);
    this.identity = { id: this.id, bootSeq, signature: this.sign(DOMAIN.noise, statement) };
  }

  ephemeralKey(): KeyPair {
    return this.primitives.keyPair(this.#random && randomBytes(this.#random, 32));
  }

  sign(domain: string, bytes: Uint8Array): Uint8Array {
    return this.#sign(separated(domain, bytes));
  }

  verify(domain: string, id: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length !== signatureBytes) return false;
    const message = separated(domain, bytes);
    const key = id + toHex(this.primitives.hash(concatBytes(signature, message)));
    if (this.#verified.touch(key) === true) return true;
    if (isWeakKey(id)) return false;
    let verifier = this.#verifiers.touch(id);
    if (verifier === undefined) {
      verifier = this.primitives.verifier(peerIdToBytes(id));
      if (verifier === undefined) return false;
      this.#verifiers.set(id, verifier);
    }
    if (!verifier(message, signature)) return false;
    this.#verified.set(key, true);
    return true;
  }

  seal(to: PeerId, domain: string, bytes: Uint8Array): Uint8Array {
    return seal(this.primitives, this.ephemeralKey(), to, domain, bytes);
  }

  open(domain: string, sealed: Uint8Array): Uint8Array | undefined {
    this.#sealingPair ??= this.primitives.sealingPair(this.seed);
    return unseal(this.primitives, this.#sealingPair, this.id, domain, sealed);
  }

  hash(domain: string, bytes: Uint8Array): Uint8Array {
    return this.primitives.hash(separated(domain, bytes));
  }
}

const domains = new Map<string, Uint8Array>();

/** domain ‖ 0 ‖ bytes */
function separated(domain: string, bytes: Uint8Array): Uint8Array {
  let prefix = domains.get(domain);
  if (prefix === undefined) {
    prefix = utf8(`${domain}\0`);
    if (domains.size < DEFAULTS.domainsMax) domains.set(domain, prefix);
  }
  return concatBytes(prefix, bytes);
}
