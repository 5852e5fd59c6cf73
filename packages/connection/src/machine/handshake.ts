// From the first byte to two authenticated peers: hellos, Noise XX, identities (protocol.md §1.1 and §1.2).
//
// Bytes and the time go in; bytes to write, and the result, come out. It holds at most one handshake message
// (202 bytes) of a stranger, and refuses at the first byte that cannot be right.
import { type Crypto, concatBytes, DOMAIN, type ErrorCode, equalBytes, type PeerId } from '@peernet/core';
import { WIRE } from '../defaults.js';
import {
  decodeHello,
  decodeIdentity,
  encodeHello,
  encodeIdentity,
  encodeStatement,
  type Identity,
  magic,
  ROLE,
  type Role,
} from '../wire.js';
import { NoiseXX, type RecordCipher } from './noise.js';
import type { KeyPair, NoisePrimitives } from './primitives.js';

/** Highest boot sequence number that each peer has shown: an old copy of a restarted peer is refused. */
export interface BootSeqs {
  get(id: PeerId): number | undefined;
  raise(id: PeerId, bootSeq: number): void;
}

export interface HandshakeOptions {
  readonly primitives: NoisePrimitives;
  /** Verifies the other side's signature; its `id` is ours. */
  readonly crypto: Pick<Crypto, 'id' | 'verify'>;
  readonly staticKey: KeyPair;
  /** Ours, signed once per process. */
  readonly identity: Identity;
  /** Draws a fresh pair; called once. */
  readonly ephemeralKey: () => KeyPair;
  readonly role: Role;
  /** 16 random bytes. */
  readonly nonce: Uint8Array;
  /** The network id: whoever has another one cannot finish. */
  readonly network: Uint8Array;
  /** Refuse anybody else. */
  readonly expect?: PeerId | undefined;
  readonly bootSeqs: BootSeqs;
  readonly firstByteMs: number;
  readonly handshakeMs: number;
}

export interface Established {
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly remoteStatic: Uint8Array;
  readonly hash: Uint8Array;
  readonly send: RecordCipher;
  readonly receive: RecordCipher;
}

export interface HandshakeEffects {
  write(bytes: Uint8Array): void;
  /** Last. */
  established(result: Established): void;
  /** Last. */
  failed(code: ErrorCode): void;
}

const lengthBytes = 2;
const message1Bytes = lengthBytes + WIRE.keyBytes;
const message3Bytes = lengthBytes + WIRE.keyBytes + WIRE.tagBytes + WIRE.identityBytes + WIRE.tagBytes;
const message2Bytes = message3Bytes + WIRE.keyBytes;

type Step = 'hello' | 'message1' | 'message2' | 'message3' | 'over';

const wanted: Readonly<Record<Step, number>> = {
  hello: WIRE.helloBytes,
  message1: message1Bytes,
  message2: message2Bytes,
  message3: message3Bytes,
  over: 0,
};

