// An authenticated, encrypted connection with many channels: the shell that joins a port, two ciphers and the mux,
// and owns their one alarm. The rules are in machine/.
import {
  Alarm,
  type Clock,
  type CloseReason,
  type Link,
  type Log,
  type PeerId,
  type Random,
  type Scope,
  toHex,
} from '@peernet/core';
import type { ChannelByteStream } from './byte-stream.js';
import { ChannelLink, type LinkOrigin } from './channel-link.js';
import { ChannelStream } from './channel-stream.js';
import type { Limits } from './defaults.js';
import { BufferPool } from './machine/buffers.js';
import type { Channel, ChannelSink } from './machine/channel.js';
import type { Established } from './machine/handshake.js';
import { Mux, type MuxEffects } from './machine/mux.js';
import type { RecordCipher } from './machine/noise.js';
import { RecordReader } from './machine/record-reader.js';
import type { Port, PortOwner } from './port.js';
import { type ChannelKind, isChannelName } from './wire.js';

/** A channel that the other side opens. Take it, by `link` or `stream`, before `onOpen` returns; else it is rejected. */
export interface IncomingChannel {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly connection: Connection;
  /** Takes a channel of messages. */
  link(): Link;
  /** Takes a byte stream. */
  stream(): ChannelByteStream;
  /** Says no; the same as doing nothing. */
  reject(): void;
}

export interface Connection {
  /** Proven by the handshake. */
  readonly peer: PeerId;
  /** True if this side spoke first in the handshake: the dialer. */
  readonly initiator: boolean;
  readonly scope: Scope;
  readonly remoteAddress: string | undefined;
  /** Names the process at the other end: hex of its static key. */
  readonly session: string;
  /** Known to both ends and to nobody else; different in every connection. */
  readonly handshakeHash: Uint8Array;
  /** Round trip of the last ping, ms. */
  readonly rtt: number | undefined;
  /** On the wire, handshake included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** When the handshake was done, on the clock's monotonic axis, ms. */
  readonly openedAt: number;
  /** No channels are open. */
  readonly idle: boolean;
  /** True from the beginning of its end. */
  readonly closing: boolean;
  /** Opens a channel of messages; `send` may be used at once. TypeError if the name cannot be one. */
  link(name: string): Link;
  /** Opens a byte stream; a failure is the stream's error. TypeError if the name cannot be one. */
  open(name: string): ChannelByteStream;
  /** Resolves when it is over; never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Calls back when it is over, also if it is already. */
  onClose(listener: (reason: CloseReason) => void): void;
  /** Asks at once whether the peer is still there, as after a sleep: it has 3 s to answer. */
  check(): void;
  /** Sends what waits (≤ 3 s), says why, and ends. Idempotent. */
  close(reason: CloseReason): void;
}

export interface ConnectionContext {
  readonly port: Port;
  readonly established: Established;
  readonly scope: Scope;
  readonly remoteAddress: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: Limits;
  readonly onOpen: ((incoming: IncomingChannel) => void) | undefined;
}

/** One for the process: only connections that are busy hold a buffer. */
const pool = new BufferPool();

