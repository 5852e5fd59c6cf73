import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../src/database.js';
import { OpeningMarker } from '../src/opening-marker.js';
import { FakeNode } from './fake-node.js';
import { fakeDaemon, tempFolder } from './harness.js';

type Log = [string, unknown][];

/** Above pid_max: no such process. */
const deadPid = 4_190_000;

function setup(): { base: string; path: string; file: string; log: Log; marker: OpeningMarker } {
  const base = tempFolder();
  const path = join(base, 'db');
  const log: Log = [];
  const marker = new OpeningMarker(path, (...event) => void log.push(event as never));
  onTestFinished(() => marker.remove());
  return { base, path, file: `${path}.opening`, log, marker };
}

const bad = (base: string): string[] => readdirSync(base).filter((name) => name.includes('.bad-'));

describe('the marker of an opening', () => {
  it('none: nobody died', () => {
    expect(setup().marker.look()).toEqual({ deaths: 0, held: false });
  });

  it('of this process: held, private, gone when taken back', () => {
    const { file, marker } = setup();
    marker.place(1);
    expect(marker.look()).toEqual({ deaths: 1, held: true });
    expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${process.pid} 1 [0-9]+\n$`));
    marker.remove();
    expect(existsSync(file)).toBe(false);
  });

  it('is taken back by an end in order, and leaves no listener behind', () => {
    const { file, marker } = setup();
    const before = process.listenerCount('exit');
    marker.place(0);
    marker.place(1);
    expect(process.listenerCount('exit')).toBe(before + 1);
    (process.listeners('exit').at(-1) as () => void)();
    expect([existsSync(file), process.listenerCount('exit')]).toEqual([false, before]);
  });

  it.each([
    ['a dead process', `${deadPid} 0 1000\n`, 1],
    ['a dead process that knew of one death', `${deadPid} 1 1000\n`, 2],
    ['an earlier process with our pid', `${process.pid} 1 1000\n`, 2],
    ['nothing', '', 1],
    ['garbage', '\0\0\0', 1],
    ['half a line', `${process.ppid}`, 1],
    ['process group 0', '0 1 1000\n', 1],
  ])('of %s', (_, text, deaths) => {
    const { file, marker } = setup();
    writeFileSync(file, text);
    expect(marker.look()).toEqual({ deaths, held: false });
    marker.remove();
    expect(existsSync(file)).toBe(true); // not ours to take back
    marker.clear();
    expect(existsSync(file)).toBe(false); // but acquitted
  });

  it('of another living process: held while it is young, then nobody’s death', () => {
    const { file, marker } = setup();
    writeFileSync(file, `${process.ppid} 1 1000\n`);
    expect(marker.look()).toEqual({ deaths: 1, held: true });
    utimesSync(file, 1_000, 1_000);
    expect(marker.look()).toEqual({ deaths: 1, held: false });
  });

  it('that cannot be written is told, and no reason to fail', () => {
    const log: Log = [];
    const marker = new OpeningMarker('/proc/self/db', (...event) => void log.push(event as never));
    marker.place(0);
    expect(log).toMatchObject([['opening not marked', {}]]);
  });
});

describe('a database behind a marker', () => {
  /** Opens a database with one row behind the marker of a dead process; whether the row is still there. */
  async function reopened(deaths: number) {
    const at = setup();
    const { path, log, marker, file } = at;
    const open = () =>
      openDatabase(path, { log: (...e) => void log.push(e as never), answers, marker, waitMs: 0 });
    const first = await open();
    await first.put('key', 'value');
    await first.close();
    marker.clear();
    writeFileSync(file, `${deadPid} ${deaths} 1000\n`);
    const db = await open();
    onTestFinished(() => db.close());
    return { ...at, kept: (await db.get('key')) === 'value', open };
  }
  const answers = async (): Promise<boolean> => false;

  it('one death may be a kill -9: it is kept, and the death told', async () => {
    const { kept, log, marker } = await reopened(0);
    expect([kept, marker.look()]).toEqual([true, { deaths: 1, held: true }]);
    expect(log).toEqual([['a daemon died while opening the database', { deaths: 1 }]]);
  });

  it('two in a row are its fault: set aside, and why', async () => {
    const { base, kept, log, marker } = await reopened(1);
    expect([kept, bad(base).length, marker.look()]).toEqual([false, 1, { deaths: 2, held: true }]);
    expect(log).toEqual([
      [
        'database set aside',
        { to: expect.any(String), why: 'opening it killed the daemon, 2 times in a row' },
      ],
    ]);
    expect(existsSync(join(base, 'db.repair'))).toBe(false);
  });

  it('more were not its fault: an empty one killed, too', async () => {
    const { base, kept } = await reopened(2);
    expect([kept, bad(base)]).toEqual([true, []]);
  });

  it('that is gone, too: an empty one', async () => {
    const { base, path, file, log, marker } = setup();
    writeFileSync(file, `${deadPid} 1 1000\n`);
    const db = await openDatabase(path, { log: (...e) => void log.push(e as never), answers, marker });
    onTestFinished(() => db.close());
    expect([bad(base), log]).toEqual([[], []]);
  });

  it('a lock that another daemon has leaves no marker', async () => {
    const { open, marker, file } = await reopened(0);
    marker.clear();
    await expect(open()).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    expect(existsSync(file)).toBe(false);
  });

  it('stays until the node has read its rows', async () => {
    const { base, file } = setup();
    const seen: boolean[] = [];
    const node = new FakeNode();
    node.ready = async () => void seen.push(existsSync(file));
    await fakeDaemon({ base, node });
    expect([seen, existsSync(file)]).toEqual([[true], false]);
  });

  it('is taken back when the node cannot start', async () => {
    const { base, file } = setup();
    const node = new FakeNode();
    node.neverReady = true;
    await expect(fakeDaemon({ base, node })).rejects.toMatchObject({ code: 'LIMIT' });
    expect(existsSync(file)).toBe(false);
  });
});
