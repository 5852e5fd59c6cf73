// Random sequences of everything that can happen to a book, in a small world where addresses, hosts, peers and
// sources collide all the time. After every step all invariants must hold. A failure names its seed; PEERNET_SEEDS
// sets how many are tried.
import { below, pickOne, type Random, seededRandom, uniform } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { brokenInvariants, invariantNames } from '../src/invariants.js';
import { Book } from '../src/machine/book.js';
import { prefer } from '../src/machine/choosing.js';
import { peer, recordOf, wallStart } from './stage.js';

const seeds = Number(process.env.PEERNET_SEEDS ?? 20);
const steps = 400;

interface World {
  book: Book;
  random: Random;
  nowMs: number;
  wallMs: number;
}

/** Of few hosts, few ports, some schemes; now and then unreadable or forbidden. */
function anyAddress(random: Random): string {
  const odd = [
    'nonsense',
    'ws://169.254.169.254:80',
    'WS://20.1.1.1:0/',
    'memory:a',
    'own:b',
    'ws://localhost:7',
  ];
  if (below(random, 12) === 0) return pickOne(random, odd) as string;
  const scheme = pickOne(random, ['ws', 'tcp', 'wss']);
  const host = pickOne(random, [
    '20.1.1.1',
    '20.1.2.1',
    '99.2.2.2',
    '10.0.0.1',
    '[2a00:1::5]',
    'host.example',
  ]);
  return `${scheme}://${host}:${4000 + below(random, 12)}`;
}

function anyRecord(random: Random) {
  const addresses = Array.from({ length: 1 + below(random, 4) }, () => anyAddress(random));
  return recordOf(below(random, 40), {
    addresses,
    seq: wallStart + below(random, 8),
    ttlSeconds: pickOne(random, [60, 3600, 86_400]) as number,
  });
}

const ops: Record<string, (world: World) => void> = {
  offer({ book, random, nowMs }) {
    const records = Array.from({ length: 1 + below(random, 5) }, () => ({
      record: anyRecord(random),
      ageSeconds: below(random, 4000),
    }));
    book.offer(records, peer(below(random, 40)), nowMs, { chosen: below(random, 2) === 0 });
  },
  hold: ({ book, random, nowMs }) => book.slots.hold(peer(below(random, 40)), nowMs),
  prefer({ book, nowMs, wallMs }) {
    const seen = prefer(book, 9, { schemes: ['ws', 'tcp', 'wss'], exclude: () => false }, { nowMs, wallMs });
    const ids = seen.map(({ id }) => id);
    if (new Set(ids).size !== ids.length) throw new Error('one peer preferred twice');
  },
  save({ book, random, nowMs }) {
    const pin = below(random, 3) === 0 ? `#${peer(below(random, 40))}` : '';
    book.save([anyAddress(random) + pin], nowMs);
  },
  remove: ({ book, random, nowMs }) => book.remove([anyAddress(random), anyAddress(random)], nowMs),
  ok({ book, random, nowMs }) {
    const record = anyRecord(random);
    const id = below(random, 8) === 0 ? undefined : record.id;
    book.outcome(
      anyAddress(random),
      { ok: true, id, record: below(random, 4) === 0 ? undefined : record },
      nowMs,
    );
  },
  known({ book, random, nowMs, wallMs }) {
    for (const entry of book.pick(
      3,
      { schemes: ['ws', 'tcp', 'wss'], exclude: () => false },
      { nowMs, wallMs },
    ))
      book.outcome(entry.address, { ok: below(random, 2) === 0, id: entry.id, record: entry.record }, nowMs);
  },
  fail({ book, random, nowMs }) {
    book.outcome(anyAddress(random), { ok: false, counts: below(random, 5) > 0 }, nowMs);
  },
  exchanged: ({ book, random }) => book.exchanged(anyAddress(random), below(random, 9), below(random, 9)),
  sample({ book, nowMs, wallMs }) {
    book.sample(5, { scope: 'private', exclude: () => false }, { nowMs, wallMs });
  },
  purge: ({ book, nowMs }) => void book.purge(nowMs),
  rekey({ book, random }) {
    if (below(random, 10) === 0) book.rekey(new Uint8Array(32).fill(below(random, 256)));
  },
  wait(world) {
    const ms = Math.floor(10 ** (2 + 7.5 * uniform(world.random)));
    world.nowMs += ms;
    world.wallMs += ms;
  },
};

