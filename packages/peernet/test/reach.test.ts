// Whoever has several addresses: a staggered race, and what becomes of those who lose it.
import { type ErrorCode, PeernetError, seededRandom } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import type { Peernet, SearchRow } from '../src/index.js';
import { firstOf } from '../src/reach.js';
import { JumpClock, make, memory, until } from './nodes.js';

/** Attempts that are settled by hand. */
function attempts() {
  const begun: { item: string; signal: AbortSignal; settle: (ok: boolean) => void }[] = [];
  const attempt = (item: string, signal: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      const settle = (ok: boolean): void =>
        ok ? resolve(item) : reject(new PeernetError('DIAL_REFUSED', item));
      begun.push({ item, signal, settle });
    });
  return { begun, attempt };
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

test('the next one begins after a second, or at a failure; the first success ends the others', async () => {
  const clock = new JumpClock();
  const { begun, attempt } = attempts();
  const late: string[] = [];
  const race = firstOf(['a', 'b', 'c', 'd'], clock, 1_000, attempt, (item) => void late.push(item));
  expect(begun.map(({ item }) => item)).toEqual(['a']);
  await clock.pass(900);
  expect(begun).toHaveLength(1);
  await clock.pass(200);
  expect(begun.map(({ item }) => item)).toEqual(['a', 'b']);
  begun[1]?.settle(false);
  await turn();
  expect(begun.map(({ item }) => item)).toEqual(['a', 'b', 'c']);
  begun[0]?.settle(true);
  expect(await race).toBe('a');
  expect(begun.map(({ signal }) => signal.aborted)).toEqual([false, false, true]);
  begun[2]?.settle(true); // it did not hear of it in time
  await turn();
  expect(late).toEqual(['c']);
  await clock.pass(3_000);
  expect(begun).toHaveLength(3);
});

test('fails when all have failed, as the last one did', async () => {
  const { begun, attempt } = attempts();
  const race = firstOf(['a', 'b'], new JumpClock(), 1_000, attempt, () => {});
  begun[0]?.settle(false);
  await turn();
  begun[1]?.settle(false);
  await expect(race).rejects.toMatchObject({ code: 'DIAL_REFUSED', message: 'b' });
});

test('what is made all the same, too late to be used, is given back', async () => {
  const clock = new JumpClock();
  const { begun, attempt } = attempts();
  const late: string[] = [];
  const race = firstOf(['a', 'b'], clock, 1_000, attempt, (item) => late.push(item));
  await clock.pass(1_100);
  for (const { settle } of begun) settle(true);
  expect(await race).toBe('a');
  await turn();
  expect(late).toEqual(['b']);
});

/** A node that is known at `addresses`, as a search would show it. */
function row(node: Peernet, addresses: string[]): SearchRow {
  const [address = ''] = addresses;
  const hash = 'x';
  return { hash, address, addresses, id: node.id, hops: 1, verified: false, age: 0, doubtful: false };
}

/** A node whose transport never answers for addresses that begin with `memory:dead`. */
function withDead(clock = new JumpClock()) {
  const real = memory();
  const given: string[] = [];
  const transport = {
    ...real,
    dial: (address: string, options: { signal: AbortSignal }) => {
      if (!address.startsWith('memory:dead')) return real.dial(address, options);
      return new Promise<never>((_, reject) => {
        options.signal.addEventListener('abort', () => {
          given.push(address);
          reject(new PeernetError('ABORTED', 'given up'));
        });
      });
    },
  };
  return { node: make({ bootstrap: false, transport, clock }), given, clock };
}

