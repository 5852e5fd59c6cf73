import { describe, expect, it } from 'vitest';
import { encodeAnswer } from '../src/wire.js';
import { Bench, heard, live, withBook } from './machine.js';

describe('upkeep', () => {
  it('makes five links of its own, however many others have made', () => {
    const { bench, remotes } = withBook(20);
    for (let i = 0; i < 3; i++) bench.visit(bench.remote(`in${i}`));
    live(bench, remotes, 60_000);
    expect(bench.count('outbound')).toBe(5);
    expect(bench.machine.neighbours.length).toBe(8);
    live(bench, remotes, 60_000);
    expect(bench.count('outbound')).toBe(5);
  });

  it('replaces a lost link without waiting for a whole interval', () => {
    const { bench, remotes } = withBook(20);
    live(bench, remotes, 60_000);
    const tries = bench.count('dials') + bench.count('walks');
    const [lost] = bench.machine.neighbours;
    bench.handle({ type: 'linkDown', key: lost?.key as number, reason: 'LOST' });
    live(bench, remotes, 1_500);
    expect(bench.count('dials') + bench.count('walks')).toBe(tries + 1);
    live(bench, remotes, 60_000);
    expect(bench.count('outbound')).toBe(5);
  });

  it('prefers seeds and book to walks when it has nobody, and anchors are seeds', () => {
    const bench = new Bench({ seeds: ['ws://20.1.1.1:4000'], anchors: ['ws://21.1.1.1:4000'] });
    bench.pass(0);
    expect(bench.dials.map(({ address }) => address).sort()).toEqual([
      'ws://20.1.1.1:4000',
      'ws://21.1.1.1:4000',
    ]);
    expect(bench.count('walks')).toBe(0);
  });

  it.each([
    ['at once when it has nobody', 0, true],
    ['control: in its next round when it has somebody', 1, false],
  ])('dials those of whom a full one tells %s', (_, neighbours, isAtOnce) => {
    const bench = new Bench({ seeds: ['ws://20.1.1.1:4000'] });
    bench.pass(0);
    for (let i = 0; i < neighbours; i++) bench.visit(bench.remote(`in${i}`));
    const key = bench.answer(
      bench.lastDial,
      bench.remote('seed', { address: 'ws://20.1.1.1:4000' }),
      'hello',
    );
    const others = [1, 2].map((i) => bench.remote(`other${i}`));
    const records = others.map(({ record }) => heard(record));
    bench.message(key, encodeAnswer({ kind: 'full', walk: '', degree: 128, records }));
    const addresses = others.map(({ address }) => address);
    const toOthers = (): string[] =>
      bench.dials.map(({ address }) => address).filter((address) => addresses.includes(address));
    bench.pass(0);
    expect(toOthers().sort()).toEqual(isAtOnce ? addresses.sort() : []);
    bench.pass(6_000);
    expect(toOthers()).not.toEqual([]);
  });

  it('leaves seeds alone while it has somebody', () => {
    const bench = new Bench({ seeds: ['ws://20.1.1.1:4000'] });
    bench.visit(bench.remote('a'));
    bench.pass(600_000);
    expect(bench.dials.filter(({ address }) => address === 'ws://20.1.1.1:4000')).toEqual([]);
  });

  describe('asks whom the application talks to', () => {
    const isAsked = (bench: Bench, key: number): boolean =>
      bench.to(key, 'hello').some(({ purpose }) => purpose === 'overlay');
    /** The application's link to somebody, who has said HELLO. */
    const appLink = (bench: Bench, dialable: boolean): number => {
      const remote = bench.remote('friend', dialable ? {} : { dialable, addresses: [], webrtc: true });
      const key = bench.arrive(remote);
      bench.hello(key, remote, { purpose: 'app' });
      expect(bench.kindOf(key)).toBe('app');
      return key;
    };

    it.each([true, false])('when it has no neighbour at all (dialable: %s)', (dialable) => {
      const bench = new Bench();
      const key = appLink(bench, dialable);
      bench.pass(6_000);
      expect(isAsked(bench, key)).toBe(true);
      bench.message(key, encodeAnswer({ kind: 'link', walk: '', degree: 1, records: [] }));
      expect(bench.machine.neighbours.map((peer) => peer.key)).toEqual([key]);
    });

    it.each([
      ['who can be dialed', {}, true, true],
      ['control: not who cannot', {}, false, false],
      ['who cannot, as one of those that it wants to have as well', { webrtc: true }, false, true],
    ])('when it has one neighbour: %s', (_, options, dialable, asked) => {
      const bench = new Bench(options);
      bench.visit(bench.remote('a'));
      const key = appLink(bench, dialable);
      bench.pass(6_000);
      expect(isAsked(bench, key)).toBe(asked);
    });

    it('nobody, when only links of its own making are missing', () => {
      const bench = new Bench({ connections: 3 });
      for (let i = 0; i < 3; i++) bench.visit(bench.remote(`in${i}`));
      expect(bench.machine.neighbours).toHaveLength(3);
      const key = appLink(bench, true);
      bench.pass(12_000);
      expect([bench.count('outbound'), isAsked(bench, key)]).toEqual([0, false]);
    });

    it('nobody, when it has all that it wants', () => {
      const { bench, remotes } = withBook(20);
      live(bench, remotes, 60_000);
      const key = appLink(bench, true);
      live(bench, remotes, 60_000);
      expect(isAsked(bench, key)).toBe(false);
    });
  });

  it('looks again at once after wake()', () => {
    const bench = new Bench();
    bench.pass(5_500);
    bench.store.save(['ws://20.1.1.1:4000']);
    expect(bench.dials).toEqual([]);
    bench.handle({ type: 'wake' });
    bench.pass(0);
    expect(bench.dials).toHaveLength(1);
  });

  it('tells its anchors: the two oldest that it dialed', () => {
    const { bench, remotes } = withBook(20);
    live(bench, remotes, 60_000);
    const told = bench.eventsOf('anchors').at(-1)?.addresses;
    const oldest = [...bench.machine.neighbours].sort((a, b) => a.neighbourMs - b.neighbourMs).slice(0, 2);
    expect(told).toEqual(oldest.map(({ dialed }) => dialed));
  });
});

