// What one machine makes of neighbours that say too much, to the wrong one, or in the wrong order: searches, rows,
// adverts and withdrawals, each limit by itself.
import { type Crypto, scopeRank, signRecord } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { CAPACITY, CAST, LIMITS, RATES } from '../../src/defaults.js';
import { narrowestRank } from '../../src/machine/slim-record.js';
import { Withdrawals } from '../../src/machine/withdrawals.js';
import { encodeOrphans, type Row, signAnswer } from '../../src/wire.js';
import { Bench, noBytes, wallMs } from '../bench.js';

type Given = Partial<Row> & { bytes: Uint8Array };

const row = (bench: Bench, member: string, more: Parameters<Bench['advert']>[2] = {}): Given => ({
  bytes: bench.advert(member, 'chat', more).bytes,
});
const gone = (bench: Bench, member: string, seq: number, addresses: readonly string[] = []): Given => ({
  kind: 'withdrawal',
  bytes: bench.advert(member, 'chat', { ttlSeconds: 0, seq, addresses }).bytes,
});
const rowsTo = (bench: Bench, link: number): readonly Row[] =>
  bench.take('rows', link).flatMap(({ rows }) => rows);
const kindsTo = (bench: Bench, link: number): string[] => rowsTo(bench, link).map(({ kind }) => kind);

/** A node between neighbour 1, who asks, and the others. */
function between(links = 6, payload = noBytes): { bench: Bench; query: Uint8Array } {
  const bench = new Bench();
  bench.ups(links);
  return { bench, query: bench.ask(1, 'chat', { budget: 1_000, payload }) };
}

describe('a search of others', () => {
  test('goes on with what a larger copy has more of, twice at most, and never to who brought one', () => {
    const bench = new Bench();
    bench.ups(3);
    const searchId = new Uint8Array(16).fill(9);
    const onward = (link: number, budget: number): number[] => {
      bench.ask(link, 'chat', { searchId, budget });
      const to = bench.sent.filter(({ message }) => message.type === 'search').map((one) => one.to);
      bench.take('search');
      return to.sort();
    };
    expect(onward(1, 9)).toEqual([2, 3]);
    expect(onward(2, 50)).toEqual([3]); // 1 and 2 have it
    expect(onward(1, 200)).toEqual([3]);
    expect(onward(1, 1_000)).toEqual([]);
  });

  test('is answered over two links at most, and over each once', () => {
    const bench = new Bench();
    bench.ups(5);
    bench.join('chat');
    const searchId = new Uint8Array(16).fill(9);
    bench.ask(1, 'chat', { searchId, budget: 2 });
    bench.ask(1, 'chat', { searchId, budget: 9 });
    expect(bench.take('rows', 1)).toHaveLength(1);
    bench.ask(2, 'chat', { searchId, budget: 30 });
    expect(bench.take('rows', 2)).toHaveLength(1);

    const other = new Bench();
    other.ups(5);
    const query = other.ask(1, 'chat', { searchId, budget: 2 });
    other.ask(2, 'chat', { searchId, budget: 9 });
    other.ask(3, 'chat', { searchId, budget: 30 });
    other.answer(5, query, [row(other, 'alice')]);
    expect([1, 2, 3].map((link) => rowsTo(other, link).length)).toEqual([1, 1, 0]);
  });

  test('names 32 members at most when it goes on', () => {
    const bench = new Bench();
    bench.ups(4);
    for (let i = 0; i < 4; i++) bench.tell(4, bench.advert(`m${i}`, 'chat'));
    const known = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(16, '0'));
    bench.ask(1, 'chat', { known });
    expect(rowsTo(bench, 1)).toHaveLength(4);
    expect(bench.take('search', 2)[0]?.known).toHaveLength(32);
  });

  test('is answered with as many rows as it wants, and never with who asks', () => {
    const bench = new Bench();
    bench.ups(4);
    for (let i = 0; i < 4; i++) bench.tell(4, bench.advert(`m${i}`, 'chat'));
    bench.ask(1, 'chat', { want: 2 });
    expect(rowsTo(bench, 1)).toHaveLength(2);
    bench.tell(2, bench.advert('n3', 'book'));
    bench.ask(3, 'book');
    bench.ask(1, 'book');
    expect([rowsTo(bench, 3).length, rowsTo(bench, 1).length]).toEqual([0, 1]);
  });

  test('over the rate is not answered either', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.join('chat');
    for (let i = 0; i < 250; i++) {
      const searchId = new Uint8Array(16).fill(i);
      searchId[0] = 7;
      bench.ask(1, 'chat', { searchId, budget: 1 });
    }
    expect(bench.take('rows', 1)).toHaveLength(RATES.searches.burst);
    expect(bench.queries).toHaveLength(RATES.searches.burst);
  });

  test('with the largest budget that can be said goes on with no more than anybody may pass on', () => {
    const bench = new Bench({ rates: { ...RATES, searchUnits: { perSecond: 1e6, burst: 1e6 } } });
    bench.ups(5);
    bench.ask(1, 'chat', { budget: 65_535 });
    const budgets = bench.take('search').map(({ budget }) => budget);
    expect(budgets).toHaveLength(4);
    expect(budgets.reduce((sum, budget) => sum + budget, 0)).toBe(CAST.budgetMax);
  });

  test('hears of withdrawals of narrow addresses only where it is as narrow', () => {
    const bench = new Bench();
    for (const [link, scope] of [
      [1, 'private'],
      [2, 'private'],
      [3, 'global'],
    ] as const)
      bench.up(link, `n${link}`, scope);
    const addresses = ['ws://10.0.0.7:4000'];
    bench.tell(1, bench.advert('alice', 'chat', { addresses }));
    bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1, addresses }));
    bench.take('advert');
    bench.ask(2, 'chat');
    bench.ask(3, 'chat');
    expect([kindsTo(bench, 2), kindsTo(bench, 3)]).toEqual([['withdrawal'], []]);
  });
});

