// Links to stay with: made for the choice of the store's slots, kept while it holds, and never by the way of others.
import type {
  BookEntry,
  DialOutcome,
  HeardRecord,
  OfferOptions,
  PickOptions,
  Preference,
} from '@peernet/core';
import { describe, expect, it } from 'vitest';
import { encodeAnswer, encodeShuffle } from '../src/wire.js';
import { Bench, type Dialed, heard, live, type Remote, withBook } from './machine.js';

/** A choice that is made by hand. */
class Chosen implements Preference {
  readonly held = new Set<string>();
  /** Whom it names, in this order. */
  wanted: Remote[] = [];

  pick(count: number, { exclude }: PickOptions): BookEntry[] {
    return this.wanted
      .map(entryOf)
      .filter((entry) => !exclude(entry))
      .slice(0, count);
  }

  hold(id: string): void {
    this.held.add(id);
  }

  holds(id: string): boolean {
    return this.held.has(id);
  }
}

function entryOf({ address, id }: Remote): BookEntry {
  return { address, id, saved: false, source: 'dial', verified: false, failures: 0 };
}

/** Rotation draws one of the wanted now and then, and such a link is not protected. */
const unrotated = { tuning: { rotateEveryMs: Number.POSITIVE_INFINITY } };

/** Thirty in the book, five neighbours; `wanted` of the thirty are those of the slots from then on. */
function settled(wanted: number, options: ConstructorParameters<typeof Bench>[0] = {}) {
  const preference = new Chosen();
  const { bench, remotes } = withBook(30, { preference, ...options });
  live(bench, remotes, 100_000);
  const strangers = remotes.filter(({ id }) => bench.machine.neighbours.every((peer) => peer.id !== id));
  preference.wanted = strangers.slice(0, wanted);
  return { bench, remotes, preference, ids: () => bench.machine.neighbours.map(({ id }) => id) };
}

describe('protected links', () => {
  it('are made for the slots while the target is met: first the new one, then another own one goes', () => {
    const { bench, remotes, preference, ids } = settled(4, unrotated);
    let fewest = 5;
    for (let t = 0; t < 240; t++) {
      live(bench, remotes, 1_000);
      fewest = Math.min(fewest, bench.count('outbound'));
    }
    expect([bench.count('protected'), bench.count('protections'), fewest]).toEqual([4, 4, 5]);
    expect(ids()).toEqual(expect.arrayContaining(preference.wanted.map(({ id }) => id)));
    expect(bench.count('outbound')).toBe(5);
  });

  it('are not rotated away; the fifth link is', () => {
    const { bench, remotes, preference, ids } = settled(4);
    live(bench, remotes, 1_800_000);
    expect(bench.count('rotations')).toBeGreaterThanOrEqual(9);
    expect(ids()).toEqual(expect.arrayContaining(preference.wanted.map(({ id }) => id)));
  });

  it('are four at most, and leave one link for rotation', () => {
    const { bench, remotes } = settled(20);
    live(bench, remotes, 900_000);
    expect(bench.count('protections')).toBe(4);
    const few = settled(20, { connections: 2 });
    live(few.bench, few.remotes, 900_000);
    expect([few.bench.count('protected'), few.bench.count('protections')]).toEqual([1, 1]);
  });

  it('are replaced when their slot is theirs no more, the new one first', () => {
    const { bench, remotes, preference, ids } = settled(6);
    live(bench, remotes, 300_000);
    const first = preference.wanted.find(({ id }) => preference.held.has(id)) as Remote;
    expect(ids()).toContain(first.id);
    preference.held.delete(first.id);
    preference.wanted = preference.wanted.filter((remote) => remote !== first);
    live(bench, remotes, 300_000);
    expect(bench.count('protected')).toBe(4);
    expect(bench.count('protections')).toBe(5);
    live(bench, remotes, 1_800_000);
    expect(ids()).not.toContain(first.id);
  });

  it('are only those that were made for a slot: neither a fill nor an inbound one counts', () => {
    const { bench, remotes, preference, ids } = settled(0);
    bench.visit(bench.remote('visitor'));
    for (const id of ids()) preference.hold(id);
    live(bench, remotes, 1_000);
    expect(bench.count('protected')).toBe(0);
  });

  it('without slots are the oldest, but none that a walk has led to', () => {
    const bench = new Bench({ preference: 'none', tuning: { bookShare: 0, bookShareLow: 0 } });
    const key = bench.visit(bench.remote('a'));
    bench.pass(2_000);
    const [walk] = bench.to(key, 'walk');
    const end = bench.remote('end');
    const records = [heard(end.record)];
    bench.message(key, encodeAnswer({ kind: 'link', walk: walk?.id as string, degree: 4, records }));
    bench.answer(bench.dials.find(({ address }) => address === end.address) as Dialed, end);
    expect([bench.count('outbound'), bench.count('protected')]).toEqual([1, 0]);
    const filled = new Bench({ preference: 'none', seeds: [end.address] }); // the control
    filled.pass(0);
    filled.answer(filled.lastDial, filled.remote('end'));
    expect([filled.count('outbound'), filled.count('protected')]).toEqual([1, 1]);
  });

  it('are dialed first when links are missing, but never all that is tried', () => {
    const { bench, remotes, preference } = settled(4);
    for (const { key } of [...bench.machine.neighbours]) {
      bench.handle({ type: 'linkDown', key, reason: 'LOST' });
    }
    bench.dials.length = 0;
    bench.pass(1_500);
    const dialed = bench.dials.map(({ address }) => address);
    const chosen = dialed.filter((address) => preference.wanted.some((remote) => remote.address === address));
    expect([dialed.length, chosen.length]).toEqual([3, 2]);
    live(bench, remotes, 60_000);
    expect(bench.count('outbound')).toBe(5);
  });

  it('come with the default store: after its warm-up, from those who answered our dials', () => {
    const { bench, remotes } = withBook(30);
    live(bench, remotes, 290_000);
    expect(bench.count('protections')).toBe(0);
    live(bench, remotes, 900_000);
    expect(bench.count('protected')).toBe(4);
  });
});

