// handle and open: whole data with back-pressure, half closes, deaths, thousands in a row, handlers that throw, and
// whom a stream can be opened to.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ByteStream, Peer, Peernet, SearchRow } from '../src/index.js';
import { JumpClock, make, pair, rows, unhandledDuring, until } from './nodes.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Everything that a stream delivers until its end. */
function all(stream: ByteStream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('error', reject);
  });
}

const closed = (stream: ByteStream): Promise<void> =>
  new Promise((done) => (stream.destroyed ? done() : stream.on('close', done)));

const failure = (stream: ByteStream): Promise<unknown> => new Promise((done) => stream.on('error', done));

function echo(node: Peernet): void {
  node.handle('echo', (stream) => stream.pipe(stream));
}

async function echoes(stream: ByteStream): Promise<void> {
  const back = all(stream);
  stream.end('hello');
  expect(String(await back)).toBe('hello');
}

describe('data', () => {
  test.each([
    ['over a connection that is there', true],
    ['over one that is made for it', false],
  ])(
    '64 MiB there and back, %s, without growing',
    async (_, before) => {
      const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
      await a.ready();
      if (before) await b.connect('memory:a');
      echo(a);
      const stream = b.open('memory:a', 'echo');
      const [sent, got] = [createHash('sha256'), createHash('sha256')];
      const block = Buffer.alloc(256 * KiB);
      const total = 64 * MiB;
      let received = 0;
      let most = 0;
      const ended = new Promise<void>((done) => stream.on('end', done));
      stream.on('data', (chunk) => {
        got.update(chunk);
        received += chunk.length;
      });
      global.gc?.();
      const { rss } = process.memoryUsage();
      for (let at = 0; at < total; at += block.length) {
        block.writeUInt32LE(at);
        const copy = Buffer.from(block);
        sent.update(copy);
        if (!stream.write(copy)) await new Promise<void>((done) => stream.once('drain', () => done()));
        most = Math.max(most, at + block.length - received);
      }
      stream.end();
      await ended;
      expect(received).toBe(total);
      expect(got.digest('hex')).toBe(sent.digest('hex'));
      // Between writer and reader: two windows of 256 KiB, and the buffers of streams. Far from 64 MiB.
      expect(most).toBeLessThan(8 * MiB);
      expect(process.memoryUsage().rss - rss).toBeLessThan(200 * MiB);
    },
    60_000,
  );

  test('a reader that does not read stops the writer, and nobody else', async () => {
    const [a, b] = await pair();
    let theirs: ByteStream | undefined;
    a.handle('slow', (stream) => {
      theirs = stream;
    });
    echo(a);
    const slow = b.open(a.id, 'slow');
    const block = Buffer.alloc(64 * KiB);
    let written = 0;
    while (slow.write(block)) written += block.length;
    for (let turn = 0; turn < 50; turn++) {
      await new Promise((done) => setImmediate(done));
      while (written < 32 * MiB && slow.write(block)) written += block.length;
    }
    expect(written).toBeLessThan(2 * MiB);
    await echoes(b.open(a.id, 'echo'));
    const got = all(theirs as ByteStream);
    slow.end();
    expect((await got).length).toBeGreaterThanOrEqual(written);
  });

  test('a slow source of data is not read ahead of its reader either', async () => {
    const [a, b] = await pair();
    let written = 0;
    a.handle('flood', async (stream) => {
      const block = Buffer.alloc(64 * KiB);
      for (; written < 32 * MiB; written += block.length) {
        if (!stream.write(block)) await new Promise<void>((done) => stream.once('drain', () => done()));
      }
      stream.end();
    });
    const stream = b.open(a.id, 'flood');
    await until(() => written > 0, 'begun');
    await new Promise((done) => setTimeout(done, 100));
    expect(written).toBeLessThan(2 * MiB);
    expect((await all(stream)).length).toBe(32 * MiB);
  }, 30_000);

  test.each([
    ['there', true],
    ['made for it', false],
  ])('half a close: a request, its end, and the answer after it (connection %s)', async (_, before) => {
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
    await a.ready();
    if (before) await b.connect('memory:a');
    a.handle('length', async (stream) => void stream.end(String((await all(stream)).length)));
    const stream = b.open('memory:a', 'length');
    stream.write(Buffer.alloc(100_000));
    stream.end('text');
    expect(String(await all(stream))).toBe('100004');
    await closed(stream);
  });

  test('text and bytes; what is neither is a TypeError', async () => {
    const [a, b] = await pair();
    echo(a);
    await echoes(b.open(a.id, 'echo'));
    expect(() => b.open(a.id, 'echo').write(7 as never)).toThrow(TypeError);
  });

  test('a file that ends while it is piped in does not cut its answer', async () => {
    const { Readable } = await import('node:stream');
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
    await a.ready();
    echo(a);
    const stream = b.open('memory:a', 'echo');
    Readable.from([Buffer.alloc(500_000, 1)]).pipe(stream as never);
    expect((await all(stream)).length).toBe(500_000);
  });
});

