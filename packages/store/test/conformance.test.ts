// Every store of this package keeps every promise of PeerStore, over every database that must work.
import { seededRandom } from '@peernet/core';
import { type PeerStoreSubject, peerStoreCases } from '@peernet/core/conformance';
import { describe, test } from 'vitest';
import { createBook, createStore } from '../src/index.js';
import { databases, manualClock } from './stage.js';

function bookOf(scale: number): PeerStoreSubject {
  const clock = manualClock();
  const store = createBook({ clock, random: seededRandom(3), scale });
  return { store, pass: (ms) => clock.pass(ms), entriesMax: 20_480 * scale };
}

function storeOver(db: (typeof databases)[number][1] | undefined): PeerStoreSubject {
  const clock = manualClock();
  const options = { clock, random: seededRandom(3), scale: 1 / 16 } as const;
  const handle = db?.();
  let store = createStore(handle, options);
  const reopen = async () => {
    await store.close();
    store = createStore(handle, options);
    return store;
  };
  return { store, pass: (ms) => clock.pass(ms), entriesMax: 1280, ...(handle && { reopen }) };
}

const subjects: [string, () => PeerStoreSubject][] = [
  ['createBook', () => bookOf(1)],
  ['createBook, 1/16', () => bookOf(1 / 16)],
  ['createBook, 1/64', () => bookOf(1 / 64)],
  ['createStore without a database', () => storeOver(undefined)],
  ...databases.map(([name, db]): [string, () => PeerStoreSubject] => [name, () => storeOver(db)]),
];

describe.each(subjects)('%s', (_, make) => {
  test.each(peerStoreCases.map((c) => [c.name, c] as const))('%s', async (_name, c) => {
    const subject = make();
    if (c.needs === 'reopen' && subject.reopen === undefined) return; // in memory only, as it says
    await c.run(() => subject);
  });
});
