import { DOMAIN, peerIdToBytes } from '@peernet/core';
import { simCrypto } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import {
  encodeAnswer,
  encodeExtrema,
  encodeRecord,
  encodeReplaced,
  encodeShuffle,
  encodeSignal,
  encodeWalk,
  type WireEntry,
} from '../src/wire.js';
import { Bench, heard } from './machine.js';

function shuffleOf(bench: Bench, name: string): Uint8Array {
  const records = Array.from({ length: 5 }, (_, i) => heard(bench.remote(`${name}${i}`).record));
  return encodeShuffle({ answer: false, degree: 1, records });
}

/** Genuine entries of `count` different peers. */
function entriesOf(bench: Bench, name: string, count: number): WireEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const crypto = simCrypto(bench.world, `${name}${i}`);
    const signature = crypto.sign(DOMAIN.extrema, peerIdToBytes(crypto.id));
    return { slot: i % 64, id: crypto.id, ageSeconds: 1, signature };
  });
}

describe('a malformed message', () => {
  it('bans', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    bench.message(key, new Uint8Array([3, 9, 9]));
    expect(bench.count('malformed')).toBe(1);
    expect(bench.count('bans')).toBe(1);
    expect(bench.closed.get(key)).toBe('PROTOCOL');
  });

  it('of a later version does not', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    bench.message(key, new Uint8Array([222, 9, 9]));
    expect(bench.count('bans')).toBe(0);
    expect(bench.kindOf(key)).toBe('overlay');
  });
});

describe('a forged record', () => {
  type Heard = ReturnType<typeof heard>;

  /** Well-formed, but its owner has signed something else. */
  function forged(bench: Bench, name: string): Heard {
    const { record } = bench.remote(name);
    const bytes = record.bytes.slice();
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    return heard({ ...record, bytes });
  }

  const walk = { id: '00000000000000aa', ttl: 9, purpose: 'join', degree: 3, desperate: false } as const;
  const answer = { walk: '', degree: 3 } as const;
  const carriers: [string, (record: Heard) => Uint8Array][] = [
    ['RECORD', (record) => encodeRecord(record)],
    ['SHUFFLE', (record) => encodeShuffle({ answer: false, degree: 1, records: [record] })],
    ['WALK', (origin) => encodeWalk({ ...walk, origin })],
    ['LINK', (record) => encodeAnswer({ ...answer, kind: 'link', records: [record] })],
    ['FULL', (record) => encodeAnswer({ ...answer, kind: 'full', records: [record] })],
    ['REPLACED, of the joiner', (joiner) => encodeReplaced(joiner, [])],
    ['REPLACED, of others', (record) => encodeReplaced(undefined, [record])],
  ];

  it.each(carriers)('in %s bans who sends it, before it means anything', (_, encode) => {
    const bench = new Bench();
    const sender = bench.remote('a');
    const key = bench.visit(sender);
    bench.message(key, encode(forged(bench, 'victim')));
    expect(bench.count('badSignatures')).toBe(1);
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    expect(bench.closed.get(bench.arrive(sender))).toBe('BANNED');
    expect(bench.store.get(bench.remote('victim').address)).toBeUndefined();
    expect(bench.dials).toEqual([]);
  });

  it.each(carriers)('control: a genuine one in %s does not', (_, encode) => {
    const bench = new Bench();
    const key = bench.visit(bench.remote('a'));
    bench.message(key, encode(heard(bench.remote(encode === carriers[0]?.[1] ? 'a' : 'other').record)));
    expect(bench.count('bans')).toBe(0);
    expect(bench.closed.has(key)).toBe(false);
  });

  it('of the seq of one that was checked already is looked at all the same', () => {
    const bench = new Bench({ bootstrap: false });
    const [key, other] = [bench.visit(bench.remote('a')), bench.visit(bench.remote('b'))];
    const { record } = bench.remote('victim');
    bench.message(other, encodeShuffle({ answer: false, degree: 1, records: [heard(record)] }));
    // Everything in it but the seq and the signature is somebody else's invention.
    const lie = bench.remote('victim', { address: 'ws://66.6.6.6:4000' }).record.bytes.slice();
    lie.set(record.bytes.subarray(-64), lie.length - 64);
    bench.message(
      key,
      encodeShuffle({ answer: false, degree: 1, records: [heard({ ...record, bytes: lie })] }),
    );
    expect(bench.count('badSignatures')).toBe(1);
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    expect(bench.store.get('ws://66.6.6.6:4000')).toBeUndefined();
  });
});

