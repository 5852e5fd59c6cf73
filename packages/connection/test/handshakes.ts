// Two handshake machines without clock or wire, for tests.
import { type ErrorCode, type PeerId, type Random, randomBytes, seededRandom, utf8 } from '@peernet/core';
import { createCrypto, type LocalCrypto, SessionTable } from '../src/index.js';
import { type Established, Handshake, type HandshakeEffects } from '../src/machine/handshake.js';
import type { Role } from '../src/wire.js';

/** Gives these bytes out, then throws: for keys that a vector fixes. */
export function fixedRandom(bytes: Uint8Array): Random {
  let at = 0;
  return {
    uint32() {
      if (at + 4 > bytes.length) throw new Error('the fixed bytes are used up');
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4);
      at += 4;
      return view.getUint32(0, true);
    },
  };
}

export interface SideOptions {
  crypto?: LocalCrypto;
  role?: Role;
  nonce?: Uint8Array;
  network?: string;
  expect?: PeerId;
  sessions?: SessionTable;
  seed?: number;
}

export class Side implements HandshakeEffects {
  readonly crypto: LocalCrypto;
  readonly machine: Handshake;
  /** Everything that was written, message by message. */
  readonly sent: Uint8Array[] = [];
  /** Bytes for the other side that were not fetched yet. */
  #outbox: Uint8Array[] = [];
  result: Established | undefined;
  code: ErrorCode | undefined;

  constructor(options: SideOptions, nowMs = 0) {
    const seed = options.seed ?? 1;
    this.crypto = options.crypto ?? createCrypto({ random: seededRandom(seed), bootSeq: 1 });
    const { crypto } = this;
    this.machine = new Handshake(
      {
        primitives: crypto.primitives,
        crypto,
        staticKey: crypto.staticKey,
        identity: crypto.identity,
        ephemeralKey: () => crypto.ephemeralKey(),
        role: options.role ?? 'any',
        nonce: options.nonce ?? randomBytes(seededRandom(1_000 + seed), 16),
        network: utf8(options.network ?? ''),
        expect: options.expect,
        bootSeqs: options.sessions ?? new SessionTable(),
        firstByteMs: 5_000,
        handshakeMs: 10_000,
      },
      nowMs,
    );
    this.write(this.machine.start());
  }

  get outcome(): string {
    return this.code ?? (this.result === undefined ? 'waiting' : 'established');
  }

  write(bytes: Uint8Array): void {
    this.sent.push(bytes);
    this.#outbox.push(bytes);
  }

  established(result: Established): void {
    this.result = result;
  }

  failed(code: ErrorCode): void {
    this.code = code;
  }

  fetch(): Uint8Array[] {
    const all = this.#outbox;
    this.#outbox = [];
    return all;
  }

  receive(bytes: Uint8Array): number {
    return this.machine.receive(bytes, this);
  }
}

/** Carries bytes until nobody says anything; `change` may tamper with each message (undefined: dropped). */
export function converse(
  a: Side,
  b: Side,
  change: (message: Uint8Array, fromA: boolean, index: number) => Uint8Array | undefined = (m) => m,
): void {
  const counts = [0, 0];
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const message of from.fetch()) {
        quiet = false;
        const which = from === a ? 0 : 1;
        const index = counts[which] as number;
        counts[which] = index + 1;
        const changed = change(message, from === a, index);
        if (changed !== undefined) to.receive(changed);
      }
    }
  }
}
