// A peer without manners: a proper handshake, and after it whatever bytes a test wants.
import { once } from 'node:events';
import { connect as netConnect, type Socket } from 'node:net';
import { type Connection, createCrypto, type LocalCrypto, secure } from '@peernet/connection';
import { type DuplexLike, type Link, parseAddress } from '@peernet/core';
import { ws } from '@peernet/transport-ws';

export interface RawPeer {
  readonly crypto: LocalCrypto;
  readonly connection: Connection;
  readonly gossip: Link;
  /** What the other side sent on the gossip channel. */
  readonly heard: Uint8Array[];
}

/** Handshakes with the node at a ws address and opens the gossip channel. Says no HELLO. */
export async function rawPeer(address: string, crypto = createCrypto()): Promise<RawPeer> {
  const duplex: DuplexLike = await ws().dial(address, { signal: AbortSignal.timeout(5_000) });
  const connection = await secure(duplex, {
    crypto,
    role: 'initiator',
    network: '',
    scope: 'loopback',
    onOpen: (channel) => channel.reject(),
  });
  const gossip = connection.link('peernet/gossip/1');
  const heard: Uint8Array[] = [];
  gossip.open({ onMessage: (message) => void heard.push(message), onDrain() {}, onClose() {} });
  return { crypto, connection, gossip, heard };
}

/** A plain socket to the port of an address. */
export async function rawSocket(address: string): Promise<Socket> {
  const port = parseAddress(address)?.port ?? 0;
  const socket = netConnect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** A plain socket that has upgraded to WebSocket by hand. */
export async function upgradedSocket(address: string): Promise<Socket> {
  const socket = await rawSocket(address);
  const lines = [
    'GET / HTTP/1.1',
    `Host: ${parseAddress(address)?.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

/** A masked frame (mask 0) with any first byte. */
export function frame(firstByte: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = length < 126 ? [firstByte, 0x80 | length] : [firstByte, 0x80 | 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(4), payload]);
}
