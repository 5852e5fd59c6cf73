// One life of a Mux behind a handshake: the other side is authenticated and says damaged frames, in records that are
// whole, torn or blocked. An honest connection that shares its buffers must not notice, and all bounds must hold.
import {
  below,
  type CloseReason,
  concatBytes,
  equalBytes,
  messageBytesMax,
  pickOne,
  type Random,
  randomBytes,
  seededRandom,
  utf8,
} from '@peernet/core';
import { DEFAULTS, type Limits, WIRE } from '../../../../packages/connection/src/defaults.js';
import { BufferPool } from '../../../../packages/connection/src/machine/buffers.js';
import type { Channel, ChannelSink } from '../../../../packages/connection/src/machine/channel.js';
import { Mux, type MuxEffects } from '../../../../packages/connection/src/machine/mux.js';
import {
  encodeOpen,
  encodeU32,
  FRAME,
  FrameView,
  readFrame,
} from '../../../../packages/connection/src/wire.js';
import { frameOf } from './decoders.js';
import { Broken } from './gauge.js';
import { mutate, mutateSequence } from './mutate.js';
import type { Tally } from './part.js';

export interface MuxLifeOptions {
  /** Replaces some of the mux's limits without the promises knowing: for controls. */
  readonly limits?: Partial<Limits>;
}

/** Who uses a channel: takes data now and then, and must be told of the end once. */
class Sink implements ChannelSink {
  ready: boolean;
  /** Bytes that it took. */
  taken: Uint8Array[] = [];
  #over = false;
  #ended = false;

  constructor(ready: boolean) {
    this.ready = ready;
  }

