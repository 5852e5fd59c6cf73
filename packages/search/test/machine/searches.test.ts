import { describe, expect, test } from 'vitest';
import { signAnswer } from '../../src/wire.js';
import { Bench, noBytes, wallMs } from '../bench.js';

/** Starts a search and returns its name, as its neighbours see it. */
function started(bench: Bench, more: Parameters<Bench['search']>[2] = {}): Uint8Array {
  bench.search(1, 'chat', more);
  return nameOf(bench);
}

function nameOf(bench: Bench): Uint8Array {
  const [m] = bench.take('search');
  if (m === undefined) throw new Error('no search was sent');
  return bench.queryOf(m);
}

const row = (bench: Bench, member: string): { bytes: Uint8Array } => ({
  bytes: bench.advert(member, 'chat').bytes,
});

describe('an own search', () => {
  test('visits 4·√N nodes, and tells each member once', () => {
    const bench = new Bench();
    bench.ups(5);
    bench.search(1, 'chat');
    const sent = bench.take('search');
    expect(sent.reduce((sum, m) => sum + m.budget, 0)).toBe(40);
    const query = bench.queryOf(sent[0] as (typeof sent)[0]);
    bench.answer(1, query, [row(bench, 'alice'), row(bench, 'bob')]);
    bench.answer(2, query, [row(bench, 'alice')]);
    expect(bench.rows.map((r) => r.id)).toEqual([bench.who('alice').id, bench.who('bob').id]);
  });

  test('ends a second after the last new row, at a second at the earliest', () => {
    for (const [rowMs, endMs] of [
      [0, 1_000],
      [400, 1_400],
    ] as const) {
      const bench = new Bench();
      bench.ups(2);
      const query = started(bench);
      bench.pass(rowMs);
      bench.answer(1, query, [row(bench, 'alice')]);
      bench.pass(endMs - rowMs - 1);
      expect(bench.ended).toEqual([]);
      bench.pass(1);
      expect(bench.ended).toEqual([1]);
      expect(bench.take('search')).toEqual([]);
    }
  });

  test('without a row: once more after 500 ms, with more; it ends 3 s after that', () => {
    const bench = new Bench();
    bench.ups(5);
    started(bench);
    bench.pass(499);
    expect(bench.take('search')).toEqual([]);
    bench.pass(1);
    const second = bench.take('search');
    expect(second.reduce((sum, m) => sum + m.budget, 0)).toBe(1_024);
    bench.pass(2_999);
    expect(bench.ended).toEqual([]);
    bench.pass(1);
    expect(bench.ended).toEqual([1]);
    expect(bench.rows).toEqual([]);
  });

  test('the slower searches are answered, the later the second attempt, within bounds', () => {
    const bench = new Bench();
    bench.ups(2);
    for (let number = 1; number < 20; number++) {
      bench.search(number, 'chat');
      const query = nameOf(bench);
      bench.pass(400);
      bench.answer(1, query, [row(bench, 'alice')]);
      bench.pass(2_000);
      bench.take('search');
    }
    bench.search(99, 'nobody');
    bench.take('search');
    bench.pass(1_400);
    expect(bench.take('search')).toEqual([]);
    bench.pass(3_600);
    expect(bench.take('search').length).toBeGreaterThan(0);
    expect(bench.ended).toContain(99); // 5 s at the latest
  });

  test('ends at its limit, and looks once more if it is short of it', () => {
    const bench = new Bench();
    bench.ups(2);
    const query = started(bench, { limit: 2 });
    bench.answer(1, query, [row(bench, 'alice')]);
    bench.pass(600);
    const [again] = bench.take('search');
    expect(again?.known).toEqual([bench.who('alice').id.slice(0, 16)]);
    bench.answer(2, bench.queryOf(again as NonNullable<typeof again>), [
      row(bench, 'bob'),
      row(bench, 'carol'),
    ]);
    expect(bench.rows).toHaveLength(2);
    expect(bench.ended).toEqual([1]);
  });

  test('a limit above 32 asks again and again while there is more', () => {
    const bench = new Bench();
    bench.ups(4);
    bench.search(1, 'chat', { limit: 100 });
    let asked = 0;
    for (let round = 0; round < 8; round++) {
      const sent = bench.take('search');
      if (sent.length === 0) break;
      asked++;
      expect(sent[0]?.want).toBeLessThanOrEqual(32);
      const query = bench.queryOf(sent[0] as (typeof sent)[0]);
      for (let link = 1; link <= 2; link++) {
        bench.answer(
          link,
          query,
          Array.from({ length: 10 }, (_, i) => row(bench, `m${round}-${link}-${i}`)),
        );
      }
      bench.pass(500);
    }
    expect([asked, bench.rows.length]).toEqual([5, 100]);
    expect(bench.ended).toEqual([1]);
  });

  test('what we hold is told at once and not asked for', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(1, bench.advert('alice', 'chat'));
    bench.take('advert');
    bench.search(1, 'chat');
    expect(bench.rows).toMatchObject([{ id: bench.who('alice').id, hops: 1 }]);
    expect(bench.take('search')[0]).toMatchObject({ want: 31, known: [bench.who('alice').id.slice(0, 16)] });
  });

  test('never tells of ourselves', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.join('chat');
    const query = started(bench);
    bench.answer(1, query, [row(bench, 'self')]);
    expect(bench.rows).toEqual([]);
    expect(bench.blamed).toEqual([]);
  });

  test('waits for a neighbour, not for ever', () => {
    const bench = new Bench();
    bench.search(1, 'chat');
    bench.pass(1_000);
    bench.up(1);
    bench.pass(0);
    expect(bench.take('search')).toHaveLength(1);
    const alone = new Bench();
    alone.search(1, 'chat');
    alone.pass(4_999);
    expect(alone.ended).toEqual([1]);
  });

  test('cancelled: nothing comes any more', () => {
    const bench = new Bench();
    bench.ups(2);
    const query = started(bench);
    bench.give({ type: 'cancel', search: 1 });
    bench.answer(1, query, [row(bench, 'alice')]);
    bench.pass(10_000);
    expect([bench.rows, bench.ended, bench.take('search')]).toEqual([[], [], []]);
  });

  test('many at once are paced by what receivers take: queued, not lost', () => {
    const bench = new Bench();
    bench.size = 10_000; // 400 nodes each
    bench.ups(2);
    for (let number = 1; number <= 40; number++) bench.search(number, `chat ${number}`);
    const first = bench.take('search', 1).reduce((sum, m) => sum + m.budget, 0);
    expect(first).toBeLessThanOrEqual(0.8 * 4_096);
    for (let i = 0; i < 60; i++) {
      bench.pass(100);
      for (const m of bench.take('search')) {
        bench.answer(1, bench.queryOf(m), [{ bytes: bench.advert('alice', 'chat').bytes }]);
      }
    }
    bench.pass(10_000);
    expect(bench.ended).toHaveLength(40);
  });
});

