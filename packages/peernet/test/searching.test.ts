// join, part, subnets, search, find: the shape of rows, when searches end, and what they never show.

import { MemoryLevel } from 'memory-level';
import { describe, expect, test } from 'vitest';
import type { IncomingSearch, Peernet, SearchRow } from '../src/index.js';
import { JumpClock, make, pair, rows, until } from './nodes.js';

/** `count` nodes at memory:n0 …, all connected to the first. */
async function star(count: number): Promise<Peernet[]> {
  const nodes = Array.from({ length: count }, (_, i) => make({ listen: `memory:n${i}` }));
  await Promise.all(nodes.map((node) => node.ready()));
  await Promise.all(nodes.slice(1).map((node) => node.connect('memory:n0')));
  return nodes;
}

describe('rows', () => {
  test('have exactly the documented fields', async () => {
    const [a, b] = await pair();
    await a.join('chat');
    const found = await rows<SearchRow>(b.search('chat'));
    expect(found).toEqual([
      {
        hash: 'chat',
        address: 'memory:a',
        hops: 1,
        id: a.id,
        addresses: ['memory:a'],
        verified: true,
        age: 0,
        doubtful: false,
        seq: expect.any(Number),
      },
    ]);
  });

  test('of a member two hops away: its address, not verified until we have met it', async () => {
    const [, b, c] = (await star(3)) as [Peernet, Peernet, Peernet];
    const lone = make({ bootstrap: false });
    await lone.connect('memory:n0');
    await c.join('x');
    const row = await lone.find('x');
    expect(row).toMatchObject({ id: c.id, address: 'memory:n2', verified: false });
    expect(row.hops).toBeGreaterThanOrEqual(1);
    const peer = await lone.connect(row.address);
    expect((await lone.find('x')).verified).toBe(true);
    peer.close();
    await until(() => lone.peers().every(({ id }) => id !== c.id), 'gone');
    // Handshaken by us a moment ago: within ten minutes that vouches for it.
    expect(await lone.find('x')).toMatchObject({ verified: true, address: 'memory:n2' });
    expect(b.id).not.toBe(c.id);
  });

  test('of an inbound neighbour are verified: we are connected', async () => {
    const [a, b] = await pair();
    await b.join('x');
    expect(await a.find('x')).toMatchObject({ id: b.id, verified: true });
  });

  test('never our own membership', async () => {
    const [a, b] = await pair();
    await a.join('x');
    expect(await rows(a.search('x', { timeout: 1_500 }))).toEqual([]);
    await b.join('x');
    expect((await rows(a.search('x'))).map((row) => (row as SearchRow).id)).toEqual([b.id]);
  });

  test('are all members, each once', async () => {
    const nodes = await star(6);
    const [first, ...members] = nodes as [Peernet, ...Peernet[]];
    await Promise.all(members.map((node) => node.join('crowd')));
    const found = await rows<SearchRow>(first.search('crowd'));
    expect(found.map(({ id }) => id).sort()).toEqual(members.map(({ id }) => id).sort());
  });
});

