// The book in a database. The book itself is in memory (bounded), so everything but `flush` and what must be durable
// is synchronous; rows are written behind it (row-writer.ts). The database is a cache that may vanish: a bad row is
// skipped; a database that cannot be opened, read or written is reported through `onError`, and the store goes on in
// memory. What a database that could not be *read* holds is never overwritten.
import {
  type Clock,
  isPeernetError,
  PeernetError,
  type Random,
  randomBytes,
  type SubnetStore,
  systemClock,
  systemRandom,
} from '@peernet/core';
import { type AddressBook, BookStore, type CreateBookOptions, makeBook } from './book-store.js';
import { Database, type LevelDatabase, type RowWrite } from './database.js';
import { PERSISTENCE } from './defaults.js';
import { load } from './loading.js';
import type { Book } from './machine/book.js';
import { rowOf } from './machine/snapshot.js';
import { RowWriter } from './row-writer.js';
import { checkedSubnets, subnetKey } from './subnets.js';
import * as wire from './wire.js';

export interface CreateStoreOptions extends CreateBookOptions {
  /** Told of failures of the database, once per streak: PeernetError STORE_FAILED, or STORE_IN_USE if another process has it. */
  readonly onError?: (error: PeernetError) => void;
  /** Read the database, never write it, and take an identity of its own: for a second browser tab. A function is asked once the database is open. */
  readonly readOnly?: boolean | (() => boolean) | undefined;
}

/** Everything that a node remembers. */
export interface Store extends AddressBook {
  readonly subnets: SubnetStore;
  /** Rows of the database that could not be read and were left out. */
  readonly skippedRows: number;
  /** The seed of our identity, made and persisted on first use, and the first sequence number of this run. */
  identity(): Promise<{ seed: Uint8Array; seq: number }>;
  /** The highest sequence number that we used. */
  saveSeq(seq: number): void;
  /** Addresses of the oldest useful peers of the last run. */
  anchors(): Promise<string[]>;
  /** Replaces them; 8 are kept. */
  saveAnchors(addresses: readonly string[]): void;
}

/**
 * A store in any abstract-level database (≥ 1), or in memory if there is none. Throws TypeError for what is no such
 * database, and PeernetError STORE_IN_USE if another store of this process has it.
 */
export function createStore(db?: LevelDatabase, options: CreateStoreOptions = {}): Store {
  const clock = options.clock ?? systemClock;
  let touch: ((address: string, soon: boolean) => void) | undefined;
  const book = makeBook(
    options,
    (address, soon) => touch?.(address, soon),
    () => touch?.(wire.KEY.slots, false),
  );
  const database = db === undefined ? undefined : new Database(db); // last: it is ours from here on
  const store = new LevelStore(book, clock, database, options);
  touch = store.touch;
  return store;
}

class LevelStore extends BookStore implements Store {
  skippedRows = 0;
  readonly subnets: SubnetStore;
  /** Told of each address that changes; the slots' key (no address) stands for them. */
  readonly touch: (address: string, soon: boolean) => void;
  readonly #db: Database | undefined;
  #writer: RowWriter | undefined;
  readonly #readOnly: () => boolean;
  readonly #onError: (error: PeernetError) => void;
  readonly #random: Random;
  #loading: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #seed: Uint8Array | undefined;
  #seq = 0;
  #anchors: string[] | undefined;
  readonly #joined = new Set<string>();
  /** Addresses that may have a tombstone in the database: until its deletion is written. */
  #buried = new Set<string>();
  #foreign: ReadonlySet<string> = new Set();