describe('doubtful rows', () => {
  test('of orphans are told at the end, if nobody knows better', () => {
    const bench = new Bench();
    bench.ups(2);
    const query = started(bench);
    bench.answer(1, query, [{ ...row(bench, 'alice'), kind: 'orphan' }]);
    expect(bench.rows).toEqual([]);
    bench.pass(600);
    expect(bench.take('search').length).toBeGreaterThan(0); // it counts as none
    bench.pass(3_000);
    expect(bench.rows.map((r) => r.id)).toEqual([bench.who('alice').id]);
    expect(bench.ended).toEqual([1]);
  });

  test('are not told when there are others, unless a limit wants more', () => {
    for (const [limit, count] of [
      [undefined, 1],
      [2, 2],
    ] as const) {
      const bench = new Bench();
      bench.ups(2);
      const query = started(bench, limit === undefined ? {} : { limit });
      bench.answer(1, query, [{ ...row(bench, 'alice'), kind: 'orphan' }, row(bench, 'bob')]);
      bench.pass(5_000);
      expect(bench.rows).toHaveLength(count);
    }
  });

  test('become certain by another that is whole', () => {
    const bench = new Bench();
    bench.ups(2);
    const query = started(bench);
    bench.answer(1, query, [{ ...row(bench, 'alice'), kind: 'orphan' }]);
    bench.answer(2, query, [row(bench, 'alice')]);
    expect(bench.rows).toHaveLength(1);
    bench.pass(5_000);
    expect(bench.rows).toHaveLength(1);
  });

  test('are void by a withdrawal, before or after', () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const bench = new Bench();
      bench.ups(2);
      const query = started(bench);
      const gone = bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }).bytes;
      const rows = [
        { ...row(bench, 'alice'), kind: 'orphan' as const },
        { bytes: gone, kind: 'withdrawal' as const },
      ];
      for (const i of order) bench.answer(1 + i, query, [rows[i] as (typeof rows)[0]]);
      bench.pass(10_000);
      expect(bench.rows).toEqual([]);
      expect(bench.ended).toEqual([1]);
    }
  });

  test('a withdrawal says nothing against what the member has said since', () => {
    const bench = new Bench();
    bench.ups(2);
    const query = started(bench);
    const gone = bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }).bytes;
    bench.answer(1, query, [{ bytes: gone, kind: 'withdrawal' }]);
    bench.answer(2, query, [{ bytes: bench.advert('alice', 'chat', { seq: wallMs + 2 }).bytes }]);
    expect(bench.rows).toHaveLength(1);
  });

  test('what it said after what could not be reached is told, though it was said before the failure', () => {
    const bench = new Bench();
    bench.ups(2);
    const { id } = bench.who('alice');
    const old = bench.advert('alice', 'chat', { seq: wallMs - 2_000 });
    const moved = bench.advert('alice', 'chat', { seq: wallMs - 1_000 });
    bench.tell(1, old);
    bench.give({ type: 'stale', id, seq: old.seq });
    bench.give({ type: 'stale', id, seq: old.seq - 1 }); // of an attempt that began earlier
    const query = started(bench);
    bench.answer(1, query, [{ bytes: old.bytes }]);
    expect(bench.rows).toEqual([]);
    bench.answer(2, query, [{ bytes: moved.bytes }]);
    expect(bench.rows.map((found) => found.seq)).toEqual([moved.seq]);
  });

  for (const [what, reached] of [
    ['a link with it', (bench: Bench) => bench.up(3, 'alice')],
    [
      'another connection with it',
      (bench: Bench) => bench.give({ type: 'reached', id: bench.who('alice').id }),
    ],
  ] as const) {
    test(`who could not be reached is told again once there is ${what}`, () => {
      const bench = new Bench();
      bench.ups(2);
      bench.give({ type: 'stale', id: bench.who('alice').id });
      bench.give({ type: 'stale', id: bench.who('bob').id });
      reached(bench);
      const query = started(bench);
      bench.answer(1, query, [row(bench, 'alice'), row(bench, 'bob')]);
      expect(bench.rows.map(({ id }) => id)).toEqual([bench.who('alice').id]);
    });
  }

  test('an advert that is newer than what could not be reached is kept for others', () => {
    for (const [seq, rows] of [
      [wallMs - 1_000, 0],
      [wallMs - 1_001, 1],
    ] as const) {
      const bench = new Bench();
      bench.ups(2);
      bench.tell(1, bench.advert('alice', 'chat', { seq: wallMs - 1_000 }));
      bench.give({ type: 'stale', id: bench.who('alice').id, seq });
      bench.ask(2, 'chat');
      expect(bench.take('rows').flatMap((told) => told.rows)).toHaveLength(rows);
    }
  });

  test('what a member said before does not keep back for longer what it said later', () => {
    const bench = new Bench();
    bench.ups(2);
    const { id } = bench.who('alice');
    const moved = bench.advert('alice', 'chat', { seq: wallMs - 1_000 });
    bench.give({ type: 'stale', id, seq: moved.seq, forMs: 10_000 });
    bench.give({ type: 'stale', id, seq: moved.seq - 1 }); // five minutes, of an attempt that began earlier
    bench.pass(10_500);
    const query = started(bench);
    bench.answer(1, query, [{ bytes: moved.bytes }]);
    expect(bench.rows.map((found) => found.seq)).toEqual([moved.seq]);
  });

  test.each([
    ['its time is over', [10_000], true],
    ['control: five minutes, if nothing else is said', [undefined], false],
    ['control: who was given up for longer does not come back sooner', [60_000, 10_000], false],
  ])('a member that could not be reached for a while: %s', (_, times, isTold) => {
    const bench = new Bench();
    bench.ups(2);
    const { id } = bench.who('alice');
    for (const forMs of times) bench.give({ type: 'stale', id, forMs });
    const early = started(bench);
    bench.answer(1, early, [row(bench, 'alice')]);
    bench.pass(9_000);
    expect(bench.rows).toEqual([]);
    bench.pass(1_500);
    bench.take('search');
    const late = started(bench);
    bench.answer(1, late, [row(bench, 'alice')]);
    expect(bench.rows.map((found) => found.id)).toEqual(isTold ? [id] : []);
  });

  test('a member that could not be reached is not told again before it speaks anew', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.tell(1, bench.advert('alice', 'chat'));
    bench.give({ type: 'stale', id: bench.who('alice').id });
    const query = started(bench);
    bench.answer(1, query, [row(bench, 'alice')]);
    expect(bench.rows).toEqual([]);
    const anew = bench.advert('alice', 'chat', { seq: wallMs + bench.nowMs + 1 });
    bench.pass(5_000);
    bench.take('search');
    const second = started(bench);
    bench.answer(1, second, [{ bytes: anew.bytes }]);
    expect(bench.rows).toHaveLength(1);
  });
});

