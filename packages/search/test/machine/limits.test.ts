import { type Rate, TokenBucket } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { RATES } from '../../src/defaults.js';
import { decodeAdvert } from '../../src/wire.js';
import { Bench, wallMs } from '../bench.js';

/** Sums budgets. */
const units = (messages: readonly { budget: number }[]): number =>
  messages.reduce((sum, m) => sum + m.budget, 0);

describe('what a link may bring', () => {
  test('200 searches at once, then 20 a second; the rest is dropped', () => {
    const bench = new Bench();
    bench.ups(2);
    for (let i = 0; i < 250; i++) bench.ask(1, `s${i}`, { budget: 1, searchId: new Uint8Array(16).fill(i) });
    expect(bench.counters.limiterDrops).toBe(50);
    bench.pass(1_000);
    for (let i = 0; i < 30; i++) bench.ask(1, `t${i}`, { budget: 1 });
    expect(bench.counters.limiterDrops).toBe(60);
  });

  test('a budget over the rate is clipped, not dropped', () => {
    const bench = new Bench();
    bench.ups(6);
    bench.ask(1, 'a', { budget: 60_000 });
    expect(units(bench.take('search'))).toBeLessThanOrEqual(4_095);
    expect(units(bench.take('search'))).toBe(0);
    bench.pass(1_000);
    bench.ask(1, 'b', { budget: 60_000 });
    expect(units(bench.take('search'))).toBe(399);
  });

  test('300 adverts at once, then 5 a second; 4 096 units, then 60 a second', () => {
    const bench = new Bench();
    bench.ups(2);
    for (let i = 0; i < 310; i++) bench.tell(1, bench.advert(`m${i}`, `chat ${i}`), { budget: 1 });
    expect(bench.counters.limiterDrops).toBe(10);
    bench.pass(2_000);
    for (let i = 0; i < 20; i++) bench.tell(1, bench.advert(`n${i}`, `chat ${i}`), { budget: 1 });
    expect(bench.counters.limiterDrops).toBe(20);
  });

  test('control: without limits a flood passes', () => {
    const rate = { perSecond: 1e9, burst: 1e9 };
    const bench = new Bench({ rates: { ...RATES, searches: rate, searchUnits: rate } });
    bench.ups(2);
    for (let i = 0; i < 250; i++) bench.ask(1, `s${i}`, { budget: 1, searchId: new Uint8Array(16).fill(i) });
    expect(bench.counters.limiterDrops).toBe(0);
  });
});

describe('what we send into a link', () => {
  test('stays below 80 % of what it takes, whoever asks us to', () => {
    const bench = new Bench();
    bench.ups(8);
    let toFirst = 0;
    let messages = 0;
    for (let second = 0; second < 60; second++) {
      for (let link = 2; link <= 8; link++) {
        for (let i = 0; i < 20; i++) bench.ask(link, `s${second}-${link}-${i}`, { budget: 400 });
      }
      const sent = bench.take('search', 1);
      toFirst += units(sent);
      messages += sent.length;
      bench.take('search');
      bench.pass(1_000);
    }
    expect(toFirst).toBeLessThanOrEqual(0.8 * (4_096 + 400 * 60));
    expect(messages).toBeLessThanOrEqual(0.8 * (200 + 20 * 60));
    expect(toFirst).toBeGreaterThan(0.5 * 400 * 60); // and it is used
  });

  test('a flooding neighbour leaves room for the others', () => {
    const bench = new Bench();
    bench.ups(3);
    for (let second = 0; second < 30; second++) {
      for (let i = 0; i < 20; i++) bench.ask(2, `f${second}-${i}`, { budget: 400 });
      bench.pass(1_000);
    }
    bench.take('search');
    bench.ask(3, 'honest', { budget: 400 });
    const sent = bench.take('search', 1);
    expect(units(sent)).toBeGreaterThanOrEqual(199); // its half of 399, unclipped
  });

  test('our own casts do not starve either, and wait rather than be cut', () => {
    const bench = new Bench();
    bench.size = 10_000;
    bench.ups(3);
    for (let second = 0; second < 30; second++) {
      for (let i = 0; i < 20; i++) bench.ask(2, `f${second}-${i}`, { budget: 400 });
      bench.pass(1_000);
    }
    bench.take('search');
    bench.search(1, 'mine');
    expect(units(bench.take('search'))).toBe(400);
  });

  test('nor do our own adverts, however many neighbours flood, though they leave room for withdrawals', () => {
    const bench = new Bench();
    bench.ups(8);
    let own = 0;
    for (let second = 0; second < 20; second++) {
      for (let link = 2; link <= 6; link++) {
        for (let i = 0; i < (second === 0 ? 150 : 5); i++) {
          const stranger = `m${second}-${link}-${i}`;
          bench.tell(link, bench.advert(stranger, stranger), { budget: 12 });
        }
      }
      if (second === 5) bench.join('chat');
      bench.pass(1_000);
      own += bench.take('advert').filter((m) => decodeAdvert(m.advert)?.id === bench.crypto.id).length;
    }
    expect(own).toBeGreaterThan(0);
  });
});

