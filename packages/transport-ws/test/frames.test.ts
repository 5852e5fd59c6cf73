// Hostile frames, from both sides: nothing of them reaches the heap for long, and honest ones at the limit pass.
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { PeernetError } from '@peernet/core';
import { until } from '@peernet/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { bufferedChunksMax, fragmentsMax, frameBytesMax } from '../src/defaults.js';
import { ws } from '../src/index.js';
import { host } from './hosts.js';
import { closeCode, frame, opcodes, type Raw, upgraded } from './raw.js';

const { binary, continuation, ping, text } = opcodes;
const bytes = (count: number): Buffer => Buffer.alloc(count, 7);

/** One message of `count` fragments of one byte. */
function fragments(count: number, masked = true): Buffer {
  const all = Array.from({ length: count }, (_, i) =>
    frame(i === 0 ? binary : continuation, bytes(1), { fin: i === count - 1, masked }),
  );
  return Buffer.concat(all);
}

/** What our side makes of what a client sends. */
async function send(chunks: Buffer[]) {
  const { port, accepted } = await host();
  const client = await upgraded(port);
  const { duplex } = await until('accepted', () => accepted[0]);
  const state = { received: 0, chunks: 0, error: undefined as Error | undefined, closed: false };
  duplex.on('data', (chunk: Uint8Array) => {
    state.received += chunk.length;
    state.chunks++;
  });
  duplex.on('error', (error: Error) => {
    state.error = error;
  });
  duplex.on('close', () => {
    state.closed = true;
  });
  for (const chunk of chunks) {
    client.socket.write(chunk);
    // Chunks are to arrive as chunks: each has to leave before the next.
    if (chunks.length > 1) await new Promise(setImmediate);
  }
  return { client, state };
}

async function refused(chunks: Buffer[]): Promise<{ code: number | undefined; received: number }> {
  const { client, state } = await send(chunks);
  await until('our side closes', () => state.closed);
  expect(state.error).toMatchObject({ code: 'PROTOCOL' });
  await client.gone();
  return { code: closeCode(client.received()), received: state.received };
}

async function taken(chunks: Buffer[], count: number): Promise<void> {
  const { client, state } = await send(chunks);
  await until(`${count} bytes`, () => state.received === count);
  expect(state.closed).toBe(false);
  client.socket.destroy();
}

describe('from a client', () => {
  test(`a frame of ${frameBytesMax} bytes is taken, one more is refused (1009)`, async () => {
    await taken([frame(binary, bytes(frameBytesMax))], frameBytesMax);
    expect(await refused([frame(binary, bytes(frameBytesMax + 1))])).toEqual({ code: 1009, received: 0 });
  });

  test('an announced length is refused before anything of it arrives', async () => {
    const head = frame(binary, bytes(0x20_0000)).subarray(0, 14);
    expect(await refused([head])).toEqual({ code: 1009, received: 0 });
  });

  test(`a message of ${fragmentsMax} fragments is taken, one more is refused (1008)`, async () => {
    await taken([fragments(fragmentsMax)], fragmentsMax);
    expect(await refused([fragments(fragmentsMax + 1)])).toEqual({ code: 1008, received: 0 });
  });

  test('fragments that together are too long are refused (1009)', async () => {
    const half = bytes(frameBytesMax / 2 + 1);
    const both = [frame(binary, half, { fin: false }), frame(continuation, half)];
    expect(await refused([Buffer.concat(both)])).toEqual({ code: 1009, received: 0 });
  });

  test(`an unfinished frame in ${bufferedChunksMax} chunks is held, in many more it is refused (1008)`, async () => {
    const drops = (count: number): Buffer[] => {
      const whole = frame(binary, bytes(1000));
      return [whole.subarray(0, 8), ...Array.from({ length: count }, (_, i) => whole.subarray(8 + i, 9 + i))];
    };
    const { client, state } = await send(drops(bufferedChunksMax / 2));
    expect(state.closed).toBe(false);
    client.socket.destroy();
    expect(await refused(drops(900))).toMatchObject({ code: 1008 });
  });

  test('a text frame is refused (1003)', async () => {
    expect(await refused([frame(text, bytes(5))])).toEqual({ code: 1003, received: 0 });
  });

  test('unmasked frames, reserved bits and unknown opcodes are refused (1002)', async () => {
    const reserved = frame(binary, bytes(1));
    reserved[0] = (reserved[0] as number) | 0x40; // "compressed"
    for (const bad of [frame(binary, bytes(1), { masked: false }), reserved, frame(5, bytes(1))]) {
      expect(await refused([bad])).toEqual({ code: 1002, received: 0 });
    }
  });

  test('empty frames are nothing, and do not pile up', async () => {
    const { client, state } = await send([
      Buffer.concat(Array.from({ length: 5000 }, () => frame(binary, bytes(0)))),
    ]);
    client.socket.write(frame(binary, bytes(1)));
    await until('the byte after them', () => state.received === 1);
    expect(state.chunks).toBe(1);
    client.socket.destroy();
  });

  test('single bytes for a reader that does not read: held in bounds, the rest stays in the socket', {
    timeout: 20_000,
  }, async () => {
    const { port, accepted } = await host();
    const client = await upgraded(port);
    const { duplex } = await until('accepted', () => accepted[0]);
    const flood = Buffer.concat(Array.from({ length: 20_000 }, () => frame(binary, bytes(1))));
    for (let i = 0; i < 20; i++) client.socket.write(flood);
    const { _readableState: state } = duplex as unknown as {
      _readableState: { buffered: number; queue: { length: number } };
    };
    await until('it has had enough', () => state.buffered >= 65_536);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // A thousand objects up to the mark, and what one read of the socket (64 KiB, 7 bytes a frame) brings beyond it.
    expect(state.queue.length).toBeLessThan(65_536 / 65 + 65_536 / 7 + 1);
    let received = 0;
    duplex.on('data', (chunk: Uint8Array) => {
      received += chunk.length;
    });
    await until('all of them', () => received === 400_000, 20_000);
    client.socket.destroy();
  });

  test('a flood of pings is answered in bounds', async () => {
    const { port, accepted } = await host();
    const client = await upgraded(port);
    const { duplex } = await until('accepted', () => accepted[0]);
    duplex.resume();
    client.socket.pause(); // it reads no answers
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => frame(ping, bytes(125))));
    let closed = false;
    duplex.on('close', () => {
      closed = true;
    });
    for (let i = 0; i < 50 && !closed; i++) {
      client.socket.write(flood);
      await new Promise(setImmediate);
    }
    await until('it is thrown out', () => closed, 10_000);
    client.socket.destroy();
  });
});

