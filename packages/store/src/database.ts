// Our corner of the user's database: one sublevel, reached through the few methods that abstract-level 1, 2 and 3
// have in common. It is opened when first needed and never closed; nothing outside the sublevel is read or written.
import { PeernetError } from '@peernet/core';
import { PERSISTENCE } from './defaults.js';

/** What we need of a database: any abstract-level ≥ 1 (level ≥ 8, classic-level, memory-level, browser-level). */
export interface LevelDatabase {
  readonly status: string;
  open(): Promise<void>;
  // The real signature is generic in ways that differ between versions.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  sublevel(name: string, options: any): any;
}

/** A row to write, or (without a value) to delete. */
export interface RowWrite {
  readonly key: string;
  readonly value?: Uint8Array | undefined;
}

interface Sublevel {
  open(): Promise<void>;
  close(): Promise<void>;
  iterator(range: { gte: string; lt: string }): AsyncIterable<[string, Uint8Array]>;
  batch(
    operations: ({ type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string })[],
    options: { sync?: boolean },
  ): Promise<void>;
}

/** Databases with a store, in this process, whichever copy of this package made it. */
const inUse: WeakSet<object> = (() => {
  const name = Symbol.for('peernet.store.databases');
  const holder = globalThis as { [name]?: WeakSet<object> };
  holder[name] ??= new WeakSet();
  return holder[name];
})();

export class Database {
  readonly #db: LevelDatabase;
  #sublevel: Sublevel | undefined;

  /** TypeError for what is no such database, STORE_IN_USE if another store has it. */
  constructor(db: unknown) {
    assertLevel(db);
    if (inUse.has(db)) {
      throw new PeernetError(
        'STORE_IN_USE',
        'another peernet instance uses this database; close it first, or give each its own (db.sublevel(name) will do)',
      );
    }
    inUse.add(db);
    this.#db = db;
  }

  async open(): Promise<void> {
    await this.#db.open();
    const options = { keyEncoding: 'utf8', valueEncoding: 'view' };
    const sublevel: Sublevel = this.#db.sublevel(PERSISTENCE.sublevel, options);
    await sublevel.open();
    this.#sublevel = sublevel;
  }

  /** Rows with gte ≤ key < lt, in order. */
  async *rows(gte: string, lt: string): AsyncIterable<[string, Uint8Array]> {
    for await (const [key, value] of this.#opened().iterator({ gte, lt })) {
      // Some databases give Buffers, whose `slice` does not copy: code that was written for arrays would share memory.
      yield [key, new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
    }
  }

  /** All or nothing. `sync`: through to the disk, where the database knows the option. */
  async write(rows: readonly RowWrite[], sync: boolean): Promise<void> {
    const operations = rows.map(({ key, value }) =>
      value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
    );
    await this.#opened().batch(operations, sync ? { sync } : {});
  }

  /** Lets another store have the database. Closes our sublevel, which leaves the database itself open. */
  async release(): Promise<void> {
    await this.#sublevel?.close().catch(() => {});
    this.#sublevel = undefined;
    inUse.delete(this.#db);
  }

  #opened(): Sublevel {
    if (this.#sublevel === undefined) throw new PeernetError('STORE_FAILED', 'the database is not open');
    return this.#sublevel;
  }
}

function assertLevel(db: unknown): asserts db is LevelDatabase {
  const level = (typeof db === 'object' && db !== null ? db : {}) as Record<string, unknown>;
  const supports = level.supports as { encodings?: unknown } | undefined;
  const fits =
    typeof level.sublevel === 'function' &&
    typeof level.open === 'function' &&
    typeof level.batch === 'function' &&
    typeof level.status === 'string' &&
    typeof supports?.encodings === 'object';
  if (fits) return;
  const old = typeof level.put === 'function' && typeof level.createReadStream === 'function';
  throw new TypeError(
    old
      ? 'db is an old LevelUP handle; peernet needs level ≥ 8 (npm install level@latest, then new Level(path))'
      : 'db must be an abstract-level database (level ≥ 8, classic-level, memory-level, browser-level), or undefined',
  );
}