describe('rows on their way', () => {
  test('of one message name each member once', () => {
    const { bench, query } = between();
    bench.answer(2, query, [row(bench, 'alice'), row(bench, 'alice', { seq: wallMs + 1 })]);
    expect(rowsTo(bench, 1)).toHaveLength(1);
  });

  test('are sixteen of one neighbour, and sixteen to who asks, however they come', () => {
    const search = new Bench();
    search.ups(3);
    search.search(1, 'chat', { limit: 100 });
    const [m] = search.take('search');
    const own = search.queryOf(m as NonNullable<typeof m>);
    for (let i = 0; i < 20; i++) search.answer(1, own, [row(search, `m${i}`)]);
    expect([search.rows.length, search.counters.rowsCut]).toEqual([16, 4]);

    const { bench, query } = between();
    for (const link of [2, 3])
      bench.answer(
        link,
        query,
        Array.from({ length: 10 }, (_, i) => row(bench, `m${link}.${i}`)),
      );
    expect(rowsTo(bench, 1)).toHaveLength(16);
  });

  test('do not go back to who gave them, though the search has come from there as well', () => {
    const bench = new Bench();
    bench.ups(4);
    const searchId = new Uint8Array(16).fill(9);
    const query = bench.ask(1, 'chat', { searchId, budget: 9 });
    bench.ask(2, 'chat', { searchId, budget: 100 }); // 2 was asked, and asks now itself
    bench.answer(2, query, [row(bench, 'alice')]);
    bench.answer(3, query, [row(bench, 'bob')]); // the control
    expect([1, 2].map((link) => rowsTo(bench, link).length)).toEqual([2, 1]);
  });

  test('with a narrow address go to nobody in a wider network', () => {
    for (const scope of ['global', 'private'] as const) {
      const bench = new Bench();
      bench.up(1, 'n1', scope);
      bench.up(2, 'n2', 'private');
      const query = bench.ask(1, 'chat', { budget: 9 });
      bench.answer(2, query, [row(bench, 'lan', { addresses: ['ws://10.0.0.7:4000'] }), row(bench, 'far')]);
      expect(rowsTo(bench, 1)).toHaveLength(scope === 'global' ? 1 : 2);
    }
  });

  test('teach a holder that a member has gone', () => {
    const { bench, query } = between();
    bench.tell(3, bench.advert('alice', 'chat'));
    bench.take('advert');
    bench.answer(2, query, [gone(bench, 'alice', wallMs + 1)]);
    expect(bench.machine.sizes()).toMatchObject({ adverts: 0, withdrawals: 1 });
    bench.take('rows');
    bench.ask(4, 'chat');
    expect(kindsTo(bench, 4)).toEqual(['withdrawal']);
  });

  test.each([
    ['a withdrawal once', (b: Bench) => [gone(b, 'a', wallMs + 1), gone(b, 'a', wallMs + 2)], ['withdrawal']],
    ['no withdrawal of something older', (b: Bench) => [row(b, 'a'), gone(b, 'a', wallMs - 1)], ['advert']],
    ['nothing that is withdrawn', (b: Bench) => [gone(b, 'a', wallMs + 1), row(b, 'a')], ['withdrawal']],
    [
      'what is newer than a withdrawal',
      (b: Bench) => [gone(b, 'a', wallMs + 1), row(b, 'a', { seq: wallMs + 2 })],
      ['withdrawal', 'advert'],
    ],
    [
      'an orphan once, and an advert after it',
      (b: Bench) => [
        { ...row(b, 'a'), kind: 'orphan' as const },
        { ...row(b, 'a'), kind: 'orphan' as const },
        row(b, 'a'),
      ],
      ['orphan', 'advert'],
    ],
    [
      'a withdrawal that covers all that was told',
      (b: Bench) => [
        { ...row(b, 'a', { seq: wallMs + 9 }), kind: 'orphan' as const },
        row(b, 'a', { seq: wallMs + 3 }),
        gone(b, 'a', wallMs + 5),
      ],
      ['orphan', 'advert'],
    ],
  ])('pass on %s', (_, rowsOf, passed) => {
    const { bench, query } = between();
    for (const [i, one] of rowsOf(bench).entries()) bench.answer(2 + i, query, [one]);
    expect(kindsTo(bench, 1)).toEqual(passed);
    expect(bench.blamed).toEqual([]);
  });

  describe('that answer a question', () => {
    const payload = new Uint8Array([1]);
    const answer = (bench: Bench, query: Uint8Array, subnet = 'chat'): Uint8Array => {
      const crypto = bench.who('bob');
      const record = bench.recordOf(crypto, []);
      return signAnswer(crypto, { query, subnet: bench.hash(subnet), record, meta: new Uint8Array([7]) })
        .bytes;
    };
    const forged = (bytes: Uint8Array): Uint8Array => {
      const copy = bytes.slice();
      copy[copy.length - 65] = 8; // its last word
      return copy;
    };

    test.each([
      ['to another search', (bench: Bench) => answer(bench, new Uint8Array(16))],
      ['in another subnet', (bench: Bench, query: Uint8Array) => answer(bench, query, 'other')],
      ['in words of somebody else', (bench: Bench, query: Uint8Array) => forged(answer(bench, query))],
    ])('%s: not passed on, and the link is closed', (_, bytesOf) => {
      const { bench, query } = between(4, payload);
      bench.answer(2, query, [{ kind: 'answer', bytes: bytesOf(bench, query) }]);
      expect([bench.take('rows'), bench.closed]).toEqual([[], [[2, 'PROTOCOL']]]);
      bench.answer(3, query, [{ kind: 'answer', bytes: answer(bench, query) }]); // the control
      expect(kindsTo(bench, 1)).toEqual(['answer']);
    });

    test('are answers, and no adverts', () => {
      const { bench, query } = between(4, payload);
      bench.answer(2, query, [row(bench, 'alice')]);
      expect([bench.take('rows'), bench.closed]).toEqual([[], [[2, 'PROTOCOL']]]);
    });
  });
});

