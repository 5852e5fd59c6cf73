// The book's min-wise slots: what they are fed with, whom they name, and that a restart changes neither. What a choice
// by min-wise ranks is worth is tested in core (min-wise.test.ts), and in the simulator (S12, S13).
import { seededRandom } from '@peernet/core';
import { MemoryLevel } from 'memory-level';
import { describe, expect, test } from 'vitest';
import { createBook } from '../src/index.js';
import { type Choice, Slots } from '../src/machine/slots.js';
import { address, heard, manualClock, peer, recordOf, start } from './stage.js';

const everything = { schemes: ['ws'], exclude: () => false };
const hourMs = 3_600_000;
const warmMs = 301_000;

function bookOf(scale = 1) {
  const clock = manualClock();
  const book = createBook({ clock, random: seededRandom(3), scale });
  const { preference } = book;
  if (preference === undefined) throw new Error('no slots');
  const named = (): string[] => preference.pick(100, everything).map((entry) => entry.address);
  return { clock, book, preference, named };
}

type Fields = NonNullable<Parameters<typeof heard>[1]>;
const advise = (
  store: { offer: ReturnType<typeof bookOf>['book']['offer'] },
  n: number,
  fields: Fields = {},
) => store.offer([heard(n, fields)], peer(900), { chosen: true });

describe('slots', () => {
  test('are 64, fewer in small books, and none where there are none', () => {
    const counts = [1, 1 / 16, 1 / 64].map((scale) => bookOf(scale).book.slotCounts().slots);
    expect(counts).toEqual([64, 16, 8]);
    const none = new Slots({ random: seededRandom(1), count: 0, changed: () => {} });
    none.offer(address(1), peer(1), 1, () => 2, 0);
    none.hold(peer(1), 0);
    expect([none.holds(peer(1), 0), none.choices(1e9), none.rows(0)]).toEqual([false, [], []]);
  });

  test('name nobody before they have seen five minutes', () => {
    const { clock, book, named } = bookOf();
    advise(book, 1);
    clock.pass(299_000);
    expect(named()).toEqual([]);
    clock.pass(2_000);
    expect(named()).toEqual([address(1)]);
    expect(book.slotCounts()).toEqual({ slots: 64, chosen: 64, held: 0, renewed: 0 });
  });

  test('know whom the book has dropped', () => {
    const { clock, book, named, preference } = bookOf();
    advise(book, 1);
    clock.pass(warmMs);
    // Somebody hands on a newer record, which does not name this address; only a dial will tell whether it is right.
    book.offer([heard(1, { seq: recordOf(1).seq + 1, addresses: [address(2)] })], peer(901));
    expect(book.get(address(1))).toBeUndefined();
    expect(named()).toEqual([address(1)]);
    expect(preference.pick(1, everything)[0]).toMatchObject({ id: peer(1), verified: false });
  });

  test('do not take back at once who has failed, though all speak of it', () => {
    const { clock, book, named } = bookOf();
    advise(book, 1);
    clock.pass(warmMs);
    book.outcome(address(1), { ok: false });
    advise(book, 1, { seq: recordOf(1).seq + 1 });
    expect([named(), book.slotCounts().chosen]).toEqual([[], 0]);
    clock.pass(hourMs);
    advise(book, 1, { seq: recordOf(1).seq + 2 });
    clock.pass(warmMs);
    expect(named()).toEqual([address(1)]);
  });

  test('take nobody for the address of somebody else', () => {
    const { book } = bookOf();
    book.offer([heard(1)], peer(900)); // by somebody whom we have not chosen
    advise(book, 2, { addresses: [address(1)] });
    expect(book.slotCounts().chosen).toBe(0);
    advise(book, 1);
    expect(book.slotCounts().chosen).toBe(64); // the control
  });

  test('name each peer once, though it was offered again after it had lost some of them', () => {
    const slots = new Slots({ random: seededRandom(1), count: 64, changed: () => {} });
    const offer = (n: number) => slots.offer(address(n), peer(n), 1_000_003 * n, () => 7_919 * n, 0);
    for (const n of [1, 2]) offer(n);
    slots.drop(address(2));
    offer(1);
    const ids = slots.choices(warmMs).map(({ id }) => id);
    expect([ids, slots.counts().chosen]).toEqual([[peer(1)], 64]);
  });

  test('wait for who holds one and fails: nobody is named for it, and it is again when it has rested', () => {
    const { clock, book, preference, named } = bookOf();
    const first = (): string[] => preference.pick(1, everything).map((entry) => entry.address);
    book.outcome(address(1), { ok: true, id: peer(1), record: recordOf(1) });
    advise(book, 2);
    clock.pass(warmMs);
    preference.hold(peer(1));
    book.outcome(address(1), { ok: false });
    expect([first(), named()]).toEqual([[], [address(2)]]);
    clock.pass(75_001); // a minute, and a quarter of it at most
    expect(first()).toEqual([address(1)]);
    book.outcome(address(1), { ok: false });
    clock.pass(300_001);
    expect([first(), preference.holds(peer(1))]).toEqual([[address(1)], true]);
    book.outcome(address(1), { ok: false });
    expect([first(), preference.holds(peer(1))]).toEqual([[address(2)], false]);
  });

  test('keep everybody when it is our own network that fails', () => {
    const { clock, book, named } = bookOf();
    advise(book, 1);
    clock.pass(warmMs);
    book.outcome(address(1), { ok: false, counts: false });
    expect(named()).toEqual([address(1)]);
  });

  test('do not name a peer whose address belongs to another by now', () => {
    const { clock, book, named } = bookOf();
    advise(book, 1);
    clock.pass(warmMs);
    book.outcome(address(1), { ok: true, id: peer(2), probe: true });
    expect(named()).toEqual([]);
  });

  test('are held until their seeds end, six hours at most', () => {
    const { clock, book, preference } = bookOf();
    advise(book, 1);
    clock.pass(warmMs);
    preference.hold(peer(1));
    let heldMs = 0;
    while (preference.holds(peer(1)) && heldMs < 24 * hourMs) {
      clock.pass(hourMs / 4);
      heldMs += hourMs / 4;
    }
    expect(heldMs).toBeGreaterThan(5 * hourMs); // of 64 slots one lives nearly that long
    expect(heldMs).toBeLessThanOrEqual(6 * hourMs);
    expect(book.slotCounts()).toMatchObject({ held: 0, renewed: 64 });
  });
});

