// The rules of protocol.md §4, one by one, on the pure book.
import { type HeardRecord, seededRandom } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { BOOK } from '../src/defaults.js';
import { Book } from '../src/machine/book.js';
import { Entry, placeCount, placesOf } from '../src/machine/entry.js';
import { address, heard, peer, recordOf, wallStart } from './stage.js';

const now = 1_000_000;
const hour = 3_600_000;
const day = 24 * hour;
const moment = { nowMs: now, wallMs: wallStart };
const all = { schemes: ['ws', 'tcp'], exclude: () => false };

function makeBook(seed = 1, scale = 1): Book {
  return new Book({ random: seededRandom(seed), scale });
}

function reach(book: Book, n: number, at = now): void {
  book.outcome(address(n), { ok: true, id: peer(n), record: recordOf(n) }, at);
}

/** Hearsay of one peer at one host and port. */
function at(n: number, host: string, port = 4000): HeardRecord {
  return heard(n, { addresses: [`ws://${host}:${port}`] });
}

describe('NEW', () => {
  test('one source reaches at most a sixteenth of the table, however many addresses it tells', () => {
    const book = makeBook();
    reach(book, 1);
    for (let n = 10; n < 10_000; n++) book.offer([heard(n)], peer(1), now);
    const buckets = new Set<number>();
    for (const [place] of book.places.taken()) {
      const bucket = book.places.newBucketAt(place);
      if (bucket !== undefined) buckets.add(bucket);
    }
    expect(buckets.size).toBeLessThanOrEqual(BOOK.bucketsPerSource);
    expect(book.size).toBeLessThanOrEqual(BOOK.bucketsPerSource * BOOK.slots + 1);
    expect(book.size).toBeGreaterThan(900);
  });

  test('peers that only came to us share one group of sources', () => {
    const book = makeBook();
    for (let n = 10; n < 10_000; n++) book.offer([heard(n)], peer(20_000 + n), now);
    expect(book.size).toBeLessThanOrEqual(BOOK.bucketsPerSource * BOOK.slots);
    const control = makeBook(); // sources that we reached fill more
    for (let s = 0; s < 200; s++) reach(control, 30_000 + s);
    for (let n = 10; n < 10_000; n++) control.offer([heard(n)], peer(30_000 + (n % 200)), now);
    expect(control.size).toBeGreaterThan(4 * book.size);
  });

  test('whatever addresses they claim: only those where we reached them count', () => {
    const buckets = (reached: boolean): number => {
      const book = makeBook();
      for (let s = 0; s < 200; s++) {
        if (reached) reach(book, 30_000 + s);
        else book.offer([heard(30_000 + s)], peer(30_000 + s), now);
      }
      for (let n = 10; n < 5_000; n++) book.offer([heard(n)], peer(30_000 + (n % 200)), now);
      const used = [...book.places.taken()].map(([place]) => book.places.newBucketAt(place));
      return new Set(used.filter((bucket) => bucket !== undefined)).size;
    };
    expect(buckets(false)).toBeLessThanOrEqual(BOOK.bucketsPerSource);
    expect(buckets(true)).toBeGreaterThan(4 * BOOK.bucketsPerSource); // the control
  });

  test('an address gets at most four places, the further ones ever harder', () => {
    const book = makeBook();
    for (let s = 0; s < 300; s++) reach(book, 100 + s);
    const counts: number[] = [];
    for (let s = 0; s < 300; s++) {
      book.offer([heard(1)], peer(100 + s), now);
      counts.push(placeCount(book.registry.entries.get(address(1)) as never));
    }
    expect(counts[0]).toBe(1);
    expect(counts.at(-1)).toBe(4);
    expect(counts.indexOf(4)).toBeGreaterThan(4);
  });

  test('an address with several places spares one for a newcomer, one with a single place does not', () => {
    const book = makeBook(1, 1 / 16);
    const sources = Array.from({ length: 50 }, (_, s) => 5000 + s);
    for (const s of sources) reach(book, s);
    for (let n = 0; n < 200; n++) for (const s of sources) book.offer([heard(n)], peer(s), now);
    const hearsay = () => [...book.registry.entries.values()].filter((entry) => !entry.tried);
    let spared = 0;
    for (let n = 200; n < 2000; n++) {
      const before = new Map(hearsay().map((entry) => [entry, placeCount(entry)]));
      book.offer([heard(n)], peer(5000 + (n % 50)), now);
      for (const [entry, count] of before) {
        if (placeCount(entry) === count) continue;
        expect(count).toBeGreaterThan(1);
        spared++;
      }
    }
    expect(spared).toBeGreaterThan(50);
  });

  test('what failed three times gives way to a newcomer', () => {
    const book = makeBook(1, 1 / 64);
    for (let n = 0; n < 3000; n++) book.offer([heard(n)], peer(5000), now);
    const full = [...book.registry.entries.keys()];
    for (const known of full) for (let i = 0; i < 3; i++) book.outcome(known, { ok: false }, now);
    for (let n = 3000; n < 6000; n++) book.offer([heard(n)], peer(5000), now);
    expect(full.filter((known) => book.registry.entries.has(known)).length).toBeLessThan(full.length / 2);
  });
});