  constructor(book: Book, clock: Clock, db: Database | undefined, options: CreateStoreOptions) {
    super(book, clock);
    this.#db = db;
    this.#random = options.random ?? systemRandom;
    this.#onError = options.onError ?? (() => {});
    const { readOnly = false } = options;
    this.#readOnly = typeof readOnly === 'function' ? readOnly : () => readOnly;
    this.#writer =
      db === undefined || readOnly === true
        ? undefined
        : new RowWriter({
            db,
            clock,
            rowsOf: (address) => this.#rowsOf(address),
            hasRows: (address) => this.#hasRows(address),
            written: (rows) => this.#written(rows),
            due: () => void this.flush().catch(() => {}), // reported by onError
            onError: this.#onError,
          });
    this.touch = (address, soon) => this.#writer?.touch(address, soon);
    this.subnets = {
      join: (names) => this.#join(names),
      part: (names) => this.#part(names),
      list: () => this.ready().then(() => [...this.#joined].sort()),
    };
  }

  override ready(): Promise<void> {
    // Who closes, and still has something to write, has begun to load before: `#closing` is not set while it does.
    this.#loading ??= this.#closing === undefined ? this.#load() : Promise.resolve();
    return this.#loading;
  }

  async identity(): Promise<{ seed: Uint8Array; seq: number }> {
    await this.ready();
    const isNew = this.#seed === undefined;
    this.#seed ??= randomBytes(this.#random, 32);
    if (isNew) this.#put(wire.KEY.seed, wire.encodeSecret(wire.KEY.seed, this.#seed));
    const isKept = isNew && this.#writer !== undefined && this.#foreign.has(wire.KEY.seed);
    if (isKept) this.#onError(otherVersion());
    this.saveSeq(Math.max(this.#seq + 1, this.moment.wallMs));
    const identity = { seed: this.#seed.slice(), seq: this.#seq };
    // A failure is reported by onError; the identity then lasts as long as the process.
    await this.flush({ sync: true }).catch(() => {});
    return identity;
  }

  saveSeq(seq: number): void {
    if (!Number.isSafeInteger(seq) || seq < 0) throw new TypeError(`saveSeq: ${seq} is no sequence number`);
    if (seq <= this.#seq) return;
    this.#seq = seq;
    this.#put(wire.KEY.seq, wire.encodeNumber(wire.KEY.seq, seq));
  }

  async anchors(): Promise<string[]> {
    await this.ready();
    return [...(this.#anchors ?? [])];
  }

  saveAnchors(addresses: readonly string[]): void {
    this.#anchors = addresses.slice(0, PERSISTENCE.anchorsMax);
    this.#put(wire.KEY.anchors, wire.encodeAnchors(wire.KEY.anchors, this.#anchors));
  }

  override async flush(options: { sync?: boolean } = {}): Promise<void> {
    await this.ready();
    await this.#writer?.write(options.sync ?? false);
  }

  /** Writes what is left and lets go of the database, which stays open: it is the caller's. */
  override close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const isUsed = this.#loading !== undefined || this.#writer?.isWaiting === true;
    if (isUsed && this.slotCounts().chosen > 0) this.touch(wire.KEY.slots, false); // their age has changed
    if (isUsed) await this.flush().catch(() => {}); // reported by onError
    await this.#writer?.stop(new PeernetError('CLOSED', 'the store was closed before'));
    await this.#db?.release();
  }

  // ---- reading ----

  async #load(): Promise<void> {
    if (this.#db === undefined) return;
    try {
      await this.#db.open();
      if (this.#readOnly()) await this.#writeNothing();
      const loaded = await load(this.#db, this.book, () => this.moment);
      // Who only reads is another node: two with one identity would disturb each other.
      if (this.#writer !== undefined) this.#seed = loaded.seed;
      this.#seq = Math.max(this.#seq, loaded.seq);
      this.#anchors ??= loaded.anchors;
      for (const name of loaded.subnets) this.#joined.add(name);
      this.#buried = loaded.tombstones;
      this.#foreign = loaded.foreign;
      this.skippedRows = loaded.skipped;
      for (const key of loaded.useless) this.#put(key, undefined);
      this.#put(wire.KEY.secret, wire.encodeSecret(wire.KEY.secret, this.book.places.secret));
    } catch (cause) {
      const error = unreadable(cause);
      await this.#writer?.stop(error);
      this.#onError(error);
    }
  }

  // ---- writing ----

  async #writeNothing(): Promise<void> {
    await this.#writer?.stop(new PeernetError('STORE_FAILED', 'the database is read only'));
    this.#writer = undefined;
  }

  /** Writes a row that is ours to write: what another version says of itself, it may want back. */
  #put(key: string, value: Uint8Array | undefined): void {
    if (!this.#foreign.has(key)) this.#writer?.put({ key, value });
  }

  #rowsOf(address: string): RowWrite[] {
    const { moment, book } = this;
    if (address === wire.KEY.slots) {
      const value = wire.encodeSlots(address, book.slots.rows(moment.nowMs));
      return this.#foreign.has(address) ? [] : [{ key: address, value }];
    }
    const entry = book.registry.entries.get(address);
    const key = wire.KEY.address + address;
    const value = entry && wire.encodeAddress(key, rowOf(book, entry, moment));
    const rows: RowWrite[] = [{ key, value }];
    const untilMs = book.absent.buriedUntil(address);
    const tombstone = wire.KEY.tombstone + address;
    if (untilMs !== undefined) {
      const untilWall = Math.max(1, moment.wallMs + untilMs - moment.nowMs);
      rows.push({ key: tombstone, value: wire.encodeNumber(tombstone, untilWall) });
      this.#buried.add(address);
    } else if (this.#buried.has(address)) rows.push({ key: tombstone });
    // What others say of an address is no reason to overwrite what another version knows of it; what the user says is.
    const isUsers = entry?.saved === true || untilMs !== undefined;
    return isUsers ? rows : rows.filter((row) => !this.#foreign.has(row.key));
  }

  #hasRows(address: string): boolean {
    const { registry, absent } = this.book;
    const isInBook = registry.entries.has(address) || absent.buriedUntil(address) !== undefined;
    return isInBook || this.#buried.has(address) || address === wire.KEY.slots;
  }

  /** In their order: of two rows with one key the last one counts. */
  #written(rows: readonly RowWrite[]): void {
    for (const { key, value } of rows) {
      if (!key.startsWith(wire.KEY.tombstone)) continue;
      const address = key.slice(wire.KEY.tombstone.length);
      if (value === undefined) this.#buried.delete(address);
      else this.#buried.add(address);
    }
  }

  async #join(names: readonly string[]): Promise<void> {
    const checked = checkedSubnets(names);
    await this.ready();
    if (new Set([...this.#joined, ...checked]).size > PERSISTENCE.subnetsMax) {
      throw new PeernetError('LIMIT', `a node belongs to at most ${PERSISTENCE.subnetsMax} subnets`);
    }
    for (const name of checked) {
      this.#joined.add(name);
      this.#put(subnetKey(name), wire.encodeSubnet(subnetKey(name)));
    }
    await this.flush({ sync: true });
  }

  async #part(names: readonly string[]): Promise<void> {
    const checked = checkedSubnets(names);
    await this.ready();
    for (const name of checked) if (this.#joined.delete(name)) this.#put(subnetKey(name), undefined);
    await this.flush({ sync: true });
  }
}

function otherVersion(): PeernetError {
  return new PeernetError(
    'STORE_FAILED',
    'the identity in the database is of another version of peernet; it is left alone, and ours lasts as long as the process',
  );
}

function unreadable(cause: unknown): PeernetError {
  if (isPeernetError(cause)) return cause;
  const why = (cause as { cause?: { code?: unknown } } | undefined)?.cause?.code;
  if (why === 'LEVEL_LOCKED') {
    return new PeernetError('STORE_IN_USE', 'another process uses the database; peernet goes on in memory', {
      cause,
    });
  }
  return new PeernetError('STORE_FAILED', 'the database could not be read; peernet goes on in memory', {
    cause,
  });
}
