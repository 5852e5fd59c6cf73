// How methods are called: with a callback or for a promise, never both at once, never twice; with a signal where they
// wait; and what they do when the node is closed.
import { duplexPair } from '@peernet/connection';
import { type DuplexListener, isPeernetError } from '@peernet/core';
import { MemoryLevel } from 'memory-level';
import { describe, expect, test, vi } from 'vitest';
import { Peernet } from '../src/index.js';
import { JumpClock, leftDuring, make, memory, pair, rows, unhandledDuring, until } from './nodes.js';

type AnyCallback = (error: Error | null, value?: unknown) => void;
type Call = (node: Peernet, callback?: AnyCallback) => Promise<unknown>;

/** Every asynchronous method, where it succeeds. */
const succeeding: [string, Call][] = [
  ['ready', (node, callback) => node.ready(callback)],
  ['save', (node, callback) => node.save('ws://10.1.2.3:1', callback)],
  ['remove', (node, callback) => node.remove(['ws://10.1.2.3:1'], callback)],
  ['getStats', (node, callback) => node.getStats('ws://10.1.2.3:1', callback)],
  ['connect', (node, callback) => node.connect('memory:a', callback)],
  ['connect with options', (node, callback) => node.connect('memory:a', {}, callback)],
  ['join', (node, callback) => node.join('x', callback)],
  ['part', (node, callback) => node.part(['x', 'y'], callback)],
  ['find', (node, callback) => node.find('here', callback)],
  ['find with options', (node, callback) => node.find('here', { limit: 3 }, callback)],
  ['listen', (node, callback) => node.listen('memory:c', callback)],
  ['listen with options', (node, callback) => node.listen('memory', { host: 'c.example' }, callback)],
  ['explain', (node, callback) => node.explain(callback)],
  ['close', (node, callback) => node.close(callback)],
];

/** Where it fails. */
const failing: [string, Call][] = [
  ['save', (node, callback) => node.save(['nonsense'], callback)],
  ['remove', (node, callback) => node.remove('nonsense', callback)],
  ['getStats', (node, callback) => node.getStats('nonsense', callback)],
  ['connect', (node, callback) => node.connect('memory:nobody', callback)],
  ['join', (node, callback) => node.join('x'.repeat(256), callback)],
  ['part', (node, callback) => node.part('', callback)],
  ['find', (node, callback) => node.find('nobody', { timeout: 1 }, callback)],
  ['listen', (node, callback) => node.listen('carrier', callback)],
];

/** The promise and the callback of one call: what they said, and how often. */
async function both(node: Peernet, call: Call) {
  const callback = vi.fn();
  let sync = true;
  const promise = call(node, (...args) => {
    expect(sync, 'called back synchronously').toBe(false);
    callback(...args);
  });
  sync = false;
  const result = await promise.then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error }),
  );
  await until(() => callback.mock.calls.length > 0, 'called back');
  await new Promise((done) => setTimeout(done, 10));
  expect(callback).toHaveBeenCalledTimes(1);
  return { ...result, told: callback.mock.calls[0] as unknown[] };
}

