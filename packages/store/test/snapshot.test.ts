// Restarts and wrong clocks: what an entry's stamps mean after either.
import { seededRandom } from '@peernet/core';
import { MemoryLevel } from 'memory-level';
import { describe, expect, test } from 'vitest';
import { BOOK } from '../src/defaults.js';
import type { Store } from '../src/index.js';
import { Book } from '../src/machine/book.js';
import type { Entry } from '../src/machine/entry.js';
import { restore, rowOf } from '../src/machine/snapshot.js';
import { address, heard, type ManualClock, manualClock, peer, recordOf, start, wallStart } from './stage.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const dial = { schemes: ['ws'], exclude: () => false };
const tell = { scope: 'global', exclude: () => false } as const;
const addresses = (entries: Iterable<{ address: string }>): string[] =>
  [...entries].map((e) => e.address).sort();

/** A store with one peer reached, one only heard of, one that failed, one removed. */
async function lived(): Promise<{ db: MemoryLevel; clock: ManualClock; store: Store }> {
  const db = new MemoryLevel();
  const { store, clock } = start(db);
  store.outcome(address(1), { ok: true, id: peer(1), record: recordOf(1) });
  store.offer([heard(2), heard(3)], peer(9));
  store.outcome(address(3), { ok: false });
  store.remove([address(4)]);
  return { db, clock, store };
}

/** Another process, `ms` later, whose calendar says `wallMs`. Its monotonic axis begins anew. */
async function restart(
  db: MemoryLevel,
  store: Store,
  wallMs: number,
): Promise<{ clock: ManualClock; store: Store }> {
  await store.close();
  const clock = manualClock();
  clock.pass(777);
  clock.setWall(wallMs);
  const next = start(db, { clock }).store;
  await next.ready();
  expect(next.broken()).toEqual([]);
  return { clock, store: next };
}

describe('a restart', () => {
  test.each([
    [0, 1],
    [1, 0],
  ])('of saved addresses so many are read, the others stay in the database: %i too many', (over, size) => {
    const moment = { nowMs: 1_000_000, wallMs: wallStart };
    const make = (): Book => new Book({ random: seededRandom(1) });
    const [before, after] = [make(), make()];
    before.save([address(1)], moment.nowMs);
    const row = rowOf(before, before.registry.entries.get(address(1)) as Entry, moment);
    after.registry.savedCount = BOOK.savedRowsMax - 1 + over;
    expect(restore(after, address(1), row, moment)).toBe(true); // not useless
    expect(after.size).toBe(size);
  });

  test('a proof goes on for the rest of its hour', async () => {
    const { db, clock, store } = await lived();
    const seen = clock.wall();
    const later = await restart(db, store, seen + 50 * minute);
    expect(later.store.get(address(1))).toMatchObject({ verified: true, lastSeen: seen, ageSeconds: 3000 });
    expect(addresses(later.store.sample(5, tell))).toEqual([address(1)]);
    later.clock.pass(11 * minute);
    expect(later.store.get(address(1))?.verified).toBe(false);
    expect(later.store.sample(5, tell)).toEqual([]);
  });

  test('a rest goes on', async () => {
    const { db, clock, store } = await lived();
    const later = await restart(db, store, clock.wall() + 10_000);
    expect(addresses(later.store.pick(9, dial))).toEqual(
      addresses([{ address: address(1) }, { address: address(2) }]),
    );
    later.clock.pass(2 * minute);
    expect(addresses(later.store.pick(9, dial))).toHaveLength(3);
  });

  test('a tombstone goes on for the rest of its day', async () => {
    const { db, clock, store } = await lived();
    const later = await restart(db, store, clock.wall() + 23 * hour);
    later.store.offer([heard(4)], peer(9));
    expect(later.store.get(address(4))).toBeUndefined();
    later.clock.pass(hour + 1000);
    later.store.offer([heard(4)], peer(9));
    expect(later.store.get(address(4))).toBeDefined();
  });

  test('failures are counted on', async () => {
    const { db, clock, store } = await lived();
    const later = await restart(db, store, clock.wall());
    later.store.outcome(address(3), { ok: false });
    later.store.outcome(address(3), { ok: false });
    expect(later.store.purge()).toBe(1);
  });
});

describe('a clock that was in the future', () => {
  test('stamps are clamped to now, proofs are not believed, rests and tombstones end', async () => {
    const { db, clock, store } = await lived();
    clock.setWall(wallStart + 20_000 * day);
    store.outcome(address(1), { ok: true, id: peer(1), record: recordOf(1) });
    store.outcome(address(3), { ok: false });
    store.remove([address(4)]);
    const later = await restart(db, store, wallStart);
    expect(later.store.get(address(1))?.lastSeen).toBe(wallStart);
    expect(later.store.get(address(1))?.verified).toBe(false);
    expect(later.store.purge()).toBe(0);
    later.clock.pass(day + 1000);
    later.store.offer([heard(4)], peer(9));
    expect(later.store.get(address(4))).toBeDefined();
    expect(addresses(later.store.pick(9, dial))).toHaveLength(4);
  });
});