function worldOf(seed: number): World {
  const random = seededRandom(seed);
  const scale = pickOne(random, [1, 1 / 16, 1 / 64]) as number;
  return { book: new Book({ random, scale }), random, nowMs: 5000, wallMs: wallStart };
}

function play(world: World, count: number, after?: (op: string, step: number) => void): void {
  const names = Object.keys(ops);
  // Half of all steps tell of records: a book is mostly told.
  for (let step = 0; step < count; step++) {
    const name = below(world.random, 2) === 0 ? 'offer' : (pickOne(world.random, names) as string);
    ops[name]?.(world);
    after?.(name, step);
  }
}

test(
  `${seeds} seeds × ${steps} operations break no invariant`,
  () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const world = worldOf(seed);
      play(world, steps, (op, step) => {
        const broken = brokenInvariants(world.book, world.nowMs);
        if (broken.length > 0) throw new Error(`seed ${seed}, step ${step} (${op}): ${broken.join('; ')}`);
      });
      expect(world.book.size).toBeGreaterThan(0);
    }
  },
  30_000 + 1000 * seeds,
);

test('the same seed plays the same game', () => {
  const games = [1, 2].map(() => {
    const world = worldOf(77);
    play(world, steps);
    return [...world.book.entries(world)];
  });
  expect(games[0]).toEqual(games[1]);
});

test('a book that anybody may fill stays within its tables', () => {
  const random = seededRandom(5);
  const book = new Book({ random, scale: 1 / 64 });
  for (let n = 0; n < 5000; n++) {
    const a = `${20 + below(random, 70)}.${below(random, 256)}.${below(random, 256)}.${below(random, 256)}`;
    const record = recordOf(n, { addresses: [`ws://${a}:${1024 + below(random, 60_000)}`] });
    book.offer([{ record, ageSeconds: 1 }], peer(n % 300), 1000);
    if (n % 10 === 0) book.outcome(record.addresses[0] as string, { ok: true, id: record.id, record }, 1000);
  }
  expect(brokenInvariants(book, 1000)).toEqual([]);
  expect(book.size).toBeGreaterThan(100);
  expect(book.size).toBeLessThanOrEqual(320);
});

