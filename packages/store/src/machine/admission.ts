// Who gets into the book and who has to go: admission by hearsay, by the user and by our own handshake, promotion to
// TRIED with test before evict, and dropping. All limits of protocol.md §4 are enforced here.
import type { PeerId, Random } from '@peernet/core';
import { BOOK } from '../defaults.js';
import { Entry, type EntryKey, type Source } from './entry.js';
import { failuresOf, isDead, worked, yieldsPlace } from './judge.js';
import type { Places } from './places.js';
import type { Registry } from './registry.js';

/** Places in NEW that are tried for an address that we ourselves reached. */
const ownAttempts = 8;

/** Called with each address whose entry changed; `soon`: worth writing at once. */
export type Changed = (address: string, soon: boolean) => void;

/** Where a stored entry stood. */
export interface Standing {
  readonly tried: boolean;
  readonly saved: boolean;
  /** Its buckets in NEW. */
  readonly buckets: readonly number[];
}

export class Admission {
  readonly #registry: Registry;
  readonly #places: Places;
  readonly #random: Random;
  readonly #changed: Changed;
  /** Occupants of TRIED that must answer their next dial, or yield their place to the entry beside them. */
  #trials: Map<Entry, Entry> | undefined;

  constructor(registry: Registry, places: Places, random: Random, changed: Changed) {
    this.#registry = registry;
    this.#places = places;
    this.#random = random;
    this.#changed = changed;
  }

  /** Occupants of TRIED that ought to be dialed next. */
  get trials(): Iterable<Entry> {
    return this.#trials?.keys() ?? [];
  }

  /** The same with their challengers. */
  trialPairs(): Iterable<[Entry, Entry]> {
    return this.#trials ?? [];
  }