export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #hello: Uint8Array;
  readonly #ephemeral: KeyPair | undefined;
  readonly #held = new Uint8Array(message2Bytes);
  #have = 0;
  #step: Step = 'hello';
  #noise: NoiseXX | undefined;
  #remote: PeerId | undefined;
  #firstByteAtMs: number;
  readonly #endAtMs: number;

  constructor(options: HandshakeOptions, nowMs: number) {
    this.#options = options;
    this.#hello = encodeHello(options.role, options.nonce);
    this.#ephemeral = options.role === 'initiator' ? options.ephemeralKey() : undefined;
    this.#firstByteAtMs = nowMs + options.firstByteMs;
    this.#endAtMs = nowMs + options.handshakeMs;
  }

  /**
   * What to write first. Who knows that it initiates sends message 1 behind its hello: the prologue does not show in
   * it, so it need not wait for the other hello (one flight less).
   */
  start(): Uint8Array {
    if (this.#ephemeral === undefined) return this.#hello;
    return concatBytes(this.#hello, framed(this.#ephemeral.publicKey));
  }

  /** When `tick` wants to be called, ms. */
  deadline(): number {
    if (this.#step === 'over') return Number.POSITIVE_INFINITY;
    return Math.min(this.#firstByteAtMs, this.#endAtMs);
  }

  tick(nowMs: number, effects: HandshakeEffects): void {
    if (nowMs >= this.deadline()) this.#fail('HANDSHAKE_TIMEOUT', effects);
  }

  /** Takes bytes of the other side; returns how many it used: what is behind the last message is the connection's. */
  receive(bytes: Uint8Array, effects: HandshakeEffects): number {
    if (bytes.length > 0) this.#firstByteAtMs = Number.POSITIVE_INFINITY;
    let at = 0;
    while (at < bytes.length && this.#step !== 'over') {
      const take = Math.min(wanted[this.#step] - this.#have, bytes.length - at);
      this.#held.set(bytes.subarray(at, at + take), this.#have);
      this.#have += take;
      at += take;
      const code =
        this.#looksWrong() ?? (this.#have === wanted[this.#step] ? this.#advance(effects) : undefined);
      if (code !== undefined) this.#fail(code, effects);
    }
    return at;
  }

  /** Refuses before a whole message is there, where its beginning says enough. */
  #looksWrong(): ErrorCode | undefined {
    if (this.#step === 'hello') {
      for (let i = 0; i < Math.min(this.#have, magic.length); i++) {
        if (this.#held[i] !== magic[i]) return 'NOT_PEERNET';
      }
      return undefined;
    }
    const length = wanted[this.#step] - lengthBytes;
    if (this.#have >= 1 && this.#held[0] !== length >>> 8) return 'HANDSHAKE_FAILED';
    if (this.#have >= 2 && this.#held[1] !== (length & 255)) return 'HANDSHAKE_FAILED';
    return undefined;
  }

  #fail(code: ErrorCode, effects: HandshakeEffects): void {
    this.#step = 'over';
    effects.failed(code);
  }

  #advance(effects: HandshakeEffects): ErrorCode | undefined {
    const held = this.#held.subarray(0, this.#have);
    this.#have = 0;
    if (this.#step === 'hello') return this.#onHello(held, effects);
    const message = held.subarray(lengthBytes);
    if (this.#step === 'message1') return this.#onMessage1(message, effects);
    if (this.#step === 'message2') return this.#onMessage2(message, effects);
    return this.#onMessage3(message, effects);
  }

  #onHello(bytes: Uint8Array, effects: HandshakeEffects): ErrorCode | undefined {
    const theirs = decodeHello(bytes);
    if (theirs === undefined) return 'NOT_PEERNET';
    const { role, nonce } = this.#options;
    const order = compareBytes(nonce, theirs.nonce);
    if (order === 0) return 'MIRROR';
    if (role !== 'any' && ROLE[role] === theirs.role) return 'HANDSHAKE_FAILED';
    const initiator =
      role === 'any'
        ? theirs.role === ROLE.responder || (theirs.role === ROLE.any && order > 0)
        : role === 'initiator';
    const hellos = initiator ? [this.#hello, bytes] : [bytes, this.#hello];
    this.#noise = new NoiseXX({
      primitives: this.#options.primitives,
      initiator,
      staticKey: this.#options.staticKey,
      ephemeralKey: this.#ephemeral ?? this.#options.ephemeralKey(),
      prologue: concatBytes(...hellos, this.#options.network),
    });
    this.#step = initiator ? 'message2' : 'message1';
    if (initiator) {
      const message = this.#noise.write1();
      if (this.#ephemeral === undefined) effects.write(framed(message));
    }
    return undefined;
  }

  #onMessage1(message: Uint8Array, effects: HandshakeEffects): ErrorCode | undefined {
    const noise = this.#noise as NoiseXX;
    noise.read1(message);
    const answer = noise.write2(encodeIdentity(this.#options.identity));
    if (answer === undefined) return 'HANDSHAKE_FAILED';
    effects.write(framed(answer));
    this.#step = 'message3';
    return undefined;
  }

  #onMessage2(message: Uint8Array, effects: HandshakeEffects): ErrorCode | undefined {
    const noise = this.#noise as NoiseXX;
    const refused = this.#identify(noise.read2(message));
    if (refused !== undefined) return refused;
    const answer = noise.write3(encodeIdentity(this.#options.identity));
    if (answer === undefined) return 'HANDSHAKE_FAILED';
    effects.write(framed(answer));
    this.#establish(effects);
    return undefined;
  }

  #onMessage3(message: Uint8Array, effects: HandshakeEffects): ErrorCode | undefined {
    const refused = this.#identify((this.#noise as NoiseXX).read3(message));
    if (refused === undefined) this.#establish(effects);
    return refused;
  }

  /**
   * Judges the identity that came with the other side's static key. The tag of the message has proven that they hold
   * that key; the signature binds it to the id, whose owner alone could make it.
   */
  #identify(payload: Uint8Array | undefined): ErrorCode | undefined {
    const remoteStatic = (this.#noise as NoiseXX).remoteStatic;
    const theirs = payload && decodeIdentity(payload);
    if (theirs === undefined || remoteStatic === undefined) return 'HANDSHAKE_FAILED';
    const { crypto, expect, bootSeqs } = this.#options;
    const statement = encodeStatement(remoteStatic, theirs.bootSeq);
    if (!crypto.verify(DOMAIN.noise, theirs.id, statement, theirs.signature)) return 'HANDSHAKE_FAILED';
    if (theirs.id === crypto.id) return 'SELF';
    if (expect !== undefined && theirs.id !== expect) return 'WRONG_PEER';
    if (theirs.bootSeq < (bootSeqs.get(theirs.id) ?? 0)) return 'STALE_PEER';
    bootSeqs.raise(theirs.id, theirs.bootSeq);
    this.#remote = theirs.id;
    return undefined;
  }

  #establish(effects: HandshakeEffects): void {
    const noise = this.#noise as NoiseXX;
    this.#step = 'over';
    effects.established({
      peer: this.#remote as PeerId,
      initiator: noise.initiator,
      remoteStatic: noise.remoteStatic as Uint8Array,
      hash: noise.hash,
      ...noise.split(),
    });
  }
}

/** length:u16 · message                                                                                    since v1 */
function framed(message: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(message.length >>> 8, message.length), message);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (equalBytes(a, b)) return 0;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return -1;
}
