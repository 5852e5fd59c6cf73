// A client without manners: sends what the test says, byte for byte, and notes what comes back.
import { connect, type Socket } from 'node:net';
import { until } from '@peernet/testkit';

export interface Raw {
  readonly socket: Socket;
  /** All that came so far, as Latin-1. */
  readonly received: () => string;
  /** Resolves when the other side has closed. */
  readonly gone: (withinMs?: number) => Promise<void>;
  readonly isGone: () => boolean;
}

/** Connects to `port` on loopback. */
export async function raw(port: number, first = ''): Promise<Raw> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  let closed = false;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('close', () => {
    closed = true;
  });
  await until('connected', () => socket.readyState === 'open' || closed);
  if (first !== '') socket.write(first);
  const gone = async (withinMs?: number): Promise<void> => {
    await until('the other side closes', () => closed, withinMs);
  };
  return { socket, received: () => received, gone, isGone: () => closed };
}

/** An upgrade request. */
export function upgradeRequest(headers: Record<string, string> = {}): string {
  const all = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** Connects and upgrades. */
export async function upgraded(port: number, headers?: Record<string, string>): Promise<Raw> {
  const client = await raw(port, upgradeRequest(headers));
  await until('the answer to the upgrade', () => client.received().includes('\r\n\r\n') || client.isGone());
  return client;
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9 } as const;

/** One frame of RFC 6455. Servers send unmasked. */
export function frame(
  opcode: number,
  payload: Uint8Array,
  { fin = true, masked = true }: { fin?: boolean; masked?: boolean } = {},
): Buffer {
  const { length } = payload;
  const head = [(fin ? 0x80 : 0) | opcode];
  const mask = masked ? 0x80 : 0;
  if (length < 126) head.push(mask | length);
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 255);
  else
    head.push(
      mask | 127,
      0,
      0,
      0,
      0,
      length >>> 24,
      (length >>> 16) & 255,
      (length >>> 8) & 255,
      length & 255,
    );
  // A mask of zeros masks nothing.
  return Buffer.concat([Buffer.from(head), masked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}

/** The code of the close frame that a server sent, if it did. */
export function closeCode(received: string): number | undefined {
  const body = Buffer.from(received.slice(received.indexOf('\r\n\r\n') + 4), 'latin1');
  const at = body.indexOf(0x88);
  return at < 0 || body.length < at + 4 ? undefined : body.readUInt16BE(at + 2);
}