/** A node that serves `echo`, and one whose transport dials it where the address begins with `memory:slow`, when told. */
async function slow() {
  const a = make({ listen: 'memory:a' });
  await a.ready();
  a.handle('echo', (stream) => stream.pipe(stream));
  const [clock, real] = [new JumpClock(), memory()];
  const go: (() => void)[] = [];
  const transport = {
    ...real,
    dial: async (address: string, options: { signal: AbortSignal }) => {
      if (address === 'memory:pending') throw new PeernetError('PENDING', 'in the making');
      await new Promise<void>((done) => go.push(done));
      return real.dial('memory:a', options);
    },
  };
  const node = make({ bootstrap: false, transport, clock });
  await node.ready();
  const echoed = async (addresses: string[]): Promise<string> => {
    const stream = node.open(row(a, addresses), 'echo');
    stream.write('hello');
    await until(() => go.length === 1, 'the first one');
    await clock.pass(1_200);
    await until(() => go.length === addresses.filter((text) => text !== 'memory:pending').length, 'begun');
    for (const done of go) done();
    return new Promise((resolve) => {
      stream.on('data', (chunk) => resolve(String(chunk)));
      stream.on('error', (error) => resolve(String(error)));
    });
  };
  return { a, node, echoed };
}

test('two addresses of a peer that answer at the same time: one connection is used, the other one closed', async () => {
  const { a, node, echoed } = await slow();
  expect(await echoed(['memory:slow-1', 'memory:slow-2'])).toBe('hello');
  await until(() => a.peers().length === 1, 'the other one is closed', 2_000);
  expect(node.peers()).toHaveLength(1);
});

test('an attempt that waits for the connection of somebody else does not take that of its own race away', async () => {
  const { node, echoed } = await slow();
  expect(await echoed(['memory:slow', 'memory:pending'])).toBe('hello');
  expect(node.peers()).toHaveLength(1);
});

test('nor does one wait for others once a dial of the same address, not of its race, has made the connection', async () => {
  const a = make({ listen: 'memory:a' });
  await a.ready();
  a.handle('echo', (stream) => stream.pipe(stream));
  const [clock, real] = [new JumpClock(), memory()];
  const dialed: string[] = [];
  let go = (): void => {};
  const transport = {
    ...real,
    dial: async (address: string, options: { signal: AbortSignal }) => {
      dialed.push(address);
      if (address !== 'memory:slow') return new Promise<never>(() => {});
      if (dialed.length > 1) throw new PeernetError('PENDING', 'in the making');
      await new Promise<void>((done) => {
        go = done;
      });
      return real.dial('memory:a', options);
    },
  };
  const node = make({ bootstrap: false, transport, clock });
  await node.ready();
  const connected = node.connect('memory:slow');
  await until(() => dialed.length === 1, 'dialed');
  const stream = node.open(row(a, ['memory:slow', 'memory:dead']), 'echo');
  const back = new Promise((done, failed) => stream.on('data', done).on('error', failed));
  stream.write('x');
  await until(() => dialed.length === 2, 'waits for it');
  go();
  await connected;
  expect(String(await back)).toBe('x');
  expect(dialed).toEqual(['memory:slow', 'memory:slow']);
});

test('open() reaches a peer behind addresses that do not answer within seconds, not 8 s each', async () => {
  const a = make({ listen: 'memory:a' });
  await a.ready();
  a.handle('echo', (stream) => stream.pipe(stream));
  const { node, given, clock } = withDead();
  await node.ready();
  const stream = node.open(row(a, ['memory:dead1', 'memory:dead2', 'memory:a']), 'echo');
  const back = new Promise((done) => stream.on('data', (chunk) => done(String(chunk))));
  stream.write('hello');
  await clock.pass(2_500, 500);
  expect(await back).toBe('hello');
  await until(() => given.length === 2, 'the others were given up');
  expect(node.peers()).toHaveLength(1);
  // Who lost the race has not failed.
  expect((await node.getStats('memory:dead1')).connections.fail).toBe(0);
});

