// What a page remembers by itself: the database of this origin in IndexedDB, as the few methods of abstract-level that
// the store uses. browser-level does the same with ten times the code (docs/decisions/0011-page-storage.md).
//
// One page of an origin writes: the holder of a Web Lock. A second tab reads the book and is another peer. Where there
// is no IndexedDB or no lock (private windows, plain-http pages), the node remembers nothing and `debug` says why.
// Only a page that was asked for the lock may write, so a database without locks would be two tabs with one identity.
import type { Log } from '@peernet/core';
import type { LevelDatabase } from '@peernet/store';
import { PAGE } from './defaults.js';

/** The name of the one object store; keys and values are those of the rows. */
const rowsName = 'rows';

type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string };

/** A database for where the user gave none, and whether it may be written, once it is open. */
export interface DefaultStorage {
  readonly db: LevelDatabase;
  readonly readOnly: () => boolean;
}

/** The database of this origin; nodes of different networks have their own. */
export function defaultStorage(network: string, log: Log): DefaultStorage | undefined {
  const db = new PageDatabase(network, log);
  return { db, readOnly: () => db.readOnly };
}

class PageDatabase implements LevelDatabase {
  status = 'opening';
  readonly supports = { encodings: {} };
  readonly #network: string;
  readonly #log: Log;
  #name = '';
  #idb: IDBDatabase | undefined;
  /** Lets another tab have the lock; undefined: we do not have it. */
  #unlock: (() => void) | undefined;

  constructor(network: string, log: Log) {
    this.#network = network;
    this.#log = log;
  }

  get readOnly(): boolean {
    return this.#idb === undefined || this.#unlock === undefined;
  }

  /** Never rejects: without a database it is an empty one that keeps nothing. */
  async open(): Promise<void> {
    try {
      this.#name = await databaseName(this.#network);
      this.#unlock = await lock(this.#name);
      if (this.#unlock === undefined) this.#log('storage', { readOnly: 'another tab has the identity' });
      this.#idb = await this.#connect();
    } catch (error) {
      this.#log('storage', { memory: String((error as Error)?.message ?? error) });
    }
    this.status = 'open';
  }

  /** The corner of the store; the whole database is its own. */
  sublevel(): unknown {
    return {
      open: async () => {},
      close: async () => this.#close(),
      iterator: ({ gte, lt }: { gte: string; lt: string }) =>
        this.#rows(IDBKeyRange.bound(gte, lt, false, true)),
      batch: (operations: Operation[], { sync }: { sync?: boolean }) => this.batch(operations, sync),
    };
  }

  /** All or nothing. `sync`: through to the disk. */
  async batch(operations: readonly Operation[], sync = false): Promise<void> {
    this.#idb ??= await this.#connect();
    const durability = sync ? 'strict' : 'relaxed';
    const transaction = this.#idb.transaction(rowsName, 'readwrite', { durability });
    const rows = transaction.objectStore(rowsName);
    for (const operation of operations) {
      if (operation.type === 'del') rows.delete(operation.key);
      // A copy: of a view, IndexedDB would keep everything that it looks into.
      else rows.put(operation.value.slice(), operation.key);
    }
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was aborted'));
    });
  }

  async *#rows(range: IDBKeyRange): AsyncIterable<[string, Uint8Array]> {
    if (this.#idb === undefined) return;
    const rows = this.#idb.transaction(rowsName).objectStore(rowsName);
    const [keys, values] = await Promise.all([done(rows.getAllKeys(range)), done(rows.getAll(range))]);
    for (const [at, key] of keys.entries()) {
      // Whatever else a page may have put there is no row.
      if (typeof key === 'string' && values[at] instanceof Uint8Array) yield [key, values[at]];
    }
  }

  async #connect(): Promise<IDBDatabase> {
    const opening = indexedDB.open(this.#name);
    opening.onupgradeneeded = () => opening.result.createObjectStore(rowsName);
    const idb = await done(opening);
    // Somebody deletes it, or the browser takes it away: the next write makes a new one.
    idb.onversionchange = () => {
      idb.close();
      this.#idb = undefined;
    };
    idb.onclose = () => {
      this.#idb = undefined;
    };
    return idb;
  }

  #close(): void {
    this.#idb?.close();
    this.#idb = undefined;
    this.#unlock?.();
    this.#unlock = undefined;
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** A network's name may be a secret, and names of databases are none. */
async function databaseName(network: string): Promise<string> {
  if (network === '') return PAGE.database;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(network)));
  return `${PAGE.database}-${[...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** What lets the lock go, or undefined if another page keeps it. Rejects where there are no locks. */
function lock(name: string): Promise<(() => void) | undefined> {
  if (globalThis.indexedDB === undefined) throw new Error('no IndexedDB here');
  if (globalThis.navigator?.locks === undefined) throw new Error('no Web Locks here (plain-http page?)');
  return new Promise((resolve, reject) => {
    // A page that is just being reloaded still has it for a moment.
    const signal = AbortSignal.timeout(PAGE.lockMs);
    const held = (): Promise<void> => new Promise((unlock) => resolve(unlock));
    navigator.locks.request(name, { signal }, held).catch((error: unknown) => {
      if (signal.aborted) resolve(undefined);
      else reject(error);
    });
  });
}