describe.each(succeeding)('%s', (_, call) => {
  test('calls back once, later, with what the promise gives', async () => {
    const [a, b] = await pair();
    await a.join('here');
    const { value, error, told } = await both(b, call);
    expect(error).toBeUndefined();
    expect(told[0]).toBeNull();
    expect(told[1]).toBe(value);
  });

  test('a callback that throws is an uncaught exception of its own, and nothing is called again', async () => {
    const [a, b] = await pair();
    await a.join('here');
    const callback = vi.fn((_: Error | null) => {
      throw new Error('mine');
    });
    const left = await leftDuring(async () => {
      await call(b, callback);
      await until(() => callback.mock.calls.length > 0, 'called back');
    });
    expect(left).toMatchObject({ rejections: [], exceptions: [{ message: 'mine' }] });
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test('what is no callback is a TypeError at once, and nothing is begun', async () => {
    const node = make();
    const seen = await unhandledDuring(() => {
      expect(() => call(node, 7 as never)).toThrow(TypeError);
    });
    expect(seen).toEqual([]);
  });
});

describe.each(failing)('%s that fails', (method, call) => {
  test('calls back once, later, with the error of the promise', async () => {
    const { error, told } = await both(make(), call);
    expect(error).toBeInstanceOf(Error);
    expect(told).toEqual([error]);
    if (!(error instanceof TypeError)) expect(isPeernetError(error)).toBe(true);
  });

  test('and is ignored is no unhandled rejection, but a debug event', async () => {
    const node = make();
    const heard: unknown[] = [];
    node.on('debug', (event, fields) => event === 'rejected' && heard.push(fields));
    const seen = await unhandledDuring(async () => {
      void call(node);
      await until(() => heard.length > 0, 'told');
    });
    expect(seen).toEqual([]);
    expect(heard).toMatchObject([{ method, message: expect.any(String) }]);
  });
});

test('a promise that succeeds is quiet', async () => {
  const node = make();
  const heard: string[] = [];
  node.on('debug', (event) => heard.push(event));
  await node.save('ws://10.1.2.3:1');
  expect(heard).not.toContain('rejected');
});

describe('signals', () => {
  const deaf = { schemes: ['memory'], dial: () => new Promise<never>(() => {}) };

  test('connect gives up, also when it has not begun', async () => {
    const node = make({ transport: deaf });
    const abort = new AbortController();
    const dial = node.connect('memory:slow', { signal: abort.signal });
    await node.ready();
    setTimeout(() => abort.abort(), 20);
    await expect(dial).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(node.connect('memory:slow', { signal: abort.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(await node.getStats('memory:slow')).toMatchObject({ connections: { ok: 0, fail: 0 } });
  });

  test('one of two callers gives up: the other one is connected', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make()];
    await a.ready();
    const abort = new AbortController();
    const gone = b.connect('memory:a', { signal: abort.signal });
    const stays = b.connect('memory:a');
    await b.ready();
    abort.abort();
    await expect(gone).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await stays).id).toBe(a.id);
  });

  test('search and find give up', async () => {
    const [, b] = await pair();
    const abort = new AbortController();
    const found = b.find('nobody', { signal: abort.signal });
    const stream = rows(b.search('nobody', { signal: abort.signal }));
    setTimeout(() => abort.abort(), 20);
    await expect(found).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(stream).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(rows(b.search('x', { signal: abort.signal }))).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('a signal of listen closes the service', async () => {
    const node = make({ transport: memory() });
    const abort = new AbortController();
    const service = await node.listen('memory:c', { signal: abort.signal });
    expect(node.servers()).toEqual([service]);
    abort.abort();
    await until(() => node.servers().length === 0, 'closed');
    await expect(node.listen('memory:c', { signal: abort.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  test('what is none (the controller, say) is refused before anything is opened', async () => {
    const node = make({ transport: undefined });
    const options = { signal: new AbortController() as unknown as AbortSignal };
    for (const call of [
      () => node.connect('tcp://127.0.0.1:1', options),
      () => node.listen('tcp', { host: '127.0.0.1', ...options }),
      () => node.find('x', options),
      () => node.search('x', options),
      () => node.subnet('x', options),
    ]) {
      expect(call).toThrow(
        new TypeError('signal must be an AbortSignal (of an AbortController: its .signal)'),
      );
    }
    expect(node.servers()).toEqual([]);
  });
});

describe('after close', () => {
  async function closed(): Promise<Peernet> {
    const node = make({ listen: 'memory:z' });
    await node.ready();
    await node.close();
    return node;
  }

  test.each([...succeeding, ...failing].filter(([name]) => name !== 'close'))(
    '%s rejects with CLOSED, or for what it was given',
    async (_, call) => {
      const node = await closed();
      const { error } = await both(node, call);
      if (!(error instanceof TypeError)) expect((error as { code?: string }).code).toMatch(/CLOSED|_INVALID/);
    },
  );

  test.each([
    ['ready', (node: Peernet) => node.ready()],
    ['save', (node: Peernet) => node.save('ws://10.1.2.3:1')],
    ['remove', (node: Peernet) => node.remove('ws://10.1.2.3:1')],
    ['getStats', (node: Peernet) => node.getStats('ws://10.1.2.3:1')],
    ['connect', (node: Peernet) => node.connect('memory:a')],
    ['join', (node: Peernet) => node.join('x')],
    ['part', (node: Peernet) => node.part('x')],
    ['find', (node: Peernet) => node.find('x')],
    ['listen', (node: Peernet) => node.listen('memory:c')],
    ['explain', (node: Peernet) => node.explain()],
    ['known', (node: Peernet) => rows(node.known())],
    ['subnets', (node: Peernet) => rows(node.subnets())],
    ['search', (node: Peernet) => rows(node.search('x'))],
    ['handle', async (node: Peernet) => node.handle('x', () => {})],
  ])('%s: CLOSED', async (_, call) => {
    await expect(call(await closed())).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('a stream of it fails with CLOSED, and nobody need listen', async () => {
    const node = await closed();
    const error = new Promise((done) => node.open('memory:a', 'echo').on('error', done));
    expect(await error).toMatchObject({ code: 'CLOSED' });
    const seen = await unhandledDuring(() => {
      node.open('memory:a', 'echo');
      node.createStream().write('hello');
      node.disconnect('memory:a');
    });
    expect(seen).toEqual([]);
    expect(node.createStream().destroying).toBe(true);
  });

  test('what tells a state tells that there is nothing', async () => {
    const node = await closed();
    expect([node.connections(), node.peers(), node.servers(), node.own()]).toEqual([[], [], [], []]);
    expect(node.snapshot().connections.overlay).toBe(0);
    expect(node.id).toMatch(/^[0-9a-f]{64}$/);
    await Promise.all([node.close(), node[Symbol.asyncDispose]()]);
  });

  test('streams of rows that were there before end with it', async () => {
    const [, b] = await pair();
    const streams = [b.known(), b.subnets(), b.search('nobody')];
    const seen = await unhandledDuring(async () => {
      const ended = Promise.all(streams.map((stream) => rows(stream as AsyncIterable<unknown>)));
      await Promise.all([b.close(), ended]);
    });
    expect(seen).toEqual([]);
  });

  test('calls that wait for a database that hangs are answered', async () => {
    const db = new MemoryLevel();
    vi.spyOn(db, 'open').mockImplementation(() => new Promise(() => {}));
    const clock = new JumpClock();
    const node = make({ clock }, db);
    await Promise.all([node.ready(), clock.pass(15_000)]);
    const address = 'ws://10.1.2.3:4000';
    const waiting = [node.save(address), node.remove(address), node.join('x'), node.part('y')];
    const ended = rows(node.subnets());
    await Promise.all([node.close(), clock.pass(3_000)]);
    for (const call of waiting) await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await ended).toEqual([]);
  });

  test('a start that hangs keeps nobody beyond close(), nor beyond a signal', async () => {
    const identity = { load: () => new Promise<undefined>(() => {}), save: async () => {} };
    const clock = new JumpClock();
    const node = make({ identity, clock });
    const { signal } = new AbortController();
    const given = AbortSignal.timeout(10);
    const waiting = [node.connect('memory:a', { signal }), node.ready()];
    await expect(node.connect('memory:a', { signal: given })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(node.listen('memory:b', { signal: given })).rejects.toMatchObject({ code: 'ABORTED' });
    await Promise.all([node.close(), clock.pass(3_000)]);
    for (const call of waiting) await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    await clock.pass(10_000); // the start gives up as well
  });

  test('a stream of the application that can neither be destroyed nor closes keeps nothing open', async () => {
    const a = make();
    const transport = () => {
      const [near, far] = duplexPair();
      near.pipe(a.createStream()).pipe(near);
      const on = (event: string, listener: DuplexListener) => event !== 'close' && far.on(event, listener);
      const [write, end] = [far.write.bind(far), far.end.bind(far)];
      return { on, write, end, pause() {}, resume() {}, removeListener() {} } as never;
    };
    const db = new MemoryLevel();
    const node = make({ transport }, db);
    await node.connect('own:a');
    await node.close();
    await make({}, db).ready(); // the database is free
  });

  test('calls that wait are answered', async () => {
    const node = new Peernet(undefined, {
      transport: { schemes: ['memory'], dial: () => new Promise(() => {}) },
    });
    const waiting = [node.connect('memory:slow'), node.find('x'), node.ready()];
    const running = node.ready().then(() => node.connect('memory:slow'));
    await node.ready();
    await new Promise((done) => setTimeout(done, 10));
    await node.close();
    const results = await Promise.allSettled([...waiting, running]);
    for (const { status, reason } of results as PromiseRejectedResult[]) {
      if (status === 'rejected') expect(reason).toMatchObject({ code: 'CLOSED' });
    }
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'rejected']);
  });
});
