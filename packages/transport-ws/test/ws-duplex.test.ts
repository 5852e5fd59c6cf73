// `wsDuplex` over sockets of an app's own `ws` server, and its bounds.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { leakCheck, until } from '@peernet/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { frameBytesMax } from '../src/defaults.js';
import { type WsDuplex, wsDuplex } from '../src/index.js';

const servers: WebSocketServer[] = [];
const settled = leakCheck();
afterEach(async () => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
  await settled();
});

async function appServer(): Promise<{ server: WebSocketServer; url: string }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  servers.push(server);
  await once(server, 'listening');
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Not `once`: that rejects with errors, which are a case here. */
function closed(duplex: WsDuplex): Promise<void> {
  return new Promise((resolve) => duplex.on('close', resolve));
}

test('an app’s own server and client, with nothing but wsDuplex: an echo by pipe', async () => {
  const { server, url } = await appServer();
  server.on('connection', (socket) => {
    const duplex = wsDuplex(socket);
    duplex.pipe(duplex);
  });
  const client = wsDuplex(new WebSocket(url)); // still connecting
  const data = Buffer.alloc(3 * 1024 * 1024, 'peernet');
  const hash = createHash('sha256');
  let received = 0;
  const ended = once(client, 'end');
  client.on('data', (chunk) => {
    hash.update(chunk as Uint8Array);
    received += (chunk as Uint8Array).length;
    if (received === data.length) client.end();
  });
  client.write(data);
  await ended;
  expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'));
});

test('large writes leave as frames that every peer takes', async () => {
  const { server, url } = await appServer();
  const sizes: number[] = [];
  server.on('connection', (socket) => socket.on('message', (data: Buffer) => sizes.push(data.length)));
  const client = wsDuplex(new WebSocket(url));
  client.write(Buffer.alloc(frameBytesMax * 3 + 1));
  await until('all', () => sizes.length === 4);
  expect(sizes).toEqual([frameBytesMax, frameBytesMax, frameBytesMax, 1]);
  client.destroy();
});

describe('a remote that reads nothing', () => {
  async function stuck() {
    const { server, url } = await appServer();
    server.on('connection', (socket) => socket.pause());
    const socket = new WebSocket(url);
    const duplex = wsDuplex(socket);
    await once(duplex, 'open');
    const chunk = Buffer.alloc(65_536);
    for (;;) {
      if (duplex.write(chunk)) continue;
      const drained = await Promise.race([
        once(duplex, 'drain').then(() => true),
        new Promise<false>((resolve) => setTimeout(resolve, 200, false)),
      ]);
      if (!drained) return { socket, duplex };
    }
  }

  test('leaves at most two marks of bytes with us', async () => {
    const { socket, duplex } = await stuck();
    const { _writableState: state } = duplex as unknown as { _writableState: { buffered: number } };
    // The stream's queue up to its mark and one write, the socket's up to its mark and one write, and headers.
    expect(state.buffered).toBeLessThanOrEqual(2 * 65_536);
    expect(socket.bufferedAmount).toBeLessThanOrEqual(2 * 65_536 + 100);
    duplex.destroy();
  });

  test('does not keep us from closing', async () => {
    const { duplex } = await stuck();
    const closing = closed(duplex);
    const began = performance.now();
    duplex.destroy();
    await closing;
    expect(performance.now() - began).toBeLessThan(200);
  });
});

/** A socket of `ws` that sends only when told. */
class ManualSocket extends EventTarget {
  binaryType = '';
  readyState = 1;
  readonly queue: { bytes: number; sent: (() => void) | undefined }[] = [];

  get bufferedAmount(): number {
    return this.queue.reduce((sum, { bytes }) => sum + bytes, 0);
  }
  send(data: Uint8Array, _options: object, sent?: () => void): void {
    this.queue.push({ bytes: data.byteLength, sent });
  }
  /** The oldest one leaves. */
  leave(): void {
    this.queue.shift()?.sent?.();
  }
  pause(): void {}
  resume(): void {}
  on(): void {}
  close(): void {}
  terminate(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
}

test('small writes that leave make no room for large ones', async () => {
  const socket = new ManualSocket();
  const duplex = wsDuplex(socket);
  for (let i = 0; i < 100; i++) duplex.write(new Uint8Array(10));
  for (let i = 0; i < 3; i++) duplex.write(new Uint8Array(frameBytesMax));
  const ticks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await ticks();
  // The first large write went over the mark; the second waits until the first has left.
  expect(socket.queue).toHaveLength(101);
  for (let i = 0; i < 100; i++) {
    socket.leave();
    await ticks();
  }
  expect(socket.queue).toHaveLength(1);
  socket.leave();
  await ticks();
  expect(socket.queue).toHaveLength(1);
  expect(socket.bufferedAmount).toBe(frameBytesMax);
  duplex.destroy();
});

test('a remote that does not answer our end is cut off', { timeout: 10_000 }, async () => {
  const { server, url } = await appServer();
  const client = new WebSocket(url);
  const [remote] = (await once(server, 'connection')) as [WebSocket];
  const duplex = wsDuplex(client);
  await once(duplex, 'open');
  remote.pause();
  duplex.resume();
  duplex.end();
  await closed(duplex);
  remote.terminate();
});

test('a socket that never opens: the stream fails, and nothing is thrown', async () => {
  const duplex = wsDuplex(new WebSocket('ws://127.0.0.1:1'));
  await closed(duplex);
  expect(duplex.destroyed).toBe(true);
});

test('a socket that is closed already', async () => {
  const { url } = await appServer();
  const socket = new WebSocket(url);
  await once(socket, 'open');
  socket.terminate();
  await once(socket, 'close');
  const duplex = wsDuplex(socket);
  await closed(duplex);
});

test('destroyed while connecting: no socket is left', async () => {
  const { server, url } = await appServer();
  const duplex = wsDuplex(new WebSocket(url));
  duplex.destroy();
  await closed(duplex);
  await until('nobody is connected', () => server.clients.size === 0);
});

test('errors without a listener do not throw', async () => {
  const { server, url } = await appServer();
  const socket = new WebSocket(url);
  const duplex = wsDuplex(socket);
  server.on('connection', (remote) => remote.send('text'));
  await closed(duplex);
});
