import { readFileSync } from 'node:fs';
import { below, concatBytes, DOMAIN, fromHex, type PeerId, seededRandom, toHex, utf8 } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { createCrypto, type LocalCrypto, SessionTable } from '../src/index.js';
import { NoiseXX } from '../src/machine/noise.js';
import { encodeIdentity, encodeStatement, type Role } from '../src/wire.js';
import { converse, fixedRandom, Side } from './handshakes.js';

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;

describe('roles', () => {
  const pairs: [Role, Role, boolean | undefined][] = [
    ['initiator', 'responder', true],
    ['responder', 'initiator', false],
    ['any', 'any', undefined],
    ['initiator', 'any', true],
    ['any', 'initiator', false],
    ['responder', 'any', false],
    ['any', 'responder', true],
  ];
  test.each(pairs)('%s with %s', (mine, theirs, begins) => {
    const [a, b] = [new Side({ role: mine, seed: 1 }), new Side({ role: theirs, seed: 2 })];
    converse(a, b);
    expect([a.outcome, b.outcome]).toEqual(['established', 'established']);
    expect([a.result?.peer, b.result?.peer]).toEqual([b.crypto.id, a.crypto.id]);
    expect(a.result?.initiator).toBe(
      begins ?? toHex(a.sent[0] as Uint8Array) > toHex(b.sent[0] as Uint8Array),
    );
    expect(b.result?.initiator).toBe(!a.result?.initiator);
    expect(a.result?.hash).toEqual(b.result?.hash);
    expect(a.result?.remoteStatic).toEqual(b.crypto.staticKey.publicKey);
    const record = a.result?.send.seal(utf8('hello')) as Uint8Array;
    expect(b.result?.receive.open(record)).toEqual(utf8('hello'));
  });

  test.each(['initiator', 'responder'] as const)('two of role %s are refused', (role) => {
    const [a, b] = [new Side({ role, seed: 1 }), new Side({ role, seed: 2 })];
    converse(a, b);
    expect([a.outcome, b.outcome]).toEqual(['HANDSHAKE_FAILED', 'HANDSHAKE_FAILED']);
  });

  test('who knows that it initiates says hello and e in one flight', () => {
    const [a, b] = [new Side({ role: 'initiator', seed: 1 }), new Side({ role: 'responder', seed: 2 })];
    expect(a.sent[0]).toHaveLength(21 + 2 + 32);
    converse(a, b);
    expect(a.sent).toHaveLength(2);
    expect(b.sent).toHaveLength(2);
  });
});

describe('transcripts', () => {
  interface Party {
    seed: string;
    staticSecret: string;
    ephemeralSecret: string;
    nonce: string;
    bootSeq: number;
    role: Role;
    id: string;
    sent: string[];
  }
  interface Transcript {
    network: string;
    initiator: Party;
    responder: Party;
    hash: string;
    records: { from: 'initiator' | 'responder'; plain: string; sealed: string }[];
  }
  const { transcripts } = JSON.parse(
    readFileSync(new URL('vectors/handshake.json', import.meta.url), 'utf8'),
  ) as { transcripts: Transcript[] };

  test.each(transcripts.map((t, i) => [i, t] as const))(
    '%i',
    (_, { network, initiator, responder, hash, records }) => {
      const side = (party: Party): Side => {
        const random = fixedRandom(concatBytes(hex(party.staticSecret), hex(party.ephemeralSecret)));
        const crypto = createCrypto({ seed: hex(party.seed), bootSeq: party.bootSeq, random });
        return new Side({ crypto, role: party.role, nonce: hex(party.nonce), network });
      };
      const [a, b] = [side(initiator), side(responder)];
      converse(a, b);
      expect([a.outcome, b.outcome]).toEqual(['established', 'established']);
      expect([a.crypto.id, b.crypto.id]).toEqual([initiator.id, responder.id]);
      expect(a.sent.map(toHex)).toEqual(initiator.sent);
      expect(b.sent.map(toHex)).toEqual(responder.sent);
      expect(toHex(a.result?.hash as Uint8Array)).toBe(hash);
      for (const { from, plain, sealed } of records) {
        const [by, to] = from === 'initiator' ? [a, b] : [b, a];
        expect(toHex(by.result?.send.seal(hex(plain)) as Uint8Array)).toBe(sealed);
        expect(to.result?.receive.open(hex(sealed))).toEqual(hex(plain));
      }
    },
  );
});

