import { readFileSync } from 'node:fs';
import { blake2b } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { concatBytes, fromHex, toHex, utf8 } from '@peernet/core';
import NoiseState from 'noise-handshake';
import { describe, expect, test } from 'vitest';
import { NoiseXX } from '../src/machine/noise.js';
import type { KeyPair, NoisePrimitives } from '../src/machine/primitives.js';
import { primitives as browser } from '../src/primitives.browser.js';
import { primitives as node } from '../src/primitives.node.js';

interface Vector {
  source: string;
  init_prologue: string;
  init_static: string;
  init_ephemeral: string;
  resp_prologue: string;
  resp_static: string;
  resp_ephemeral: string;
  handshake_hash?: string;
  messages: [payload: string, ciphertext: string][];
}

const { vectors } = JSON.parse(readFileSync(new URL('vectors/noise.json', import.meta.url), 'utf8')) as {
  vectors: Vector[];
};
const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;

function sides(p: NoisePrimitives, vector: Vector): [NoiseXX, NoiseXX] {
  const side = (initiator: boolean): NoiseXX =>
    new NoiseXX({
      primitives: p,
      initiator,
      staticKey: p.keyPair(hex(initiator ? vector.init_static : vector.resp_static)),
      ephemeralKey: p.keyPair(hex(initiator ? vector.init_ephemeral : vector.resp_ephemeral)),
      prologue: hex(initiator ? vector.init_prologue : vector.resp_prologue),
    });
  return [side(true), side(false)];
}

describe.each([
  ['node', node],
  ['browser', browser],
])('vectors of others, %s primitives', (_, p) => {
  test.each(vectors.map((vector) => [vector.source, vector] as const))('%s', (_source, vector) => {
    const [alice, bob] = sides(p, vector);
    const written: Uint8Array[] = [];
    const take = (at: number): Uint8Array => hex(vector.messages[at]?.[0] as string);
    const say = (message: Uint8Array | undefined): Uint8Array => {
      written.push(message as Uint8Array);
      return message as Uint8Array;
    };
    expect(bob.read1(say(alice.write1(take(0))))).toEqual(take(0));
    expect(alice.read2(say(bob.write2(take(1))))).toEqual(take(1));
    expect(bob.read3(say(alice.write3(take(2))))).toEqual(take(2));
    expect(alice.hash).toEqual(bob.hash);
    if (vector.handshake_hash !== undefined) expect(toHex(alice.hash)).toBe(vector.handshake_hash);
    expect(alice.remoteStatic).toEqual(p.keyPair(hex(vector.resp_static)).publicKey);
    expect(bob.remoteStatic).toEqual(p.keyPair(hex(vector.init_static)).publicKey);
    const [a, b] = [alice.split(), bob.split()];
    for (let i = 3; i < vector.messages.length; i++) {
      const [from, to] = i % 2 === 0 ? [a, b] : [b, a];
      expect(to.receive.open(say(from.send.seal(take(i))))).toEqual(take(i));
    }
    expect(written.map(toHex)).toEqual(vector.messages.map(([, ciphertext]) => ciphertext));
  });
});