describe('what the choice is fed with', () => {
  function spied() {
    const { bench, remotes } = withBook(6);
    const offers: [ids: string[], chosen: boolean | undefined][] = [];
    const outcomes: DialOutcome[] = [];
    const { store } = bench;
    const offer = store.offer.bind(store);
    const outcome = store.outcome.bind(store);
    store.offer = (records: readonly HeardRecord[], source, options?: OfferOptions) => {
      offers.push([records.map(({ record }) => record.id), options?.chosen]);
      offer(records, source, options);
    };
    store.outcome = (address, result) => {
      outcomes.push(result);
      outcome(address, result);
    };
    return { bench, remotes, offers, outcomes };
  }

  it('is what neighbours tell that we dialed, not those who came to us', () => {
    const { bench, remotes, offers } = spied();
    live(bench, remotes, 30_000);
    const told = bench.remote('told');
    const shuffle = encodeShuffle({ answer: false, degree: 5, records: [heard(told.record)] });
    bench.message(bench.machine.neighbours[0]?.key as number, shuffle);
    const visitor = bench.visit(bench.remote('visitor'));
    bench.message(visitor, shuffle);
    expect(offers.filter(([ids]) => ids.includes(told.id))).toEqual([
      [[told.id], true],
      [[told.id], false],
    ]);
    // … nor who has no room for us: it is dialed by chance, and tells what it likes.
    const full = bench.remote('full');
    bench.handle({ type: 'connect', request: 1, address: full.address });
    const host = bench.answer(bench.lastDial, full, 'hello');
    bench.message(host, encodeShuffle({ answer: false, degree: 5, records: [heard(told.record)] }));
    bench.message(host, encodeAnswer({ kind: 'full', walk: '', degree: 5, records: [heard(told.record)] }));
    expect(offers.filter(([ids]) => ids.includes(told.id)).slice(2)).toEqual([[[told.id], false]]);
  });

  it('is who answers a dial of ours, but not a probe of what a visitor claims', () => {
    const { bench, outcomes } = spied();
    const visitor = bench.remote('visitor', { address: 'ws://99.1.1.1:4000' });
    bench.visit(visitor);
    bench.dials.length = 0;
    live(bench, [visitor], 5_000);
    expect(outcomes.filter(({ ok }) => ok).map(({ id, probe }) => [id, probe])).toEqual([[visitor.id, true]]);
  });

  it('is not who answers where a visitor says that it has dialed us', () => {
    const { bench, outcomes } = spied();
    const services = [{ scheme: 'ws', host: '0.0.0.0', port: 4000 }];
    bench.handle({ type: 'listening', services, interfaces: [] });
    const [visitor, accomplice] = ['visitor', 'accomplice'].map((name) => bench.remote(name)) as [
      Remote,
      Remote,
    ];
    bench.hello(bench.arrive(visitor), visitor, { dialed: accomplice.address });
    bench.dials.length = 0;
    live(bench, [accomplice], 5_000);
    expect(outcomes.filter(({ ok }) => ok).map(({ id, probe }) => [id, probe])).toEqual([
      [accomplice.id, true],
    ]);
  });
});
