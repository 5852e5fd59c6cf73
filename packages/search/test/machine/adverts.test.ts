import { toHex } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { CAPACITY, CAST } from '../../src/defaults.js';
import { decodeAdvert, encodeOrphans, type OrphansMessage, placeOf } from '../../src/wire.js';
import { Bench, noBytes, wallMs } from '../bench.js';

/** Ids of the members that a search over link 9 is told, with the kind of their rows. */
function told(bench: Bench, name = 'chat'): string[] {
  if (bench.machine.sizes().neighbours === 0 || !asked.has(bench)) bench.up(9);
  asked.add(bench);
  bench.ask(9, name, { budget: 1 });
  return bench.take('rows', 9).flatMap((m) => m.rows.map((row) => row.kind));
}
const asked = new WeakSet<Bench>();

describe('adverts of others', () => {
  test('are held and answered until they expire; the age that carriers tell counts', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.tell(1, bench.advert('alice', 'chat'), { ageSeconds: 500 });
    bench.pass(99_000);
    expect(told(bench)).toEqual(['advert']);
    bench.pass(1_000);
    expect(told(bench)).toEqual([]);
  });

  test('who says that they are nearly over, and is faster than others, does not end them', () => {
    for (const [age, taken] of [
      [599, true],
      [61, true],
      [59, false], // as much as honest ones may differ
    ] as const) {
      const bench = new Bench();
      bench.ups(3);
      bench.tell(1, bench.advert('alice', 'chat'), { ageSeconds: age, budget: 4_000 });
      bench.take('advert');
      bench.pass(20);
      bench.tell(2, bench.advert('alice', 'chat'), { budget: 13 });
      // It goes on as if it were the first.
      expect(bench.take('advert').map((m) => [m.budget, m.ageSeconds])).toEqual(
        taken
          ? [
              [6, 0],
              [6, 0],
            ]
          : [],
      );
      bench.pass(599_000 - (taken ? 0 : age * 1_000));
      expect(told(bench)).toEqual(['advert']);
      bench.pass(1_000);
      expect(told(bench)).toEqual([]);
    }
  });

  test('that found no place, and are told to be nearly over, live on by the copy that finds one', () => {
    const bench = new Bench();
    bench.ups(3);
    const ids = Array.from({ length: 40 }, (_, i) => `a${i}`);
    for (const id of ids) bench.tell(1, bench.advert(id, 'chat'), { ageSeconds: 599 });
    for (const id of ids) bench.tell(2, bench.advert(id, 'chat'));
    bench.pass(300_000);
    expect(told(bench)).toEqual(Array.from({ length: 8 }, () => 'advert'));
  });

  test('a newer one replaces, an older one is refused', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs + 1 }));
    bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs }));
    expect(bench.counters.refused).toBe(1);
    bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs + 2 }));
    expect(bench.machine.sizes().adverts).toBe(1);
    expect(bench.counters.refused).toBe(1);
  });

  test('with a seq more than 24 h off our calendar: refused, nobody is blamed', () => {
    const bench = new Bench();
    bench.ups(2);
    const day = 86_400_000;
    for (const off of [-day - 1, day + 1]) {
      bench.tell(1, bench.advert(`m${off}`, 'chat', { seq: wallMs + bench.nowMs + off }));
    }
    expect([bench.counters.refused, bench.machine.sizes().adverts, bench.blamed.length]).toEqual([2, 0, 0]);
    for (const off of [-day, day])
      bench.tell(1, bench.advert(`n${off}`, 'chat', { seq: wallMs + bench.nowMs + off }));
    expect(bench.machine.sizes().adverts).toBe(2);
  });

  test('of one member of one subnet: those of five lives at once, then one a minute', () => {
    const bench = new Bench();
    bench.ups(2);
    for (let i = 0; i < 17; i++) bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs + i }));
    expect(bench.counters.limiterDrops).toBe(2);
    bench.pass(60_000);
    bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs + 99 }));
    expect(bench.counters.limiterDrops).toBe(2);
  });

  test('with a bad signature or form: the link is closed, and nothing of it is held', () => {
    for (const spoil of ['signature', 'malformed'] as const) {
      const bench = new Bench();
      bench.ups(2);
      const bytes = bench.advert('alice', 'chat').bytes.slice();
      const at = spoil === 'signature' ? bytes.length - 1 : 33; // 33: the length of the record
      bytes[at] = (bytes[at] as number) ^ 1;
      bench.tell(1, { ...bench.advert('alice', 'chat'), bytes });
      expect(bench.blamed).toEqual([spoil]);
      expect(bench.closed).toEqual([[1, 'PROTOCOL']]);
      expect([bench.machine.sizes().adverts, bench.take('advert').length]).toEqual([0, 0]);
    }
  });

  test('our own, come back, are not held; a higher seq of ours makes us jump above it', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.join('chat');
    const [mine] = bench.take('advert');
    bench.message(2, new Uint8Array([1, 0, 9, 2, 0, 0, ...(mine as { advert: Uint8Array }).advert]));
    expect(bench.machine.sizes().adverts).toBe(0);
    bench.tell(2, bench.advert('self', 'chat', { seq: wallMs + 5_000_000 }));
    bench.pass(1_000);
    const jumped = bench.take('advert').map((m) => new DataView(m.advert.slice(32).buffer));
    expect(jumped.length).toBeGreaterThan(0);
    expect(bench.machine.sizes().adverts).toBe(0);
  });
});

