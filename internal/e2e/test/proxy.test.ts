// A node behind a reverse proxy on loopback, as behind nginx: everybody comes from 127.0.0.1. All must get in, and
// nobody who came through the proxy may make the node dial loopback.

import { once } from 'node:events';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { leakCheck } from '@peernet/testkit';
import { Peernet } from 'peernet';
import { afterEach, expect, test } from 'vitest';
import { until } from '../src/until.js';

const settled = leakCheck();
const open: Peernet[] = [];
const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
  await settled();
});

/** Adds X-Forwarded-For to the upgrade request and pipes the rest, as a reverse proxy does. */
async function reverseProxy(targetPort: number): Promise<number> {
  let clients = 0;
  const server = createServer((client) => {
    const upstream = netConnect(targetPort, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    const from = `203.0.${++clients % 200}.${clients % 250}`;
    client.once('data', (head) => {
      upstream.write(head.toString('latin1').replace('\r\n', `\r\nX-Forwarded-For: ${from}\r\n`), 'latin1');
      client.pipe(upstream).pipe(client);
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

/** Counts connections: what a tricked node would dial. */
async function bait(): Promise<{ address: string; hits: () => number }> {
  let hits = 0;
  const server = createServer((socket) => {
    hits++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { address: `ws://127.0.0.1:${(server.address() as { port: number }).port}`, hits: () => hits };
}

async function behindProxy(trustProxy: string[] | undefined): Promise<{ hub: Peernet; through: string }> {
  const hub = new Peernet(undefined, { relay: true, interval: 300, trustProxy });
  open.push(hub);
  const service = await hub.listen('ws', { host: '127.0.0.1' });
  return { hub, through: `ws://127.0.0.1:${await reverseProxy(service.port)}` };
}

test('50 clients come through a trusted proxy, and none of them makes the node dial loopback', async () => {
  const { hub, through } = await behindProxy(['127.0.0.1']);
  const trap = await bait();
  const clients = Array.from(
    { length: 50 },
    () => new Peernet(undefined, { announce: [trap.address], bootstrap: false, interval: 300 }),
  );
  open.push(...clients);
  await Promise.all(clients.map((client) => client.connect(through)));
  await until(
    () => hub.peers().length === 50,
    15_000,
    () => `${hub.peers().length} peers`,
  );
  // Several rounds of everybody telling its record.
  await until(
    () => Number(hub.snapshot().uptimeMs) > 5_000,
    10_000,
    () => 'uptime',
  );
  const dialed: string[] = [];
  for await (const row of hub.known()) dialed.push(row.address);
  expect(dialed.filter((address) => address.includes('127.0.0.1'))).toEqual([]);
  expect(trap.hits()).toBe(0);
}, 60_000);

test('control: without a proxy in between, a neighbour on loopback may tell of loopback', async () => {
  const hub = new Peernet(undefined, { interval: 300 });
  open.push(hub);
  const { address } = await hub.listen('ws', { host: '127.0.0.1' });
  const trap = await bait();
  const client = new Peernet(undefined, { announce: [trap.address], bootstrap: false, interval: 300 });
  open.push(client);
  await client.connect(address);
  await until(
    () => trap.hits() > 0,
    20_000,
    () => 'the hub never looked whether its neighbour can be dialed',
  );
}, 30_000);
