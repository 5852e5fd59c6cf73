// Frames by hand, for tests that play the other side.
import { concatBytes } from '@peernet/core';
import { encodeOpen, encodeU32, FRAME, FrameView, putHeader, readFrame } from '../src/wire.js';

export function frame(type: number, channel: number, body: Uint8Array): Uint8Array {
  const header = new Uint8Array(16);
  const length = putHeader(header, 0, type, channel, body.length);
  return concatBytes(header.subarray(0, length), body);
}

const none = new Uint8Array(0);
export const open = (channel: number, name = 'x', kind: 'messages' | 'stream' = 'messages'): Uint8Array =>
  frame(FRAME.OPEN, channel, encodeOpen(kind, name));
export const accept = (channel: number): Uint8Array => frame(FRAME.ACCEPT, channel, none);
export const reject = (channel: number, reason = 15): Uint8Array =>
  frame(FRAME.REJECT, channel, Uint8Array.of(reason));
export const data = (channel: number, body: Uint8Array): Uint8Array => frame(FRAME.DATA, channel, body);
export const credit = (channel: number, bytes: number): Uint8Array =>
  frame(FRAME.CREDIT, channel, encodeU32(bytes));
export const fin = (channel: number, reason = 16): Uint8Array =>
  frame(FRAME.FIN, channel, Uint8Array.of(reason));
export const reset = (channel: number, reason = 11): Uint8Array =>
  frame(FRAME.RESET, channel, Uint8Array.of(reason));
export const ping = (token: number): Uint8Array => frame(FRAME.PING, 0, encodeU32(token));
export const pong = (token: number): Uint8Array => frame(FRAME.PONG, 0, encodeU32(token));
export const goaway = (reason: number): Uint8Array => frame(FRAME.GOAWAY, 0, Uint8Array.of(reason));

const names = new Map<number, string>(Object.entries(FRAME).map(([name, type]) => [type, name]));

export interface ReadableFrame {
  type: string;
  channel: number;
  body: Uint8Array;
}

/** The frames of a record; throws if it is none. */
export function framesOf(record: Uint8Array): ReadableFrame[] {
  const view = new FrameView();
  const found: ReadableFrame[] = [];
  for (let at = 0; at < record.length; ) {
    at = readFrame(record, at, view);
    if (at < 0) throw new Error('not a record');
    found.push({
      type: names.get(view.type) ?? '?',
      channel: view.channel,
      body: record.slice(view.start, view.end),
    });
  }
  return found;
}