describe('a search of others', () => {
  test('is answered from what we are and hold, and goes on with what is still wanted', () => {
    const bench = new Bench();
    bench.ups(4);
    bench.join('chat');
    bench.tell(2, bench.advert('alice', 'chat'), { hops: 3 });
    bench.ask(1, 'chat', { want: 5, hops: 2 });
    const [rows] = bench.take('rows', 1);
    expect(rows?.rows.map((r) => r.hops)).toEqual([2, 5]);
    const on = bench.take('search');
    expect(on).toHaveLength(3);
    expect(on[0]).toMatchObject({ want: 3, hops: 3 });
    expect([...(on[0]?.known ?? [])].sort()).toEqual(
      [bench.crypto.id, bench.who('alice').id].map((id) => id.slice(0, 16)).sort(),
    );
  });

  test('stops when nothing more is wanted', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.join('chat');
    bench.ask(1, 'chat', { want: 1 });
    expect(bench.take('rows', 1)).toHaveLength(1);
    expect(bench.take('search')).toEqual([]);
  });

  test('nobody is named again who was named on the way', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.tell(2, bench.advert('alice', 'chat'));
    bench.tell(2, bench.advert('bob', 'chat'));
    bench.ask(1, 'chat', { known: [bench.who('alice').id.slice(0, 16)] });
    expect(bench.take('rows', 1)[0]?.rows).toHaveLength(1);
  });

  test('that comes by a second link with much more budget names each member once to those whom it goes on to', () => {
    const bench = new Bench();
    bench.ups(4);
    const members = ['a', 'b', 'c', 'd'];
    for (const name of members) bench.tell(3, bench.advert(name, 'chat'));
    bench.take('search');
    const searchId = new Uint8Array(16).fill(200);
    bench.ask(1, 'chat', { searchId, budget: 9 });
    bench.take('search');
    bench.ask(2, 'chat', { searchId, budget: 99 });
    const [on] = bench.take('search');
    expect([...(on?.known ?? [])].sort()).toEqual(
      members.map((name) => bench.who(name).id.slice(0, 16)).sort(),
    );
  });

  test('is answered once, whoever sends it again', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.join('chat');
    const searchId = new Uint8Array(16).fill(9);
    bench.ask(1, 'chat', { searchId });
    bench.ask(2, 'chat', { searchId });
    bench.ask(1, 'chat', { searchId });
    expect(bench.take('rows')).toHaveLength(1);
  });

  test('with much more budget over another link, it is answered there, too', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.join('chat');
    const searchId = new Uint8Array(16).fill(9);
    bench.ask(1, 'chat', { searchId, budget: 2 });
    bench.ask(2, 'chat', { searchId, budget: 50 });
    expect([bench.take('rows', 1).length, bench.take('rows', 2).length]).toEqual([1, 1]);
    // Rows from below go both ways.
    const query = nameOf(bench);
    bench.answer(3, query, [row(bench, 'alice')]);
    expect([bench.take('rows', 1).length, bench.take('rows', 2).length]).toEqual([1, 1]);
  });

  test('a question with a payload goes to handlers; members do not answer it', () => {
    const bench = new Bench();
    bench.ups(3);
    bench.join('chat');
    bench.ask(1, 'chat', { payload: new Uint8Array([1]) });
    expect(bench.take('rows')).toEqual([]);
    const [query] = bench.queries;
    expect(query).toMatchObject({ hops: 1, payload: new Uint8Array([1]) });
    bench.give({ type: 'reply', key: query?.key ?? '', meta: new Uint8Array([7]), ...bench.outside });
    bench.give({ type: 'reply', key: query?.key ?? '', meta: new Uint8Array([8]), ...bench.outside });
    const answers = bench.take('rows', 1);
    expect(answers).toHaveLength(1);
    // At the origin it is a row.
    const origin = new Bench();
    origin.ups(2);
    origin.who('bob');
    const name = started(origin, { payload: new Uint8Array([1]) });
    const signed = signAnswer(origin.who('bob'), {
      query: name,
      subnet: origin.hash('chat'),
      record: origin.recordOf(origin.who('bob'), []),
      meta: new Uint8Array([7]),
    });
    origin.answer(1, name, [{ kind: 'answer', bytes: signed.bytes }]);
    expect(origin.rows).toMatchObject([
      { kind: 'answer', id: origin.who('bob').id, meta: new Uint8Array([7]) },
    ]);
  });

  test('a reply is signed once for all to whom it goes', () => {
    const { crypto } = new Bench();
    const signed: string[] = [];
    const bench = new Bench(undefined, {
      sign: (domain, bytes) => {
        signed.push(domain);
        return crypto.sign(domain, bytes);
      },
    });
    bench.ups(3);
    const search = { payload: new Uint8Array([1]), searchId: new Uint8Array(16).fill(9), hops: 2 };
    bench.ask(1, 'chat', { ...search, budget: 9 });
    bench.ask(2, 'chat', { ...search, budget: 99 });
    bench.give({ type: 'reply', key: bench.queries[0]?.key ?? '', meta: noBytes, ...bench.outside });
    expect([1, 2].map((link) => bench.take('rows', link).length)).toEqual([1, 1]);
    expect(new Set(signed).size).toBe(2); // the record, and the answer with it
    expect(signed).toHaveLength(2);
  });

  test('a reply after 30 s is too late', () => {
    const bench = new Bench();
    bench.ups(2);
    bench.ask(1, 'chat', { payload: new Uint8Array([1]) });
    bench.pass(30_000);
    bench.give({ type: 'reply', key: bench.queries[0]?.key ?? '', meta: noBytes, ...bench.outside });
    expect(bench.take('rows')).toEqual([]);
  });
});

