// connect, disconnect, connections, peers, getStats: what they mean, exactly.

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { duplexPair } from '@peernet/connection';
import type { Listener, Transport } from '@peernet/core';
import { afterEach, describe, expect, test } from 'vitest';
import { type KnownRow, Peernet, type SearchRow } from '../src/index.js';
import { JumpClock, keep, make, memory, pair, rows, until } from './nodes.js';

const servers: Server[] = [];
const accepted: Socket[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const socket of accepted.splice(0)) socket.destroy(); // some of them never look
});

/** The port of a server of any kind. */
async function portOf(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => accepted.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

const addresses = async (node: Peernet): Promise<string[]> =>
  (await rows<KnownRow>(node.known())).map((row) => row.address);

describe('connect', () => {
  test('by two callers at once, again, and with the id: one connection, the same Peer', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make()];
    await a.ready();
    const [one, two] = await Promise.all([b.connect('memory:a'), b.connect(`memory:a#${a.id}`)]);
    expect(one).toBe(two);
    expect(await b.connect('memory:a')).toBe(one);
    expect(b.connections()).toEqual(['memory:a']);
    expect(b.peers()).toEqual([one]);
    await until(() => a.peers().length === 1, 'one on the other side');
    expect(one).toMatchObject({
      id: a.id,
      address: 'memory:a',
      transport: 'memory',
      direction: 'out',
      kind: 'overlay',
    });
    expect(one.since).toBeGreaterThan(Date.now() - 60_000);
  });

  test.each([
    [
      'one after the other',
      async (b: Peernet) => [await b.connect('memory:a'), await b.connect('memory:a2')],
    ],
    ['at once', (b: Peernet) => Promise.all([b.connect('memory:a'), b.connect('memory:a2')])],
  ])('to two addresses of one peer, %s: both succeed with the same Peer', async (_, connect) => {
    const [a, b] = [make({ listen: ['memory:a', 'memory:a2'] }), make()];
    await a.ready();
    const [one, two] = await connect(b);
    expect(one?.id).toBe(a.id);
    expect(two?.id).toBe(a.id);
    await until(() => b.peers().length === 1 && a.peers().length === 1, 'one connection is left');
    expect(two?.id).toBe(b.peers()[0]?.id);
    // Both promises gave a peer that is alive.
    expect(b.peers()).toContain(await b.connect('memory:a'));
    expect(b.peers()).toContain(await b.connect('memory:a2'));
  });

  test('from both sides at once: both succeed, one connection is left', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make({ listen: 'memory:b' })];
    await Promise.all([a.ready(), b.ready()]);
    const [toA, toB] = await Promise.all([b.connect('memory:a'), a.connect('memory:b')]);
    expect([toA.id, toB.id]).toEqual([a.id, b.id]);
    await until(() => a.peers().length === 1 && b.peers().length === 1, 'one is left', 15_000);
    await new Promise((done) => setTimeout(done, 300));
    expect(a.connections()).toHaveLength(1);
    expect(b.connections()).toHaveLength(1);
  });

  test.each([
    ['ADDRESS_INVALID', 'nonsense', 'ws://'],
    ['ADDRESS_INVALID', 'ws://169.254.169.254:80', ''],
    ['SCHEME_UNKNOWN', 'foo:bar', 'memory:'],
    ['DIAL_REFUSED', 'memory:nobody', 'memory:nobody'],
    ['WRONG_PEER', `memory:a#${'0'.repeat(63)}1`, 'memory:a'],
    ['SELF', 'memory:b', 'memory:b'],
  ])('%s: %s', async (code, address, said) => {
    const [, b] = await pair();
    await expect(b.connect(address)).rejects.toMatchObject({ code, message: expect.stringContaining(said) });
    expect(b.connections()).toEqual(['memory:a']);
  });

  test('over sockets: refused, an HTTP server, an echo, a silent one', async () => {
    const clock = new JumpClock();
    const node = keep(new Peernet(undefined, { bootstrap: false, clock }));
    const http = await portOf(createHttpServer((_, response) => response.end('hello\n')));
    const echo = await portOf(createServer((socket) => void socket.on('error', () => {}).pipe(socket)));
    const silent = await portOf(createServer((socket) => void socket.on('error', () => {})));
    const closing = await portOf(createServer((socket) => void socket.destroy()));
    const free = createServer();
    const refused = await portOf(free);
    await new Promise((done) => free.close(done));
    const outcomes: Record<string, string> = {};
    for (const [name, port] of Object.entries({ http, echo, silent, closing, refused })) {
      for (const scheme of ['ws', 'tcp']) {
        const dial = node.connect(`${scheme}://127.0.0.1:${port}`).catch((e: unknown) => e);
        if (name === 'silent') {
          await node.ready();
          await clock.pass(9_000);
        }
        const error = await dial;
        outcomes[`${scheme} ${name}`] = (error as { code: string }).code;
        expect((error as Error).message).toContain(`${scheme}://127.0.0.1:${port}`);
      }
    }
    expect(outcomes).toEqual({
      'ws http': 'NOT_PEERNET',
      'tcp http': 'NOT_PEERNET',
      'ws echo': 'NOT_PEERNET',
      'tcp echo': 'MIRROR',
      'ws silent': 'DIAL_TIMEOUT',
      'tcp silent': 'HANDSHAKE_TIMEOUT',
      'ws closing': 'DIAL_FAILED',
      'tcp closing': 'LOST',
      'ws refused': 'DIAL_REFUSED',
      'tcp refused': 'DIAL_REFUSED',
    });
    expect(node.peers()).toEqual([]);
  }, 20_000);

  test('a peer of another network cannot finish the handshake', async () => {
    const [a, b] = [make({ listen: 'memory:a', network: 'one' }), make({ network: 'two' })];
    await a.ready();
    await expect(b.connect('memory:a')).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED' });
    expect(a.peers()).toEqual([]);
    const c = make({ network: 'one' });
    expect((await c.connect('memory:a')).id).toBe(a.id);
  });
});