describe('a clock that is set back', () => {
  test('nobody rests who did not, and what the user saved rests a minute at most', async () => {
    const { db, store } = await lived();
    store.save([address(5)]);
    for (const n of [1, 2, 5]) store.outcome(address(n), { ok: false });
    for (const n of [1, 2]) store.outcome(address(n), { ok: true, id: peer(n), record: recordOf(n) });
    const later = await restart(db, store, wallStart - hour);
    expect(addresses(later.store.pick(9, dial))).toEqual([address(1), address(2)].sort());
    later.clock.pass(minute);
    expect(addresses(later.store.pick(9, dial))).toEqual([address(1), address(2), address(5)].sort());
  });
});

describe('a clock that is wrong at start', () => {
  test('in the past (1970): nothing is lost, and nothing when it is set right', async () => {
    const { db, store } = await lived();
    const later = await restart(db, store, 1000);
    expect(later.store.purge()).toBe(0);
    later.clock.setWall(wallStart + day);
    expect(later.store.purge()).toBe(0);
    expect(later.store.get(address(1))?.lastSeen).toBe(wallStart + day); // as near as it can be known
    const again = await restart(db, later.store, wallStart + 2 * day);
    expect(again.store.size).toBe(3);
  });

  test('in the future (2080): nothing is lost before there was a day to set it right', async () => {
    const { db, store } = await lived();
    const later = await restart(db, store, wallStart + 20_000 * day);
    expect(later.store.purge()).toBe(0);
    later.clock.setWall(wallStart + day);
    later.clock.pass(hour);
    expect(later.store.purge()).toBe(0);
    expect(later.store.size).toBe(3);
  });

  test('control: real silence is noticed', async () => {
    const { db, store } = await lived();
    const later = await restart(db, store, wallStart + 40 * day);
    later.clock.pass(day + hour);
    expect(later.store.purge()).toBe(3);
  });
});

test('setting the clock of a running process changes nothing', async () => {
  const { clock, store } = await lived();
  for (const wall of [0, 1000, wallStart + 20_000 * day]) {
    clock.setWall(wall);
    expect(store.purge()).toBe(0);
    expect(store.get(address(1))?.verified).toBe(true);
    expect(addresses(store.pick(9, dial))).toHaveLength(2);
    store.offer([heard(4)], peer(9));
    expect(store.get(address(4))).toBeUndefined();
    await store.flush();
    expect(store.broken()).toEqual([]);
  }
});

test('a row that claims TRIED without a handshake is not believed', async () => {
  const db = new MemoryLevel();
  const { encodeAddress, KEY } = await import('../src/wire.js');
  const rows = db.sublevel<string, Uint8Array>('peernet', { valueEncoding: 'view' });
  const key = KEY.address + address(1);
  const row = {
    saved: false,
    pinned: false,
    tried: true,
    source: 'self',
    heardWall: 5,
    buckets: [],
  } as const;
  await rows.put(key, encodeAddress(key, row));
  const { store } = start(db);
  await store.ready();
  expect(store.size).toBe(1);
  expect(store.broken()).toEqual([]);
});

describe('a row that is read after the book has learned of its address', () => {
  const moment = { nowMs: 1_000_000, wallMs: wallStart };
  const bookOf = (): Book => new Book({ random: seededRandom(1) });
  /** What was stored of peer 1. */
  function stored(fill: (book: Book) => void) {
    const book = bookOf();
    fill(book);
    return rowOf(book, book.registry.entries.get(address(1)) as Entry, moment);
  }
  const seqOf = (book: Book): number | undefined => book.get(address(1), moment)?.record?.seq;

  test('does not replace a newer record; control: an older one', () => {
    const row = stored((book) => book.offer([heard(1, { seq: wallStart + 5 })], peer(9), moment.nowMs));
    for (const [seq, after] of [
      [wallStart + 9, wallStart + 9],
      [wallStart + 1, wallStart + 5],
    ] as const) {
      const book = bookOf();
      book.offer([heard(1, { seq })], peer(9), moment.nowMs);
      expect(restore(book, address(1), row, moment)).toBe(true);
      expect(seqOf(book)).toBe(after);
    }
  });

  test('proves nothing of somebody else who is believed there now', () => {
    const row = stored((book) =>
      book.outcome(address(1), { ok: true, id: peer(1), record: recordOf(1) }, moment.nowMs),
    );
    for (const [owner, verified] of [
      [2, false],
      [1, true],
    ] as const) {
      const book = bookOf();
      book.offer([heard(owner, { addresses: [address(1)] })], peer(9), moment.nowMs);
      restore(book, address(1), row, moment);
      expect(book.get(address(1), moment)).toMatchObject({ id: peer(owner), verified });
    }
  });

  test('is none in another spelling; a saved one is read though as many have been saved meanwhile as may be', () => {
    const row = stored((book) => book.save([address(1)], moment.nowMs));
    const book = bookOf();
    expect(restore(book, `${address(1)}/`, row, moment)).toBe(false);
    book.save(
      Array.from({ length: BOOK.savedMax }, (_, i) => `ws://10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:4000`),
      moment.nowMs,
    );
    expect(restore(book, address(1), row, moment)).toBe(true);
  });
});
