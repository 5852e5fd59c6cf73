import { readFileSync } from 'node:fs';
import {
  type Crypto,
  DOMAIN,
  type HeardRecord,
  peerIdToBytes,
  seededRandom,
  signalBytesMax,
  signRecord,
  toHex,
} from '@peernet/core';
import { createWorld, simCrypto } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { openSignal, sealSignal } from '../src/machine/sealed-signal.js';
import {
  decodeMessage,
  decodeSaid,
  encodeAnswer,
  encodeExtrema,
  encodeHello,
  encodeRecord,
  encodeReplaced,
  encodeSaid,
  encodeShuffle,
  encodeSignal,
  encodeStatement,
  encodeUnreachable,
  encodeWalk,
  sealedBytesMax,
  WIRE,
} from '../src/wire.js';

const world = createWorld({ seed: 1 });

function heardOf(name: string, ageSeconds = 3): HeardRecord {
  const record = signRecord(simCrypto(world, name), {
    seq: 5,
    ttlSeconds: 600,
    addresses: [`ws://9.8.7.6:${4000 + name.length}`],
    relays: [],
    dialable: true,
    webrtc: false,
    stun: false,
  });
  return { record, ageSeconds };
}

const self = heardOf('self');
const records = ['a', 'bb', 'ccc'].map((name) => heardOf(name));
const id = '00112233445566ff';
const entry = (slot: number, name: string, ageSeconds = 7) => ({
  slot,
  id: simCrypto(world, name).id,
  ageSeconds,
  signature: new Uint8Array(64).fill(name.length),
});

const samples: Record<string, Uint8Array> = {
  hello: encodeHello({
    purpose: 'probe',
    degree: 3,
    wallMs: 1_700_000_000_000,
    dialed: 'ws://1.2.3.4:5',
    observed: '',
    digest: new Uint8Array(8).fill(9),
    self,
  }),
  record: encodeRecord(self),
  shuffle: encodeShuffle({ answer: true, degree: 4, records }),
  extrema: encodeExtrema(7, [entry(0, 'x'), entry(63, 'x'), entry(5, 'yy')]),
  walk: encodeWalk({ id, ttl: 12, purpose: 'introduce', degree: 5, desperate: true, origin: self }),
  link: encodeAnswer({ kind: 'link', walk: id, degree: 5, records }),
  full: encodeAnswer({ kind: 'full', walk: '', degree: 128, records: [] }),
  replaced: encodeReplaced(self, records),
  alone: encodeReplaced(undefined, []),
  signal: encodeSignal({
    path: id,
    scope: 'private',
    target: self.record.id,
    sealed: new Uint8Array(20).fill(7),
  }),
  signalOn: encodeSignal({ path: id, scope: 'global', target: undefined, sealed: new Uint8Array(3).fill(8) }),
  unreachable: encodeUnreachable({ path: id, code: 'LOST' }),
};

describe('a message that no encoder writes', () => {
  const changed = (bytes: Uint8Array | undefined, at: number, value: number): Uint8Array => {
    const copy = (bytes as Uint8Array).slice();
    copy[at] = value;
    return copy;
  };
  const group = (name: string, count: number): number[] => {
    const [one] = [entry(1, name)];
    const line = [1, 0, 7];
    return [...peerIdToBytes(one.id), ...one.signature, count, ...Array(count).fill(line).flat()];
  };
  const extrema = (...groups: number[][]): Uint8Array =>
    Uint8Array.from([4, 0, 7, groups.length, ...groups.flat()]);
  const long = encodeRecord({ ...self, ageSeconds: WIRE.ageSecondsMax });

  it.each([
    ['HELLO of a fourth purpose', changed(samples.hello, 1, 3)],
    ['RECORD older than any may be', changed(long, 4, (long[4] as number) + 1)],
    ['SHUFFLE that is neither question nor answer', changed(samples.shuffle, 1, 2)],
    ['EXTREMA with an empty group', extrema(group('x', 1), group('yy', 0))],
    ['EXTREMA with 129 entries in two groups', extrema(group('x', 64), group('yy', 65))],
    ['EXTREMA of a 65th slot', changed(extrema(group('x', 1)), 101, 64)],
    ['WALK of 29 hops', changed(samples.walk, 9, 29)],
    ['WALK of a third kind', changed(samples.walk, 10, 2)],
    ['WALK that is more than desperate', changed(samples.walk, 13, 2)],
    ['WALK with the id of none', (samples.walk as Uint8Array).slice().fill(0, 1, 9)],
    ['REPLACED by two', changed(samples.alone, 1, 2)],
    ['SIGNAL of a fifth scope', changed(samples.signalOn, 9, 4)],
    ['SIGNAL to two', changed(samples.signalOn, 10, 2)],
    ['UNREACHABLE for a fifth reason', changed(samples.unreachable, 9, 4)],
    ['message of no kind', Uint8Array.of(0)],
    ['message of an eleventh kind', changed(samples.unreachable, 0, 11)],
  ])('is none: %s', (_, bytes) => {
    expect(decodeMessage(bytes)).toBeUndefined();
  });

  it('control: what is one byte away from them is one', () => {
    for (const bytes of [
      long,
      extrema(group('x', 1), group('yy', 1)),
      extrema(group('x', 64), group('yy', 64)),
      changed(extrema(group('x', 1)), 101, 63),
      changed(samples.walk, 9, 28),
    ])
      expect(decodeMessage(bytes)).toBeDefined();
  });

  it('is no signal: bytes behind it in a seal', () => {
    const [from, to] = [simCrypto(world, 'from'), simCrypto(world, 'to')];
    const statement = encodeStatement(id, to.id, {
      from: from.id,
      counter: 0,
      signal: { kind: 'offer', sdp: 'o' },
    });
    const said = encodeSaid(statement, from.sign(DOMAIN.signal, statement));
    expect(decodeSaid(said)).toBeDefined();
    expect(decodeSaid(Uint8Array.from([...said, 0]))).toBeUndefined();
  });
});