describe('disconnect', () => {
  test.each([
    ['its address', (_: Peernet) => 'memory:a'],
    ['its id', (a: Peernet) => a.id],
    ['both', (a: Peernet) => `memory:a#${a.id}`],
  ])(
    'by %s: closes, says USER on both sides, keeps the address, holds off',
    async (_, target) => {
      const clock = new JumpClock();
      const [a, b] = await pair({ clock });
      const told = Promise.all(
        [a, b].map((node) => new Promise((done) => node.on('disconnect', (_p, why) => done(why)))),
      );
      b.disconnect(target(a));
      expect(b.connections()).toEqual([]);
      expect(await told).toEqual(['USER', 'USER']);
      expect(await addresses(b)).toContain('memory:a');
      // Minutes of upkeep, and saving it again, change nothing.
      await b.save('memory:a');
      await clock.pass(9 * 60_000);
      expect(b.connections()).toEqual([]);
      // But the user may change their mind.
      expect((await b.connect('memory:a')).id).toBe(a.id);
      expect(b.connections()).toEqual(['memory:a']);
    },
    20_000,
  );

  test('the hold-off ends after 10 minutes', async () => {
    const clock = new JumpClock();
    const [, b] = await pair({ clock, interval: 1_000 });
    b.disconnect('memory:a');
    await clock.pass(9.9 * 60_000);
    expect(b.connections()).toEqual([]);
    await clock.pass(12_000);
    await until(() => b.connections().length === 1, 'connected by itself');
  }, 20_000);

  test('ends a connect that is under way, and one that waits for the start', async () => {
    const deaf = { schemes: ['memory'], dial: () => new Promise<never>(() => {}) };
    const node = make({ transport: deaf });
    const early = node.connect('memory:x');
    node.disconnect('memory:x');
    await expect(early).rejects.toMatchObject({ code: 'HELD_OFF' });
    const late = node.connect('memory:x');
    await new Promise((done) => setTimeout(done, 10));
    node.disconnect('memory:x');
    await expect(late).rejects.toMatchObject({ code: 'HELD_OFF' });
  });

  test('ends one that waits for the start and has a signal, too', async () => {
    const node = make({ transport: { schemes: ['memory'], dial: () => new Promise<never>(() => {}) } });
    const { signal } = new AbortController();
    const early = node.connect('memory:x', { signal });
    node.disconnect('memory:x');
    await expect(early).rejects.toMatchObject({ code: 'HELD_OFF' });
  });

  test.each([
    ['is there', true],
    ['is not there yet', false],
  ])('right behind a connect it has the last word, where the connection %s', async (_, before) => {
    const [a, b] = [make({ listen: 'memory:a' }), make()];
    await Promise.all([a.ready(), b.ready()]);
    if (before) await b.connect('memory:a');
    const connecting = expect(b.connect('memory:a')).rejects.toMatchObject({
      code: before ? 'LOST' : 'HELD_OFF',
    });
    b.disconnect('memory:a');
    await connecting;
    await until(() => b.peers().length === 0, 'gone');
  });

  test.each([
    ['a disconnect', 'a connect'],
    ['a connect', 'a disconnect'],
  ])('%s that waits for the start comes before %s while it is under way', async (first) => {
    const opened = memory();
    let [begun, bind] = [false, (): void => {}];
    const binding = new Promise<void>((done) => {
      bind = done;
    });
    const listen: Transport['listen'] = async (options, onDuplex) => {
      begun = true; // its parts run by now
      await binding;
      return (await opened.listen?.(options, onDuplex)) as Listener;
    };
    await make({ listen: 'memory:a' }).ready();
    const node = make({ transport: { ...opened, listen }, listen: 'memory:late' });
    const connecting = async (): Promise<unknown> => node.connect('memory:a').catch(({ code }) => code);
    const early = first === 'a connect' ? connecting() : node.disconnect('memory:a');
    await until(() => begun, 'its parts');
    const late = first === 'a connect' ? node.disconnect('memory:a') : connecting();
    setTimeout(bind, 50);
    const [said] = await Promise.all([first === 'a connect' ? early : late, node.ready()]);
    await new Promise((done) => setTimeout(done, 50));
    expect(node.connections()).toEqual(first === 'a connect' ? [] : ['memory:a']);
    if (first === 'a connect') expect(said).toBe('HELD_OFF');
  });

  test('ends streams too; of somebody unknown it does nothing; misuse is a TypeError', async () => {
    const [a, b] = await pair();
    a.handle('hold', () => {});
    const stream = b.open(a.id, 'hold');
    stream.write('x');
    const closed = new Promise<void>((done) => stream.on('close', done));
    a.disconnect(b.id);
    await closed;
    await until(() => a.peers().length + b.peers().length === 0, 'gone');
    a.disconnect('1'.repeat(64));
    a.disconnect('never an address');
    expect(() => a.disconnect(7 as never)).toThrow(TypeError);
  });

  test('a peer that is gone is not told of again, whatever is opened to it or said to it', async () => {
    const [, b] = await pair();
    const events: string[] = [];
    b.on('connect', () => events.push('connect'));
    b.on('disconnect', (_, reason) => events.push(reason));
    const [peer] = b.peers();
    peer?.close('toString'); // no reason that there is
    await until(() => events.length > 0, 'disconnected');
    const stream = peer?.open('echo');
    await new Promise((done) => stream?.on('close', () => done(undefined)));
    expect(events).toEqual(['USER']);
  });

  test('peer.close() ends a connection and holds nothing off', async () => {
    const [a, b] = await pair();
    const told = new Promise((done) => a.on('disconnect', (_p, why) => done(why)));
    for (const peer of b.peers()) peer.close();
    expect(await told).toBe('USER');
    expect((await b.connect('memory:a')).id).toBe(a.id);
  });
});

