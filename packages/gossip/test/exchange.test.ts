import { signRecord } from '@peernet/core';
import { describe, expect, it } from 'vitest';
import { RATES, SEND_SHARE, TUNING } from '../src/defaults.js';
import { encodeRecord, encodeShuffle } from '../src/wire.js';
import { Bench, heard, live, startMs, wallMs, withBook } from './machine.js';

const tell = (
  bench: Bench,
  key: number,
  records: Parameters<typeof encodeShuffle>[0]['records'],
  answer = false,
): void => bench.message(key, encodeShuffle({ answer, degree: 5, records }));

describe('SHUFFLE', () => {
  it('goes to one neighbour every interval ± 20 %, and is answered', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    bench.pass(60_500);
    const count = bench.to(key, 'shuffle').length;
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThanOrEqual(15);
    tell(bench, key, []);
    expect(bench.to(key, 'shuffle').at(-1)).toMatchObject({ answer: true });
  });

  it('goes out every second at first, 60 times, but over one link never more often than in an interval', () => {
    const { bench, remotes } = withBook(5, { tuning: { rotateEveryMs: Number.POSITIVE_INFINITY } });
    live(bench, remotes, 10_000);
    const times = new Map<number, number[]>();
    for (let second = 0; second < 100; second++) {
      const before = bench.sent.length;
      bench.pass(1_000);
      for (const { key, message } of bench.sent.slice(before))
        if (message.kind === 'shuffle') times.set(key, [...(times.get(key) ?? []), second]);
    }
    expect(bench.count('shuffles')).toBeGreaterThanOrEqual(60);
    expect(bench.count('shuffles')).toBeLessThanOrEqual(80);
    expect(times.size).toBe(5);
    for (const all of times.values()) {
      const gaps = all.slice(1).map((at, i) => at - (all[i] as number));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3); // 4 s, in whole seconds
    }
  });

  it('wakes nobody who has nobody to ask, and asks who comes at once', () => {
    const bench = new Bench({ bootstrap: false });
    const ticks = bench.pass(60_000);
    expect(ticks).toBeLessThanOrEqual(30); // once an interval, and what else there is (70 before)
    const key = bench.visit(bench.remote('a'));
    bench.pass(100);
    expect(bench.to(key, 'shuffle')).toHaveLength(1);
    // One link: in each 4 s as long as it is new.
    expect(bench.pass(60_000)).toBeLessThanOrEqual(ticks + 20);
    expect(bench.to(key, 'shuffle').length).toBeGreaterThanOrEqual(15);
  });

  it('goes to who was dialed; control: to anybody, as long as nobody was', () => {
    const bench = new Bench();
    const visitors = Array.from({ length: 20 }, (_, i) => bench.visit(bench.remote(`v${i}`)));
    const asked = (): number => visitors.reduce((sum, key) => sum + bench.to(key, 'shuffle').length, 0);
    bench.pass(60_000);
    expect(asked()).toBeGreaterThanOrEqual(10);
    const other = bench.remote('other');
    bench.store.offer([heard(other.record)], bench.crypto.id);
    const dialed = live(bench, [other], 10_000).get(other.address) as number;
    const meanwhile = asked();
    bench.pass(60_000);
    expect(bench.to(dialed, 'shuffle').length).toBeGreaterThanOrEqual(10);
    expect(asked()).toBe(meanwhile);
  });

  it('of a newcomer goes to the two that it dialed first every other time; control: not after ten minutes', () => {
    const { bench, remotes } = withBook(5, { tuning: { rotateEveryMs: Number.POSITIVE_INFINITY } });
    live(bench, remotes, 60_000);
    const keys = [...bench.machine.neighbours]
      .sort((a, b) => a.neighbourMs - b.neighbourMs)
      .map(({ key }) => key);
    expect(keys).toHaveLength(5);
    const shareOfFirst = (ms: number): number => {
      const before = bench.sent.length;
      bench.pass(ms);
      const asked = bench.sent.slice(before).filter(({ message }) => message.kind === 'shuffle');
      return asked.filter(({ key }) => keys.indexOf(key) < 2).length / asked.length;
    };
    expect(shareOfFirst(530_000)).toBeGreaterThan(0.55); // 1/2 + 1/2 · 2/5, less where they were asked just now
    bench.pass(10_000);
    expect(shareOfFirst(1_000_000)).toBeLessThan(0.5); // 2/5
  });

  it('is off with interval 0', () => {
    const bench = new Bench({ bootstrap: false, intervalMs: 0 });
    const key = bench.visit(bench.remote('a'));
    bench.pass(600_000);
    expect(bench.to(key, 'shuffle')).toEqual([]);
  });

  it('puts what it says into the book, unverified', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    const other = bench.remote('other');
    tell(bench, key, [heard(other.record, 60)]);
    expect(bench.store.get(other.address)).toMatchObject({ id: other.id, verified: false, ageSeconds: 60 });
    expect(bench.eventsOf('known').at(-1)?.addresses).toEqual([other.address]);
    tell(bench, key, [heard(bench.remote('shouting', { address: 'WS://8.8.8.8/' }).record)]);
    expect(bench.eventsOf('known').at(-1)?.addresses).toEqual(['ws://8.8.8.8:80']);
  });

  it('means nothing over the link of an application, or a probe', () => {
    for (const purpose of ['app', 'probe'] as const) {
      const bench = new Bench({ bootstrap: false });
      const remote = bench.remote('a');
      const key = bench.arrive(remote);
      bench.hello(key, remote, { purpose });
      const other = bench.remote('other');
      tell(bench, key, [heard(other.record)]);
      expect(bench.count('unexpected')).toBe(1);
      expect(bench.to(key, 'shuffle')).toEqual([]);
      expect(bench.store.get(other.address)).toBeUndefined();
    }
  });

  it('as an answer that nobody asked for bans; control: the answer to ours does not', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    bench.pass(6_100);
    const asked = bench.to(key, 'shuffle').length;
    expect(asked).toBeGreaterThan(0);
    for (let i = 0; i < asked; i++) tell(bench, key, [], true);
    expect(bench.count('bans')).toBe(0);
    tell(bench, key, [], true);
    expect(bench.count('bans')).toBe(1);
    expect(bench.closed.get(key)).toBe('PROTOCOL');
  });
});

