// The process that damage.test.ts starts: damages copies of a healthy database, one per seed, and looks what a store
// makes of each. A process of its own, because LevelDB itself may abort on damage.
//   argv: folder to work in, first seed, last seed
import assert from 'node:assert';
import {
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { below, pickOne, type Random, seededRandom, toHex } from '@peernet/core';
import { ClassicLevel } from 'classic-level';
import { createStore } from '../src/index.js';
import { address, heard, peer, recordOf } from './peers.js';

const [work = '', first = '1', last = '1'] = process.argv.slice(2);

const kinds: Record<string, (file: string, random: Random) => void> = {
  flip(file, random) {
    const bytes = readFileSync(file);
    for (let i = 0; i < 20 && bytes.length > 0; i++) {
      const at = below(random, bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << below(random, 8));
    }
    writeFileSync(file, bytes);
  },
  truncate: (file, random) => truncateSync(file, below(random, readFileSync(file).length + 1)),
  zero(file, random) {
    const bytes = readFileSync(file);
    bytes.fill(0, below(random, bytes.length + 1));
    writeFileSync(file, bytes);
  },
  remove: (file) => unlinkSync(file),
};

/** A database with a table file, a log, and everything that a store keeps. */
async function healthy(folder: string): Promise<Map<string, string>> {
  const db = new ClassicLevel(folder);
  let store = createStore(db);
  await store.identity();
  for (let n = 0; n < 400; n++) {
    if (n % 3 === 0) store.outcome(address(n), { ok: true, id: peer(n), record: recordOf(n) });
    else store.offer([heard(n)], peer(9000 + (n % 30)));
  }
  await store.close();
  await db.compactRange('\x00', '\xff');
  store = createStore(db);
  await store.ready();
  const removed = store.get(address(5));
  store.save(Array.from({ length: 50 }, (_, n) => `tcp://10.0.0.${n}:1`));
  store.remove([address(5)]);
  await store.subnets.join(['chat', 'dht']);
  const rows = new Map([...store.entries()].map((entry) => [entry.address, facts(entry)]));
  if (removed !== undefined) rows.set(address(5), facts(removed)); // may come back when the log is lost
  rows.set('seed', toHex((await store.identity()).seed));
  await store.close();
  await db.close();
  return rows;
}

function facts(entry: {
  id?: unknown;
  saved: boolean;
  lastSeen?: unknown;
  record?: { seq: number } | undefined;
}): string {
  return JSON.stringify([entry.id, entry.saved, entry.record?.seq, entry.lastSeen !== undefined]);
}

async function look(
  folder: string,
  rows: Map<string, string>,
  what: string,
): Promise<keyof { whole: 0; partly: 0; refused: 0 }> {
  const db = new ClassicLevel(folder);
  const errors: string[] = [];
  const store = createStore(db, { onError: (error) => void errors.push(error.code) });
  await store.ready();
  assert.deepEqual(store.broken(), [], what);
  for (const entry of store.entries()) assert.equal(facts(entry), rows.get(entry.address), what);
  const size = store.size;
  for (const name of await store.subnets.list()) assert(['chat', 'dht'].includes(name), what);
  const seed = toHex((await store.identity()).seed);
  store.save([address(9999)]);
  const flushed = await store.flush({ sync: true }).then(
    () => true,
    () => false,
  );
  await store.close();
  await db.close().catch(() => {});
  if (errors.length > 0) {
    assert.deepEqual(errors, ['STORE_FAILED'], what);
    assert.equal(flushed, false, what);
    return 'refused';
  }
  assert.equal(flushed, true, what);
  return size === rows.size - 2 && seed === rows.get('seed') ? 'whole' : 'partly';
}

const rows = await healthy(join(work, 'healthy'));
for (let seed = Number(first); seed <= Number(last); seed++) {
  const random = seededRandom(seed);
  const folder = join(work, 'damaged');
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(work, 'healthy'), folder, { recursive: true });
  const files = readdirSync(folder).filter((name) => name !== 'LOCK' && name !== 'LOG');
  const file = pickOne(random, files) as string;
  const kind = pickOne(random, Object.keys(kinds)) as string;
  const what = `${kind} ${file}`;
  writeSync(1, `seed ${seed} ${what}\n`);
  kinds[kind]?.(join(folder, file), random);
  writeSync(1, `is ${await look(folder, rows, what)}\n`);
}
