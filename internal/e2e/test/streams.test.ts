// createStream and opts.transport with the packages that people have: websocket-stream, the streams of `ws`, sockets.
// As the specification writes it, in both roles, without an error handler anywhere.
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, connect as netConnect, type Server } from 'node:net';
import type { DuplexLike } from '@peernet/core';
import { leakCheck } from '@peernet/testkit';
import { Peernet } from 'peernet';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import websocketStream from 'websocket-stream';
import WebSocket, { createWebSocketStream, WebSocketServer } from 'ws';
import { until } from '../src/until.js';

const settled = leakCheck();
const unhandled: unknown[] = [];
const warnings: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
const warn = (warning: unknown): void => void warnings.push(warning);
const nodes: Peernet[] = [];
const servers: (HttpServer | Server)[] = [];

beforeAll(() => {
  process.on('unhandledRejection', note).on('uncaughtException', note).on('warning', warn);
});
afterAll(() => {
  process.off('unhandledRejection', note).off('uncaughtException', note).off('warning', warn);
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
  await settled();
  expect(unhandled.splice(0)).toEqual([]);
  expect(warnings.splice(0)).toEqual([]);
});

function make(options = {}): Peernet {
  const node = new Peernet(undefined, { bootstrap: false, ...options });
  nodes.push(node);
  return node;
}

async function portOf(server: HttpServer | Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

type Stream = DuplexLike & { pipe<T>(to: T): T };

interface Kind {
  /** Destroying it ends a socket that is still connecting. */
  readonly letsGo: boolean;
  /** Serves `node` and returns the address. */
  serve(node: Peernet): Promise<string>;
  dial(address: string): Stream;
}

const wire = (node: Peernet) => (stream: Stream) => void stream.pipe(node.createStream()).pipe(stream);

const kinds: Record<string, Kind> = {
  'websocket-stream': {
    letsGo: false, // its `destroy` waits for the socket to be open: of the package, seen without peernet
    async serve(node) {
      const server = createHttpServer();
      const serveOne = wire(node) as unknown as () => void; // its types leave the argument out
      websocketStream.createServer({ server }, serveOne);
      return `ws://127.0.0.1:${await portOf(server)}`;
    },
    dial: (address) => websocketStream(address) as unknown as Stream,
  },
  'ws createWebSocketStream': {
    letsGo: true,
    async serve(node) {
      const server = createHttpServer();
      const sockets = new WebSocketServer({ server });
      sockets.on('connection', (socket) => wire(node)(createWebSocketStream(socket) as unknown as Stream));
      return `ws://127.0.0.1:${await portOf(server)}`;
    },
    dial: (address) => createWebSocketStream(new WebSocket(address)) as unknown as Stream,
  },
  'net.Socket': {
    letsGo: true,
    async serve(node) {
      return `tcp://127.0.0.1:${await portOf(createServer((socket) => wire(node)(socket as unknown as Stream)))}`;
    },
    dial: (address) => netConnect(Number(address.split(':').at(-1)), '127.0.0.1') as unknown as Stream,
  },
};

describe.each(Object.entries(kinds))('%s', (kind, { serve, dial, letsGo }) => {
  test('both ends by createStream', async () => {
    const [a, b] = [make(), make()];
    wire(b)(dial(await serve(a)));
    await until(
      () => a.connections().length + b.connections().length === 2,
      5_000,
      () => 'connected',
    );
    await a.join('x');
    expect((await b.find('x')).id).toBe(a.id);
  });

  test('as opts.transport: connect, carry 4 MiB, and see the node close', async () => {
    const [a, b] = [make(), make({ transport: dial })];
    a.handle('echo', (stream) => stream.pipe(stream));
    const address = await serve(a);
    const peer = await b.connect(address);
    expect(peer).toMatchObject({ id: a.id, address, direction: 'out' });
    let received = 0;
    const stream = b.open(peer, 'echo');
    stream.on('data', (chunk) => {
      received += chunk.length;
    });
    const ended = new Promise<void>((done) => stream.on('end', () => done()));
    stream.end(Buffer.alloc(4 << 20));
    await ended;
    expect(received).toBe(4 << 20);
    const told = new Promise((done) => b.on('disconnect', (_peer, reason) => done(reason)));
    await a.close();
    expect(await told).toBe('SHUTDOWN');
  });

  test('as opts.transport: nothing listens there', async () => {
    const server = createServer();
    const port = await portOf(server);
    await new Promise((done) => server.close(done));
    const b = make({ transport: dial });
    const scheme = kind === 'net.Socket' ? 'tcp' : 'ws';
    const refused = b.connect(`${scheme}://127.0.0.1:${port}`);
    await expect(refused).rejects.toMatchObject({ code: 'DIAL_REFUSED' });
    expect((await b.getStats(`${scheme}://127.0.0.1:${port}`)).connections).toEqual({ ok: 0, fail: 1 });
  });

  test.runIf(letsGo)('a dial that is given up leaves no socket', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}).resume());
    const port = await portOf(silent);
    const b = make({ transport: dial });
    await b.ready();
    const abort = new AbortController();
    const connecting = b.connect(`ws://127.0.0.1:${port}`, { signal: abort.signal });
    setTimeout(() => abort.abort(), 100);
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('twenty that come and go leave no warning', async () => {
    const a = make();
    const address = await serve(a);
    for (let i = 0; i < 20; i++) {
      const stream = dial(address);
      const b = make();
      wire(b)(stream);
      await until(
        () => a.connections().length === 1,
        5_000,
        () => 'connected',
      );
      if (i % 2 === 0) stream.destroy();
      else await b.close();
      await until(
        () => a.peers().length === 0,
        5_000,
        () => 'gone',
      );
    }
  });
});
