// Many channels over one connection (protocol.md §1.3): opens and closes them, keeps their windows, hands what arrives
// to who uses it, and refuses what the protocol does not allow. Records (plaintext) and the time go in; records come
// out. What is sent when is the sender's business, whether the peer is there that of Liveness.
import { type CloseReason, messageBytesMax, type Random, TokenBucket, type Urgency } from '@peernet/core';
import { type Limits, WIRE } from '../defaults.js';
import {
  type ChannelKind,
  decodeOpen,
  decodeReason,
  encodeReason,
  FRAME,
  FrameView,
  readFrame,
  readU32,
} from '../wire.js';
import type { BufferPool } from './buffers.js';
import { Channel, type ChannelSink } from './channel.js';
import { Liveness } from './liveness.js';
import { Outbox, type OutboxEffects } from './outbox.js';
import { Sender } from './sender.js';

export interface MuxEffects extends OutboxEffects {
  /** The other side opens a channel: `accept` it before this returns, or it is rejected. */
  incoming(channel: Channel): void;
  /** Last, once: nothing will be sent any more. If `told`, both sides know why, in order. */
  ended(reason: CloseReason, told: boolean): void;
}

export interface MuxOptions {
  readonly initiator: boolean;
  readonly limits: Limits;
  readonly random: Random;
  readonly pool: BufferPool;
}

/** Shared: it is read before anything else happens. */
const frame = new FrameView();

export class Mux {
  readonly #effects: MuxEffects;
  readonly #limits: Limits;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly liveness: Liveness;
  readonly #openBucket: TokenBucket;
  readonly #channels = new Map<number, Channel>();
  #nextId: number;
  #lastRemoteId = 0;
  #mine = 0;
  #theirs = 0;
  #ended = false;
  #leaving: CloseReason | undefined;
  #leaveByMs = Number.POSITIVE_INFINITY;
  #nowMs: number;

  constructor(options: MuxOptions, nowMs: number, effects: MuxEffects) {
    const { limits } = options;
    this.#effects = effects;
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#nextId = options.initiator ? 1 : 2;
    this.#openBucket = new TokenBucket(limits.opens, nowMs);
    const plainMax = Math.min(limits.recordBytesMax, 2 + WIRE.recordBytesMax) - 2 - WIRE.tagBytes;
    this.#outbox = new Outbox(effects, options.pool, plainMax);
    this.#sender = new Sender(this.#outbox, limits, nowMs, (channel) => this.#finSent(channel));
    this.liveness = new Liveness(limits, options.random, nowMs);
  }

