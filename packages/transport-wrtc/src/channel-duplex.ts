// A data channel as a byte stream: one streamx Duplex for the browser's, for @roamhq/wrtc and for node-datachannel. It
// owns the peer connection below and always closes it: a process with one that was not closed never exits.
//
// Data channels cannot pause: what arrives is bounded by the credit of the layer above, and the stream breaks for
// whoever ignores that. Nor do they end in order: closing one drops what is on its way, in both implementations for
// Node, although their buffers say that it has left (measured: up to 152 of 200 KB lost). So the end of a stream is a
// message of its own, the text `end`, which is answered by `got`; who has both lets go.
//
// Nor do they begin in order: Chromium tells the answering side that the channel is open while the layer below may not
// be, and then drops what is sent, without a word (measured: the first message, in one of three dials). So the side
// that offered says `open` first, and the other one sends nothing before it has heard that: what delivers is open.
//
// Boundaries of binary messages mean nothing, any other text is a breach. Errors are seen by whoever listens and never
// become exceptions.
import { type DuplexLike, PeernetError, type Scope } from '@peernet/core';
import { Duplex } from 'streamx';
import {
  bufferedBytesLow,
  bufferedBytesMax,
  chunkBytes,
  chunkOverheadBytes,
  closeMs,
  endMs,
  highWaterBytes,
  lingerMs,
  pollMs,
  pollWithEventMs,
  unreadBytesMax,
} from './defaults.js';
import type { DataChannelLike, PeerConnectionLike } from './rtc.js';

type Callback = (error: Error | null) => void;
type Timer = ReturnType<typeof setTimeout>;

/** Who made the channel: the side that offered the connection, or the one that answered. */
export type Side = 'offers' | 'answers';

/** A streamx Duplex whose chunks are Uint8Arrays. */
export class ChannelDuplex extends Duplex implements DuplexLike {
  /** How wide a network it crosses at most: that of the introduction (set when it opens). */
  scope: Scope | undefined;
  readonly #channel: DataChannelLike;
  readonly #connection: PeerConnectionLike;
  readonly #side: Side;
  readonly #pollMs: number;
  /** Of `_open` while connecting, or of a `_write` or `_final` that waits. */
  #waiting: Callback | undefined;
  /** Looks again at whatever waits. */
  #again: (() => void) | undefined;
  #timer: Timer | undefined;
  #lastResort: Timer | undefined;
  #opening = false;
  /** `open` is on its way, or here. */
  #opened = false;
  /** Our end is on its way; the other side has it. */
  #endSent = false;
  #endGot = false;
  /** The other side's end is here. */
  #endSeen = false;
  /** Whoever reads has read all of it. */
  #readEnded = false;
  #channelClosed = false;
  #released = false;
  readonly #onReleased: (() => void)[] = [];
  #unread = 0;

