// Dials: what they reach, how they fail, and that nothing of them is left.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';
import { testCertificate, until } from '@peernet/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { ws } from '../src/index.js';
import { host } from './hosts.js';

const servers: (Server | TcpServer)[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function serve<S extends Server | TcpServer>(server: S): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const live = (): AbortSignal => new AbortController().signal;

describe('names', () => {
  test('are resolved once, and the answer that was checked is dialed (DNS rebinding)', async () => {
    const { port, accepted } = await host();
    let asked = 0;
    // Public when asked first, home when asked again: who asks twice comes to us.
    const flips = async (): Promise<string[]> => [asked++ === 0 ? '192.0.2.1' : '127.0.0.1'];
    const seen: string[] = [];
    const allowIp = (ip: string): boolean => seen.push(ip) > 0;
    const { dial } = ws({ lookup: flips, timeoutMs: 300 });
    const code = await dial(`ws://rebind.test:${port}`, { signal: live(), allowIp }).then(
      () => 'connected',
      (error: { code: string }) => error.code,
    );
    expect(code).toMatch(/^DIAL_/);
    expect([asked, seen, accepted.length]).toEqual([1, ['192.0.2.1'], 0]);
  });

  test('that lead home are refused by allowIp; control: without it they are dialed', async () => {
    const { port, accepted } = await host();
    const { dial } = ws({ lookup: async () => ['8.8.8.8', '127.0.0.1'] });
    const allowIp = (ip: string): boolean => ip !== '127.0.0.1';
    const address = `ws://home.test:${port}`;
    await expect(dial(address, { signal: live(), allowIp })).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    expect(accepted).toHaveLength(0);
    const home = ws({ lookup: async () => ['127.0.0.1'] });
    (await home.dial(address, { signal: live() })).destroy();
    await until('accepted', () => accepted.length === 1);
  });

  test('stay in the Host header, so that name-based proxies work', async () => {
    const server = createServer();
    const hosts: (string | undefined)[] = [];
    server.on('upgrade', (request, socket) => {
      hosts.push(request.headers.host);
      socket.destroy();
    });
    const port = await serve(server);
    const { dial } = ws({ lookup: async () => ['127.0.0.1'] });
    await expect(dial(`ws://peer.test:${port}`, { signal: live() })).rejects.toMatchObject({
      code: 'DIAL_FAILED',
    });
    expect(hosts).toEqual([`peer.test:${port}`]);
  });

  // From Node 24 on, URL takes every name that we take.
  test.skipIf(URL.canParse('ws://xn--a.test'))(
    'that resolve but are no part of a URL leave no socket behind',
    async () => {
      const port = await serve(createTcpServer((socket) => socket.resume()));
      let reached = 0;
      servers[0]?.on('connection', () => reached++);
      const { dial } = ws({ lookup: async () => ['127.0.0.1'] });
      const dialing = dial(`ws://xn--a.test:${port}`, { signal: live() });
      await expect(dialing).rejects.toMatchObject({ code: 'DIAL_FAILED' });
      await until('the socket came and went', () => reached === 1 && sockets.size === 0);
    },
  );

  test('of this machine work: localhost', async () => {
    const { port } = await host();
    (await ws().dial(`ws://localhost:${port}`, { signal: live() })).destroy();
  });

  test('go on to the next address when one refuses', async () => {
    const { port } = await host({ host: '127.0.0.1' });
    const { dial } = ws({ lookup: async () => ['::1', '127.0.0.1'] });
    (await dial(`ws://peer.test:${port}`, { signal: live() })).destroy();
  });

  test('that do not exist are DNS_FAILED', async () => {
    const { dial } = ws({
      lookup: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
    });
    await expect(dial('ws://nowhere.test:1', { signal: live() })).rejects.toMatchObject({
      code: 'DNS_FAILED',
    });
  });
});

describe('certificates', () => {
  const trusting = ws({ ca: testCertificate.cert, lookup: async () => ['127.0.0.1'] });

  test('must be trusted, and for the host that was dialed', async () => {
    const { port } = await host({ tls: testCertificate });
    for (const name of ['peer.test', '127.0.0.1', 'localhost']) {
      (await trusting.dial(`wss://${name}:${port}`, { signal: live() })).destroy();
    }
    const wrongName = trusting.dial(`wss://other.test:${port}`, { signal: live() });
    await expect(wrongName).rejects.toMatchObject({
      code: 'DIAL_FAILED',
      message: expect.stringMatching(/other\.test/),
    });
    const wrongIp = ws({ ca: testCertificate.cert }).dial(`wss://127.0.0.2:${port}`, { signal: live() });
    await expect(wrongIp).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    const untrusted = ws().dial(`wss://127.0.0.1:${port}`, { signal: live() });
    await expect(untrusted).rejects.toMatchObject({
      code: 'DIAL_FAILED',
      message: expect.stringMatching(/self.signed/),
    });
  });

  test('wss to a plain server, and ws to one with TLS, fail', async () => {
    const plain = await host();
    const secure = await host({ tls: testCertificate });
    const dials = [`wss://127.0.0.1:${plain.port}`, `ws://127.0.0.1:${secure.port}`];
    for (const address of dials) {
      await expect(trusting.dial(address, { signal: live() })).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    }
  });
});

describe('servers that are no peers', () => {
  const answers: [what: string, answer: string][] = [
    ['a web page', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'],
    ['an error', 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
    [
      'a wrong accept key',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n',
    ],
    ['headers without end', `HTTP/1.1 101 Switching Protocols\r\nX: ${'x'.repeat(100_000)}\r\n`],
  ];
  for (const [what, answer] of answers) {
    test(`${what}: DIAL_FAILED`, async () => {
      const port = await serve(createTcpServer((socket) => socket.resume().write(answer)));
      const dialing = ws({ timeoutMs: 2000 }).dial(`ws://127.0.0.1:${port}`, { signal: live() });
      await expect(dialing).rejects.toMatchObject({ code: 'DIAL_FAILED' });
      await until('its socket is gone', () => sockets.size === 0);
    });
  }

  test('redirects are not followed', async () => {
    const { port, accepted } = await host();
    const redirecting = await serve(
      createServer((_request, response) => response.end()).on('upgrade', (_request, socket) => {
        socket.end(`HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:${port}/\r\nContent-Length: 0\r\n\r\n`);
      }),
    );
    const dialing = ws().dial(`ws://127.0.0.1:${redirecting}`, { signal: live() });
    await expect(dialing).rejects.toMatchObject({
      code: 'DIAL_FAILED',
      message: expect.stringMatching(/302/),
    });
    expect(accepted).toHaveLength(0);
  });
});

describe('time', () => {
  /** Servers that let us wait at each stage. */
  const stages: [what: string, scheme: string, answer: (socket: Socket) => void][] = [
    ['says nothing', 'ws', () => {}],
    [
      'drips its answer',
      'ws',
      (socket) => {
        const answer = [...`HTTP/1.1 101 Switching Protocols\r\nX-Slow: ${'x'.repeat(1000)}`];
        const timer = setInterval(() => socket.write(answer.shift() ?? 'x'), 20);
        socket.on('close', () => clearInterval(timer));
      },
    ],
    ['never finishes TLS', 'wss', () => {}],
  ];
  for (const [what, scheme, answer] of stages) {
    test(`a server that ${what}: DIAL_TIMEOUT, or ABORTED, and no socket is left`, async () => {
      const port = await serve(createTcpServer((socket) => answer(socket.resume())));
      const address = `${scheme}://127.0.0.1:${port}`;
      const began = performance.now();
      const timing = ws({ timeoutMs: 200 }).dial(address, { signal: live() });
      await expect(timing).rejects.toMatchObject({ code: 'DIAL_TIMEOUT' });
      expect(performance.now() - began).toBeLessThan(1200);
      await until('its socket is gone', () => sockets.size === 0);

      const caller = new AbortController();
      const aborting = ws().dial(address, { signal: caller.signal });
      await until('it reached the server', () => sockets.size === 1);
      caller.abort();
      await expect(aborting).rejects.toMatchObject({ code: 'ABORTED' });
      await until('its socket is gone', () => sockets.size === 0);
    });
  }

  test('a resolver that says nothing counts, too, and nobody is dialed when it speaks at last', async () => {
    const { port, accepted } = await host();
    let answer: (ips: string[]) => void = () => {};
    const { dial } = ws({
      timeoutMs: 50,
      lookup: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    await expect(dial(`ws://slow.test:${port}`, { signal: live() })).rejects.toMatchObject({
      code: 'DIAL_TIMEOUT',
    });
    answer(['127.0.0.1']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(accepted).toHaveLength(0);
  });

  test('a hundred dials that are given up at different moments leave nothing', async () => {
    const { port, accepted } = await host();
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const caller = new AbortController();
        const timer = setTimeout(() => caller.abort(), i / 2);
        const dialing = ws().dial(`ws://127.0.0.1:${port}`, { signal: caller.signal });
        const duplex = await dialing.catch(
          (error: { code: string }) => void expect(error.code).toBe('ABORTED'),
        );
        clearTimeout(timer);
        duplex?.destroy();
      }),
    );
    for (const { duplex } of accepted) duplex.resume();
    const gone = ({ duplex }: (typeof accepted)[0]): boolean =>
      (duplex as unknown as { destroyed: boolean }).destroyed;
    await until('all are gone', () => accepted.every(gone));
  });
});
