// The state of one channel: two windows, what waits to be sent, what waits to be read. The mux and its sender move
// it; it decides nothing.
import { BoundedQueue, type CloseReason } from '@peernet/core';
import { WIRE } from '../defaults.js';
import type { ChannelKind } from '../wire.js';
import type { FrameQueue } from './frame-queue.js';

/** Who uses a channel. */
export interface ChannelSink {
  /** Whether it takes data now; what it does not take waits until `resume`, or the end of the connection. */
  readonly ready: boolean;
  /** A message, or bytes of a stream. */
  onData(bytes: Uint8Array): void;
  /** What was refused, or waits, has been taken on: send more. */
  onDrain(): void;
  /** The other side of a stream has said all; its last bytes were taken before. */
  onEnd(): void;
  /** Last, once; not for a stream of which both sides ended, nor after our own `finish` or `reset`. */
  onClose(reason: CloseReason): void;
}

export class Channel {
  readonly id: number;
  readonly kind: ChannelKind;
  readonly name: string;
  /** True if we opened it. */
  readonly mine: boolean;
  sink: ChannelSink | undefined;
  /** OPEN is on its way (or came from the other side). */
  opened = false;
  /** The other side has agreed (or we have). */
  accepted = false;
  /** Gone from the mux: nothing travels any more. */
  dead = false;
  /** What may be sent, and what may arrive, before the next CREDIT. */
  sendWindow: number = WIRE.windowBytes;
  receiveWindow: number = WIRE.windowBytes;
  /** Read by the app, not yet granted again. */
  toGrant = 0;

  /** By urgency; made when first needed. */
  readonly queues: (FrameQueue | undefined)[] = [];
  queued = 0;
  /** Bytes that wait, of messages or of the stream. */
  queuedBytes = 0;
  /** A send was refused, or a write waits: call onDrain. */
  wantsDrain = false;
  /** Chunks of a stream that wait, and how far the first was sent. */
  pending: readonly Uint8Array[] = [];
  pendingIndex = 0;
  pendingOffset = 0;

  /** We have said all, once what waits is sent; then FIN goes out with this reason. */
  finReason: CloseReason | undefined;
  finSent = false;
  finReceived = false;
  endTold = false;
  /** Messages: why the other side ended; told once what waits is read. */
  closeReason: CloseReason | undefined;
  #inbox: BoundedQueue<Uint8Array> | undefined;

  constructor(id: number, kind: ChannelKind, name: string, mine: boolean) {
    this.id = id;
    this.kind = kind;
    this.name = name;
    this.mine = mine;
  }

  /** A window holds at most this many frames: each costs something beside its bytes. */
  get inbox(): BoundedQueue<Uint8Array> {
    this.#inbox ??= new BoundedQueue(Math.floor(WIRE.windowBytes / WIRE.frameCostBytes));
    return this.#inbox;
  }

  get inboxSize(): number {
    return this.#inbox?.size ?? 0;
  }

  dropInbox(): void {
    this.#inbox = undefined;
  }

  /** Forgets what waits to be sent. */
  dropOutgoing(): void {
    for (let rank = 0; rank < this.queues.length; rank++) this.queues[rank] = undefined;
    this.queued = 0;
    this.queuedBytes = 0;
    this.pending = [];
    this.pendingIndex = 0;
    this.pendingOffset = 0;
  }
}
