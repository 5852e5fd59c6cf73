import { DOMAIN, peerIdToBytes } from '@peernet/core';
import { simCrypto } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { encodeExtrema, encodeShuffle, encodeWalk, type WireEntry } from '../src/wire.js';
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