describe('bootstrap: false', () => {
  test('nothing is dialed from the book or by walks; what the user asks for is', async () => {
    const clock = new JumpClock();
    const nodes = [0, 1, 2, 3].map((i) => make({ listen: `memory:n${i}`, clock }));
    await Promise.all(nodes.map((node) => node.ready()));
    await Promise.all(nodes.slice(1).map((node) => node.connect('memory:n0')));
    const lone = make({ bootstrap: false, clock });
    await lone.save(['memory:n1', 'memory:n2']);
    await clock.pass(60_000);
    expect(lone.connections()).toEqual([]);
    await lone.connect('memory:n0');
    await clock.pass(300_000); // news, walks, rotations
    expect(
      lone
        .peers()
        .filter((peer) => peer.direction === 'out')
        .map((peer) => peer.address),
    ).toEqual(['memory:n0']);
    // The control: the same with the default.
    const eager = make({ clock });
    await eager.save(['memory:n1', 'memory:n2']);
    await until(() => eager.connections().length >= 2, 'dialed by itself');
  }, 30_000);

  test('saved addresses and seeds are dialed by default', async () => {
    const [a, b, c] = [make({ listen: 'memory:a' }), make(), make({ seeds: ['memory:a'] })];
    await a.ready();
    await b.save('memory:a');
    for (const node of [b, c]) await until(() => node.connections().includes('memory:a'), 'dialed by itself');
  });
});

