// Control messages on the wire, as the Language Server Protocol has them: `Content-Length: N`, an empty line, N bytes
// of JSON. Lengths are checked before anything is kept: neither side can make the other hold more than one frame.
import { frameBytesMax, headerBytesMax } from '../defaults.js';

const blank = Buffer.from('\r\n\r\n');

/** The message as bytes. A bug if it is too long: what has no bound is sent row by row. */
export function encodeFrame(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  if (body.length > frameBytesMax) throw new RangeError(`a control message of ${body.length} bytes`);
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
}

/** Bytes in, messages out. Throws once on what is no frame, or too long a one; the connection is then over. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Length of the body that is awaited. */
  #length: number | undefined;

  push(chunk: Uint8Array): unknown[] {
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#bytes += chunk.byteLength;
    const messages: unknown[] = [];
    for (;;) {
      this.#length ??= this.#header();
      if (this.#length === undefined || this.#bytes < this.#length) return messages;
      messages.push(JSON.parse(this.#take(this.#length).toString('utf8')));
      this.#length = undefined;
    }
  }

  #header(): number | undefined {
    const head = this.#joined();
    const end = head.subarray(0, headerBytesMax).indexOf(blank);
    if (end < 0) {
      if (head.length >= headerBytesMax) throw new RangeError('a header without an end');
      return undefined;
    }
    const text = this.#take(end + blank.length).toString('latin1');
    const match = /(?:^|\r\n)content-length: *([0-9]{1,7})\r\n/i.exec(text);
    const length = Number(match?.[1] ?? Number.NaN);
    if (!(length <= frameBytesMax)) throw new RangeError(`not a frame of ≤ ${frameBytesMax} bytes`);
    return length;
  }

  #take(count: number): Buffer {
    const all = this.#joined();
    this.#chunks = count < all.length ? [all.subarray(count)] : [];
    this.#bytes -= count;
    return all.subarray(0, count);
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }
}