describe('adverts of others', () => {
  test('that have expired by the age that is told are not held, nor passed on', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 60 }), { ageSeconds: 60 });
    expect([bench.counters.refused, bench.counters.signatures]).toEqual([1, 0]);
    expect(bench.take('advert')).toEqual([]);
  });

  test('that found no place do not replace what is newer when they come again', () => {
    /** A cell of one, whom two want; the keyed order of every bench here is the same. */
    const contest = (first: string, second: string) => {
      const bench = new Bench({ cell: 1 });
      bench.ups(4);
      bench.tell(1, bench.advert(first, 'chat'));
      bench.tell(1, bench.advert(second, 'chat'));
      return bench;
    };
    const wins = (bench: Bench): boolean => bench.counters.notAdmitted === 1; // the first one does
    const [winner, loser] = wins(contest('alice', 'bob')) ? ['alice', 'bob'] : ['bob', 'alice'];
    const bench = contest(winner as string, loser as string);
    expect(wins(bench)).toBe(true);
    bench.tell(1, bench.advert(winner as string, 'chat', { ttlSeconds: 0, seq: wallMs + 1 }));
    const news = bench.advert(loser as string, 'chat', { seq: wallMs + 5 });
    bench.tell(2, news);
    bench.tell(3, bench.advert(loser as string, 'chat'));
    bench.ask(4, 'chat');
    const adverts = rowsTo(bench, 4).filter(({ kind }) => kind === 'advert');
    expect(adverts.map(({ bytes }) => String(bytes))).toEqual([String(news.bytes)]);
  });

  test('that found no place are no older by the copy that finds one, and never older than anybody reads', () => {
    /** A cell of one, for which the second one does not get the place of the first. */
    const contest = (first: string, second: string) => {
      const bench = new Bench({ cell: 1 });
      bench.ups(4);
      for (const name of [first, second]) bench.tell(1, bench.advert(name, 'chat'));
      return bench.counters.notAdmitted === 1 ? { bench, first, second } : undefined;
    };
    const fair = contest('alice', 'bob') ?? contest('bob', 'alice');
    const { bench, first, second } = fair as NonNullable<typeof fair>;
    bench.tell(1, bench.advert(first, 'chat', { ttlSeconds: 0, seq: wallMs + 1 }));
    bench.take('advert');
    bench.tell(1, bench.advert(second, 'chat'), { ageSeconds: 600 });
    expect(bench.take('advert').map(({ ageSeconds }) => ageSeconds)).toEqual([0, 0, 0]);
    bench.pass(5_000);
    bench.ask(4, 'chat');
    expect(rowsTo(bench, 4)).toMatchObject([{ kind: 'advert', ageSeconds: 5 }, { kind: 'withdrawal' }]);
    // An age above 600 s cannot be read, and whoever gets it would ban us.
    bench.give({ type: 'down', link: 2 });
    bench.up(5);
    expect(bench.take('advert', 5)).toMatchObject([{ ageSeconds: 5 }]);
  });

  test('that all places were taken from are forgotten in every way', () => {
    const bench = new Bench({ adverts: 8 });
    bench.ups(6);
    const sizes = () => bench.machine.sizes();
    for (let i = 0; i < 12; i++) bench.tell(1 + (i % 5), bench.advert(`m${i}`, `chat ${i}`));
    const bytes = bench.advert('m0', 'chat 0').bytes.length;
    expect([sizes().adverts, sizes().advertBytes]).toEqual([8, 8 * bytes]);
    for (let i = 0; i < 12; i++) bench.ask(6, `chat ${i}`);
    expect(rowsTo(bench, 6)).toHaveLength(8);
  });

  test('stay in the share of who brought them first', () => {
    const bench = new Bench({ adverts: 8 }); // two of each neighbour
    bench.ups(3);
    for (const name of ['a', 'b']) bench.tell(1, bench.advert(name, name));
    for (const name of ['a', 'b']) bench.tell(2, bench.advert(name, name, { seq: wallMs + 1 }));
    bench.tell(1, bench.advert('c', 'c'));
    expect(bench.machine.sizes().adverts).toBe(2);
    bench.tell(2, bench.advert('c', 'c')); // the control
    expect(bench.machine.sizes().adverts).toBe(3);
  });

  test('are orphans when all chains break that were no longer than the first, and of those three count', () => {
    const bench = new Bench();
    bench.ups(8);
    const alice = bench.advert('alice', 'chat');
    bench.tell(1, alice, { hops: 3 });
    bench.tell(2, alice, { hops: 2 });
    bench.tell(7, alice, { hops: 4 });
    bench.give({ type: 'down', link: 1 });
    expect(bench.machine.sizes().orphans).toBe(0);
    bench.give({ type: 'down', link: 2 });
    expect(bench.machine.sizes().orphans).toBe(1);
    const bob = bench.advert('bob', 'chat');
    for (const link of [3, 4, 5, 6]) bench.tell(link, bob, { hops: 2 });
    for (const link of [3, 4, 5]) bench.give({ type: 'down', link });
    expect(bench.machine.sizes().orphans).toBe(2);
  });

  test('that have expired here are not mended by a copy that claims to be young', () => {
    // By less than the minute from which a younger copy counts.
    for (const waitMs of [29_000, 31_000]) {
      const bench = new Bench();
      bench.ups(4);
      const alice = bench.advert('alice', 'chat', { ttlSeconds: 30 });
      bench.tell(1, alice);
      bench.give({ type: 'down', link: 1 });
      bench.take('advert');
      bench.nowMs += waitMs;
      bench.tell(2, alice);
      expect(bench.take('advert').length > 0).toBe(waitMs < 30_000); // the control
    }
  });

  test('stay withdrawn when somebody tells of an earlier withdrawal', () => {
    const { bench, query } = between();
    bench.tell(3, bench.advert('alice', 'chat'));
    bench.tell(3, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 9 }));
    bench.answer(2, query, [gone(bench, 'alice', wallMs + 3)]);
    bench.tell(4, bench.advert('alice', 'chat', { seq: wallMs + 5 }));
    expect(bench.machine.sizes().adverts).toBe(0);
    bench.tell(4, bench.advert('alice', 'chat', { seq: wallMs + 10 })); // the control
    expect(bench.machine.sizes().adverts).toBe(1);
  });

  test('ORPHANS count as adverts: more than those at once are dropped', () => {
    const bench = new Bench({ rates: { ...RATES, adverts: { perSecond: 0.001, burst: 2 } } });
    bench.ups(3);
    const [alice, bob] = ['alice', 'bob'].map((name) => bench.advert(name, 'chat'));
    bench.tell(1, alice as NonNullable<typeof alice>);
    bench.tell(1, bob as NonNullable<typeof bob>);
    const place = (id: string): string =>
      Buffer.from(bench.hash('chat')).toString('hex').slice(0, 24) + id.slice(0, 32);
    bench.message(1, encodeOrphans([place(bench.who('alice').id)]));
    expect([bench.counters.limiterDrops, bench.machine.sizes().orphans]).toEqual([1, 0]);
  });

  test('a withdrawal does not go back to who brought it', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat'));
    bench.take('advert');
    bench.tell(2, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }), { budget: 1 });
    expect(bench.sent.filter(({ message }) => message.type === 'advert').map(({ to }) => to)).toEqual([3]);
  });

  test('are mended to nobody in a wider network, and not beyond the last hop', () => {
    const narrow = new Bench();
    narrow.up(1, 'n1', 'private');
    narrow.up(2, 'n2', 'private');
    narrow.tell(1, narrow.advert('lan', 'chat', { addresses: ['ws://10.0.0.7:4000'] }));
    narrow.give({ type: 'down', link: 2 });
    narrow.take('advert');
    narrow.up(3);
    expect(narrow.take('advert')).toEqual([]);
    narrow.up(4, 'n4', 'private'); // the control
    expect(narrow.take('advert', 4)).toHaveLength(1);

    const far = new Bench();
    far.ups(3);
    const alice = far.advert('alice', 'chat');
    far.tell(1, alice, { hops: 15 });
    far.give({ type: 'down', link: 1 });
    far.tell(3, alice, { hops: 16, budget: 1 });
    far.give({ type: 'down', link: 2 });
    far.take('advert');
    far.up(4);
    expect(far.take('advert')).toEqual([]);
  });

  test('with a relay in a narrow network are as narrow as that', () => {
    const bench = new Bench();
    bench.up(1, 'n1', 'private');
    bench.up(2, 'n2', 'private');
    bench.up(3, 'n3', 'global');
    const crypto = bench.who('shy');
    const record = signRecord(crypto, {
      seq: wallMs,
      ttlSeconds: 86_400,
      addresses: [],
      relays: [{ id: bench.who('relay').id, address: 'ws://10.0.0.7:4000' }],
      dialable: false,
      webrtc: true,
      stun: false,
    });
    expect(narrowestRank(record)).toBe(scopeRank('private'));
    bench.tell(1, bench.advert('shy', 'chat', { record }));
    expect(bench.sent.filter(({ message }) => message.type === 'advert').map(({ to }) => to)).toEqual([2]);
  });
});

