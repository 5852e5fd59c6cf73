// The process that kill.test.ts kills: opens the database, compares it with what it must hold after the operations
// that were acknowledged so far, and then goes on with further operations, acknowledging each on stdout.
//   argv: folder, number of acknowledged operations, 'honest' or 'hasty' (acknowledges before the write: the control)
import { writeSync } from 'node:fs';
import { type PeerId, seededRandom, toHex } from '@peernet/core';
import { ClassicLevel } from 'classic-level';
import { createStore, type Store } from '../src/index.js';

const [folder = '', acknowledged = '0', manner = 'honest'] = process.argv.slice(2);

interface State {
  saved: Set<string>;
  removed: Set<string>;
  subnets: Set<string>;
}

const pair = (n: number): string[] => [
  `tcp://10.0.${n >> 8}.${n & 255}:1`,
  `tcp://10.0.${n >> 8}.${n & 255}:2`,
];
const subnetsOf = (n: number): string[] => [`a${n}`, `b${n}`];

/** Operation `n` on the model. Each changes several rows, which must come and go together. */
function model(state: State, n: number): void {
  if (n % 3 === 0) for (const address of pair(n)) state.saved.add(address);
  if (n % 3 === 1) for (const name of subnetsOf(n)) state.subnets.add(name);
  if (n % 3 === 2 && n > 20) {
    for (const address of pair(n - 20)) {
      state.saved.delete(address);
      state.removed.add(address);
    }
    for (const name of subnetsOf(n - 19)) state.subnets.delete(name);
  }
}

/** The same on the store. */
async function apply(store: Store, n: number): Promise<void> {
  if (n % 3 === 0) store.save(pair(n));
  if (n % 3 === 1) await store.subnets.join(subnetsOf(n));
  if (n % 3 === 2 && n > 20) {
    store.remove(pair(n - 20));
    await store.subnets.part(subnetsOf(n - 19));
  }
  await store.flush({ sync: n % 2 === 0 });
}

function expected(count: number): State {
  const state: State = { saved: new Set(), removed: new Set(), subnets: new Set() };
  for (let n = 1; n <= count; n++) model(state, n);
  return state;
}

async function actual(db: ClassicLevel, store: Store): Promise<State> {
  const saved = [...store.entries()].filter((entry) => entry.saved).map((entry) => entry.address);
  const removed: string[] = [];
  const rows = db.sublevel('peernet', { valueEncoding: 'view' });
  for await (const key of rows.keys({ gte: 't!', lt: 't"' })) removed.push(key.slice(2));
  return { saved: new Set(saved), removed: new Set(removed), subnets: new Set(await store.subnets.list()) };
}

const text = (state: State): string =>
  [state.saved, state.removed, state.subnets].map((set) => [...set].sort().join(' ')).join(' | ');

/** Noise that nobody is told about: it fills batches of its own. */
function gossip(store: Store, n: number, random = seededRandom(n)): void {
  const id = toHex(Uint8Array.from({ length: 32 }, () => random.uint32())) as PeerId;
  for (let k = 0; k < 5; k++)
    store.outcome(`ws://${20 + (random.uint32() % 60)}.${random.uint32() % 250}.1.1:4000`, { ok: k > 0, id });
}

const startedMs = performance.now();
const db = new ClassicLevel(folder);
const store = createStore(db, { onError: (error) => say(`error ${error.message}: ${String(error.cause)}`) });
await store.ready();
const count = Number(acknowledged);
const found = text(await actual(db, store));
// The operation in flight when the process was killed happened wholly or not at all.
const fits = [expected(count), expected(count + 1)].map(text).includes(found);
if (!fits) say(`lost or torn: ${found} instead of ${text(expected(count))}`);
if (store.skippedRows > 0) say(`torn: ${store.skippedRows} rows cannot be read`);
const broken = store.broken();
if (broken.length > 0) say(`broken: ${broken.join('; ')}`);
say(`seed ${toHex((await store.identity()).seed)}`);
say(`open ${Math.ceil(performance.now() - startedMs)}`);

for (let n = count + 1; ; n++) {
  gossip(store, n);
  const done = apply(store, n);
  if (manner === 'honest') await done;
  say(`ack ${n}`);
  await done;
}

function say(line: string): void {
  writeSync(1, `${line}\n`); // not buffered in this process: what was said was done
}