describe('a search', () => {
  test('that finds one member ends within 1.5 s, one that finds nothing within 5 s, each by itself', async () => {
    const [a, b] = await pair();
    await a.join('x');
    const timed = async (name: string): Promise<number> => {
      const startMs = performance.now();
      await rows(b.search(name));
      return performance.now() - startMs;
    };
    expect(await timed('x')).toBeLessThan(1_500);
    expect(await timed('nobody')).toBeLessThan(5_000);
  }, 15_000);

  test('without any connection ends too', async () => {
    const clock = new JumpClock();
    const node = make({ clock });
    await node.ready();
    const found = rows(node.search('x'));
    await clock.pass(8_000);
    expect(await found).toEqual([]);
    await expect(node.find('x', { timeout: 100 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/"x".*not connected/),
    });
  }, 15_000);

  test('again and again gives the same, needs no join, and finds who joins a second before', async () => {
    const [a, b] = await pair();
    await expect(b.find('x', { timeout: 300 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await a.join('x');
    for (let i = 0; i < 5; i++) expect((await b.find('x')).id).toBe(a.id);
    expect(await rows(b.subnets())).toEqual([]);
  });

  test('ends at its limit, and at its time', async () => {
    const nodes = await star(5);
    const [first, ...members] = nodes as [Peernet, ...Peernet[]];
    await Promise.all(members.map((node) => node.join('crowd')));
    const startMs = performance.now();
    expect(await rows(first.search('crowd', { limit: 2 }))).toHaveLength(2);
    expect(performance.now() - startMs).toBeLessThan(900);
    await rows(first.search('nobody', { timeout: 200 }));
    expect(performance.now() - startMs).toBeLessThan(2_500);
  });

  test('ends with its reader: destroyed early, or left', async () => {
    const [a, b] = await pair();
    await a.join('x');
    for await (const row of b.search('x')) {
      expect((row as SearchRow).id).toBe(a.id);
      break;
    }
    const stream = b.search('x');
    stream.on('data', () => stream.destroy());
    await new Promise<void>((done) => stream.on('close', () => done()));
    await until(() => (b.snapshot().search as { searches?: number }).searches !== 1, 'nothing runs');
  });

  test('is a stream to listen to and to pipe', async () => {
    const { Writable } = await import('node:stream');
    const [a, b] = await pair();
    await a.join('x');
    const seen: SearchRow[] = [];
    const sink = new Writable({
      objectMode: true,
      write(row, _, done) {
        seen.push(row);
        done();
      },
    });
    b.search('x').pipe(sink as never);
    await new Promise((done) => sink.on('finish', done));
    const events: SearchRow[] = [];
    const stream = b.search('x');
    stream.on('data', (row) => events.push(row));
    await new Promise<void>((done) => stream.on('end', () => done()));
    expect([seen, events].map((list) => list.map(({ id }) => id))).toEqual([[a.id], [a.id]]);
  });

  test('takes a Buffer as the name; one that is no UTF-8 is misuse', async () => {
    const [a, b] = await pair();
    await a.join('größe ✓!');
    const row = await b.find(Buffer.from('größe ✓!'));
    expect(row).toMatchObject({ id: a.id, hash: 'größe ✓!' });
    expect(() => b.search(Buffer.from([0xff, 0xfe]))).toThrow(TypeError);
  });

  test('a reply that is no bytes is a TypeError for who says it', async () => {
    const [a, b] = await pair();
    const thrown: unknown[] = [];
    a.on('search', (_, __, reply) => {
      try {
        reply('hello' as never);
      } catch (error) {
        thrown.push(error);
      }
    });
    expect(await rows(b.search('x', { payload: Buffer.from('?'), timeout: 300 }))).toEqual([]);
    expect(thrown).toEqual([expect.any(TypeError)]);
  });

  test('with a payload is answered by handlers, with their words; members get the name', async () => {
    const [a, b] = await pair();
    const heard: IncomingSearch[] = [];
    await a.join('questions');
    a.on('search', (query, hops, reply) => {
      heard.push(query);
      if (query.payload !== undefined && hops === 1) reply(Buffer.from(`got ${Buffer.from(query.payload)}`));
    });
    const row = await b.find('questions', { payload: Buffer.from('ping') });
    expect(row.id).toBe(a.id);
    expect(String(Buffer.from(row.meta ?? []))).toBe('got ping');
    expect(heard[0]).toMatchObject({ name: 'questions', hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test.each([
    ['limit', { limit: 0 }],
    ['limit', { limit: 1.5 }],
    ['timeout', { timeout: -1 }],
    ['timeout', { timeout: Number.NaN }],
    ['payload', { payload: new Uint8Array(257) }],
    ['payload', { payload: 'text' as never }],
  ])('a wrong %s is a TypeError at once', (name, options) => {
    expect(() => make().search('x', options)).toThrow(TypeError);
    expect(() => make().search('x', options)).toThrow(name);
  });
});

describe('membership', () => {
  test.each([
    ['empty', ''],
    ['256 bytes', 'x'.repeat(256)],
    ['a number', 7],
    ['half a surrogate pair', 'a\ud800'],
  ])('%s is no name', async (_, name) => {
    const node = make();
    expect(() => node.search(name as string)).toThrow(TypeError);
    await expect(node.join(name as string)).rejects.toThrow(TypeError);
    await expect(node.part(name as string)).rejects.toThrow(TypeError);
  });

  test('255 bytes of any UTF-8, one or many; part takes names that were never joined', async () => {
    const node = make();
    const names = ['ü'.repeat(127), 'x'.repeat(255), '\u0000', 'a b'];
    await node.join(names);
    await node.join('a b');
    expect((await rows<{ key: string }>(node.subnets())).map(({ key }) => key).sort()).toEqual(
      [...names].sort(),
    );
    await node.part([...names.slice(1), 'never']);
    expect(await rows(node.subnets())).toEqual([{ key: names[0] }]);
  });

  test('after part nobody finds it', async () => {
    const [a, b] = await pair();
    await a.join(['x', 'y']);
    expect((await b.find('x')).id).toBe(a.id);
    await a.part('x');
    await expect(b.find('x', { timeout: 1_000 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await b.find('y')).id).toBe(a.id);
  });

  test('survives a restart, and is found again', async () => {
    const db = new MemoryLevel<string, string>();
    const b = make({ listen: 'memory:b' });
    await b.ready();
    const first = make({ listen: 'memory:a' }, db);
    await first.join(['x', 'gone']);
    await first.part('gone');
    await first.close();
    const second = make({ listen: 'memory:a' }, db);
    await second.connect('memory:b');
    expect(await rows(second.subnets())).toEqual([{ key: 'x' }]);
    await until(
      async () => (await b.find('x', { timeout: 500 }).catch(() => undefined))?.id === second.id,
      'found',
    );
    await expect(b.find('gone', { timeout: 500 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a node that closes is not found any more', async () => {
    const [a, b] = await pair();
    await a.join('x');
    expect((await b.find('x')).id).toBe(a.id);
    await a.close();
    const left = await rows(b.search('x', { timeout: 1_500 }));
    expect(left).toEqual([]);
  });

  test('more than 64 subnets: LIMIT, and what was refused is not remembered', async () => {
    const node = make();
    await node.join(Array.from({ length: 64 }, (_, i) => `s${i}`));
    await expect(node.join(['one', 'more'])).rejects.toMatchObject({ code: 'LIMIT' });
    expect(await rows(node.subnets())).toHaveLength(64);
  });
});
