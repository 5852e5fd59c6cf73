// Every byte of a connection: hello, handshake payload, record lengths and mux frames. Decoders are total: what
// cannot be is `undefined` or `false`, never an exception. docs/wire.md says the same in words.
import {
  type CloseReason,
  closeCodes,
  closeReasonOf,
  type PeerId,
  peerIdFromBytes,
  peerIdToBytes,
  Reader,
  Writer,
} from '@peernet/core';
import { WIRE } from './defaults.js';

/** What a side says of its part in the handshake. */
export const ROLE = Object.freeze({
  /** Decided by the nonces. */
  any: 0,
  /** Speaks first. */
  initiator: 1,
  /** Answers. */
  responder: 2,
});
export type Role = keyof typeof ROLE;

/** `pn/1`: this protocol, this version. */
export const magic: Uint8Array = Uint8Array.of(0x70, 0x6e, 0x2f, 0x31);

export interface Hello {
  readonly role: number;
  readonly nonce: Uint8Array;
}

/** hello = 'pn/1'[4] · role:u8 · nonce[16]                                                                since v1 */
export function encodeHello(role: Role, nonce: Uint8Array): Uint8Array {
  return new Writer(WIRE.helloBytes).fixed(magic).u8(ROLE[role]).fixed(nonce).finish();
}

export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const r = new Reader(bytes);
  for (let i = 0; i < magic.length; i++) if (r.u8() !== magic[i]) return undefined;
  const role = r.u8();
  const nonce = r.fixed(WIRE.helloNonceBytes);
  return r.done && role <= ROLE.responder ? { role, nonce } : undefined;
}

/** What a side says of itself inside the handshake, and signs once per process. */
export interface Identity {
  readonly id: PeerId;
  readonly bootSeq: number;
  readonly signature: Uint8Array;
}

/** What the signature of an identity covers: staticKey[32] · bootSeq:u64                                     since v1 */
export function encodeStatement(staticKey: Uint8Array, bootSeq: number): Uint8Array {
  return new Writer(40).fixed(staticKey).u64(bootSeq).finish();
}

/** identity = id[32] · bootSeq:u64 · signature[64]                                                          since v1 */
export function encodeIdentity(identity: Identity): Uint8Array {
  return new Writer(WIRE.identityBytes)
    .fixed(peerIdToBytes(identity.id))
    .u64(identity.bootSeq)
    .fixed(identity.signature)
    .finish();
}

export function decodeIdentity(bytes: Uint8Array): Identity | undefined {
  const r = new Reader(bytes);
  const id = peerIdFromBytes(r.fixed(WIRE.keyBytes));
  const bootSeq = r.u64();
  const signature = r.fixed(64).slice();
  return r.done ? { id, bootSeq, signature } : undefined;
}

/** Mux frames. Numbers travel: append only. */
export const FRAME = Object.freeze({
  /** kind:u8 · name[1…64] */
  OPEN: 1,
  /** empty */
  ACCEPT: 2,
  /** reason:u8 */
  REJECT: 3,
  /** a message, or 1… bytes of a stream */
  DATA: 4,
  /** bytes:u32 that may be sent on top of what was allowed */
  CREDIT: 5,
  /** reason:u8; the sender has said all */
  FIN: 6,
  /** reason:u8; the sender neither sends nor reads on */
  RESET: 7,
  /** token:u32, channel 0 */
  PING: 8,
  /** token:u32 of the ping, channel 0 */
  PONG: 9,
  /** reason:u8, channel 0; the last frame of a connection */
  GOAWAY: 10,
});
const typeMax = FRAME.GOAWAY;

/** What is said over a channel: whole messages, or bytes. */
const kinds = ['messages', 'stream'] as const;
export type ChannelKind = (typeof kinds)[number];

/** A decoded frame; reused from frame to frame, so take what is kept out of it. */
export class FrameView {
  type = 0;
  channel = 0;
  /** The body is `record.subarray(start, end)`. */
  start = 0;
  end = 0;
}

