// Whole connections over real duplexes, for tests.
import net from 'node:net';
import { Duplex as NodeDuplex } from 'node:stream';
import type { Clock, CloseReason, DuplexLike, LinkEvents } from '@peernet/core';
import {
  type Connection,
  createCrypto,
  duplexPair,
  type IncomingChannel,
  type LocalCrypto,
  type SecureOptions,
  secure,
} from '../src/index.js';

export const alice: LocalCrypto = createCrypto({ seed: new Uint8Array(32).fill(1) });
export const bob: LocalCrypto = createCrypto({ seed: new Uint8Array(32).fill(2) });

type AnyDuplex = Parameters<typeof secure>[0];

/** Two joined duplexes of node:stream. */
export function nodePair(): [AnyDuplex, AnyDuplex] {
  const make = (peer: () => NodeDuplex): NodeDuplex => {
    let parked: (() => void) | undefined;
    const duplex: NodeDuplex & { unpark?: () => void } = new NodeDuplex({
      read() {
        (peer() as { unpark?: () => void }).unpark?.();
      },
      write(chunk, _encoding, callback) {
        if (peer().push(chunk)) callback();
        else parked = callback;
      },
      final(callback) {
        peer().push(null);
        callback();
      },
      destroy(error, callback) {
        peer().destroy();
        callback(error);
      },
    });
    duplex.unpark = () => {
      const callback = parked;
      parked = undefined;
      callback?.();
    };
    return duplex;
  };
  const a: NodeDuplex = make(() => b);
  const b: NodeDuplex = make(() => a);
  return [a as unknown as AnyDuplex, b as unknown as AnyDuplex];
}

/** Two ends of a TCP connection on loopback. */
async function socketPair(): Promise<[AnyDuplex, AnyDuplex]> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const other = await accepted;
  server.close();
  return [socket as unknown as AnyDuplex, other as unknown as AnyDuplex];
}

export const pairs: Readonly<Record<string, () => Promise<[AnyDuplex, AnyDuplex]>>> = {
  streamx: async () => duplexPair(),
  'node:stream': async () => nodePair(),
  'net.Socket': socketPair,
};

/** Two connections over `pair`, alice's first. */
export async function connected(
  pair: [AnyDuplex, AnyDuplex] = duplexPair(),
  left: Partial<SecureOptions> = {},
  right: Partial<SecureOptions> = {},
): Promise<[Connection, Connection]> {
  return Promise.all([
    secure(pair[0], { crypto: alice, role: 'initiator', ...left }),
    secure(pair[1], { crypto: bob, role: 'responder', ...right }),
  ]);
}

/** A duplex that a test holds in its hands: `input` comes in, `output` collects. */
export class HandDuplex {
  readonly listeners = new Map<string, ((...args: unknown[]) => void)[]>();
  readonly output: Uint8Array[] = [];
  destroyed = false;
  ended = false;
  writable = true;

  on(event: string, listener: (...args: unknown[]) => void): this {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
    return this;
  }

  removeListener(event: string, listener: (...args: unknown[]) => void): this {
    this.listeners.set(
      event,
      (this.listeners.get(event) ?? []).filter((l) => l !== listener),
    );
    return this;
  }

  emit(event: string, ...args: unknown[]): void {
    for (const listener of this.listeners.get(event) ?? []) listener(...args);
  }

  write(chunk: Uint8Array): boolean {
    this.output.push(chunk);
    return this.writable;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }

  pause(): void {}
  resume(): void {}

  get asDuplex(): DuplexLike {
    return this as unknown as DuplexLike;
  }
}

/** A clock that moves when it is told to. */
export class HandClock implements Clock {
  #nowMs = 1_000;
  readonly #alarms = new Set<{ atMs: number; ring: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return 1_800_000_000_000 + this.#nowMs;
  }

  alarm(atMs: number, ring: () => void): () => void {
    const alarm = { atMs, ring };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  get pending(): number {
    return this.#alarms.size;
  }

  /** Rings what is due, in order; between two alarms promises and streams have their turn. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await turn();
    for (;;) {
      const next = [...this.#alarms].sort((x, y) => x.atMs - y.atMs)[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#alarms.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.ring();
      await turn();
    }
    this.#nowMs = untilMs;
    await turn();
  }
}

/** Lets everything run that is due now. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for a condition; the test's own time limit is the bound. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Link events that remember. */
export function listener(): LinkEvents & { messages: string[]; closed: CloseReason[]; drains: number } {
  const decoder = new TextDecoder();
  const events = {
    messages: [] as string[],
    closed: [] as CloseReason[],
    drains: 0,
    onMessage: (message: Uint8Array) => void events.messages.push(decoder.decode(message)),
    onDrain: () => void events.drains++,
    onClose: (reason: CloseReason) => void events.closed.push(reason),
  };
  return events;
}

/** An onOpen that echoes streams, and links. */
export function echo(incoming: IncomingChannel): void {
  if (incoming.kind === 'stream') {
    const stream = incoming.stream();
    stream.pipe(stream);
    return;
  }
  const link = incoming.link();
  link.open({ onMessage: (message) => void link.send(message, 'rows'), onDrain() {}, onClose() {} });
}
