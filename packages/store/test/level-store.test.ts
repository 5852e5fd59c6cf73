// The store as its owner sees it: what survives a restart, over which databases, and what is refused.
import { seededRandom } from '@peernet/core';
import { MemoryLevel } from 'memory-level';
import { describe, expect, test } from 'vitest';
import { createStore, type LevelDatabase } from '../src/index.js';
import {
  address,
  databases,
  fitting,
  heard,
  manualClock,
  peer,
  recordOf,
  settle,
  start,
  Watched,
} from './stage.js';

describe.each(databases)('over %s', (_, make) => {
  test('everything is there again, and nothing else was touched', async () => {
    const db = make();
    await db.put('mine', 'untouched');
    await db.put('zz', 'last');
    const { store, clock } = start(db);
    store.save([address(1), `${address(2)}#${peer(2)}`]);
    store.offer([heard(3), heard(4)], peer(9));
    store.outcome(address(3), { ok: true, id: peer(3), record: recordOf(3) });
    store.outcome(address(4), { ok: false });
    store.exchanged(address(3), 5, 6);
    store.remove([address(5)]);
    store.saveAnchors([address(3)]);
    await store.subnets.join(['chat', 'ünïcode\u0000!']);
    const before = [...store.entries()];
    const identity = await store.identity();
    await store.close();

    const again = start(db, { clock }).store;
    await again.ready();
    expect(again.skippedRows).toBe(0);
    expect(again.broken()).toEqual([]);
    const byAddress = (a: { address: string }, b: { address: string }) => (a.address < b.address ? -1 : 1);
    expect([...again.entries()].sort(byAddress)).toEqual(before.sort(byAddress));
    expect(again.stats(address(3))).toEqual({ connections: { ok: 1, fail: 0 }, nodes: { rx: 5, tx: 6 } });
    expect(await again.subnets.list()).toEqual(['chat', 'ünïcode\u0000!']);
    expect(await again.anchors()).toEqual([address(3)]);
    const later = await again.identity();
    expect(later.seed).toEqual(identity.seed);
    expect(later.seq).toBe(identity.seq + 1);
    await again.close();
    expect(await db.get('mine')).toBe('untouched');
    const others: string[] = [];
    for await (const [key] of db.iterator()) if (!key.startsWith('!peernet!')) others.push(key);
    expect(others).toEqual(['mine', 'zz']);
  });

  test('two stores on one handle: STORE_IN_USE, until the first is closed', async () => {
    const db = make();
    const { store } = start(db);
    expect(() => createStore(db)).toThrow(expect.objectContaining({ code: 'STORE_IN_USE' }));
    await store.close();
    await start(db).store.ready();
  });

  test('the database stays open, and is opened again if it was closed before', async () => {
    const db = make();
    await db.close();
    const { store, errors } = start(db);
    await store.ready();
    await store.close();
    expect(db.status).toBe('open');
    expect(errors).toEqual([]);
  });

  test('closed under us: reported, and life goes on in memory', async () => {
    const db = make();
    const { store, errors } = start(db);
    await store.ready();
    await db.close();
    store.save([address(1)]);
    await expect(store.flush()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(errors).toEqual(['STORE_FAILED']);
    expect(store.get(address(1))?.saved).toBe(true);
    expect(db.status).toBe('closed');
  });
});

describe('whatever encodings the handle has', () => {
  test.each([
    ['json values', () => new MemoryLevel<string, unknown>({ valueEncoding: 'json' })],
    [
      'binary keys',
      () => new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' }),
    ],
    ['stored as text', () => new MemoryLevel({ storeEncoding: 'view' })],
    ['a sublevel', () => new MemoryLevel().sublevel('app', { valueEncoding: 'json' })],
  ])('%s', async (_, make) => {
    const db = make() as LevelDatabase;
    const { store } = start(db);
    store.save([address(1)]);
    await store.subnets.join(['chat']);
    await store.close();
    const again = start(db).store;
    expect(await again.subnets.list()).toEqual(['chat']);
    expect(again.size).toBe(1);
  });

  test('handles of both versions, and sublevels of them, are taken', () => {
    for (const db of fitting()) expect(start(db).store.size).toBe(0);
  });

  test('two sublevels of one database are two stores', async () => {
    const db = new MemoryLevel();
    const [a, b] = [start(db.sublevel('a')).store, start(db.sublevel('b')).store];
    a.save([address(1)]);
    await a.flush({ sync: true });
    await b.ready();
    expect([a.size, b.size]).toEqual([1, 0]);
  });
});

test('options that are refused leave the database to whoever asks next', async () => {
  const db = new MemoryLevel();
  expect(() => createStore(db, { scale: 0.5 })).toThrow(TypeError);
  await start(db).store.ready();
});

describe('what is no database', () => {
  const levelUp = { put() {}, get() {}, batch() {}, createReadStream() {}, isOpen: () => true, db: {} };
  test('an old LevelUP handle is a TypeError that names level ≥ 8', () => {
    expect(() => createStore(levelUp as never)).toThrow(TypeError);
    expect(() => createStore(levelUp as never)).toThrow(/level ≥ 8/);
  });

  test.each([[{}], [null], ['./peer.db'], [7], [new Map()]])('%j is a TypeError', (db) => {
    expect(() => createStore(db as never)).toThrow(TypeError);
  });
});

describe('identity', () => {
  test('the sequence never goes back, whatever the clock says', async () => {
    const db = new MemoryLevel();
    const clock = manualClock();
    const first = start(db, { clock }).store;
    const { seq } = await first.identity();
    expect(seq).toBe(clock.wall());
    first.saveSeq(seq + 500);
    await first.close();
    clock.setWall(1000);
    const second = start(db, { clock }).store;
    expect((await second.identity()).seq).toBe(seq + 501);
    await second.close();
    clock.setWall(seq + 10_000);
    const third = start(db, { clock }).store;
    expect((await third.identity()).seq).toBe(seq + 10_000);
  });

  test('two callers at once get one seed; without a database it lasts as long as the store', async () => {
    const { store } = start(undefined);
    const [a, b] = await Promise.all([store.identity(), store.identity()]);
    expect(a.seed).toEqual(b.seed);
    expect((await start(undefined, { random: seededRandom(5) }).store.identity()).seed).not.toEqual(a.seed);
  });

  test('read-only: reads, writes nothing, has an identity of its own', async () => {
    const db = new Watched();
    const first = start(db);
    first.store.save([address(1)]);
    const { seed } = await first.store.identity();
    await first.store.close();
    db.batches.length = 0;
    const { store, clock } = start(db, { readOnly: true, random: seededRandom(6) });
    await store.ready();
    expect(store.size).toBe(1);
    expect((await store.identity()).seed).not.toEqual(seed);
    store.save([address(2)]);
    await store.subnets.join(['chat']);
    await store.flush({ sync: true });
    clock.pass(120_000);
    await settle();
    await store.close();
    expect(db.batches).toEqual([]);
  });

  test('whether it may be written is asked when the database is open', async () => {
    const db = new Watched();
    const asked: string[] = [];
    const run = async (answer: boolean): Promise<Uint8Array> => {
      const readOnly = (): boolean => {
        asked.push(db.status);
        return answer;
      };
      const { store } = start(db, { readOnly, random: seededRandom(asked.length) });
      store.save([address(1)]);
      await store.flush({ sync: true });
      const { seed } = await store.identity();
      await store.close();
      return seed;
    };
    const seed = await run(false);
    expect(db.batches).not.toEqual([]);
    db.batches.length = 0;
    expect(await run(true)).not.toEqual(seed);
    expect(db.batches).toEqual([]);
    expect(await run(false)).toEqual(seed);
    expect(asked).toEqual(['open', 'open', 'open']);
  });

  test('misuse is a TypeError', () => {
    const { store } = start(undefined);
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 60]) expect(() => store.saveSeq(bad)).toThrow(TypeError);
  });
});

