import { connect, Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  SocketMessageReader,
  SocketMessageWriter,
} from 'vscode-jsonrpc/node';
import { clientsMax, controlProtocol, frameBytesMax, requestsPerClientMax } from '../src/defaults.js';
import { Client } from '../src/rpc/client.js';
import { encodeFrame, FrameDecoder } from '../src/rpc/frames.js';
import { fakeRow } from './fake-node.js';
import { fakeDaemon, until } from './harness.js';

async function rawSocket(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return socket;
}

/** The peer review: a JSON-RPC library that many editors use, as client. */
async function foreignClient(path: string): Promise<{ rpc: MessageConnection; hello: Promise<unknown> }> {
  const socket = await rawSocket(path);
  const rpc = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
  const hello = new Promise((resolve) => rpc.onNotification('hello', resolve));
  onTestFinished(() => rpc.dispose());
  rpc.listen();
  return { rpc, hello };
}

describe('the control socket speaks JSON-RPC', () => {
  it('greeting, results, errors, rows and cancellation, as vscode-jsonrpc understands them', async () => {
    const { node, paths, daemon } = await fakeDaemon();
    node.rows = [fakeRow(), fakeRow({ address: 'tcp://b.example:1' })];
    const { rpc, hello } = await foreignClient(paths.sock);
    expect(await hello).toMatchObject({ protocol: 1, pid: process.pid, id: daemon.id });
    expect(await rpc.sendRequest('own', {})).toEqual({ addresses: [] });
    await expect(rpc.sendRequest('join', { names: 'x' })).rejects.toMatchObject({
      code: -32_000,
      data: { code: 'USAGE', exit: 2 },
    });
    await expect(rpc.sendRequest('nonsense', {})).rejects.toMatchObject({ code: -32_601, data: { exit: 7 } });
    const rows: unknown[] = [];
    rpc.onUnhandledProgress(({ value }: { value: unknown[] }) => void rows.push(...value));
    expect(await rpc.sendRequest('search', { name: 'chat' })).toEqual({ rows: 2, connections: 0 });
    expect(rows).toEqual(node.rows);
    node.searchForever = true;
    const source = new CancellationTokenSource();
    const cancelled = rpc
      .sendRequest('search', { name: 'chat' }, source.token)
      .catch((error: unknown) => error);
    await until(() => rows.length === 4);
    source.cancel();
    expect(await cancelled).toMatchObject({ data: { code: 'ABORTED' } });
    expect(node.searchAborted).toBe(1);
  });

  it('`search` is answered in order: rows before the result, for 300 at once', async () => {
    const { node, paths } = await fakeDaemon();
    node.rows = Array.from({ length: 300 }, (_, i) => fakeRow({ address: `ws://a.example:${i + 1}` }));
    const client = (await Client.connect(paths.sock)) as Client;
    onTestFinished(() => client.close());
    const rows: string[] = [];
    await client.call('search', { name: 'chat' }, { onRow: ({ address }) => rows.push(address) });
    expect(rows).toEqual(node.rows.map(({ address }) => address));
  });
});