describe('what is kept', () => {
  test('of withdrawals are sixteen of a subnet', () => {
    const bench = new Bench({ rates: { ...RATES, adverts: { perSecond: 1e6, burst: 1e6 } } });
    bench.ups(8);
    for (let i = 0; i < 20; i++) {
      bench.tell(1 + (i % 5), bench.advert(`m${i}`, 'chat'));
      bench.tell(1, bench.advert(`m${i}`, 'chat', { ttlSeconds: 0, seq: wallMs + 1 }));
    }
    expect(bench.machine.sizes().withdrawals).toBe(CAPACITY.withdrawalsPerSubnet);
  });

  test('of withdrawals is forgotten in every way when there are more', () => {
    const withdrawals = new Withdrawals();
    const one = { id: new Bench().who('a').id, seq: 1, bytes: noBytes, expiresMs: 1, narrowest: 3 };
    for (let i = 0; i <= CAPACITY.withdrawals; i++)
      withdrawals.add({ ...one, place: `place ${i}`, subnet: `subnet ${i}` });
    expect(withdrawals.size).toBe(CAPACITY.withdrawals);
    expect([withdrawals.find('subnet 0').length, withdrawals.find('subnet 1').length]).toEqual([0, 1]);
    expect(withdrawals.covers('place 0', 1)).toBe(false);
  });

  test('of memberships are 64', () => {
    const bench = new Bench();
    for (let i = 0; i < 65; i++) bench.join(`chat ${i}`);
    bench.join('chat 7', new Uint8Array([1])); // one of them, in other words
    expect(bench.machine.subnets).toHaveLength(CAPACITY.subnetsPerKey);
  });

  test('of own searches are 1 024; one more ends at once', () => {
    const bench = new Bench();
    for (let number = 1; number <= CAPACITY.searches + 1; number++) bench.search(number, 'chat');
    expect(bench.ended).toEqual([CAPACITY.searches + 1]);
  });

  test('in line for a look at signatures is bounded in bytes, too', () => {
    const rates = {
      ...RATES,
      signatures: { perSecond: 0.001, burst: 1 },
      adverts: { perSecond: 1e6, burst: 1e6 },
    };
    const bench = new Bench({ rates });
    bench.ups(2);
    const long = (n: number): string =>
      `ws://${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(20)}.example:400${n}`;
    const big = { addresses: [long(0), long(1)], meta: new Uint8Array(128) };
    const { length } = bench.advert('m', 'chat 0', big).bytes;
    for (let i = 0; i < 500; i++) bench.tell(1, bench.advert(`m${i}`, `chat ${i}`, big), { budget: 1 });
    expect(bench.machine.sizes().waiting).toBe(Math.floor(CAPACITY.waitingBytes / length));
  });
});

