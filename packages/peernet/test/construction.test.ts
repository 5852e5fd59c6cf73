// What a peernet can be made of: databases of any encoding and version, transports of any kind, identities, and what is
// refused at once.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from '@peernet/connection';
import type { DuplexLike, Transport } from '@peernet/core';
import { ClassicLevel } from 'classic-level';
import { MemoryLevel } from 'memory-level';
import { MemoryLevel as MemoryLevel1 } from 'memory-level-1';
import { describe, expect, test, vi } from 'vitest';
import { type IdentityState, type KnownRow, type Options, Peernet, peernet } from '../src/index.js';
import { Node } from '../src/node.js';
import { transport } from '../src/transport.js';
import { JumpClock, keep, make, memory, rows, until } from './nodes.js';

/** What is used of every kind of database. */
interface AnyLevel {
  status: string;
  put(key: never, value: never): Promise<void>;
  get(key: never): Promise<unknown>;
  iterator(options: object): AsyncIterable<[Uint8Array, unknown]>;
  sublevel(name: string): unknown;
  close(): Promise<void>;
}

/** Bytes compare as bytes, of whatever class a version gives them. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}

const encodings = ['utf8', 'json', 'view', 'buffer'] as const;
const values = { utf8: 'text', json: { a: 1 }, view: new Uint8Array([1, 2]), buffer: Buffer.from([1, 2]) };

describe.each([
  ['abstract-level 3', (options: object) => new MemoryLevel(options) as unknown as AnyLevel],
  ['abstract-level 1', (options: object) => new MemoryLevel1(options) as unknown as AnyLevel],
])('a database of %s', (_, open) => {
  test.each(encodings)('with values in %s is shared with the application', async (valueEncoding) => {
    const db = open({ valueEncoding });
    const value = values[valueEncoding] as never;
    await db.put('mine' as never, value);
    const first = make({}, db);
    await first.save('ws://10.1.2.3:4000');
    await first.join('chat');
    const { id } = first;
    await first.close();
    expect(db.status).toBe('open'); // never closed by us
    const second = make({}, db);
    await second.ready();
    expect(second.id).toBe(id);
    expect((await rows<KnownRow>(second.known())).map((row) => row.address)).toEqual(['ws://10.1.2.3:4000']);
    expect(await rows(second.subnets())).toEqual([{ key: 'chat' }]);
    await second.close();
    expect(plain(await db.get('mine' as never))).toEqual(plain(value));
    const keys: string[] = [];
    for await (const [key] of db.iterator({ keyEncoding: 'utf8', valueEncoding: 'buffer' }))
      keys.push(String(key));
    expect(keys.filter((key) => !key.startsWith('!peernet!'))).toEqual(['mine']);
    await db.close();
  });

  test('with binary keys', async () => {
    const db = open({ keyEncoding: 'view', valueEncoding: 'view' });
    const key = new Uint8Array([0xff, 0]) as never;
    await db.put(key, new Uint8Array([7]) as never);
    const node = make({}, db);
    await node.save('ws://10.1.2.3:4000');
    await node.close();
    expect(plain(await db.get(key))).toEqual([7]);
  });

  test('is opened lazily, and its sublevels serve one node each', async () => {
    const db = open({});
    const [a, b] = [db.sublevel('a'), db.sublevel('b')].map((sublevel) => make({}, sublevel));
    await Promise.all([a?.ready(), b?.ready()]);
    expect(a?.id).not.toBe(b?.id);
  });

  test('two nodes on one handle: STORE_IN_USE, until the first is closed', async () => {
    const db = open({});
    const first = make({}, db);
    expect(() => new Peernet(db)).toThrow(expect.objectContaining({ code: 'STORE_IN_USE' }));
    await first.close();
    await make({}, db).ready();
  });
});

describe('a database', () => {
  test('on disk: remembered by the next process, and a broken one is told by `error` and replaced by memory', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peernet-test-'));
    try {
      const db = new ClassicLevel(join(folder, 'db'));
      const node = make({}, db);
      await node.save('ws://10.1.2.3:4000');
      await node.close();
      // Not open yet, and locked: what a second process would see.
      const locked = new ClassicLevel(join(folder, 'db'));
      const second = make({}, locked);
      const failed = new Promise((done) => second.on('error', done));
      await second.ready();
      expect(await failed).toMatchObject({ code: 'STORE_IN_USE' });
      expect(second.snapshot().situation.storeFailed).toBe(true);
      expect((await second.explain())[0]).toMatchObject({ code: 'STORE_FAILED' });
      expect(await rows(second.known())).toEqual([]);
      await second.close();
      await db.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('that never opens: the node starts, says so, and closes in time', async () => {
    const db = new MemoryLevel();
    vi.spyOn(db, 'open').mockImplementation(() => new Promise(() => {}));
    const clock = new JumpClock();
    const node = make({ clock }, db);
    const failed = new Promise((done) => node.on('error', done));
    await Promise.all([node.ready(), clock.pass(15_000)]);
    expect(await failed).toMatchObject({
      code: 'IDENTITY_INVALID',
      message: expect.stringContaining('this run'),
    });
    await Promise.all([node.close(), clock.pass(3_000)]);
  });

  test('that does not tell its subnets: closed while it starts, the node leaves no dial behind', async () => {
    const clock = new JumpClock();
    const dials: AbortSignal[] = [];
    const dial = (_: string, { signal }: { signal: AbortSignal }) => {
      dials.push(signal);
      return new Promise<never>(() => {});
    };
    const options = { seeds: ['memory:slow'], transport: { schemes: ['memory'], dial }, clock };
    const node = new Node(new MemoryLevel(), options, { emit: () => {}, debug: () => {} });
    vi.spyOn(node.store.subnets, 'list').mockImplementation(() => new Promise(() => {}));
    await until(() => dials.length > 0, 'a dial');
    await Promise.all([node.close(), clock.pass(1_600, 100)]);
    expect(dials.map(({ aborted }) => aborted)).toEqual([true]);
    await clock.pass(1_000); // the start ends, too
  });

  test.each([
    ['null', null],
    ['a string', './peer.db'],
    ['a number', 7],
    ['something with get', { get() {} }],
  ])('%s is a TypeError', (_, db) => {
    expect(() => peernet(db as never)).toThrow(TypeError);
  });

  test('an old LevelUP handle is a TypeError that names level ≥ 8', () => {
    const levelup = { batch() {}, get() {}, put() {}, createReadStream() {}, isOpen: () => true } as never;
    expect(() => peernet(levelup)).toThrow(TypeError);
    expect(() => peernet(levelup)).toThrow(/level ≥ 8/);
    expect(() => peernet(levelup, {})).toThrow(/level ≥ 8/);
  });
});

test.each<[string, unknown]>([
  ['interval', { interval: -1 }],
  ['interval', { interval: Number.NaN }],
  ['interval', { interval: '5000' }],
  ['purge', { purge: -5 }],
  ['purge', { purge: Number.POSITIVE_INFINITY }],
  ['connections', { connections: 1.5 }],
  ['connections', { connections: 1_000 }],
  ['debug', { debug: 'yes' }],
  ['bootstrap', { bootstrap: 0 }],
  ['network', { network: 7 }],
  ['seeds', { seeds: ['not an address'] }],
  ['seeds', { seeds: 'ws://10.1.2.3:4000' }],
  ['announce', { announce: ['ws://256.1.1.1:1'] }],
  ['listen', { listen: 'ws://nonsense:70000' }],
  ['listen', { listen: [7] }],
  ['identity', { identity: 'abc' }],
  ['identity', { identity: new Uint8Array(31) }],
  ['identity', { identity: { load() {} } }],
  ['transport', { transport: {} }],
  ['transport', { transport: [{ schemes: ['x'] }] }],
  ['origins', { origins: 'https://example.com' }],
  ['range', { trustProxy: ['everything'] }],
  ['limits', { limits: { nothing: 1 } }],
  ['limits', { limits: { hostMax: -1 } }],
  ['signal', { signal: {} }],
  ['log', { log: {} }],
  ['clock', { clock: { now: () => 0 } }],
  ['random', { random: Math.random }],
])('a wrong %s is a TypeError that names it: %j', (name, options) => {
  expect(() => new Peernet(undefined, options as Options)).toThrow(TypeError);
  expect(() => new Peernet(undefined, options as Options)).toThrow(name);
});

describe('opts.transport', () => {
  /** A function as in the specification: it knows nothing of Transports. */
  function dialing(make: (address: string) => DuplexLike | PromiseLike<DuplexLike>) {
    return vi.fn(make);
  }

  test('a function gets the address, and every scheme is its own', async () => {
    const a = make();
    const connect = dialing(() => {
      const [ours, theirs] = duplexPair();
      ours.pipe(a.createStream()).pipe(ours);
      return theirs as unknown as DuplexLike;
    });
    const b = make({ transport: connect });
    const peer = await b.connect('carrier-pigeon:loft/7');
    expect(connect.mock.calls).toEqual([['carrier-pigeon:loft/7']]);
    expect(peer).toMatchObject({ id: a.id, address: 'carrier-pigeon:loft/7', transport: 'carrier-pigeon' });
    expect(b.connections()).toEqual(['carrier-pigeon:loft/7']);
  });

  test('what the user saved is dialed through it, whatever its scheme', async () => {
    const a = make();
    const b = make({
      transport: async () => {
        const [ours, theirs] = duplexPair();
        ours.pipe(a.createStream()).pipe(ours);
        return theirs as unknown as DuplexLike;
      },
    });
    await b.save('carrier-pigeon:loft/7');
    await until(() => b.connections().length === 1, 'dialed by itself');
  });

  test('what it throws is the error of the callback', async () => {
    const thrown = new Error('no such loft');
    const node = make({
      transport: () => {
        throw thrown;
      },
    });
    const error = await new Promise((done) => node.connect('pigeon:1', done));
    expect(error).toMatchObject({ code: 'DIAL_FAILED', message: expect.stringContaining('no such loft') });
    expect((error as Error).cause).toBe(thrown);
  });

  test.each([
    ['undefined', () => undefined],
    ['no stream', () => ({})],
    ['a promise of no stream', async () => 7],
  ])('one that returns %s fails, and says so', async (_, bad) => {
    const node = make({ transport: bad as unknown as Options['transport'] });
    await expect(node.connect('pigeon:1')).rejects.toMatchObject({
      code: 'DIAL_FAILED',
      message: expect.stringContaining('must return a duplex stream'),
    });
  });

  test('a stream that fails at once is no uncaught exception; its reason is told', async () => {
    const { Duplex } = await import('node:stream');
    const node = make({
      transport: () => {
        const duplex = new Duplex({ read() {}, write: (_c, _e, done) => done() });
        duplex.destroy(Object.assign(new Error('nobody there'), { code: 'ECONNREFUSED' }));
        return duplex;
      },
    });
    await expect(node.connect('pigeon:1')).rejects.toMatchObject({ code: 'DIAL_REFUSED' });
  });

  test('a Transport, an array of them, and peernet/transport called in any way', async () => {
    make({ listen: 'memory:a' });
    const far: Transport = { schemes: ['far'], dial: async () => Promise.reject(new Error('too far')) };
    const made = transport({ transports: [memory(), far] });
    expect(made.transports).toHaveLength(2);
    for (const option of [memory(), [far, memory()], made]) {
      const node = keep(new Peernet(undefined, { transport: option }));
      expect((await node.connect('memory:a')).transport).toBe('memory');
    }
    // With options, with nothing, and not called at all.
    for (const any of [transport(), transport({}), transport]) {
      const { transports } = any as { transports: readonly Transport[] };
      expect(transports.flatMap(({ schemes }) => schemes)).toEqual(['ws', 'wss', 'tcp']);
      await keep(new Peernet(undefined, { transport: any as Options['transport'] })).ready();
    }
  });

  test('an unknown scheme says which ones there are', async () => {
    await expect(make().connect('ws://127.0.0.1:1')).rejects.toMatchObject({
      code: 'SCHEME_UNKNOWN',
      message: expect.stringContaining('memory:'),
    });
    const real = keep(new Peernet(undefined, { wrtc: false }));
    await expect(real.connect(`wrtc:${'1'.repeat(64)}?via=ws://10.1.2.3:1`)).rejects.toMatchObject({
      code: 'SCHEME_UNKNOWN',
      message: expect.stringContaining('WebRTC'),
    });
  });

  test('a dial that ignores its signal still ends', async () => {
    const deaf: Transport = { schemes: ['memory'], dial: () => new Promise(() => {}) };
    const clock = new JumpClock();
    const node = make({ transport: deaf, clock });
    await node.ready();
    const outcome = node.connect('memory:x').catch((error: unknown) => error);
    await clock.pass(7_000);
    expect(await Promise.race([outcome, 'still dialing'])).toBe('still dialing');
    await clock.pass(2_000);
    expect(await outcome).toMatchObject({ code: 'DIAL_TIMEOUT' });
  });
});