test('two addresses that answer in the same moment: one connection stays', async () => {
  const a = make({ listen: ['memory:a', 'memory:a2'], bootstrap: false });
  await a.ready();
  a.handle('echo', (stream) => stream.pipe(stream));
  const [real, clock] = [memory(), new JumpClock()];
  let go = (): void => {};
  const both = new Promise<void>((done) => {
    go = done;
  });
  const dial = async (address: string, options: { signal: AbortSignal }) => {
    if (address === 'memory:a') await both;
    else go();
    return real.dial(address, options);
  };
  const node = make({ bootstrap: false, transport: { ...real, dial }, clock });
  await node.ready();
  const stream = node.open(row(a, ['memory:a', 'memory:a2']), 'echo');
  const back = new Promise((done) => stream.on('data', done));
  stream.write('x');
  await turn();
  await clock.pass(1_500, 500);
  await back;
  await until(() => node.peers().length === 1 && a.peers().length === 1, 'the other one is closed', 2_000);
});

test('two calls at once share one race', async () => {
  const a = make({ listen: 'memory:a' });
  await a.ready();
  a.handle('echo', (stream) => stream.pipe(stream));
  const { node, clock } = withDead();
  await node.ready();
  const streams = [1, 2].map(() => node.open(row(a, ['memory:dead1', 'memory:a']), 'echo'));
  const answers = streams.map((stream) => new Promise((done) => stream.on('data', done)));
  for (const stream of streams) stream.write('x');
  await clock.pass(1_500, 500);
  await Promise.all(answers);
  expect(a.peers()).toHaveLength(1);
});

test('open(id) while a dial of what a row said is under way: what is saved is tried when that has failed', async () => {
  const a = make({ listen: 'memory:a' });
  await a.ready();
  a.handle('echo', (stream) => stream.pipe(stream));
  const { node, clock } = withDead();
  await node.ready();
  node.open(row(a, ['memory:dead']), 'echo').on('error', () => {});
  await turn();
  await node.save(`memory:a#${a.id}`);
  node.disconnect('memory:a'); // the overlay does not dial it by itself
  const stream = node.open(a.id, 'echo');
  const back = new Promise((done) => stream.on('data', done).on('error', done));
  stream.write('x');
  await clock.pass(10_000, 1_000);
  expect(String(await back)).toBe('x');
});

test('who has dialed us while our dial failed is reached all the same', async () => {
  const a = make({ bootstrap: false });
  a.handle('echo', (stream) => stream.pipe(stream));
  const { node, clock } = withDead();
  await node.listen('memory:node');
  const stream = node.open(row(a, ['memory:dead']), 'echo');
  const back = new Promise((done, failed) => stream.on('data', done).on('error', failed));
  stream.write('x');
  await a.connect('memory:node');
  await clock.pass(30_000, 1_000);
  expect(String(await back)).toBe('x');
  expect(node.peers()).toHaveLength(1);
});

test('order of addresses: what costs others an introduction comes last', async () => {
  const a = make({ listen: 'memory:a' });
  await a.ready();
  const dialed: string[] = [];
  const real = memory();
  const transport = {
    ...real,
    schemes: ['memory', 'wrtc'],
    dial: (address: string, options: { signal: AbortSignal }) => {
      dialed.push(address.split(':')[0] as string);
      return address.startsWith('memory')
        ? Promise.reject(new PeernetError('DIAL_REFUSED', 'no'))
        : real.dial('memory:a', options);
    },
  };
  const node = make({ bootstrap: false, transport, random: seededRandom(1) });
  a.handle('x', (stream) => stream.end('y'));
  await node.ready();
  const stream = node.open(row(a, [`wrtc:${a.id}?via=memory:hub`, 'memory:b']), 'x');
  await new Promise((done) => stream.on('data', done));
  expect(dialed).toEqual(['memory', 'wrtc']);
});

/** A node whose dials by WebRTC all fail alike. */
function withoutWay(code: ErrorCode, clock = new JumpClock()) {
  const real = memory();
  const transport = {
    ...real,
    schemes: [...real.schemes, 'wrtc'],
    dial: (address: string, options: { signal: AbortSignal }) =>
      address.startsWith('wrtc:')
        ? Promise.reject(new PeernetError(code, 'by WebRTC'))
        : real.dial(address, options),
  };
  return { node: make({ bootstrap: false, transport, clock }), clock };
}