describe('every message', () => {
  it('is read as it was written', () => {
    expect(decodeMessage(samples.hello as Uint8Array)).toMatchObject({
      kind: 'hello',
      purpose: 'probe',
      degree: 3,
      wallMs: 1_700_000_000_000,
      dialed: 'ws://1.2.3.4:5',
      observed: '',
      self: { ageSeconds: 3, record: { id: self.record.id, seq: 5 } },
    });
    expect(decodeMessage(samples.record as Uint8Array)).toEqual({ kind: 'record', self });
    expect(decodeMessage(samples.shuffle as Uint8Array)).toEqual({
      kind: 'shuffle',
      answer: true,
      degree: 4,
      records,
    });
    expect(decodeMessage(samples.extrema as Uint8Array)).toEqual({
      kind: 'extrema',
      degree: 7,
      entries: [entry(0, 'x'), entry(63, 'x'), entry(5, 'yy')],
    });
    expect(decodeMessage(samples.walk as Uint8Array)).toEqual({
      kind: 'walk',
      id,
      ttl: 12,
      purpose: 'introduce',
      degree: 5,
      desperate: true,
      origin: self,
    });
    expect(decodeMessage(samples.link as Uint8Array)).toEqual({ kind: 'link', walk: id, degree: 5, records });
    expect(decodeMessage(samples.full as Uint8Array)).toEqual({
      kind: 'full',
      walk: '',
      degree: 128,
      records: [],
    });
    expect(decodeMessage(samples.replaced as Uint8Array)).toEqual({
      kind: 'replaced',
      joiner: self,
      records,
    });
    expect(decodeMessage(samples.alone as Uint8Array)).toEqual({
      kind: 'replaced',
      joiner: undefined,
      records: [],
    });
    const { id: target } = self.record;
    const sealed = new Uint8Array(20).fill(7);
    expect(decodeMessage(samples.signal as Uint8Array)).toEqual({
      kind: 'signal',
      path: id,
      scope: 'private',
      target,
      sealed,
    });
    expect(decodeMessage(samples.signalOn as Uint8Array)).toMatchObject({
      scope: 'global',
      target: undefined,
    });
    expect(decodeMessage(samples.unreachable as Uint8Array)).toEqual({
      kind: 'unreachable',
      path: id,
      code: 'LOST',
    });
  });

  it('is refused when cut short anywhere, or longer by a byte', () => {
    for (const bytes of Object.values(samples)) {
      for (let n = 0; n < bytes.length; n++) expect(decodeMessage(bytes.subarray(0, n))).toBeUndefined();
      expect(decodeMessage(new Uint8Array([...bytes, 0]))).toBeUndefined();
    }
  });

  it('keeps to its limits at the sender: misuse is a TypeError', () => {
    const six = [...records, ...records];
    expect(() => encodeShuffle({ answer: false, degree: 0, records: six })).toThrow(TypeError);
    expect(() => encodeReplaced(undefined, six)).toThrow(TypeError);
    const many = Array.from({ length: 129 }, (_, i) => entry(i % 64, `n${i}`));
    expect(() => encodeExtrema(0, many)).toThrow(TypeError);
    expect(() => encodeExtrema(0, many.slice(1))).not.toThrow();
  });

  it('keeps to its limits at the receiver: N is taken, N + 1 is not', () => {
    const five = encodeShuffle({ answer: false, degree: 0, records: [...records, ...records].slice(0, 5) });
    expect(decodeMessage(five)).toMatchObject({ kind: 'shuffle' });
    const aged = five.slice(5); // kind, answer, degree, n
    const one = aged.slice(0, aged.length / 5 + 8);
    const six = new Uint8Array([3, 0, 0, 0, 6, ...aged, ...one]);
    expect(decodeMessage(six)).toBeUndefined();
    const walk = samples.walk as Uint8Array;
    expect(decodeMessage(patched(walk, 9, WIRE.ttlMax))).toBeDefined();
    expect(decodeMessage(patched(walk, 9, WIRE.ttlMax + 1))).toBeUndefined();
    const longest = { path: id, scope: 'global', target: self.record.id } as const;
    const signal = encodeSignal({ ...longest, sealed: new Uint8Array(sealedBytesMax) });
    expect(decodeMessage(signal)).toMatchObject({ kind: 'signal' });
    expect(decodeMessage(patched(signal, 9, 4))).toBeUndefined();
    expect(decodeMessage(patched(signal, 10, 2))).toBeUndefined();
    const over = Uint8Array.of(...patched(signal, 44, (signal[44] as number) + 1), 0);
    expect(decodeMessage(patched(over, 43, signal[43] as number))).toBeUndefined();
    const unreachable = samples.unreachable as Uint8Array;
    expect(decodeMessage(patched(unreachable, 9, 3))).toBeDefined();
    expect(decodeMessage(patched(unreachable, 9, 4))).toBeUndefined();
    const extrema = encodeExtrema(0, [entry(63, 'x')]);
    expect(decodeMessage(extrema)).toBeDefined();
    expect(decodeMessage(patched(extrema, extrema.length - 3, 64))).toBeUndefined();
  });

  it('of a later version is skipped, of no version is refused', () => {
    expect(decodeMessage(new Uint8Array([200, 1, 2, 3]))).toEqual({ kind: 'unknown' });
    expect(decodeMessage(new Uint8Array([11, 1, 2, 3]))).toBeUndefined();
    expect(decodeMessage(new Uint8Array([0]))).toBeUndefined();
    expect(decodeMessage(new Uint8Array())).toBeUndefined();
  });
});

