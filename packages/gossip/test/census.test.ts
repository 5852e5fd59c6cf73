import { DOMAIN, peerIdToBytes } from '@peernet/core';
import { simCrypto } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { encodeExtrema, encodeHello, type WireEntry } from '../src/wire.js';
import { Bench, heard, wallMs } from './machine.js';

/** An entry of `name` in each of `slots`. */
function entriesOf(bench: Bench, name: string, slots: readonly number[], ageSeconds = 1): WireEntry[] {
  const crypto = simCrypto(bench.world, name);
  const signature = crypto.sign(DOMAIN.extrema, peerIdToBytes(crypto.id));
  return slots.map((slot) => ({ slot, id: crypto.id, ageSeconds, signature }));
}

const all = Array.from({ length: 64 }, (_, i) => i);
const slotsTo = (bench: Bench, key: number): number[] =>
  bench.to(key, 'extrema').flatMap(({ entries }) => entries.map(({ slot }) => slot));

describe('the size estimate', () => {
  it('begins with whole tables, both ways, unless the digests agree', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    expect(bench.to(key, 'extrema')[0]?.entries).toHaveLength(64);
    const digest = bench.to(key, 'hello')[0]?.digest as Uint8Array;
    const twin = bench.remote('b');
    const other = bench.arrive(twin);
    const self = heard(twin.record);
    bench.message(
      other,
      encodeHello({ purpose: 'overlay', degree: 1, wallMs, dialed: '', observed: '', digest, self }),
    );
    expect(bench.kindOf(other)).toBe('overlay');
    expect(bench.to(other, 'extrema')).toEqual([]);
  });

  it('asks for the tables of all that it meets after a sleep, for half a minute; control: before it asks for none', () => {
    const bench = new Bench({ bootstrap: false });
    const digestTo = (name: string): string =>
      String(bench.to(bench.visit(bench.remote(name)), 'hello')[0]?.digest);
    const nothing = String(new Uint8Array(8));
    expect(digestTo('a')).not.toBe(nothing);
    bench.handle({ type: 'wake' });
    expect(digestTo('b')).toBe(nothing);
    // Of two that wake up together each tells the other.
    const twin = bench.remote('twin');
    const key = bench.arrive(twin);
    const [digest, self] = [new Uint8Array(8), heard(twin.record)];
    bench.message(
      key,
      encodeHello({ purpose: 'overlay', degree: 1, wallMs, dialed: '', observed: '', digest, self }),
    );
    expect(bench.to(key, 'extrema')[0]?.entries).toHaveLength(64);
    bench.pass(30_000);
    expect(digestTo('c')).not.toBe(nothing);
  });

  it('passes on what changes, once per interval, and not back to who told it', () => {
    const bench = new Bench({ bootstrap: false });
    const [a, b] = ['a', 'b'].map((name) => bench.visit(bench.remote(name))) as [number, number];
    bench.pass(20_000);
    const before = [slotsTo(bench, a).length, slotsTo(bench, b).length];
    bench.message(a, encodeExtrema(3, entriesOf(bench, 'x', all)));
    bench.pass(20_000);
    expect(slotsTo(bench, a).length).toBe(before[0]);
    const told = slotsTo(bench, b).slice(before[1]);
    expect(told.length).toBeGreaterThan(10); // about half of the slots are x's now
    expect(bench.to(b, 'extrema').length).toBe(2);
    expect(bench.machine.size(bench.nowMs)).toBeGreaterThan(1.2);
  });

  it('does not tell what another neighbour has told meanwhile', () => {
    const bench = new Bench({ bootstrap: false });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => bench.visit(bench.remote(name))) as [
      number,
      number,
      number,
    ];
    bench.message(a, encodeExtrema(3, entriesOf(bench, 'x', all)));
    bench.pass(15_100); // the first change is told at once, from now on in intervals
    bench.message(a, encodeExtrema(3, entriesOf(bench, 'y', all)));
    bench.message(b, encodeExtrema(3, entriesOf(bench, 'y', all)));
    const before = [slotsTo(bench, b).length, slotsTo(bench, c).length];
    bench.pass(15_100);
    expect(slotsTo(bench, b).length).toBe(before[0]);
    expect(slotsTo(bench, c).length).toBeGreaterThan(before[1] as number);
  });

  it('tells a refresh to who has only told of what is old; control: not to who has told the same', () => {
    for (const ageSeconds of [700, 5]) {
      const bench = new Bench({ bootstrap: false });
      const [a, b] = ['a', 'b'].map((name) => bench.visit(bench.remote(name))) as [number, number];
      bench.message(a, encodeExtrema(3, entriesOf(bench, 'x', all, 600)));
      bench.pass(60_000);
      const before = slotsTo(bench, b).length;
      bench.message(a, encodeExtrema(3, entriesOf(bench, 'y', [0]))); // told at once: the next change waits
      bench.pass(100);
      bench.message(a, encodeExtrema(3, entriesOf(bench, 'x', all)));
      bench.message(b, encodeExtrema(3, entriesOf(bench, 'x', all, ageSeconds)));
      bench.pass(20_000);
      expect(slotsTo(bench, b).length - before > 10).toBe(ageSeconds === 700);
    }
  });

  it('a forged entry bans', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    const forged = entriesOf(bench, 'x', all).map((entry) => ({ ...entry, signature: new Uint8Array(64) }));
    bench.message(key, encodeExtrema(3, forged));
    expect(bench.count('badSignatures')).toBe(1);
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    expect(bench.machine.size(bench.nowMs)).toBeLessThan(1.2);
  });

  it('takes five messages at once, and those of a link that stood still (16), or 640 + 160 entries; more are dropped', () => {
    const bench = new Bench({ bootstrap: false });
    const [few, many] = ['a', 'b'].map((name) => bench.visit(bench.remote(name))) as [number, number];
    for (let i = 0; i < 22; i++) bench.message(few, encodeExtrema(3, entriesOf(bench, 'w', [i])));
    expect(bench.count('limiterDrops')).toBe(1);
    const key = many;
    for (let i = 0; i < 14; i++) bench.message(key, encodeExtrema(3, entriesOf(bench, `x${i}`, all)));
    // 12 tables of 64 are 768.
    expect(bench.count('limiterDrops')).toBe(3);
    expect(bench.count('bans')).toBe(0);
    bench.pass(60_000);
    bench.message(key, encodeExtrema(3, entriesOf(bench, 'y', all)));
    expect(bench.count('limiterDrops')).toBe(3);
  });

  it('entries beyond that for ever: the link ends, though its messages keep to their rate', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    const crypto = simCrypto(bench.world, 'x');
    const signature = crypto.sign(DOMAIN.extrema, peerIdToBytes(crypto.id));
    const twice = [...all, ...all].map((slot) => ({ slot, id: crypto.id, ageSeconds: 1, signature }));
    const message = encodeExtrema(3, twice);
    for (let i = 0; i < 1_200 && !bench.closed.has(key); i++) {
      bench.message(key, message);
      bench.pass(1_000);
    }
    expect(bench.count('limiterDrops')).toBe(1_001);
    expect(bench.closed.get(key)).toBe('RATE');
  });

  it('stays far below that itself, whatever the network tells it', () => {
    const bench = new Bench({ bootstrap: false, connections: 0 });
    const [a, b] = ['a', 'b'].map((name) => bench.visit(bench.remote(name))) as [number, number];
    for (let i = 0; i < 300; i++) {
      bench.pass(1_000);
      bench.message(a, encodeExtrema(3, entriesOf(bench, `x${i}`, [i % 64, (i * 7) % 64])));
    }
    expect(bench.count('limiterDrops')).toBe(0);
    expect(bench.to(b, 'extrema').length).toBeLessThanOrEqual(300 / 15 + 2);
  });

  it('is nothing that guests take part in', () => {
    const bench = new Bench({ bootstrap: false, connections: 0, tuning: { linksMax: 0, linksSpare: 0 } });
    const key = bench.visit(bench.remote('a'), 0);
    expect(bench.kindOf(key)).toBe('guest');
    bench.message(key, encodeExtrema(3, entriesOf(bench, 'x', all)));
    expect(bench.count('unexpected')).toBe(1);
    expect(bench.machine.size(bench.nowMs)).toBeLessThan(1.2);
  });
});