describe('after a restart', () => {
  async function lived() {
    const db = new MemoryLevel();
    const first = start(db);
    await first.store.ready();
    for (let n = 0; n < 50; n++) advise(first.store, n);
    first.clock.pass(warmMs);
    const [held] = first.store.preference?.pick(1, everything) ?? [];
    if (held?.id === undefined) throw new Error('nobody to hold');
    first.store.preference?.hold(held.id);
    const names = (store: typeof first.store): string[] =>
      (store.preference?.pick(100, everything) ?? []).map((entry) => entry.address).sort();
    const before = names(first.store);
    await first.store.close();
    return { db, clock: first.clock, held: held.id, before, names };
  }

  test('they name the same peers at once, and hold the same ones', async () => {
    const { db, clock, held, before, names } = await lived();
    const { store } = start(db, { clock });
    await store.ready();
    expect(names(store)).toEqual(before);
    expect(store.preference?.holds(held)).toBe(true);
    expect(store.broken()).toEqual([]);
  });

  test('a night in which we did not run has cost them nothing', async () => {
    const { db, clock, held, before, names } = await lived();
    clock.pass(12 * hourMs);
    const { store } = start(db, { clock });
    await store.ready();
    expect(names(store)).toEqual(before);
    expect(store.preference?.holds(held)).toBe(true);
    clock.pass(6 * hourMs + 1000);
    expect(store.preference?.holds(held)).toBe(false);
  });

  test('what was told before the rows were read counts, too', async () => {
    const { db, clock, before, names } = await lived();
    const { store } = start(db, { clock });
    for (let n = 50; n < 400; n++) advise(store, n);
    await store.ready();
    expect(names(store)).not.toEqual(before);
    expect(names(store).length).toBeGreaterThan(before.length / 2);
    expect(store.slotCounts()).toMatchObject({ slots: 64, chosen: 64 });
  });

  test('a bad row is skipped, and they begin anew', async () => {
    const { db, clock } = await lived();
    const rows = db.sublevel<string, Uint8Array>('peernet', { valueEncoding: 'view' });
    const row = (await rows.get('m!slots')) as Uint8Array;
    row[20] = (row[20] as number) ^ 1;
    await rows.put('m!slots', row);
    const { store, errors } = start(db, { clock });
    await store.ready();
    expect([store.skippedRows, errors, store.slotCounts().chosen]).toEqual([1, [], 0]);
  });

  test('rows of a larger book fit into a smaller one', async () => {
    const { db, clock } = await lived();
    const { store } = start(db, { clock, scale: 1 / 16 });
    await store.ready();
    expect(store.slotCounts()).toMatchObject({ slots: 16, chosen: 16 });
  });

  test('control: without the row nobody is named before the warm-up', async () => {
    const { db, clock, names } = await lived();
    await db.sublevel('peernet').del('m!slots');
    const { store } = start(db, { clock });
    await store.ready();
    expect(names(store)).toEqual([]);
  });
});

test('rows that make no sense are taken for what can be made of them', () => {
  const slots = new Slots({ random: seededRandom(1), count: 4, changed: () => {} });
  const choiceOf = (): Choice | undefined => undefined;
  const row = { groupSeed: 1, idSeed: 1, ageSeconds: 2 ** 32 - 1, leftSeconds: 2 ** 32 - 1 };
  slots.restore([{ ...row, peer: { id: peer(1), address: 'nonsense', holds: true } }], choiceOf, 5);
  expect(slots.rows(5)).toHaveLength(4);
  expect(slots.rows(5)[0]?.leftSeconds).toBe(21_600);
  expect(slots.counts()).toEqual({ slots: 4, chosen: 0, held: 0, renewed: 0 });
});