describe('TRIED', () => {
  /** Two peers that want the same place in TRIED. */
  function rivals(book: Book): [number, number] {
    const byPlace = new Map<number, number>();
    for (let n = 0; ; n++) {
      const key = book.keyOf(address(n));
      const place = book.places.triedPlace(key as never);
      const other = byPlace.get(place);
      if (other !== undefined) return [other, n];
      byPlace.set(place, n);
    }
  }
  const isTried = (book: Book, n: number): boolean | undefined =>
    book.registry.entries.get(address(n))?.tried;

  test('is entered by our own handshake only', () => {
    const book = makeBook();
    for (let s = 0; s < 50; s++) book.offer([heard(1)], peer(100 + s), now);
    expect(isTried(book, 1)).toBe(false);
    reach(book, 1);
    expect(isTried(book, 1)).toBe(true);
    expect(placesOf(book.registry.entries.get(address(1)) as never)).toHaveLength(1);
  });

  test('one group reaches at most 8 buckets', () => {
    const book = makeBook();
    const buckets = new Set<number>();
    for (let n = 0; n < 2000; n++) {
      const record = recordOf(n, { addresses: [`ws://20.1.${n % 250}.${1 + Math.floor(n / 250)}:4000`] });
      book.outcome(record.addresses[0] as string, { ok: true, id: record.id, record }, now);
    }
    const tried = [...book.registry.entries.values()].filter((entry) => entry.tried);
    for (const entry of tried) buckets.add(Math.floor(entry.place / BOOK.slots));
    expect(buckets.size).toBeLessThanOrEqual(BOOK.bucketsPerGroup);
    expect(tried.length).toBeGreaterThan(200);
  });

  test('an occupant that answered lately stays, and is not put on trial', () => {
    const book = makeBook();
    const [first, second] = rivals(book);
    reach(book, first);
    reach(book, second, now + BOOK.trialFreshMs - 1);
    expect([isTried(book, first), isTried(book, second)]).toEqual([true, false]);
    expect([...book.admission.trials]).toEqual([]);
  });

  test('another is tested before it is evicted: dialed first, and it stays if it answers', () => {
    const book = makeBook();
    const [first, second] = rivals(book);
    reach(book, first);
    for (let n = 0; n < 50; n++) book.save([`tcp://9.${n}.1.1:4000`], now);
    reach(book, second, now + 5 * hour);
    expect([isTried(book, first), isTried(book, second)]).toEqual([true, false]);
    expect(book.pick(1, all, { ...moment, nowMs: now + 5 * hour })[0]?.address).toBe(address(first));
    reach(book, first, now + 5 * hour);
    expect([...book.admission.trials]).toEqual([]);
    expect([isTried(book, first), isTried(book, second)]).toEqual([true, false]);
  });

  test('and yields its place if it does not', () => {
    const book = makeBook();
    const [first, second] = rivals(book);
    reach(book, first);
    reach(book, second, now + 5 * hour);
    book.outcome(address(first), { ok: false, counts: false }, now + 5 * hour); // our own failure is no test
    expect(isTried(book, first)).toBe(true);
    book.outcome(address(first), { ok: false }, now + 5 * hour);
    expect([isTried(book, first), isTried(book, second)]).toEqual([false, true]);
    expect(book.registry.entries.get(address(first))).toBeDefined(); // back in NEW
  });

  test('sixteen are tested at a time, each against who came first', () => {
    let again = 0;
    for (let seed = 1; seed < 20; seed++) {
      const book = makeBook(seed, 1 / 16);
      for (let n = 0; n < 600; n++) reach(book, n);
      const pairs = new Map<unknown, unknown>();
      for (let n = 600; n < 760; n++) {
        reach(book, n, now + 5 * hour);
        for (const [occupant, challenger] of book.admission.trialPairs()) {
          if (!pairs.has(occupant)) pairs.set(occupant, challenger);
          else again++;
          expect(pairs.get(occupant)).toBe(challenger);
        }
        expect([...book.admission.trials].length).toBeLessThanOrEqual(BOOK.trialsMax);
      }
      expect([...book.admission.trials]).toHaveLength(BOOK.trialsMax);
    }
    expect(again).toBeGreaterThan(1_000);
  });

  test('what we reached is never pushed out by what we reach', () => {
    const book = makeBook(1, 1 / 16);
    const known = new Set<string>();
    for (let n = 0; n < 3_000; n++) {
      reach(book, n);
      if (book.registry.entries.has(address(n))) known.add(address(n));
    }
    expect(known.size).toBeGreaterThan(500);
    expect(known.size).toBeLessThan(3_000); // there was no room for all
    for (const text of known) expect(book.registry.entries.has(text)).toBe(true);
  });

  test('a stored entry gets four places, however many its row names', () => {
    const book = makeBook();
    const key = book.keyOf(address(1)) as NonNullable<ReturnType<Book['keyOf']>>;
    const entry = new Entry(key, 'dial', now);
    const buckets = Array.from({ length: 20 }, (_, i) => i);
    expect(book.admission.restore(entry, { tried: false, saved: false, buckets })).toBe(true);
    expect(placeCount(entry)).toBe(BOOK.placesMax);
  });

  test('a challenger that fails meanwhile ends the trial', () => {
    const book = makeBook();
    const [first, second] = rivals(book);
    reach(book, first);
    reach(book, second, now + 5 * hour);
    expect([...book.admission.trials]).toHaveLength(1);
    book.outcome(address(second), { ok: false }, now + 5 * hour);
    book.outcome(address(first), { ok: false }, now + 5 * hour);
    expect([isTried(book, first), isTried(book, second)]).toEqual([true, false]);
  });
});