describe('rows on their way', () => {
  /** A node between neighbour 1, who asks, and the others. */
  function between(): { bench: Bench; query: Uint8Array } {
    const bench = new Bench();
    bench.ups(6);
    bench.ask(1, 'chat', { budget: 1_000 });
    return { bench, query: nameOf(bench) };
  }

  test('go back to who asked, each member once', () => {
    const { bench, query } = between();
    bench.answer(2, query, [row(bench, 'alice')]);
    bench.answer(3, query, [row(bench, 'alice'), row(bench, 'bob')]);
    const sent = bench.take('rows', 1);
    expect(sent.map((m) => m.rows.length)).toEqual([1, 1]);
    expect(bench.sent.filter((one) => one.message.type === 'rows')).toEqual([]);
  });

  test('only from who was asked, and only for 30 s: else they are counted, and many close the link', () => {
    const { bench, query } = between();
    bench.answer(1, query, [row(bench, 'alice')]); // it asked us
    bench.answer(2, new Uint8Array(16), [row(bench, 'alice')]); // nobody asked
    bench.pass(30_000);
    bench.answer(2, query, [row(bench, 'alice')]);
    expect(bench.counters.unasked).toBe(3);
    expect([bench.take('rows'), bench.closed]).toEqual([[], []]);
    for (let i = 0; i < 100; i++) bench.answer(2, new Uint8Array(16), [row(bench, 'alice')]);
    expect(bench.closed).toEqual([[2, 'PROTOCOL']]);
    expect(bench.blamed).toEqual(['unasked']);
  });

  test('that a neighbour holds back until we pass them on too late make nobody blame us', () => {
    const { bench, query } = between();
    const origin = new Bench();
    origin.ups(2);
    const asked = started(origin);
    bench.pass(29_990);
    for (let i = 0; i < 16; i++) bench.answer(2, query, [row(bench, `m${i}`)]);
    expect(bench.take('rows', 1)).toHaveLength(16); // to who asked a little earlier than we were asked
    origin.pass(30_010);
    for (let i = 0; i < 100; i++) origin.answer(1, asked, [row(origin, `m${i}`)]);
    expect([origin.counters.unasked, origin.rows.length, origin.blamed]).toEqual([100, 0, []]);
  });

  test('16 per child, 64 per search', () => {
    const { bench, query } = between();
    for (let i = 0; i < 20; i++) bench.answer(2, query, [row(bench, `a${i}`)]);
    expect(bench.counters.rowsCut).toBe(4);
    const full = new Bench();
    full.ups(8);
    const own = started(full, { limit: 100 });
    for (let link = 1; link <= 6; link++) {
      full.answer(
        link,
        own,
        Array.from({ length: 16 }, (_, i) => row(full, `m${link}-${i}`)),
      );
    }
    expect(full.rows).toHaveLength(64);
  });

  test('32 KiB per search', () => {
    const bench = new Bench();
    bench.ups(8);
    const own = started(bench, { limit: 100 });
    const long = (n: number): string =>
      `ws://${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(20)}.example:400${n}`;
    const big = { addresses: [long(0), long(1)], meta: new Uint8Array(128) };
    let bytes = 0;
    for (let link = 1; link <= 6; link++) {
      const rows = Array.from({ length: 16 }, (_, i) => bench.advert(`m${link}-${i}`, 'chat', big));
      bytes = rows[0]?.bytes.length ?? 0;
      bench.answer(link, own, rows);
    }
    expect(bytes).toBeGreaterThan(600);
    expect(bench.rows.length).toBe(Math.floor(32_768 / bytes));
  });

  test.each(['signature', 'subnet', 'form', 'withdrawal', 'answer'] as const)(
    'forged (%s): not passed on, not told, and the link is closed',
    (how) => {
      const { bench, query } = between();
      const good = bench.advert('alice', 'chat');
      const bytes = good.bytes.slice();
      if (how === 'signature') bytes[bytes.length - 9] = (bytes[bytes.length - 9] as number) ^ 4;
      if (how === 'form') bytes[32] = 0xff;
      const forged = {
        signature: { bytes },
        form: { bytes },
        subnet: { bytes: bench.advert('alice', 'other').bytes },
        withdrawal: { bytes: good.bytes, kind: 'withdrawal' as const },
        answer: { bytes: good.bytes, kind: 'answer' as const },
      }[how];
      bench.answer(2, query, [row(bench, 'bob'), forged]);
      expect(bench.take('rows')).toEqual([]);
      expect(bench.closed).toEqual([[2, 'PROTOCOL']]);
      bench.answer(3, query, [row(bench, 'bob')]); // what came with it may come again from others
      expect(bench.take('rows')).toHaveLength(1);
    },
  );

  test('control: with a crypto that believes everything, forged rows pass', () => {
    const bench = new Bench(undefined, { verify: () => true });
    bench.ups(2);
    const query = started(bench);
    const bytes = bench.advert('alice', 'chat').bytes.slice();
    bytes[bytes.length - 9] = (bytes[bytes.length - 9] as number) ^ 4;
    bench.answer(1, query, [{ bytes }]);
    expect(bench.rows).toHaveLength(1);
  });

  test('expired, or from a calendar that is a day off: not passed on, nobody is blamed', () => {
    const { bench, query } = between();
    bench.answer(2, query, [{ bytes: bench.advert('a', 'chat', { ttlSeconds: 10 }).bytes, ageSeconds: 10 }]);
    bench.answer(2, query, [{ bytes: bench.advert('b', 'chat', { seq: wallMs - 90_000_000 }).bytes }]);
    expect([bench.take('rows'), bench.blamed]).toEqual([[], []]);
    expect(bench.counters.refused).toBe(2);
  });

  test('of members that are known to be gone die here', () => {
    const { bench, query } = between();
    bench.tell(4, bench.advert('alice', 'chat'));
    bench.tell(4, bench.advert('alice', 'chat', { ttlSeconds: 0, seq: wallMs + 1 }));
    bench.answer(2, query, [row(bench, 'alice')]);
    expect(bench.take('rows')).toEqual([]);
  });
});