describe('what is in the seal of a signal', () => {
  const [alice, bob] = ['alice', 'bob'].map((name) => simCrypto(world, name)) as [Crypto, Crypto];
  const signal = { kind: 'offer', sdp: 'v=0 ü' } as const;

  it('is read by its receiver, with its author', () => {
    const sealed = sealSignal(alice, bob.id, { path: id, counter: 3, signal });
    expect(openSignal(bob, id, sealed)).toEqual({ from: alice.id, counter: 3, signal });
    const longest = { kind: 'candidate', candidate: 'c'.repeat(signalBytesMax) } as const;
    const long = sealSignal(alice, bob.id, { path: id, counter: 0, signal: longest });
    expect(long.length).toBe(sealedBytesMax);
    expect(openSignal(bob, id, long)?.signal).toEqual(longest);
  });

  it('means nothing to others, on another path, altered, or signed by somebody else', () => {
    const sealed = sealSignal(alice, bob.id, { path: id, counter: 3, signal });
    expect(openSignal(alice, id, sealed)).toBeUndefined();
    expect(openSignal(bob, 'ff'.repeat(8), sealed)).toBeUndefined();
    for (let at = 0; at < sealed.length; at += 5) {
      expect(openSignal(bob, id, patched(sealed, at, (sealed[at] as number) ^ 1))).toBeUndefined();
    }
    const eve = simCrypto(world, 'eve');
    const forger = { ...alice, id: alice.id, sign: eve.sign.bind(eve), seal: eve.seal.bind(eve) };
    expect(openSignal(bob, id, sealSignal(forger, bob.id, { path: id, counter: 3, signal }))).toBeUndefined();
  });
});

describe('the bytes of version 1', () => {
  it('are these, for ever', () => {
    const vectors = JSON.parse(
      readFileSync(new URL('vectors/wire-v1.json', import.meta.url), 'utf8'),
    ) as Record<string, string>;
    for (const [name, hex] of Object.entries(vectors))
      expect(toHex(samples[name] as Uint8Array), name).toBe(hex);
    expect(Object.keys(vectors).sort()).toEqual(Object.keys(samples).sort());
  });
});

describe('decoders', () => {
  /** Mutates samples; returns how many were still messages. Whatever `decode` throws comes out. */
  function fuzz(decode: (bytes: Uint8Array) => unknown, rounds: number): number {
    const random = seededRandom(4242);
    const pool = Object.values(samples);
    let taken = 0;
    for (let i = 0; i < rounds; i++) {
      const bytes = (pool[random.uint32() % pool.length] as Uint8Array).slice();
      for (let k = random.uint32() % 4; k >= 0; k--) bytes[random.uint32() % bytes.length] = random.uint32();
      const cut = random.uint32() % 4 === 0 ? random.uint32() % bytes.length : bytes.length;
      if (decode(bytes.subarray(0, cut)) !== undefined) taken++;
    }
    return taken;
  }

  it('never throw, whatever comes', () => {
    expect(fuzz(decodeMessage, 60_000)).toBeGreaterThan(1_000);
  });

  it('control: one that reads without looking how much there is, is caught by the same fuzz', () => {
    const naive = (bytes: Uint8Array): unknown => {
      if (bytes[0] !== 3) return decodeMessage(bytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return [view.getUint16(2), view.getUint8(4), view.getUint32(5)];
    };
    expect(() => fuzz(naive, 60_000)).toThrow(RangeError);
  });
});

function patched(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}