describe('hosts', () => {
  const believed = (book: Book): string[] => [...book.registry.entries.keys()].sort();

  test('one peer is believed at a host where nobody was reached', () => {
    const book = makeBook();
    book.offer([at(1, '20.1.1.1', 1001), at(2, '20.1.1.1', 1002), at(3, '20.1.1.2', 1003)], peer(9), now);
    expect(believed(book)).toEqual(['ws://20.1.1.1:1001', 'ws://20.1.1.2:1003']);
  });

  test('all addresses of that one peer are', () => {
    const book = makeBook();
    const addresses = ['ws://20.1.1.1:1001', 'tcp://20.1.1.1:1002'];
    book.offer([heard(1, { addresses })], peer(9), now);
    expect(book.size).toBe(2);
  });

  test('four where one was reached', () => {
    const book = makeBook();
    book.outcome('ws://20.1.1.1:1000', { ok: true, id: peer(50) }, now);
    for (let n = 1; n < 20; n++) book.offer([at(n, '20.1.1.1', 1000 + n)], peer(9), now);
    expect(new Set([...book.registry.entries.values()].map((entry) => entry.owner?.id)).size).toBe(4);
  });

  test('what failed makes room', () => {
    const book = makeBook();
    book.offer([at(1, '20.1.1.1', 1001)], peer(9), now);
    book.outcome('ws://20.1.1.1:1001', { ok: false }, now);
    book.offer([at(2, '20.1.1.1', 1002)], peer(9), now);
    expect(believed(book)).toEqual(['ws://20.1.1.1:1002']);
  });

  test('narrow scopes have no such limit: everybody on a LAN or at localhost is somebody else', () => {
    const book = makeBook();
    for (let n = 0; n < 20; n++) book.offer([at(n, '127.0.0.1', 1000 + n)], peer(9), now);
    expect(book.size).toBeGreaterThan(15);
  });

  test('what the user saved is his belief: it takes no place from those who are heard of', () => {
    const book = makeBook();
    book.save([`ws://20.1.1.1:1000#${peer(7)}`], now);
    book.offer([at(1, '20.1.1.1', 1001)], peer(9), now);
    expect(believed(book)).toEqual(['ws://20.1.1.1:1000', 'ws://20.1.1.1:1001']);
  });

  test('a claim at an address that has failed makes room for nobody else at a host that is full', () => {
    const claim = (others: number): string | undefined => {
      const book = makeBook();
      book.outcome('ws://20.1.1.1:1000', { ok: true, id: peer(50) }, now);
      book.offer([at(1, '20.1.1.1', 1001)], peer(9), now);
      book.offer([at(1, '20.1.1.1', 1002)], peer(9), now);
      for (let n = 3; n < 3 + others; n++) book.offer([at(n, '20.1.1.1', 1000 + n)], peer(9), now);
      book.outcome('ws://20.1.1.1:1001', { ok: false }, now);
      book.offer([at(2, '20.1.1.1', 1001)], peer(9), now);
      return book.get('ws://20.1.1.1:1001', moment)?.id;
    };
    expect(claim(2)).toBe(peer(1));
    expect(claim(1)).toBe(peer(2)); // the control
  });

  test('an address that names another peer than its record is nobody’s', () => {
    const book = makeBook();
    book.offer([heard(1, { addresses: [`ws://20.1.1.1:4000#${peer(2)}`] })], peer(9), now);
    expect(book.size).toBe(0);
    book.offer([heard(2, { addresses: [`ws://20.1.1.1:4000#${peer(2)}`] })], peer(9), now); // the control
    expect(believed(book)).toEqual(['ws://20.1.1.1:4000']);
  });

  test('a false claim at the address of another ends with the first failure', () => {
    const book = makeBook();
    book.offer([at(1, '20.1.1.1')], peer(9), now);
    book.offer([at(2, '20.1.1.1')], peer(9), now);
    expect(book.get('ws://20.1.1.1:4000', moment)?.id).toBe(peer(1));
    book.outcome('ws://20.1.1.1:4000', { ok: false }, now); // peer 2 answered, who was not expected
    book.offer([at(2, '20.1.1.1')], peer(9), now);
    expect(book.get('ws://20.1.1.1:4000', moment)?.id).toBe(peer(2));
  });
});

