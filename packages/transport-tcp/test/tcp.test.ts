import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { DuplexLike, Listener, ListenOptions, RemoteInfo } from '@peernet/core';
import { leakCheck, until } from '@peernet/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { type TcpOptions, tcp } from '../src/index.js';

const open: Listener[] = [];
const clients: Socket[] = [];
const settled = leakCheck();
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(open.splice(0).map((listener) => listener.close()));
  await settled();
});

async function host(options: ListenOptions = {}, establish = true) {
  const accepted: { duplex: DuplexLike; from: RemoteInfo }[] = [];
  const { listen } = tcp();
  if (listen === undefined) throw new Error('no listen');
  const listener = await listen(options, (duplex, from) => {
    accepted.push({ duplex, from });
    if (establish) from.established?.();
  });
  open.push(listener);
  return { listener, port: listener.port, accepted };
}

async function client(port: number) {
  const socket = connect(port, '127.0.0.1');
  clients.push(socket);
  let gone = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    gone = true;
  });
  socket.resume();
  await once(socket, 'connect');
  return { socket, isGone: () => gone };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const live = (): AbortSignal => new AbortController().signal;
const dialing = (options?: TcpOptions) => tcp(options).dial;

describe('limits', () => {
  test('who says nothing is thrown out; control: who spoke stays, and so does everybody when the time is long', async () => {
    const quick = await host({ limits: { firstByteMs: 150 } });
    const patient = await host({ limits: { firstByteMs: 1e6 } });
    const [silent, speaker, other] = [
      await client(quick.port),
      await client(quick.port),
      await client(patient.port),
    ];
    speaker.socket.write('x');
    await until('the silent one is gone', () => silent.isGone(), 1500);
    await pause(500);
    expect([speaker.isGone(), other.isGone()]).toEqual([false, false]);
    expect(quick.listener.refused).toEqual({ silent: 1 });
  });

  test('control: a plain server keeps the silent one', async () => {
    const server = createServer((socket) => clients.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const silent = await client((server.address() as AddressInfo).port);
    await pause(600);
    expect(silent.isGone()).toBe(false);
    server.close();
  });

  test('N get in, N + 1 do not, and do where the limit is raised', async () => {
    for (const [limits, establish, inside] of [
      [{ localPendingMax: 3 }, false, 3],
      [{ localPendingMax: 4 }, false, 4],
      [{ localMax: 3 }, true, 3],
      [{ localMax: 4 }, true, 4],
      [{ localBurst: 3, localPerSecond: 0 }, true, 3],
      [{ localBurst: 4, localPerSecond: 0 }, true, 4],
    ] as const) {
      const { port, accepted } = await host({ limits }, establish);
      const all: Awaited<ReturnType<typeof client>>[] = [];
      for (let i = 0; i < 4; i++) all.push(await client(port));
      const label = JSON.stringify(limits);
      await until(label, () => all.filter(({ isGone }) => isGone()).length === 4 - inside);
      expect(accepted, label).toHaveLength(inside);
    }
  });

  test('established makes room for the next one', async () => {
    const { port, accepted } = await host({ limits: { localPendingMax: 1 } }, false);
    await client(port);
    await until('accepted', () => accepted.length === 1);
    accepted[0]?.from.established?.();
    await client(port);
    await until('accepted', () => accepted.length === 2);
  });
});

describe('dials', () => {
  test('resolve once, and dial the answer that was checked (DNS rebinding)', async () => {
    const { port, accepted } = await host();
    let asked = 0;
    const lookup = async (): Promise<string[]> => [asked++ === 0 ? '192.0.2.1' : '127.0.0.1'];
    const dial = dialing({ lookup, timeoutMs: 300 });
    await expect(dial(`tcp://rebind.test:${port}`, { signal: live() })).rejects.toMatchObject({
      code: expect.stringMatching(/^DIAL_/),
    });
    expect([asked, accepted.length]).toEqual([1, 0]);
  });

  test('check every answer; control: without the check the bad one is dialed', async () => {
    const { port, accepted } = await host();
    const address = `tcp://mixed.test:${port}`;
    const dial = dialing({ lookup: async () => ['127.0.0.1', '8.8.8.8'] });
    const allowIp = (ip: string): boolean => ip !== '8.8.8.8';
    await expect(dial(address, { signal: live(), allowIp })).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    expect(accepted).toHaveLength(0);
    (await dial(address, { signal: live() })).destroy();
    await until('accepted', () => accepted.length === 1);
  });

  test('never connect to metadata services and multicast, whoever asks', async () => {
    const dial = dialing({ lookup: async () => ['169.254.169.254'] });
    for (const address of ['tcp://169.254.169.254:80', 'tcp://224.0.0.1:80', 'tcp://name.test:80']) {
      await expect(dial(address, { signal: live() })).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    }
  });

  test('go on to the next address when one refuses', async () => {
    const { port } = await host({ host: '127.0.0.1' });
    const dial = dialing({ lookup: async () => ['::1', '127.0.0.1'] });
    (await dial(`tcp://two.test:${port}`, { signal: live() })).destroy();
  });

  test('have codes: refused, no such name, other schemes', async () => {
    const lookup = (): Promise<string[]> =>
      Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    const dial = dialing({ lookup });
    const codes = ['tcp://127.0.0.1:1', 'tcp://nowhere.test:1', 'ws://127.0.0.1:1', 'tcp://0x7f.1:1'].map(
      (address) =>
        dial(address, { signal: live() }).then(
          () => 'connected',
          (error: { code: string }) => error.code,
        ),
    );
    expect(await Promise.all(codes)).toEqual([
      'DIAL_REFUSED',
      'DNS_FAILED',
      'SCHEME_UNKNOWN',
      'ADDRESS_INVALID',
    ]);
  });

  test('end in time while the name is being resolved, and do not wake up later', async () => {
    const { port, accepted } = await host();
    let answer: (ips: string[]) => void = () => {};
    const lookup = (): Promise<string[]> =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const dial = dialing({ lookup, timeoutMs: 50 });
    await expect(dial(`tcp://slow.test:${port}`, { signal: live() })).rejects.toMatchObject({
      code: 'DIAL_TIMEOUT',
    });
    answer(['127.0.0.1']);
    await pause(50);
    expect(accepted).toHaveLength(0);
  });

  test('that are given up at different moments leave nothing', async () => {
    const { port, accepted } = await host();
    for (let i = 0; i < 50; i++) {
      const caller = new AbortController();
      const dial = tcp().dial(`tcp://127.0.0.1:${port}`, { signal: caller.signal });
      if (i % 2 === 0) setImmediate(() => caller.abort());
      else queueMicrotask(() => caller.abort());
      await dial.then(
        (duplex) => duplex.destroy(),
        (error: { code: string }) => expect(error.code).toBe('ABORTED'),
      );
    }
    for (const { duplex } of accepted) duplex.resume();
    await until('all are gone', () => accepted.every(({ duplex }) => (duplex as Socket).destroyed));
  });
});

test('1 MiB each way at once, with checksums', async () => {
  const { port, accepted } = await host();
  const near = await tcp().dial(`tcp://127.0.0.1:${port}`, { signal: live() });
  const { duplex: far } = await until('accepted', () => accepted[0]);
  const sums = [near, far].map(async (end) => {
    const hash = createHash('sha256');
    let count = 0;
    end.on('data', (chunk: Uint8Array) => {
      hash.update(chunk);
      count += chunk.length;
    });
    await until('1 MiB', () => count === 1024 * 1024);
    return hash.digest('hex');
  });
  const [a, b] = [randomBytes(1024 * 1024), randomBytes(1024 * 1024)];
  near.write(a);
  far.write(b);
  const hex = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
  expect(await Promise.all(sums)).toEqual([hex(b), hex(a)]);
  near.destroy();
});

describe('listening', () => {
  test('on both families by default, on one host if one is given', async () => {
    const { listener, port } = await host();
    expect(listener).toMatchObject({ protocol: 'tcp', secure: false });
    if (listener.host === '::') (await tcp().dial(`tcp://[::1]:${port}`, { signal: live() })).destroy();
    (await tcp().dial(`tcp://127.0.0.1:${port}`, { signal: live() })).destroy();
    const one = await host({ host: '127.0.0.1' });
    const other = tcp().dial(`tcp://127.0.0.2:${one.port}`, { signal: live() });
    await expect(other).rejects.toMatchObject({ code: 'DIAL_REFUSED' });
  });

  test('a taken port is named', async () => {
    const { port } = await host();
    await expect(host({ port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    });
  });

  test('given up while the port is being bound: ABORTED, and the port is free', async () => {
    const { listener, port } = await host();
    await listener.close();
    const over = new AbortController();
    const listening = host({ port, signal: over.signal });
    over.abort();
    await expect(listening).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await host({ port })).port).toBe(port);
  });

  test('closing takes no second, with a guest who neither reads nor writes', async () => {
    const { listener, port, accepted } = await host();
    await client(port);
    (await client(port)).socket.pause();
    await until('accepted', () => accepted.length === 2);
    for (const { duplex } of accepted) for (let i = 0; i < 100; i++) duplex.write(Buffer.alloc(65_536));
    const began = performance.now();
    await listener.close();
    expect(performance.now() - began).toBeLessThan(950);
  });

  test('a guest whose connection breaks throws nothing', async () => {
    const { port, accepted } = await host();
    const { socket } = await client(port);
    await until('accepted', () => accepted.length === 1);
    const closed = new Promise((resolve) => accepted[0]?.duplex.on('close', resolve));
    socket.resetAndDestroy();
    await closed;
  });
});
