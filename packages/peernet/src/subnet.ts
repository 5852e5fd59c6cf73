// What `pn.subnet()` gives: events, an iteration and an end of its own, over the room that all subnets of one name in
// this node share.
import { Emitter, PeernetError } from '@peernet/core';
import type { ByteStream, Callback, Peer } from './types.js';

/** A stream to a member, and who that is. */
export type SubnetConnection = [stream: ByteStream, peer: Peer];

export type SubnetEvents = {
  /** A duplex stream to a member; both sides have proven that they know the name of the subnet. */
  connection: SubnetConnection;
  close: [];
};

/** What a subnet needs of its node. */
export interface SubnetHost {
  /** Streams that are there. */
  streams(): SubnetConnection[];
  /** Resolves with the room's readiness. */
  readonly ready: Promise<void>;
  leave(subnet: Subnet): Promise<void>;
  settle(method: string, work: () => Promise<void>, callback: Callback | undefined): Promise<void>;
}

export class Subnet extends Emitter<SubnetEvents> {
  readonly name: string;
  /** Members that it wants to be connected to. */
  readonly connections: number;
  readonly #host: SubnetHost;
  readonly #readers = new Set<Reader>();
  readonly #given = new WeakSet<ByteStream>();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => void this.close();
  readonly #ready: Promise<void>;
  #giveUp: (error: Error) => void = () => {};
  #closing: Promise<void> | undefined;

  /** Made by `pn.subnet()`. */
  constructor(name: string, connections: number, host: SubnetHost, signal: AbortSignal | undefined) {
    super();
    this.name = name;
    this.connections = connections;
    this.#host = host;
    this.#signal = signal;
    this.#ready = new Promise((resolve, reject) => {
      this.#giveUp = reject;
      host.ready.then(resolve, reject);
    });
    this.#ready.catch(() => {}); // whoever asks for it hears of it
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    // Those of an earlier `pn.subnet()` of this name; later, so that the caller can listen first.
    queueMicrotask(() => {
      for (const connection of host.streams()) this.deliver(connection);
    });
  }

  /** For the node: a stream is there. */
  deliver(connection: SubnetConnection): void {
    const [stream] = connection;
    if (this.closed || this.#given.has(stream)) return;
    this.#given.add(stream);
    for (const reader of this.#readers) reader.push(connection);
    this.emit('connection', ...connection);
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Resolves at the first connection, or when a first search is over. Rejects with LIMIT or CLOSED. */
  ready(callback?: Callback): Promise<void> {
    return this.#host.settle('subnet.ready', () => this.#ready, callback);
  }

  /** Members that we are connected to. */
  peers(): Peer[] {
    return this.closed ? [] : this.#host.streams().map(([, peer]) => peer);
  }

  /** Connections that are there and those that come, until `close`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<SubnetConnection> {
    const reader = new Reader((done) => this.#readers.delete(done));
    if (this.closed) reader.end();
    else this.#readers.add(reader);
    for (const connection of this.closed ? [] : this.#host.streams()) reader.push(connection);
    return reader;
  }

  /** Ends its streams, and the membership if it came with it. The last one of a name does so. Idempotent, at most 3 s. */
  close(callback?: Callback): Promise<void> {
    return this.#host.settle('subnet.close', () => this.#close(), callback);
  }

  #close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  async #leave(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const reader of this.#readers) reader.end();
    this.#giveUp(new PeernetError('CLOSED', `the subnet ${JSON.stringify(this.name)} is closed`));
    await this.#host.leave(this);
    this.emit('close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** One `for await`: what waits is what lives, so it is bounded by the connections of the subnet. */
class Reader implements AsyncIterableIterator<SubnetConnection> {
  readonly #waiting: SubnetConnection[] = [];
  readonly #onEnd: (reader: Reader) => void;
  readonly #wanted: ((result: IteratorResult<SubnetConnection>) => void)[] = [];
  readonly #given = new WeakSet<ByteStream>();
  #over = false;

  constructor(onEnd: (reader: Reader) => void) {
    this.#onEnd = onEnd;
  }

  push(connection: SubnetConnection): void {
    const [stream] = connection;
    if (this.#over || this.#given.has(stream)) return;
    this.#given.add(stream);
    const wanted = this.#wanted.shift();
    if (wanted !== undefined) {
      wanted({ done: false, value: connection });
      return;
    }
    this.#waiting.push(connection);
    stream.on('close', () => {
      const at = this.#waiting.indexOf(connection);
      if (at >= 0) this.#waiting.splice(at, 1);
    });
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onEnd(this);
    this.#waiting.length = 0;
    for (const wanted of this.#wanted.splice(0)) wanted({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<SubnetConnection>> {
    const next = this.#waiting.shift();
    if (next !== undefined) return Promise.resolve({ done: false, value: next });
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#wanted.push(resolve));
  }

  return(): Promise<IteratorResult<SubnetConnection>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
