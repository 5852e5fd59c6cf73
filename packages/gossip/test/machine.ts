// One overlay machine under the microscope: remote peers are made by hand, effects are recorded, time is a number.
import {
  type CloseReason,
  type Crypto,
  type ErrorCode,
  type HeardRecord,
  memoryStore,
  type PeerId,
  type PeerRecord,
  type PeerStore,
  type Preference,
  seededRandom,
  signRecord,
} from '@peernet/core';
import { createWorld, simCrypto } from '@peernet/sim';
import { TUNING } from '../src/defaults.js';
import type { OverlayOptions } from '../src/machine/context.js';
import type { NewLink, OverlayEvent, OverlayInput } from '../src/machine/effects.js';
import { Overlay } from '../src/machine/overlay.js';
import {
  type Answer,
  decodeMessage,
  encodeAnswer,
  encodeHello,
  type Message,
  type Purpose,
} from '../src/wire.js';

export const startMs = 1_000_000;
export const wallMs = 1_767_225_600_000;

/** Somebody at the other end. */
export interface Remote {
  readonly crypto: Crypto;
  readonly id: PeerId;
  readonly address: string;
  readonly record: PeerRecord;
}

export interface Dialed {
  readonly dial: number;
  readonly address: string;
  readonly expect: PeerId | undefined;
  cancelled: boolean;
}

type MessageOf<K> = K extends Answer['kind'] ? Answer : Extract<Message, { kind: K }>;

export type BenchOptions = Partial<Omit<OverlayOptions, 'tuning'>> & {
  tuning?: Partial<OverlayOptions['tuning']>;
  /** Instead of the store's; 'none': a store that makes no such choice. */
  preference?: Preference | 'none';
};

export class Bench {
  readonly world = createWorld({ seed: 1 });
  readonly crypto: Crypto;
  readonly store: PeerStore;
  readonly machine: Overlay;
  readonly sent: { key: number; message: Message }[] = [];
  readonly closed = new Map<number, CloseReason>();
  readonly dials: Dialed[] = [];
  readonly events: OverlayEvent[] = [];
  /** What `send` answers. */
  takes = true;
  nowMs = startMs;
  #key = 100;

  constructor(options: BenchOptions = {}) {
    const { tuning, preference, ...rest } = options;
    const random = seededRandom(7);
    this.crypto = rest.crypto ?? simCrypto(this.world, 'we');
    const clock = { now: () => this.nowMs, wall: () => this.#wall(), alarm: () => () => {} };
    this.store = rest.store ?? memoryStore({ clock, random });
    if (preference !== undefined)
      Object.defineProperty(this.store, 'preference', {
        value: preference === 'none' ? undefined : preference,
      });
    this.machine = new Overlay({
      crypto: this.crypto,
      random,
      store: this.store,
      wall: () => this.#wall(),
      nowMs: this.nowMs,
      seq: 0,
      connections: 5,
      intervalMs: 5_000,
      canDial: true,
      bootstrap: true,
      relay: false,
      lan: false,
      webrtc: false,
      schemes: ['ws', 'wss', 'tcp'],
      seeds: [],
      anchors: [],
      announce: [],
      wantsKnown: () => true,
      ...rest,
      tuning: { ...TUNING, ...tuning },
    });
  }

  #wall(): number {
    return wallMs + this.nowMs - startMs;
  }

  handle(input: OverlayInput): void {
    this.machine.handle(input, this.nowMs, {
      send: (key, bytes) => {
        if (!this.takes) return false;
        const message = decodeMessage(bytes);
        if (message === undefined) throw new Error('sent what nobody can decode');
        this.sent.push({ key, message });
        return true;
      },
      close: (key, reason) => {
        this.closed.set(key, reason);
      },
      dial: (dial, address, expect) => {
        this.dials.push({ dial, address, expect, cancelled: false });
      },
      cancelDial: (dial) => {
        for (const other of this.dials) if (other.dial === dial) other.cancelled = true;
      },
      emit: (event) => this.events.push(event),
    });
  }

  /** Lets time pass, tick by tick as the machine wants it. */
  /** Returns how often the machine wanted to be woken. */
  pass(ms: number): number {
    const endMs = this.nowMs + ms;
    let ticks = 0;
    for (; this.machine.deadline() <= endMs; ticks++) {
      if (ticks > 10_000) throw new Error(`a machine that wants ticks without end at ${this.nowMs}`);
      this.nowMs = Math.max(this.nowMs, this.machine.deadline());
      this.handle({ type: 'tick' });
    }
    this.nowMs = endMs;
    return ticks;
  }

  // ---- the others ----

  remote(name: string, fields: Partial<PeerRecord> & { address?: string } = {}): Remote {
    const crypto = simCrypto(this.world, name);
    const { address = `ws://${addressOf(name)}:4000`, ...rest } = fields;
    const record = signRecord(crypto, {
      seq: this.#wall(),
      ttlSeconds: 86_400,
      addresses: [address],
      relays: [],
      dialable: true,
      webrtc: false,
      stun: false,
      ...rest,
    });
    return { crypto, id: crypto.id, address, record };
  }

  newKey(): number {
    return this.#key++;
  }

