// Every input that crashed, stalled, poisoned or blew up the peernet of 2015 (its figures: 8 of 25 kinds crash it),
// by name, against a node of today. After each the process lives, an honest neighbour is still connected and is
// served, and nothing unhandled has reached the event loop.
import { randomBytes } from 'node:crypto';
import { randomBytes as bytesFrom, signRecord, systemRandom, Writer } from '@peernet/core';
import { leakCheck } from '@peernet/testkit';
import { Peernet } from 'peernet';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { encodeHello, encodeShuffle } from '../../../packages/gossip/src/wire.js';
import { encodeSearch } from '../../../packages/search/src/wire.js';
import { frame, type RawPeer, rawPeer, rawSocket, upgradedSocket } from '../src/raw-peer.js';
import { until } from '../src/until.js';

const settled = leakCheck();
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
const limits = { localPerSecond: 10_000, localBurst: 10_000, acceptPerSecond: 10_000, acceptBurst: 10_000 };
let victim: Peernet;
let honest: Peernet;
let address: string;

beforeAll(async () => {
  process.on('unhandledRejection', note).on('uncaughtException', note);
  victim = new Peernet(undefined, { bootstrap: false, limits });
  honest = new Peernet(undefined, { bootstrap: false });
  address = (await victim.listen('ws', { host: '127.0.0.1' })).address;
  await honest.connect(address);
  victim.handle('echo', (stream) => void stream.pipe(stream));
  await victim.join('here');
}, 20_000);

afterAll(async () => {
  await Promise.all([victim.close(), honest.close()]);
  process.off('unhandledRejection', note).off('uncaughtException', note);
  await settled();
});

/** The honest neighbour: still connected, its stream is echoed, its search is answered. */
afterEach(async () => {
  expect(honest.connections()).toEqual([address]);
  const stream = honest.open(victim.id, 'echo');
  const echoed = new Promise<string>((resolve, reject) => {
    stream.on('data', (data: Uint8Array) => resolve(Buffer.from(data).toString()));
    stream.on('error', reject);
  });
  stream.write(Buffer.from('still here'));
  expect(await echoed).toBe('still here');
  stream.destroy();
  expect((await honest.find('here')).id).toBe(victim.id);
  expect(unhandled).toEqual([]);
});

async function knownAddresses(): Promise<string[]> {
  const rows: string[] = [];
  for await (const row of victim.known()) rows.push(row.address);
  return rows;
}

/** A message on the gossip channel of a fresh peer; resolves when the victim has closed it or read it. */
async function afterHandshake(send: (peer: RawPeer) => void, closes: boolean): Promise<void> {
  const peer = await rawPeer(address);
  send(peer);
  if (closes) await peer.connection.closed;
  else {
    await until(
      () => peer.connection.rtt !== undefined,
      10_000,
      () => 'no answer to our ping',
    );
    peer.connection.close('DONE');
    await peer.connection.closed;
  }
}

