import { seededRandom } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { BOOK } from '../src/defaults.js';
import { Entry, History, Owner } from '../src/machine/entry.js';
import * as judge from '../src/machine/judge.js';
import { peer, recordOf } from './stage.js';

const hour = 3_600_000;
const day = 24 * hour;
const now = 100 * day;

function entry(fields: Partial<Entry> = {}, history?: Partial<History>): Entry {
  const key = { address: 'ws://1.2.3.4:5', scheme: 'ws', scope: 'global', host: 1, group: 2 } as const;
  const made = Object.assign(new Entry(key, 'self', now), fields);
  if (history !== undefined) made.history = Object.assign(new History(), history);
  return made;
}

function owner(ttlSeconds: number, ageSeconds: number, heardAtMs: number): Owner {
  return Object.assign(new Owner(peer(1)), { record: recordOf(1, { ttlSeconds }), ageSeconds, heardAtMs });
}

describe('dead', () => {
  test.each([
    ['heard of just now', entry(), false],
    ['heard of 29 days ago', entry({ heardAtMs: now - 29 * day }), false],
    ['heard of 31 days ago', entry({ heardAtMs: now - 31 * day }), true],
    [
      'heard of 31 days ago, seen yesterday',
      entry({ heardAtMs: now - 31 * day }, { seenAtMs: now - day }),
      false,
    ],
    ['saved, heard of 31 days ago', entry({ heardAtMs: now - 31 * day, saved: true }), false],
    ['never worked, 2 failures', entry({}, { failures: 2 }), false],
    ['never worked, 3 failures', entry({}, { failures: 3 }), true],
    ['saved, never worked, 300 failures', entry({ saved: true }, { failures: 300 }), false],
    ['worked 6 days ago, 200 failures', entry({}, { failures: 200, seenAtMs: now - 6 * day }), false],
    ['worked 8 days ago, 9 failures', entry({}, { failures: 9, seenAtMs: now - 8 * day }), false],
    ['worked 8 days ago, 10 failures', entry({}, { failures: 10, seenAtMs: now - 8 * day }), true],
  ])('%s: %s', (_, subject, dead) => {
    expect(judge.isDead(subject, now)).toBe(dead);
  });
});

describe('verified', () => {
  const proven = { seenAtMs: now - hour + 1, provenAtMs: now - hour + 1 };
  test.each([
    ['within the hour', entry({ owner: owner(86_400, 0, now) }, proven), true],
    ['after it', entry({ owner: owner(86_400, 0, now) }, { provenAtMs: now - hour }), false],
    ['failed since', entry({ owner: owner(86_400, 0, now) }, { seenAtMs: now }), false],
    ['its record is over', entry({ owner: owner(600, 500, now - 100_000) }, proven), false],
    ['no record', entry({ owner: new Owner(peer(1)) }, proven), false],
    ['nobody dialed it', entry({ owner: owner(86_400, 0, now) }), false],
  ])('%s: %s', (_, subject, verified) => {
    expect(judge.isVerified(subject, now, hour)).toBe(verified);
  });
});

describe('rests', () => {
  const many = (subject: Entry, failures: number): number[] => {
    const random = seededRandom(1);
    return Array.from({ length: 500 }, () => judge.restMs(subject, failures, now, random));
  };
  const within = (rests: number[], min: number, max: number): void => {
    expect(Math.min(...rests)).toBeGreaterThanOrEqual(min * 0.99);
    expect(Math.max(...rests)).toBeLessThanOrEqual(max * 1.01);
    expect(Math.max(...rests) - Math.min(...rests)).toBeGreaterThan(0.8 * (max - min)); // they really differ
  };

  test('1 min · 4^n ± 25 %, at most 24 h ± 25 %', () => {
    within(many(entry(), 1), 45_000, 75_000);
    within(many(entry(), 2), 3 * 60_000, 5 * 60_000);
    within(many(entry(), 3), 12 * 60_000, 20 * 60_000);
    within(many(entry(), 40), 0.75 * day, 1.25 * day);
  });

  test('at most 10 minutes for a day after it worked', () => {
    within(many(entry({}, { seenAtMs: now - day + 1 }), 9), 6 * 60_000, 10 * 60_000);
    within(many(entry({}, { seenAtMs: now - day }), 9), 0.75 * day, 1.25 * day);
  });

  test('at most a minute where the user saved it', () => {
    within(many(entry({ saved: true }), 9), 36_000, 60_000);
  });

  test('… also where it had failed before it was saved', () => {
    const resting = entry(
      { saved: true },
      { failures: 6, failedAtMs: now - 59_999, restUntilMs: now + hour },
    );
    expect(judge.isRested(resting, now, Number.POSITIVE_INFINITY)).toBe(false);
    expect(judge.isRested(resting, now + 1, Number.POSITIVE_INFINITY)).toBe(true);
  });

  test('a caller may cut a rest short', () => {
    const resting = entry({}, { failedAtMs: now - 5000, restUntilMs: now + hour });
    expect(judge.isRested(resting, now, Number.POSITIVE_INFINITY)).toBe(false);
    expect(judge.isRested(resting, now, 5001)).toBe(false);
    expect(judge.isRested(resting, now, 5000)).toBe(true);
    expect(judge.isRested(resting, now + hour, Number.POSITIVE_INFINITY)).toBe(true);
  });
});

test('a place in NEW is given up by the dead and by hearsay past its life, not by what worked', () => {
  const over = owner(600, 600, now);
  expect(judge.yieldsPlace(entry({ owner: owner(86_400, 0, now) }), now)).toBe(false);
  expect(judge.yieldsPlace(entry({ owner: over }), now)).toBe(true);
  expect(judge.yieldsPlace(entry({ owner: over }, { seenAtMs: now - day }), now)).toBe(false);
  expect(judge.yieldsPlace(entry({}, { failures: 3 }), now)).toBe(true);
});

test('a claim is given up after a failure, or past its life where nobody was reached; never one of the user', () => {
  const fresh = owner(86_400, 0, now);
  expect(judge.yieldsClaim(entry({ owner: fresh }), now)).toBe(false);
  expect(judge.yieldsClaim(entry({ owner: fresh }, { failures: 1 }), now)).toBe(true);
  expect(judge.yieldsClaim(entry({ owner: owner(600, 600, now) }), now)).toBe(true);
  expect(judge.yieldsClaim(entry({ owner: owner(600, 600, now) }, { seenAtMs: now }), now)).toBe(false);
  expect(judge.yieldsClaim(entry({ owner: fresh, pinned: true }, { failures: 1 }), now)).toBe(false);
});

test('the numbers are those of protocol.md', () => {
  expect([BOOK.newBuckets, BOOK.triedBuckets, BOOK.slots, BOOK.placesMax]).toEqual([256, 64, 64, 4]);
  expect([BOOK.verifiedMs, BOOK.tombstoneMs, BOOK.restMaxMs]).toEqual([hour, day, day]);
});