/** Bytes of the header of a frame. */
export function headerBytes(channel: number): number {
  let bytes = 4;
  for (let rest = channel; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** frame = type:u8 · channel:varint · length:u16 · body[length]; frames fill a record without gaps.          since v1 */
export function putHeader(to: Uint8Array, at: number, type: number, channel: number, length: number): number {
  let next = at;
  to[next++] = type;
  let rest = channel;
  while (rest >= 128) {
    to[next++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  to[next++] = rest;
  to[next++] = length >>> 8;
  to[next++] = length;
  return next;
}

/** Reads the header at `at` into `frame`; the offset behind the body, or -1 if these bytes are no frame. */
export function readFrame(record: Uint8Array, at: number, frame: FrameView): number {
  const type = record[at] as number;
  let next = at + 1;
  let channel = record[next++] ?? 128;
  if (channel >= 128) {
    channel -= 128;
    for (let scale = 128; ; scale *= 128) {
      const byte = record[next++];
      // Too long, cut off, or not the shortest form.
      if (byte === undefined || byte === 0 || scale > 268_435_456) return -1;
      channel += (byte & 127) * scale;
      if (byte < 128) break;
    }
  }
  if (record.length < next + 2 || channel > WIRE.channelIdMax) return -1;
  const length = ((record[next] as number) << 8) | (record[next + 1] as number);
  frame.type = type;
  frame.channel = channel;
  frame.start = next + 2;
  frame.end = next + 2 + length;
  if (frame.end > record.length || !bodyFits(type, channel, length)) return -1;
  return frame.end;
}

function bodyFits(type: number, channel: number, length: number): boolean {
  if (type < 1 || type > typeMax || type >= FRAME.PING !== (channel === 0)) return false;
  switch (type) {
    case FRAME.OPEN:
      return length >= 2 && length <= 1 + WIRE.nameBytesMax;
    case FRAME.ACCEPT:
      return length === 0;
    case FRAME.DATA:
      return true;
    case FRAME.CREDIT:
    case FRAME.PING:
    case FRAME.PONG:
      return length === 4;
    default:
      return length === 1;
  }
}

/** The u32 at `at`, big-endian; of a body whose length was checked. */
export function readU32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return a * 16_777_216 + ((b << 16) | (c << 8) | d);
}

export function encodeU32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function encodeReason(reason: CloseReason): Uint8Array {
  return Uint8Array.of(closeCodes[reason]);
}

export function decodeReason(bytes: Uint8Array, at: number): CloseReason {
  return closeReasonOf(bytes[at] ?? 0);
}

/** Whether a byte may stand in a channel name: A-Z a-z 0-9 _ . / - */
function isNameByte(code: number): boolean {
  if (code >= 0x61) return code <= 0x7a;
  if (code >= 0x41) return code <= 0x5a || code === 0x5f;
  return code >= 0x2d && code <= 0x39; // - . / 0…9
}

/** Whether `name` can name a channel: `[A-Za-z0-9_./-]{1,64}`. */
export function isChannelName(name: string): boolean {
  if (typeof name !== 'string' || name.length < 1 || name.length > WIRE.nameBytesMax) return false;
  for (let i = 0; i < name.length; i++) if (!isNameByte(name.charCodeAt(i))) return false;
  return true;
}

/** open = kind:u8 (0 messages, 1 stream) · name[1…64]                                                       since v1 */
export function encodeOpen(kind: ChannelKind, name: string): Uint8Array {
  const bytes = new Uint8Array(1 + name.length);
  bytes[0] = kinds.indexOf(kind);
  for (let i = 0; i < name.length; i++) bytes[1 + i] = name.charCodeAt(i);
  return bytes;
}

export function decodeOpen(body: Uint8Array): { kind: ChannelKind; name: string } | undefined {
  const kind = kinds[body[0] ?? kinds.length];
  if (kind === undefined || body.length < 2 || body.length > 1 + WIRE.nameBytesMax) return undefined;
  let name = '';
  for (let i = 1; i < body.length; i++) {
    const code = body[i] as number;
    if (!isNameByte(code)) return undefined;
    name += String.fromCharCode(code);
  }
  return { kind, name };
}