describe('what is told', () => {
  it('are verified peers only: nobody who was only heard of travels', () => {
    const bench = new Bench({ seeds: ['ws://20.1.1.1:4000'] });
    bench.pass(0);
    const proven = bench.remote('proven', { address: 'ws://20.1.1.1:4000' });
    bench.answer(bench.lastDial, proven);
    const key = bench.visit(bench.remote('a'));
    tell(bench, key, [heard(bench.remote('rumour').record)]);
    const told = bench
      .to(key, 'shuffle')
      .at(-1)
      ?.records.map(({ record }) => record.id);
    expect(told).toEqual([proven.id]);
  });

  it('is not where somebody says to live whom we reached by an introduction; control: whom we dialed there', () => {
    for (const introduced of [true, false]) {
      const bench = new Bench({ bootstrap: false, webrtc: true, schemes: ['ws', 'wrtc'] });
      const other = bench.remote('other', { webrtc: true });
      const via = `wrtc:${other.id}?via=ws://8.8.8.8:4000`;
      bench.handle({ type: 'connect', request: 1, address: introduced ? via : other.address });
      bench.answer(bench.lastDial, other);
      expect(bench.machine.neighbours).toHaveLength(1);
      const key = bench.visit(bench.remote('a'));
      tell(bench, key, []);
      expect(bench.to(key, 'shuffle').at(-1)?.records).toHaveLength(introduced ? 0 : 1);
    }
  });

  it('is what a neighbour says since its calendar was set, not what it had said when that was a year ahead', () => {
    const address = 'ws://20.1.1.1:4000';
    const bench = new Bench({ seeds: [address] });
    bench.pass(0);
    const key = bench.answer(bench.lastDial, bench.remote('a', { address, seq: wallMs + 31_536_000_000 }));
    const { record } = bench.remote('a', { address });
    bench.message(key, encodeRecord(heard(record)));
    const b = bench.visit(bench.remote('b'));
    tell(bench, b, []);
    const told = bench.to(b, 'shuffle').flatMap(({ records }) => records);
    expect(told.map((one) => one.record.seq)).toEqual([record.seq]);
  });

  it('are no more than 80 % of what a peer takes into its book, however often it asks', () => {
    const { bench, remotes } = withBook(20, { connections: 6 });
    live(bench, remotes, 30_000);
    expect(bench.count('outbound')).toBe(6);
    const key = bench.visit(bench.remote('a'));
    const before = bench.to(key, 'link').flatMap(({ records }) => records).length;
    for (let i = 0; i < 10; i++) tell(bench, key, []);
    const told = bench.to(key, 'shuffle').flatMap(({ records }) => records).length;
    expect(before + told).toBe(SEND_SHARE * RATES.admitted.burst);
  });

  it('never goes to a peer that would have to refuse it', () => {
    const bench = new Bench({ seeds: ['ws://10.0.0.1:4000'] });
    bench.pass(0);
    const lan = bench.remote('lan', { address: 'ws://10.0.0.1:4000' });
    bench.answer(bench.lastDial, lan, 'link', { scope: 'private' });
    const far = bench.visit(bench.remote('far'));
    const near = bench.visit(bench.remote('near'), 5, { scope: 'private' });
    tell(bench, far, []);
    tell(bench, near, []);
    expect(bench.to(far, 'shuffle').at(-1)?.records).toEqual([]);
    expect(bench.to(near, 'shuffle').at(-1)?.records).toHaveLength(1);
  });

  it('not to its owner, and not those who cannot be dialed', () => {
    const bench = new Bench({ seeds: ['ws://20.1.1.1:4000', 'ws://21.1.1.1:4000'] });
    bench.pass(0);
    const [first, second] = [...bench.dials].sort((a, b) => (a.address < b.address ? -1 : 1));
    const a = bench.remote('a', { address: 'ws://20.1.1.1:4000' });
    const shy = bench.remote('shy', { address: 'ws://21.1.1.1:4000', addresses: [], dialable: false });
    const key = bench.answer(first as never, a);
    bench.answer(second as never, shy);
    tell(bench, key, []);
    expect(bench.to(key, 'shuffle').at(-1)?.records).toEqual([]);
  });
});

