// A WebSocket as a byte stream. One streamx Duplex for both kinds: those of the `ws` package, which can pause reading
// and tell when a frame has left, and those of browsers, which can do neither (there the credit of the layer above
// bounds what arrives, and what leaves is paced by looking at `bufferedAmount`).
//
// Message boundaries mean nothing; a text frame is a breach (close code 1003). However the socket closes, its end
// reads as the end of the stream after all data, as with TCP; whether that was the whole of it, only the layer above
// can know. Errors are seen by whoever listens and never become exceptions.
import { type DuplexLike, dialError, PeernetError } from '@peernet/core';
import { Duplex } from 'streamx';
import {
  browserFrameBytes,
  browserHighBytes,
  browserPollMs,
  chunkOverheadBytes,
  closeMs,
  frameBytesMax,
  highWaterBytes,
  violationCloseMs,
} from './defaults.js';

/** What is used of a socket: of the browser's WebSocket, and of anything that works like it. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  // biome-ignore lint/suspicious/noExplicitAny: the argument types of browsers and of `ws` exclude each other
  send(data: any, ...more: any[]): void;
  close(code?: number, reason?: string): void;
  // biome-ignore lint/suspicious/noExplicitAny: likewise
  addEventListener(type: any, listener: (event: any) => void): void;
}

/** What sockets of `ws` can do beyond that. */
interface PausableSocket extends WebSocketLike {
  readonly url?: string;
  pause(): void;
  resume(): void;
  terminate(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** A streamx Duplex whose chunks are Uint8Arrays. */
export type WsDuplex = Duplex & DuplexLike;

type Callback = (error: Error | null) => void;

const OPEN = 1;
const CLOSED = 3;
const textFrame = 1003;

/**
 * `socket` as a stream of bytes: of the `ws` package or a browser's, connecting or open. Call it at once, before
 * messages can arrive. Destroying the stream closes the socket, and the other way round.
 */
export function wsDuplex(socket: WebSocketLike): WsDuplex {
  return isPausable(socket) ? new NodeDuplex(socket) : new BrowserDuplex(socket);
}

function isPausable(socket: WebSocketLike): socket is PausableSocket {
  const { pause, terminate } = socket as Partial<PausableSocket>;
  return typeof pause === 'function' && typeof terminate === 'function';
}

/** What both kinds share. */
abstract class SocketDuplex<Socket extends WebSocketLike> extends Duplex {
  protected readonly socket: Socket;
  /** Of `_open` while connecting, or of a `_write` that waits for room. */
  #waiting: Callback | undefined;
  #opening = false;

  constructor(socket: Socket) {
    super({
      eagerOpen: true, // 'open' tells the dial that it is done
      highWaterMark: highWaterBytes,
      byteLengthReadable: (chunk) => (chunk as Uint8Array).byteLength + chunkOverheadBytes,
    });
    this.socket = socket;
    this.on('error', () => {}); // a peer must not be able to throw in our process
    socket.addEventListener('open', () => this.settle());
    socket.addEventListener('close', () => this.#onClose());
  }

  /** As in streamx; its types demand the argument. */
  override end(last?: unknown): this {
    return super.end(last);
  }

  override _open(callback: Callback): void {
    if (this.socket.readyState === OPEN) callback(null);
    else if (this.socket.readyState > OPEN) callback(new PeernetError('LOST', 'the WebSocket is closed'));
    else {
      this.#opening = true;
      this.wait(callback);
    }
  }

  override _final(callback: Callback): void {
    this.socket.close(1000);
    callback(null);
  }

  /** Called by `destroy` at once, even while a write waits (`_destroy` would wait for it, perhaps for ever). */
  override _predestroy(): void {
    this.settle(new PeernetError('CLOSED', 'the stream is destroyed'));
    this.abandon();
  }

  override _destroy(callback: Callback): void {
    this.abandon();
    callback(null);
  }

  /** Ends the socket without waiting for anybody. */
  protected abstract abandon(): void;

  /** Keeps the callback of what cannot go on now. */
  protected wait(callback: Callback): void {
    this.#waiting = callback;
  }

  /** Lets it go on, or fail. */
  protected settle(error: Error | null = null): void {
    const callback = this.#waiting;
    this.#waiting = undefined;
    this.#opening = false;
    callback?.(error);
  }

  /** Data from the socket; false: no room for more. */
  protected take(chunk: Uint8Array): boolean {
    // An empty chunk would lie in the queue without counting.
    return this.destroying || chunk.byteLength === 0 || this.push(chunk);
  }

  #onClose(): void {
    if (this.destroying) return;
    // A write that waits went into a closed socket, see `_write`: an error would cost whoever reads what is unread.
    this.settle(this.#opening ? new PeernetError('LOST', 'the WebSocket closed') : null);
    this.push(null);
    this.end();
  }
}

/** Over a socket of the `ws` package. */
class NodeDuplex extends SocketDuplex<PausableSocket> {
  /** The other side broke the rules, and is being told so. */
  #violating = false;
  /** Counts writes. */
  #turn = 0;

  constructor(socket: PausableSocket) {
    super(socket);
    socket.binaryType = 'nodebuffer'; // views, where `arraybuffer` would copy
    socket.on('message', (data: Uint8Array, isBinary: boolean) => {
      if (!isBinary) this.#violate(textFrame, 'a text frame');
      else if (!this.take(data)) socket.pause();
    });
    let opened = socket.readyState === OPEN;
    socket.on('open', () => {
      opened = true;
    });
    socket.on('error', (cause: Error) => {
      if (this.destroying) return;
      this.#violating = opened; // then `ws` is sending the close code
      const breach = new PeernetError('PROTOCOL', `WebSocket: ${cause.message}`, { cause });
      this.destroy(opened ? breach : dialError(socket.url ?? 'WebSocket', cause));
    });
  }

  override _read(callback: Callback): void {
    this.socket.resume();
    callback(null);
  }

  override _write(data: unknown, callback: Callback): void {
    const { socket } = this;
    // Into a closed socket: nobody reads it; that it closed is told by the end of the readable side.
    if (socket.readyState !== OPEN) {
      callback(null);
      return;
    }
    const chunk = data as Uint8Array;
    const turn = ++this.#turn;
    this.wait(callback);
    // Only of this write: that an earlier, smaller one has left makes no room for a large one.
    const sent = (): void => {
      if (turn === this.#turn) this.settle();
    };
    for (let at = 0; at < chunk.byteLength; at += frameBytesMax) {
      const frame = chunk.subarray(at, at + frameBytesMax);
      const last = at + frameBytesMax >= chunk.byteLength;
      socket.send(frame, { binary: true, compress: false }, last ? sent : undefined);
    }
    if (socket.bufferedAmount <= highWaterBytes) this.settle();
  }

  override _final(callback: Callback): void {
    super._final(callback);
    this.#terminateAfter(closeMs);
  }

  #violate(code: number, what: string): void {
    if (this.destroying) return;
    this.#violating = true;
    this.socket.close(code);
    this.destroy(new PeernetError('PROTOCOL', `WebSocket: ${what}`));
  }

  /** Who broke the rules gets a moment to read the close code; everybody else's socket ends now. */
  protected override abandon(): void {
    const { socket } = this;
    if (socket.readyState === CLOSED) return;
    if (!this.#violating) {
      socket.terminate();
      return;
    }
    socket.resume(); // so that its answer is seen
    this.#terminateAfter(violationCloseMs);
  }

  /** Nobody can keep the socket by not answering; sockets of an app's own server have no time limit of ours. */
  #terminateAfter(ms: number): void {
    const { socket } = this;
    if (socket.readyState === CLOSED) return;
    const timer = setTimeout(() => socket.terminate(), ms);
    socket.addEventListener('close', () => clearTimeout(timer));
  }
}

/** Over a WebSocket of a browser (or the one that newer versions of Node have built in). */
class BrowserDuplex extends SocketDuplex<WebSocketLike> {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: WebSocketLike) {
    super(socket);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }: { data: unknown }) => {
      if (data instanceof ArrayBuffer) this.take(new Uint8Array(data));
      else this.destroy(new PeernetError('PROTOCOL', 'WebSocket: a text frame'));
    });
    socket.addEventListener('error', () => this.destroy(new PeernetError('LOST', 'the WebSocket failed')));
  }

  override _write(chunk: unknown, callback: Callback): void {
    this.wait(callback);
    this.#send(chunk as Uint8Array, 0);
  }

  /** Sends from `at` on, as much as the browser's buffer should hold; the rest when there is room. */
  #send(chunk: Uint8Array, from: number): void {
    const { socket } = this;
    let at = from;
    while (socket.readyState === OPEN && at < chunk.byteLength && socket.bufferedAmount <= browserHighBytes) {
      socket.send(chunk.subarray(at, at + browserFrameBytes));
      at += browserFrameBytes;
    }
    const done = at >= chunk.byteLength && socket.bufferedAmount <= browserHighBytes;
    if (done || socket.readyState !== OPEN) this.settle();
    else this.#timer = setTimeout(() => this.#send(chunk, at), browserPollMs);
  }

  protected override abandon(): void {
    clearTimeout(this.#timer);
    this.socket.close();
  }
}
