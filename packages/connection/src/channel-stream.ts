// A stream channel as a Duplex of streamx, with back-pressure both ways: credit goes back as the app reads.
import { type CloseReason, type ErrorCode, PeernetError } from '@peernet/core';
import { Duplex } from 'streamx';
import { chunkLength, toBytes } from './byte-stream.js';
import { DEFAULTS, WIRE } from './defaults.js';
import type { Channel, ChannelSink } from './machine/channel.js';
import type { Mux } from './machine/mux.js';

type Callback = (error: Error | null) => void;

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
  #channel: Channel | undefined;
  #writing: Callback | undefined;
  #resetReason: CloseReason = 'DONE';
  ready = false;

  constructor(mux: Mux, name: string) {
    super({
      highWaterMark: DEFAULTS.streamBufferBytes,
      byteLengthReadable: (data) => chunkLength(data) + WIRE.frameCostBytes,
      byteLengthWritable: chunkLength,
      mapWritable: toBytes,
    });
    this.#mux = mux;
    this.#name = name;
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
    this.push(null);
  }

  onClose(reason: CloseReason): void {
    this.destroy(errorOf(reason, this.#name));
  }

  override _read(callback: Callback): void {
    this.ready = true;
    if (this.#channel !== undefined) this.#mux.resume(this.#channel);
    callback(null);
  }

  override _writev(batch: Uint8Array[], callback: Callback): void {
    const channel = this.#channel;
    if (channel === undefined || channel.dead) callback(errorOf(channel?.closeReason ?? 'LOST', this.#name));
    else if (this.#mux.write(channel, batch)) callback(null);
    else this.#writing = callback;
  }

  override _final(callback: Callback): void {
    if (this.#channel !== undefined) this.#mux.finish(this.#channel, 'DONE');
    callback(null);
  }

  override _predestroy(): void {
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
