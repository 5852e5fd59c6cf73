// The daemon's database: opening it is what makes this the one daemon of a folder (LevelDB locks it), and what tells a
// damaged database from a locked one, a full disk or missing rights. A damaged one is set aside, never deleted at once:
// it is a cache, the identity lies elsewhere.
import { closeSync, existsSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { badDatabasesMax, deadlyOpenings, lockPollMs, lockWaitMs } from './defaults.js';
import type { Fields } from './event-log.js';
import { denied, Failure, systemCode } from './exit.js';
import type { OpeningMarker } from './opening-marker.js';
import { lockRepair } from './repair-lock.js';

export type Database = ClassicLevel;

export interface OpenOptions {
  /** Whether a daemon answers on the control socket. */
  readonly answers: () => Promise<boolean>;
  readonly log: (event: string, fields?: Fields) => void;
  /** Stays when the database is open: its rows are still to be read. */
  readonly marker: OpeningMarker;
  /** How long to wait for a daemon that is closing, ms. */
  readonly waitMs?: number;
}

/** Opens `path`, damaged or not. Failure ALREADY: another daemon has it. */
export async function openDatabase(path: string, options: OpenOptions): Promise<Database> {
  checkWritable(dirname(path));
  const untilMs = Date.now() + (options.waitMs ?? lockWaitMs);
  for (;;) {
    if (!(await mark(path, options))) continue;
    try {
      return await open(path);
    } catch (error) {
      options.marker.remove();
      if (isLocked(error)) await waitForLock(options, untilMs);
      else {
        if (!isDamage(error)) throw failed(path, error);
        await setAside(path, error, options.log);
      }
    }
  }
}

async function open(path: string): Promise<Database> {
  const db = new ClassicLevel(path);
  await db.open();
  return db;
}

/**
 * Marks the opening, unless somebody else's is marked already: LevelDB's lock decides between the two. Sets aside what
 * killed `deadlyOpenings` processes in a row, at exactly that count: if the empty database that follows kills them, too,
 * then it is not the database, and going on would push the good one out of the kept ones. False: look again.
 */
async function mark(path: string, { marker, log }: OpenOptions): Promise<boolean> {
  const { deaths, held } = marker.look();
  if (held) return true;
  if (deaths !== deadlyOpenings) {
    if (deaths > 0) log('a daemon died while opening the database', { deaths });
    marker.place(deaths);
    return true;
  }
  const unlock = lockRepair(`${path}.repair`);
  if (unlock === undefined) {
    await new Promise((resolve) => setTimeout(resolve, lockPollMs));
    return false;
  }
  try {
    // Perhaps another daemon had the lock before us, and this is its new database.
    const again = marker.look();
    if (again.held || again.deaths !== deaths) return false;
    if (existsSync(path))
      await moveDatabase(path, log, `opening it killed the daemon, ${deaths} times in a row`);
    marker.place(deaths);
    return true;
  } finally {
    unlock();
  }
}

async function waitForLock(options: OpenOptions, untilMs: number): Promise<void> {
  if (await options.answers()) throw new Failure('a daemon is running already', { code: 'ALREADY' });
  if (Date.now() >= untilMs)
    throw new Failure('the database is in use by a process that does not answer', { code: 'STORE_IN_USE' });
  await new Promise((resolve) => setTimeout(resolve, lockPollMs));
}

/**
 * Renames a database that cannot be opened, under a lock of its own: a second daemon that failed on the same damage
 * must not rename the new database of the first. Whoever gets the lock looks again.
 */
async function setAside(path: string, error: unknown, log: OpenOptions['log']): Promise<void> {
  const unlock = lockRepair(`${path}.repair`);
  if (unlock === undefined) {
    await new Promise((resolve) => setTimeout(resolve, lockPollMs));
    return;
  }
  try {
    const still = await open(path).then(
      async (db) => {
        await db.close();
        return false;
      },
      (reason: unknown) => isDamage(reason),
    );
    if (still) await moveDatabase(path, log, deepest(error));
  } finally {
    unlock();
  }
}

/** Renames a closed database to `db.bad-<time>`; only the newest of those are kept. */
export async function moveDatabase(path: string, log: OpenOptions['log'], why: string): Promise<void> {
  const to = `${path}.bad-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  await rename(path, to);
  log('database set aside', { to, why });
  const prefix = `${basename(path)}.bad-`;
  const bad = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix)).sort();
  for (const name of bad.slice(0, -badDatabasesMax))
    await rm(join(dirname(path), name), { recursive: true, force: true });
}

// ---- what a failure means ----

/** A Failure (exit 6) if we may not write there, exit 1 if the disk is full. */
function checkWritable(folder: string): void {
  const path = join(folder, `.probe-${process.pid}`);
  try {
    const file = openSync(path, 'w', 0o600);
    try {
      writeSync(file, 'peernet');
      fsyncSync(file);
    } finally {
      closeSync(file);
      unlinkSync(path);
    }
  } catch (error) {
    const code = systemCode(error);
    if (/^(EACCES|EPERM|EROFS)$/.test(code))
      throw denied(`cannot write in ${folder} (${code})`, 'choose another folder with --datadir', error);
    throw new Failure(`cannot write in ${folder} (${code || String(error)})`, { cause: error });
  }
}

function isLocked(error: unknown): boolean {
  return chain(error).some((cause) => systemCode(cause) === 'LEVEL_LOCKED');
}

/** Whether the files are at fault, and not the disk, our rights or a limit of the system. */
function isDamage(error: unknown): boolean {
  const causes = chain(error);
  if (
    causes.some((cause) => /No space|Permission|Read-only|Too many open|not permitted/i.test(String(cause)))
  )
    return false;
  return causes.some((cause) => systemCode(cause).startsWith('LEVEL_')) && !isLocked(error);
}

function failed(path: string, error: unknown): Failure {
  const why = deepest(error);
  if (/Permission|not permitted|Read-only/i.test(why))
    return denied(
      `cannot open ${path}: ${why}`,
      `make it yours, or choose another folder with --datadir`,
      error,
    );
  return new Failure(`cannot open ${path}: ${why}`, { code: 'STORE_FAILED', cause: error });
}

function chain(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (
    let at = error;
    at !== undefined && at !== null && causes.length < 8;
    at = (at as { cause?: unknown }).cause
  )
    causes.push(at);
  return causes;
}

function deepest(error: unknown): string {
  const last = chain(error).at(-1);
  return last instanceof Error ? last.message : String(last);
}
