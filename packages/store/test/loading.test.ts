// What is made of the rows of an earlier run.
import { seededRandom } from '@peernet/core';
import { MemoryLevel } from 'memory-level';
import { describe, expect, test } from 'vitest';
import { BOOK } from '../src/defaults.js';
import { address, heard, type ManualClock, peer, recordOf, start } from './stage.js';

describe('rows', () => {
  async function lived(): Promise<{
    db: MemoryLevel;
    rows: MemoryLevel<string, Uint8Array>;
    clock: ManualClock;
  }> {
    const db = new MemoryLevel();
    const { store, clock } = start(db);
    for (let n = 0; n < 10; n++) store.save([address(n)]);
    await store.subnets.join(['chat']);
    await store.identity();
    await store.close();
    const rows = db.sublevel('peernet', { keyEncoding: 'utf8', valueEncoding: 'view' });
    return { db, rows: rows as never, clock };
  }

  test('bad ones are skipped, counted and deleted; the others are read', async () => {
    const { db, rows, clock } = await lived();
    await rows.put(`a!${address(3)}`, Uint8Array.of(1, 2, 3));
    const moved = await rows.get(`a!${address(4)}`);
    await rows.put(`a!${address(77)}`, moved as Uint8Array); // a row under the key of another
    await rows.put('s!bad', Uint8Array.of(1, 0, 0, 0, 0));
    const { store } = start(db, { clock });
    await store.ready();
    expect(store.skippedRows).toBe(3);
    expect(store.size).toBe(9);
    expect(await store.subnets.list()).toEqual(['chat']);
    await store.close();
    const again = start(db, { clock }).store;
    await again.ready();
    expect(again.skippedRows).toBe(0);
  });

  test('those of a newer version are left alone', async () => {
    const { db, rows, clock } = await lived();
    await rows.put('a!future:thing', Uint8Array.of(2, 1, 2, 3));
    const { store } = start(db, { clock });
    await store.ready();
    expect([store.size, store.skippedRows]).toEqual([10, 0]);
    await store.close();
    expect(await rows.get('a!future:thing')).toBeDefined();
  });

  test('so are what a newer version chose and knows of an address, until the user says something of that', async () => {
    const { db, rows, clock } = await lived();
    const row = Uint8Array.of(2, 7, 7, 7);
    const keys = ['m!slots', ...[20, 21, 22, 23].map((n) => `a!${address(n)}`)];
    for (const key of keys) await rows.put(key, row);
    const { store } = start(db, { clock });
    await store.ready();
    store.offer([heard(20)], peer(9));
    store.outcome(address(21), { ok: true, id: peer(21), record: recordOf(21) });
    store.save([address(22)]);
    store.remove([address(23)]);
    await store.close();
    const kept = await Promise.all(keys.map((key) => rows.get(key)));
    expect(kept.map((value) => value?.length === row.length)).toEqual([true, true, true, false, false]);
    const again = start(db, { clock }).store;
    await again.ready();
    expect([22, 23].map((n) => again.get(address(n))?.saved)).toEqual([true, undefined]);
  });

  test.each([
    ['another', Uint8Array.of(2, 7, 7, 7), 1],
    ['control: ours, but damaged', Uint8Array.of(1, 7, 7, 7), 0],
  ])('an identity of a newer version is not overwritten by a new one: %s', async (_, row, errors) => {
    const { db, rows, clock } = await lived();
    for (const key of ['m!seed', 'm!secret']) await rows.put(key, row);
    const { store, errors: told } = start(db, { clock });
    await store.identity();
    await store.close();
    const kept = await Promise.all(['m!seed', 'm!secret'].map((key) => rows.get(key)));
    expect(kept.map((value) => value?.length === row.length)).toEqual([errors > 0, errors > 0]);
    expect(told).toHaveLength(errors);
  });

  test('a lost secret moves the entries, and loses none', async () => {
    const { db, rows, clock } = await lived();
    await rows.put('m!secret', Uint8Array.of(1));
    const { store } = start(db, { clock });
    await store.ready();
    expect(store.size).toBe(10);
    expect(store.broken()).toEqual([]);
  });

  test('a book that became smaller drops what does not fit, but nothing that was saved', async () => {
    const db = new MemoryLevel();
    const { store, clock } = start(db);
    for (let n = 0; n < 2000; n++) store.outcome(address(n), { ok: true, id: peer(n), record: recordOf(n) });
    store.save(Array.from({ length: 100 }, (_, n) => `tcp://10.0.0.${n}:1`));
    const before = store.size;
    await store.close();
    const { store: small } = start(db, { clock, scale: 1 / 64 });
    await small.ready();
    expect(small.broken()).toEqual([]);
    expect(small.size).toBeLessThan(before / 4);
    expect([...small.entries()].filter((entry) => entry.saved)).toHaveLength(100);
    const size = small.size;
    await small.close();
    const { store: large } = start(db, { clock });
    await large.ready();
    expect(large.size).toBe(size); // the rest is gone from the database, too
  });
});

