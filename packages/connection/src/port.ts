// A raw duplex of any make, tamed: one owner at a time hears of it, its errors go nowhere else, and it closes once.
import type { Clock, DuplexLike } from '@peernet/core';

/** Who hears of a port; replaced when the handshake hands over to the connection. */
export interface PortOwner {
  onBytes(bytes: Uint8Array): void;
  /** After a `write` that returned false. */
  onDrain(): void;
  /** Nothing more will come, or go. */
  onGone(error?: unknown): void;
}

/** What Node's sockets have beside the contract, by which we know them. */
interface SocketLike {
  readonly destroyed?: unknown;
  readonly setNoDelay?: unknown;
}

export class Port {
  readonly #duplex: DuplexLike;
  #owner: PortOwner;
  #gone = false;
  #closed = false;
  #ended = false;
  #writing = false;
  /** What the duplex told while it was written to. */
  readonly #parked: [event: string, argument: unknown][] = [];
  #cancelGrace: (() => void) | undefined;
  /** Sockets write several pieces in one system call; other duplexes would make a message of each. */
  readonly gathers: boolean;
  bytesIn = 0;
  bytesOut = 0;

  constructor(duplex: DuplexLike, owner: PortOwner) {
    this.#duplex = duplex;
    this.#owner = owner;
    this.gathers =
      typeof (duplex as SocketLike).setNoDelay === 'function' &&
      duplex.cork !== undefined &&
      duplex.uncork !== undefined;
    duplex.on('data', (chunk: unknown) => this.#hear('data', chunk));
    duplex.on('drain', () => this.#hear('drain'));
    duplex.on('finish', () => this.#hear('finish'));
    duplex.on('end', () => this.#hear('end'));
    duplex.on('error', (error: unknown) => this.#hear('error', error));
    duplex.on('close', () => this.#hear('close'));
  }

  /** True if the duplex was destroyed before we got it: then it will never tell. */
  get stillborn(): boolean {
    return (this.#duplex as SocketLike).destroyed === true;
  }

  handOver(owner: PortOwner): void {
    this.#owner = owner;
  }

  /** False: wait for onDrain (or it is gone). */
  write(bytes: Uint8Array | readonly Uint8Array[]): boolean {
    if (this.#gone) return false;
    this.#writing = true;
    try {
      if (bytes instanceof Uint8Array) {
        this.bytesOut += bytes.length;
        return this.#duplex.write(bytes) !== false;
      }
      let free = true;
      this.#duplex.cork?.();
      for (const piece of bytes) {
        this.bytesOut += piece.length;
        free = this.#duplex.write(piece) !== false;
      }
      this.#duplex.uncork?.();
      return free;
    } catch (error) {
      this.#lose(error);
      return false;
    } finally {
      this.#writing = false;
    }
  }

  /** Ends our half, and everything after `graceMs` at the latest. The owner hears nothing any more. */
  finish(clock: Clock, graceMs: number): void {
    this.#gone = true;
    if (this.#closed || this.#cancelGrace !== undefined) return;
    this.#cancelGrace = clock.alarm(clock.now() + graceMs, () => this.destroy());
    try {
      this.#duplex.end();
    } catch {
      this.destroy();
    }
    if (this.#ended) this.#closeBoth();
  }

  destroy(): void {
    this.#gone = true;
    this.#cancelGrace?.();
    if (this.#closed) return;
    try {
      this.#duplex.destroy();
    } catch {
      // A duplex that cannot even be destroyed has nothing more to tell us.
    }
  }

  /** Some duplexes answer from inside `write`: who writes must not be called back before it is done. */
  #hear(event: string, argument?: unknown): void {
    if (!this.#writing && this.#parked.length === 0) this.#on(event, argument);
    else if (this.#parked.push([event, argument]) === 1) queueMicrotask(() => this.#unpark());
  }

  #unpark(): void {
    for (let next = this.#parked[0]; next !== undefined; next = this.#parked[0]) {
      this.#on(...next);
      this.#parked.shift();
    }
  }

  #on(event: string, argument: unknown): void {
    if (event === 'data') this.#onData(argument);
    else if (event === 'drain') this.#onDrain();
    else if (event === 'finish') this.#closeBoth();
    else if (event === 'end') this.#onEnd();
    else if (event === 'close') this.#onClose();
    else this.#lose(argument);
  }

  #onDrain(): void {
    if (!this.#gone) this.#owner.onDrain();
  }

  #onClose(): void {
    this.#closed = true;
    this.#cancelGrace?.();
    this.#lose();
  }

  #onData(chunk: unknown): void {
    if (this.#gone) return;
    if (chunk instanceof Uint8Array) {
      this.bytesIn += chunk.length;
      this.#owner.onBytes(chunk);
    } else this.#lose(new TypeError('the duplex delivers no bytes'));
  }

  #onEnd(): void {
    this.#ended = true;
    this.#closeBoth();
    this.#lose();
  }

  /** When both halves have ended nothing is left; not every duplex closes by itself then. */
  #closeBoth(): void {
    if (this.#gone && this.#ended) this.destroy();
  }

  #lose(error?: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#owner.onGone(error);
  }
}
