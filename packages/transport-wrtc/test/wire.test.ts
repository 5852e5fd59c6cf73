// STUN's bytes: the vectors of RFC 5769, what is refused, and damage of every kind.
import { crc32 } from 'node:zlib';
import { parseIp, seededRandom } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { stunBytesMax } from '../src/defaults.js';
import { decodeBindingRequest, encodeBindingError, encodeBindingSuccess } from '../src/wire.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const transaction = 'b7e7a701bc34d686fa87dfae';
/** RFC 5769 §2.1. */
const sample = hex(`00010058 2112a442 ${transaction}
  80220010 5354554e207465737420636c69656e74  00240004 6e0001ff  80290008 932ff9b151263b36
  00060009 6576746a3a68367659202020  00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2  80280004 e57a3bcf`);
/** RFC 5769 §2.2 and §2.3: of their answers, what a server without credentials sends. */
const mapped = [
  { ip: '192.0.2.1', port: 32_853, value: '00200008 0001a147e112a643' },
  {
    ip: '2001:db8:1234:5678:11:2233:4455:6677',
    port: 32_853,
    value: '00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9',
  },
];

/** A request with attributes. */
function request(...attributes: string[]): Uint8Array {
  const body = hex(attributes.join(''));
  const length = body.length.toString(16).padStart(4, '0');
  return Uint8Array.from([...hex(`0001${length}2112a442${transaction}`), ...body]);
}

describe('RFC 5769', () => {
  test('the sample request is read: its fingerprint is right, and ICE is not ours', () => {
    const read = decodeBindingRequest(sample);
    expect(read && toHex(read.transaction)).toBe(transaction);
    expect(read).toMatchObject({ fingerprint: true, unknown: [0x0024] });
  });

  test('its fingerprint is of every byte; control: without one, other bits may be anything', () => {
    let bare = 0;
    for (let at = 8; at < sample.length; at++) {
      const damaged = sample.slice();
      damaged[at] = (damaged[at] as number) ^ 1;
      const read = decodeBindingRequest(damaged);
      // The attribute that was FINGERPRINT is another one then: nothing claims to be a checksum.
      const renamed = at >= sample.length - 8 && at < sample.length - 6;
      if (!renamed) expect(read, `byte ${at}`).toBeUndefined();
      else bare++;
    }
    expect(bare).toBe(2);
  });

  test.each(mapped)('an address is written as there: $ip', ({ ip, port, value }) => {
    const parsed = parseIp(ip);
    const read = decodeBindingRequest(request());
    if (parsed === undefined || read === undefined) throw new Error('not read');
    const written = toHex(encodeBindingSuccess(read, parsed, port));
    const length = (value.replace(/\s/g, '').length / 2).toString(16).padStart(4, '0');
    expect(written).toBe(`0101${length}2112a442${transaction}${value.replace(/\s/g, '')}`);
  });

  test('an answer to a request with a fingerprint has one, over everything before it', () => {
    const read = decodeBindingRequest(sample);
    const ip = parseIp('192.0.2.1');
    if (read === undefined || ip === undefined) throw new Error('not read');
    for (const answer of [encodeBindingSuccess(read, ip, 1), encodeBindingError(read)]) {
      const view = new DataView(answer.buffer, answer.byteOffset);
      expect(view.getUint16(2)).toBe(answer.length - 20);
      expect(view.getUint32(answer.length - 8)).toBe(0x8028_0004);
      const checksum = (crc32(answer.subarray(0, -8)) ^ 0x5354_554e) >>> 0;
      expect(view.getUint32(answer.length - 4)).toBe(checksum);
    }
  });
});