describe('signatures', () => {
  test('over the rate wait, in order, and are not lost', () => {
    const bench = new Bench();
    bench.ups(2);
    for (let i = 0; i < 299; i++) bench.tell(1, bench.advert(`m${i}`, `chat ${i}`), { budget: 1 });
    expect(bench.machine.sizes()).toMatchObject({ adverts: 256, waiting: 43 });
    // A withdrawal of one that waits waits behind it.
    bench.tell(1, bench.advert('m298', 'chat 298', { ttlSeconds: 0, seq: wallMs + 1 }), { budget: 1 });
    bench.pass(5_000);
    expect(bench.machine.sizes()).toMatchObject({ adverts: 298, waiting: 0, withdrawals: 1 });
    expect(bench.counters).toMatchObject({ limiterDrops: 0, signatures: 300 });
  });

  test('one link that uses up its own does not delay another', () => {
    const bench = new Bench();
    bench.ups(3);
    for (let i = 0; i < 300; i++) bench.tell(1, bench.advert(`m${i}`, `chat ${i}`), { budget: 1 });
    bench.tell(2, bench.advert('alice', 'chat'), { budget: 1 });
    expect(bench.machine.sizes().adverts).toBe(257);
  });

  test('rows wait, too, and come', () => {
    const rate = { perSecond: 10, burst: 2 };
    const bench = new Bench({ rates: { ...RATES, signatures: rate } });
    bench.ups(3);
    bench.search(1, 'chat');
    const [m] = bench.take('search');
    const query = bench.queryOf(m as NonNullable<typeof m>);
    bench.answer(
      1,
      query,
      Array.from({ length: 5 }, (_, i) => ({ bytes: bench.advert(`m${i}`, 'chat').bytes })),
    );
    expect(bench.rows).toHaveLength(2);
    bench.pass(900);
    expect(bench.rows).toHaveLength(5);
  });

  test('of rows for which there is no room are not looked at: neither of a neighbour that goes on, nor of a full search', () => {
    const bench = new Bench();
    bench.ups(8);
    bench.search(1, 'chat', { limit: 1_000 });
    const [m] = bench.take('search');
    const query = bench.queryOf(m as NonNullable<typeof m>);
    const answer = (link: number, from: number): void => {
      const rows = Array.from({ length: 16 }, (_, i) => bench.advert(`m${from + i}`, 'chat'));
      bench.answer(link, query, rows);
    };
    for (let i = 0; i < 4; i++) answer(1, 100 * i);
    expect([bench.counters.signatures, bench.counters.rowsCut]).toEqual([16, 48]);
    for (let link = 2; link <= 6; link++) answer(link, 1_000 * link);
    expect([bench.rows.length, bench.counters.signatures, bench.counters.rowsCut]).toEqual([64, 64, 80]);
  });

  test('that others would have to look at are brought to them at 80 % of their rate, equal shares for all who give rows', () => {
    const bench = new Bench();
    bench.ups(4);
    /** Rows that reach the asker of as many as members give that are new to us, or that we have met. */
    const passed = (givers: readonly number[], seq: number): number[] => {
      const query = bench.ask(1, `s${seq}`, { budget: 20 });
      bench.take('search');
      for (const link of givers)
        bench.answer(
          link,
          query,
          Array.from({ length: 8 }, (_, i) => ({
            bytes: bench.advert(`m${i} ${link}`, `s${seq}`, { seq: wallMs + seq }).bytes,
          })),
        );
      return bench.take('rows', 1).map(({ rows }) => rows.length);
    };
    const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
    let flood = 0;
    for (let seq = 1; seq <= 30; seq++) flood += total(passed([2], seq));
    expect(flood).toBe(102); // half of 0.8 · 256
    expect(passed([3], 99)).toEqual([8]);
    expect(passed([3], 99)).toEqual([8]); // met by now, another search
    bench.pass(10_000);
    flood = 0;
    for (let seq = 101; seq <= 200; seq++) {
      flood += total(passed([2, 3], seq));
      bench.pass(100);
    }
    expect(flood).toBeLessThanOrEqual(0.8 * (256 + 50 * 10));
    expect(flood).toBeGreaterThanOrEqual(0.8 * 50 * 10);
  });

  test('what one has no share left for comes from another: nobody keeps a member out by naming it first', () => {
    for (const isFlooded of [false, true]) {
      const bench = new Bench();
      bench.ups(3);
      const rowsOf = (subnet: string): { bytes: Uint8Array }[] =>
        Array.from({ length: 16 }, (_, i) => ({ bytes: bench.advert(`m${i} ${subnet}`, subnet).bytes }));
      for (let i = 0; isFlooded && i < 7; i++) bench.answer(2, bench.ask(1, `s${i}`), rowsOf(`s${i}`));
      bench.take('rows');
      const { signatures } = bench.counters;
      const query = bench.ask(1, 'chat');
      const row = { bytes: bench.advert('alice', 'chat').bytes };
      bench.answer(2, query, [row]);
      expect(bench.take('rows', 1)).toHaveLength(isFlooded ? 0 : 1);
      expect(bench.counters.signatures - signatures).toBe(isFlooded ? 0 : 1);
      bench.answer(3, query, [row]);
      expect(bench.take('rows', 1)).toHaveLength(isFlooded ? 1 : 0);
      expect(bench.blamed).toEqual([]);
    }
  });

  test('nor does who has brought the search itself, and would be one of those to whom it goes', () => {
    const bench = new Bench();
    bench.ups(3);
    const rowsOf = (subnet: string): { bytes: Uint8Array }[] =>
      Array.from({ length: 16 }, (_, i) => ({ bytes: bench.advert(`m${i} ${subnet}`, subnet).bytes }));
    for (let i = 0; i < 7; i++) bench.answer(2, bench.ask(1, `s${i}`), rowsOf(`s${i}`));
    bench.take('rows');
    const searchId = new Uint8Array(16).fill(200);
    const query = bench.ask(1, 'chat', { searchId, budget: 9 });
    bench.ask(2, 'chat', { searchId, budget: 100 });
    const row = { bytes: bench.advert('alice', 'chat').bytes };
    bench.answer(2, query, [row]);
    expect(bench.take('rows', 1)).toHaveLength(0);
    bench.answer(3, query, [row]);
    expect(bench.take('rows', 1)).toHaveLength(1);
  });

  test('rows that wait until their way back is closed go nowhere', () => {
    const bench = new Bench({ rates: { ...RATES, signatures: { perSecond: 0.05, burst: 1 } } });
    bench.ups(3);
    bench.search(1, 'chat');
    const [m] = bench.take('search');
    const query = bench.queryOf(m as NonNullable<typeof m>);
    for (let i = 0; i < 3; i++) bench.answer(1, query, [{ bytes: bench.advert(`m${i}`, 'chat').bytes }]);
    bench.pass(29_000);
    expect([bench.counters.signatures, bench.machine.sizes().waiting]).toEqual([2, 1]);
    bench.pass(60_000);
    expect([bench.counters.signatures, bench.machine.sizes().waiting]).toEqual([2, 0]);
  });

  test('are looked at once per object', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat'));
    bench.tell(2, bench.advert('alice', 'chat'), { budget: 500 });
    for (let i = 0; i < 5; i++) {
      bench.ask(2, 'other', { budget: 50 });
      bench.ask(3, `chat`, { budget: 50, known: [bench.who('alice').id.slice(0, 16)] });
      const [m] = bench.take('search', 1).slice(-1);
      bench.answer(1, bench.queryOf(m as NonNullable<typeof m>), [
        { bytes: bench.advert('alice', 'chat').bytes },
      ]);
    }
    expect(bench.counters.signatures).toBe(1);
  });

  test('the line is bounded', () => {
    const bench = new Bench({
      rates: {
        ...RATES,
        signatures: { perSecond: 0.001, burst: 1 },
        adverts: { perSecond: 1e6, burst: 1e6 },
      },
    });
    bench.ups(2);
    for (let i = 0; i < 700; i++) bench.tell(1, bench.advert(`m${i}`, `chat ${i}`), { budget: 1 });
    expect(bench.machine.sizes().waiting).toBe(512);
    expect(bench.counters.limiterDrops).toBe(187);
    bench.give({ type: 'down', link: 1 });
    expect(bench.machine.sizes().waiting).toBe(0);
  });
});

