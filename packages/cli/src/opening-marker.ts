// Tells a database that kills whoever opens it. Some damaged tables fail an assertion inside LevelDB, which aborts the
// process: no `catch` sees that, and the next daemon would die of it, too. So `db.opening` lies beside the database
// from before it is opened until its rows were read; whoever finds the marker of a dead process knows where it died.
//
// Not every such death is the database's fault: kill -9 and power loss leave the same marker. SIGABRT would tell more,
// but a service manager does not pass it on, Windows has none, and a process out of memory ends with it, too. A good
// database must not go for one of those, hence the count: only `deadlyOpenings` in a row without a single success count as its fault. An end in order (SIGTERM,
// another daemon has the lock, an error that was thrown) takes the marker away. It is no lock: that is LevelDB's.
// Where two daemons overlap, one may open unmarked; if it dies, that costs one more start, never a good database.
import { readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { openingMs } from './defaults.js';
import type { Fields } from './event-log.js';
import { systemCode } from './exit.js';

export interface Opening {
  /** Processes that died in a row while they opened the database. */
  readonly deaths: number;
  /** A living process, perhaps this one, is opening it now. */
  readonly held: boolean;
}

interface Mark {
  readonly pid: number;
  /** Deaths before this opening. */
  readonly deaths: number;
  /** When the process started, wall ms: in a container, the next one often has the same pid. */
  readonly startedMs: number;
}

const startedMs = Math.round(performance.timeOrigin);

export class OpeningMarker {
  readonly #path: string;
  readonly #log: (event: string, fields?: Fields) => void;
  readonly #remove = (): void => this.remove();

  /** For the database at `path`. */
  constructor(path: string, log: (event: string, fields?: Fields) => void) {
    this.#path = `${path}.opening`;
    this.#log = log;
  }

  /** What the marker tells; without one, nobody died. */
  look(): Opening {
    const text = this.#read();
    if (text === undefined) return { deaths: 0, held: false };
    const mark = decode(text);
    // Cut off in the middle: its writer died, too.
    if (mark === undefined) return { deaths: 1, held: false };
    if (isOurs(mark)) return { deaths: mark.deaths, held: true };
    if (mark.pid === process.pid || !isAlive(mark.pid)) return { deaths: mark.deaths + 1, held: false };
    // An old one of a living process: the pid went to somebody else, or a disk is very slow. Nobody's death is certain.
    return { deaths: mark.deaths, held: !this.#isOld() };
  }

  /** From now on, our death is held against the database. An end in order takes that back. */
  place(deaths: number): void {
    try {
      // Not synced: a death of the process alone does not lose it, and one by power loss need not count.
      writeFileSync(this.#path, `${process.pid} ${deaths} ${startedMs}\n`, { mode: 0o600 });
      process.off('exit', this.#remove).once('exit', this.#remove);
    } catch (error) {
      this.#log('opening not marked', { error }); // the database may still be fine
    }
  }

  /** Takes the marker back if it is ours: the opening ended, but in order. */
  remove(): void {
    const text = this.#read();
    const mark = text === undefined ? undefined : decode(text);
    if (mark !== undefined && isOurs(mark)) this.clear();
    else process.off('exit', this.#remove);
  }

  /** Whoever has the database open and has read it acquits it, whosever marker that is. */
  clear(): void {
    process.off('exit', this.#remove);
    try {
      unlinkSync(this.#path);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') this.#log('opening still marked', { error });
    }
  }

  #read(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch {
      return undefined; // most likely there is none; else `place` fails and tells
    }
  }

  #isOld(): boolean {
    try {
      return Math.abs(Date.now() - statSync(this.#path).mtimeMs) > openingMs;
    } catch {
      return true; // gone by now
    }
  }
}

function decode(text: string): Mark | undefined {
  const [, pid, deaths, started] = /^([1-9][0-9]{0,9}) ([0-9]{1,6}) ([0-9]{1,15})\n$/.exec(text) ?? [];
  if (pid === undefined) return undefined;
  return { pid: Number(pid), deaths: Number(deaths), startedMs: Number(started) };
}

function isOurs(mark: Mark): boolean {
  return mark.pid === process.pid && mark.startedMs === startedMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
  try {
    // In a container without an init, the dead stay as zombies, which kill(2) finds. State: proc(5), third field.
    return !/^[0-9]+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true; // not Linux
  }
}
