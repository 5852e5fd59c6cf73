// Entries to rows and back. In the book time is monotonic, so that setting the clock of a running computer changes
// nothing; in rows it is wall time, because nothing else survives a restart. Stamps from the future are clamped to
// now, and what a row says of long silence is cut to `loadedSilenceMaxMs`: a wrong clock must not empty the book.
import { BOOK } from '../defaults.js';
import type { AddressRow, HistoryRow } from '../wire.js';
import type { Book, Moment } from './book.js';
import { Entry, History, placesOf } from './entry.js';
import { ageSeconds } from './judge.js';

/** The row of an entry. */
export function rowOf(book: Book, entry: Entry, moment: Moment): AddressRow {
  const { owner, history } = entry;
  const wall = (atMs: number): number => wallOf(atMs, moment);
  const buckets = placesOf(entry).map((place) => book.places.newBucketAt(place));
  return {
    saved: entry.saved,
    pinned: entry.pinned,
    tried: entry.tried,
    source: entry.source,
    id: owner?.id,
    record: owner?.record && {
      record: owner.record,
      signedWall: Math.max(0, moment.wallMs - 1000 * ageSeconds(owner, moment.nowMs)),
    },
    heardWall: wall(entry.heardAtMs),
    buckets: buckets.filter((bucket) => bucket !== undefined),
    history: history && {
      ok: history.ok,
      fail: history.fail,
      rx: history.rx,
      tx: history.tx,
      failures: history.failures,
      seenWall: wall(history.seenAtMs),
      failedWall: wall(history.failedAtMs),
      // One that is over must not begin anew under a calendar that has been set back.
      restUntilWall: history.restUntilMs > moment.nowMs ? wall(history.restUntilMs) : 0,
      provenWall: wall(history.provenAtMs),
    },
  };
}

/**
 * Takes a row into the book; what the book learned since it was opened wins. False: not wanted, or no room for what
 * others told us. What the user saved is theirs, whatever they saved before it was read.
 */
export function restore(book: Book, address: string, row: AddressRow, moment: Moment): boolean {
  const key = book.keyOf(address);
  if (key === undefined || key.address !== address || book.absent.isBuried(address, moment.nowMs))
    return false;
  const present = book.registry.entries.get(address);
  if (present !== undefined) {
    merge(book, present, row, moment);
    return true;
  }
  if (row.saved && book.registry.savedCount >= BOOK.savedRowsMax) return true;
  const entry = new Entry(key, row.source, atMsOf(row.heardWall, moment, BOOK.loadedSilenceMaxMs));
  // TRIED is for what answered; a row that says otherwise is not believed.
  const tried = row.tried && (row.history?.seenWall ?? 0) > 0;
  if (!book.admission.restore(entry, { ...row, tried })) return false;
  book.registry.add(entry);
  merge(book, entry, row, moment);
  return true;
}

function merge(book: Book, entry: Entry, row: AddressRow, moment: Moment): void {
  const { registry } = book;
  if (row.saved && registry.savedCount < BOOK.savedRowsMax) registry.setSaved(entry, true);
  // The user said who must answer there: what somebody claimed before the rows were read does not count.
  const pins = row.pinned && !entry.pinned && row.id !== undefined;
  if (pins && entry.owner?.id !== row.id) registry.disprove(entry);
  // Who answers where the user sends us, others do not say.
  const isHearsay = entry.saved && !row.pinned && (row.history?.seenWall ?? 0) === 0;
  if (row.id !== undefined && (pins || (entry.owner === undefined && !isHearsay)))
    registry.setOwner(entry, row.id);
  if (pins) entry.pinned = true;
  const isOwner = entry.owner !== undefined && entry.owner.id === row.id;
  if (row.record !== undefined && isOwner) restoreRecord(entry, row.record, moment);
  if (row.history === undefined) return;
  const before = entry.history;
  const stored = historyOf(row.history, moment);
  if (before !== undefined) {
    // Dialed before the rows were read: its times are the newer ones, its counters go on.
    before.ok += stored.ok;
    before.fail += stored.fail;
    before.rx += stored.rx;
    before.tx += stored.tx;
    before.seenAtMs = Math.max(before.seenAtMs, stored.seenAtMs);
    return;
  }
  entry.history = stored;
  const provenAtMs = provenAt(row.history, moment);
  if (provenAtMs !== undefined && isOwner && moment.nowMs - provenAtMs < book.verifiedMs)
    registry.prove(entry, provenAtMs);
}

function restoreRecord(entry: Entry, stored: NonNullable<AddressRow['record']>, moment: Moment): void {
  const { owner } = entry;
  if (owner === undefined || (owner.record !== undefined && owner.record.seq >= stored.record.seq)) return;
  owner.record = stored.record;
  owner.ageSeconds = Math.max(0, moment.wallMs - stored.signedWall) / 1000;
  owner.heardAtMs = moment.nowMs;
}

function historyOf(row: HistoryRow, moment: Moment): History {
  const history = new History();
  const { ok, fail, rx, tx, failures } = row;
  Object.assign(history, { ok, fail, rx, tx, failures });
  if (row.seenWall > 0) history.seenAtMs = atMsOf(row.seenWall, moment, BOOK.loadedSilenceMaxMs);
  if (row.failedWall > 0) history.failedAtMs = atMsOf(row.failedWall, moment, Number.POSITIVE_INFINITY);
  if (row.restUntilWall > 0) {
    // A rest that a wrong clock stretched ends after the longest honest one.
    const restMs = Math.min(Math.max(0, row.restUntilWall - moment.wallMs), BOOK.restMaxMs);
    history.restUntilMs = moment.nowMs + restMs;
  }
  return history;
}

/** A proof from the future proves nothing: how old it is cannot be known. */
function provenAt(row: HistoryRow, moment: Moment): number | undefined {
  if (row.provenWall === 0 || row.provenWall > moment.wallMs) return undefined;
  return moment.nowMs - (moment.wallMs - row.provenWall);
}

function atMsOf(wall: number, { nowMs, wallMs }: Moment, silenceMaxMs: number): number {
  return nowMs - Math.min(Math.max(0, wallMs - wall), silenceMaxMs);
}

/** 0 for never, so a stamp is at least 1. */
function wallOf(atMs: number, { nowMs, wallMs }: Moment): number {
  return atMs === Number.NEGATIVE_INFINITY ? 0 : Math.max(1, wallMs - (nowMs - atMs));
}