describe('places', () => {
  test('a neighbour has four in a cell, the cell sixteen, whoever comes', () => {
    const bench = new Bench();
    bench.ups(6);
    for (let i = 0; i < 60; i++) bench.tell(1, bench.advert(`a${i}`, 'chat'));
    expect(bench.machine.sizes().adverts).toBe(4);
    for (let link = 2; link <= 6; link++) {
      for (let i = 0; i < 20; i++) bench.tell(link, bench.advert(`b${link}-${i}`, 'chat'));
    }
    expect(bench.machine.sizes().adverts).toBe(16);
    expect(bench.counters.notAdmitted).toBeGreaterThan(100);
  });

  test('who finds no place goes no further', () => {
    const bench = new Bench({ cell: 0 });
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat'));
    bench.take('advert');
    bench.tell(2, bench.advert('bob', 'chat'));
    expect(bench.take('advert')).toEqual([]);
  });

  test('who finds none by one neighbour may find one by another', () => {
    const bench = new Bench();
    bench.ups(3);
    for (let i = 0; i < 40; i++) bench.tell(1, bench.advert(`a${i}`, 'chat'));
    expect(bench.machine.sizes().adverts).toBe(4);
    const before = bench.counters.notAdmitted;
    for (let i = 0; i < 40; i++) bench.tell(2, bench.advert(`a${i}`, 'chat'));
    expect(bench.machine.sizes().adverts).toBe(8);
    expect(bench.counters.notAdmitted).toBeGreaterThan(before);
  });

  test('one key has 64 subnets', () => {
    const bench = new Bench({ rates: generous() });
    bench.ups(2);
    for (let i = 0; i < 70; i++) bench.tell(1, bench.advert('alice', `chat ${i}`));
    expect(bench.machine.sizes().adverts).toBe(64);
  });

  test('a neighbour has a quarter of all, and all is bounded in number and bytes', () => {
    const bench = new Bench({ adverts: 40, rates: generous() });
    bench.ups(6);
    for (let i = 0; i < 30; i++) bench.tell(1, bench.advert(`a${i}`, `chat ${i}`));
    expect(bench.machine.sizes().adverts).toBe(10);
    for (let link = 2; link <= 6; link++) {
      for (let i = 0; i < 10; i++) bench.tell(link, bench.advert(`b${link}-${i}`, `chat ${link}-${i}`));
    }
    expect(bench.machine.sizes().adverts).toBe(40);
    const small = new Bench({ advertBytes: 1_000, rates: generous() });
    small.ups(6);
    for (let i = 0; i < 20; i++) small.tell(1 + (i % 6), small.advert(`a${i}`, `chat ${i}`));
    expect(small.machine.sizes().advertBytes).toBeLessThanOrEqual(1_000);
    expect(small.machine.sizes().adverts).toBeGreaterThan(1);
  });

  test('all is bounded in bytes also when longer adverts take the places of shorter ones', () => {
    const bench = new Bench({ advertBytes: 1_000, rates: generous() });
    bench.ups(2);
    for (const seq of [wallMs, wallMs + 1]) {
      const meta = new Uint8Array(seq === wallMs ? 0 : 128);
      for (let i = 0; i < 4; i++) bench.tell(1, bench.advert(`a${i}`, `chat ${i}`, { seq, meta }));
    }
    const { advertBytes, adverts } = bench.machine.sizes();
    expect(advertBytes).toBeLessThanOrEqual(1_000);
    expect(adverts).toBeGreaterThan(1);
  });

  test('what is not refreshed goes, with everything that was kept for it', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat'));
    bench.ask(1, 'chat');
    bench.tell(1, bench.advert('bob', 'chat'));
    bench.tell(1, bench.advert('bob', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }));
    bench.pass(1_300_000);
    expect(bench.machine.sizes()).toMatchObject({
      adverts: 0,
      advertBytes: 0,
      trails: 0,
      casts: 0,
      queries: 0,
      withdrawals: 0,
    });
    expect(bench.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('withdrawals', () => {
  test('follow the way of the advert, and void it', () => {
    const bench = new Bench();
    bench.ups(4);
    bench.tell(1, bench.advert('alice', 'chat'), { budget: 3 });
    const went = bench.sent.filter((one) => one.message.type === 'advert').map((one) => one.to);
    bench.take('advert');
    bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }), { budget: 1 });
    expect(bench.sent.map((one) => one.to).sort()).toEqual(went.sort());
    bench.take('advert');
    expect(told(bench)).toEqual(['withdrawal']);
    // A late copy of the advert, or of the withdrawal, does nothing.
    bench.tell(2, bench.advert('alice', 'chat'));
    bench.tell(2, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }));
    expect([bench.machine.sizes().adverts, bench.take('advert').length]).toEqual([0, 0]);
    // Back again.
    bench.tell(2, bench.advert('alice', 'chat', { seq: wallMs + 2 }));
    expect(told(bench)).toEqual(['advert']);
  });

  test('of what never came by go nowhere and are not kept', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0 }));
    expect([bench.take('advert').length, bench.machine.sizes().withdrawals]).toEqual([0, 0]);
  });

  test('pass even when the member has advertised too often', () => {
    const bench = new Bench();
    bench.ups(2);
    for (let i = 0; i < 4; i++) bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs + i }));
    bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 99 }));
    expect(bench.machine.sizes()).toMatchObject({ adverts: 0, withdrawals: 1 });
  });

  test('go on once for each advert, however many a member says', () => {
    const bench = new Bench();
    bench.ups(4);
    const gone = (seq: number): number => {
      bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + seq }), { budget: 1 });
      return bench.take('advert').length;
    };
    for (const life of [0, 100]) {
      bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs + life }));
      expect(bench.take('advert')).toHaveLength(3);
      expect([gone(life + 1), gone(life + 2), gone(life + 3)]).toEqual([3, 0, 0]);
      // The last one counts all the same.
      bench.tell(2, bench.advert('alice', 'chat', { seq: wallMs + life + 3 }));
      expect([bench.machine.sizes().adverts, bench.take('advert').length]).toEqual([0, 0]);
    }
  });

  test('void what is held, and go on, though its way was forgotten in a flood', () => {
    const bench = new Bench({ cell: 1, rates: generous() });
    bench.ups(4);
    bench.tell(1, bench.advert('alice', 'chat'));
    expect(bench.take('advert')).toHaveLength(3);
    // Of all that is told from now on nothing is held: the place in the cell is taken.
    bench.tell(2, bench.advert('lower', 'other'));
    for (let i = 0; (bench.machine.sizes().trails ?? 0) < CAPACITY.trails || i % 100 > 0; i++)
      bench.tell(2, bench.advert(`m${i}`, 'other'), { budget: 1 });
    bench.take('advert');
    bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }), { budget: 1 });
    expect(bench.take('advert').map((m) => m.budget)).toEqual([1, 1, 1]);
    expect(told(bench)).toEqual(['withdrawal']);
  });

  test('go on though a row has told of them before', () => {
    const bench = new Bench();
    bench.ups(4);
    bench.tell(1, bench.advert('alice', 'chat'));
    bench.take('advert');
    const gone = bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 });
    const query = bench.ask(2, 'chat');
    bench.answer(1, query, [{ kind: 'withdrawal', bytes: gone.bytes }]);
    expect(bench.machine.sizes()).toMatchObject({ adverts: 0, withdrawals: 1 });
    for (const times of [3, 0]) {
      bench.tell(1, gone, { budget: 1 });
      expect(bench.take('advert')).toHaveLength(times);
    }
    expect(bench.counters.signatures).toBe(2);
  });

  test('go on where the adverts of those who brought them have used up what they may', () => {
    const bench = new Bench();
    bench.ups(4);
    bench.tell(1, bench.advert('alice', 'chat'));
    for (let i = 0; i < 200; i++) bench.tell(1, bench.advert(`m${i}`, `chat ${i}`), { budget: 4 });
    bench.take('advert');
    bench.tell(1, bench.advert('bob', 'chat'), { budget: 4 });
    expect(bench.take('advert')).toEqual([]); // the control
    bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }), { budget: 1 });
    expect([2, 3, 4].map((link) => bench.take('advert', link).length)).toEqual([1, 1, 1]);
  });

  test('nobody else can withdraw for a member', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.tell(1, bench.advert('alice', 'chat'));
    bench.tell(1, bench.advert('mallory', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }));
    expect(told(bench)).toEqual(['advert']);
  });
});

