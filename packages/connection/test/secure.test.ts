import {
  below,
  concatBytes,
  type DuplexLike,
  isPeernetError,
  type PeernetError,
  seededRandom,
  utf8,
} from '@peernet/core';
import { describe, expect, test, vi } from 'vitest';
import { createCrypto, duplexPair, type SecureOptions, SessionTable, secure } from '../src/index.js';
import { primitives as browser } from '../src/primitives.browser.js';
import { alice, bob, connected, echo, HandClock, HandDuplex, pairs, turn, until } from './shells.js';

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'connected',
    (error: unknown) => (isPeernetError(error) ? error.code : String(error)),
  );

describe.each(Object.entries(pairs))('over %s', (_, pair) => {
  test('both sides know each other, and nobody else knows the hash', async () => {
    const [a, b] = await connected(await pair(), { scope: 'private', remoteAddress: 'tcp://10.0.0.1:1' });
    expect([a.peer, b.peer]).toEqual([bob.id, alice.id]);
    expect([a.initiator, b.initiator]).toEqual([true, false]);
    expect([a.scope, b.scope]).toEqual(['private', 'global']);
    expect(a.remoteAddress).toBe('tcp://10.0.0.1:1');
    expect(a.handshakeHash).toEqual(b.handshakeHash);
    expect(a.session).toBe(Buffer.from(bob.staticKey.publicKey).toString('hex'));
    expect([a.idle, a.closing]).toEqual([true, false]);
    expect(a.bytesOut).toBe(b.bytesIn);
    a.close('USER');
    expect(a.closing).toBe(true);
    expect(await Promise.all([a.closed, b.closed])).toEqual(['USER', 'USER']);
  });

  test('a megabyte comes back as it went', async () => {
    const [a] = await connected(await pair(), {}, { onOpen: echo });
    const random = seededRandom(1);
    const bytes = Uint8Array.from({ length: 1_000_000 }, () => random.uint32());
    const stream = a.open('app/echo');
    const got: Uint8Array[] = [];
    stream.on('data', (chunk) => got.push(chunk as Uint8Array));
    const ended = new Promise<void>((resolve) => stream.on('end', () => resolve()));
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + below(random, 200_000);
      stream.write(bytes.subarray(at, at + size));
      at += size;
    }
    stream.end();
    await ended;
    expect(Buffer.compare(concatBytes(...got), bytes)).toBe(0);
    await until(() => a.idle);
    a.close('DONE');
    await a.closed;
  });

  test('the other end breaks: LOST', async () => {
    const [left, right] = await pair();
    const [a] = await connected([left, right]);
    (right as DuplexLike).destroy();
    expect(await a.closed).toBe('LOST');
  });
});