describe('what another implementation says', () => {
  // noise-handshake knows BLAKE2b only; everything but the hash is what we speak.
  const p: NoisePrimitives = {
    ...node,
    hashName: 'BLAKE2b',
    hashBytes: 64,
    hash: (bytes) => blake2b(bytes),
    hmac: (key, bytes) => hmac(blake2b, key, bytes),
  };

  test.each([true, false])('we speak to noise-handshake, we begin: %s', (weBegin) => {
    const prologue = utf8('a prologue');
    const ours: KeyPair = p.keyPair();
    const we = new NoiseXX({
      primitives: p,
      initiator: weBegin,
      staticKey: ours,
      ephemeralKey: p.keyPair(),
      prologue,
    });
    const they = new NoiseState('XX', !weBegin);
    they.initialise(Buffer.from(prologue));
    const plain = (bytes: Uint8Array | undefined): Uint8Array => new Uint8Array(bytes as Uint8Array);
    if (weBegin) {
      expect(plain(they.recv(Buffer.from(we.write1(utf8('one')))))).toEqual(utf8('one'));
      expect(we.read2(plain(they.send(Buffer.from('two'))))).toEqual(utf8('two'));
      expect(plain(they.recv(Buffer.from(we.write3(utf8('three')) as Uint8Array)))).toEqual(utf8('three'));
    } else {
      expect(we.read1(plain(they.send(Buffer.from('one'))))).toEqual(utf8('one'));
      expect(plain(they.recv(Buffer.from(we.write2(utf8('two')) as Uint8Array)))).toEqual(utf8('two'));
      expect(we.read3(plain(they.send(Buffer.from('three'))))).toEqual(utf8('three'));
    }
    expect(plain(they.rs as Uint8Array)).toEqual(ours.publicKey);
    expect(plain(they.hash as Uint8Array)).toEqual(plain(we.hash));
    // Their `tx` is what we receive with: the keys of both directions agree.
    const { send, receive } = we.split();
    const aead = (key: Uint8Array | null): ReturnType<NoisePrimitives['aead']> =>
      p.aead(plain(key as Uint8Array).subarray(0, 32));
    const none = new Uint8Array(0);
    expect(receive.open(aead(they.tx).seal(0, none, utf8('hello')))).toEqual(utf8('hello'));
    expect(aead(they.rx).open(0, none, send.seal(utf8('hello back')))).toEqual(utf8('hello back'));
  });
});

describe('refusals', () => {
  const vector = vectors[0] as Vector;

  test('another prologue fails at message 2', () => {
    const [alice, bob] = sides(node, { ...vector, resp_prologue: '00' });
    bob.read1(alice.write1());
    expect(alice.read2(bob.write2() as Uint8Array)).toBeUndefined();
  });

  const bend = (message: Uint8Array, at: number): Uint8Array => {
    const bent = message.slice();
    bent[at] = (bent[at] as number) ^ 1;
    return bent;
  };

  test('every changed byte of message 2 is found', () => {
    const accepts = (change: (message: Uint8Array) => Uint8Array): boolean => {
      const [alice, bob] = sides(node, vector);
      bob.read1(alice.write1());
      return alice.read2(change(bob.write2(utf8('payload')) as Uint8Array)) !== undefined;
    };
    expect(accepts((message) => message)).toBe(true);
    for (let at = 0; at < 32 + 48 + 7 + 16; at++)
      expect(
        accepts((m) => bend(m, at)),
        `byte ${at}`,
      ).toBe(false);
  });

  test('every changed byte of message 3 is found', () => {
    const accepts = (change: (message: Uint8Array) => Uint8Array): boolean => {
      const [alice, bob] = sides(node, vector);
      bob.read1(alice.write1());
      alice.read2(bob.write2() as Uint8Array);
      return bob.read3(change(alice.write3(utf8('payload')) as Uint8Array)) !== undefined;
    };
    expect(accepts((message) => message)).toBe(true);
    for (let at = 0; at < 48 + 7 + 16; at++)
      expect(
        accepts((m) => bend(m, at)),
        `byte ${at}`,
      ).toBe(false);
  });

  test('keys of small order give no connection', () => {
    const zero = new Uint8Array(32);
    for (const p of [node, browser]) {
      const [, bob] = sides(p, vector);
      bob.read1(zero);
      expect(bob.write2()).toBeUndefined();
      const [alice] = sides(p, vector);
      alice.write1();
      expect(alice.read2(concatBytes(zero, new Uint8Array(96)))).toBeUndefined();
    }
  });

  test('short messages', () => {
    const [alice, bob] = sides(node, vector);
    expect(bob.read1(new Uint8Array(31))).toBeUndefined();
    alice.write1();
    expect(alice.read2(new Uint8Array(95))).toBeUndefined();
    expect(bob.read3(new Uint8Array(63))).toBeUndefined();
  });

  test('a cipher opens records once and in order', () => {
    const [alice, bob] = sides(node, vector);
    bob.read1(alice.write1());
    alice.read2(bob.write2() as Uint8Array);
    bob.read3(alice.write3() as Uint8Array);
    const { send } = alice.split();
    const { receive } = bob.split();
    const [one, two] = [send.seal(utf8('1')), send.seal(utf8('2'))];
    expect(receive.open(two)).toBeUndefined();
    expect(receive.open(one)).toEqual(utf8('1'));
    expect(receive.open(one)).toBeUndefined();
    expect(receive.open(two)).toEqual(utf8('2'));
  });
});