describe('subnets', () => {
  test('any text of 1 to 255 bytes; nothing else, and then nothing at all', async () => {
    const { store } = start(new MemoryLevel());
    const longest = `${'ü'.repeat(127)}a`;
    await store.subnets.join([longest, ' ', '!', '💡', 'chat', 'chat']);
    for (const bad of ['', `${longest}a`, '\ud800', 7 as never])
      await expect(store.subnets.join(['good', bad])).rejects.toThrow(TypeError);
    expect(await store.subnets.list()).toEqual([' ', '!', 'chat', longest, '💡'].sort());
    await store.subnets.part(['chat', 'never joined']);
    expect(await store.subnets.list()).not.toContain('chat');
  });

  test('1024 of them', async () => {
    const { store } = start(undefined);
    await store.subnets.join(Array.from({ length: 1024 }, (_, n) => `subnet ${n}`));
    await expect(store.subnets.join(['one more'])).rejects.toMatchObject({ code: 'LIMIT' });
    await store.subnets.join(['subnet 5']);
    await store.subnets.part(['subnet 5']);
    await store.subnets.join(['one more']);
  });
});

test('closed before it was used: the database is not opened any more', async () => {
  const db = new MemoryLevel();
  await db.open();
  const { store } = start(db);
  await store.close();
  await db.close();
  await expect(store.flush()).rejects.toMatchObject({ code: 'CLOSED' });
  expect(await store.subnets.list()).toEqual([]);
  expect(db.status).toBe('closed');
});

test('closed: close again is fine, flush says so', async () => {
  const { store } = start(new MemoryLevel());
  await store.ready();
  await Promise.all([store.close(), store.close()]);
  await store.close();
  await expect(store.flush()).rejects.toMatchObject({ code: 'CLOSED' });
});
