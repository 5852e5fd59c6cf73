// Who dawdles or floods before there is a WebSocket.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectionLimits } from '@peernet/core';
import { testCertificate, until } from '@peernet/testkit';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { host } from './hosts.js';
import { type Raw, raw, upgraded, upgradeRequest } from './raw.js';

/** A tenth of the real times and less, so that a test takes no ten seconds. The proportions are the same. */
const quick = { firstByteMs: 200, upgradeMs: 500, headersMs: 300, requestMs: 400, checkMs: 50 };

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends one byte of `text` every `everyMs`, until it is cut off or done. */
async function drip({ socket, isGone }: Raw, text: string, everyMs: number): Promise<void> {
  for (const byte of text) {
    if (isGone()) return;
    socket.write(byte);
    await pause(everyMs);
  }
}

test('the real times throw everybody out within 11 s', () => {
  const { firstByteMs, upgradeMs, headersMs, requestMs, checkMs } = connectionLimits;
  expect(Math.max(firstByteMs, upgradeMs, headersMs + checkMs, requestMs + checkMs)).toBeLessThanOrEqual(
    11_000,
  );
});

describe('slowloris', () => {
  for (const tls of [undefined, testCertificate]) {
    const scheme = tls === undefined ? 'ws' : 'wss';

    test(`${scheme}: who says nothing is thrown out`, async () => {
      const { listener, port } = await host({ tls, limits: quick });
      const silent = await raw(port);
      await silent.gone(quick.firstByteMs + 1000);
      expect(listener.refused).toEqual({ silent: 1 });
    });

    test(`${scheme}: who sends a byte now and then is thrown out`, async () => {
      const { listener, port } = await host({ tls, limits: quick });
      const dripping = await raw(port);
      const began = performance.now();
      // A ClientHello begins with 22, 3, 1; more of it never comes.
      void drip(dripping, tls === undefined ? upgradeRequest() : '\x16\x03\x01'.padEnd(200, '\0'), 40);
      await dripping.gone(2000);
      expect(performance.now() - began).toBeLessThan(quick.upgradeMs + 700);
      expect(Object.values(listener.refused)).toEqual([1]);
    });
  }

  test('who sends half a header is thrown out', async () => {
    const { listener, port } = await host({ limits: quick });
    const half = await raw(port, upgradeRequest().slice(0, 60));
    await half.gone(2000);
    expect(listener.refused).toEqual({ badRequest: 1 });
  });

  test('who sends a header line a while after the other, without end, is thrown out', async () => {
    const { port } = await host({ limits: { ...quick, headersMs: 1e6, requestMs: 1e6 } });
    const client = await raw(port, 'GET / HTTP/1.1\r\n');
    void drip(client, 'a: b\r\n'.repeat(100), 20);
    await client.gone(2000); // the door's own timer: Node's two were turned off
  });

  test('control: a plain HTTP server keeps all of them for much longer', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const clients = [await raw(port), await raw(port, upgradeRequest().slice(0, 60)), await raw(port)];
    void drip(clients[2] as Raw, upgradeRequest(), 100);
    await pause(1500);
    expect(clients.map(({ isGone }) => isGone())).toEqual([false, false, false]);
    for (const { socket } of clients) socket.destroy();
    server.close();
  });

  test('control: so do we, when the times are long', async () => {
    const { port } = await host({
      limits: { ...quick, firstByteMs: 1e6, upgradeMs: 1e6, headersMs: 1e6, requestMs: 1e6 },
    });
    const silent = await raw(port);
    await pause(1500);
    expect(silent.isGone()).toBe(false);
    silent.socket.destroy();
  });

  test('control: who upgrades in time stays, however silent then', async () => {
    const { port, accepted } = await host({ limits: quick });
    const client = await upgraded(port);
    await pause(quick.upgradeMs + 200);
    expect(client.isGone()).toBe(false);
    expect(accepted).toHaveLength(1);
    client.socket.destroy();
  });
});

describe('floods', () => {
  const trustProxy = ['127.0.0.0/8'];
  const from = (ip: string) => ({ 'X-Forwarded-For': ip });
  const status = (client: Raw): string => client.received().slice(9, 12);

  /** How many of `count` upgrades from `ip` succeed; all stay open. */
  async function flood(port: number, count: number, ip: (i: number) => string) {
    const clients: Raw[] = [];
    for (let i = 0; i < count; i++) clients.push(await upgraded(port, from(ip(i))));
    const answers = clients.map(status);
    for (const { socket } of clients) socket.destroy();
    return answers;
  }

  test('8 pending from one host, not 9; 9 where the limit is 9', async () => {
    const { port } = await host({ trustProxy }, false);
    const answers = await flood(port, 9, () => '9.9.9.9');
    expect(answers).toEqual([...Array(8).fill('101'), '503']);
    const wider = await host({ trustProxy, limits: { hostPendingMax: 9 } }, false);
    expect(await flood(wider.port, 9, () => '9.9.9.9')).toEqual(Array(9).fill('101'));
  });

  test('32 established from one host, not 33; 33 where the limits are 33', async () => {
    const limits = { hostBurst: 100 };
    const { port, listener } = await host({ trustProxy, limits });
    const answers = await flood(port, 33, () => '9.9.9.9');
    expect(answers).toEqual([...Array(32).fill('101'), '503']);
    expect(listener.refused).toEqual({ hostFull: 1 });
    const wider = await host({ trustProxy, limits: { ...limits, hostMax: 33 } });
    expect(await flood(wider.port, 33, () => '9.9.9.9')).toEqual(Array(33).fill('101'));
  });

  test('without a proxy, what is over the limit is closed before it is read', async () => {
    const { port, listener } = await host({ limits: { localPendingMax: 2 } }, false);
    const clients = [await upgraded(port), await upgraded(port), await raw(port, upgradeRequest())];
    await clients[2]?.gone();
    expect(clients.map(status)).toEqual(['101', '101', '']);
    expect(listener.refused).toEqual({ localPending: 1 });
    for (const { socket } of clients) socket.destroy();
  });

  test('a flood that is refused neither drops nor stops those who are inside', async () => {
    const { port, accepted, listener } = await host({ limits: { localBurst: 20, localPerSecond: 0 } });
    const honest = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(honest, 'open');
    await until('accepted', () => accepted.length === 1);
    accepted[0]?.duplex.on('data', (chunk: Uint8Array) => accepted[0]?.duplex.write(chunk));
    const flooding = Promise.all(Array.from({ length: 300 }, () => raw(port)));
    // One echo after the other, until all of them have been sent away.
    for (let i = 0; (listener.refused.localRate ?? 0) < 280; i++) {
      honest.send(Buffer.from([i & 255]));
      const [echo] = (await once(honest, 'message')) as [Buffer];
      expect([...echo]).toEqual([i & 255]);
    }
    for (const { socket } of await flooding) socket.destroy();
    expect(accepted).toHaveLength(1);
    honest.terminate();
  });

  test('a place is free again when its owner is gone', async () => {
    const { port, accepted } = await host({ limits: { localMax: 1 } });
    const first = await upgraded(port);
    first.socket.destroy();
    accepted[0]?.duplex.resume();
    const second = await until('room', async () => {
      const client = await upgraded(port);
      return status(client) === '101' && client;
    });
    second.socket.destroy();
  });
});
