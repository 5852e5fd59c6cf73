// Cryptography of the simulator: core's contract, a thousand times cheaper than the real one and as unforgeable
// for code inside a world, because secrets exist only in the world's registry. Ids, signatures and hashes have the
// sizes of real ones. Worthless outside: anybody who can read this process can forge everything.
import {
  type Crypto,
  equalBytes,
  hashBytes,
  type PeerId,
  peerIdBytes,
  peerIdFromBytes,
  signatureBytes,
  utf8,
} from '@peernet/core';
import { absorb, type State, squeeze } from './mixing.js';

/** Bytes that sealing adds: like an ephemeral key and a tag. */
const nonceBytes = 32;
const tagBytes = 16;

/** Who exists in a world, with their secrets. */
export class IdentityRegistry {
  readonly #seed: number;
  readonly #secrets = new Map<PeerId, State>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The id that belongs to `name` in this world, always the same. */
  create(name: string): PeerId {
    const state = this.#state(0x1d);
    absorb(state, utf8(name));
    const id = peerIdFromBytes(squeeze(state, peerIdBytes));
    const secret = this.#state(0x5ec);
    absorb(secret, utf8(name));
    this.#secrets.set(id, secret);
    return id;
  }

  #state(purpose: number): State {
    return [this.#seed | 0, Math.floor(this.#seed / 4_294_967_296) | 0, purpose, 0x5eed];
  }

  /** A keyed state over domain and bytes, or undefined for an id that nobody here has. */
  keyed(id: PeerId, purpose: number, domain: string, bytes: Uint8Array): State | undefined {
    const secret = this.#secrets.get(id);
    if (secret === undefined) return undefined;
    const state: State = [secret[0] ^ purpose, secret[1], secret[2], secret[3]];
    absorbDomain(state, domain);
    absorb(state, bytes);
    return state;
  }
}

const domains = new Map<string, State>();

function absorbDomain(state: State, domain: string): void {
  let words = domains.get(domain);
  if (words === undefined) {
    words = [1, 2, 3, 4];
    absorb(words, utf8(domain));
    domains.set(domain, words);
  }
  for (let i = 0; i < 4; i++) state[i] = (state[i] as number) ^ (words[i] as number);
}

const purposes = { sign: 1, seal: 2, tag: 3 } as const;

/** The crypto of the peer called `name` in `world`: the same name, the same identity. */
export function simCrypto(world: { readonly identities: IdentityRegistry }, name: string): Crypto {
  return new SimCrypto(world.identities, world.identities.create(name));
}

class SimCrypto implements Crypto {
  readonly id: PeerId;
  readonly #registry: IdentityRegistry;
  #nonce = 0;

  constructor(registry: IdentityRegistry, id: PeerId) {
    this.#registry = registry;
    this.id = id;
  }

  sign(domain: string, bytes: Uint8Array): Uint8Array {
    return squeeze(this.#registry.keyed(this.id, purposes.sign, domain, bytes) as State, signatureBytes);
  }

  verify(domain: string, id: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length !== signatureBytes) return false;
    const state = this.#registry.keyed(id, purposes.sign, domain, bytes);
    return state !== undefined && equalBytes(squeeze(state, signatureBytes), signature);
  }

  seal(to: PeerId, domain: string, bytes: Uint8Array): Uint8Array {
    const nonceState: State = [this.#nonce++, 7, 7, 7];
    absorb(nonceState, utf8(this.id));
    const nonce = squeeze(nonceState, nonceBytes);
    const sealed = new Uint8Array(nonceBytes + bytes.length + tagBytes);
    sealed.set(nonce);
    const key = this.#registry.keyed(to, purposes.seal, domain, nonce);
    if (key === undefined) return sealed; // for an id that nobody has: nobody opens it
    xor(bytes, key, sealed.subarray(nonceBytes, nonceBytes + bytes.length));
    sealed.set(this.#tag(to, domain, sealed.subarray(0, -tagBytes)), nonceBytes + bytes.length);
    return sealed;
  }

  open(domain: string, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < nonceBytes + tagBytes) return undefined;
    const body = sealed.subarray(0, -tagBytes);
    if (!equalBytes(this.#tag(this.id, domain, body), sealed.subarray(-tagBytes))) return undefined;
    const key = this.#registry.keyed(this.id, purposes.seal, domain, sealed.subarray(0, nonceBytes)) as State;
    const bytes = new Uint8Array(body.length - nonceBytes);
    xor(body.subarray(nonceBytes), key, bytes);
    return bytes;
  }

  hash(domain: string, bytes: Uint8Array): Uint8Array {
    const state: State = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
    absorbDomain(state, domain);
    absorb(state, bytes);
    return squeeze(state, hashBytes);
  }

  #tag(to: PeerId, domain: string, bytes: Uint8Array): Uint8Array {
    return squeeze(this.#registry.keyed(to, purposes.tag, domain, bytes) as State, tagBytes);
  }
}

/** `bytes` xor a key stream, into `out`. */
function xor(bytes: Uint8Array, key: State, out: Uint8Array): void {
  const stream = squeeze(key, (bytes.length + 3) & ~3);
  for (let i = 0; i < bytes.length; i++) out[i] = (bytes[i] as number) ^ (stream[i] as number);
}
