// What must be true of a book at any time, each with a name. A simulation or a fuzzer asks after every step; the
// answer is the list of what is broken, so that a failure says what happened and not just that something did.
import { parseForeignAddress } from '@peernet/core';
import { BOOK } from './defaults.js';
import type { Book } from './machine/book.js';
import { type Entry, placeCount, placesOf } from './machine/entry.js';
import { worked } from './machine/judge.js';

/** Name → whether it holds. */
const invariants: Readonly<Record<string, (book: Book, nowMs: number) => boolean>> = {
  'every place is held by the one entry that knows it': ({ places, registry }) => {
    const taken = [...places.taken()];
    return (
      taken.length === places.size &&
      sum(registry.entries.values(), placeCount) === places.size &&
      taken.every(([place, entry]) => places.at(place) === entry && isIn(registry.entries, entry))
    );
  },
  'a place in NEW is the one that its bucket gives': ({ places }) =>
    all(places.taken(), ([place, entry]) => {
      const bucket = places.newBucketAt(place);
      return bucket === undefined || places.newPlace(bucket, entry.address) === place;
    }),
  'an entry in TRIED has its one place there, any other at most four in NEW': ({ places, registry }) =>
    all(registry.entries.values(), (entry) => {
      if (entry.tried) return placeCount(entry) === 1 && entry.place === places.triedPlace(entry);
      const inNew = placesOf(entry).every((place) => places.newBucketAt(place) !== undefined);
      return inNew && placeCount(entry) <= BOOK.placesMax;
    }),
  'only the saved stand without a place': ({ registry }) =>
    all(registry.entries.values(), (entry) => entry.saved || entry.place >= 0),
  'TRIED holds only what answered': ({ registry }) =>
    all(registry.entries.values(), (entry) => !entry.tried || worked(entry)),
  'every entry can be drawn, as often as it has places': ({ places, registry }) => {
    const shelved = [...places.shelved()];
    const homeless = sum(registry.entries.values(), (entry) => (entry.homeless ? 1 : 0));
    return (
      shelved.length === places.size + homeless &&
      shelved.every((entry) => isIn(registry.entries, entry)) &&
      new Set(shelved).size === registry.entries.size &&
      all(registry.entries.values(), (entry) => entry.homeless === entry.place < 0)
    );
  },
  'owners and entries agree': ({ registry }) => {
    const owned = sum(registry.entries.values(), (entry) => (entry.owner === undefined ? 0 : 1));
    const listed = sum(registry.owners.values(), (owner) => chain(owner.first, 'nextOfOwner').length);
    return (
      owned === listed &&
      all(registry.owners.values(), (owner) => {
        const entries = chain(owner.first, 'nextOfOwner');
        return entries.length > 0 && entries.every((e) => e.owner === owner && isIn(registry.entries, e));
      }) &&
      all(registry.owners.values(), ({ id, record }) => record === undefined || record.id === id)
    );
  },
  'hosts and entries agree': ({ registry }) =>
    sum(registry.hosts.values(), (first) => chain(first, 'nextAtHost').length) === registry.entries.size &&
    all(registry.hosts, ([host, first]) => chain(first, 'nextAtHost').every((entry) => entry.host === host)),
  'at most four peers are believed at a host': ({ registry }) =>
    all(registry.hosts.values(), (first) => {
      const believed = chain(first, 'nextAtHost').filter((entry) => !entry.saved && !worked(entry));
      return new Set(believed.map((entry) => entry.owner?.id)).size <= BOOK.peersPerKnownHostMax;
    }),
  'the proven have an owner and are listed once': ({ registry }) =>
    registry.proven.every(
      (entry, i) => entry.history?.provenIndex === i && entry.owner !== undefined && worked(entry),
    ) &&
    all(
      registry.entries.values(),
      (entry) => (entry.history?.provenIndex ?? -1) < 0 || isIn(registry.entries, entry),
    ) &&
    registry.proven.every((entry) => isIn(registry.entries, entry)),
  'the saved are counted': ({ registry }) =>
    registry.savedCount === sum(registry.entries.values(), (entry) => (entry.saved ? 1 : 0)) &&
    registry.savedCount <= BOOK.savedRowsMax,
  'tables keep their capacity': ({ places, registry }) => {
    const { newBuckets, triedBuckets, slots } = places.shape;
    const capacity = (newBuckets + triedBuckets) * slots;
    return places.size <= capacity && registry.entries.size <= capacity + registry.savedCount;
  },
  'what was removed is absent': ({ absent, registry }, nowMs) =>
    all(registry.entries.keys(), (address) => !absent.isBuried(address, nowMs)),
  'addresses are in normal form and may be dialed': ({ registry }) =>
    all(registry.entries.values(), ({ address }) => {
      const parsed = parseForeignAddress(address);
      return parsed !== undefined && parsed.text === address && parsed.scope !== 'forbidden';
    }),
  'trials are between an occupant of TRIED and an entry outside': ({ admission, registry }) =>
    all(
      admission.trialPairs(),
      ([occupant, challenger]) =>
        occupant.tried &&
        !challenger.tried &&
        isIn(registry.entries, occupant) &&
        isIn(registry.entries, challenger),
    ),
  'slots keep their number, and choose nobody who was removed': ({ slots, absent }, nowMs) =>
    slots.rows(nowMs).length <= slots.counts().slots &&
    all(
      slots.rows(nowMs),
      ({ peer }) =>
        peer === undefined ||
        (parseForeignAddress(peer.address)?.text === peer.address && !absent.isBuried(peer.address, nowMs)),
    ),
  'nothing happened in the future': ({ registry }, nowMs) =>
    all(
      registry.entries.values(),
      ({ heardAtMs, history, owner }) =>
        heardAtMs <= nowMs &&
        (owner?.heardAtMs ?? 0) <= nowMs &&
        (history === undefined ||
          Math.max(history.seenAtMs, history.failedAtMs, history.provenAtMs) <= nowMs),
    ),
  'no rest is longer than a day and a quarter': ({ registry }, nowMs) =>
    all(
      registry.entries.values(),
      ({ history }) =>
        (history?.restUntilMs ?? 0) - nowMs <= Math.ceil(BOOK.restMaxMs * (1 + BOOK.restJitter)),
    ),
};

/** Names of all invariants. */
export const invariantNames: readonly string[] = Object.keys(invariants);

/** Names of the invariants that do not hold. */
export function brokenInvariants(book: Book, nowMs: number): string[] {
  return Object.entries(invariants).flatMap(([name, holds]) => (holds(book, nowMs) ? [] : [name]));
}

function isIn(entries: ReadonlyMap<string, Entry>, entry: Entry): boolean {
  return entries.get(entry.address) === entry;
}

function all<T>(items: Iterable<T>, holds: (item: T) => boolean): boolean {
  for (const item of items) if (!holds(item)) return false;
  return true;
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}

function chain(first: Entry | undefined, next: 'nextOfOwner' | 'nextAtHost'): Entry[] {
  const entries: Entry[] = [];
  for (let at = first; at !== undefined; at = at[next]) entries.push(at);
  return entries;
}