describe('ends', () => {
  test('destroying one closes the other, from either side', async () => {
    const [a, b] = await pair();
    const theirs: ByteStream[] = [];
    a.handle('hold', (stream) => theirs.push(stream));
    const one = b.open(a.id, 'hold');
    const two = b.open(a.id, 'hold');
    for (const stream of [one, two]) stream.write('x');
    await until(() => theirs.length === 2, 'both arrived');
    one.destroy();
    theirs[1]?.destroy();
    await Promise.all([closed(theirs[0] as ByteStream), closed(two)]);
    expect(b.connections()).toHaveLength(1);
  });

  test('a stream that is destroyed before there is a connection opens none there', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
    await a.ready();
    let served = 0;
    a.handle('count', () => served++);
    for (let i = 0; i < 5; i++) b.open('memory:a', 'count').destroy();
    const last = b.open('memory:a', 'count');
    last.write('x');
    await until(() => served > 0, 'served');
    expect(served).toBe(1);
    last.destroy();
  });

  test.each([
    ['that is there', true],
    ['that is made for it', false],
  ])('who has said all and reads no further ends it for both; over a connection %s', async (_, before) => {
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
    await a.ready();
    if (before) await b.connect('memory:a');
    let theirs: ByteStream | undefined;
    a.handle('news', (stream) => {
      theirs = stream;
      stream.resume();
      stream.write('the first of many');
    });
    const stream = b.open('memory:a', 'news');
    stream.end('all of them');
    for await (const _first of stream) break;
    await until(() => theirs?.destroyed, 'closed at the other side');
  });

  test('a connection for streams only ends some time after the last one; also if there was none', async () => {
    const clock = new JumpClock();
    const [a, b, c] = [
      make({ listen: 'memory:a', bootstrap: false, clock }),
      ...[1, 2].map(() => make({ bootstrap: false, clock })),
    ] as [Peernet, Peernet, Peernet];
    await a.ready();
    echo(a);
    await echoes(b.open('memory:a', 'echo'));
    c.open('memory:a', 'echo').destroy();
    await until(() => b.peers().length + c.peers().length === 2, 'connected');
    expect([b, c].map((node) => node.peers()[0]?.kind)).toEqual(['app', 'app']);
    await clock.pass(20_000);
    await echoes(b.open('memory:a', 'echo'));
    await clock.pass(20_000);
    expect(b.peers()).toHaveLength(1);
    await clock.pass(15_000);
    await until(() => a.peers().length + b.peers().length + c.peers().length === 0, 'let go');
  });

  test('peer.close() ends its streams with an error on neither loop', async () => {
    const [a, b] = await pair();
    const seen = await unhandledDuring(async () => {
      a.handle('hold', () => {});
      const stream = b.open(a.id, 'hold');
      stream.write('x');
      await new Promise((done) => setTimeout(done, 20));
      const ended = closed(stream);
      for (const peer of b.peers()) peer.close('DONE');
      await ended;
    });
    expect(seen).toEqual([]);
  });

  test.each([
    ['that is there', true],
    ['that is made for it', false],
  ])(
    'an answer is read to its end though the peer leaves right behind it; over a connection %s',
    async (_, before) => {
      const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
      await a.ready();
      if (before) await b.connect('memory:a');
      a.handle('last', (stream) => {
        stream.on('data', () => {
          stream.end('my last words');
          void a.close();
        });
      });
      const stream = b.open('memory:a', 'last');
      let heard = '';
      const events: string[] = [];
      stream.on('data', (chunk) => {
        heard += String(chunk);
      });
      for (const event of ['end', 'error', 'close']) stream.on(event, () => events.push(event));
      stream.write('go');
      await closed(stream);
      expect([heard, events]).toEqual(['my last words', ['end', 'error', 'close']]);
    },
  );

  test('… who does not read it within 3 s hears of the end all the same', async () => {
    const clock = new JumpClock();
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false, clock })];
    await a.ready();
    a.handle('last', (stream) => {
      stream.on('data', () => {
        stream.end('my last words');
        void a.close();
      });
    });
    const stream = b.open('memory:a', 'last');
    const failed = failure(stream);
    stream.write('go');
    await new Promise<void>((done) => a.on('close', done));
    await until(() => b.peers().length === 0, 'closed');
    await clock.pass(2_000, 100);
    expect(stream.destroyed).toBe(false);
    await clock.pass(2_000, 100);
    expect(await failed).toMatchObject({ code: 'CLOSED' });
  });

  test('1 000 short ones leave nothing behind', async () => {
    const clock = new JumpClock();
    const [a, b] = await pair({ clock });
    const theirs: ByteStream[] = [];
    a.handle('echo', (stream) => theirs.push(stream.pipe(stream) as ByteStream));
    const warnings: unknown[] = [];
    const note = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', note);
    for (let round = 0; round < 50; round++) {
      const streams = Array.from({ length: 20 }, () => b.open(a.id, 'echo'));
      await Promise.all(streams.map(echoes));
      await Promise.all(streams.map(closed));
      await clock.pass(3_000); // a link takes ten new channels a second (protocol.md §8)
    }
    process.off('warning', note);
    expect(warnings).toEqual([]);
    expect(theirs).toHaveLength(1_000);
    await Promise.all(theirs.map(closed));
    expect(b.connections()).toHaveLength(1);
    // More than may be open at once are still possible: nothing of the thousand is left in the connection.
    await echoes(b.open(a.id, 'echo'));
  }, 60_000);
});

