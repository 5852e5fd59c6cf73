// Muxes in virtual time over records that a test carries by hand.
import { type CloseReason, seededRandom } from '@peernet/core';
import { DEFAULTS, type Limits } from '../src/defaults.js';
import { BufferPool } from '../src/machine/buffers.js';
import type { Channel, ChannelSink } from '../src/machine/channel.js';
import { Mux, type MuxEffects } from '../src/machine/mux.js';
import { framesOf, type ReadableFrame } from './frames.js';

/** Remembers everything; `ready` says whether it takes data. */
export class Recorder implements ChannelSink {
  ready: boolean;
  readonly received: Uint8Array[] = [];
  drains = 0;
  ended = false;
  closed: CloseReason | undefined;

  constructor(ready = true) {
    this.ready = ready;
  }

  get bytes(): number {
    return this.received.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  onData(bytes: Uint8Array): void {
    if (this.closed !== undefined || this.ended) throw new Error('data after the end');
    this.received.push(bytes);
  }

  onDrain(): void {
    this.drains++;
  }

  onEnd(): void {
    if (this.ended) throw new Error('ended twice');
    this.ended = true;
  }

  onClose(reason: CloseReason): void {
    if (this.closed !== undefined) throw new Error('closed twice');
    this.closed = reason;
  }
}

export class End implements MuxEffects {
  readonly mux: Mux;
  /** Records that the other side did not fetch yet. */
  records: Uint8Array[] = [];
  /** The transport takes nothing. */
  full = false;
  woken = false;
  over: { reason: CloseReason; told: boolean } | undefined;
  /** By default everything is accepted and recorded. */
  onIncoming: (channel: Channel) => void = (channel) => this.take(channel);
  readonly taken = new Map<string, { channel: Channel; sink: Recorder }>();

  constructor(initiator: boolean, limits: Partial<Limits> = {}, nowMs = 0) {
    const options = {
      initiator,
      limits: { ...DEFAULTS, ...limits },
      random: seededRandom(initiator ? 1 : 2),
      pool: new BufferPool(2),
    };
    this.mux = new Mux(options, nowMs, this);
  }

  take(channel: Channel, sink = new Recorder()): { channel: Channel; sink: Recorder } {
    const taken = { channel, sink };
    this.taken.set(channel.name, taken);
    this.mux.accept(channel, sink);
    return taken;
  }

  record(plain: Uint8Array): boolean {
    this.records.push(plain.slice());
    return !this.full;
  }

  wake(): void {
    this.woken = true;
  }

  incoming(channel: Channel): void {
    this.onIncoming(channel);
  }

  ended(reason: CloseReason, told: boolean): void {
    if (this.over !== undefined) throw new Error('ended twice');
    this.over = { reason, told };
  }

  /** What this tick says, as records. */
  fetch(nowMs = 0): Uint8Array[] {
    this.mux.flush(nowMs);
    this.woken = false;
    const all = this.records;
    this.records = [];
    return all;
  }

  /** What this tick says, as frames. */
  frames(nowMs = 0): ReadableFrame[] {
    return this.fetch(nowMs).flatMap(framesOf);
  }

  unblock(nowMs = 0): void {
    this.full = false;
    this.mux.drained(nowMs);
  }
}

export function ends(limits: Partial<Limits> = {}): [End, End] {
  return [new End(true, limits), new End(false, limits)];
}

/** Carries records both ways until both are silent. */
export function settle(a: End, b: End, nowMs = 0): void {
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const record of from.fetch(nowMs)) {
        quiet = false;
        to.mux.receive(record, nowMs);
      }
    }
  }
}