test('permessage-deflate is never negotiated, however often it is offered', async () => {
  const { port } = await host();
  for (const offer of [
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits, x',
    'permessage-deflate, permessage-deflate',
  ]) {
    const client = await upgraded(port, { 'Sec-WebSocket-Extensions': offer });
    expect(client.received()).toMatch(/^HTTP\/1\.1 101 /);
    expect(client.received()).not.toMatch(/extensions/i);
    client.socket.destroy();
  }
});

describe('from a server', () => {
  const servers: WebSocketServer[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      for (const client of server.clients) client.terminate();
      server.close();
    }
  });

  /** Dials a server that answers every upgrade with `chunk`. */
  async function dialed(chunk: Buffer, options: object = {}) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
    servers.push(server);
    const offers: (string | undefined)[] = [];
    server.on('connection', (socket, request) => {
      offers.push(request.headers['sec-websocket-extensions']);
      socket.on('error', () => {});
      (socket as unknown as { _socket: Socket })._socket.write(chunk);
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const duplex = await ws().dial(`ws://127.0.0.1:${port}`, { signal: AbortSignal.timeout(3000) });
    const state = { received: 0, error: undefined as Error | undefined, closed: false };
    duplex.on('data', (data: Uint8Array) => {
      state.received += data.length;
    });
    duplex.on('error', (error: Error) => {
      state.error = error;
    });
    duplex.on('close', () => {
      state.closed = true;
    });
    return { duplex, state, offers };
  }
  const plain = { masked: false };

  const breaches: [what: string, chunk: Buffer][] = [
    ['a frame that is too long', frame(binary, bytes(frameBytesMax + 1), plain)],
    ['a message in too many pieces', fragments(fragmentsMax + 1, false)],
    ['a text frame', frame(text, bytes(5), plain)],
  ];
  for (const [what, chunk] of breaches) {
    test(`${what} closes the stream, or fails the dial if it comes with the answer`, async () => {
      const seen = await dialed(chunk).then(
        async ({ state }) => {
          await until('it closes', () => state.closed);
          expect(state.received).toBe(0);
          return (state.error as PeernetError).code;
        },
        (error: PeernetError) => error.code,
      );
      expect(['PROTOCOL', 'DIAL_FAILED']).toContain(seen);
    });
  }

  test('control: what is at the limits arrives', async () => {
    for (const [chunk, count] of [
      [frame(binary, bytes(frameBytesMax), plain), frameBytesMax],
      [fragments(fragmentsMax, false), fragmentsMax],
    ] as const) {
      const { duplex, state } = await dialed(chunk);
      await until(`${count} bytes`, () => state.received === count);
      duplex.destroy();
    }
  });

  test('compression is not offered, and a server that has it gets none', async () => {
    const { duplex, offers } = await dialed(frame(binary, bytes(1), plain), { perMessageDeflate: true });
    expect(offers).toEqual([undefined]);
    duplex.destroy();
  });
});

test('control: with the defaults of ws 17 fragments, a text frame and more bytes are taken', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const messages: number[] = [];
  server.on('connection', (socket) => socket.on('message', (data: Buffer) => messages.push(data.length)));
  const client: Raw = await upgraded((server.address() as AddressInfo).port);
  client.socket.write(fragments(fragmentsMax + 1));
  client.socket.write(frame(text, bytes(5)));
  client.socket.write(frame(binary, bytes(frameBytesMax + 1)));
  await until('three messages', () => messages.length === 3);
  expect(messages).toEqual([fragmentsMax + 1, 5, frameBytesMax + 1]);
  client.socket.destroy();
  server.close();
});
