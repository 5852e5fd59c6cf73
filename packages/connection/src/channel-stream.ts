// A stream channel as a Duplex of streamx, with back-pressure both ways: credit goes back as the app reads.
import { type CloseReason, type ErrorCode, PeernetError } from '@peernet/core';
import { Duplex } from 'streamx';
import { chunkLength, toBytes } from './byte-stream.js';
import { DEFAULTS, WIRE } from './defaults.js';
import type { Channel, ChannelSink } from './machine/channel.js';
import type { Mux } from './machine/mux.js';

type Callback = (error: Error | null) => void;

/** Runs something when the time to drain is over; returns what cancels that. */
export type Grace = (run: () => void) => () => void;

/** Whoever reads streams in Node expects Buffers (`String(chunk)` is text); elsewhere there are none. */
const toChunk: (bytes: Uint8Array) => Uint8Array =
  typeof globalThis.Buffer === 'function'
    ? (bytes) => globalThis.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    : (bytes) => bytes;

/** What the end of a channel means to who uses its stream. */
function errorOf(reason: CloseReason, name: string): PeernetError {
  if (reason === 'REJECTED')
    return new PeernetError('CHANNEL_REJECTED', `the other side does not serve '${name}'`);
  if (reason === 'LOST') return new PeernetError('LOST', `the connection under '${name}' broke`);
  const codes: Partial<Record<CloseReason, ErrorCode>> = {
    PROTOCOL: 'PROTOCOL',
    TIMEOUT: 'LOST',
    FULL: 'LIMIT',
  };
  return new PeernetError(codes[reason] ?? 'CLOSED', `'${name}' was closed (${reason})`);
}

export class ChannelStream extends Duplex implements ChannelSink {
  readonly #mux: Mux;
  readonly #name: string;
  readonly #grace: Grace;
  #channel: Channel | undefined;
  #writing: Callback | undefined;
  #resetReason: CloseReason = 'DONE';
  /** All that the other side has said is here; not all of it has been read. */
  #unread = false;
  /** Set from the end of the channel until then, if that came first. */
  #cancelGrace: (() => void) | undefined;
  ready = false;

  constructor(mux: Mux, name: string, grace: Grace) {
    super({
      highWaterMark: DEFAULTS.streamBufferBytes,
      byteLengthReadable: (data) => chunkLength(data) + WIRE.frameCostBytes,
      byteLengthWritable: chunkLength,
      mapWritable: toBytes,
    });
    this.#mux = mux;
    this.#name = name;
    this.#grace = grace;
    // The channel of a peer that went away must not end the process of an app that did not listen.
    this.on('error', () => {});
  }

  /** For the connection, once. Without a channel: too many are open, or the connection is over. */
  attach(channel: Channel | undefined, over: boolean): this {
    this.#channel = channel;
    if (channel === undefined) {
      this.destroy(
        new PeernetError(over ? 'CLOSED' : 'LIMIT', `'${this.#name}' cannot be opened on this connection`),
      );
    }
    return this;
  }

  reset(reason: CloseReason): void {
    this.#resetReason = reason;
    this.destroy();
  }

  onData(bytes: Uint8Array): void {
    if (!this.push(toChunk(bytes))) this.ready = false;
  }

  onDrain(): void {
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.(null);
  }

  onEnd(): void {
    this.#unread = true;
    this.once('end', () => {
      this.#unread = false;
    });
    this.push(null);
  }

  /** Whoever reads has a moment to read to the end, if there is one. */
  onClose(reason: CloseReason): void {
    const end = (): void => void this.destroy(errorOf(reason, this.#name));
    if (!this.#unread) end();
    else {
      this.once('end', end);
      this.#cancelGrace = this.#grace(end);
    }
  }

  override _read(callback: Callback): void {
    this.ready = true;
    if (this.#channel !== undefined) this.#mux.resume(this.#channel);
    callback(null);
  }

  override _writev(batch: Uint8Array[], callback: Callback): void {
    const channel = this.#channel;
    if (this.#cancelGrace !== undefined) this.#writing = callback;
    else if (channel === undefined || channel.dead)
      callback(errorOf(channel?.closeReason ?? 'LOST', this.#name));
    else if (this.#mux.write(channel, batch)) callback(null);
    else this.#writing = callback;
  }

  override _final(callback: Callback): void {
    if (this.#channel !== undefined) this.#mux.finish(this.#channel, 'DONE');
    callback(null);
  }

  override _predestroy(): void {
    this.#cancelGrace?.();
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.(null);
  }

  override _destroy(callback: Callback): void {
    const channel = this.#channel;
    // Both ended: what is left of our end still leaves by itself.
    const done = channel?.finReason !== undefined && channel.endTold;
    if (channel !== undefined && !done) this.#mux.reset(channel, this.#resetReason);
    callback(null);
  }
}
