// Bounded byte codecs: what every wire.ts is written with.
//
// A Reader never throws and never reads past its end: the first impossible read sets `bad`, and everything after it
// returns zeros and empties, so a decoder reads straight through and looks once at the end. Every length on the wire
// is checked against a maximum given by the caller before anything is allocated. Integers are big-endian.

/** Longest varint, bytes: values below 2^32 in the minimal form, nothing else. */
const varintBytesMax = 5;
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Buffers of writers are cut from one of this size: making one of a few hundred bytes costs more than filling it. */
const slabBytes = 65_536;
let slab = new Uint8Array(slabBytes);
let slabAt = 0;

/** Writes one message into a buffer that grows. Misuse (a value that does not fit) is a TypeError: our own bug. */
export class Writer {
  /** What we write into: ours from `#start` to `#end`, nobody else ever gets that part. */
  #buffer: Uint8Array;
  #start: number;
  #end: number;
  #at: number;

  /** @param capacity bytes to begin with; a good guess saves copies. */
  constructor(capacity = 256) {
    if (!Number.isInteger(capacity) || capacity < 0) throw new TypeError(`Writer: capacity ${capacity}`);
    if (capacity > slabBytes - slabAt) {
      slab = new Uint8Array(Math.max(slabBytes, capacity));
      slabAt = 0;
    }
    this.#buffer = slab;
    this.#start = slabAt;
    this.#at = slabAt;
    slabAt += capacity;
    this.#end = slabAt;
  }

  get length(): number {
    return this.#at - this.#start;
  }

  #room(count: number): number {
    const at = this.#at;
    if (count > this.#end - at) return this.#grow(count);
    this.#at = at + count;
    return at;
  }

  #grow(count: number): number {
    const { length } = this;
    const need = length + count;
    const grown = new Uint8Array(Math.max(need, 2 * (this.#end - this.#start)));
    grown.set(this.#buffer.subarray(this.#start, this.#at));
    this.#buffer = grown;
    this.#start = 0;
    this.#end = grown.length;
    this.#at = need;
    return length;
  }

  u8(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xff) throw new TypeError(`u8: ${value}`);
    const at = this.#room(1);
    this.#buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new TypeError(`u16: ${value}`);
    const at = this.#room(2);
    this.#buffer[at] = value >>> 8;
    this.#buffer[at + 1] = value;
    return this;
  }

  u32(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new TypeError(`u32: ${value}`);
    const at = this.#room(4);
    for (let i = 3, rest = value; i >= 0; i--, rest = Math.floor(rest / 256))
      this.#buffer[at + i] = rest % 256;
    return this;
  }

  /** A safe integer ≥ 0 in 8 bytes. */
  u64(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`u64: ${value}`);
    return this.u32(Math.floor(value / 4_294_967_296)).u32(value % 4_294_967_296);
  }

  /** LEB128, below 2^32. */
  varint(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new TypeError(`varint: ${value}`);
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    return this.u8(rest);
  }

  /** Exactly these bytes, no length. */
  fixed(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** varint length ‖ bytes. */
  bytes(bytes: Uint8Array, maxBytes: number): this {
    if (bytes.length > maxBytes) throw new TypeError(`bytes: ${bytes.length} > ${maxBytes}`);
    return this.varint(bytes.length).fixed(bytes);
  }

  /** varint length ‖ UTF-8. */
  text(text: string, maxBytes: number): this {
    return this.bytes(encoder.encode(text), maxBytes);
  }

  /** What was written; a copy of exactly that size, so that it may be kept. */
  finish(): Uint8Array {
    return this.#buffer.slice(this.#start, this.#at);
  }
}

/** Reads one message; see the top of this file. */
export class Reader {
  readonly #buffer: Uint8Array;
  #at = 0;
  #bad = false;

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer;
  }

  /** True once something impossible was asked of these bytes. */
  get bad(): boolean {
    return this.#bad;
  }

  /** True when all is read and nothing was bad: what a decoder asks last. */
  get done(): boolean {
    return !this.#bad && this.#at === this.#buffer.length;
  }

  /** Offset of the next byte: with `since`, for signatures over what was just read. */
  get offset(): number {
    return this.#at;
  }

  get left(): number {
    return this.#buffer.length - this.#at;
  }

  /** The bytes from `offset` to here, a view. */
  since(offset: number): Uint8Array {
    return this.#buffer.subarray(offset, this.#at);
  }

  /** Marks the message as bad (a value that decodes but must not be). Returns undefined, so that decoders can return it. */
  fail(): undefined {
    this.#bad = true;
    return undefined;
  }

  #take(count: number): number {
    if (this.#bad || count > this.#buffer.length - this.#at) {
      this.#bad = true;
      return -1;
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : (this.#buffer[at] as number);
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : ((this.#buffer[at] as number) << 8) | (this.#buffer[at + 1] as number);
  }

  u32(): number {
    const high = this.u16();
    return high * 65_536 + this.u16();
  }

  /** 8 bytes; bad above 2^53 - 1. */
  u64(): number {
    const high = this.u32();
    const low = this.u32();
    if (high > 0x1f_ffff) {
      this.#bad = true;
      return 0;
    }
    return high * 4_294_967_296 + low;
  }

  /** LEB128 below 2^32 in its shortest form; anything longer is bad. */
  varint(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < varintBytesMax; i++, scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if ((byte === 0 && i > 0) || value > 0xffff_ffff) break;
        return value;
      }
    }
    this.#bad = true;
    return 0;
  }

  /** Exactly `count` bytes, a view into the message (copy what is kept longer than the message). */
  fixed(count: number): Uint8Array {
    const at = this.#take(count);
    return at < 0 ? new Uint8Array(count) : this.#buffer.subarray(at, at + count);
  }

  /** varint length ‖ bytes, a view; bad if longer than `maxBytes`. */
  bytes(maxBytes: number): Uint8Array {
    const length = this.varint();
    // Also before anything is allocated: a length that the message cannot hold.
    if (length > maxBytes || length > this.left) this.#bad = true;
    return this.#bad ? new Uint8Array(0) : this.fixed(length);
  }

  /** varint length ‖ UTF-8; bad if longer than `maxBytes` or not valid UTF-8. */
  text(maxBytes: number): string {
    const bytes = this.bytes(maxBytes);
    try {
      return strictDecoder.decode(bytes);
    } catch {
      this.#bad = true;
      return '';
    }
  }

  /** A count that the caller will loop over; bad (and 0) above `max`. */
  count(max: number): number {
    const count = this.varint();
    if (count > max) this.#bad = true;
    return this.#bad ? 0 : count;
  }
}

/** Same length and bytes. Not constant-time: not for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** One array with all of `parts`. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** UTF-8 of `text`. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}