describe('records', () => {
  test('an address that its owner does not name any more goes, unless it worked or was saved', () => {
    const book = makeBook();
    book.save(['ws://20.1.1.3:1'], now);
    const addresses = ['ws://20.1.1.1:1', 'ws://20.1.1.2:1', 'ws://20.1.1.3:1'];
    book.offer([heard(1, { addresses })], peer(9), now);
    book.outcome('ws://20.1.1.2:1', { ok: true, id: peer(1) }, now);
    book.offer([heard(1, { addresses: ['ws://20.1.1.4:1'], seq: wallStart + 1 })], peer(9), now);
    const left = ['ws://20.1.1.2:1', 'ws://20.1.1.3:1', 'ws://20.1.1.4:1'];
    expect([...book.registry.entries.keys()].sort()).toEqual(left);
  });

  test('of the same seq does not get younger by being told again', () => {
    const book = makeBook();
    book.offer([heard(1, {}, 5_000)], peer(9), now);
    book.offer([heard(1, {}, 0)], peer(9), now + 1_000);
    expect(book.get(address(1), { ...moment, nowMs: now + 1_000 })?.ageSeconds).toBe(5_001);
    book.offer([heard(1, { seq: wallStart + 1 }, 7)], peer(9), now + 1_000); // the control
    expect(book.get(address(1), { ...moment, nowMs: now + 1_000 })?.ageSeconds).toBe(7);
  });

  test('of somebody else is not taken with an answer', () => {
    const book = makeBook();
    book.outcome(address(1), { ok: true, id: peer(1), record: recordOf(2) }, now);
    expect(book.get(address(1), moment)).toMatchObject({ id: peer(1), record: undefined });
    expect(book.get(address(2), moment)).toBeUndefined();
  });

  test('a peer that left the book does not come back with an older record', () => {
    const book = makeBook();
    book.offer([heard(1, { seq: wallStart + 10 })], peer(9), now);
    for (let i = 0; i < 3; i++) book.outcome(address(1), { ok: false }, now);
    expect(book.purge(now)).toBe(1);
    book.offer([heard(1, { seq: wallStart + 9 })], peer(9), now);
    expect(book.size).toBe(0);
    book.offer([heard(1, { seq: wallStart + 11 })], peer(9), now);
    expect(book.size).toBe(1);
  });

  test('what the user pinned is not claimed by others, nor proven by another', () => {
    const book = makeBook();
    book.save([`${address(1)}#${peer(1)}`], now);
    book.outcome(address(1), { ok: false }, now);
    book.offer([heard(2, { addresses: [address(1)] })], peer(9), now);
    book.outcome(address(1), { ok: true, id: peer(2), record: recordOf(2) }, now);
    expect(book.get(address(1), moment)).toMatchObject({ id: peer(1), verified: false });
    reach(book, 1);
    expect(book.get(address(1), moment)).toMatchObject({ id: peer(1), verified: true });
  });
});