describe('each invariant notices', () => {
  /** Breaks a lived-in book in one way. */
  const sabotage: Record<string, (world: World) => void> = {
    'every place is held by the one entry that knows it': ({ book }) => {
      const [one, other] = [...book.registry.entries.values()].filter((e) => e.place >= 0 && !e.tried);
      if (one && other) one.morePlaces = [other.place];
    },
    'a place in NEW is the one that its bucket gives': ({ book }) => {
      const entry = entryWith(book, (e) => e.place >= 0 && !e.tried);
      book.places.clear(entry.place);
      let place = book.places.newPlace(0, entry.address);
      while (book.places.at(place) !== undefined || place === book.places.newPlace(0, entry.address)) place++;
      book.places.put(entry, place);
    },
    'an entry in TRIED has its one place there, any other at most four in NEW': ({ book }) => {
      const entry = entryWith(book, (e) => e.tried);
      book.places.put(entry, book.places.newPlace(book.places.newBucket(1, 1), entry.address));
    },
    'only the saved stand without a place': ({ book }) => {
      book.places.remove(entryWith(book, (e) => !e.saved && !e.tried));
    },
    'TRIED holds only what answered': ({ book }) => {
      const { history } = entryWith(book, (e) => e.tried && (e.history?.provenIndex ?? 0) < 0);
      if (history) history.seenAtMs = Number.NEGATIVE_INFINITY;
    },
    'every entry can be drawn, as often as it has places': ({ book }) => {
      const entry = entryWith(book, (e) => e.homeless);
      book.places.remove(entry);
    },
    'owners and entries agree': ({ book }) => {
      entryWith(book, (e) => e.owner !== undefined && !e.saved && (e.history?.provenIndex ?? -1) < 0).owner =
        undefined;
    },
    'hosts and entries agree': ({ book }) => {
      entryWith(book, () => true).host ^= 1;
    },
    'at most four peers are believed at a host': ({ book }) => {
      for (let n = 0; n < 6; n++) {
        const record = recordOf(100 + n, { addresses: [`tcp://50.1.1.1:${2000 + n}`] });
        book.offer([{ record, ageSeconds: 0 }], peer(1), 1e9);
        book.outcome(record.addresses[0] as string, { ok: true, id: record.id }, 1e9);
      }
      for (const entry of book.registry.entries.values())
        if (entry.address.startsWith('tcp://50.1.1.1') && entry.history !== undefined)
          entry.history.seenAtMs = Number.NEGATIVE_INFINITY;
    },
    'the proven have an owner and are listed once': ({ book }) => {
      const [entry] = book.registry.proven;
      if (entry) book.registry.proven.push(entry);
    },
    'the saved are counted': ({ book }) => {
      book.registry.savedCount++;
    },
    'tables keep their capacity': ({ book }) => {
      book.registry.savedCount -= 1e6;
    },
    'what was removed is absent': ({ book, nowMs }) => {
      book.absent.bury(entryWith(book, () => true).address, nowMs + 5);
    },
    'addresses are in normal form and may be dialed': ({ book }) => {
      (entryWith(book, () => true) as { address: string }).address = 'ws://0.0.0.0:1';
    },
    'trials are between an occupant of TRIED and an entry outside': ({ book }) => {
      const entry = entryWith(book, (e) => !e.tried);
      (book.admission.trialPairs as unknown) = undefined;
      Object.defineProperty(book.admission, 'trialPairs', { value: () => [[entry, entry]] });
    },
    'slots keep their number, and choose nobody who was removed': ({ book, nowMs }) => {
      const record = recordOf(77, { addresses: ['ws://77.1.1.1:4000'] });
      book.offer([{ record, ageSeconds: 0 }], peer(1), nowMs, { chosen: true });
      book.absent.bury('ws://77.1.1.1:4000', nowMs + 5);
    },
    'nothing happened in the future': ({ book, nowMs }) => {
      entryWith(book, () => true).heardAtMs = nowMs + 1;
    },
    'no rest is longer than a day and a quarter': ({ book, nowMs }) => {
      const { history } = entryWith(book, (e) => e.history !== undefined);
      if (history) history.restUntilMs = nowMs + 200_000_000;
    },
  };

  function entryWith(book: Book, fits: (entry: import('../src/machine/entry.js').Entry) => boolean) {
    const entry = [...book.registry.entries.values()].find(fits);
    if (entry === undefined) throw new Error('no such entry in this book');
    return entry;
  }

  test.each(invariantNames.map((name) => [name]))('%s', (name) => {
    const world = worldOf(11);
    world.book = new Book({ random: world.random });
    play(world, 300);
    for (let n = 0; n < 5; n++) {
      const record = recordOf(200 + n, { addresses: [`ws://6${n}.1.1.1:4000`] });
      world.book.outcome(`ws://6${n}.1.1.1:4000`, { ok: true, id: record.id, record }, world.nowMs);
    }
    world.book.outcome('ws://64.1.1.1:4000', { ok: false }, world.nowMs);
    expect(brokenInvariants(world.book, world.nowMs)).toEqual([]);
    sabotage[name]?.(world);
    expect(brokenInvariants(world.book, world.nowMs)).toContain(name);
  });
});
