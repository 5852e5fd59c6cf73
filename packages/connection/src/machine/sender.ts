// What is sent next: control before messages by urgency before streams in turn; within windows; into the outbox while
// the transport takes it. Everything that waits here is bounded.
import { BoundedQueue, messageBytesMax, type Urgency, urgencies } from '@peernet/core';
import { type Limits, WIRE } from '../defaults.js';
import { encodeOpen, encodeReason, encodeU32, FRAME, headerBytes } from '../wire.js';
import type { Channel } from './channel.js';
import { ChannelSet } from './channel-set.js';
import { FrameQueue } from './frame-queue.js';
import { Opens } from './opens.js';
import type { Outbox } from './outbox.js';

const rankOf: ReadonlyMap<Urgency, number> = new Map(urgencies.map((urgency, rank) => [urgency, rank]));

/** Bytes of the largest frame of a message. */
const frameBytesMax = messageBytesMax + headerBytes(WIRE.channelIdMax);

interface ControlFrame {
  readonly type: number;
  readonly channel: number;
  readonly body: Uint8Array;
}

export class Sender {
  readonly #outbox: Outbox;
  readonly #limits: Limits;
  readonly #finished: (channel: Channel) => void;
  readonly #control: BoundedQueue<ControlFrame>;
  readonly #opens: Opens;
  /** Channels that have something to grant, messages, bytes, or an end that waits. */
  readonly #credits = new ChannelSet();
  readonly #messages = new ChannelSet();
  readonly #streams = new ChannelSet();
  readonly #fins = new ChannelSet();
  #ping: number | undefined;
  #pong: number | undefined;
  #pumping = false;

  /** @param finished is called when a channel has sent its FIN. */
  constructor(outbox: Outbox, limits: Limits, nowMs: number, finished: (channel: Channel) => void) {
    this.#outbox = outbox;
    this.#limits = limits;
    this.#finished = finished;
    this.#control = new BoundedQueue(limits.controlFramesMax);
    this.#opens = new Opens(limits.opens, limits.ownShare, nowMs);
  }

  /** Whether nothing waits, neither for the transport nor for credit. */
  get idle(): boolean {
    const waiting = this.#messages.size + this.#streams.size + this.#fins.size;
    return waiting + this.#control.size + this.#opens.size === 0;
  }