describe('refusals', () => {
  const pairOf = (left: Partial<SecureOptions>, right: Partial<SecureOptions>): Promise<[string, string]> => {
    const [x, y] = duplexPair();
    return Promise.all([
      codeOf(secure(x, { crypto: alice, ...left })),
      codeOf(secure(y, { crypto: bob, ...right })),
    ]);
  };

  test('each has its code, and the other side is let go', async () => {
    const stranger = createCrypto().id;
    const initiator = { role: 'initiator' as const };
    for (const role of ['initiator', 'responder'] as const) {
      // Whoever sees it first lets go; the other one may not have read the hello yet.
      const codes = await pairOf({ role }, { role });
      expect(codes).toContain('HANDSHAKE_FAILED');
      for (const code of codes) expect(['HANDSHAKE_FAILED', 'LOST']).toContain(code);
    }
    expect(await pairOf({ ...initiator, expect: stranger }, {})).toEqual(['WRONG_PEER', 'LOST']);
    expect(await pairOf({ ...initiator, expect: bob.id }, {})).toEqual(['connected', 'connected']);
    expect(await pairOf({ ...initiator, network: 'a' }, { network: 'b' })).toEqual([
      'HANDSHAKE_FAILED',
      'LOST',
    ]);
    expect(await pairOf({ ...initiator, crypto: bob }, {})).toEqual(['SELF', 'LOST']);
    expect(await pairOf({ network: 'a' }, { network: 'a' })).toEqual(['connected', 'connected']);
  });

  test('whoever is refused by the responder after its own handshake is done hears LOST', async () => {
    const [x, y] = duplexPair();
    const connection = secure(x, { crypto: alice, role: 'initiator' });
    const refused = secure(y, { crypto: bob, role: 'responder', expect: createCrypto().id });
    expect(await codeOf(refused)).toBe('WRONG_PEER');
    expect(await (await connection).closed).toBe('LOST');
  });

  test('a table of boot seqs is shared where it is given, and belongs to the crypto where not', async () => {
    const { seed } = createCrypto();
    const meet = (bootSeq: number, right: Partial<SecureOptions>): Promise<[string, string]> =>
      pairOf({ crypto: createCrypto({ seed, bootSeq }), role: 'initiator' }, { role: 'responder', ...right });
    const sessions = new SessionTable();
    expect((await meet(10, { sessions }))[1]).toBe('connected');
    expect((await meet(9, { sessions }))[1]).toBe('STALE_PEER');
    expect((await meet(9, {}))[1]).toBe('connected');
    expect((await meet(8, {}))[1]).toBe('STALE_PEER');
    expect((await meet(8, { sessions: new SessionTable() }))[1]).toBe('connected');
    const { id } = createCrypto();
    for (const bootSeq of [5, 3, 7, 6]) sessions.raise(id, bootSeq);
    expect(sessions.get(id)).toBe(7);
  });

  test('an echo, an HTTP server, and text', async () => {
    const mirror = new HandDuplex();
    const mirrored = codeOf(secure(mirror.asDuplex, { crypto: alice }));
    mirror.emit('data', mirror.output[0]);
    expect(await mirrored).toBe('MIRROR');
    expect(mirror.destroyed).toBe(true);

    const server = new HandDuplex();
    const refused = codeOf(secure(server.asDuplex, { crypto: alice }));
    server.emit('data', utf8('HTTP/1.1 400 Bad Request\r\n'));
    expect(await refused).toBe('NOT_PEERNET');

    const text = new HandDuplex();
    const lost = codeOf(secure(text.asDuplex, { crypto: alice }));
    text.emit('data', 'pn/1');
    expect(await lost).toBe('LOST');
    expect(text.destroyed).toBe(true);
  });

  test.each([
    ['error', new Error('boom')],
    ['end', undefined],
    ['close', undefined],
  ])('the duplex tells %s: LOST', async (event, argument) => {
    const hand = new HandDuplex();
    const connecting = secure(hand.asDuplex, { crypto: alice });
    hand.emit(event, argument);
    const error = (await connecting.catch((e: unknown) => e)) as PeernetError;
    expect(error.code).toBe('LOST');
    expect(error.cause).toBe(argument);
    hand.emit('error', new Error('again'));
  });

  test('a duplex that is dead, or whose write throws', async () => {
    const dead = new HandDuplex();
    dead.destroyed = true;
    expect(await codeOf(secure(dead.asDuplex, { crypto: alice }))).toBe('LOST');
    const throwing = new HandDuplex();
    throwing.write = () => {
      throw new Error('write after end');
    };
    expect(await codeOf(secure(throwing.asDuplex, { crypto: alice }))).toBe('LOST');
  });

  test('the caller gives up', async () => {
    const abort = new AbortController();
    const hand = new HandDuplex();
    const connecting = codeOf(secure(hand.asDuplex, { crypto: alice, signal: abort.signal }));
    abort.abort();
    expect(await connecting).toBe('ABORTED');
    expect(hand.destroyed).toBe(true);
    expect(await codeOf(secure(new HandDuplex().asDuplex, { crypto: alice, signal: abort.signal }))).toBe(
      'ABORTED',
    );
  });

  test('silence: HANDSHAKE_TIMEOUT after 5 s, slowness after 10 s; no alarm is left', async () => {
    const clock = new HandClock();
    const silent = new HandDuplex();
    const first = codeOf(secure(silent.asDuplex, { crypto: alice, clock }));
    await clock.advance(4_999);
    expect(silent.destroyed).toBe(false);
    await clock.advance(1);
    expect(await first).toBe('HANDSHAKE_TIMEOUT');
    expect(silent.destroyed).toBe(true);
    const slow = new HandDuplex();
    const second = codeOf(secure(slow.asDuplex, { crypto: alice, clock }));
    for (const byte of utf8('pn/1\0 and so on, a byte each')) {
      slow.emit('data', Uint8Array.of(byte));
      await clock.advance(500);
      if (slow.destroyed) break;
    }
    expect(await second).toBe('HANDSHAKE_TIMEOUT');
    expect(clock.pending).toBe(0);
  });
});

test('both platforms speak with each other', async () => {
  const page = createCrypto({ primitives: browser });
  const [x, y] = duplexPair();
  const [a, b] = await Promise.all([secure(x, { crypto: page }), secure(y, { crypto: bob, onOpen: echo })]);
  expect([a.peer, b.peer]).toEqual([bob.id, page.id]);
  const stream = a.open('s');
  const back = new Promise((resolve) => stream.on('data', resolve));
  stream.write('hello');
  expect(String(await back)).toBe('hello');
  a.close('DONE');
  await b.closed;
});

test('limits that cannot work are a TypeError at once', () => {
  for (const recordBytesMax of [16_000, 65_538, Number.NaN]) {
    expect(() => secure(new HandDuplex().asDuplex, { crypto: alice, limits: { recordBytesMax } })).toThrow(
      TypeError,
    );
  }
});

test('no rejection stays unhandled', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  const [x, y] = duplexPair();
  const [a] = await connected([x, y]);
  a.open('nothing').write('x');
  y.destroy();
  await a.closed;
  await turn();
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
