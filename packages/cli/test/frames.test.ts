import { describe, expect, it } from 'vitest';
import { frameBytesMax, headerBytesMax } from '../src/defaults.js';
import { encodeFrame, FrameDecoder } from '../src/rpc/frames.js';

/** A frame whose body is exactly `bytes` long. */
function frameOf(bytes: number): Buffer {
  return encodeFrame('x'.repeat(bytes - 2));
}

describe('frames', () => {
  it('come out whole, however they are cut', () => {
    const messages = [{ a: 'ü👋' }, [], { b: 'x'.repeat(300) }, null, 1];
    const wire = Buffer.concat(messages.map(encodeFrame));
    for (let size = 1; size <= wire.length; size += 3) {
      const decoder = new FrameDecoder();
      const out: unknown[] = [];
      for (let at = 0; at < wire.length; at += size) out.push(...decoder.push(wire.subarray(at, at + size)));
      expect(out).toEqual(messages);
    }
  });

  it('of the greatest length pass, one byte more does not', () => {
    expect(new FrameDecoder().push(frameOf(frameBytesMax)).length).toBe(1);
    expect(() => frameOf(frameBytesMax + 1)).toThrow(RangeError);
    const header = (length: unknown): Buffer => Buffer.from(`Content-Length: ${length}\r\n\r\n`);
    expect(new FrameDecoder().push(header(frameBytesMax))).toEqual([]);
    expect(() => new FrameDecoder().push(header(frameBytesMax + 1))).toThrow(RangeError);
  });

  it.each(['999999999', '-1', '1e3', '0x10', '', 'NaN'])('a length of %j is refused', (length) => {
    expect(() => new FrameDecoder().push(Buffer.from(`Content-Length: ${length}\r\n\r\n{}`))).toThrow();
  });

  it('headers have an end', () => {
    const fill = (count: number): Buffer => Buffer.from('x'.repeat(count));
    expect(new FrameDecoder().push(fill(headerBytesMax - 1))).toEqual([]);
    expect(() => new FrameDecoder().push(fill(headerBytesMax))).toThrow(RangeError);
    expect(() => new FrameDecoder().push(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))).toThrow(
      RangeError,
    );
  });

  it('take other headers of the protocol, and any case', () => {
    const body = '{"a":1}';
    const wire = `content-type: x; charset=utf-8\r\nCONTENT-LENGTH: ${body.length}\r\n\r\n${body}`;
    expect(new FrameDecoder().push(Buffer.from(wire))).toEqual([{ a: 1 }]);
  });

  it('what is no JSON is refused', () => {
    expect(() => new FrameDecoder().push(Buffer.from('Content-Length: 3\r\n\r\n{a}'))).toThrow(SyntaxError);
  });
});
