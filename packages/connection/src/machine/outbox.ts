// Packs frames into records: everything of one tick leaves in one (messages per second × 34, fast.md §3.1). The
// bytes are copied at the call into a shared buffer; there are no objects per message.
import { headerBytes, putHeader } from '../wire.js';
import type { BufferPool } from './buffers.js';

export interface OutboxEffects {
  /** Seals and writes; the array is valid during the call only. False: the transport is full until told otherwise. */
  record(plain: Uint8Array): boolean;
  /** Something waits for `flush`: call it when this tick is over. */
  wake(): void;
}

export class Outbox {
  readonly #effects: OutboxEffects;
  readonly #pool: BufferPool;
  /** Plaintext bytes of the largest record. */
  readonly limit: number;
  #pack: Uint8Array | undefined;
  #fill = 0;
  /** The transport takes nothing at the moment; then the pack is empty. */
  blocked = false;

  constructor(effects: OutboxEffects, pool: BufferPool, limit: number) {
    this.#effects = effects;
    this.#pool = pool;
    this.limit = limit;
  }

  /** Whether nothing waits for `flush`. */
  get empty(): boolean {
    return this.#fill === 0;
  }

  /** Body bytes that a frame of `channel` may still have in the current record; 0 if there is not even a header's room. */
  room(channel: number): number {
    return Math.max(0, this.limit - this.#fill - headerBytes(channel));
  }

  /** Bytes that the current record has left. */
  get space(): number {
    return this.limit - this.#fill;
  }

  /** Packs whole frames, which must fit into `space`. */
  putFrames(frames: Uint8Array): void {
    this.#pack ??= this.#pool.take();
    if (this.#fill === 0) this.#effects.wake();
    this.append(frames);
  }

  /** Packs one frame. False: blocked, nothing was done. */
  put(type: number, channel: number, body: Uint8Array): boolean {
    if (!this.begin(type, channel, body.length)) return false;
    this.append(body);
    return true;
  }

  /** Begins a frame whose body follows by `append`, at once and whole. False: blocked, nothing was done. */
  begin(type: number, channel: number, length: number): boolean {
    if (this.#fill + headerBytes(channel) + length > this.limit) this.flush();
    if (this.blocked) return false;
    this.#pack ??= this.#pool.take();
    if (this.#fill === 0) this.#effects.wake();
    this.#fill = putHeader(this.#pack, this.#fill, type, channel, length);
    return true;
  }

  append(bytes: Uint8Array): void {
    (this.#pack as Uint8Array).set(bytes, this.#fill);
    this.#fill += bytes.length;
  }

  /** Hands over what is packed. */
  flush(): void {
    const pack = this.#pack;
    if (pack === undefined || this.#fill === 0) return;
    const plain = pack.subarray(0, this.#fill);
    this.#pack = undefined;
    this.#fill = 0;
    if (!this.#effects.record(plain)) this.blocked = true;
    this.#pool.give(pack);
  }

  /** Drops what is packed; for the end of a connection. */
  release(): void {
    if (this.#pack !== undefined) this.#pool.give(this.#pack);
    this.#pack = undefined;
    this.#fill = 0;
    this.blocked = true;
  }
}