describe('handlers', () => {
  test.each([
    ['throws', () => Promise.reject(new Error('mine'))],
    [
      'rejects',
      () => {
        throw new Error('mine');
      },
    ],
  ])('one that %s loses its stream and nothing else, and is told by debug', async (_, handler) => {
    const [a, b] = await pair();
    const heard: Record<string, unknown>[] = [];
    const errors: unknown[] = [];
    a.on('debug', (event, fields) => event === 'handler threw' && heard.push(fields));
    a.on('error', (error) => errors.push(error));
    a.handle('bad', handler);
    echo(a);
    const seen = await unhandledDuring(async () => {
      const stream = b.open(a.id, 'bad');
      stream.write('x');
      await closed(stream);
      await echoes(b.open(a.id, 'echo'));
    });
    expect(seen).toEqual([]);
    expect(errors).toEqual([]);
    expect(heard).toMatchObject([{ protocol: 'bad', error: expect.stringContaining('mine') }]);
    expect(b.connections()).toHaveLength(1);
  });

  test('get the stream and the peer; are one per protocol; can be taken back', async () => {
    const [a, b] = await pair();
    let from: Peer | undefined;
    const stop = a.handle('x', (stream, peer) => {
      from = peer;
      stream.pipe(stream);
    });
    await echoes(b.open(a.id, 'x'));
    expect(from?.id).toBe(b.id);
    expect(() => a.handle('x', () => {})).toThrow(TypeError);
    stop();
    expect(await failure(b.open(a.id, 'x'))).toMatchObject({ code: 'CHANNEL_REJECTED' });
    a.handle('x', (stream) => stream.pipe(stream));
    stop(); // of the old one: it takes nothing back
    await echoes(b.open(a.id, 'x'));
  });

  test.each(['no spaces', '', 'x'.repeat(61), 7])('%j is no protocol', (name) => {
    const node = make();
    expect(() => node.handle(name as string, () => {})).toThrow(TypeError);
    expect(() => node.open('memory:a', name as string)).toThrow(TypeError);
    expect(() => node.handle('fine', name as never)).toThrow(TypeError);
  });

  test('serve both directions of one connection', async () => {
    const [a, b] = await pair();
    for (const node of [a, b]) echo(node);
    await Promise.all([echoes(b.open(a.id, 'echo')), echoes(a.open(b.id, 'echo'))]);
  });
});