describe('a flood', () => {
  it('is dropped beyond its rate; who never stops is closed, not banned', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    const message = encodeShuffle({ answer: false, degree: 1, records: [] });
    for (let i = 0; i < 1_000; i++) bench.message(key, message);
    // 10, and the 16 that an honest node may have sent into a link that stood still for 20 s.
    expect(bench.count('limiterDrops')).toBe(974);
    expect(bench.kindOf(key)).toBe('overlay');
    for (let i = 0; i < 28; i++) bench.message(key, message);
    expect(bench.closed.get(key)).toBe('RATE');
    expect(bench.count('bans')).toBe(0);
    expect(bench.to(key, 'shuffle').length).toBeLessThanOrEqual(10);
  });

  it('control: the allowed rate is never dropped', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    for (let i = 0; i < 600; i++) {
      bench.message(key, encodeShuffle({ answer: false, degree: 1, records: [] }));
      bench.message(
        key,
        encodeWalk({
          id: `00000000000a${i.toString(16).padStart(4, '0')}`,
          ttl: 4,
          purpose: 'join',
          degree: 1,
          desperate: false,
          origin: heard(bench.remote('o').record),
        }),
      );
      bench.pass(1_000);
    }
    expect(bench.count('limiterDrops')).toBe(0);
  });
});