  /** Channels that are open, from either side. */
  get size(): number {
    return this.#channels.size;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Undefined: too many are open, or the connection is ending. What is sent at once follows OPEN without waiting. */
  open(kind: ChannelKind, name: string, sink: ChannelSink, nowMs: number): Channel | undefined {
    if (this.#ended || this.#leaving !== undefined || this.#mine >= this.#limits.channelsMax)
      return undefined;
    if (this.#nextId > WIRE.channelIdMax) return undefined;
    this.#nowMs = nowMs;
    const channel = new Channel(this.#nextId, kind, name, true);
    channel.sink = sink;
    this.#nextId += 2;
    this.#mine++;
    this.#channels.set(channel.id, channel);
    this.#sender.open(channel, nowMs);
    return channel;
  }

  /** Agrees to a channel that the other side opens; inside `incoming` only. */
  accept(channel: Channel, sink: ChannelSink): void {
    channel.sink = sink;
    channel.accepted = true;
    this.#control(FRAME.ACCEPT, channel.id, new Uint8Array(0));
  }

  /** One message, copied. False: not taken; `onDrain` follows unless the channel is closed. */
  send(channel: Channel, message: Uint8Array, urgency: Urgency): boolean {
    if (!(message instanceof Uint8Array && message.length <= messageBytesMax)) {
      throw new TypeError(
        `a message is a Uint8Array of at most ${messageBytesMax} bytes, got ${message?.length}`,
      );
    }
    if (channel.dead || channel.finReason !== undefined || this.#leaving !== undefined) return false;
    return this.#sender.send(channel, message, urgency);
  }

  /** Bytes of a stream; one write at a time. False: `onDrain` follows, unless the channel is closed. */
  write(channel: Channel, chunks: readonly Uint8Array[]): boolean {
    if (channel.dead || channel.finReason !== undefined) return false;
    return this.#sender.write(channel, chunks);
  }

  /** Says FIN behind what waits. A message channel hears nothing after that; a stream goes on reading. */
  finish(channel: Channel, reason: CloseReason): void {
    if (channel.dead || channel.finReason !== undefined) return;
    channel.finReason = reason;
    if (channel.kind === 'messages') this.#deafen(channel);
    this.#sender.finish(channel);
  }

  /** Drops the channel at once. */
  reset(channel: Channel, reason: CloseReason): void {
    this.#deafen(channel);
    if (channel.dead) return;
    this.#remove(channel);
    if (channel.opened) this.#control(FRAME.RESET, channel.id, encodeReason(reason));
  }

  /** The sink is ready again: delivers what waits. */
  resume(channel: Channel): void {
    while (channel.inboxSize > 0 && channel.sink?.ready === true) {
      this.#deliver(channel, channel.inbox.shift() as Uint8Array);
    }
    this.#tellEnd(channel);
  }

  /** One decrypted record. */
  receive(record: Uint8Array, nowMs: number): void {
    if (this.#ended) return;
    this.#nowMs = nowMs;
    this.liveness.heard();
    let at = 0;
    do {
      at = readFrame(record, at, frame);
      if (at < 0 || !this.#onFrame(record)) this.fail('PROTOCOL');
    } while (at < record.length && !this.#ended);
  }

  /** The end of a tick: hands over what was packed. */
  flush(nowMs: number): void {
    if (this.#ended) return;
    this.#nowMs = nowMs;
    this.#outbox.flush();
    this.liveness.transport(this.#outbox.blocked, nowMs);
    this.#leave();
  }

  /** The transport takes more. */
  drained(nowMs: number): void {
    if (this.#ended) return;
    this.#nowMs = nowMs;
    this.#outbox.blocked = false;
    this.liveness.transport(false, nowMs);
    this.#sender.pump(nowMs);
    // What is packed waits for the end of the tick: who was told to go on has not written yet.
    if (this.#outbox.empty) this.flush(nowMs);
  }

  /** When `tick` wants to be called, ms. */
  deadline(): number {
    if (this.#ended) return Number.POSITIVE_INFINITY;
    return Math.min(this.liveness.deadline(), this.#leaveByMs, this.#sender.deadline(this.#nowMs));
  }

  tick(nowMs: number): void {
    if (this.#ended) return;
    this.#nowMs = nowMs;
    const verdict = this.liveness.tick(nowMs);
    if (nowMs >= this.#leaveByMs) this.fail(this.#leaving ?? 'SHUTDOWN');
    else if (verdict === 'down') this.fail('TIMEOUT');
    else if (verdict === 'ping') this.#sender.ping(this.liveness.token);
    if (this.#ended) return;
    this.#sender.pump(nowMs);
    this.flush(nowMs);
  }

  /** Sends what waits, at most `drainMs` long, then GOAWAY, and ends. Message channels close at once. */
  goAway(reason: CloseReason, nowMs: number): void {
    if (this.#ended || this.#leaving !== undefined) return;
    this.#nowMs = nowMs;
    this.#leaving = reason;
    this.#leaveByMs = nowMs + this.#limits.drainMs;
    for (const channel of [...this.#channels.values()]) {
      if (channel.kind === 'stream') continue;
      const { sink } = channel;
      this.#deafen(channel);
      sink?.onClose(reason);
    }
    this.#effects.wake();
  }

  /** Ends at once; the other side is told why if the transport takes it. */
  fail(reason: CloseReason): void {
    if (this.#ended) return;
    const told = this.#outbox.put(FRAME.GOAWAY, 0, encodeReason(reason));
    this.#outbox.flush();
    this.#end(reason, told);
  }

  /** The transport is gone. */
  lost(): void {
    this.#end(this.#leaving ?? 'LOST', false);
  }

  #end(reason: CloseReason, told: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox.release();
    for (const channel of [...this.#channels.values()]) this.#closed(channel, reason);
    this.#effects.ended(reason, told);
  }

  /** If we are leaving and nothing waits any more. */
  #leave(): void {
    if (this.#leaving !== undefined && this.#sender.idle && !this.#outbox.blocked) this.fail(this.#leaving);
  }

  /** Nobody listens on it any more. */
  #deafen(channel: Channel): void {
    channel.sink = undefined;
    channel.dropInbox();
  }

  /** Nothing travels on it any more. */
  #remove(channel: Channel): void {
    if (channel.dead) return;
    channel.dead = true;
    this.#sender.remove(channel);
    this.#channels.delete(channel.id);
    if (channel.mine) this.#mine--;
    else this.#theirs--;
  }

  /** By the other side, or with the connection. What waits is delivered first, unless it belongs to a torn stream. */
  #closed(channel: Channel, reason: CloseReason): void {
    this.#remove(channel);
    channel.closeReason ??= reason;
    if (channel.kind === 'stream' && channel.finReceived) {
      while (channel.inboxSize > 0) this.#deliver(channel, channel.inbox.shift() as Uint8Array);
    }
    this.#tellEnd(channel);
    if (channel.kind === 'messages') return;
    const { sink } = channel;
    this.#deafen(channel);
    sink?.onClose(reason);
  }

  #finSent(channel: Channel): void {
    if (channel.finReceived) this.#remove(channel);
  }

  #onFin(channel: Channel, reason: CloseReason): boolean {
    if (channel.finReceived) return false;
    channel.finReceived = true;
    if (channel.finSent) this.#remove(channel);
    if (channel.kind === 'messages') {
      channel.closeReason ??= reason;
      this.#sender.drop(channel);
      channel.finReason ??= 'DONE';
      if (!channel.finSent) this.#sender.finish(channel);
    }
    this.#tellEnd(channel);
    return true;
  }

  /** Says that the other side has ended, once everything before is read. */
  #tellEnd(channel: Channel): void {
    const { sink } = channel;
    if (sink === undefined || channel.inboxSize > 0) return;
    if (channel.kind === 'stream') {
      if (!channel.finReceived || channel.endTold) return;
      channel.endTold = true;
      sink.onEnd();
    } else if (channel.closeReason !== undefined) {
      channel.sink = undefined;
      sink.onClose(channel.closeReason);
    }
  }

  #control(type: number, channel: number, body: Uint8Array): void {
    if (!this.#ended && !this.#sender.control(type, channel, body)) this.fail('RATE');
  }

  /** False: the peer broke the protocol. */
  #onFrame(record: Uint8Array): boolean {
    const { type, channel: id, start, end } = frame;
    if (type >= FRAME.PING) return this.#onConnectionFrame(type, record, start);
    if (type === FRAME.OPEN) return this.#onOpen(id, record.subarray(start, end));
    const isAnswer = type === FRAME.ACCEPT || type === FRAME.REJECT;
    if (isAnswer && this.#isMine(id)) this.#sender.answered(this.#nowMs);
    const channel = this.#channels.get(id);
    // A frame may cross our end of a channel; one of a channel that never was, not.
    if (channel === undefined) return this.#isMine(id) ? id < this.#nextId : id <= this.#lastRemoteId;
    // The answer to OPEN comes before anything else.
    if (!channel.accepted && !isAnswer) return false;
    switch (type) {
      case FRAME.DATA:
        return this.#onData(channel, record, start, end);
      case FRAME.CREDIT:
        return this.#onCredit(channel, readU32(record, start));
      case FRAME.FIN:
        return this.#onFin(channel, decodeReason(record, start));
      case FRAME.ACCEPT:
        return this.#onAccept(channel);
      case FRAME.REJECT:
        if (!this.#onAccept(channel)) return false;
        break;
    }
    this.#closed(channel, decodeReason(record, start));
    return true;
  }

  #onConnectionFrame(type: number, record: Uint8Array, start: number): boolean {
    if (type === FRAME.PING) this.#sender.pong(readU32(record, start));
    else if (type === FRAME.PONG) this.liveness.onPong(readU32(record, start), this.#nowMs);
    else this.#end(decodeReason(record, start), true);
    return true;
  }

  #isMine(id: number): boolean {
    return id % 2 === this.#nextId % 2;
  }

  #onOpen(id: number, body: Uint8Array): boolean {
    const open = decodeOpen(body);
    if (open === undefined || this.#isMine(id) || id <= this.#lastRemoteId) return false;
    this.#lastRemoteId = id;
    if (!this.#openBucket.take(1, this.#nowMs)) {
      this.fail('RATE');
      return true;
    }
    if (this.#theirs >= this.#limits.channelsMax || this.#leaving !== undefined) {
      this.#control(FRAME.REJECT, id, encodeReason('FULL'));
      return true;
    }
    const channel = new Channel(id, open.kind, open.name, false);
    channel.opened = true;
    this.#channels.set(id, channel);
    this.#theirs++;
    this.#effects.incoming(channel);
    if (channel.accepted || channel.dead) return true;
    this.#remove(channel);
    this.#control(FRAME.REJECT, id, encodeReason('REJECTED'));
    return true;
  }

  /** Also the first half of a REJECT: both answer an OPEN of ours, once. */
  #onAccept(channel: Channel): boolean {
    if (channel.accepted || !channel.opened) return false;
    channel.accepted = true;
    return true;
  }

  #onCredit(channel: Channel, bytes: number): boolean {
    channel.sendWindow += bytes;
    if (bytes === 0 || channel.sendWindow > WIRE.windowBytes) return false;
    this.liveness.onCredit(bytes, this.#nowMs);
    this.#sender.pump(this.#nowMs);
    return true;
  }

  #onData(channel: Channel, record: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    channel.receiveWindow -= length + WIRE.frameCostBytes;
    if (channel.receiveWindow < 0 || channel.finReceived) return false;
    if (channel.kind === 'stream' ? length === 0 : length > messageBytesMax) return false;
    if (channel.sink === undefined) return true; // we have closed it
    const pins = length * this.#limits.pinFactor < record.length;
    if (channel.inboxSize > 0 || !channel.sink.ready) {
      return channel.inbox.push(pins ? record.slice(start, end) : record.subarray(start, end));
    }
    // What a stream takes waits in its own buffer.
    const copied = pins && channel.kind === 'stream';
    this.#deliver(channel, copied ? record.slice(start, end) : record.subarray(start, end));
    return true;
  }

  #deliver(channel: Channel, bytes: Uint8Array): void {
    channel.sink?.onData(bytes);
    channel.toGrant += bytes.length + WIRE.frameCostBytes;
    if (channel.dead || channel.finReceived || channel.toGrant < WIRE.windowBytes / 2) return;
    this.#sender.credit(channel);
  }
}