describe('orphans', () => {
  test('an advert whose link is gone is one, and those who have it from us hear of it', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat'), { budget: 3 });
    expect(bench.take('advert')).toHaveLength(2);
    bench.give({ type: 'down', link: 1 });
    bench.pass(500);
    expect([bench.take('orphans', 2).length, bench.take('orphans', 3).length]).toEqual([1, 1]);
    expect(told(bench)).toEqual(['orphan']);
  });

  test('one that came by two links is none until both are gone', () => {
    const bench = new Bench();
    bench.ups(3);
    const advert = bench.advert('alice', 'chat');
    bench.tell(1, advert, { hops: 3 });
    bench.tell(2, advert, { hops: 3 });
    bench.give({ type: 'down', link: 1 });
    expect(told(bench)).toEqual(['advert']);
    bench.give({ type: 'down', link: 2 });
    expect(told(bench)).toEqual(['orphan']);
  });

  test('a neighbour that is further from the member than we are holds nothing up', () => {
    const bench = new Bench();
    bench.ups(3);
    const advert = bench.advert('alice', 'chat');
    bench.tell(1, advert, { hops: 2 });
    bench.tell(2, advert, { hops: 4 }); // it may have it from us
    bench.give({ type: 'down', link: 1 });
    expect(told(bench)).toEqual(['orphan']);
  });

  test('a neighbour can orphan only what it brought', () => {
    const bench = new Bench();
    bench.ups(3);
    const advert = bench.advert('alice', 'chat');
    bench.tell(1, advert);
    const place = (() => {
      bench.give({ type: 'down', link: 1 });
      bench.pass(500);
      return bench.take('orphans', 2)[0];
    })();
    const other = new Bench();
    other.ups(3);
    other.tell(1, other.advert('alice', 'chat'));
    const { places } = place as OrphansMessage;
    const bytes = new Uint8Array([4, 1, ...Buffer.from(places[0] as string, 'hex')]);
    other.message(2, bytes);
    expect(told(other)).toEqual(['advert']);
    other.message(1, bytes);
    expect(told(other)).toEqual(['orphan']);
  });

  describe('that are whole again before it was told', () => {
    /** Types of what link 2 is sent after link 1, over which the advert came, is down, and link 4 brings `seq` at once. */
    const order = (seq: number): string[] => {
      const bench = new Bench();
      bench.ups(4);
      bench.tell(1, bench.advert('alice', 'chat'), { hops: 1, budget: 30 });
      bench.give({ type: 'down', link: 1 });
      bench.sent = [];
      bench.tell(4, bench.advert('alice', 'chat', { seq }), { hops: 1, budget: 30 });
      expect(bench.machine.sizes().orphans).toBe(0);
      bench.pass(2_000);
      return bench.sent.filter(({ to }) => to === 2).map(({ message }) => message.type);
    };

    test('go on behind the news, not before it: who hears it last would take it for a new loss', () => {
      expect(order(wallMs)).toEqual(['orphans', 'advert']);
    });

    test('likewise a newer advert', () => {
      expect(order(wallMs + 1)).toEqual(['orphans', 'advert']);
    });
  });

  describe('of what is held no more', () => {
    /** Alice's advert came by link 1 and went on to 2 and 3; then she could not be reached. */
    const forgotten = (): Bench => {
      const bench = new Bench();
      bench.ups(4);
      bench.tell(1, bench.advert('alice', 'chat'), { hops: 2, budget: 30 });
      bench.give({ type: 'stale', id: bench.who('alice').id });
      expect(bench.machine.sizes().adverts).toBe(0);
      bench.take('advert');
      return bench;
    };

    test('are told to those who have it from us, when the link breaks over which it came', () => {
      const bench = forgotten();
      bench.give({ type: 'down', link: 1 });
      bench.pass(1_000);
      for (const link of [2, 3, 4]) expect(bench.take('orphans', link)).toHaveLength(1);
    });

    test('likewise when they are told to us, once', () => {
      const bench = forgotten();
      const places = [placeOf(toHex(bench.hash('chat')), bench.who('alice').id)];
      for (let i = 0; i < 2; i++) {
        bench.message(1, encodeOrphans(places));
        bench.pass(1_000);
      }
      expect(bench.take('orphans', 2)).toHaveLength(1);
    });

    test('not after a withdrawal: that went the same way', () => {
      const bench = forgotten();
      bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }), { budget: 1 });
      bench.give({ type: 'down', link: 1 });
      bench.pass(1_000);
      expect(bench.take('orphans')).toEqual([]);
    });

    test('and if it comes back from one of those, it is no chain', () => {
      const bench = forgotten();
      bench.pass(70_000); // the cast itself is forgotten, too
      bench.tell(2, bench.advert('alice', 'chat'), { hops: 5, ageSeconds: 70, budget: 30 });
      expect(bench.machine.sizes()).toMatchObject({ adverts: 1, orphans: 0 });
      expect(bench.take('advert').map(({ hops }) => hops)).toEqual([6, 6, 6]);
      bench.give({ type: 'down', link: 1 });
      expect(bench.machine.sizes().orphans).toBe(1);
    });
  });

  describe('a liar who claims to be the nearest', () => {
    const orphansOf = (bench: Bench): Uint8Array =>
      encodeOrphans([placeOf(toHex(bench.hash('chat')), bench.who('alice').id)]);

    test('sends nobody away who brought the advert before', () => {
      const bench = new Bench();
      bench.ups(4);
      const advert = bench.advert('alice', 'chat');
      bench.tell(1, advert, { hops: 3 });
      bench.tell(2, advert, { hops: 1 });
      bench.message(2, orphansOf(bench));
      expect(told(bench)).toEqual(['advert']);
      bench.give({ type: 'down', link: 1 });
      expect(told(bench)).toEqual(['orphan']);
    });

    test('nor by a younger copy', () => {
      const bench = new Bench();
      bench.ups(4);
      const advert = bench.advert('alice', 'chat');
      bench.tell(1, advert, { hops: 3, ageSeconds: 100 });
      bench.tell(2, advert, { hops: 1, ageSeconds: 0, budget: 30 });
      expect(bench.take('advert', 3).map(({ hops }) => hops)).toEqual([4, 4]);
      bench.message(2, orphansOf(bench));
      expect(told(bench)).toEqual(['advert']);
    });

    test('is passed on as one as far away as the first, lest two hold each other up', () => {
      const bench = new Bench();
      bench.ups(3);
      const advert = bench.advert('alice', 'chat');
      bench.tell(1, advert, { hops: 5, budget: 1 });
      bench.tell(2, advert, { hops: 2, budget: 30 });
      expect(bench.take('advert', 3).map(({ hops }) => hops)).toEqual([6]);
      bench.tell(3, advert, { hops: 7 });
      for (const link of [1, 2]) bench.give({ type: 'down', link });
      expect(told(bench)).toEqual(['orphan']);
    });
  });

  test.each(['first', 'to an orphan'])(
    'one of 16 hops that comes %s ends no way: the next that is nearer goes on, and is mended',
    (when) => {
      const bench = new Bench();
      bench.ups(4);
      const advert = bench.advert('alice', 'chat');
      if (when !== 'first') {
        bench.up(9);
        bench.tell(9, advert, { hops: 1, budget: 1 });
        bench.give({ type: 'down', link: 9 });
      }
      bench.tell(1, advert, { hops: 16, budget: 4_000 });
      expect(bench.take('advert')).toEqual([]);
      bench.tell(2, advert, { hops: 3, budget: 30 });
      expect(bench.take('advert', 3).map(({ hops }) => hops)).toEqual([4]);
      bench.give({ type: 'down', link: 3 });
      bench.up(5);
      expect(bench.take('advert', 5).map(({ hops }) => hops)).toEqual([4]);
      bench.give({ type: 'down', link: 2 });
      expect(bench.machine.sizes().orphans).toBe(1);
    },
  );

  test('the same advert by another link makes it whole, and goes on', () => {
    const bench = new Bench();
    bench.ups(3);
    const advert = bench.advert('alice', 'chat');
    bench.tell(1, advert, { budget: 1 });
    bench.give({ type: 'down', link: 1 });
    bench.pass(120_000);
    bench.take('advert');
    bench.tell(2, advert, { budget: 5, hops: 4, ageSeconds: 120 });
    expect(bench.take('advert', 3).map((m) => m.budget)).toEqual([4]);
    expect(told(bench)).toEqual(['advert']);
    expect(bench.counters.mended).toBe(1);
  });

  test('what was lost with a link goes once more, to the next who comes', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat'), { budget: 21 });
    expect(bench.take('advert', 2).map((m) => m.budget)).toEqual([10]);
    bench.take('advert');
    bench.give({ type: 'down', link: 2 });
    expect(bench.take('advert')).toEqual([]); // 1 brought it, 3 has it
    bench.pass(7_000);
    bench.up(4);
    expect(bench.take('advert', 4)).toMatchObject([{ budget: 10, hops: 2, ageSeconds: 7 }]);
    bench.up(5);
    expect(bench.take('advert')).toEqual([]);
  });

  test('likewise for our own', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.join('chat');
    const [first] = bench.take('advert', 1);
    bench.take('advert');
    bench.give({ type: 'down', link: 1 });
    bench.up(3);
    expect(bench.take('advert', 3)).toMatchObject([{ budget: first?.budget, hops: 1 }]);
  });
});

