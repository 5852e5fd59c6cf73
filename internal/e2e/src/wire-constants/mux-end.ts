// A Mux behind a handshake that is over: what the other side says to it, and what came of that, in a word.
import { type CloseReason, closeCodes, seededRandom } from '@peernet/core';
import { DEFAULTS } from '../../../../packages/connection/src/defaults.js';
import { BufferPool } from '../../../../packages/connection/src/machine/buffers.js';
import type { Channel, ChannelSink } from '../../../../packages/connection/src/machine/channel.js';
import { Mux, type MuxEffects } from '../../../../packages/connection/src/machine/mux.js';
import {
  type ChannelKind,
  encodeOpen,
  FRAME,
  FrameView,
  readFrame,
} from '../../../../packages/connection/src/wire.js';
import { frameOf } from '../fuzz/decoders.js';

export class MuxEnd implements MuxEffects {
  readonly mux: Mux;
  /** Reads nothing: what arrives stays in the window. */
  readonly deaf: ChannelSink = { ready: false, onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
  nowMs = 0;
  /** OPENs that were answered by REJECT, FULL. */
  full = 0;
  #over: CloseReason | undefined;
  #nextId = 2;

  constructor() {
    const options = {
      initiator: true,
      limits: { ...DEFAULTS },
      random: seededRandom(1),
      pool: new BufferPool(1),
    };
    this.mux = new Mux(options, 0, this);
  }

  record(plain: Uint8Array): boolean {
    const frame = new FrameView();
    for (let at = 0; at >= 0 && at < plain.length; ) {
      at = readFrame(plain, at, frame);
      if (at > 0 && frame.type === FRAME.REJECT && plain[frame.start] === closeCodes.FULL) this.full++;
    }
    return true;
  }

  wake(): void {}

  incoming(channel: Channel): void {
    this.mux.accept(channel, this.deaf);
  }

  ended(reason: CloseReason): void {
    this.#over = reason;
  }

  /** Our end opens a channel and the other side takes it. */
  opened(): Channel {
    const channel = this.mux.open('messages', 'ours', this.deaf, this.nowMs) as Channel;
    this.hear(FRAME.ACCEPT, channel.id, new Uint8Array(0));
    return channel;
  }

  /** The other side opens a channel; its number. */
  open(kind: ChannelKind = 'messages', name = 'theirs'): number {
    const id = this.#nextId;
    this.#nextId += 2;
    this.hear(FRAME.OPEN, id, encodeOpen(kind, name));
    return id;
  }

  hear(type: number, channel: number, body: Uint8Array): void {
    this.mux.receive(frameOf(type, channel, body), this.nowMs);
    this.mux.flush(this.nowMs);
  }

  /** What came of all that was heard. */
  get came(): string {
    if (this.#over !== undefined) return this.#over;
    return this.full === 0 ? 'taken' : `FULL ${this.full}`;
  }
}