  /** An inbound link, before HELLO. */
  arrive(remote: Remote, link: Partial<NewLink> = {}): number {
    const key = this.newKey();
    const ip = remote.address.split('/')[2]?.split(':')[0];
    this.handle({
      type: 'linkUp',
      link: {
        key,
        peer: remote.id,
        initiator: false,
        scope: 'global',
        session: `${remote.id} 1`,
        remoteAddress: `tcp://${ip}:40000`,
        ...link,
      },
    });
    return key;
  }

  /** `remote` says HELLO. */
  hello(
    key: number,
    remote: Remote,
    fields: { purpose?: Purpose; degree?: number; wallMs?: number; dialed?: string; observed?: string } = {},
  ): void {
    const { purpose = 'overlay', degree = 5, dialed = '', observed = '' } = fields;
    const digest = new Uint8Array(8);
    const self = heard(remote.record);
    const at = fields.wallMs ?? this.#wall();
    this.message(key, encodeHello({ purpose, degree, wallMs: at, dialed, observed, digest, self }));
  }

  message(key: number, bytes: Uint8Array): void {
    this.handle({ type: 'message', key, bytes });
  }

  /** An inbound neighbour, unless we refuse it. */
  visit(remote: Remote, degree = 5, link: Partial<NewLink> = {}): number {
    const key = this.arrive(remote, link);
    this.hello(key, remote, { degree });
    return key;
  }

  /** The last dial, answered by `remote`; it says HELLO and LINK (or FULL). */
  answer(
    dial: Dialed,
    remote: Remote,
    answer: 'link' | 'full' | 'hello' = 'link',
    link: Partial<NewLink> = {},
  ): number {
    const key = this.dialed(dial, remote, link);
    this.hello(key, remote);
    if (answer !== 'hello') {
      this.message(key, encodeAnswer({ kind: answer, walk: '', degree: 5, records: [] }));
    }
    return key;
  }

  /** The dial made a link to `remote`. */
  dialed(dial: Dialed, remote: Remote, link: Partial<NewLink> = {}): number {
    const key = this.newKey();
    this.handle({
      type: 'dialed',
      dial: dial.dial,
      link: {
        key,
        peer: remote.id,
        initiator: true,
        scope: 'global',
        session: `${remote.id} 1`,
        remoteAddress: dial.address,
        ...link,
      },
    });
    return key;
  }

  fail(dial: Dialed, code: ErrorCode = 'DIAL_TIMEOUT'): void {
    this.handle({ type: 'dialFailed', dial: dial.dial, code });
  }

  // ---- what came of it ----

  /** Messages to a link, of a kind. */
  to<K extends Message['kind']>(key: number, kind: K): MessageOf<K>[] {
    return this.sent.flatMap(({ key: to, message }) =>
      to === key && message.kind === kind ? [message as MessageOf<K>] : [],
    );
  }

  kindOf(key: number): string | undefined {
    for (const peer of this.machine.links()) if (peer.key === key) return peer.kind;
    return undefined;
  }

  count(name: string): number {
    return Number(this.machine.snapshot()[name]);
  }

  eventsOf<T extends OverlayEvent['type']>(type: T): Extract<OverlayEvent, { type: T }>[] {
    return this.events.filter((event) => event.type === type) as Extract<OverlayEvent, { type: T }>[];
  }

  /** The last dial that has begun. */
  get lastDial(): Dialed {
    const dial = this.dials.at(-1);
    if (dial === undefined) throw new Error('nothing was dialed');
    return dial;
  }

  /** The machine believes that it can be dialed, and has announced so. */
  makeDialable(): void {
    const services = [{ scheme: 'ws', host: '5.5.5.5', port: 4000 }];
    this.handle({ type: 'listening', services, interfaces: ['5.5.5.5'] });
    this.pass(0);
    const dial = this.dials.find(({ address }) => address === 'ws://5.5.5.5:4000');
    if (dial === undefined) throw new Error('the own address was not probed');
    this.fail(dial, 'SELF');
  }
}

/** A global IP of its own group for each name. */
export function addressOf(name: string): string {
  let sum = 17;
  for (const char of name) sum = (Math.imul(sum, 31) + char.charCodeAt(0)) >>> 0;
  return `${11 + (sum % 80)}.${(sum >>> 8) % 256}.${(sum >>> 16) % 256}.${1 + ((sum >>> 24) % 250)}`;
}

export function heard(record: PeerRecord, ageSeconds = 0): HeardRecord {
  return { record, ageSeconds };
}

/** Lets time pass, and answers every dial to one of `remotes`. */
export function live(
  bench: Bench,
  remotes: readonly Remote[],
  ms: number,
  stepMs = 500,
): Map<string, number> {
  const keys = new Map<string, number>();
  for (let t = 0; t < ms; t += stepMs) {
    bench.pass(stepMs);
    for (const dial of bench.dials.splice(0)) {
      const remote = remotes.find(({ address }) => address === dial.address);
      if (remote === undefined) bench.fail(dial);
      else keys.set(remote.address, bench.answer(dial, remote));
    }
  }
  return keys;
}

/** A bench whose book knows `count` others. */
export function withBook(count: number, options: BenchOptions = {}) {
  const bench = new Bench(options);
  const remotes = Array.from({ length: count }, (_, i) =>
    bench.remote(`b${i}`, { address: `ws://${20 + i}.1.1.1:4000` }),
  );
  bench.store.offer(
    remotes.map(({ record }) => heard(record)),
    bench.crypto.id,
  );
  return { bench, remotes };
}
