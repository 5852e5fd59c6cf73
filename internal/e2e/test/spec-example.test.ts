// The specification's example, as written there, in a process of its own, without error handlers: against a peer,
// and against clients that end, terminate, reset and send rubbish.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect as netConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Peernet } from 'peernet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Child } from '../src/child.js';
import { until } from '../src/until.js';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const built = existsSync(fileURLToPath(new URL('../../../packages/peernet/dist/index.cjs', import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'peernet-e2e-'));
let child: Child;
let port: number;

beforeAll(async () => {
  if (!built) return;
  child = new Child([join(fixtures, 'spec-example.cjs'), join(folder, 'peer.db'), '0']);
  port = Number((await child.prints(/listening on (\d+)/))[1]);
}, 40_000);

afterAll(async () => {
  await child?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** The child lives, and takes a new peer. */
async function stillServes(): Promise<void> {
  expect(child.alive, child.output).toBe(true);
  const node = new Peernet(undefined, { bootstrap: false });
  try {
    const peer = await node.connect(`ws://127.0.0.1:${port}`);
    expect(peer.direction).toBe('out');
    await until(
      () => node.connections().length === 1,
      5_000,
      () => String(node.connections()),
    );
  } finally {
    await node.close();
  }
}

const need = built ? test : test.skip;

need(
  'a peer connects, and leaves',
  async () => {
    await stillServes();
    await child.prints(/peernet: connect /);
    await child.prints(/peernet: disconnect /);
  },
  40_000,
);

need(
  'clients that end, terminate, reset and send rubbish harm nobody',
  async () => {
    const url = `ws://127.0.0.1:${port}`;
    const attacks: ((socket: WebSocket) => void)[] = [
      (socket) => socket.close(),
      (socket) => socket.terminate(),
      (socket) => socket.send('text'),
      (socket) => socket.send(randomBytes(10)),
      (socket) => socket.send(randomBytes(70_000)),
      (socket) => socket.send(Buffer.alloc(200, 0xff)),
      (socket) => {
        socket.send(Buffer.concat([Buffer.from('pn/1'), randomBytes(17)]));
        socket.send(randomBytes(300));
      },
      (socket) => {
        // The first 21 bytes of a fair hello, then nothing but a reset.
        socket.send(Buffer.concat([Buffer.from('pn/1'), Buffer.from([0]), randomBytes(16)]));
        (socket as unknown as { _socket: { resetAndDestroy(): void } })._socket.resetAndDestroy();
      },
    ];
    for (const attack of attacks) {
      const socket = new WebSocket(url);
      socket.on('error', () => {});
      await once(socket, 'open');
      attack(socket);
      setTimeout(() => socket.terminate(), 1_000).unref();
      await once(socket, 'close');
    }
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), randomBytes(500), Buffer.alloc(0)]) {
      const socket = netConnect(port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(bytes);
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    await stillServes();
  },
  60_000,
);
