// Reads what an earlier run left in the database into a book. Rows that cannot be read, or for which the book has no
// room, are skipped and named, so that the store deletes them; rows of another version are left alone.
import type { PeerId } from '@peernet/core';
import type { Database } from './database.js';
import type { Book, Moment } from './machine/book.js';
import { choiceOf } from './machine/choosing.js';
import type { Choice, SlotRow } from './machine/slots.js';
import { restore } from './machine/snapshot.js';
import * as wire from './wire.js';

export interface Loaded {
  seed: Uint8Array | undefined;
  seq: number;
  anchors: string[];
  /** Min-wise slots: they need the secret, whose row comes before theirs or after. */
  slots: readonly SlotRow[] | undefined;
  readonly subnets: Set<string>;
  /** Addresses with a tombstone row. */
  readonly tombstones: Set<string>;
  /** Keys of rows of another version: not to be overwritten by what we make up in their place. */
  readonly foreign: Set<string>;
  /** Keys of rows that are of no use. */
  readonly useless: string[];
  /** How many of them could not be read. */
  skipped: number;
}

/** Everything that is not an address sorts behind `a!…`; addresses come last, because they need the secret. */
export async function load(db: Database, book: Book, moment: () => Moment): Promise<Loaded> {
  const loaded: Loaded = {
    seed: undefined,
    seq: 0,
    anchors: [],
    slots: undefined,
    subnets: new Set(),
    tombstones: new Set(),
    foreign: new Set(),
    useless: [],
    skipped: 0,
  };
  for await (const [key, value] of db.rows('b', '~')) {
    if (!takeRow(loaded, book, key, value, moment())) skip(loaded, key, value);
  }
  if (loaded.slots !== undefined) restoreSlots(book, loaded.slots, moment().nowMs);
  for await (const [key, value] of db.rows(wire.KEY.address, 'b')) {
    const row = wire.decodeAddress(key, value);
    if (row === undefined) skip(loaded, key, value);
    else if (!restore(book, key.slice(wire.KEY.address.length), row, moment())) loaded.useless.push(key);
  }
  return loaded;
}

/** Without those that the user has removed since: before anything was read, or in a write that a crash cut short. */
function restoreSlots(book: Book, rows: readonly SlotRow[], nowMs: number): void {
  const wanted = (address: string, id: PeerId): Choice | undefined => {
    const choice = choiceOf(book, address, id);
    return choice && (book.absent.isBuried(choice.address, nowMs) ? undefined : choice);
  };
  book.slots.restore(rows, wanted, nowMs);
}

function skip(loaded: Loaded, key: string, value: Uint8Array): void {
  if (wire.isForeignVersion(value)) {
    if (!key.startsWith(wire.KEY.subnet)) loaded.foreign.add(key); // what the user joins is said anew
    return;
  }
  loaded.skipped++;
  loaded.useless.push(key);
}

/** False if the row cannot be read. */
function takeRow(loaded: Loaded, book: Book, key: string, value: Uint8Array, moment: Moment): boolean {
  const { KEY } = wire;
  if (key.startsWith(KEY.tombstone)) return takeTombstone(loaded, book, key, value, moment);
  if (key.startsWith(KEY.subnet)) {
    const name = wire.decodeSubnet(key, value);
    if (name !== undefined) loaded.subnets.add(name);
    return name !== undefined;
  }
  if (key === KEY.secret) {
    const secret = wire.decodeSecret(key, value);
    if (secret !== undefined) book.rekey(secret);
    return secret !== undefined;
  }
  if (key === KEY.seed) {
    loaded.seed = wire.decodeSecret(key, value);
    return loaded.seed !== undefined;
  }
  if (key === KEY.seq) {
    const seq = wire.decodeNumber(key, value);
    loaded.seq = seq ?? 0;
    return seq !== undefined;
  }
  if (key === KEY.anchors) {
    const anchors = wire.decodeAnchors(key, value);
    loaded.anchors = anchors ?? [];
    return anchors !== undefined;
  }
  if (key === KEY.slots) {
    loaded.slots = wire.decodeSlots(key, value);
    return loaded.slots !== undefined;
  }
  return true; // none of ours, or nothing to learn from
}

function takeTombstone(loaded: Loaded, book: Book, key: string, value: Uint8Array, moment: Moment): boolean {
  const untilWall = wire.decodeNumber(key, value);
  if (untilWall === undefined) return false;
  const address = key.slice(wire.KEY.tombstone.length);
  if (book.restoreTombstone(address, untilWall - moment.wallMs, moment.nowMs)) loaded.tombstones.add(address);
  else loaded.useless.push(key);
  return true;
}