  constructor(channel: DataChannelLike, connection: PeerConnectionLike, side: Side) {
    super({
      eagerOpen: true, // 'open' tells the dial that it is done
      highWaterMark: highWaterBytes,
      byteLengthReadable: (chunk) => (chunk as Uint8Array).byteLength + chunkOverheadBytes,
    });
    this.#channel = channel;
    this.#connection = connection;
    this.#side = side;
    this.on('error', () => {}); // a peer must not be able to throw in our process
    this.on('end', () => {
      this.#readEnded = true;
      if (this.#channelClosed) this.destroy();
    });
    channel.binaryType = 'arraybuffer';
    // @roamhq/wrtc has neither this property nor its event (trap 1 of our measurements): there we look.
    const hasEvent = 'bufferedAmountLowThreshold' in channel;
    this.#pollMs = hasEvent ? pollWithEventMs : pollMs;
    if (hasEvent) channel.bufferedAmountLowThreshold = bufferedBytesLow;
    channel.addEventListener('open', () => this.#onOpen());
    channel.addEventListener('message', (event: { data: unknown }) => this.#take(event.data));
    channel.addEventListener('bufferedamountlow', () => this.#look());
    channel.addEventListener('error', () => this.#onError());
    channel.addEventListener('close', () => this.#onClose());
    connection.addEventListener('connectionstatechange', () => this.#onState());
  }

  /** Calls back once the peer connection is closed; at once if it is already, as one may break as soon as it opens. */
  onRelease(released: () => void): void {
    if (this.#released) released();
    else this.#onReleased.push(released);
  }

  /** As in streamx; its types demand the argument. */
  override end(last?: unknown): this {
    return super.end(last);
  }

  override _open(callback: Callback): void {
    const { readyState } = this.#channel;
    if (readyState !== 'open' && readyState !== 'connecting') {
      callback(new PeernetError('LOST', 'the data channel is closed'));
      return;
    }
    this.#opening = true;
    this.#waiting = callback;
    this.#onOpen();
  }

  override _read(callback: Callback): void {
    this.#unread = 0;
    callback(null);
  }

  override _write(chunk: unknown, callback: Callback): void {
    this.#waiting = callback;
    this.#send(chunk as Uint8Array, 0);
  }

  override _final(callback: Callback): void {
    this.#endSent = true;
    this.#lastResort = setTimeout(() => this.destroy(), endMs);
    this.#say('end');
    callback(null);
  }

  /** Called by `destroy` at once, even while a write waits (`_destroy` would wait for it, perhaps for ever). */
  override _predestroy(): void {
    this.#settle(new PeernetError('CLOSED', 'the stream is destroyed'));
    this.#abandon();
  }

  override _destroy(callback: Callback): void {
    this.#abandon();
    callback(null);
  }

  /** Sends from `at` on, as much as the buffer below should hold; the rest when there is room. */
  #send(chunk: Uint8Array, from: number): void {
    const channel = this.#channel;
    let at = from;
    try {
      while (at < chunk.byteLength && channel.readyState === 'open') {
        const part = chunk.subarray(at, at + chunkBytes);
        if (channel.bufferedAmount + part.byteLength > bufferedBytesMax) break;
        channel.send(part);
        at += part.byteLength;
      }
    } catch (cause) {
      this.destroy(new PeernetError('LOST', 'the data channel failed', { cause }));
      return;
    }
    // Into a closed channel: see #onClose.
    if (at >= chunk.byteLength) this.#settle();
    else if (channel.readyState === 'open') this.#lookLater(() => this.#send(chunk, at));
  }

  /** Calls `again` when there is room in the buffer below, or the channel is no longer open. */
  #lookLater(again: () => void): void {
    clearTimeout(this.#timer);
    this.#again = () => {
      const { readyState, bufferedAmount } = this.#channel;
      if (readyState === 'open' && bufferedAmount > bufferedBytesLow) this.#lookLater(again);
      else again();
    };
    this.#timer = setTimeout(() => this.#look(), this.#pollMs);
  }

  #look(): void {
    const again = this.#again;
    this.#again = undefined;
    clearTimeout(this.#timer);
    again?.();
  }

  #settle(error: Error | null = null): void {
    const callback = this.#waiting;
    this.#waiting = undefined;
    callback?.(error);
  }

  /** What is below may be open: says so, or goes on if the other side has said so. */
  #onOpen(): void {
    if (!this.#opening || this.#channel.readyState !== 'open') return;
    if (this.#side === 'offers' && !this.#opened) {
      this.#opened = true;
      this.#say('open');
    }
    if (!this.#opened) return;
    this.#opening = false;
    this.#settle();
  }

  #take(data: unknown): void {
    if (typeof data === 'string') this.#takeWord(data);
    else if (this.destroying) return;
    else if (!(data instanceof ArrayBuffer) || !this.#opened || this.#endSeen) {
      this.destroy(new PeernetError('PROTOCOL', 'data channel: a message that has no place there'));
    } else if (data.byteLength > 0 && !this.push(new Uint8Array(data))) {
      this.#unread += data.byteLength + chunkOverheadBytes;
      if (this.#unread <= unreadBytesMax) return;
      this.destroy(new PeernetError('LIMIT', 'data channel: more data than anybody reads'));
    }
  }

  /** Also after `destroy`: the other side may be waiting for its `got`. */
  #takeWord(word: string): void {
    if (word === 'open' && !this.#opened && this.#side === 'answers') {
      this.#opened = true;
      this.#onOpen();
    } else if (word === 'end' && this.#opened && !this.#endSeen) {
      this.#endSeen = true;
      this.#say('got');
      if (!this.destroying) this.push(null);
    } else if (word === 'got' && this.#endSent && !this.#endGot) {
      this.#endGot = true;
      if (this.destroying) this.#abandon();
    } else if (!this.destroying) {
      this.destroy(new PeernetError('PROTOCOL', 'data channel: a text message that has no place there'));
    }
  }

  #say(word: 'open' | 'end' | 'got'): void {
    try {
      if (this.#channel.readyState === 'open') this.#channel.send(word);
    } catch {
      // It is closing; that is told by its event.
    }
  }

  #onError(): void {
    // A peer that closes abruptly shows up as an error first; that it closed follows.
    if (this.#channel.readyState === 'open') return;
    this.#onClose();
  }

  #onClose(): void {
    if (this.#channelClosed) return;
    this.#channelClosed = true;
    if (this.destroying) {
      this.#release();
      return;
    }
    this.#again = undefined;
    clearTimeout(this.#timer);
    // A write that waits goes on waiting: nobody will take it, and the end of what can be read tells the writer.
    if (this.#opening) this.#settle(new PeernetError('LOST', 'the data channel closed'));
    if (this.#readEnded) this.destroy();
    else if (!this.#endSeen) this.push(null);
  }

  #onState(): void {
    const state = this.#connection.connectionState;
    if (this.#channelClosed || (state !== 'failed' && state !== 'closed')) return;
    if (this.destroying) this.#release();
    else this.destroy(new PeernetError('LOST', 'the connection to the peer broke'));
  }

  /**
   * Ends the connection without waiting for anybody's end. The channel tells the other side first: without that it
   * would notice after many seconds. Who has sent an end waits a moment for its `got`.
   */
  #abandon(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#lastResort);
    this.#again = undefined;
    if (this.#released) return;
    const channel = this.#channel;
    if (this.#channelClosed || channel.readyState === 'closed' || channel.readyState === 'connecting') {
      // One that never opened, too: with it, a process on node-datachannel would not end (measured).
      channel.close();
      this.#release();
    } else if (this.#endSent && !this.#endGot) {
      this.#lastResort = setTimeout(() => this.#release(), lingerMs);
    } else {
      channel.close();
      this.#lastResort = setTimeout(() => this.#release(), closeMs);
    }
  }

  #release(): void {
    clearTimeout(this.#lastResort);
    if (this.#released) return;
    this.#released = true;
    this.#connection.close();
    for (const released of this.#onReleased.splice(0)) released();
  }
}