describe('rows', () => {
  const meta = new Uint8Array(128);
  /** A bench that holds adverts of six members, brought by link 1. */
  const holder = (rowBytes: Rate): Bench => {
    const bench = new Bench({ cellPerNeighbour: 6, rates: { ...RATES, rowBytes } });
    bench.ups(4);
    for (let i = 0; i < 6; i++) bench.tell(1, bench.advert(`m${i}`, 'chat', { meta }), { budget: 1 });
    return bench;
  };
  /** Rows that a search over a link is given here, and whether it goes on to others. */
  const given = (bench: Bench, link: number, want = 32): [rows: number, on: number] => {
    bench.ask(link, 'chat', { want });
    const counts = bench.take('rows', link).map(({ rows }) => rows.length);
    return [counts.reduce((sum, count) => sum + count, 0), bench.take('search').length];
  };

  test('over their rate: the next searches of the link are for one, until it has paid', () => {
    const bench = holder({ perSecond: 1_000, burst: 3_000 });
    expect([given(bench, 2), given(bench, 2)]).toEqual([
      [6, 3],
      [6, 3],
    ]);
    expect(bench.counters.limiterDrops).toBe(0);
    for (let i = 0; i < 10; i++) expect(given(bench, 2)).toEqual([1, 0]);
    expect(bench.counters.limiterDrops).toBe(10);
    expect(given(bench, 3)).toEqual([6, 3]); // another link is not to blame
    bench.pass(2_000);
    expect(given(bench, 2)).toEqual([6, 3]);
  });

  test('of searches for one cost nothing: they are no more than what its budget visits', () => {
    const bench = holder({ perSecond: 0.001, burst: 1 });
    for (let i = 0; i < 10; i++) expect(given(bench, 2, 1)).toEqual([1, 0]);
    expect(given(bench, 2)).toEqual([6, 3]);
    expect(bench.counters.limiterDrops).toBe(0);
  });

  test('of searches for one are one, and one withdrawal: those who have left cost no more than those who are there', () => {
    const bench = new Bench();
    bench.ups(2);
    for (let i = 0; i < 6; i++) {
      bench.tell(1, bench.advert(`m${i}`, 'chat'), { budget: 8 });
      if (i > 0)
        bench.tell(1, bench.advert(`m${i}`, 'chat', { ttlSeconds: 0, seq: wallMs + 1 }), { budget: 1 });
    }
    expect(bench.machine.sizes()).toMatchObject({ adverts: 1, withdrawals: 5 });
    const kinds = (want: number): string[] => {
      bench.ask(2, 'chat', { want });
      return bench.take('rows', 2).flatMap(({ rows }) => rows.map(({ kind }) => kind));
    };
    expect(kinds(32)).toEqual(['advert', 'withdrawal', 'withdrawal', 'withdrawal', 'withdrawal']);
    expect(kinds(1)).toEqual(['advert', 'withdrawal']);
  });

  test('count for a search that asked for one first, and for more in a copy with more budget', () => {
    const bench = new Bench({ rates: { ...RATES, rowBytes: { perSecond: 0.001, burst: 3_000 } } });
    bench.ups(2);
    const bytes = bench.advert('alice', 'chat', { meta }).bytes;
    let sum = 0;
    for (let i = 0; i < 30; i++) {
      const searchId = new Uint8Array(16).fill(i);
      bench.ask(2, 'chat', { searchId, want: 1, budget: 1 });
      const query = bench.ask(2, 'chat', { searchId, want: 32, budget: 30 });
      if (bench.take('search', 1)[0]?.want !== 1) bench.answer(1, query, [{ bytes }]);
      for (const { rows } of bench.take('rows', 2)) for (const row of rows) sum += row.bytes.length;
    }
    expect(sum).toBeGreaterThan(1_000);
    expect(sum).toBeLessThan(4_000);
  });

  test('control: without the rate every search is given all', () => {
    const bench = holder({ perSecond: 1e9, burst: 1e9 });
    for (let i = 0; i < 40; i++) expect(given(bench, 2)).toEqual([6, 3]);
  });

  test('that others bring: who floods is asked for by ones, and leaves the others theirs', () => {
    const bench = new Bench({ rates: { ...RATES, rowBytes: { perSecond: 2_000, burst: 20_000 } } });
    bench.ups(4);
    let seq = 0;
    /** The want with which a search of a link goes to link 1, which answers it with eight rows. */
    const asked = (link: number): number | undefined => {
      const query = bench.ask(link, `s${++seq}`, { budget: 20 });
      const [m] = bench.take('search', 1);
      const rows = Array.from({ length: 8 }, (_, i) => ({
        bytes: bench.advert(`m${i}`, `s${seq}`, { meta }).bytes,
      }));
      bench.answer(1, query, rows);
      return m?.want;
    };
    const flood = Array.from({ length: 12 }, () => asked(2));
    expect([flood[0], flood[2], flood.at(-1)]).toEqual([32, 32, 1]);
    expect(asked(3)).toBe(32);
    bench.search(1, 'mine');
    expect(bench.take('search', 1).map(({ want }) => want)).toEqual([32]);
  });

  test('that others bring stay below what the neighbour gives, for a minute, too: we never owe it for those who flood', () => {
    const rate = { perSecond: 2_000, burst: 80_000 };
    const bench = new Bench({ rates: { ...RATES, rowBytes: rate } });
    bench.ups(8);
    const given = new TokenBucket(rate, bench.nowMs);
    let full = 0;
    for (let second = 0; second < 60; second++) {
      for (const link of [2, 3, 4, 5]) {
        const name = `s${second}.${link}`;
        const query = bench.ask(link, name, { budget: 20 });
        const want = bench.take('search', 1)[0]?.want ?? 1;
        const rows = Array.from({ length: Math.min(want, 8) }, (_, i) => ({
          bytes: bench.advert(`m${i}`, name, { meta }).bytes,
        }));
        bench.answer(1, query, rows);
        if (want > 1) given.owe(17 + rows.reduce((sum, { bytes }) => sum + 6 + bytes.length, 0), bench.nowMs);
        if (want > 1) full++;
        expect(given.level(bench.nowMs)).toBeGreaterThan(0);
      }
      bench.pass(1_000);
    }
    expect(full).toBeGreaterThan(20);
  });

  test("that others bring for searches for one are nobody's debt, whatever a copy asks for", () => {
    const bench = new Bench({ rates: { ...RATES, rowBytes: { perSecond: 0.001, burst: 20_000 } } });
    bench.ups(3);
    const rows = (name: string) =>
      Array.from({ length: 8 }, (_, i) => ({ bytes: bench.advert(`m${i}`, name, { meta }).bytes }));
    for (let i = 1; i <= 8; i++) {
      bench.search(i, `mine${i}`, { limit: 1 });
      const [mine] = bench.take('search', 1);
      if (mine !== undefined) bench.answer(1, bench.queryOf(mine), rows(`mine${i}`));
      const searchId = new Uint8Array(16).fill(200 + i);
      const query = bench.ask(2, `s${i}`, { searchId, want: 1, budget: 1 });
      bench.ask(3, `s${i}`, { searchId, want: 32, budget: 30 });
      bench.answer(1, query, rows(`s${i}`));
      bench.take('search');
    }
    expect(bench.blamed).toEqual([]);
    const wantOf = (link: number): number | undefined => {
      bench.ask(link, 'last', { budget: 20 });
      return bench.take('search', 1)[0]?.want;
    };
    expect([wantOf(2), wantOf(3)]).toEqual([32, 1]);
    bench.search(9, 'mine');
    expect(bench.take('search', 1).map(({ want }) => want)).toEqual([32]);
  });
});

test('malformed messages close the link, and what comes after is not looked at', () => {
  const bench = new Bench();
  bench.ups(2);
  bench.message(1, new Uint8Array([9, 9, 9]));
  bench.message(1, new Uint8Array([9, 9, 9]));
  expect([bench.blamed, bench.closed]).toEqual([['malformed'], [[1, 'PROTOCOL']]]);
  bench.tell(1, bench.advert('alice', 'chat'));
  expect(bench.machine.sizes().adverts).toBe(0);
});
