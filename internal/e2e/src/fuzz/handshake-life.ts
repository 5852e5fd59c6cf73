// One handshake whose bytes are damaged on the way, in pieces of any size. Nobody may throw, and nobody who was given
// anything but what the other side said may end up with a connection.

import { createCrypto, type LocalCrypto, type Role, SessionTable } from '@peernet/connection';
import { below, type ErrorCode, type PeerId, type Random, randomBytes, seededRandom } from '@peernet/core';
import {
  type Established,
  Handshake,
  type HandshakeEffects,
} from '../../../../packages/connection/src/machine/handshake.js';
import { Broken } from './gauge.js';
import { mutate } from './mutate.js';
import type { Tally } from './part.js';

class Side implements HandshakeEffects {
  readonly machine: Handshake;
  result: Established | undefined;
  code: ErrorCode | undefined;
  /** Said, not yet carried. */
  said: Uint8Array[] = [];
  /** It heard something else than the other side said. */
  misled = false;

  constructor(random: Random, crypto: LocalCrypto, role: Role, expect?: PeerId) {
    const { primitives, staticKey, identity } = crypto;
    this.machine = new Handshake(
      {
        primitives,
        crypto,
        staticKey,
        identity,
        ephemeralKey: () => crypto.ephemeralKey(),
        role,
        nonce: randomBytes(random, 16),
        network: new Uint8Array(0),
        expect,
        bootSeqs: new SessionTable(4),
        firstByteMs: 5_000,
        handshakeMs: 10_000,
      },
      0,
    );
    this.write(this.machine.start());
  }

  get over(): boolean {
    return this.result !== undefined || this.code !== undefined;
  }

  write(bytes: Uint8Array): void {
    if (this.over) throw new Broken('it talks after its end');
    this.said.push(bytes);
  }

  established(result: Established): void {
    if (this.over) throw new Broken('it ended twice');
    this.result = result;
  }

  failed(code: ErrorCode): void {
    if (this.over) throw new Broken('it ended twice');
    this.code = code;
  }

  /** In pieces; what is behind the last message is the connection's. */
  hear(bytes: Uint8Array, random: Random): number {
    let used = 0;
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + 1 + below(random, 300));
      used += this.machine.receive(piece, this);
      at += piece.length;
    }
    return used;
  }
}

/** Bytes of a hello and the length of what follows it. */
const pastBytes = 23;

export function handshakeLife(random: Random, tally: Tally): void {
  const [a, b] = [0, 1].map((n) =>
    createCrypto({ random: seededRandom(random.uint32()), bootSeq: 1_000 + n }),
  ) as [LocalCrypto, LocalCrypto];
  const roles = below(random, 3);
  const expect = below(random, 3) === 0 ? b.id : undefined;
  const sides = [
    new Side(random, a, roles === 0 ? 'any' : 'initiator', expect),
    new Side(random, b, roles === 2 ? 'responder' : 'any'),
  ] as const;
  /** Which of the four to six messages is damaged. */
  const target = below(random, 6);
  let count = 0;
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [sides, [sides[1], sides[0]]] as const) {
      for (const bytes of from.said.splice(0)) {
        quiet = false;
        const heard = count++ === target ? mutate(random, bytes, [bytes, ...to.said]) : bytes;
        tally.begin(heard);
        const before = to.over;
        to.hear(heard, random);
        tally.end(heard.length >= pastBytes);
        const same = heard.length >= bytes.length && bytes.every((byte, i) => heard[i] === byte);
        if (!before && !same) to.misled = true;
      }
    }
  }
  for (const side of sides) {
    if (side.misled && side.result !== undefined)
      throw new Broken('a connection from bytes that nobody said');
    side.machine.tick(20_000, side);
    if (!side.over) throw new Broken('a handshake that never ends');
    if (side.machine.deadline() !== Number.POSITIVE_INFINITY) throw new Broken('it waits after its end');
  }
  const [left, right] = sides;
  if (left.result && right.result && left.result.hash.some((byte, i) => byte !== right.result?.hash[i]))
    throw new Broken('two connections that do not fit');
}