  onData(bytes: Uint8Array): void {
    if (this.#over || this.#ended) throw new Broken('data after the end of a channel');
    this.taken = [...this.taken.slice(-3), bytes.slice()];
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#ended || this.#over) throw new Broken('a channel ended twice');
    this.#ended = true;
  }

  onClose(): void {
    if (this.#over) throw new Broken('a channel closed twice');
    this.#over = true;
  }
}

/** A mux with a transport that may be blocked. */
class End implements MuxEffects {
  readonly mux: Mux;
  readonly channels: { channel: Channel; sink: Sink }[] = [];
  records: Uint8Array[] = [];
  /** The transport is full: it takes one more record, and no others until it has drained. */
  full = false;
  #refused = false;
  over: CloseReason | undefined;
  /** Accepts channels; by default all of them. */
  accepts: () => boolean = () => true;
  ready: () => boolean = () => true;

  constructor(initiator: boolean, random: Random, pool: BufferPool, limits: Partial<Limits> = {}) {
    const options = { initiator, limits: { ...DEFAULTS, ...limits }, random, pool };
    this.mux = new Mux(options, 0, this);
  }

  open(nowMs: number): void {
    const sink = new Sink(this.ready());
    const channel = this.mux.open(
      this.channels.length % 2 === 0 ? 'messages' : 'stream',
      'ours',
      sink,
      nowMs,
    );
    if (channel !== undefined) this.channels.push({ channel, sink });
  }

  record(plain: Uint8Array): boolean {
    if (this.over !== undefined) throw new Broken('a record after the end');
    if (this.#refused) throw new Broken('a record to a transport that takes none');
    if (plain.length > 2 + WIRE.recordBytesMax) throw new Broken(`a record of ${plain.length} bytes`);
    this.records.push(plain.slice());
    this.#refused = this.full;
    return !this.full;
  }

  drain(nowMs: number): void {
    this.full = false;
    this.#refused = false;
    this.mux.drained(nowMs);
  }

  wake(): void {}

  incoming(channel: Channel): void {
    if (!this.accepts()) return;
    const sink = new Sink(this.ready());
    this.channels.push({ channel, sink });
    this.mux.accept(channel, sink);
  }

  ended(reason: CloseReason): void {
    if (this.over !== undefined) throw new Broken('it ended twice');
    this.over = reason;
  }

  fetch(nowMs: number): Uint8Array[] {
    this.mux.flush(nowMs);
    const all = this.records;
    this.records = [];
    return all;
  }
}

/** Two honest ends that share the victim's buffers: what one says arrives, whole. */
class HonestPair {
  readonly #ends: readonly [End, End];
  readonly #random: Random;

  constructor(random: Random, pool: BufferPool) {
    this.#random = random;
    this.#ends = [new End(true, seededRandom(1), pool), new End(false, seededRandom(2), pool)];
    this.#ends[0].open(0);
    this.#carry();
    this.#carry();
  }

  #carry(): void {
    const [a, b] = this.#ends;
    for (const record of a.fetch(0)) b.mux.receive(record, 0);
    for (const record of b.fetch(0)) a.mux.receive(record, 0);
  }

  /** What was packed is still packed while the victim works. */
  exchange(between: () => void): void {
    const message = randomBytes(this.#random, 1 + below(this.#random, 60));
    const from = below(this.#random, 2);
    const [said, heard] = [this.#ends[from] as End, this.#ends[1 - from] as End];
    const { channel } = said.channels[0] as { channel: Channel };
    if (!said.mux.send(channel, message, 'rows')) throw new Broken('an honest channel takes nothing');
    between();
    this.#carry();
    this.#carry();
    const got = heard.channels[0]?.sink.taken.at(-1);
    if (got === undefined || !equalBytes(got, message))
      throw new Broken('an honest message was lost or changed');
  }
}

const none = new Uint8Array(0);
const names = ['peernet/gossip/1', 'peernet/search/1', 'app/chat', 's/x', 'no such'];

export class MuxLife {
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #pool = new BufferPool(2);
  readonly #honest: HonestPair;
  readonly #options: MuxLifeOptions;
  #victim!: End;
  #initiator = false;
  #nextId = 1;
  #nowMs = 0;

  constructor(random: Random, tally: Tally, options: MuxLifeOptions = {}) {
    this.#random = random;
    this.#tally = tally;
    this.#options = options;
    this.#honest = new HonestPair(random, this.#pool);
    this.#connect();
  }

  #pick<T>(list: readonly T[]): T {
    return pickOne(this.#random, list) as T;
  }

  /** The next victim. */
  #connect(): void {
    const random = this.#random;
    this.#initiator = below(random, 2) === 0;
    this.#nextId = this.#initiator ? 2 : 1;
    this.#victim = new End(this.#initiator, seededRandom(random.uint32()), this.#pool, this.#options.limits);
    this.#victim.accepts = () => below(random, 6) > 0;
    this.#victim.ready = () => below(random, 3) > 0;
    this.#nowMs = 0;
    for (let n = below(random, 3); n > 0; n--) this.#victim.open(this.#nowMs);
  }

  // ---- what the other side says ----

  #id(): number {
    const ids = this.#victim.channels.map(({ channel }) => channel.id);
    return this.#pick([...ids, ...ids, ...ids, 1, 2, this.#nextId, 70_001]);
  }

  #open(): Uint8Array {
    const id = this.#nextId;
    this.#nextId += this.#pick([2, 2, 2, 2, 4, 1_000]);
    return frameOf(
      FRAME.OPEN,
      id,
      encodeOpen(this.#pick(['messages', 'stream']), this.#pick(names).replace(' ', '-')),
    );
  }

  #frame(): Uint8Array {
    const random = this.#random;
    const dice = below(random, 100);
    const reason = Uint8Array.of(below(random, 20));
    if (dice < 18) return this.#open();
    if (dice < 56) {
      const length = this.#pick([0, 1, 5, 300, 300, 2_000, messageBytesMax, messageBytesMax + 1, 40_000]);
      return frameOf(FRAME.DATA, this.#id(), new Uint8Array(length).fill(dice));
    }
    if (dice < 66) return frameOf(FRAME.CREDIT, this.#id(), encodeU32(this.#pick([0, 1, 100, 100, 300_000])));
    if (dice < 74) return frameOf(FRAME.ACCEPT, this.#id(), none);
    if (dice < 77) return frameOf(FRAME.REJECT, this.#id(), reason);
    if (dice < 82) return frameOf(FRAME.FIN, this.#id(), reason);
    if (dice < 86) return frameOf(FRAME.RESET, this.#id(), reason);
    if (dice < 93) return frameOf(FRAME.PING, 0, encodeU32(random.uint32()));
    if (dice < 99) return frameOf(FRAME.PONG, 0, encodeU32(this.#pick([0, 1, 2])));
    return frameOf(FRAME.GOAWAY, 0, reason);
  }

  /** Fair frames at first, so that there is something to damage. */
  #greet(): Uint8Array {
    const answers = this.#victim.channels
      .filter(({ channel }) => channel.mine)
      .map(({ channel }) => frameOf(FRAME.ACCEPT, channel.id, none));
    return concatBytes(this.#open(), this.#open(), ...answers);
  }

  #record(): Uint8Array {
    const random = this.#random;
    const crowd = below(random, 60) === 0;
    const frames = Array.from({ length: crowd ? 400 : 1 + below(random, 8) }, () =>
      crowd ? this.#open() : this.#frame(),
    );
    if (crowd) return concatBytes(...frames);
    const dice = below(random, 3);
    if (dice === 0) return concatBytes(...frames);
    if (dice === 1) return concatBytes(...mutateSequence(random, frames));
    return mutate(random, concatBytes(...frames), frames);
  }

  // ---- a step, and what must hold after it ----

  step(): void {
    const victim = this.#victim;
    if (victim.over !== undefined) {
      this.#connect();
      return;
    }
    const dice = below(this.#random, 100);
    if (this.#nowMs === 0 && this.#nextId <= 2) this.#say(this.#greet());
    else if (dice < 75) this.#say(this.#record());
    else if (dice < 80) this.#read();
    else if (dice < 84) this.#write();
    else if (dice < 87) victim.full = true;
    else if (dice < 92) victim.drain(this.#nowMs);
    else if (dice < 94) victim.mux.reset(this.#own(), 'USER');
    else if (dice < 95) victim.mux.goAway('SHUTDOWN', this.#nowMs);
    else this.#pass(this.#pick([10, 1_000, 4_000, 60_000]));
    this.#check();
  }

  #say(record: Uint8Array): void {
    if (record.length === 0) return;
    this.#tally.begin(record);
    this.#honest.exchange(() => {
      this.#victim.mux.receive(record, this.#nowMs);
      if (below(this.#random, 2) === 0) this.#victim.mux.flush(this.#nowMs);
    });
    this.#tally.end(readFrame(record, 0, new FrameView()) > 0);
  }

  #own(): Channel {
    const random = this.#random;
    const chosen = pickOne(random, this.#victim.channels);
    if (chosen !== undefined) return chosen.channel;
    this.#victim.open(this.#nowMs);
    return (this.#victim.channels[0] as { channel: Channel }).channel;
  }

  #read(): void {
    for (const { channel, sink } of this.#victim.channels) {
      sink.ready = true;
      this.#victim.mux.resume(channel);
    }
  }

  #write(): void {
    const channel = this.#own();
    const bytes = utf8('x'.repeat(this.#pick([1, 100, 5_000])));
    if (channel.kind === 'messages') this.#victim.mux.send(channel, bytes, 'rows');
    else if (channel.queuedBytes === 0) this.#victim.mux.write(channel, [bytes, bytes]);
  }

  #pass(ms: number): void {
    const { mux } = this.#victim;
    const endMs = this.#nowMs + ms;
    for (let ticks = 0; mux.deadline() <= endMs; ticks++) {
      if (ticks > 1_000) throw new Broken(`it ticks for ever at ${this.#nowMs} ms`);
      this.#nowMs = Math.max(this.#nowMs, mux.deadline());
      mux.tick(this.#nowMs);
    }
    this.#nowMs = endMs;
  }

  #check(): void {
    const { mux, over, channels, records } = this.#victim;
    if ((over !== undefined) !== mux.ended) throw new Broken('it ended without a word');
    if (over !== undefined) {
      if (mux.size !== 0 || mux.deadline() !== Number.POSITIVE_INFINITY)
        throw new Broken('it goes on after its end');
      return;
    }
    if (mux.size > 2 * DEFAULTS.channelsMax) throw new Broken(`${mux.size} channels are open`);
    for (const { channel } of channels) {
      if (channel.dead) continue;
      if (channel.receiveWindow < 0 || channel.receiveWindow > WIRE.windowBytes)
        throw new Broken(`a window of ${channel.receiveWindow} bytes`);
      if (channel.inboxSize * WIRE.frameCostBytes > WIRE.windowBytes)
        throw new Broken('more waits than a window');
      if (channel.queuedBytes > DEFAULTS.queueBytesMax * 6)
        throw new Broken('more waits to be sent than may');
    }
    if (channels.length > 300) this.#victim.channels.splice(0, 100);
    if (records.reduce((sum, record) => sum + record.length, 0) > 40_000_000)
      throw new Broken('it talks without end');
    if (records.length > 50) records.splice(0, 40);
  }

  /** Whoever is left still answers. */
  end(): void {
    const victim = this.#victim;
    if (victim.over !== undefined) return;
    victim.drain(this.#nowMs);
    victim.fetch(this.#nowMs);
    victim.mux.receive(frameOf(FRAME.PING, 0, encodeU32(0xabcdef)), this.#nowMs);
    const answers = victim.fetch(this.#nowMs);
    const wanted = Buffer.from(frameOf(FRAME.PONG, 0, encodeU32(0xabcdef)));
    const heard = answers.some((record) => Buffer.from(record).includes(wanted));
    if (victim.over === undefined && !heard) throw new Broken('a ping is not answered');
    victim.mux.lost();
    if (victim.over === undefined) throw new Broken('it outlives its transport');
  }
}

/** A life of some dozen records, with as many victims as it takes. */
export function muxLife(random: Random, tally: Tally, options?: MuxLifeOptions): void {
  const life = new MuxLife(random, tally, options);
  for (let steps = 60 + below(random, 120); steps > 0; steps--) life.step();
  life.end();
}