describe('told before the database was read', () => {
  test('offers, removals and saves merge with what was stored', async () => {
    const db = new MemoryLevel();
    const first = start(db);
    const clock = first.clock;
    first.store.save([address(1), address(2)]);
    first.store.outcome(address(1), { ok: false });
    first.store.remove([address(3), address(4)]);
    await first.store.close();

    const { store } = start(db, { clock, random: seededRandom(2) });
    store.remove([address(2)]);
    store.save([address(3)]);
    store.outcome(address(1), { ok: true, id: peer(1), record: recordOf(1) });
    store.offer([heard(4), heard(5)], peer(9));
    await store.ready();
    expect(store.broken()).toEqual([]);
    expect([...store.entries()].map((entry) => entry.address).sort()).toEqual(
      [address(1), address(3), address(5)].sort(), // 4 was removed in the first run
    );
    expect(store.get(address(1))?.saved).toBe(true);
    expect(store.stats(address(1)).connections).toEqual({ ok: 1, fail: 1 });
    await store.close();
    const again = start(db, { clock }).store;
    await again.ready();
    expect(again.get(address(2))).toBeUndefined();
    expect(again.get(address(3))?.saved).toBe(true);
  });

  test('whom the user removes is not stayed with, though he had a slot', async () => {
    const db = new MemoryLevel();
    const first = start(db);
    const { clock } = first;
    for (const n of [1, 2]) first.store.outcome(address(n), { ok: true, id: peer(n), record: recordOf(n) });
    clock.pass(BOOK.minWiseWarmUpMs);
    for (const n of [1, 2]) first.store.preference?.hold(peer(n));
    await first.store.close();

    const { store } = start(db, { clock, random: seededRandom(2) });
    store.remove([address(1)]);
    await store.ready();
    const preferred = store.preference?.pick(9, { schemes: ['ws'], exclude: () => false });
    expect(preferred?.map((entry) => entry.address)).toEqual([address(2)]);
    expect(store.broken()).toEqual([]);
  });

  test('whom the user had removed is not stayed with, though somebody has named him since', async () => {
    const db = new MemoryLevel();
    const first = start(db);
    const { clock } = first;
    first.store.remove([address(1)]);
    await first.store.close();

    const { store } = start(db, { clock, random: seededRandom(2) });
    for (const n of [1, 2]) store.offer([heard(n)], peer(9), { chosen: true });
    await store.ready();
    clock.pass(BOOK.minWiseWarmUpMs);
    const preferred = store.preference?.pick(9, { schemes: ['ws'], exclude: () => false });
    expect(preferred?.map((entry) => entry.address)).toEqual([address(2)]);
    expect(store.broken()).toEqual([]);
  });

  test('nothing that the user saved is lost, however much they save before their earlier addresses are read', async () => {
    const db = new MemoryLevel();
    const first = start(db);
    const many = Array.from({ length: BOOK.savedMax }, (_, n) => `tcp://20.1.${n >> 8}.${n & 255}:4000`);
    first.store.save(many);
    await first.store.close();

    const second = start(db, { clock: first.clock }).store;
    second.save([address(1)]);
    second.offer([heard(2, { addresses: [many[9] as string] })], peer(9));
    await second.ready();
    expect(second.get(many[9] as string)?.saved).toBe(true);
    expect(() => second.save([address(2)])).toThrow(/16384 addresses/);
    expect(second.broken()).toEqual([]);
    await second.close();

    const third = start(db, { clock: first.clock }).store;
    await third.ready();
    expect([...third.entries()].filter(({ saved }) => saved)).toHaveLength(BOOK.savedMax + 1);
  });

  test('who claimed an address in an earlier run is not expected where the user sends us', async () => {
    const db = new MemoryLevel();
    const first = start(db);
    const { clock } = first;
    first.store.offer([heard(8, { addresses: [address(1)] }), heard(2)], peer(9));
    await first.store.close();

    const { store } = start(db, { clock });
    store.save([address(1)]);
    await store.ready();
    expect([1, 2].map((n) => store.get(address(n))?.id)).toEqual([undefined, peer(2)]);
  });

  test('whom the user pinned stays pinned, whoever claims the address first', async () => {
    const db = new MemoryLevel();
    const first = start(db);
    const { clock } = first;
    first.store.save([`${address(1)}#${peer(1)}`, `${address(2)}#${peer(2)}`]);
    await first.store.close();

    for (let run = 0; run < 2; run++) {
      const { store } = start(db, { clock });
      store.offer([heard(8, { addresses: [address(1)] })], peer(9));
      store.outcome(address(2), { ok: true, id: peer(8), record: recordOf(8, { addresses: [address(2)] }) });
      await store.ready();
      for (const n of [1, 2]) expect(store.get(address(n))).toMatchObject({ id: peer(n), verified: false });
      store.outcome(address(2), { ok: true, id: peer(8) });
      expect(store.get(address(2))).toMatchObject({ id: peer(2), verified: false });
      expect(store.broken()).toEqual([]);
      await store.close();
    }
  });
});