describe('another dial makes the connection', () => {
  test('it is waited for, and used', async () => {
    const a = make({ bootstrap: false });
    a.handle('echo', (stream) => stream.pipe(stream));
    const { node } = withoutWay('PENDING');
    await node.listen('memory:node');
    const stream = node.open(row(a, [`wrtc:${a.id}`]), 'echo');
    const back = new Promise((done, failed) => stream.on('data', done).on('error', failed));
    stream.write('x');
    await a.connect('memory:node');
    expect(String(await back)).toBe('x');
    expect(node.peers()).toHaveLength(1);
  });

  test('by connect() as well, which the overlay takes for its own then', async () => {
    const a = make({ bootstrap: false });
    const { node } = withoutWay('PENDING');
    await node.listen('memory:node');
    const connected = node.connect(`wrtc:${a.id}`);
    await turn();
    await a.connect('memory:node');
    expect(await connected).toMatchObject({ id: a.id });
    expect(node.peers()).toHaveLength(1);
    expect((await node.getStats(`wrtc:${a.id}`)).connections.fail).toBe(0); // that dial says nothing of the peer
  });

  test.each([
    ['nobody came: it is the error', 'PENDING'],
    ['given up', 'ABORTED'],
    ['closed', 'CLOSED'],
  ])('connect(): %s', async (_, code) => {
    const a = make({ bootstrap: false });
    const { node, clock } = withoutWay('PENDING');
    await node.ready();
    const abort = new AbortController();
    const failed = node.connect(`wrtc:${a.id}`, { signal: abort.signal }).catch((error: unknown) => error);
    await turn();
    if (code === 'ABORTED') abort.abort();
    if (code === 'CLOSED') await node.close();
    await clock.pass(11_000, 1_000);
    expect(await failed).toMatchObject({ code });
  });

  test('not for ever: then it is the error', async () => {
    const [a, b] = [make({ bootstrap: false }), make({ bootstrap: false })];
    const { node, clock } = withoutWay('PENDING');
    await node.listen('memory:node');
    const errors: unknown[] = [];
    node.open(row(a, [`wrtc:${a.id}`]), 'echo').on('error', (error) => void errors.push(error));
    await b.connect('memory:node'); // somebody else
    await clock.pass(9_000);
    expect(errors).toEqual([]);
    await clock.pass(2_000);
    expect(errors).toMatchObject([{ code: 'PENDING' }]);
  });

  test('closing does not wait for it', async () => {
    const a = make({ bootstrap: false });
    const { node } = withoutWay('PENDING');
    await node.ready();
    const ended = new Promise((done) =>
      node.open(row(a, [`wrtc:${a.id}`]), 'echo').on('close', () => done(true)),
    );
    await turn();
    await node.close();
    expect(await ended).toBe(true); // and leakCheck finds no timer
  });
});

describe('a row whose member nobody could introduce', () => {
  test.each([
    ['names no relay: shown again after 10 s', '', true],
    ['control: its relays did not know it: gone until it speaks', '?via=ws://127.0.0.1:1', false],
  ])('%s', async (_, via, isShown) => {
    const { node, clock } = withoutWay('DIAL_REFUSED');
    const hidden = make({ bootstrap: false });
    const relay = make({ bootstrap: false, listen: 'memory:relay' });
    await relay.ready();
    for (const each of [node, hidden]) await each.connect('memory:relay');
    await hidden.join('x');
    const found = await node.find('x');
    const address = `wrtc:${hidden.id}${via}`;
    const stream = node.open({ ...found, address, addresses: [address] }, 'echo');
    expect(await new Promise((done) => stream.on('error', done))).toMatchObject({ code: 'DIAL_REFUSED' });
    await clock.pass(9_000);
    await expect(node.find('x', { timeout: 500 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await clock.pass(2_000);
    if (isShown) expect((await node.find('x')).id).toBe(hidden.id);
    else await expect(node.find('x', { timeout: 500 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