describe('open', () => {
  test('to a peer, an id, an address, and a row', async () => {
    const [a, b] = await pair();
    echo(a);
    await a.join('echoes');
    const [peer] = b.peers() as [Peer];
    const [row] = (await rows(b.search('echoes', { limit: 1 }))) as [SearchRow];
    for (const target of [peer, a.id, 'memory:a', `memory:a#${a.id}`, row])
      await echoes(b.open(target, 'echo'));
    await echoes(peer.open('echo'));
  });

  test('connects by itself, once for many, and says what is not served', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make({ bootstrap: false })];
    await a.ready();
    echo(a);
    await Promise.all([1, 2, 3].map(() => echoes(b.open('memory:a', 'echo'))));
    expect(b.peers()).toHaveLength(1);
    expect(await failure(b.open('memory:a', 'nothing'))).toMatchObject({
      code: 'CHANNEL_REJECTED',
      message: expect.stringContaining('nothing'),
    });
    expect(b.peers()).toHaveLength(1);
  });

  test.each([
    ['DIAL_REFUSED', 'memory:nobody'],
    ['NOT_FOUND', '1'.repeat(64)],
    ['SCHEME_UNKNOWN', 'foo:bar'],
  ])('fails by its stream’s error, and nobody need listen: %s', async (code, target) => {
    const node = make();
    expect(await failure(node.open(target, 'echo'))).toMatchObject({ code });
    const seen = await unhandledDuring(() => closed(node.open(target, 'echo')));
    expect(seen).toEqual([]);
  });

  test.each([undefined, null, 7, {}, 'nonsense'])('%j is nobody: said at once', (target) => {
    expect(() => make().open(target as never, 'echo')).toThrow(
      expect.objectContaining({ code: 'ADDRESS_INVALID' }),
    );
  });

  test('a dead row is reported once: it is not found again', async () => {
    const [a, b] = await pair();
    const c = make({ listen: 'memory:c' });
    await c.ready();
    await c.connect('memory:a');
    await c.join('x');
    const row = await b.find('x');
    expect(row.id).toBe(c.id);
    // Crashed, without a word: its address answers no more.
    for (const service of c.servers()) await service.close();
    b.disconnect(c.id);
    for (const peer of c.peers()) peer.close();
    const error = await failure(b.open(row, 'echo'));
    expect(error).toMatchObject({ code: 'DIAL_REFUSED' });
    await expect(b.find('x', { timeout: 2_000 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(a.connections().length).toBeGreaterThan(0);
  }, 20_000);

  test('who fails without a single connection has learned nothing of the row', async () => {
    const [a, b] = await pair({ bootstrap: false });
    const c = make({ bootstrap: false });
    await c.connect('memory:a');
    await c.join('x');
    const row = await b.find('x');
    b.disconnect(a.id);
    await until(() => b.connections().length === 0, 'b is alone');
    const error = await failure(
      b.open({ ...row, address: 'memory:gone', addresses: ['memory:gone'] }, 'echo'),
    );
    expect(error).toMatchObject({ code: 'DIAL_REFUSED' });
    await b.connect('memory:a');
    expect((await b.find('x')).id).toBe(c.id);
  }, 20_000);

  test('a row that was taken for dead is found again once its member has reached us', async () => {
    const [, b] = await pair({ bootstrap: false });
    const c = make({ bootstrap: false });
    await c.connect('memory:a');
    await c.join('x');
    const row = await b.find('x');
    const error = await failure(
      b.open({ ...row, address: 'memory:gone', addresses: ['memory:gone'] }, 'echo'),
    );
    expect(error).toMatchObject({ code: 'DIAL_REFUSED' });
    await expect(b.find('x', { timeout: 2_000 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    echo(b);
    await echoes(c.open('memory:b', 'echo'));
    expect((await b.find('x')).id).toBe(c.id);
  }, 20_000);
});
