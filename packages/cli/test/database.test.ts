import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../src/database.js';
import { OpeningMarker } from '../src/opening-marker.js';
import { FakeNode } from './fake-node.js';
import { fakeDaemon, tempFolder } from './harness.js';

type Log = [string, unknown][];

async function open(path: string, log: Log = [], answers = false, waitMs = 0): Promise<Database> {
  const write = (...event: unknown[]): void => void log.push(event as never);
  const marker = new OpeningMarker(path, write);
  const db = await openDatabase(path, { log: write, answers: async () => answers, marker, waitMs });
  marker.clear();
  onTestFinished(() => db.close());
  return db;
}

async function filled(path: string): Promise<void> {
  const db = await open(path);
  await db.put('key', 'value');
  await db.close();
}

/** Ways in which a database dies, all of which LevelDB notices when it opens. */
const damages: [string, (path: string) => void][] = [
  ['CURRENT is empty', (path) => truncateSync(join(path, 'CURRENT'))],
  ['CURRENT leads nowhere', (path) => writeFileSync(join(path, 'CURRENT'), 'MANIFEST-999999\n')],
  ['MANIFEST is garbage', (path) => writeFileSync(manifest(path), Buffer.alloc(4_096, 0xab))],
  ['MANIFEST is a folder', (path) => writeFileSync(join(path, 'CURRENT'), '.\n')],
];

function manifest(path: string): string {
  return join(path, readdirSync(path).find((name) => name.startsWith('MANIFEST')) as string);
}

const bad = (base: string): string[] => readdirSync(base).filter((name) => name.includes('.bad-'));

describe('the database', () => {
  it.each(damages)('%s: set aside, an empty one is opened', async (_, damage) => {
    const base = tempFolder();
    const path = join(base, 'db');
    await filled(path);
    damage(path);
    const log: Log = [];
    const db = await open(path, log);
    expect(await db.get('key')).toBeUndefined();
    await db.put('key', 'new');
    expect(bad(base).length).toBe(1);
    expect(log).toMatchObject([['database set aside', { why: expect.any(String) }]]);
  });

  it('a file in its place is set aside, too', async () => {
    const base = tempFolder();
    writeFileSync(join(base, 'db'), 'x');
    await open(join(base, 'db'));
    expect(bad(base).map((name) => readFileSync(join(base, name), 'utf8'))).toEqual(['x']);
  });

  it('a sound one is left alone', async () => {
    const base = tempFolder();
    await filled(join(base, 'db'));
    expect(await (await open(join(base, 'db'))).get('key')).toBe('value');
    expect(bad(base)).toEqual([]);
  });

  it('of the damaged ones, the newest two are kept', async () => {
    const base = tempFolder();
    for (const day of ['01', '02', '03']) mkdirSync(join(base, `db.bad-2020-01-${day}`));
    writeFileSync(join(base, 'db'), 'x');
    await open(join(base, 'db'));
    expect(bad(base).length).toBe(2);
    expect(bad(base)).toContain('db.bad-2020-01-03');
  });

  it('is one daemon’s: ALREADY if that one answers, told if it does not, waited for if it is closing', async () => {
    const path = join(tempFolder(), 'db');
    const first = await open(path);
    await expect(open(path, [], true)).rejects.toMatchObject({ code: 'ALREADY' });
    await expect(open(path, [], false)).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    const second = open(path, [], false, 5_000);
    await first.close();
    await (await second).put('a', 'b');
  });

  it('two daemons on one damage: one database, one lock', async () => {
    const base = tempFolder();
    const path = join(base, 'db');
    await filled(path);
    truncateSync(join(path, 'CURRENT'));
    const log: Log = [];
    const both = await Promise.allSettled([open(path, log, true), open(path, log, true)]);
    const won = both.filter(({ status }) => status === 'fulfilled');
    expect(won.length).toBe(1);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'ALREADY' } });
    expect(log.length).toBe(1);
    await (won[0] as PromiseFulfilledResult<Database>).value.put('a', 'b');
  });

  it('a repair that crashed does not stand in the way', async () => {
    const base = tempFolder();
    writeFileSync(join(base, 'db'), 'x');
    writeFileSync(join(base, 'db.repair'), '4190000'); // above pid_max: no such process
    await open(join(base, 'db'));
    expect(readdirSync(base).filter((name) => name.endsWith('.repair'))).toEqual([]);
  });

  it('a full disk is no damage', async () => {
    await expect(open('/dev/full/db')).rejects.toMatchObject({ exit: 1 });
    await expect(open('/proc/self/db')).rejects.toMatchObject({ name: 'Failure' });
  });
});

describe('a daemon whose database opens, but cannot be read', () => {
  it.each(['storeFails', 'neverReady'] as const)(
    '%s: sets it aside, starts with an empty one',
    async (what) => {
      const base = tempFolder();
      const nodes: FakeNode[] = [];
      const openNode = (): FakeNode => {
        const node = new FakeNode();
        node[what] = nodes.length === 0;
        nodes.push(node);
        return node;
      };
      const { run } = await fakeDaemon({ base, openNode });
      expect(nodes.map(({ closed }) => closed)).toEqual([true, false]);
      expect(bad(base).length).toBe(1);
      expect((await run('doctor')).stdout).toContain('A damaged database was set aside');
      expect((await run('own')).code).toBe(0);
    },
  );

  it('gives up if that does not help, and gives the lock back', async () => {
    const base = tempFolder();
    const node = new FakeNode();
    node.neverReady = true;
    await expect(fakeDaemon({ base, node })).rejects.toMatchObject({ code: 'LIMIT' });
    expect(node.closed).toBe(true);
    expect((await (await fakeDaemon({ base })).run('own')).code).toBe(0);
  });
});
