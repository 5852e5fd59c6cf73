// The STUN server on real sockets of this machine.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { seededRandom } from '@peernet/core';
import { leakCheck, until } from '@peernet/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { type StunServer, type StunServerOptions, stunServer } from '../src/stun.js';
import { implementations } from './implementations.js';

const servers: StunServer[] = [];
const sockets: Socket[] = [];
const settled = leakCheck();
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  for (const socket of sockets.splice(0)) socket.close();
  await settled();
});

async function server(options: StunServerOptions = {}): Promise<StunServer> {
  const made = await stunServer({ host: '127.0.0.1', ...options });
  servers.push(made);
  return made;
}

async function client(host = '127.0.0.1') {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  sockets.push(socket);
  socket.bind(0, host);
  await once(socket, 'listening');
  const answers: Buffer[] = [];
  socket.on('message', (bytes) => answers.push(bytes));
  return { socket, port: socket.address().port, answers };
}

const request = Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex');

test('who asks learns how it looks, over IPv4 and IPv6', async () => {
  const { port } = await server({ host: '::' });
  for (const host of ['127.0.0.1', '::1']) {
    const { socket, port: own, answers } = await client(host);
    socket.send(request, port, host);
    const answer = await until('an answer', () => answers[0]);
    expect(answer.readUInt16BE(0)).toBe(0x0101);
    expect(answer.subarray(4, 20)).toEqual(request.subarray(4));
    expect(answer.readUInt16BE(26) ^ 0x2112).toBe(own);
    const address = [...answer.subarray(28)].map((byte, i) => byte ^ (request[4 + i] ?? 0));
    expect(address).toEqual(host === '::1' ? [...Array(15).fill(0), 1] : [127, 0, 0, 1]);
  }
});

test('noise gets no answer, is counted, and harms nobody; 20 000 datagrams', async () => {
  const { port } = await server();
  const [made] = servers;
  const noisy = await client();
  const honest = await client();
  const random = seededRandom(11);
  for (let i = 0; i < 20_000; i++) {
    const bytes = i % 2 === 0 ? Buffer.from(request) : Buffer.alloc(random.uint32() % 600);
    for (let d = 0; d < 3; d++)
      if (bytes.length > 0) bytes[random.uint32() % bytes.length] = random.uint32() & 255;
    bytes[0] = 0x40 | (bytes[0] ?? 0); // never a request by chance
    noisy.socket.send(bytes, port, '127.0.0.1');
    // So that the server, which lives on the same loop, reads before its buffer is full.
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until('the noise is read', () => (made?.refused.malformed ?? 0) > 10_000);
  honest.socket.send(request, port, '127.0.0.1');
  await until('an answer', () => honest.answers.length === 1);
  expect(noisy.answers).toHaveLength(0);
});

describe('rates', () => {
  test('N answers, not N + 1; control: one more where the limit is one higher', async () => {
    for (const burst of [5, 6]) {
      const { port } = await server({ limits: { burst, perSecond: 0 } });
      const made = servers.at(-1);
      const { socket, answers } = await client();
      for (let i = 0; i < 6; i++) socket.send(request, port, '127.0.0.1');
      await until('all are read', () => (made?.answered ?? 0) + (made?.refused.rate ?? 0) === 6);
      await until('the answers', () => answers.length === burst);
      expect(made?.answered).toBe(burst);
    }
  });

  test('a limit that is none is a TypeError', async () => {
    await expect(stunServer({ limits: { nonsense: 1 } })).rejects.toThrow(TypeError);
    await expect(stunServer({ limits: { burst: Number.NaN } })).rejects.toThrow(TypeError);
    await expect(stunServer({ port: 65_536 })).rejects.toThrow(TypeError);
  });
});

test('a port that is taken is PORT_IN_USE; a signal ends it, closing twice is closing once', async () => {
  const over = new AbortController();
  const { port } = await server({ signal: over.signal });
  await expect(stunServer({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  over.abort();
  await Promise.all([servers[0]?.close(), servers[0]?.close()]);
  await server({ port });
  await expect(stunServer({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
});

test('a signal that ends while the port is being bound leaves it free', async () => {
  const { port } = await server();
  await servers.pop()?.close();
  const over = new AbortController();
  const starting = server({ port, signal: over.signal });
  over.abort();
  await expect(starting).rejects.toMatchObject({ code: 'ABORTED' });
  await server({ port });
});

/** A NAT before the server: who asks through it is seen with the port of `outside`. */
async function behindNat(server: StunServer) {
  const [inside, outside] = [await client(), await client()];
  let asker: { port: number; address: string } | undefined;
  inside.socket.on('message', (bytes, from) => {
    asker ??= from;
    if (from.port === asker.port) outside.socket.send(bytes, server.port, '127.0.0.1');
  });
  outside.socket.on('message', (bytes) => {
    if (asker !== undefined) inside.socket.send(bytes, asker.port, asker.address);
  });
  return { at: inside.port, seenAs: outside.port };
}

for (const { name, rtc } of implementations) {
  test.skipIf(rtc === undefined)(`${name} learns from it how it looks from outside`, async () => {
    if (rtc === undefined) return;
    const nat = await behindNat(await server());
    const connection = new rtc.RTCPeerConnection({ iceServers: [{ urls: `stun:127.0.0.1:${nat.at}` }] });
    const found: string[] = [];
    connection.addEventListener('icecandidate', (event: { candidate: { candidate: string } | null }) => {
      if (event.candidate) found.push(event.candidate.candidate);
    });
    connection.createDataChannel('any');
    await connection.setLocalDescription(await connection.createOffer());
    const reflexive = await until('a candidate', () => found.find((text) => text.includes(' srflx ')));
    expect(reflexive).toContain(` 127.0.0.1 ${nat.seenAs} typ srflx`);
    connection.close();
  });
}