describe('what is taken', () => {
  function taken(
    address: string,
    scope: 'global' | 'private' | 'loopback' = 'global',
    schemes = ['ws', 'wss', 'tcp'],
  ) {
    const bench = new Bench({ bootstrap: false, schemes });
    const key = bench.visit(bench.remote('a'), 5, { scope });
    tell(bench, key, [heard(bench.remote('other', { address }).record)]);
    return bench.store.get(address) !== undefined;
  }

  it('no address narrower than the link it came over', () => {
    expect(taken('ws://8.8.8.8:4000')).toBe(true);
    expect(taken('ws://10.0.0.7:4000')).toBe(false);
    expect(taken('ws://10.0.0.7:4000', 'private')).toBe(true);
    expect(taken('ws://127.0.0.1:4000', 'private')).toBe(false);
    expect(taken('ws://127.0.0.1:4000', 'loopback')).toBe(true);
    expect(taken('ws://8.8.8.8:4000', 'loopback')).toBe(true);
  });

  it('no metadata service, no mail server, no name that nothing binds, no scheme that we lack', () => {
    expect(taken('ws://169.254.169.254:8080', 'loopback')).toBe(false);
    expect(taken('tcp://8.8.8.8:25')).toBe(false);
    expect(taken('ws://8.8.8.8:80')).toBe(true);
    expect(taken('wss://example.com:443')).toBe(true);
    expect(taken('ws://example.com:4000')).toBe(false);
    expect(taken('tcp://example.com:4000')).toBe(false);
    expect(taken('tcp://8.8.8.8:4000', 'global', ['ws'])).toBe(false);
  });

  it('no address of a relay as that of a peer, though we could dial it', () => {
    const schemes = ['ws', 'wss', 'tcp', 'wrtc'];
    const wrtc = `wrtc:${new Bench().remote('b').id}?via=ws://8.8.8.8:4000`;
    expect(taken(wrtc, 'global', schemes)).toBe(false);
    expect(taken('ws://8.8.8.8:4000', 'global', schemes)).toBe(true);
  });

  it('of a record only the addresses that fit, with the bytes that its owner signed', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    const other = bench.remote('other', { addresses: ['ws://8.8.8.8:4000', 'ws://10.0.0.7:4000'] });
    tell(bench, key, [heard(other.record)]);
    expect(bench.store.get('ws://10.0.0.7:4000')).toBeUndefined();
    expect(bench.store.get('ws://8.8.8.8:4000')?.record?.bytes).toEqual(other.record.bytes);
  });

  it('no expired record, and none from another year', () => {
    const ids: Record<string, boolean> = {};
    for (const [name, ageSeconds, seqOffMs] of [
      ['fine', 100, 0],
      ['expired', 86_400, 0],
      ['future', 0, 86_500_000],
      ['past', 0, -86_500_000],
      ['tomorrow', 0, 80_000_000],
    ] as const) {
      const bench = new Bench({ bootstrap: false });
      const key = bench.visit(bench.remote('a'));
      const other = bench.remote(name, { seq: wallMs + seqOffMs });
      tell(bench, key, [heard(other.record, ageSeconds)]);
      ids[name] = bench.store.get(other.address) !== undefined;
    }
    expect(ids).toEqual({ fine: true, expired: false, future: false, past: false, tomorrow: true });
  });

  it('by the calendar of most neighbours, if three of them say that ours is wrong', () => {
    for (const voices of [2, 3]) {
      const bench = new Bench({ bootstrap: false });
      const yearMs = 31_536_000_000;
      const keys = ['a', 'b', 'c'].slice(0, voices).map((name) => {
        const remote = bench.remote(name, { seq: wallMs + yearMs });
        const key = bench.arrive(remote);
        bench.hello(key, remote, { wallMs: wallMs + yearMs });
        return key;
      });
      bench.pass(6_000);
      const now = bench.remote('now', { seq: wallMs + yearMs });
      tell(bench, keys[0] as number, [heard(now.record)]);
      expect(bench.store.get(now.address) !== undefined).toBe(voices === 3);
      // Other protocols that judge by the calendar are told the same.
      expect(Math.round((bench.machine.wall() - wallMs) / yearMs)).toBe(voices === 3 ? 1 : 0);
    }
  });

  it.each([
    ['the first day', 0],
    ['one in the year 9999', TUNING.calendarMaxMs - 86_400_000],
  ])('by those whom we dialed: of many who have come none sets our calendar to %s', (_, hostileMs) => {
    for (const dials of [true, false]) {
      const { bench, remotes } = withBook(8, { bootstrap: dials, tuning: { linksMax: 40 } });
      live(bench, remotes, 30_000);
      const liars = Array.from({ length: 12 }, (_, i) => bench.remote(`liar${i}`));
      const keys = liars.map((liar) => bench.arrive(liar));
      for (const [i, liar] of liars.entries()) bench.hello(keys[i] as number, liar, { wallMs: hostileMs });
      bench.pass(6_000);
      const other = bench.remote('other');
      const [neighbour] = bench.machine.neighbours;
      tell(bench, neighbour?.key as number, [heard(other.record)]);
      expect(bench.store.get(other.address) !== undefined).toBe(dials);
      for (const key of keys) bench.handle({ type: 'linkDown', key, reason: 'LOST' });
      bench.pass(6_000);
      expect(Math.abs(bench.machine.wall() - bench.machine.record(bench.nowMs).seq)).toBeLessThan(600_000);
    }
  });

  it('by our own calendar if three neighbours differ from it by half an hour only', () => {
    const bench = new Bench({ bootstrap: false });
    for (const name of ['a', 'b', 'c']) {
      const remote = bench.remote(name);
      bench.hello(bench.arrive(remote), remote, { wallMs: wallMs + 1_800_000 });
    }
    bench.pass(6_000);
    expect(bench.machine.wall()).toBe(wallMs + 6_000);
  });

  it('by our own calendar again once it has been set, by whatever links that were there before', () => {
    const yearMs = 31_536_000_000;
    let offMs = -yearMs; // a computer without a clock of its own that has just been turned on
    const bench: Bench = new Bench({
      bootstrap: false,
      wall: () => wallMs + offMs + bench.nowMs - startMs,
    });
    const keys = ['a', 'b', 'c'].map((name) => bench.visit(bench.remote(name)));
    const learns = (name: string): boolean => {
      bench.pass(6_000);
      const other = bench.remote(name);
      tell(bench, keys[0] as number, [heard(other.record)]);
      return bench.store.get(other.address) !== undefined;
    };
    expect(learns('first')).toBe(true);
    offMs = 0;
    expect(learns('second')).toBe(true);
    expect(bench.machine.wall() - wallMs).toBeLessThan(60_000);
  });

  it('2 records per second and link; more are ignored, not punished', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    for (let i = 0; i < 9; i++) {
      tell(
        bench,
        key,
        Array.from({ length: 5 }, (_, k) => heard(bench.remote(`r${i}.${k}`).record)),
      );
    }
    expect([...bench.store.entries()].length).toBe(40);
    expect(bench.count('recordsIgnored')).toBe(6); // its own record was one of the forty
    expect(bench.count('bans')).toBe(0);
  });

  it('a forged record bans whoever passes it on', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    const { record } = bench.remote('victim');
    const bytes = record.bytes.slice();
    bytes[bytes.length - 70] = (bytes[bytes.length - 70] as number) ^ 1;
    tell(bench, key, [heard({ ...record, bytes })]);
    expect(bench.count('badSignatures')).toBe(1);
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    expect(bench.store.get('ws://9.9.9.9:4000')).toBeUndefined();
  });

  it('a newer record of our own: we jump above it', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    const seq = bench.machine.record(bench.nowMs).seq + 77;
    const fields = { ttlSeconds: 60, addresses: [], relays: [], dialable: false, webrtc: false, stun: false };
    tell(bench, key, [heard(signRecord(bench.crypto, { ...fields, seq }))]);
    expect(bench.machine.record(bench.nowMs).seq).toBeGreaterThan(seq);
    expect(bench.eventsOf('seq').at(-1)?.seq).toBeGreaterThan(seq);
    bench.pass(11_000);
    expect(bench.to(key, 'record').at(-1)?.self.record.seq).toBeGreaterThan(seq);
  });
  it('our own record does not enter our own book', () => {
    const bench = new Bench({ bootstrap: false });
    bench.makeDialable();
    const key = bench.visit(bench.remote('a'));
    tell(bench, key, [heard(bench.machine.record(bench.nowMs)), heard(bench.remote('other').record)]);
    expect(bench.machine.record(bench.nowMs).addresses).toEqual(['ws://5.5.5.5:4000']);
    expect(bench.store.get('ws://5.5.5.5:4000')).toBeUndefined();
    expect(bench.store.get(bench.remote('other').address)).toBeDefined(); // the control
  });

  it('our own record, or an older one, is no news: whoever echoes it makes us sign nothing', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    const own = bench.machine.record(bench.nowMs);
    for (let i = 0; i < 5; i++) {
      tell(bench, key, [heard(own)]);
      bench.pass(11_000);
    }
    expect(bench.machine.record(bench.nowMs).seq).toBe(own.seq);
    expect(bench.to(key, 'record')).toEqual([]);
  });
});