describe('connections and peers', () => {
  test('an address, or the bare id where none is known; the address as soon as a dial has proven it', async () => {
    const [a, b, c] = [make({ listen: 'memory:a' }), make(), make({ listen: 'memory:c' })];
    await a.ready();
    await b.connect('memory:a');
    await until(() => a.connections().length === 1, 'b came');
    expect(a.connections()).toEqual([b.id]);
    expect(a.peers()[0]).toMatchObject({
      id: b.id,
      direction: 'in',
      address: undefined,
      transport: 'memory',
    });
    await c.connect('memory:a');
    await until(() => a.connections().includes('memory:c'), 'c is proven to be at memory:c');
    a.disconnect('memory:c');
    expect(a.connections()).toEqual([b.id]);
  });

  test('kinds: guest, at a node that has no place left', async () => {
    // Nobody can dial it, so it keeps 8 links, 5 of which are for dials of its own.
    const full = make();
    const transport = () => {
      const [near, far] = duplexPair();
      near.pipe(full.createStream()).pipe(near);
      return far;
    };
    const others = [0, 1, 2, 3].map(() => make({ bootstrap: false, transport }));
    for (const [i, other] of others.entries()) {
      await other.connect('door:full');
      const settled = () =>
        full.peers().filter(({ kind }) => kind === 'overlay' || kind === 'guest').length === i + 1;
      await until(settled, `peer ${i} has its place`);
    }
    expect(
      full
        .peers()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['guest', 'overlay', 'overlay', 'overlay']);
    expect(full.connections()).toHaveLength(3);
    const guest = full.peers().find(({ kind }) => kind === 'guest');
    const its = others.find(({ id }) => id === guest?.id);
    // Its user asked for the connection, and has it for as long as it lasts.
    expect(its?.connections()).toEqual(['door:full']);
  });

  test('kinds: overlay, app', async () => {
    const [a, b] = await pair();
    expect(b.peers().map(({ kind }) => kind)).toEqual(['overlay']);
    const c = make({ bootstrap: false });
    a.handle('echo', (stream) => stream.pipe(stream));
    const stream = c.open('memory:a', 'echo');
    stream.write('x');
    await new Promise((done) => stream.on('data', done));
    expect(c.peers().map(({ kind }) => kind)).toEqual(['app']);
    expect(c.connections()).toEqual(['memory:a']);
    const peer = a.peers().find(({ id }) => id === c.id);
    expect(peer?.kind).toBe('app');
    expect(a.connections()).toContain(c.id);
    stream.destroy();
  });

  test('events tell of each peer once, with the reason of its end', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make()];
    const heard: string[] = [];
    a.on('connect', (peer) => heard.push(`connect ${peer.id} ${peer.direction}`));
    a.on('disconnect', (peer, reason) => heard.push(`disconnect ${peer.id} ${reason}`));
    const errors: unknown[] = [];
    for (const node of [a, b]) node.on('error', (error) => errors.push(error));
    await a.ready();
    await b.connect('memory:a');
    const { id } = b;
    await b.close();
    await until(() => heard.length === 2, 'told');
    expect(heard).toEqual([`connect ${id} in`, `disconnect ${id} SHUTDOWN`]);
    expect(errors).toEqual([]);
  });
});