describe('opts.identity', () => {
  const seed = Uint8Array.from({ length: 32 }, (_, i) => i);

  test('bytes and hex are the same identity, and the bytes are copied', async () => {
    const given = seed.slice();
    const [a, b] = [make({ identity: given }), make({ identity: Buffer.from(seed).toString('hex') })];
    given.fill(0);
    await Promise.all([a.ready(), b.ready()]);
    expect(a.id).toBe(b.id);
    await a.close();
    expect(a.id).toBe(b.id); // still known when closed
  });

  test('a store is loaded and saved, and its seq grows', async () => {
    const saved: IdentityState[] = [];
    const identity = {
      load: async () => saved.at(-1),
      save: async (state: IdentityState) => void saved.push({ ...state }),
    };
    const first = make({ identity });
    await first.ready();
    await first.close();
    const second = make({ identity });
    await second.ready();
    expect(second.id).toBe(first.id);
    expect(saved.at(-1)?.seq).toBeGreaterThan(saved[0]?.seq as number);
  });

  test('a store of a run under a calendar that was years ahead: no seq of a process goes back', async () => {
    const aheadMs = Date.now() + 31_536_000_000;
    const saved: IdentityState[] = [{ seed, seq: aheadMs, anchors: [] }];
    const identity = {
      load: async () => saved.at(-1),
      save: async (state: IdentityState) => void saved.push({ ...state }),
    };
    const node = make({ identity, listen: 'memory:years-ahead' });
    await node.ready();
    await node.close();
    expect(saved.length).toBeGreaterThan(2);
    // Peers refuse a process that begins with a lower one than the process before it, whatever the record says.
    const seqs = saved.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  test.each([
    ['cannot be loaded', { load: () => Promise.reject(new Error('no disk')) }],
    ['holds no seed', { load: async () => ({ seed: new Uint8Array(3), seq: 1, anchors: [] }) }],
  ])(
    'a store that %s: an identity for this run, told, and not written over the stored one',
    async (_, store) => {
      const save = vi.fn(async () => {});
      const node = make({ identity: { ...store, save }, listen: 'memory:a' });
      const failed = new Promise((done) => node.on('error', done));
      await node.ready();
      expect(await failed).toMatchObject({ code: 'IDENTITY_INVALID' });
      expect(node.id).toMatch(/^[0-9a-f]{64}$/);
      await node.close();
      expect(save).not.toHaveBeenCalled();
    },
  );
});

test('an aborted signal closes; closing lets go of the signal', async () => {
  const abort = new AbortController();
  const remove = vi.spyOn(abort.signal, 'removeEventListener');
  const node = make({ signal: abort.signal });
  const closed = new Promise<void>((done) => node.on('close', done));
  abort.abort();
  await closed;
  expect(remove).toHaveBeenCalled();
  await expect(node.ready()).rejects.toMatchObject({ code: 'CLOSED' });
  const dead = new Peernet(undefined, { signal: abort.signal });
  await expect(dead.ready()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('the id before ready() is a programmer’s mistake', () => {
  expect(() => make().id).toThrow(/ready/);
});

test('peernet(), peernet(options), peernet(db, options)', async () => {
  for (const node of [
    peernet(),
    peernet({ bootstrap: false }),
    peernet(new MemoryLevel(), { bootstrap: false }),
  ]) {
    await keep(node).ready();
    expect(node.id).toMatch(/^[0-9a-f]{64}$/);
  }
});
