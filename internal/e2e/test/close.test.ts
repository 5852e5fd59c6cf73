// `close()` ends in 3 s whatever is going on, and leaves nothing open.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { leakCheck } from '@peernet/testkit';
import { isPeernetError, Peernet } from 'peernet';
import { expect, test } from 'vitest';

const settled = leakCheck();

async function closes(...nodes: Peernet[]): Promise<void> {
  const startMs = performance.now();
  await Promise.all(nodes.map((node) => node.close()));
  expect(performance.now() - startMs).toBeLessThan(3_000 + 250);
  await settled();
}

test('at once after construction', async () => {
  await closes(new Peernet());
});

test('while it dials somebody who never answers', async () => {
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const node = new Peernet();
  const dial = node.connect(`ws://127.0.0.1:${port}`);
  await node.ready();
  const failed = dial.catch((error: unknown) => error);
  const startMs = performance.now();
  await node.close();
  expect(performance.now() - startMs).toBeLessThan(3_250);
  expect(isPeernetError(await failed)).toBe(true);
  await new Promise((done) => silent.close(done));
  await settled();
});

test('with connections, a stream, a search and memberships', async () => {
  const [a, b] = [new Peernet(), new Peernet()];
  const { address } = await a.listen('ws', { host: '127.0.0.1' });
  a.handle('hold', () => {});
  await b.connect(address);
  await a.join('x');
  const stream = b.open(a.id, 'hold');
  stream.on('error', () => {});
  stream.write(Buffer.alloc(1_000_000));
  const search = b.search('y');
  search.on('data', () => {});
  await closes(a, b);
  await expect(b.connect(address)).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(b.join('z')).rejects.toMatchObject({ code: 'CLOSED' });
  expect(b.connections()).toEqual([]);
});

test('twice, and again', async () => {
  const node = new Peernet();
  await Promise.all([node.close(), node.close()]);
  await node.close();
  await settled();
});

test('in the middle of a handshake, inbound and by createStream', async () => {
  const node = new Peernet();
  const { port } = await node.listen('tcp', { host: '127.0.0.1' });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {}).resume();
  await once(socket, 'connect');
  socket.write('pn/1'); // and never the rest
  const handedIn = node.createStream();
  await new Promise((done) => setTimeout(done, 50));
  await closes(node);
  expect(handedIn.destroyed).toBe(true);
});

test('while a peer takes nothing and a megabyte waits for it', async () => {
  const [a, b] = [new Peernet(), new Peernet()];
  const { port } = await a.listen('tcp', { host: '127.0.0.1' });
  // A wire that can be held up: what comes after the handshake does not arrive.
  const held: Socket[] = [];
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.pipe(upstream).pipe(client);
    held.push(client, upstream);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  a.handle('hold', () => {});
  await b.connect(`tcp://127.0.0.1:${(proxy.address() as { port: number }).port}`);
  const stream = b.open(a.id, 'hold');
  for (const socket of held) socket.pause();
  for (let i = 0; i < 64; i++) stream.write(Buffer.alloc(64 * 1024));
  await new Promise((done) => setTimeout(done, 50));
  const startMs = performance.now();
  await b.close();
  expect(performance.now() - startMs).toBeLessThan(3_250);
  await a.close();
  for (const socket of held) socket.destroy();
  await new Promise((done) => proxy.close(done));
  await settled();
});

test('while it listens, joins, saves and searches for the first time', async () => {
  const node = new Peernet();
  const calls = [
    node.listen('ws'),
    node.join('x'),
    node.save('ws://127.0.0.1:9'),
    node.find('y'),
    node.ready(),
  ];
  const results = Promise.allSettled(calls);
  await closes(node);
  for (const result of await results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CLOSED' });
  }
  expect(node.servers()).toEqual([]);
});

test('from inside of its own events and handlers', async () => {
  const [a, b] = [new Peernet(), new Peernet()];
  const { address } = await a.listen('ws', { host: '127.0.0.1' });
  const closed = Promise.all(
    [a, b].map((node) => new Promise<void>((done) => node.on('close', () => done()))),
  );
  a.on('connect', () => void a.close());
  b.on('disconnect', () => void b.close());
  await b.connect(address).catch(() => {});
  void b.close();
  await closed;
  await settled();
});

test('with `await using`, as TypeScript compiles it', async () => {
  const node = new Peernet();
  await node.ready();
  await node[Symbol.asyncDispose]();
  await expect(node.ready()).rejects.toMatchObject({ code: 'CLOSED' });
  await settled();
});