describe('bytes come as they like', () => {
  test('split at every byte, and byte by byte', () => {
    const whole = (): { a: Side; b: Side; toA: Uint8Array; toB: Uint8Array } => {
      const [a, b] = [new Side({ seed: 1 }), new Side({ seed: 2 })];
      converse(a, b);
      return { a, b, toA: concatBytes(...b.sent), toB: concatBytes(...a.sent) };
    };
    const { toA, toB } = whole();
    const replay = (cuts: (bytes: Uint8Array) => Uint8Array[]): string => {
      // Machines with the same keys and nonces say the same, so each side can be fed alone.
      const [a, b] = [new Side({ seed: 1 }), new Side({ seed: 2 })];
      for (const piece of cuts(toA)) a.receive(piece);
      for (const piece of cuts(toB)) b.receive(piece);
      return `${a.outcome} ${b.outcome}`;
    };
    for (let cut = 0; cut <= Math.max(toA.length, toB.length); cut += 1) {
      if (cut % 9 !== 0 && cut > 60) continue;
      expect(
        replay((bytes) => [bytes.subarray(0, cut), bytes.subarray(cut)]),
        `cut at ${cut}`,
      ).toBe('established established');
    }
    expect(replay((bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toBe(
      'established established',
    );
  });

  test('what is behind the last message is left alone', () => {
    const [a, b] = [new Side({ role: 'initiator', seed: 1 }), new Side({ role: 'responder', seed: 2 })];
    converse(a, b, (message, fromA, index) => (fromA && index === 1 ? undefined : message));
    const last = a.sent[1] as Uint8Array;
    expect(b.receive(concatBytes(last, utf8('the first record')))).toBe(last.length);
    expect(b.outcome).toBe('established');
    expect(b.receive(utf8('more'))).toBe(0);
  });
});

describe('refusals', () => {
  const failing = (bytes: Uint8Array, role: Role = 'any'): Side => {
    const side = new Side({ role });
    side.receive(bytes);
    return side;
  };

  test('anything that does not begin with the magic, at its first wrong byte', () => {
    expect(failing(utf8('G')).outcome).toBe('NOT_PEERNET');
    expect(failing(utf8('pn/2')).outcome).toBe('NOT_PEERNET');
    expect(failing(utf8('pn/')).outcome).toBe('waiting');
    expect(failing(utf8('GET / HTTP/1.1\r\n\r\n')).outcome).toBe('NOT_PEERNET');
    expect(failing(concatBytes(utf8('pn/1'), Uint8Array.of(3), new Uint8Array(16))).outcome).toBe(
      'NOT_PEERNET',
    );
  });

  test.each(['any', 'initiator', 'responder'] as const)('its own bytes, role %s: MIRROR', (role) => {
    const side = new Side({ role });
    side.receive(side.sent[0] as Uint8Array);
    expect(side.outcome).toBe('MIRROR');
  });

  test('ourselves: SELF, whoever begins', () => {
    const crypto = createCrypto();
    const [a, b] = [new Side({ crypto, seed: 1 }), new Side({ crypto, seed: 2 })];
    converse(a, b);
    expect([a.outcome, b.outcome].sort()).toEqual(['SELF', 'waiting']);
    const again = createCrypto({ seed: crypto.seed });
    const [c, d] = [
      new Side({ crypto, role: 'initiator', seed: 1 }),
      new Side({ crypto: again, role: 'responder', seed: 2 }),
    ];
    converse(c, d);
    expect(c.outcome).toBe('SELF');
  });

  test('another peer than the expected one: WRONG_PEER, on both sides', () => {
    const other = createCrypto().id;
    const [a, b] = [
      new Side({ role: 'initiator', seed: 1, expect: other }),
      new Side({ role: 'responder', seed: 2 }),
    ];
    converse(a, b);
    expect([a.outcome, b.outcome]).toEqual(['WRONG_PEER', 'waiting']);
    const [c, d] = [
      new Side({ role: 'initiator', seed: 1 }),
      new Side({ role: 'responder', seed: 2, expect: other }),
    ];
    converse(c, d);
    expect([c.outcome, d.outcome]).toEqual(['established', 'WRONG_PEER']);
    const [e, f] = [
      new Side({ role: 'initiator', seed: 1, expect: new Side({ seed: 2 }).crypto.id }),
      new Side({ role: 'responder', seed: 2, expect: new Side({ seed: 1 }).crypto.id }),
    ];
    converse(e, f);
    expect([e.outcome, f.outcome]).toEqual(['established', 'established']);
  });

  test('another network', () => {
    const [a, b] = [
      new Side({ role: 'initiator', seed: 1, network: 'a' }),
      new Side({ role: 'responder', seed: 2, network: 'b' }),
    ];
    converse(a, b);
    expect([a.outcome, b.outcome]).toEqual(['HANDSHAKE_FAILED', 'waiting']);
  });

  test('an old copy of a restarted peer: STALE_PEER; the same process again is fine', () => {
    const sessions = new SessionTable();
    const seed = createCrypto().seed;
    const meet = (bootSeq: number): string => {
      const a = new Side({ crypto: createCrypto({ seed, bootSeq }), role: 'initiator', seed: 1 });
      const b = new Side({ role: 'responder', seed: 2, sessions });
      converse(a, b);
      return b.outcome;
    };
    expect([5, 5, 7, 6, 5, 7, 8].map(meet)).toEqual([
      'established',
      'established',
      'established',
      'STALE_PEER',
      'STALE_PEER',
      'established',
      'established',
    ]);
  });

  test('a refused identity does not raise the boot seq of its id', () => {
    const sessions = new SessionTable();
    const [a, b] = [
      new Side({ role: 'initiator', seed: 1 }),
      new Side({ role: 'responder', seed: 2, sessions, expect: createCrypto().id }),
    ];
    converse(a, b);
    expect(b.outcome).toBe('WRONG_PEER');
    expect(sessions.size).toBe(0);
  });

  test('a first message of another length, an ephemeral key of small order', () => {
    const hello = new Side({ role: 'initiator', seed: 9 }).sent[0]?.subarray(0, 21) as Uint8Array;
    expect(failing(concatBytes(hello, hex('0100'))).outcome).toBe('HANDSHAKE_FAILED');
    expect(failing(concatBytes(hello, hex('0021'))).outcome).toBe('HANDSHAKE_FAILED');
    expect(failing(concatBytes(hello, hex('0020'))).outcome).toBe('waiting');
    expect(failing(concatBytes(hello, hex('0020'), new Uint8Array(32))).outcome).toBe('HANDSHAKE_FAILED');
  });
});

/** An initiator that follows Noise to the letter and says whatever identity it likes. */
function impostor(target: Side, identity: (staticKey: Uint8Array) => Uint8Array): void {
  const [hello] = target.fetch() as [Uint8Array];
  const mine = new Side({ role: 'initiator', seed: 77 });
  const p = mine.crypto.primitives;
  const staticKey = p.keyPair();
  const ownHello = mine.sent[0]?.subarray(0, 21) as Uint8Array;
  const noise = new NoiseXX({
    primitives: p,
    initiator: true,
    staticKey,
    ephemeralKey: p.keyPair(),
    prologue: concatBytes(ownHello, hello),
  });
  const framed = (message: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0, message.length), message);
  target.receive(concatBytes(ownHello, framed(noise.write1())));
  const [answer] = target.fetch() as [Uint8Array];
  expect(noise.read2(answer.subarray(2))).toBeDefined();
  target.receive(framed(noise.write3(identity(staticKey.publicKey)) as Uint8Array));
}

describe('identities', () => {
  const honest = (crypto: LocalCrypto, staticKey: Uint8Array): Uint8Array =>
    encodeIdentity({
      id: crypto.id,
      bootSeq: 1,
      signature: crypto.sign(DOMAIN.noise, encodeStatement(staticKey, 1)),
    });

  test('control: an honest one is taken', () => {
    const target = new Side({ role: 'responder', seed: 3 });
    impostor(target, (staticKey) => honest(createCrypto(), staticKey));
    expect(target.outcome).toBe('established');
  });

  test('the identity that somebody else signed for their own key is refused', () => {
    const target = new Side({ role: 'responder', seed: 3 });
    impostor(target, () => encodeIdentity(createCrypto().identity));
    expect(target.outcome).toBe('HANDSHAKE_FAILED');
  });

  test('another boot seq than the signed one', () => {
    const target = new Side({ role: 'responder', seed: 3 });
    impostor(target, (staticKey) => {
      const bytes = honest(createCrypto(), staticKey);
      bytes[39] = 9;
      return bytes;
    });
    expect(target.outcome).toBe('HANDSHAKE_FAILED');
  });

  test('a signature of another domain', () => {
    const target = new Side({ role: 'responder', seed: 3 });
    const crypto = createCrypto();
    impostor(target, (staticKey) =>
      encodeIdentity({
        id: crypto.id,
        bootSeq: 1,
        signature: crypto.sign(DOMAIN.record, encodeStatement(staticKey, 1)),
      }),
    );
    expect(target.outcome).toBe('HANDSHAKE_FAILED');
  });

  test('an id of small order, for which this signature is always valid', () => {
    const target = new Side({ role: 'responder', seed: 3 });
    const signature = new Uint8Array(64);
    signature[0] = 1;
    const id = '01'.padEnd(64, '0') as PeerId;
    impostor(target, () => encodeIdentity({ id, bootSeq: 1, signature }));
    expect(target.outcome).toBe('HANDSHAKE_FAILED');
  });
});

describe('somebody in between', () => {
  test('any changed byte of any message stops the handshake of who gets it', () => {
    const random = seededRandom(4);
    for (let round = 0; round < 80; round++) {
      const [a, b] = [new Side({ role: 'initiator', seed: 1 }), new Side({ role: 'responder', seed: 2 })];
      const target = {
        fromA: below(random, 2) === 1,
        index: below(random, 2),
        at: 0,
        bit: 1 << below(random, 8),
      };
      converse(a, b, (message, fromA, index) => {
        if (fromA !== target.fromA || index !== target.index) return message;
        const bent = message.slice();
        target.at = below(random, bent.length);
        bent[target.at] = (bent[target.at] as number) ^ target.bit;
        return bent;
      });
      // Bit 255 of an ephemeral key does not matter to X25519, but it does to the hash.
      const done = [a.outcome, b.outcome].filter((outcome) => outcome === 'established');
      expect(done.length, JSON.stringify({ round, ...target })).toBeLessThan(
        target.fromA && target.index === 1 ? 2 : 1,
      );
      if (target.fromA && target.index === 1) expect(b.outcome).not.toBe('established');
    }
  });

  test('a relay that speaks with both as itself is seen as itself', () => {
    const alice = new Side({ role: 'initiator', seed: 1, expect: new Side({ seed: 2 }).crypto.id });
    const relay = createCrypto({ random: seededRandom(50), bootSeq: 1 });
    const left = new Side({ crypto: relay, role: 'responder', seed: 51 });
    converse(alice, left);
    expect(alice.outcome).toBe('WRONG_PEER');
  });

  test('messages of another handshake', () => {
    const record = (seedA: number): Uint8Array[] => {
      const [a, b] = [new Side({ role: 'initiator', seed: seedA }), new Side({ role: 'responder', seed: 2 })];
      converse(a, b);
      return a.sent;
    };
    const old = record(1);
    const b = new Side({ role: 'responder', seed: 3 });
    for (const message of old) b.receive(message);
    expect(b.outcome).toBe('HANDSHAKE_FAILED');
  });
});

describe('time', () => {
  test('5 s to the first byte, 10 s to the end', () => {
    const silent = new Side({});
    expect(silent.machine.deadline()).toBe(5_000);
    silent.receive(new Uint8Array(0)); // some streams deliver empty chunks
    expect(silent.machine.deadline()).toBe(5_000);
    silent.machine.tick(4_999, silent);
    expect(silent.outcome).toBe('waiting');
    silent.machine.tick(5_000, silent);
    expect(silent.outcome).toBe('HANDSHAKE_TIMEOUT');
    expect(silent.machine.deadline()).toBe(Number.POSITIVE_INFINITY);

    const slow = new Side({});
    slow.receive(utf8('p'));
    expect(slow.machine.deadline()).toBe(10_000);
    slow.receive(utf8('n'));
    slow.machine.tick(9_999, slow);
    expect(slow.outcome).toBe('waiting');
    slow.machine.tick(10_000, slow);
    expect(slow.outcome).toBe('HANDSHAKE_TIMEOUT');
  });

  test('no deadline after it is established', () => {
    const [a, b] = [new Side({ seed: 1 }), new Side({ seed: 2 })];
    converse(a, b);
    expect(a.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
    a.machine.tick(1e9, a);
    expect(a.outcome).toBe('established');
  });
});

test('3 000 random and damaged inputs: no exception, nobody gets in', () => {
  const random = seededRandom(11);
  const { sent } = (() => {
    const [a, b] = [new Side({ role: 'initiator', seed: 1 }), new Side({ role: 'responder', seed: 2 })];
    converse(a, b);
    return { sent: concatBytes(...a.sent) };
  })();
  const target = new Side({ role: 'responder', seed: 3 });
  let side = target;
  for (let round = 0; round < 3_000; round++) {
    if (side.outcome !== 'waiting' || round % 10 === 0) {
      side = new Side({ crypto: target.crypto, role: 'responder', seed: 3 });
    }
    const bytes = sent.slice(0, below(random, sent.length));
    for (let k = below(random, 3); k > 0; k--)
      if (bytes.length > 0) bytes[below(random, bytes.length)] = below(random, 256);
    side.receive(round % 3 === 0 ? bytes.subarray(below(random, bytes.length + 1)) : bytes);
    expect(side.result).toBeUndefined();
  }
}, 20_000);
