import { toHex } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { CAST } from '../../src/defaults.js';
import { advertBudget, searchBudget, secondBudget } from '../../src/machine/budgets.js';
import { Bench } from '../bench.js';

describe('budgets', () => {
  test.each([
    [1, 16, 64],
    [20, 18, 64],
    [100, 40, 64],
    [1_000, 127, 126],
    [10_000, 400, 400],
    [100_000, 1_265, 1_265],
    [1e9, 4_096, 2_048],
  ])('N = %d: a search visits %d, an advert %d', (size, q, a) => {
    expect([searchBudget(size), advertBudget(size, 0)]).toEqual([q, a]);
  });

  test('a second attempt, and a member in a crowd', () => {
    expect([secondBudget(20), secondBudget(100_000), secondBudget(1e9)]).toEqual([1_024, 5_060, 16_384]);
    expect([advertBudget(10_000, 16), advertBudget(10_000, 32), advertBudget(10_000, 1_000)]).toEqual([
      400, 200, 100,
    ]);
    expect(advertBudget(100, 1_000)).toBe(64);
  });
});

describe('a cast', () => {
  test('is split over all neighbours but its sender, the rest by one each', () => {
    const bench = new Bench();
    bench.ups(5);
    bench.tell(1, bench.advert('alice', 'chat'), { budget: 11 });
    const budgets = bench.take('advert').map((m) => m.budget);
    expect(budgets.sort()).toEqual([2, 2, 3, 3]);
  });

  describe('of our own', () => {
    const sum = (budgets: number[]): number => budgets.reduce((a, b) => a + b, 0);

    test.each([
      [5, 5],
      [40, CAST.firstHops],
    ])('with %d neighbours begins with %d, with all of its budget', (neighbours, begins) => {
      const bench = new Bench();
      bench.size = 10_000;
      bench.ups(neighbours);
      bench.join('chat');
      bench.search(1, 'nobody');
      for (const casts of [bench.take('advert'), bench.take('search')]) {
        const budgets = casts.map(({ budget }) => budget);
        expect([budgets.length, sum(budgets)]).toEqual([begins, 400]);
      }
    });

    test('control: those of others go to all', () => {
      const bench = new Bench();
      bench.ups(40);
      bench.ask(1, 'chat', { budget: 401 });
      expect(bench.take('search')).toHaveLength(39);
    });

    test('begins with more where those have no room for it: nothing is lost', () => {
      const bench = new Bench();
      bench.size = 1e9;
      bench.ups(40);
      const attempts = new Map<string, number[]>();
      for (let number = 1; number <= 6; number++) bench.search(number, 'nobody');
      bench.pass(5_000);
      for (const { searchId, budget } of bench.take('search'))
        attempts.set(toHex(searchId), [...(attempts.get(toHex(searchId)) ?? []), budget]);
      const [first, second] = [searchBudget(bench.size), secondBudget(bench.size)];
      const sums = [...attempts.values()].map(sum).sort((a, b) => a - b);
      expect(sums).toEqual([...Array(6).fill(first), ...Array(6).fill(second)]);
      const begins = [...attempts.values()].map((budgets) => budgets.length);
      expect(Math.min(...begins)).toBe(CAST.firstHops);
      expect(Math.max(...begins)).toBeGreaterThan(CAST.firstHops);
    });
  });

  test('with less than there are neighbours it goes to so many of them', () => {
    const bench = new Bench();
    bench.ups(5);
    bench.tell(1, bench.advert('alice', 'chat'), { budget: 3 });
    expect(bench.take('advert').map((m) => m.budget)).toEqual([1, 1]);
    bench.tell(1, bench.advert('bob', 'chat'), { budget: 1 });
    expect(bench.take('advert')).toEqual([]);
    expect(bench.machine.sizes().adverts).toBe(2);
  });

  test('skips who is congested or does not take it: the share goes to the others', () => {
    const bench = new Bench();
    bench.ups(5);
    bench.full.add(2);
    bench.refusing.add(3);
    bench.tell(1, bench.advert('alice', 'chat'), { budget: 21 });
    const sent = bench.take('advert').map((m) => m.budget);
    expect(sent).toHaveLength(2);
    // 20 over three that look ready; what the refusing one does not take goes to those after it.
    expect(sent.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(13);
    expect([...bench.sent].length).toBe(0);
  });

  test('ends after 16 hops', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat'), { hops: 16 });
    bench.ask(1, 'chat', { hops: 16 });
    expect([bench.take('advert'), bench.take('search')]).toEqual([[], []]);
    bench.tell(1, bench.advert('bob', 'chat'), { hops: 15 });
    expect(bench.take('advert').map((m) => m.hops)).toEqual([16, 16]);
  });

  test('a copy with much more budget goes on with the surplus, twice at most', () => {
    const bench = new Bench();
    bench.ups(3);
    const advert = bench.advert('alice', 'chat');
    const units = (link: number, budget: number): number => {
      bench.tell(link, advert, { budget });
      return bench.take('advert').reduce((sum, m) => sum + m.budget, 0);
    };
    expect(units(1, 5)).toBe(4);
    expect(units(2, 10)).toBe(0); // less than 2 · 5 + 1
    expect(units(2, 11)).toBe(5); // 11 − 5 − 1
    expect(units(3, 23)).toBe(11);
    expect(units(1, 1_000)).toBe(0); // the third
    expect(bench.counters).toMatchObject({ topUps: 2, duplicates: 2 });
  });

  test('control: without top-ups nothing goes on', () => {
    const bench = new Bench({ topUpsMax: 0 });
    bench.ups(3);
    const advert = bench.advert('alice', 'chat');
    bench.tell(1, advert, { budget: 2 });
    bench.take('advert');
    bench.tell(2, advert, { budget: 1_000 });
    expect(bench.take('advert')).toEqual([]);
  });

  test('an altered copy is another search, and blocks nothing', () => {
    const bench = new Bench();
    bench.ups(3);
    const searchId = new Uint8Array(16).fill(77);
    bench.ask(1, 'altered', { searchId });
    expect(bench.take('search')).toHaveLength(2);
    bench.ask(2, 'chat', { searchId });
    expect(bench.take('search')).toHaveLength(2);
  });
});
