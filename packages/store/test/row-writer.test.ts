// What is written when, and what happens when the database fails.
import { ClassicLevel } from 'classic-level';
import { describe, expect, test } from 'vitest';
import type { Database } from '../src/database.js';
import { PERSISTENCE } from '../src/defaults.js';
import type { Store } from '../src/index.js';
import { RowWriter } from '../src/row-writer.js';
import {
  address,
  heard,
  type ManualClock,
  peer,
  recordOf,
  settle,
  start,
  temporaryFolder,
  Watched,
} from './stage.js';

describe('write-behind', () => {
  async function ready(): Promise<{ db: Watched; store: Store; clock: ManualClock; errors: string[] }> {
    const db = new Watched();
    const stage = start(db);
    await stage.store.ready();
    await stage.store.flush({ sync: true });
    db.batches.length = 0;
    return { db, ...stage };
  }

  test('the database is not touched before it is needed', async () => {
    const db = new Watched();
    const { store } = start(db);
    store.get(address(1));
    store.pick(1, { schemes: ['ws'], exclude: () => false });
    await settle();
    expect(db.opened).toBe(0);
    await store.close();
    expect(db.opened).toBe(0);
  });

  test('what matters is written within a second, without sync', async () => {
    const { db, store, clock } = await ready();
    store.save([address(1)]);
    clock.pass(999);
    await settle();
    expect(db.batches).toEqual([]);
    clock.pass(1);
    await settle();
    expect(db.batches).toEqual([{ keys: [`a!${address(1)}`], sync: false }]);
  });

  test('what is only heard again within a minute; many changes are one row', async () => {
    const { db, store, clock } = await ready();
    store.offer([heard(1)], peer(9));
    clock.pass(1000);
    await settle();
    db.batches.length = 0;
    for (let i = 0; i < 100; i++) store.offer([heard(1)], peer(9));
    clock.pass(59_000);
    await settle();
    expect(db.batches).toEqual([]);
    clock.pass(1000);
    await settle();
    expect(db.batches).toEqual([{ keys: [`a!${address(1)}`], sync: false }]);
  });

  test('sync goes through to the disk, and only where it was asked for', async () => {
    const { db, store } = await ready();
    store.save([address(1)]);
    await store.flush();
    await store.flush({ sync: true }); // nothing new, but the last write may not be on the disk
    await store.flush({ sync: true }); // now it is
    expect(db.batches.map((batch) => batch.sync)).toEqual([false, true]);
    db.batches.length = 0;
    await store.subnets.join(['chat']);
    await store.subnets.part(['chat']);
    expect(db.batches.map((batch) => batch.sync)).toEqual([true, true]);
  });

  test('a flood is written in batches of bounded size', async () => {
    const { db, store } = await ready();
    for (let n = 0; n < 3000; n++) store.outcome(address(n), { ok: true, id: peer(n), record: recordOf(n) });
    await store.flush({ sync: true });
    const sizes = db.batches.map((batch) => batch.keys.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1002);
    expect(sizes.length).toBeGreaterThan(1);
    expect(db.batches.map((batch) => batch.sync).lastIndexOf(true)).toBe(sizes.length - 1);
    expect(db.batches.filter((batch) => batch.sync)).toHaveLength(1);
  });

  test('ten thousand dials of a few addresses leave as many rows as ten', async () => {
    const { db, store } = await ready();
    const rowsAfter = async (dials: number): Promise<number> => {
      for (let i = 0; i < dials; i++) {
        store.outcome(address(i % 10), { ok: i % 3 === 0, id: peer(i % 10), record: recordOf(i % 10) });
        if (i % 500 === 0) await store.flush();
      }
      await store.flush();
      let count = 0;
      for await (const _ of db.inner.keys()) count++;
      return count;
    };
    const before = await rowsAfter(30);
    expect(await rowsAfter(10_000)).toBe(before);
  });

  test('an entry that went is deleted', async () => {
    const { db, store } = await ready();
    store.save([address(1)]);
    await store.flush();
    store.remove([address(1)]);
    await store.flush();
    const keys: string[] = [];
    for await (const [key] of db.inner.iterator()) keys.push(key);
    expect(keys).not.toContain(`!peernet!a!${address(1)}`);
    expect(keys).toContain(`!peernet!t!${address(1)}`);
    store.save([address(1)]);
    await store.flush();
    const later: string[] = [];
    for await (const [key] of db.inner.iterator()) later.push(key);
    expect(later).toContain(`!peernet!a!${address(1)}`);
    expect(later).not.toContain(`!peernet!t!${address(1)}`);
  });

  test.each([
    ['it could not be written at first', 0],
    ['an earlier tombstone was over', 86_400_000],
  ])('what the user saves after removing it stays saved, also if %s', async (_, waitMs) => {
    const db = new Watched();
    const first = start(db);
    const { clock } = first;
    first.store.remove([address(1)]);
    await first.store.close();
    clock.pass(waitMs);
    const { store } = start(db, { clock });
    await store.ready();
    store.remove([address(1)]);
    await store.flush();
    store.save([address(1)]);
    if (waitMs === 0) db.fail.write = new Error('no space left on device');
    await store.flush().catch(() => {});
    db.fail = {};
    await store.flush();
    await store.close();
    const { store: again } = start(db, { clock });
    await again.ready();
    expect(again.get(address(1))?.saved).toBe(true);
  });

  test('a failed write is reported once, kept, and tried again after 30 s', async () => {
    const { db, store, clock, errors } = await ready();
    db.fail.write = new Error('no space left on device');
    store.save([address(1)]);
    await expect(store.flush({ sync: true })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      cause: db.fail.write,
    });
    await expect(store.subnets.join(['chat'])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    clock.pass(30_000);
    await settle();
    expect(errors).toEqual(['STORE_FAILED']);
    expect(store.size).toBe(1);
    db.fail = {};
    clock.pass(30_000);
    await settle();
    expect(db.batches.flatMap((batch) => batch.keys).sort()).toEqual([`a!${address(1)}`, 's!chat']);
    db.fail.write = new Error('again');
    store.save([address(2)]);
    await expect(store.flush()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(errors).toEqual(['STORE_FAILED', 'STORE_FAILED']);
  });

  test('a database that fails is left alone for 30 s, however much is heard meanwhile', async () => {
    const { db, store, clock } = await ready();
    const hear = async (seconds: number): Promise<number> => {
      const before = db.tried;
      for (let i = 0; i < seconds; i++) {
        store.offer([heard(++peers)], peer(9));
        clock.pass(1000);
        await settle();
      }
      return db.tried - before;
    };
    let peers = 10;
    db.fail.write = new Error('no space left on device');
    expect(await hear(92)).toBe(4); // after 1, 31, 61 and 91 s
    db.fail = {};
    store.save([address(1)]);
    await store.flush(); // who asks does not wait
    expect(db.batches).toHaveLength(1);
    expect(await hear(5)).toBe(5); // the control
  });
});

test('what waits for a database that fails is bounded, though others name ever new addresses; nothing of ours is lost', async () => {
  const { clock } = start(undefined);
  const rows: string[] = [];
  const ours = (address: string): boolean => address.startsWith('ours');
  let fails = true;
  const write = (written: readonly { key: string }[]): Promise<void> => {
    if (fails) return Promise.reject(new Error('no space left on device'));
    rows.push(...written.map(({ key }) => key));
    return Promise.resolve();
  };
  const writer = new RowWriter({
    db: { write } as unknown as Database,
    clock,
    rowsOf: (address) => [{ key: address }],
    hasRows: ours,
    written: () => {},
    due: () => {},
    onError: () => {},
  });
  for (let n = 0; n < 2000; n++) writer.touch(`ours ${n}`, true);
  for (let n = 0; n < 200_000; n++) {
    writer.touch(`theirs ${n}`, true);
    if (n % 50_000 === 0) await writer.write(false).catch(() => {});
  }
  fails = false;
  await writer.write(false);
  expect(rows.length).toBeLessThanOrEqual(PERSISTENCE.dirtyMax);
  expect(rows.filter(ours)).toHaveLength(2000);
});

describe('a database that cannot be read', () => {
  test.each(['open', 'read'] as const)(
    '%s fails: reported once, memory only, nothing written',
    async (step) => {
      const db = new Watched();
      db.fail[step] = new Error('damaged');
      const { store, clock, errors } = start(db);
      store.save([address(1)]);
      await store.ready();
      expect(errors).toEqual(['STORE_FAILED']);
      await expect(store.flush({ sync: true })).rejects.toMatchObject({ code: 'STORE_FAILED' });
      await expect(store.subnets.join(['chat'])).rejects.toMatchObject({ code: 'STORE_FAILED' });
      expect(await store.subnets.list()).toEqual(['chat']);
      expect((await store.identity()).seed).toHaveLength(32);
      db.fail = {};
      clock.pass(120_000);
      await settle();
      await store.close();
      expect(store.size).toBe(1);
      expect(errors).toEqual(['STORE_FAILED']);
      expect(db.batches).toEqual([]);
    },
  );

  test('another process has it: STORE_IN_USE', async () => {
    const folder = temporaryFolder();
    const first = new ClassicLevel(folder);
    await first.open();
    const { store, errors } = start(new ClassicLevel(folder));
    await store.ready();
    expect(errors).toEqual(['STORE_IN_USE']);
    store.save([address(1)]);
    expect(store.size).toBe(1);
    await first.close();
  });
});