describe('memberships', () => {
  test('are advertised at once, and every 300 s ± 10 %', () => {
    const bench = new Bench();
    bench.ups(5);
    bench.join('chat');
    expect(bench.take('advert').reduce((sum, m) => sum + m.budget, 0)).toBe(64);
    bench.pass(270_000);
    expect(bench.take('advert')).toEqual([]);
    bench.pass(60_000);
    expect(bench.take('advert').reduce((sum, m) => sum + m.budget, 0)).toBe(64);
  });

  test('without neighbours they wait for the first', () => {
    const bench = new Bench();
    bench.join('chat');
    bench.pass(60_000);
    expect(bench.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
    bench.up(1);
    bench.pass(500);
    expect(bench.take('advert', 1)).toHaveLength(1);
  });

  test('are advertised again when half of the neighbours have not got them', () => {
    const bench = new Bench();
    bench.ups(4);
    bench.join('chat');
    bench.take('advert');
    for (const link of [5, 6, 7]) bench.up(link);
    bench.pass(1_000);
    expect(bench.take('advert')).toEqual([]);
    bench.up(8);
    bench.pass(1_000);
    expect(bench.take('advert')).toHaveLength(8);
  });

  test('of many neighbours: newcomers alone are no reason, while those that they began with are there', () => {
    const bench = new Bench();
    bench.ups(40);
    bench.join('chat');
    const told = bench.take('advert').length;
    expect(told).toBe(CAST.firstHops);
    for (let link = 41; link <= 100; link++) bench.up(link);
    bench.pass(100_000);
    expect(bench.take('advert')).toEqual([]); // sixty that have not got them, but none has gone
  });

  test('of so many neighbours that nobody knows who was told: when the first comes after all had gone', () => {
    const bench = new Bench();
    bench.ups(60);
    bench.join('chat');
    bench.pass(2_000_000); // each refresh begins with others
    for (let link = 1; link <= 60; link++) bench.give({ type: 'down', link });
    bench.pass(340_000); // the next one finds nobody
    bench.take('advert');
    for (let link = 61; link <= 120; link++) bench.up(link);
    bench.pass(1_000);
    bench.take('advert');
    bench.pass(1_000_000);
    expect(bench.take('advert').length).toBeGreaterThanOrEqual(3 * CAST.firstHops);
  });

  test('under whatever calendar neighbours agree on; it does not last longer than they do', () => {
    const bench = new Bench();
    bench.ups(4);
    const seqs = (): number[] => bench.take('advert').map((m) => decodeAdvert(m.advert)?.seq ?? 0);
    const during = (wall: number): number[] => {
      const at = { wallMs: wall, ...bench.outside };
      bench.machine.handle(
        { type: 'join', subnet: bench.hash('chat'), meta: noBytes, ...at },
        bench.nowMs,
        bench,
      );
      const told = seqs();
      bench.machine.handle({ type: 'part', subnet: bench.hash('chat'), ...at }, bench.nowMs, bench);
      return [...new Set([...told, ...seqs()])];
    };
    const year = 365 * 86_400_000;
    expect(during(wallMs + 1_000)).toEqual([wallMs + 1_000, wallMs + 1_001]);
    for (const wall of [-5, 2 ** 53 + 1_000, wallMs + 20 * year])
      expect(during(wall).length).toBeGreaterThan(0);
    expect(during(wallMs + 2_000)).toEqual([wallMs + 2_000, wallMs + 2_001]);
    expect(during(wallMs + 1_000)).toEqual([wallMs + 2_002, wallMs + 2_003]); // a little back is no reason
  });

  test('… when we have moved, and when the network has doubled', () => {
    const bench = new Bench();
    bench.ups(4);
    bench.join('chat');
    bench.take('advert');
    bench.record = bench.recordOf(bench.crypto, ['ws://5.6.7.8:4000']);
    bench.give({ type: 'tick', ...bench.outside });
    bench.pass(1_000);
    expect(bench.take('advert')).toHaveLength(4);
    bench.size = 199;
    bench.give({ type: 'tick', ...bench.outside });
    bench.pass(1_000);
    expect(bench.take('advert')).toEqual([]);
    bench.size = 200;
    bench.give({ type: 'tick', ...bench.outside });
    bench.pass(1_000);
    expect(bench.take('advert')).toHaveLength(4);
  });

  test('when we have moved, answers say so at once, and are newer than every advert before', () => {
    const bench = new Bench();
    bench.ups(4);
    bench.join('chat');
    const answer = () => {
      bench.ask(1, 'chat');
      const row = bench.take('rows', 1)[0]?.rows[0];
      return row && decodeAdvert(row.bytes);
    };
    for (let i = 0; i < 6; i++) {
      const before = answer();
      bench.record = bench.recordOf(bench.crypto, [`ws://5.6.7.${i}:4000`]);
      bench.give({ type: 'tick', ...bench.outside }); // no advert may be sent any more
      const after = answer();
      expect(after?.record.addresses).toEqual([`ws://5.6.7.${i}:4000`]);
      expect(after?.seq).toBeGreaterThan(before?.seq as number);
    }
    expect(answer()?.seq).toBe(answer()?.seq); // control: who stays where it is says the same
  });

  test('in other words: answers are newer than those before, also where no advert may be sent yet', () => {
    const bench = new Bench();
    bench.ups(4);
    const seqs = Array.from({ length: 6 }, (_, i) => {
      bench.join('chat', new Uint8Array([i]));
      bench.ask(1, 'chat');
      const answer = decodeAdvert(bench.take('rows', 1)[0]?.rows[0]?.bytes ?? noBytes);
      expect(answer?.meta).toEqual(new Uint8Array([i]));
      return answer?.seq as number;
    });
    expect(bench.take('advert', 2)).toHaveLength(3);
    expect(new Set(seqs).size).toBe(6);
    expect(seqs).toEqual([...seqs].sort());
  });

  test('never more often than receivers take them', () => {
    const bench = new Bench();
    bench.ups(4);
    let sent = 0;
    for (let i = 0; i < 20; i++) {
      bench.join('chat');
      bench.pass(10);
      sent += bench.take('advert', 1).length;
      bench.part('chat');
      bench.take('advert');
    }
    expect(sent).toBeLessThanOrEqual(20); // each join is a membership of its own
    const bucket = new Bench();
    bucket.ups(4);
    bucket.join('chat');
    for (let i = 0; i < 10; i++) {
      bucket.record = bucket.recordOf(bucket.crypto, [`ws://5.6.7.${i}:4000`]);
      bucket.give({ type: 'tick', ...bucket.outside });
      bucket.pass(1_000);
    }
    expect(bucket.take('advert', 1).length).toBe(3);
  });

  test('after part: a withdrawal to all neighbours, and no answer', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.join('chat');
    expect(told(bench)).toEqual(['advert']);
    bench.take('advert');
    bench.part('chat');
    expect(bench.take('advert')).toHaveLength(4);
    expect(told(bench)).toEqual([]);
    bench.pass(600_000);
    expect(bench.take('advert')).toEqual([]);
  });

  test.each([
    [1, 100],
    [5, 10_000],
    [5, 1_000_000],
  ])(
    'of 64 subnets while their adverts still wait for room: all that were told (%i links, %i nodes)',
    (links, size) => {
      const bench = new Bench();
      bench.size = size;
      bench.ups(links);
      for (let i = 0; i < 64; i++) bench.join(`chat ${i}`);
      bench.pass(5_000);
      const toldOf = (): string[] => {
        const subnets = bench.take('advert').map((m) => toHex(decodeAdvert(m.advert)?.subnet ?? noBytes));
        return [...new Set(subnets)].sort();
      };
      const told = toldOf();
      expect(told.length).toBeGreaterThan(0);
      expect(told.length).toBeLessThan(64);
      bench.give({ type: 'close', ...bench.outside });
      expect(bench.sent).toHaveLength(told.length * links);
      expect(toldOf()).toEqual(told);
    },
  );

  test('closing withdraws everything', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.join('a');
    bench.join('b');
    bench.take('advert');
    bench.give({ type: 'close', ...bench.outside });
    expect(bench.take('advert')).toHaveLength(4);
    expect(bench.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('scope', () => {
  const privateAddress = 'ws://192.168.1.5:4000';
  const globalAddress = 'ws://5.6.7.8:4000';

  test('an advert with a narrow address is told only where it is as narrow', () => {
    const bench = new Bench();
    bench.up(1, 'n1', 'private');
    bench.up(2, 'n2', 'private');
    bench.up(3, 'n3', 'global');
    bench.tell(1, bench.advert('alice', 'chat', { addresses: [privateAddress] }));
    expect([bench.take('advert', 2).length, bench.take('advert', 3).length]).toEqual([1, 0]);
    bench.ask(2, 'chat', { budget: 1 });
    bench.ask(3, 'chat', { budget: 1 });
    expect([bench.take('rows', 2).length, bench.take('rows', 3).length]).toEqual([1, 0]);
  });

  test('what we say of ourselves fits the widest link; a neighbour that asks for itself hears more', () => {
    const bench = new Bench();
    bench.record = bench.recordOf(bench.crypto, [privateAddress, globalAddress]);
    bench.up(1, 'n1', 'private');
    bench.up(2, 'n2', 'global');
    bench.join('chat');
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
    for (const m of bench.take('advert')) {
      expect(text(m.advert)).toContain(globalAddress);
      expect(text(m.advert)).not.toContain(privateAddress);
    }
    const rows = (link: number, hops: number): string => {
      bench.ask(link, 'chat', { budget: 1, hops });
      return text(bench.take('rows', link)[0]?.rows[0]?.bytes ?? noBytes);
    };
    expect(rows(1, 1)).toContain(privateAddress);
    expect(rows(1, 2)).not.toContain(privateAddress);
    expect(rows(2, 1)).not.toContain(privateAddress);
  });

  test('a row over a wide link: narrow addresses are stripped, the member stays', () => {
    const bench = new Bench();
    bench.up(1, 'n1', 'global');
    bench.search(1, 'chat');
    const query = searchOf(bench);
    bench.answer(1, query, [
      { bytes: bench.advert('alice', 'chat', { addresses: [privateAddress, globalAddress] }).bytes },
    ]);
    bench.answer(1, query, [
      { bytes: bench.advert('bob', 'chat', { addresses: ['ws://127.0.0.1:4000'] }).bytes },
    ]);
    expect(bench.rows.map((row) => row.addresses)).toEqual([[globalAddress], []]);
  });
});

/** The name of the search that was sent last. */
function searchOf(bench: Bench): Uint8Array {
  const m = bench.take('search')[0];
  if (m === undefined) throw new Error('no search was sent');
  return bench.queryOf(m);
}

function generous() {
  const rate = { perSecond: 1e6, burst: 1e6 };
  return {
    adverts: rate,
    advertUnits: rate,
    searches: rate,
    searchUnits: rate,
    signatures: rate,
    nodeSignatures: rate,
    oneAdvert: rate,
    ownAdvert: rate,
    unasked: rate,
    rowBytes: rate,
  };
}