describe('the user', () => {
  test('may save 16 384 addresses; the next is refused aloud', () => {
    const book = makeBook();
    const many = Array.from({ length: BOOK.savedMax }, (_, n) => `ws://10.0.${n >> 8}.${n & 255}:1`);
    book.save(many, now);
    expect(() => book.save([address(1)], now)).toThrow(expect.objectContaining({ code: 'LIMIT' }));
    book.save([many[0] as string], now);
    book.remove([many[0] as string], now);
    book.save([address(1)], now);
    expect(book.registry.savedCount).toBe(BOOK.savedMax);
  });

  test('removes an address in every spelling, until it is saved again', () => {
    const book = makeBook();
    book.remove([address(1)], now);
    const other = address(1).replace('ws:', 'WS:').concat('/');
    for (const text of [address(1), other]) book.offer([heard(1, { addresses: [text] })], peer(9), now);
    expect(book.size).toBe(0);
    book.save([other], now);
    expect([book.size, book.absent.isBuried(address(1), now)]).toEqual([1, false]);
  });

  test('removes what is just being dialed, and it does not come back by the answer', () => {
    const book = makeBook();
    book.offer([heard(1)], peer(9), now);
    book.remove([address(1)], now);
    reach(book, 1);
    expect(book.size).toBe(0);
    reach(book, 1, now + day + 1);
    expect(book.size).toBe(1);
  });

  test('loses no tombstone of this run to those of earlier ones', () => {
    const book = makeBook(1, 1 / 16);
    const most = BOOK.tombstonesMax / 16;
    for (let n = 0; n < most - 1; n++) book.remove([address(n)], now);
    expect(book.restoreTombstone(address(5_000), day, now)).toBe(true);
    expect(book.restoreTombstone(address(5_001), day, now)).toBe(false);
    expect(book.absent.tombstoneCount).toBe(most);
    expect(book.absent.isBuried(address(0), now)).toBe(true);
  });

  test('sees dials of addresses that are in no book counted, too', () => {
    const book = makeBook();
    book.outcome(address(1), { ok: false }, now);
    book.exchanged(address(1), 2, 3);
    expect(book.stats(address(1))).toEqual({ connections: { ok: 0, fail: 1 }, nodes: { rx: 2, tx: 3 } });
    reach(book, 1);
    expect(book.stats(address(1))).toEqual({ connections: { ok: 1, fail: 1 }, nodes: { rx: 2, tx: 3 } });
  });
});

test('all tables are bounded: 10 000 tombstones and strangers', () => {
  const book = makeBook();
  for (let n = 0; n < 10_000; n++) {
    book.remove([address(n)], now);
    book.outcome(address(n), { ok: false }, now);
  }
  expect(book.absent.tombstoneCount).toBe(BOOK.tombstonesMax);
  const counted = Array.from({ length: 10_000 }, (_, n) => book.stats(address(n)).connections.fail);
  expect(counted.filter((fails) => fails > 0)).toHaveLength(BOOK.strangersMax);
});

test('picks take half of their entries from TRIED, so that a flood of hearsay does not drown them', () => {
  const book = makeBook();
  for (let n = 0; n < 20; n++) reach(book, n);
  for (let s = 0; s < 100; s++) reach(book, 10_000 + s);
  for (let n = 20; n < 6000; n++) book.offer([heard(n)], peer(10_000 + (n % 100)), now);
  let tried = 0;
  for (let i = 0; i < 400; i++) {
    const [picked] = book.pick(1, all, moment);
    if (book.registry.entries.get(picked?.address ?? '')?.tried) tried++;
  }
  expect(tried).toBeGreaterThan(150);
  expect(tried).toBeLessThan(250);
});
