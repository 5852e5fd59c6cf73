// Write-behind: collects what changed and writes it in batches, one at a time. What matters is written within a
// second, everything within a minute. A failed write is reported once per streak, kept, and tried again later.
import { Alarm, type Clock, PeernetError } from '@peernet/core';
import type { Database, RowWrite } from './database.js';
import { PERSISTENCE } from './defaults.js';
import { encodeNumber, KEY } from './wire.js';

export interface RowWriterOptions {
  readonly db: Database;
  readonly clock: Clock;
  /** The rows of an address as they should be now. */
  readonly rowsOf: (address: string) => readonly RowWrite[];
  /** Whether an address still has rows; if not, all that waits for it is that old ones go. */
  readonly hasRows: (address: string) => boolean;
  /** These are in the database now. */
  readonly written: (rows: readonly RowWrite[]) => void;
  /** It is time to write: the owner calls `write` when it can. */
  readonly due: () => void;
  readonly onError: (error: PeernetError) => void;
}

export class RowWriter {
  readonly #options: RowWriterOptions;
  readonly #alarm: Alarm;
  /** Addresses whose rows are out of date. */
  readonly #dirty = new Set<string>();
  /** Other rows to write. */
  readonly #rows = new Map<string, RowWrite>();
  /** Something was written, but not through to the disk. */
  #unsynced = false;
  #atMs = Number.POSITIVE_INFINITY;
  /** After a failed write: whatever changes does not bring the next one nearer. */
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #failing = false;
  /** Why nothing is written any more. */
  #stopped: PeernetError | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: RowWriterOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock, options.due);
  }

  /** Whether there is anything to write. */
  get isWaiting(): boolean {
    return this.#dirty.size + this.#rows.size > 0;
  }

  /** The rows of an address changed. */
  touch(address: string, soon: boolean): void {
    if (this.#stopped !== undefined) return;
    this.#dirty.add(address);
    if (this.#dirty.size > PERSISTENCE.dirtyMax) this.#forget();
    this.#within(soon ? PERSISTENCE.soonMs : PERSISTENCE.laterMs);
  }

  /** Nothing can be written, and others name addresses that come and go: of those that went, old rows may stay. */
  #forget(): void {
    for (const address of this.#dirty) if (!this.#options.hasRows(address)) this.#dirty.delete(address);
  }

  put(row: RowWrite): void {
    if (this.#stopped !== undefined) return;
    this.#rows.set(row.key, row);
    this.#within(PERSISTENCE.soonMs);
  }

  /** Writes all that is waiting. `sync`: returns when that, and all before it, is on the disk. */
  write(sync: boolean): Promise<void> {
    const writing = this.#last.then(() => this.#writeAll(sync));
    this.#last = writing.catch(() => {});
    return writing;
  }

  /** Writes no more; what is being written is finished first. `write` rejects with `why`. */
  async stop(why: PeernetError): Promise<void> {
    this.#stopped ??= why;
    this.#alarm.stop();
    this.#dirty.clear();
    this.#rows.clear();
    await this.#last;
  }

  async #writeAll(sync: boolean): Promise<void> {
    if (this.#stopped !== undefined) throw this.#stopped;
    this.#atMs = Number.POSITIVE_INFINITY;
    this.#alarm.set(this.#atMs);
    const addresses = [...this.#dirty];
    const others = [...this.#rows.values()];
    this.#dirty.clear();
    this.#rows.clear();
    try {
      await this.#writeRows(others, addresses, sync);
      this.#failing = false;
      this.#restUntilMs = Number.NEGATIVE_INFINITY;
    } catch (cause) {
      for (const address of addresses) this.#dirty.add(address);
      for (const row of others) if (!this.#rows.has(row.key)) this.#rows.set(row.key, row);
      throw this.#failed(cause);
    }
  }

  /** In batches, each made when it is its turn: twenty thousand rows at once would hold up everything else. */
  async #writeRows(others: readonly RowWrite[], addresses: readonly string[], sync: boolean): Promise<void> {
    const { batchRows } = PERSISTENCE;
    let rows = [...others];
    for (let at = 0; at < addresses.length; at += batchRows) {
      const batch = addresses.slice(at, at + batchRows).flatMap((address) => this.#options.rowsOf(address));
      if (at === 0) rows.push(...batch);
      else {
        await this.#writeBatch(rows, false);
        rows = batch;
      }
    }
    // An earlier write may still be in the system's memory only, and a batch without rows syncs nothing.
    if (sync && this.#unsynced && rows.length === 0) {
      rows.push({ key: KEY.synced, value: encodeNumber(KEY.synced, 0) });
    }
    if (rows.length > 0) await this.#writeBatch(rows, sync);
  }

  async #writeBatch(rows: readonly RowWrite[], sync: boolean): Promise<void> {
    await this.#options.db.write(rows, sync);
    this.#unsynced = !sync;
    this.#options.written(rows);
  }

  #failed(cause: unknown): PeernetError {
    const message = 'the database could not be written; peernet goes on in memory and tries again';
    const error = new PeernetError('STORE_FAILED', message, { cause });
    this.#restUntilMs = this.#options.clock.now() + PERSISTENCE.retryMs;
    this.#atMs = Number.POSITIVE_INFINITY; // also of what changed while it was written
    if (this.#stopped === undefined) this.#within(PERSISTENCE.retryMs);
    if (!this.#failing) this.#options.onError(error);
    this.#failing = true;
    return error;
  }

  #within(ms: number): void {
    const atMs = Math.max(this.#options.clock.now() + ms, this.#restUntilMs);
    if (atMs >= this.#atMs) return;
    this.#atMs = atMs;
    this.#alarm.set(atMs);
  }
}