  /** Somebody of `sourceGroup` says that `owner` answers there. Undefined if there is no room for it. */
  hear(key: EntryKey, owner: PeerId, source: Source, sourceGroup: number, nowMs: number): Entry | undefined {
    const place = this.#freePlace(key, sourceGroup, nowMs);
    if (place === undefined || !this.#isRoomAtHost(key.host, owner)) return undefined;
    const entry = new Entry(key, source, nowMs);
    this.#take(entry, place);
    this.#registry.add(entry);
    this.#registry.setOwner(entry, owner);
    this.#changed(entry.address, true);
    return entry;
  }

  /** Whether `owner` may be believed to answer at an address that another peer claimed. */
  mayClaim(entry: Entry, owner: PeerId): boolean {
    return entry.saved || worked(entry) || this.#isRoomAtHost(entry.host, owner, entry);
  }

  /** One more place in NEW for an entry that is heard of again, perhaps. */
  hearAgain(entry: Entry, sourceGroup: number, nowMs: number): void {
    if (!this.#places.wantsPlace(entry, this.#random)) return;
    const place = this.#freePlace(entry, sourceGroup, nowMs);
    if (place !== undefined && this.#places.at(place) !== entry) this.#take(entry, place);
  }

  /** The user saved it: it needs no place and none can push it out. */
  keep(key: EntryKey, nowMs: number): Entry {
    const entry = new Entry(key, 'self', nowMs);
    this.#registry.add(entry);
    this.#registry.setSaved(entry, true);
    this.#places.shelve(entry);
    return entry;
  }

  /** We reached it, but nobody had told us of it. Undefined if all its places belong to others that we reached. */
  reach(key: EntryKey, nowMs: number): Entry | undefined {
    const entry = new Entry(key, 'dial', nowMs);
    if (!this.#settle(entry) && this.#places.at(this.#places.triedPlace(entry)) !== undefined)
      return undefined;
    this.#registry.add(entry);
    return entry;
  }

  /** After a handshake: into TRIED, if its place is free or its occupant is dead. Else the occupant is put on trial. */
  promote(entry: Entry, nowMs: number): void {
    this.#trials?.delete(entry);
    if (entry.tried) return;
    const place = this.#places.triedPlace(entry);
    const occupant = this.#places.at(place);
    if (occupant === undefined || isDead(occupant, nowMs)) {
      if (occupant !== undefined) this.drop(occupant);
      this.#moveToTried(entry, place);
      return;
    }
    const seenAtMs = occupant.history?.seenAtMs ?? Number.NEGATIVE_INFINITY;
    if (nowMs - seenAtMs < BOOK.trialFreshMs) return;
    this.#trials ??= new Map();
    if (this.#trials.size < BOOK.trialsMax && !this.#trials.has(occupant)) this.#trials.set(occupant, entry);
  }

  /** After a failure: an occupant on trial has lost. */
  fail(entry: Entry): void {
    this.#endTrialsFor(entry);
    const challenger = this.#trials?.get(entry);
    if (challenger === undefined) return;
    this.#trials?.delete(entry);
    const place = entry.place;
    this.#places.clear(place);
    this.#moveToTried(challenger, place);
    if (!this.#settle(entry) && !entry.saved) this.drop(entry);
    else this.#changed(entry.address, true);
  }

  drop(entry: Entry): void {
    this.#trials?.delete(entry);
    this.#endTrialsFor(entry);
    this.#places.remove(entry);
    this.#registry.delete(entry);
    this.#changed(entry.address, true);
  }

  /** Puts a stored entry where it stood (`buckets` of NEW, or TRIED), else where there is room. False: nowhere. */
  restore(entry: Entry, stored: Standing): boolean {
    const { tried, saved, buckets } = stored;
    if (tried) {
      const place = this.#places.triedPlace(entry);
      if (this.#places.at(place) === undefined) {
        this.#places.put(entry, place);
        return true;
      }
    }
    for (const bucket of buckets.slice(0, BOOK.placesMax)) {
      if (bucket >= this.#places.shape.newBuckets) continue;
      const place = this.#places.newPlace(bucket, entry.address);
      if (this.#places.at(place) === undefined) this.#places.put(entry, place);
    }
    if (entry.place >= 0 || this.#settle(entry)) return true;
    if (saved) this.#places.shelve(entry);
    return saved;
  }

  endTrials(): void {
    this.#trials = undefined;
  }

  #moveToTried(entry: Entry, place: number): void {
    this.#places.remove(entry);
    this.#places.put(entry, place);
    this.#changed(entry.address, true);
  }

  /** A place in NEW for what we ourselves reached: whoever was only heard of makes room. */
  #settle(entry: Entry): boolean {
    for (let attempt = 0; attempt < ownAttempts; attempt++) {
      const bucket = this.#places.newBucket(entry.group, this.#places.keyOf(`own ${attempt}`));
      const place = this.#places.newPlace(bucket, entry.address);
      const occupant = this.#places.at(place);
      if (occupant !== undefined && worked(occupant)) continue;
      this.#take(entry, place);
      return true;
    }
    return false;
  }

  /** The place for an address told by `sourceGroup`, if it is free or its occupant must give way. */
  #freePlace(key: EntryKey | Entry, sourceGroup: number, nowMs: number): number | undefined {
    const bucket = this.#places.newBucket(key.group, sourceGroup);
    const place = this.#places.newPlace(bucket, key.address);
    const occupant = this.#places.at(place);
    if (occupant === undefined) return place;
    const isNew = !(key instanceof Entry);
    // An address with several places can spare one for an address that has none.
    const spare = isNew && occupant.morePlaces !== undefined;
    return spare || yieldsPlace(occupant, nowMs) ? place : undefined;
  }

  /** Puts an entry into a place and sends away who stands there. */
  #take(entry: Entry, place: number): void {
    const occupant = this.#places.clear(place);
    if (occupant !== undefined && occupant.place < 0 && !occupant.saved) this.drop(occupant);
    this.#places.put(entry, place);
  }

  /** Whether one more peer is believed at a host. Makes room by dropping one that failed and never worked. */
  #isRoomAtHost(host: number, owner: PeerId, claimed?: Entry): boolean {
    const peers = new Set<PeerId>();
    let known = false;
    let failed: Entry | undefined;
    for (let at = this.#registry.hosts.get(host); at !== undefined; at = at.nextAtHost) {
      if (at === claimed) continue;
      const answered = worked(at);
      if (at.saved && !answered) continue; // the user's own belief
      if (answered) known = true;
      if (at.owner?.id === owner) {
        if (answered) continue;
        return true;
      }
      if (at.owner !== undefined) peers.add(at.owner.id);
      if (!answered && failuresOf(at) > 0) failed = at;
    }
    if (peers.size < (known ? BOOK.peersPerKnownHostMax : BOOK.peersPerHostMax)) return true;
    if (failed === undefined) return false;
    this.drop(failed);
    return this.#isRoomAtHost(host, owner, claimed);
  }

  #endTrialsFor(challenger: Entry): void {
    if (this.#trials === undefined) return;
    for (const [occupant, other] of this.#trials) if (other === challenger) this.#trials.delete(occupant);
  }
}
