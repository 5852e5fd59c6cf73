// Every method of the specification and of what goes beyond it, over memory: callbacks and promises, errors with
// codes, and what is remembered.
import { MemoryNetwork, memoryTransport } from '@peernet/connection';
import { isPeernetError } from '@peernet/core';
import { MemoryLevel } from 'memory-level';
import { afterEach, describe, expect, test } from 'vitest';
import { type Options, Peernet, peernet, type SearchRow } from '../src/index.js';

const open: Peernet[] = [];
let network = new MemoryNetwork();

afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  network = new MemoryNetwork();
});

function make(options: Options = {}, db?: unknown): Peernet {
  const node = new Peernet(db, { transport: memoryTransport(network), ...options });
  open.push(node);
  return node;
}

async function pair(): Promise<[Peernet, Peernet]> {
  const [a, b] = [make({ listen: 'memory:a' }), make({ listen: 'memory:b' })];
  await a.ready();
  await b.connect('memory:a');
  return [a, b];
}

async function rows<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of stream) all.push(row);
  return all;
}

describe('construction', () => {
  test('with nothing, with options, with a database and options', async () => {
    const db = new MemoryLevel<string, string>();
    for (const node of [peernet(), peernet({ bootstrap: false }), peernet(db, { bootstrap: false })]) {
      open.push(node);
      await node.ready();
      expect(node.id).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  test.each<[string, unknown]>([
    ['interval', { interval: -1 }],
    ['interval', { interval: Number.NaN }],
    ['purge', { purge: -5 }],
    ['connections', { connections: 1.5 }],
    ['connections', { connections: 1_000 }],
    ['network', { network: 7 }],
    ['seeds', { seeds: ['not an address'] }],
    ['identity', { identity: 'abc' }],
    ['transport', { transport: {} }],
  ])('a wrong %s is a TypeError that names it', (name, options) => {
    expect(() => new Peernet(undefined, options as Options)).toThrow(TypeError);
    expect(() => new Peernet(undefined, options as Options)).toThrow(name);
  });

  test('null, and an old LevelUP handle, are TypeErrors that say what to do', () => {
    expect(() => peernet(null)).toThrow(TypeError);
    const levelup = { batch() {}, get() {}, put() {}, createReadStream() {}, isOpen: () => true };
    expect(() => peernet(levelup)).toThrow(/level.*8/i);
  });

  test('two instances on one database: STORE_IN_USE', async () => {
    const db = new MemoryLevel<string, string>();
    make({}, db);
    expect(() => make({}, db)).toThrow(expect.objectContaining({ code: 'STORE_IN_USE' }));
  });

  test('the id before ready() is a programmer’s mistake', () => {
    expect(() => make().id).toThrow(TypeError);
  });

  test('an aborted signal closes', async () => {
    const abort = new AbortController();
    const node = make({ signal: abort.signal });
    const closed = new Promise<void>((done) => node.on('close', done));
    abort.abort();
    await closed;
    await expect(node.ready()).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('addresses', () => {
  test('save, known, remove: strings, objects, one or many', async () => {
    const node = make({ bootstrap: false });
    await node.save('ws://10.1.2.3:4000');
    await node.save(['ws://Example.com/', { address: 'tcp://10.1.2.4:5000' }]);
    const addresses = (await rows(node.known())).map((row) => (row as { address: string }).address);
    expect(addresses.sort()).toEqual(['tcp://10.1.2.4:5000', 'ws://10.1.2.3:4000', 'ws://example.com:80']);
    await node.remove([{ address: 'ws://10.1.2.3:4000' }, 'ws://example.com']);
    expect(await rows(node.known())).toEqual([
      { address: 'tcp://10.1.2.4:5000', verified: false, source: 'self' },
    ]);
  });

  test('an invalid one is named, the others are saved', async () => {
    const node = make({ bootstrap: false });
    const saved = node.save(['ws://10.1.2.3:4000', 'nonsense', 'ws://256.1.1.1:1']);
    await expect(saved).rejects.toMatchObject({
      code: 'ADDRESS_INVALID',
      message: expect.stringContaining('nonsense'),
    });
    expect(await rows(node.known())).toHaveLength(1);
  });

  test('they survive a restart, and other keys of the database are untouched', async () => {
    const db = new MemoryLevel<string, string>();
    await db.put('mine', 'stays');
    const first = make({ bootstrap: false }, db);
    await first.save('ws://10.1.2.3:4000');
    await first.join(['a', 'größe']);
    const { id } = first;
    await first.close();
    const second = make({ bootstrap: false }, db);
    await second.ready();
    expect(second.id).toBe(id);
    expect((await rows(second.known())).map((row) => (row as { address: string }).address)).toEqual([
      'ws://10.1.2.3:4000',
    ]);
    expect(await rows(second.subnets())).toEqual([{ key: 'a' }, { key: 'größe' }]);
    expect(await db.get('mine')).toBe('stays');
  });

  test('getStats counts outbound dials once each, and is zeros for a stranger', async () => {
    const [, b] = await pair();
    const stats = await b.getStats('memory:a');
    expect(stats.connections).toEqual({ ok: 1, fail: 0 });
    expect(await b.getStats('ws://10.9.9.9:1')).toEqual({
      connections: { ok: 0, fail: 0 },
      nodes: { rx: 0, tx: 0 },
    });
    await b.connect('memory:nobody').catch(() => {});
  });
});

describe('connections', () => {
  test('connect twice, by two callers at once: one connection, the same peer', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make()];
    await a.ready();
    const [one, two] = await Promise.all([b.connect('memory:a'), b.connect(`memory:a#${a.id}`)]);
    expect(one).toBe(two);
    expect(await b.connect('memory:a')).toBe(one);
    expect(b.connections()).toEqual(['memory:a']);
    expect(a.connections()).toHaveLength(1);
    expect(one).toMatchObject({ id: a.id, address: 'memory:a', transport: 'memory', direction: 'out' });
  });

  test.each([
    ['ADDRESS_INVALID', 'nonsense'],
    ['SCHEME_UNKNOWN', 'foo:bar'],
    ['DIAL_REFUSED', 'memory:nobody'],
    ['WRONG_PEER', `memory:a#${'0'.repeat(63)}1`],
    ['SELF', 'memory:b'],
  ])('%s', async (code, address) => {
    const [, b] = await pair();
    await expect(b.connect(address)).rejects.toMatchObject({ code });
    expect(b.connections()).toEqual(['memory:a']);
  });

  test('disconnect closes, tells why, and holds off', async () => {
    const [a, b] = await pair();
    const told = new Promise<string>((done) => b.on('disconnect', (_, reason) => done(reason)));
    b.disconnect('memory:a');
    expect(await told).toBe('USER');
    expect(b.connections()).toEqual([]);
    expect((await rows(b.known())).map((row) => (row as { address: string }).address)).toContain('memory:a');
    expect(a.peers().filter((peer) => peer.kind === 'overlay')).toEqual([]);
  });

  test('connect and disconnect events carry the peer', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make()];
    const heard: string[] = [];
    a.on('connect', (peer) => heard.push(`connect ${peer.id} ${peer.direction}`));
    a.on('disconnect', (peer, reason) => heard.push(`disconnect ${peer.id} ${reason}`));
    await a.ready();
    await b.connect('memory:a');
    const { id } = b;
    await b.close();
    expect(heard).toEqual([`connect ${id} in`, `disconnect ${id} SHUTDOWN`]);
  });

  test('a given signal gives up', async () => {
    const node = make({ transport: { schemes: ['memory'], dial: () => new Promise(() => {}) } });
    const abort = new AbortController();
    const dial = node.connect('memory:slow', { signal: abort.signal });
    await node.ready();
    abort.abort();
    await expect(dial).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('callbacks', () => {
  test('come later, once, and errors come first', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make()];
    await a.ready();
    let calls = 0;
    let late = false;
    await new Promise<void>((done) => {
      b.connect('memory:a', (error, peer) => {
        calls++;
        expect(late).toBe(true);
        expect(error).toBeNull();
        expect(peer?.id).toBe(a.id);
        done();
      });
      late = true;
    });
    const error = await new Promise<Error | null>((done) => b.connect('nonsense', (e) => done(e)));
    expect(isPeernetError(error, 'ADDRESS_INVALID')).toBe(true);
    expect(calls).toBe(1);
    expect(() => b.save('ws://10.0.0.1:1', 7 as never)).toThrow(TypeError);
  });
});

describe('subnets', () => {
  test('join, search, part', async () => {
    const [a, b] = await pair();
    await a.join('chat');
    const found = (await rows(b.search('chat'))) as SearchRow[];
    expect(found).toEqual([
      {
        hash: 'chat',
        address: 'memory:a',
        hops: 1,
        id: a.id,
        addresses: ['memory:a'],
        verified: true,
        age: 0,
        doubtful: false,
      },
    ]);
    expect(await rows(a.search('chat'))).toEqual([]); // never our own membership
    await a.part('chat');
    await expect(b.find('chat')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  }, 20_000);

  test('a Buffer names a subnet too; limit and early end free everything', async () => {
    const [a, b] = await pair();
    await a.join('x');
    expect((await b.find(Buffer.from('x'))).id).toBe(a.id);
    const stream = b.search('x', { limit: 1 });
    for await (const row of stream) {
      expect((row as SearchRow).id).toBe(a.id);
      break;
    }
    expect(stream.destroyed).toBe(true);
  });

  test('a payload is answered by search handlers', async () => {
    const [a, b] = await pair();
    a.on('search', ({ payload }, hops, reply) => {
      if (payload !== undefined && hops === 1) reply(Buffer.from(`got ${Buffer.from(payload)}`));
    });
    const row = await b.find('questions', { payload: Buffer.from('ping') });
    expect(row.id).toBe(a.id);
    expect(Buffer.from(row.meta ?? []).toString()).toBe('got ping');
  });

  test.each([
    ['', ''],
    ['256 bytes', 'x'.repeat(256)],
    ['a number', 7],
  ])('%s is no name', async (_, name) => {
    const node = make();
    expect(() => node.search(name as string)).toThrow(TypeError);
    await expect(node.join(name as string)).rejects.toThrow(TypeError);
  });
});

describe('streams', () => {
  test('handle and open: by peer, id, address and row; both ways', async () => {
    const [a, b] = await pair();
    a.handle('echo', (stream, peer) => {
      expect(peer.id).toBe(b.id);
      stream.pipe(stream);
    });
    await a.join('echoes');
    const [peer] = b.peers();
    for (const target of [peer as NonNullable<typeof peer>, a.id, 'memory:a', await b.find('echoes')]) {
      const stream = b.open(target, 'echo');
      const echoed = new Promise<string>((done) =>
        stream.on('data', (data: Uint8Array) => done(Buffer.from(data).toString())),
      );
      stream.write(Buffer.from('hello'));
      expect(await echoed).toBe('hello');
      stream.destroy();
    }
  });

  test('open connects by itself: the stream may follow the handshake at once', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
    a.handle('echo', (stream) => void stream.pipe(stream));
    await a.ready();
    for (const target of ['memory:a', 'memory:a']) {
      const stream = b.open(target, 'echo');
      const echoed = new Promise<string>((done, fail) => {
        stream.on('data', (data) => done(String(data)));
        stream.on('error', fail);
      });
      stream.write('hello');
      expect(await echoed).toBe('hello');
      stream.destroy();
      for (const peer of b.peers()) peer.close();
    }
  });

  test('open connects by itself, and says what is not served', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
    await a.ready();
    const stream = b.open('memory:a', 'nothing');
    const error = await new Promise<unknown>((done) => stream.on('error', done));
    expect(error).toMatchObject({ code: 'CHANNEL_REJECTED' });
    expect(b.peers()).toHaveLength(1);
  });

  test('createStream wires two nodes with no transport at all', async () => {
    const [a, b] = [make(), make()];
    const stream = a.createStream();
    stream.pipe(b.createStream()).pipe(stream);
    await new Promise<void>((done) => a.on('connect', () => done()));
    expect(a.connections()).toHaveLength(1);
    await b.close();
    expect(a.connections()).toEqual([]);
  });

  test('a stream of a closed node is dead, and closing ends both halves', async () => {
    const [a, b] = [make(), make()];
    const stream = a.createStream();
    const closed = new Promise<void>((done) => stream.on('close', done));
    stream.pipe(b.createStream()).pipe(stream);
    await new Promise<void>((done) => a.on('connect', () => done()));
    await a.close();
    await closed;
    expect(a.createStream().destroying).toBe(true);
  });

  test('a handler is one, and can be taken back', () => {
    const node = make();
    const stop = node.handle('x', () => {});
    expect(() => node.handle('x', () => {})).toThrow(TypeError);
    stop();
    node.handle('x', () => {});
    expect(() => node.handle('no spaces', () => {})).toThrow(TypeError);
  });
});

describe('diagnosis', () => {
  test('explain says why there are no peers', async () => {
    const node = make();
    expect((await node.explain()).map(({ code }) => code)).toContain('NO_SEEDS');
    const [, b] = await pair();
    expect((await b.explain()).map(({ code }) => code)).toContain('FEW_CONNECTIONS');
    expect(b.snapshot()).toMatchObject({ v: 1, connections: { overlay: 1 }, book: { known: 1 } });
  });

  test('peers of other networks do not finish the handshake', async () => {
    const [a, b] = [make({ listen: 'memory:a', network: 'one' }), make({ network: 'two' })];
    await a.ready();
    await expect(b.connect('memory:a')).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED' });
    expect(a.peers()).toEqual([]);
  });
});