describe('signatures', () => {
  it('beyond the budget of a link wait, in order, and are not lost', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    for (let i = 0; i < 10; i++) bench.message(key, shuffleOf(bench, `r${i}.`)); // 51 of 256
    // Entries of the size estimate may need as many signatures: two full tables are more than what is left.
    bench.message(key, encodeExtrema(1, entriesOf(bench, 'x', 128)));
    bench.message(key, encodeExtrema(1, entriesOf(bench, 'y', 128)));
    bench.message(key, encodeExtrema(1, entriesOf(bench, 'z', 128)));
    expect(bench.count('postponed')).toBeGreaterThan(0);
    const before = bench.machine.size(bench.nowMs);
    bench.pass(10_000);
    expect(bench.machine.size(bench.nowMs)).toBeGreaterThan(before);
    expect([...bench.machine.links()][0]?.waiting).toBeUndefined();
    expect(bench.count('limiterDrops')).toBe(0);
  });

  it('of many records at once: those that cannot be checked now are checked later', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    for (let i = 0; i < 10; i++) bench.message(key, shuffleOf(bench, `r${i}.`)); // 50 checks
    for (let s = 0; s < 50; s++) {
      bench.pass(100);
    }
    const known = [...bench.store.entries()].length;
    expect(known).toBe(40); // what may enter the book
    expect(bench.count('limiterDrops')).toBe(0);
  });

  it('a node checks a thousand per second, then everybody waits; nothing is dropped', () => {
    const bench = new Bench({ bootstrap: false, connections: 0, tuning: { linksMax: 60 } });
    const remotes = Array.from({ length: 50 }, (_, i) => bench.remote(`n${i}`));
    const keys = remotes.map((remote) => bench.visit(remote));
    for (const [n, key] of keys.entries()) {
      for (let i = 0; i < 6; i++) bench.message(key, shuffleOf(bench, `r${n}.${i}.`));
    }
    expect(bench.count('postponed')).toBeGreaterThan(50);
    const before = keys.reduce((sum, key) => sum + bench.to(key, 'shuffle').length, 0);
    bench.pass(3_000);
    const after = keys.reduce((sum, key) => sum + bench.to(key, 'shuffle').length, 0);
    expect(after).toBeGreaterThan(before);
    expect(after).toBeGreaterThanOrEqual(300);
    expect(bench.count('limiterDrops')).toBe(0);
  });

  /** Fills the messages that are allowed at once with records that nobody has seen: all signatures of a link are spent. */
  function spend(bench: Bench, key: number, answers = 25): void {
    for (let i = 0; i < 26; i++) bench.message(key, shuffleOf(bench, `s${key}.${i}.`));
    for (let i = 0; i < answers; i++) {
      const records = Array.from({ length: 5 }, (_, k) => heard(bench.remote(`f${key}.${i}.${k}`).record));
      bench.message(key, encodeAnswer({ kind: 'full', walk: '', degree: 1, records }));
    }
  }

  it('of signals wait for them, too', () => {
    const bench = new Bench({ bootstrap: false });
    bench.handle({ type: 'serve', on: true });
    const key = bench.visit(bench.remote('a'));
    spend(bench, key);
    expect(bench.count('postponed')).toBe(0); // 256, with the one of its own record
    const signal = { path: '00000000000000aa', scope: 'global', target: bench.crypto.id } as const;
    bench.message(key, encodeSignal({ ...signal, sealed: new Uint8Array(200) }));
    expect([bench.count('postponed'), bench.count('signalsRefused')]).toEqual([1, 0]);
    bench.pass(1_000);
    expect(bench.count('signalsRefused')).toBe(1);
  });

  it('of signals count', () => {
    const bench = new Bench({ bootstrap: false });
    bench.handle({ type: 'serve', on: true });
    const key = bench.visit(bench.remote('a'));
    spend(bench, key, 24); // all but five
    for (let i = 0; i < 6; i++) {
      const signal = { path: `00000000000000a${i}`, scope: 'global', target: bench.crypto.id } as const;
      bench.message(key, encodeSignal({ ...signal, sealed: new Uint8Array(200) }));
    }
    expect([bench.count('signalsRefused'), bench.count('postponed')]).toEqual([5, 1]);
  });

  it('what waits is bounded in bytes, too, over all links', () => {
    const bench = new Bench({ bootstrap: false, tuning: { waitingBytesMax: 3_000 } });
    const keys = ['a', 'b', 'c'].map((name) => bench.visit(bench.remote(name)));
    for (const key of keys) {
      spend(bench, key);
      for (let i = 0; i < 7; i++) {
        const records = [heard(bench.remote(`late ${key}.${i}`).record)];
        bench.message(key, encodeAnswer({ kind: 'full', walk: '', degree: 1, records }));
      }
    }
    const waiting = [...bench.machine.links()].flatMap((peer) => peer.waiting ?? []);
    const bytes = waiting.reduce((sum, message) => sum + message.length, 0);
    expect(bytes).toBeGreaterThan(2_500);
    expect(bytes).toBeLessThanOrEqual(3_000);
    expect(bench.count('limiterDrops')).toBeGreaterThan(0);
  });

  it('what waits is bounded', () => {
    const bench = new Bench({ bootstrap: false, connections: 0, tuning: { linksMax: 300, waitingMax: 4 } });
    const keys = Array.from({ length: 200 }, (_, i) => bench.visit(bench.remote(`n${i}`)));
    for (const [n, key] of keys.entries()) {
      for (let i = 0; i < 10; i++) bench.message(key, shuffleOf(bench, `r${n}.${i}.`));
    }
    const waiting = [...bench.machine.links()].map((peer) => peer.waiting?.length ?? 0);
    expect(Math.max(...waiting)).toBe(4);
    expect(bench.count('limiterDrops')).toBeGreaterThan(0);
  });

  it('a record that was checked is not checked again', () => {
    const bench = new Bench({ bootstrap: false });
    let checks = 0;
    const { crypto } = bench;
    const verify = crypto.verify.bind(crypto);
    crypto.verify = (domain, id, bytes, signature) => {
      checks++;
      return verify(domain, id, bytes, signature);
    };
    const key = bench.visit(bench.remote('a'));
    const message = shuffleOf(bench, 'r');
    bench.message(key, message);
    expect(checks).toBe(6);
    bench.message(key, message);
    expect(checks).toBe(6);
  });
});