describe('getStats', () => {
  const zeros = { connections: { ok: 0, fail: 0 }, nodes: { rx: 0, tx: 0 } };

  test('counts dials once each: connect, open, saved, streams with an address', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
    await a.ready();
    for (let i = 1; i <= 3; i++) {
      await b.connect('memory:a');
      expect((await b.getStats('memory:a')).connections).toEqual({ ok: i, fail: 0 });
      for (const peer of b.peers()) peer.close();
      await until(() => b.peers().length === 0, 'gone');
    }
    await b.connect('memory:nobody').catch(() => {});
    await b.connect('memory:nobody').catch(() => {});
    expect((await b.getStats('memory:nobody')).connections).toEqual({ ok: 0, fail: 2 });
    const c = make({ bootstrap: false });
    a.handle('echo', (stream) => stream.pipe(stream));
    c.open('memory:a', 'echo').destroy();
    c.open('memory:nobody', 'echo').on('error', () => {});
    await until(async () => (await c.getStats('memory:a')).connections.ok === 1, 'counted');
    await until(async () => (await c.getStats('memory:nobody')).connections.fail === 1, 'counted');
    expect(await c.getStats('memory:stranger')).toEqual(zeros);
    expect(await a.getStats('memory:a')).toEqual(zeros);
    // An address with the id names the same address.
    expect((await b.getStats(`memory:a#${a.id}`)).connections.ok).toBe(3);
  });

  test('a failed identity is a failed dial', async () => {
    const [, b] = await pair();
    await b.connect(`memory:a#${'0'.repeat(63)}1`).catch(() => {});
    expect((await b.getStats('memory:a')).connections.ok).toBe(1);
  });

  test('what one side counts as sent the other one counts as received', async () => {
    const nodes = [0, 1, 2, 3].map((i) => make({ listen: `memory:n${i}`, interval: 50 }));
    await Promise.all(nodes.map((node) => node.ready()));
    const [hub, ...others] = nodes as [Peernet, ...Peernet[]];
    for (const node of others) await node.connect('memory:n0');
    const [one] = others as [Peernet];
    const both = async (): Promise<boolean> => {
      const { rx, tx } = (await one.getStats('memory:n0')).nodes;
      return rx >= 3 && tx > 0;
    };
    await until(both, 'news in both directions');
    const stats = await one.getStats('memory:n0');
    expect(stats.connections).toEqual({ ok: 1, fail: 0 });
    expect((await hub.getStats('memory:unknown')).nodes).toEqual({ rx: 0, tx: 0 });
  });
});

test('a row of a search carries the address that worked', async () => {
  const [a, b] = await pair();
  await a.join('x');
  const [row] = (await rows(b.search('x', { limit: 1 }))) as SearchRow[];
  expect(row).toMatchObject({ id: a.id, address: 'memory:a', verified: true });
});
