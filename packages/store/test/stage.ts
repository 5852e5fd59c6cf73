// What the store's tests share: a clock that only moves when told, databases of every kind that must work, peers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, seededRandom } from '@peernet/core';
import { ClassicLevel } from 'classic-level';
import { MemoryLevel } from 'memory-level';
import { MemoryLevel as MemoryLevel1 } from 'memory-level-1';
import { onTestFinished } from 'vitest';
import { type CreateStoreOptions, createStore, type LevelDatabase, type Store } from '../src/index.js';
import { wallStart } from './peers.js';

export * from './peers.js';

export interface ManualClock extends Clock {
  /** Moves both axes, ms; rings what is due. */
  pass(ms: number): void;
  /** Sets the calendar, as an administrator or NTP does. */
  setWall(wallMs: number): void;
}

export function manualClock(): ManualClock {
  let nowMs = 1_000_000;
  let offsetMs = wallStart - nowMs;
  const alarms = new Set<{ atMs: number; ring: () => void }>();
  return {
    now: () => nowMs,
    wall: () => nowMs + offsetMs,
    alarm(atMs, ring) {
      const alarm = { atMs, ring };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    pass(ms) {
      nowMs += ms;
      for (const alarm of [...alarms].sort((a, b) => a.atMs - b.atMs)) {
        if (alarm.atMs > nowMs || !alarms.delete(alarm)) continue;
        alarm.ring();
      }
    },
    setWall(wallMs) {
      offsetMs = wallMs - nowMs;
    },
  };
}

/** Handles of all versions fit without a cast: `tsc` is the judge. */
export const fitting = (): LevelDatabase[] => [
  new MemoryLevel(),
  new MemoryLevel1(),
  new MemoryLevel<string, object>({ valueEncoding: 'json' }),
  new MemoryLevel().sublevel('app'),
  new MemoryLevel1().sublevel('app'),
];

/** What tests do with a database, beyond what the store needs. */
export interface TestDatabase extends LevelDatabase {
  put(key: string, value: string): Promise<void>;
  get(key: string): Promise<string | undefined>;
  close(): Promise<void>;
  iterator(): AsyncIterable<[string, string]>;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'peernet-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Name → an open database of that kind, closed when the test is over. */
export const databases: readonly (readonly [string, () => TestDatabase])[] = [
  ['memory-level (abstract-level 3)', () => closing(new MemoryLevel() as unknown as TestDatabase)],
  ['memory-level (abstract-level 1)', () => closing(new MemoryLevel1() as unknown as TestDatabase)],
  ['classic-level', () => closing(new ClassicLevel(temporaryFolder()) as unknown as TestDatabase)],
];

function closing(db: TestDatabase): TestDatabase {
  onTestFinished(() => db.close());
  return db;
}

export interface Batch {
  keys: string[];
  sync: boolean;
}

/** A database that can be watched and broken. */
export class Watched implements LevelDatabase {
  readonly inner = new MemoryLevel();
  readonly batches: Batch[] = [];
  opened = 0;
  /** Writes, whether they failed or not. */
  tried = 0;
  fail: { open?: Error; read?: Error; write?: Error } = {};

  get status(): string {
    return this.inner.status;
  }
  get supports(): object {
    return this.inner.supports;
  }
  batch(): void {
    throw new Error('only our sublevel is written to');
  }

  async open(): Promise<void> {
    this.opened++;
    if (this.fail.open) throw this.fail.open;
    await this.inner.open();
  }

  sublevel(name: string, options: object): unknown {
    const sublevel = this.inner.sublevel<string, Uint8Array>(name, options);
    return {
      open: () => sublevel.open(),
      close: () => sublevel.close(),
      iterator: (range: object) => {
        if (this.fail.read) throw this.fail.read;
        return sublevel.iterator(range);
      },
      batch: async (rows: never[], options: { sync?: boolean }) => {
        this.tried++;
        if (this.fail.write) throw this.fail.write;
        this.batches.push({ keys: rows.map((row: { key: string }) => row.key), sync: options.sync ?? false });
        await sublevel.batch(rows);
      },
    };
  }
}

/** A store under a clock that only moves when told; closed when the test is over. */
export function start(
  db: LevelDatabase | undefined,
  options: CreateStoreOptions = {},
): { store: Store; clock: ManualClock; errors: string[] } {
  const clock = (options.clock as ManualClock | undefined) ?? manualClock();
  const errors: string[] = [];
  const onError = (error: { code: string }) => void errors.push(error.code);
  const store = createStore(db, { random: seededRandom(1), onError, ...options, clock });
  onTestFinished(() => store.close());
  return { store, clock, errors };
}

/** Lets promises that wait for nothing settle. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise<void>((done) => setImmediate(done));
}