describe('the daemon against hostile commands', () => {
  it.each([
    ['garbage', Buffer.from('\x00\xff'.repeat(1_000), 'latin1')],
    [
      'a web page',
      Buffer.from('POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n{}'),
    ],
    ['a frame that is too long', Buffer.from(`Content-Length: ${frameBytesMax + 1}\r\n\r\n`)],
    ['an endless header', Buffer.alloc(5_000, 'a')],
    ['no JSON', Buffer.from('Content-Length: 1\r\n\r\n{')],
  ])('%s ends that client only', async (_, bytes) => {
    const { paths, run } = await fakeDaemon();
    const socket = await rawSocket(paths.sock);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    socket.write(bytes);
    await closed;
    expect((await run('own')).code).toBe(0);
  });

  it('what is JSON, but no request, is answered or ignored', async () => {
    const { paths, run } = await fakeDaemon();
    const socket = await rawSocket(paths.sock);
    const decoder = new FrameDecoder();
    const seen: { id?: unknown; error?: { code: number } }[] = [];
    socket.on('data', (chunk: Buffer) => seen.push(...(decoder.push(chunk) as never[])));
    const deep = `{"id":7,"method":"own","params":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    for (const message of [
      null,
      1,
      [],
      'x',
      {},
      { method: 'own' },
      { id: {}, method: 'own', params: {} },
      { id: 1, method: 5 },
      { method: '$/cancelRequest' },
      { method: '$/cancelRequest', params: { id: 99 } },
      { id: 2, method: '__proto__', params: {} },
      { id: 3, method: 'constructor', params: {} },
      { id: 4, method: 'own' },
      { id: 5, method: 'own', params: [] },
    ])
      socket.write(encodeFrame(message));
    socket.write(`Content-Length: ${deep.length}\r\n\r\n${deep}`);
    socket.write(encodeFrame({ id: 6, method: 'own', params: {} }));
    await until(() => seen.some(({ id }) => id === 6));
    await until(() => seen.some(({ id }) => id === 7));
    const answers = seen.slice(1).map(({ id, error }) => [id, error?.code]);
    expect(answers).toEqual(
      expect.arrayContaining([
        [null, -32_600],
        [2, -32_601],
        [3, -32_601],
        [4, -32_000],
        [5, -32_000],
        [6, undefined],
      ]),
    );
    expect((await run('own')).code).toBe(0);
  });

  it.each([
    ['connect', { address: 5 }],
    ['connect', { address: 'x'.repeat(1_025) }],
    ['connect', { address: 'ws://a.example:1', timeoutMs: -1 }],
    ['add', { addresses: [1] }],
    ['add', { addresses: new Array(4_097).fill('x') }],
    ['join', {}],
    ['search', { name: 'x', limit: 1.5 }],
    ['listen', { protocol: 'ws', port: 70_000 }],
    ['listen', { protocol: 'ws', announce: 'x' }],
    ['log', { recent: 'all' }],
  ])('%s with bad parameters: usage', async (method, params) => {
    const { paths } = await fakeDaemon();
    const client = (await Client.connect(paths.sock)) as Client;
    onTestFinished(() => client.close());
    await expect(client.call(method as 'own', params as never)).rejects.toMatchObject({
      code: 'USAGE',
      exit: 2,
    });
  });

  it(`at most ${clientsMax} commands at once; the next is told, and let in when one has gone`, async () => {
    const { paths, run } = await fakeDaemon();
    const clients: Client[] = [];
    onTestFinished(() => {
      for (const client of clients) client.close();
    });
    const admit = async (): Promise<boolean> => {
      const client = await Client.connect(paths.sock).catch(() => undefined);
      if (client !== undefined) clients.push(client);
      return client !== undefined;
    };
    while (clients.length < clientsMax - 1) await admit();
    expect((await run('own')).code).toBe(0); // the 32nd
    await until(admit); // as soon as the daemon has seen that one go
    await until(async () => (await run('own')).code === 1);
    expect((await run('own')).stderr).toContain('busy');
    clients[0]?.close();
    await until(async () => (await run('own')).code === 0);
  });

  it(`at most ${requestsPerClientMax} requests of one command at once`, async () => {
    const { node, paths } = await fakeDaemon();
    node.searchForever = true;
    const client = (await Client.connect(paths.sock)) as Client;
    const results = Array.from({ length: requestsPerClientMax + 1 }, () =>
      client.call('search', { name: 'x' }).catch((error: { code: string }) => error.code),
    );
    expect(await results.at(-1)).toBe('LIMIT');
    client.close();
    expect(await results[0]).toBe('LOST');
  });

  it('a `log` that never reads does not make the daemon grow; one that asks and never reads is cut off', async () => {
    const { node, paths, run } = await fakeDaemon();
    const deaf = await rawSocket(paths.sock);
    deaf.pause();
    deaf.write(encodeFrame({ id: 1, method: 'log', params: {} }));
    const rude = await rawSocket(paths.sock);
    rude.pause();
    let rudeClosed = false;
    rude.on('close', () => {
      rudeClosed = true;
    });
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 40; i++) {
      for (let k = 0; k < 500; k++) node.emit('debug', 'noise', { i, k, text: 'x'.repeat(200) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 * 1_048_576);
    const request = encodeFrame({ id: 'x'.repeat(60), method: 'nonsense'.repeat(500), params: {} });
    await until(() => {
      for (let i = 0; i < 50 && !rudeClosed; i++) rude.write(request);
      return rudeClosed || rude.destroyed;
    }, 20_000);
    deaf.destroy();
    expect((await run('own')).code).toBe(0);
  });

  it('who idles is cut off, also after a request that took longer than that', async () => {
    const { setTimeout: original } = Socket.prototype;
    const spy = vi.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (this: Socket, _, ring) {
      return original.call(this, 50, ring);
    });
    onTestFinished(() => spy.mockRestore());
    const { paths } = await fakeDaemon();
    const socket = await rawSocket(paths.sock);
    let gone = false;
    socket.resume().on('close', () => {
      gone = true;
    });
    socket.write(encodeFrame({ id: 1, method: 'log', params: {} }));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(gone).toBe(false);
    socket.write(encodeFrame({ method: '$/cancelRequest', params: { id: 1 } }));
    await until(() => gone);
  });

  it('a command that does not read does not keep the node from closing, nor the database', async () => {
    const { node, paths, daemon } = await fakeDaemon();
    const deaf = await rawSocket(paths.sock);
    deaf.pause();
    deaf.write(encodeFrame({ id: 1, method: 'log', params: {} }));
    for (let i = 0; i < 20; i++) {
      for (let k = 0; k < 100; k++) node.emit('debug', 'noise', { i, k, text: 'x'.repeat(200) });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await daemon.close('test');
    expect(node.closed).toBe(true);
  });

  it('a daemon that does not greet is told from one that does', async () => {
    const { createServer } = await import('node:net');
    const { paths, daemon } = await fakeDaemon();
    await daemon.close('test');
    const open = new Set<Socket>();
    const server = createServer((socket) => void open.add(socket));
    onTestFinished(() => {
      for (const socket of open) socket.destroy();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(paths.sock, resolve));
    await expect(Client.connect(paths.sock, 50)).rejects.toMatchObject({ code: 'TIMEOUT', exit: 5 });
  });

  it('a daemon that is ending hangs up: `close` and `status` take that for what it is', async () => {
    const { createServer } = await import('node:net');
    const { paths, daemon, run } = await fakeDaemon();
    await daemon.close('test');
    let greets = true;
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (!greets) return void socket.destroy();
      const params = { protocol: controlProtocol, version: '0.1.0', pid: 4_190_000, id: '' }; // above pid_max
      socket.write(encodeFrame({ method: 'hello', params }));
      socket.on('data', () => socket.destroy()); // another `close` was first
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(paths.sock, resolve));
    expect(await run('close')).toMatchObject({ code: 0, stderr: 'the daemon has ended (pid 4190000)\n' });
    greets = false;
    expect(await run('close')).toMatchObject({ code: 0, stderr: 'no daemon is running\n' });
    expect(await run('status')).toMatchObject({ code: 3 });
  });

  it('more words than a message holds, or a longer one than any address: wrong usage, no bug', async () => {
    const { run } = await fakeDaemon();
    const many = Array.from({ length: 25_000 }, (_, i) => `ws://some-rather-long-name-${i}.example:1`);
    const refused = await run('add', ...many);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('too much for one command') });
    const long = await run('join', 'x'.repeat(2_000));
    expect(long).toMatchObject({ code: 2, stderr: expect.stringContaining('at most 1024 characters') });
    expect((await run('known')).code).toBe(0);
  });
});
