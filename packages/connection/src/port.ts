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
  readonly #parked: (() => void)[] = [];
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
    const hear = (event: string, run: (argument: unknown) => void): void => {
      duplex.on(event, (argument: unknown) => {
        if (this.#writing || this.#parked.length > 0) this.#park(() => run(argument));
        else run(argument);
      });
    };
    hear('error', (error) => this.#lose(error));
    hear('close', () => this.#onClose());
    hear('end', () => this.#onEnd());
    hear('finish', () => this.#closeBoth());
    hear('drain', () => {
      if (!this.#gone) this.#owner.onDrain();
    });
    hear('data', (chunk) => this.#onData(chunk));
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
  #park(run: () => void): void {
    if (this.#parked.push(run) === 1) queueMicrotask(() => this.#unpark());
  }

  #unpark(): void {
    for (let run = this.#parked[0]; run !== undefined; run = this.#parked[0]) {
      run();
      this.#parked.shift();
    }
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
