// The browser half, on a WebSocket that has what browsers' have and nothing else: no pause, no send callbacks.
import { transportCases } from '@peernet/core/conformance';
import { until } from '@peernet/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { browserFrameBytes, browserHighBytes } from '../src/defaults.js';
import { ws as nodeWs } from '../src/index.js';
import { schemesOf, ws } from '../src/ws.browser.js';
import { type WebSocketLike, wsDuplex } from '../src/ws-duplex.js';
import { host } from './hosts.js';

/** A socket of `ws` behind the interface of browsers. */
class BrowserSocket implements WebSocketLike {
  readonly #inner: WebSocket;

  constructor(url: string) {
    this.#inner = new WebSocket(url, { perMessageDeflate: false });
  }

  get binaryType(): string {
    return this.#inner.binaryType;
  }
  set binaryType(type: string) {
    this.#inner.binaryType = type as 'arraybuffer';
  }
  get readyState(): number {
    return this.#inner.readyState;
  }
  get bufferedAmount(): number {
    return this.#inner.bufferedAmount;
  }
  send(data: Uint8Array): void {
    this.#inner.send(data);
  }
  close(code?: number): void {
    this.#inner.close(code);
  }
  addEventListener(type: 'open', listener: (event: unknown) => void): void {
    this.#inner.addEventListener(type, listener);
  }
}

const original = globalThis.WebSocket;
beforeEach(() => {
  globalThis.WebSocket = BrowserSocket as unknown as typeof globalThis.WebSocket;
});
afterEach(() => {
  globalThis.WebSocket = original;
});

test('a page that came encrypted may dial nothing that is not', () => {
  expect(schemesOf({ protocol: 'https:' })).toEqual(['wss']);
  for (const location of [{ protocol: 'http:' }, { protocol: 'file:' }, undefined]) {
    expect(schemesOf(location)).toEqual(['ws', 'wss']);
  }
});

describe('dials what the Node half listens for:', () => {
  for (const c of transportCases) {
    test(c.name, { timeout: 20_000 }, () =>
      c.run(() => ({
        transport: { ...ws(), listen: nodeWs().listen },
        address: ({ port }) => `ws://127.0.0.1:${port}`,
        nobody: 'ws://127.0.0.1:1',
      })),
    );
  }
});

test('does not listen', () => {
  expect(ws().listen).toBeUndefined();
});

test('a URL that the platform refuses is an error, not an exception', async () => {
  globalThis.WebSocket = class {
    constructor() {
      throw new DOMException('An insecure WebSocket connection may not be initiated', 'SecurityError');
    }
  } as unknown as typeof globalThis.WebSocket;
  const dialing = ws().dial('ws://127.0.0.1:1', { signal: new AbortController().signal });
  await expect(dialing).rejects.toMatchObject({
    code: 'DIAL_FAILED',
    message: expect.stringMatching(/insecure/),
  });
});

/** A socket that swallows what is sent until it is told that it left. */
class SlowSocket extends EventTarget {
  binaryType = '';
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: number[] = [];

  send(data: Uint8Array): void {
    this.sent.push(data.byteLength);
    this.bufferedAmount += data.byteLength;
  }
  close(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
}

describe('pace', () => {
  test('writes are cut to 16 KiB, and wait for room in the buffer of the browser', async () => {
    const socket = new SlowSocket();
    const duplex = wsDuplex(socket);
    duplex.write(new Uint8Array(1024 * 1024));
    await until('it waits', () => socket.bufferedAmount > browserHighBytes);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(socket.bufferedAmount).toBeLessThanOrEqual(browserHighBytes + browserFrameBytes);
    expect(Math.max(...socket.sent)).toBe(browserFrameBytes);
    let drained = false;
    duplex.on('drain', () => {
      drained = true;
    });
    while (socket.sent.reduce((sum, bytes) => sum + bytes, 0) < 1024 * 1024) {
      expect(drained).toBe(false);
      socket.bufferedAmount = 0;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    socket.bufferedAmount = 0;
    await until('drain', () => drained);
    duplex.destroy();
  });

  test('destroying it while it waits closes at once', async () => {
    const socket = new SlowSocket();
    const duplex = wsDuplex(socket);
    duplex.write(new Uint8Array(1024 * 1024));
    await until('it waits', () => socket.bufferedAmount > browserHighBytes);
    let closed = false;
    duplex.on('close', () => {
      closed = true;
    });
    duplex.destroy();
    expect(socket.readyState).toBe(3);
    await until('close', () => closed, 100);
  });

  test('closed by the other side while a write waits: what came before can be read, and then it ends', async () => {
    const socket = new SlowSocket();
    const duplex = wsDuplex(socket);
    duplex.write(new Uint8Array(1024 * 1024));
    await until('it waits', () => socket.bufferedAmount > browserHighBytes);
    const data = new Uint8Array(1000).buffer;
    for (let i = 0; i < 3; i++) socket.dispatchEvent(new MessageEvent('message', { data }));
    socket.close();
    const events: string[] = [];
    let read = 0;
    for (const event of ['end', 'error', 'close']) duplex.on(event, () => events.push(event));
    duplex.on('data', (chunk) => {
      read += (chunk as Uint8Array).byteLength;
    });
    await until('close', () => events.includes('close'));
    expect([read, events]).toEqual([3000, ['end', 'close']]);
  });

  test('a text frame breaks the stream', async () => {
    const socket = new SlowSocket();
    const duplex = wsDuplex(socket);
    const failed = new Promise((resolve) => duplex.on('error', resolve));
    socket.dispatchEvent(new MessageEvent('message', { data: 'text' }));
    expect(await failed).toMatchObject({ code: 'PROTOCOL' });
    expect(socket.readyState).toBe(3);
  });
});

test('allowIp is asked about literals, and names are dialed without', async () => {
  const { port, accepted } = await host();
  const { signal } = new AbortController();
  const allowIp = (): boolean => false;
  await expect(ws().dial(`ws://127.0.0.1:${port}`, { signal, allowIp })).rejects.toMatchObject({
    code: 'DIAL_FAILED',
  });
  await expect(ws().dial('ws://169.254.169.254', { signal })).rejects.toMatchObject({ code: 'DIAL_FAILED' });
  expect(accepted).toHaveLength(0);
  (await ws().dial(`ws://localhost:${port}`, { signal, allowIp })).destroy();
});