describe('looks at signatures', () => {
  test('are limited for all neighbours together', () => {
    const bench = new Bench({ rates: { ...RATES, nodeSignatures: { perSecond: 1, burst: 3 } } });
    bench.ups(6);
    for (let link = 1; link <= 5; link++) bench.tell(link, bench.advert(`m${link}`, `chat ${link}`));
    expect(bench.machine.sizes()).toMatchObject({ adverts: 3, waiting: 2 });
    bench.pass(2_000);
    expect(bench.machine.sizes()).toMatchObject({ adverts: 5, waiting: 0 });
  });

  test('are shared by all who wait: who has filled his line first does not keep others from theirs', () => {
    const bench = new Bench({ rates: { ...RATES, nodeSignatures: { perSecond: 1, burst: 1 } } });
    bench.ups(4);
    for (let i = 0; i < 100; i++) bench.tell(1 + (i % 2), bench.advert(`m${i}`, `chat ${i}`), { budget: 1 });
    bench.tell(3, bench.advert('alice', 'chat'), { budget: 1 });
    bench.tell(3, bench.advert('bob', 'chat'), { budget: 1 });
    bench.pass(6_000);
    bench.ask(4, 'chat');
    expect(kindsTo(bench, 4)).toEqual(['advert', 'advert']);
    bench.pass(100_000);
    expect(bench.machine.sizes()).toMatchObject({ adverts: 102, waiting: 0 });
  });

  test('end when there is no budget, also where so little is missing that no clock can tell', () => {
    const { crypto } = new Bench();
    let hashes = 0;
    const hash: Crypto['hash'] = (domain, bytes) => {
      if (++hashes > 1_000) throw new Error('it looks for ever');
      return crypto.hash(domain, bytes);
    };
    const bench = new Bench({ rates: { ...RATES, nodeSignatures: { perSecond: 1e9, burst: 1 } } }, { hash });
    bench.nowMs = 2 ** 35; // a year: numbers are 8 ns apart
    const seq = wallMs + bench.nowMs;
    bench.ups(2);
    const query = bench.ask(1, 'chat');
    for (const name of ['alice', 'bob']) bench.answer(2, query, [row(bench, name, { seq })]);
    expect([rowsTo(bench, 1).length, bench.machine.sizes().waiting]).toEqual([1, 1]);
    bench.give({ type: 'tick', ...bench.outside });
    expect([rowsTo(bench, 1).length, bench.machine.sizes().waiting]).toEqual([0, 1]);
    bench.nowMs++;
    bench.give({ type: 'tick', ...bench.outside });
    expect([rowsTo(bench, 1).length, bench.machine.sizes().waiting]).toEqual([1, 0]);
  });

  test('go in order, also when there is budget before those that wait have had their turn', () => {
    const bench = new Bench({ rates: { ...RATES, signatures: { perSecond: 1, burst: 1 } } });
    bench.ups(3);
    bench.tell(1, bench.advert('x', 'other'));
    bench.tell(1, bench.advert('alice', 'chat')); // waits
    bench.nowMs += 1_500;
    bench.tell(1, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }));
    bench.pass(5_000);
    expect(bench.machine.sizes()).toMatchObject({ adverts: 1, withdrawals: 1 });
  });
});

test('a member that could not be reached is not told by a copy of what it had said', () => {
  const bench = new Bench(LIMITS);
  bench.ups(3);
  const alice = bench.advert('alice', 'chat');
  bench.give({ type: 'stale', id: alice.id, seq: alice.seq });
  bench.tell(1, alice);
  bench.search(1, 'chat');
  expect(bench.rows).toEqual([]);
  bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs + 1 }));
  bench.search(2, 'chat');
  expect(bench.rows).toHaveLength(1);
});