export class MuxConnection implements Connection, LinkOrigin, MuxEffects, PortOwner {
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly scope: Scope;
  readonly remoteAddress: string | undefined;
  readonly session: string;
  readonly handshakeHash: Uint8Array;
  readonly openedAt: number;
  readonly closed: Promise<CloseReason>;
  readonly mux: Mux;
  readonly #port: Port;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: Limits;
  readonly #onOpen: ((incoming: IncomingChannel) => void) | undefined;
  readonly #cipher: RecordCipher;
  readonly #decipher: RecordCipher;
  readonly #reader = new RecordReader(pool);
  readonly #alarm: Alarm;
  readonly #flush = (): void => {
    this.#flushing = false;
    this.#enter(() => this.mux.flush(this.#clock.now()));
  };
  readonly #grace = (run: () => void): (() => void) =>
    this.#clock.alarm(this.#clock.now() + this.#limits.drainMs, () => this.guard(run));
  #flushing = false;
  #closing = false;
  #thrown = 0;
  #over: CloseReason | undefined;
  #resolveClosed!: (reason: CloseReason) => void;

  constructor(context: ConnectionContext) {
    const { established } = context;
    this.peer = established.peer;
    this.initiator = established.initiator;
    this.session = toHex(established.remoteStatic);
    this.handshakeHash = established.hash;
    this.scope = context.scope;
    this.remoteAddress = context.remoteAddress;
    this.#cipher = established.send;
    this.#decipher = established.receive;
    this.#port = context.port;
    this.#clock = context.clock;
    this.#log = context.log;
    this.#limits = context.limits;
    this.#onOpen = context.onOpen;
    this.openedAt = this.#clock.now();
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const { initiator } = established;
    const options = { initiator, limits: context.limits, random: context.random, pool };
    this.mux = new Mux(options, this.openedAt, this);
    this.#alarm = new Alarm(this.#clock, () => this.#enter(() => this.mux.tick(this.#clock.now())));
    this.#alarm.set(this.mux.deadline());
  }

  get rtt(): number | undefined {
    return this.mux.liveness.rttMs;
  }

  get bytesIn(): number {
    return this.#port.bytesIn;
  }

  get bytesOut(): number {
    return this.#port.bytesOut;
  }

  get idle(): boolean {
    return this.mux.size === 0;
  }

  get closing(): boolean {
    return this.#closing || this.#over !== undefined;
  }

  link(name: string): ChannelLink {
    checkName(name);
    const link = new ChannelLink(this);
    link.attach(this.#open('messages', name, link));
    return link;
  }

  open(name: string): ChannelByteStream {
    checkName(name);
    const stream = new ChannelStream(this.mux, name, this.#grace);
    stream.attach(this.#open('stream', name, stream), this.closing);
    return stream as ChannelByteStream;
  }

  /** Whoever waited for the same rate may be told to go on: what he throws is not for who opens. */
  #open(kind: ChannelKind, name: string, sink: ChannelSink): Channel | undefined {
    let channel: Channel | undefined;
    this.#enter(() => {
      channel = this.mux.open(kind, name, sink, this.#clock.now());
    });
    return channel;
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.closed.then((reason) => this.guard(() => listener(reason)));
  }

  check(): void {
    this.#enter(() => {
      const nowMs = this.#clock.now();
      this.mux.liveness.doubt(nowMs);
      this.mux.tick(nowMs);
    });
  }

  close(reason: CloseReason): void {
    if (this.closing) return;
    this.#closing = true;
    this.#enter(() => this.mux.goAway(reason, this.#clock.now()));
  }

  // ---- from the port ----

  onBytes(bytes: Uint8Array): void {
    this.#enter(() => {
      const nowMs = this.#clock.now();
      const fine = this.#reader.push(bytes, (sealed) => this.#onRecord(sealed, nowMs));
      if (!fine) this.mux.fail('PROTOCOL');
    });
  }

  #onRecord(sealed: Uint8Array, nowMs: number): boolean {
    const plain = this.#decipher.open(sealed);
    if (plain === undefined) return false;
    this.mux.receive(plain, nowMs);
    return !this.mux.ended;
  }

  onDrain(): void {
    this.#enter(() => this.mux.drained(this.#clock.now()));
  }

  onGone(): void {
    this.#enter(() => this.mux.lost());
  }

  // ---- from the mux ----

  record(plain: Uint8Array): boolean {
    if (this.#cipher.spent) return false;
    return this.#port.write(this.#cipher.record(plain, this.#port.gathers));
  }

  wake(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // Two hops: a stream that is told to go on writes in the next one, and should find room in this record.
    queueMicrotask(() => queueMicrotask(this.#flush));
  }

  incoming(channel: Channel): void {
    const { name, kind } = channel;
    const take = (wanted: ChannelKind): void => {
      if (kind !== wanted) throw new TypeError(`'${name}' is a channel of kind ${kind}`);
      if (channel.accepted || channel.dead) throw new TypeError(`'${name}' was taken or rejected before`);
    };
    this.#onOpen?.({
      name,
      kind,
      connection: this,
      link: () => {
        take('messages');
        const link = new ChannelLink(this).attach(channel);
        this.mux.accept(channel, link);
        return link;
      },
      stream: () => {
        take('stream');
        const stream = new ChannelStream(this.mux, name, this.#grace).attach(channel, false);
        this.mux.accept(channel, stream);
        return stream as ChannelByteStream;
      },
      reject: () => {},
    });
  }

  ended(reason: CloseReason, told: boolean): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.#alarm.stop();
    this.#reader.release();
    if (told) this.#port.finish(this.#clock, this.#limits.drainMs);
    else this.#port.destroy();
    this.#log('connection.closed', { peer: this.peer, reason });
    this.#resolveClosed(reason);
  }

  // ---- exceptions of the app ----

  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onThrow(error);
    }
  }

  /** Every way in: what the app throws ends this connection and nothing else, and the alarm is right afterwards. */
  #enter(run: () => void): void {
    this.guard(run);
    this.#rearm();
  }

  #rearm(): void {
    if (this.#over === undefined) this.#alarm.set(this.mux.deadline());
  }

  #onThrow(error: unknown): void {
    this.#log('connection.internal', { peer: this.peer, error });
    // One that is ending anyway keeps its reason, and its time to drain; once.
    if (this.#closing && ++this.#thrown === 1) return;
    try {
      this.mux.fail('INTERNAL');
    } catch (again) {
      this.#log('connection.internal', { peer: this.peer, error: again });
    }
    this.ended('INTERNAL', false);
  }
}

function checkName(name: string): void {
  if (!isChannelName(name))
    throw new TypeError(`not a channel name (1 … 64 of A-Z a-z 0-9 _ . / -): ${name}`);
}