describe('before the handshake', () => {
  test('raw TCP garbage', async () => {
    const socket = await rawSocket(address);
    socket.write(randomBytes(1_000));
    await new Promise((done) => socket.on('close', done).resume());
  });

  test('200 connections that are reset at once', async () => {
    for (let i = 0; i < 200; i++) (await rawSocket(address)).resetAndDestroy();
  }, 20_000);

  test.each([
    ['random bytes in a ws frame', randomBytes(64)],
    ['200 bytes of 0xff', Buffer.alloc(200, 0xff)],
    ['the right prefix and rubbish', Buffer.concat([Buffer.from('pn/1'), randomBytes(200)])],
    [
      'a fair hello and a record that is never sent',
      Buffer.concat([Buffer.from('pn/1\u0001'), randomBytes(16), Buffer.from([0xff, 0xff])]),
    ],
  ])('%s', async (_, bytes) => {
    const socket = new WebSocket(address);
    socket.on('error', () => {});
    await new Promise((done) => socket.on('open', done));
    socket.send(bytes);
    const gone = new Promise((done) => socket.on('close', done));
    setTimeout(() => socket.terminate(), 2_000).unref();
    await gone;
  });

  test.each([
    ['a text frame', frame(0x81, Buffer.from('hello'))],
    ['a reserved opcode', frame(0x83, Buffer.from('x'))],
    ['reserved bits', frame(0xf2, Buffer.from('x'))],
    ['a frame of 2^40 bytes announced', Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    [
      'a frame of 2^31 - 1 bytes announced',
      Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
    ],
  ])('ws: %s is closed', async (_, bytes) => {
    const socket = await upgradedSocket(address);
    const gone = new Promise((done) => socket.on('close', done));
    socket.resume().write(bytes);
    await gone;
  });
});

describe('after the handshake', () => {
  test('an unknown message is a broken protocol', () =>
    afterHandshake(({ gossip }) => gossip.send(Buffer.alloc(50, 0xee), 'control'), true));

  test('an empty message', () =>
    afterHandshake(({ gossip }) => gossip.send(new Uint8Array(0), 'control'), true));

  test('1 000 random messages', () =>
    afterHandshake(({ gossip }) => {
      for (let i = 0; i < 1_000; i++) gossip.send(randomBytes(i % 300), 'control');
    }, true));

  test(
    'channels that nobody serves are rejected, the connection lives',
    () =>
      afterHandshake(({ connection }) => {
        for (const name of ['close', 'app/none', '../etc', 'constructor', '__proto__']) connection.link(name);
      }, false),
    20_000,
  );

  test(
    'answers that nobody asked for',
    () =>
      afterHandshake(({ connection }) => {
        const search = connection.link('peernet/search/1');
        for (const type of [1, 2, 3, 4, 255])
          search.send(Buffer.concat([Buffer.from([type]), randomBytes(60)]), 'rows');
      }, false).catch(() => {}),
    20_000,
  );
});

describe('floods', () => {
  test('20 000 records in one answer are a broken protocol', () =>
    afterHandshake(({ gossip }) => {
      const answer = new Writer().u8(3).u8(1).u16(1).varint(20_000);
      for (let i = 0; i < 15_000; i++) answer.u8(1);
      gossip.send(answer.finish(), 'shuffle');
    }, true));

  test('20 000 different searches: whoever is there is served on, and nothing is kept for ever', async () => {
    const { connection } = await rawPeer(address);
    const search = connection.link('peernet/search/1');
    search.open({ onMessage() {}, onDrain() {}, onClose() {} });
    for (let i = 0; i < 20_000 && !connection.closing; i++) {
      const message = { budget: 65_535, hops: 0, want: 32, known: [], payload: new Uint8Array(256) };
      const [searchId, subnet] = [bytesFrom(systemRandom, 16), bytesFrom(systemRandom, 32)];
      search.send(encodeSearch({ ...message, searchId, subnet }), 'search');
      if (i % 100 === 0) await new Promise((done) => setImmediate(done));
    }
    connection.close('DONE');
    await connection.closed;
    // Tables of the search: far fewer than what was sent (the buckets let some 400 a second and a burst through).
    const { queries, casts, searches } = victim.snapshot().search as Record<string, number>;
    for (const held of [queries, casts, searches]) expect(held).toBeLessThan(5_000);
  }, 30_000);

  test('a message of 8 MB cannot even be announced', async () => {
    const { connection } = await rawPeer(address);
    expect(() => connection.link('peernet/search/1').send(new Uint8Array(8_000_000), 'search')).toThrow(
      TypeError,
    );
    connection.close('DONE');
    await connection.closed;
  });
});

describe('addresses from strangers', () => {
  test.each(['foo://x', 'http://127.0.0.1:1/admin', '---', 'ws://169.254.169.254:80', 'ws://0x7f.1:4000'])(
    'a record that names %s is not stored, dialed or told',
    async (evil) => {
      const { crypto, gossip, connection } = await rawPeer(address);
      const record = signRecord(crypto, {
        seq: Date.now(),
        ttlSeconds: 3600,
        addresses: [evil],
        relays: [],
        dialable: true,
        webrtc: false,
        stun: false,
      });
      const self = { record, ageSeconds: 0 };
      const hello = {
        purpose: 'overlay',
        degree: 1,
        wallMs: Date.now(),
        dialed: address,
        observed: '',
        digest: new Uint8Array(8),
        self,
      } as const;
      gossip.send(encodeHello(hello), 'control');
      gossip.send(encodeShuffle({ answer: false, degree: 1, records: [self] }), 'shuffle');
      await until(
        () => victim.peers().some((peer) => peer.id === crypto.id && peer.kind === 'overlay'),
        5_000,
        () => 'never a neighbour',
      );
      connection.close('DONE');
      await connection.closed;
      expect(await knownAddresses()).not.toContain(evil);
    },
  );
});

describe('search', () => {
  test('the same search again and again finds the same', async () => {
    for (let i = 0; i < 5; i++) expect((await honest.find('here')).id).toBe(victim.id);
  });

  test('a name with ! and a name outside ASCII', async () => {
    await victim.join(['a!b', 'größe ✓']);
    for (const name of ['a!b', 'größe ✓']) expect((await honest.find(name)).hash).toBe(name);
    const keys: string[] = [];
    for await (const row of victim.subnets()) keys.push(row.key);
    expect(keys).toEqual(expect.arrayContaining(['a!b', 'größe ✓', 'here']));
    await victim.part(['a!b', 'größe ✓']);
  });

  test('a search after the join of a name that was searched in vain before', async () => {
    await expect(honest.find('later')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await victim.join('later');
    expect((await honest.find('later')).id).toBe(victim.id);
    await victim.part('later');
  }, 20_000);
});