describe('requests', () => {
  const empty = request();
  const cases: [string, Uint8Array, boolean][] = [
    ['an empty one', empty, true],
    ['SOFTWARE, padded with anything', request('80220003 616263ff'), true],
    ['a credential', request('00060001 61000000'), true],
    ['an attribute of 0 bytes', request('80220000'), true],
    ['of 19 bytes', empty.subarray(0, 19), false],
    ['of no bytes', new Uint8Array(0), false],
    ['with a byte too much', Uint8Array.from([...empty, 0]), false],
    ['a length that is no multiple of 4', hex(`000100022112a442${transaction}0000`), false],
    ['a length that lies', hex(`000100082112a442${transaction}80220000`), false],
    ['an indication', hex(`001100002112a442${transaction}`), false],
    ['a success', hex(`010100002112a442${transaction}`), false],
    ['an error', hex(`011100002112a442${transaction}`), false],
    ['an allocation (TURN)', hex(`000300002112a442${transaction}`), false],
    ['the first bits not zero (RTP, channel data)', hex(`800100002112a442${transaction}`), false],
    ['without the cookie (RFC 3489)', hex(`000100002112a443${transaction}`), false],
    ['an attribute that is longer than the message', request('80220009 6162636465666768'), false],
    ['a padding that is missing', hex(`000100042112a442${transaction}80220001`), false],
    ['FINGERPRINT wrong', request('80280004 00000000'), false],
    ['FINGERPRINT of 3 bytes', request('80280003 00000000'), false],
    ['17 attributes', request(...Array(17).fill('80220000')), false],
    ['16 attributes', request(...Array(16).fill('80220000')), true],
    [
      'the longest',
      request(`8022${(stunBytesMax - 24).toString(16).padStart(4, '0')}`, '00'.repeat(stunBytesMax - 24)),
      true,
    ],
    [
      'longer',
      request(`8022${(stunBytesMax - 20).toString(16).padStart(4, '0')}`, '00'.repeat(stunBytesMax - 20)),
      false,
    ],
  ];
  test.each(cases)('%s', (_name, bytes, taken) => {
    expect(decodeBindingRequest(bytes) !== undefined).toBe(taken);
  });

  test('FINGERPRINT is the last attribute, or the request is none', () => {
    const fingerprint = toHex(sample.subarray(-8));
    const more = Uint8Array.from([...sample, ...hex('80220000')]);
    more[3] = 0x5c;
    expect(fingerprint).toBe('80280004e57a3bcf');
    expect(decodeBindingRequest(more)).toBeUndefined();
    // Also one that is right for what stands before it.
    const right = (length: string, behind: string): Uint8Array => {
      const head = hex(`0001${length}2112a442${transaction}`);
      const sum = (crc32(head) ^ 0x5354_554e) >>> 0;
      return Uint8Array.from([...head, ...hex(`80280004${sum.toString(16).padStart(8, '0')}${behind}`)]);
    };
    expect(decodeBindingRequest(right('0008', ''))).toBeDefined(); // the control
    expect(decodeBindingRequest(right('000c', '80220000'))).toBeUndefined();
  });

  test('what is not understood is named once each', () => {
    const read = decodeBindingRequest(request('00240000', '00030000', '00240000', '80290000'));
    expect(read?.unknown).toEqual([0x0024, 0x0003]);
    const error = read && encodeBindingError(read);
    expect(error && toHex(error)).toBe(
      `011100102112a442${transaction}${'00090004'}${'00000414'}${'000a0004'}${'00240003'}`,
    );
  });
});

test('no answer is larger than twice its request, or than 44 bytes', () => {
  const random = seededRandom(7);
  let answers = 0;
  let largest = 0;
  for (let i = 0; i < 40_000; i++) {
    const count = random.uint32() % 8;
    const attributes = Array.from({ length: count }, () => {
      const type = (random.uint32() % 0x90).toString(16).padStart(4, '0');
      const size = random.uint32() % 9;
      return `${type}${size.toString(16).padStart(4, '0')}${'00'.repeat(size + ((4 - (size % 4)) % 4))}`;
    });
    const bytes = request(...attributes);
    const damage = random.uint32() % 4;
    for (let d = 0; d < damage; d++) bytes[random.uint32() % bytes.length] = random.uint32() & 255;
    const read = decodeBindingRequest(bytes.subarray(0, i % 5 === 0 ? random.uint32() % 64 : undefined));
    if (read === undefined) continue;
    answers++;
    const ip = parseIp(i % 2 === 0 ? '9.9.9.9' : '2600::1');
    if (ip === undefined) throw new Error('no ip');
    const answer = read.unknown.length > 0 ? encodeBindingError(read) : encodeBindingSuccess(read, ip, 5000);
    expect(answer.length % 4).toBe(0);
    expect(answer.length).toBeLessThanOrEqual(Math.max(44, 2 * bytes.length));
    largest = Math.max(largest, answer.length / bytes.length);
  }
  expect(answers).toBeGreaterThan(8_000);
  expect(largest).toBeLessThanOrEqual(2.2);
});