describe('rotation', () => {
  it('swaps one link of its own every 120 s ± 25 %, the new one first; without slots never the four oldest', () => {
    const { bench, remotes } = withBook(30, { preference: 'none' });
    live(bench, remotes, 30_000);
    const before = new Set(bench.machine.neighbours.map(({ id }) => id));
    live(bench, remotes, 1_200_000);
    expect(bench.count('rotations')).toBeGreaterThanOrEqual(8);
    expect(bench.count('rotations')).toBeLessThanOrEqual(13);
    expect(bench.count('outbound')).toBe(5);
    const stayed = bench.machine.neighbours.filter(({ id }) => before.has(id));
    expect(stayed.length).toBeGreaterThanOrEqual(4);
    const reasons = [...bench.closed.values()];
    expect(reasons.filter((reason) => reason === 'ROTATED').length).toBeGreaterThanOrEqual(8);
  });

  it('never drops one that is younger than a minute, however often it swaps', () => {
    const { bench, remotes } = withBook(30, { tuning: { rotateEveryMs: 5_000, protectedLinks: 0 } });
    const sinceMs = new Map<number, number>();
    const ages: number[] = [];
    for (let second = 0; second < 600; second++) {
      live(bench, remotes, 1_000, 1_000);
      for (const { key } of bench.machine.neighbours) if (!sinceMs.has(key)) sinceMs.set(key, bench.nowMs);
      for (const [key, reason] of bench.closed)
        if (reason === 'ROTATED') ages.push(bench.nowMs - (sinceMs.get(key) as number));
      bench.closed.clear();
    }
    expect(ages.length).toBeGreaterThan(20);
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(59_000);
  });

  it('never drops an inbound one', () => {
    const { bench, remotes } = withBook(30);
    const keys = Array.from({ length: 3 }, (_, i) => bench.visit(bench.remote(`in${i}`)));
    live(bench, remotes, 1_200_000);
    expect(bench.count('rotations')).toBeGreaterThan(5);
    for (const key of keys) expect(bench.closed.has(key)).toBe(false);
  });

  it('never drops what the user connected', () => {
    const { bench, remotes } = withBook(30, { tuning: { protectedLinks: 0 } });
    const wanted = remotes.slice(0, 4);
    for (const [request, { address }] of wanted.entries())
      bench.handle({ type: 'connect', request, address });
    live(bench, remotes, 2_400_000);
    expect(bench.count('rotations')).toBeGreaterThan(10);
    const ids = bench.machine.neighbours.map(({ id }) => id);
    for (const { id } of wanted) expect(ids).toContain(id);
  });

  it('never makes it lonelier: nothing goes before the new link stands', () => {
    const { bench, remotes } = withBook(5, { tuning: { protectedLinks: 0 } });
    live(bench, remotes, 30_000);
    bench.store.offer(
      [heard(bench.remote('dead', { address: 'ws://99.1.1.1:4000' }).record)],
      bench.crypto.id,
    );
    live(bench, remotes, 1_200_000);
    expect(bench.count('dials')).toBeGreaterThan(5);
    expect([...bench.closed.values()]).not.toContain('ROTATED');
    expect(bench.count('outbound')).toBe(5);
  });

  it('rests while the target is not met, and with Infinity for ever', () => {
    const few = withBook(3);
    live(few.bench, few.remotes, 1_200_000);
    expect(few.bench.count('rotations')).toBe(0);
    const off = withBook(30, { tuning: { rotateEveryMs: Number.POSITIVE_INFINITY } });
    live(off.bench, off.remotes, 1_200_000);
    expect(off.bench.count('rotations')).toBe(0);
    expect(off.bench.count('outbound')).toBe(5);
  });

  it('finds one link to swap, however few there are', () => {
    const { bench, remotes } = withBook(30, { preference: 'none', connections: 3 });
    live(bench, remotes, 1_200_000);
    expect(bench.count('protected')).toBe(2);
    expect(bench.count('rotations')).toBeGreaterThanOrEqual(8);
  });
});