  /** When the next channel may be opened, ms. */
  deadline(nowMs: number): number {
    if (this.#opens.size === 0 || this.#outbox.blocked) return Number.POSITIVE_INFINITY;
    return this.#opens.readyAt(nowMs);
  }

  /** False: too many wait; the peer does not read. */
  control(type: number, channel: number, body: Uint8Array): boolean {
    if (this.#control.size === 0 && this.#outbox.put(type, channel, body)) return true;
    return this.#control.push({ type, channel, body });
  }

  ping(token: number): void {
    this.#ping = token;
    this.#sendPings();
  }

  /** One waits at most: the latest answers for all. */
  pong(token: number): void {
    this.#pong = token;
    this.#sendPings();
  }

  /** Grants what was read; what waits is one sum per channel. */
  credit(channel: Channel): void {
    this.#credits.add(channel);
    this.#sendCredits();
  }

  /** Opens as soon as the rate allows; also others that wait, behind whose OPEN follows what they have to say. */
  open(channel: Channel, nowMs: number): void {
    this.#opens.add(channel);
    this.#sendOpens(nowMs);
    this.pump(nowMs);
  }

  /** The other side has answered an OPEN. */
  answered(nowMs: number): void {
    this.#opens.answered(nowMs);
  }

  /** False: not taken, `onDrain` follows. Copies. */
  send(channel: Channel, message: Uint8Array, urgency: Urgency): boolean {
    const cost = message.length + WIRE.frameCostBytes;
    if (channel.queued === 0 && channel.opened && channel.sendWindow >= cost) {
      if (this.#outbox.put(FRAME.DATA, channel.id, message)) {
        channel.sendWindow -= cost;
        return true;
      }
    }
    const queue = this.#queue(channel, rankOf.get(urgency) ?? 0);
    const { queueBytesMax, queueMessagesMax } = this.#limits;
    if (queue.bytes + message.length > queueBytesMax || queue.size >= queueMessagesMax) {
      channel.wantsDrain = true;
      return false;
    }
    queue.push(message);
    channel.queued++;
    channel.queuedBytes += message.length;
    this.#messages.add(channel);
    return true;
  }

  /** True: all of it is on its way. False: `onDrain` follows; until then the chunks are ours. */
  write(channel: Channel, chunks: readonly Uint8Array[]): boolean {
    channel.pending = chunks;
    channel.pendingIndex = 0;
    channel.pendingOffset = 0;
    channel.queuedBytes = 0;
    for (const chunk of chunks) channel.queuedBytes += chunk.length;
    if (channel.queuedBytes === 0) return true;
    const first = this.#streams.size === 0 && this.#messages.size === 0;
    if (first && !this.#pumping) this.#sendStream(channel);
    if (channel.queuedBytes === 0) return true;
    this.#streams.add(channel);
    if (!first && !this.#pumping) this.#rounds();
    if (channel.queuedBytes === 0) return true;
    channel.wantsDrain = true;
    return false;
  }

  /** Sends FIN behind what waits. */
  finish(channel: Channel): void {
    this.#fins.add(channel);
    this.#sendFins();
  }

  /** Drops what a channel has to say. */
  drop(channel: Channel): void {
    channel.dropOutgoing();
    this.#messages.delete(channel);
    this.#streams.delete(channel);
  }

  /** Forgets a channel. */
  remove(channel: Channel): void {
    this.drop(channel);
    this.#opens.delete(channel);
    this.#credits.delete(channel);
    this.#fins.delete(channel);
  }

  /** Sends what can be sent. Call it when the transport is writable again, when credit came, and at `deadline`. */
  pump(nowMs: number): void {
    if (this.#pumping) return;
    this.#sendControl();
    this.#sendPings();
    this.#sendCredits();
    this.#sendOpens(nowMs);
    this.#rounds();
    this.#sendFins();
  }

  /** Not reentered: who is told to send more inside has its turn in the next round. */
  #rounds(): void {
    this.#pumping = true;
    try {
      while (!this.#outbox.blocked && this.#sendMessages() + this.#sendStreams() > 0);
    } finally {
      this.#pumping = false;
    }
  }

  #queue(channel: Channel, rank: number): FrameQueue {
    let queue = channel.queues[rank];
    if (queue === undefined) {
      queue = new FrameQueue(channel.id);
      channel.queues[rank] = queue;
    }
    return queue;
  }

  #sendControl(): void {
    for (let frame = this.#control.peek(); frame !== undefined; frame = this.#control.peek()) {
      if (!this.#outbox.put(frame.type, frame.channel, frame.body)) return;
      this.#control.shift();
    }
  }

  #sendPings(): void {
    if (this.#pong !== undefined && this.#outbox.put(FRAME.PONG, 0, encodeU32(this.#pong)))
      this.#pong = undefined;
    if (this.#ping !== undefined && this.#outbox.put(FRAME.PING, 0, encodeU32(this.#ping)))
      this.#ping = undefined;
  }

  #sendCredits(): void {
    for (const channel of this.#credits) {
      if (!this.#outbox.put(FRAME.CREDIT, channel.id, encodeU32(channel.toGrant))) return;
      channel.receiveWindow += channel.toGrant;
      channel.toGrant = 0;
      this.#credits.delete(channel);
    }
  }

  #sendOpens(nowMs: number): void {
    for (const channel of this.#opens) {
      if (this.#opens.readyAt(nowMs) > nowMs) return;
      if (!this.#outbox.put(FRAME.OPEN, channel.id, encodeOpen(channel.kind, channel.name))) return;
      this.#opens.said(channel, nowMs);
      channel.opened = true;
    }
  }

  /** By urgency, over all channels; leaves a share of the record to streams that wait. Returns bytes. */
  #sendMessages(): number {
    let budget = Number.POSITIVE_INFINITY;
    if (this.#streams.size > 0) budget = this.#outbox.limit * (1 - this.#limits.streamShare);
    let sent = 0;
    for (let rank = 0; rank < urgencies.length && this.#messages.size > 0; rank++) {
      for (const channel of this.#messages) {
        const queue = channel.queues[rank];
        if (queue === undefined || !channel.opened) continue;
        while (queue.size > 0 && sent < budget && !this.#outbox.blocked) {
          // One message may always go, or a budget below its size would stop everything.
          const space = Math.min(this.#outbox.space, Math.max(budget - sent, frameBytesMax));
          const length = queue.fit(space, channel.sendWindow);
          if (length === 0) break;
          if (length < 0) this.#outbox.flush();
          else sent += this.#sendFitting(channel, queue, length);
        }
      }
    }
    return sent;
  }

  #sendFitting(channel: Channel, queue: FrameQueue, length: number): number {
    const { fitting, bytes } = queue;
    this.#outbox.putFrames(queue.front(length));
    channel.sendWindow -= queue.fittingCost;
    queue.shift(length);
    channel.queued -= fitting;
    channel.queuedBytes -= bytes - queue.bytes;
    if (channel.queued === 0) this.#messages.delete(channel);
    if (channel.wantsDrain && channel.queuedBytes <= this.#limits.queueBytesMax / 2) {
      channel.wantsDrain = false;
      channel.sink?.onDrain();
    }
    return length;
  }

  /** One turn for each stream that waits. Returns bytes. */
  #sendStreams(): number {
    let sent = 0;
    for (const channel of [...this.#streams]) {
      if (this.#outbox.blocked) break;
      if (channel.dead) continue;
      const bytes = this.#sendStream(channel);
      if (bytes === 0) continue;
      sent += bytes;
      this.#streams.delete(channel);
      if (channel.queuedBytes > 0) this.#streams.add(channel);
      else if (channel.wantsDrain) {
        channel.wantsDrain = false;
        channel.sink?.onDrain();
      }
    }
    return sent;
  }

  /** All that can go, or one turn if anybody else waits. Returns bytes. */
  #sendStream(channel: Channel): number {
    if (!channel.opened) return 0;
    const alone = this.#streams.size <= 1 && this.#messages.size === 0;
    const turn = alone ? Number.POSITIVE_INFINITY : this.#limits.streamTurnBytes;
    let sent = 0;
    while (channel.queuedBytes > 0 && sent < turn) {
      const want = Math.min(channel.queuedBytes, channel.sendWindow - WIRE.frameCostBytes, turn - sent);
      if (want <= 0) break;
      if (this.#outbox.room(channel.id) < Math.min(want, this.#limits.sliverBytes)) this.#outbox.flush();
      const length = Math.min(want, this.#outbox.room(channel.id));
      if (!this.#outbox.begin(FRAME.DATA, channel.id, length)) break;
      this.#appendPending(channel, length);
      channel.sendWindow -= length + WIRE.frameCostBytes;
      sent += length;
    }
    return sent;
  }

  /** Writes that wait are bytes: several leave in one frame, so that the other side has one chunk to handle. */
  #appendPending(channel: Channel, length: number): void {
    let left = length;
    while (left > 0) {
      const chunk = channel.pending[channel.pendingIndex] as Uint8Array;
      const from = channel.pendingOffset;
      const take = Math.min(left, chunk.length - from);
      this.#outbox.append(take === chunk.length ? chunk : chunk.subarray(from, from + take));
      left -= take;
      channel.pendingOffset += take;
      if (channel.pendingOffset < chunk.length) break;
      channel.pendingIndex++;
      channel.pendingOffset = 0;
    }
    channel.queuedBytes -= length;
    if (channel.queuedBytes === 0) channel.pending = [];
  }

  #sendFins(): void {
    for (const channel of this.#fins) {
      if (!channel.opened || channel.queued > 0 || channel.queuedBytes > 0) continue;
      if (!this.#outbox.put(FRAME.FIN, channel.id, encodeReason(channel.finReason ?? 'DONE'))) return;
      this.#fins.delete(channel);
      channel.finSent = true;
      this.#finished(channel);
    }
  }
}
