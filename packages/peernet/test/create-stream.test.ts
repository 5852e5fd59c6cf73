// `stream.pipe(pn.createStream()).pipe(stream)`, without an error handler anywhere: with streams of node:stream and
// of streamx, sockets, in both directions, against ends, deaths and rubbish. (websocket-stream and ws: internal/e2e.)
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Duplex as NodeDuplex, PassThrough, pipeline } from 'node:stream';
import { duplexPair } from '@peernet/connection';
import { Duplex as StreamxDuplex } from 'streamx';
import { afterEach, describe, expect, test } from 'vitest';
import type { ByteStream, Peernet } from '../src/index.js';
import { keep, make, rows, unhandledDuring, until } from './nodes.js';

interface AnyDuplex {
  pipe<T>(destination: T): T;
  write(data: Uint8Array): unknown;
  end(): unknown;
  destroy(error?: Error): unknown;
  destroyed: boolean;
  on(event: string, listener: (...args: never[]) => void): unknown;
  listenerCount(event: string): number;
}

/** Two ends of a wire. */
type Wire = () => Promise<[AnyDuplex, AnyDuplex]>;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Two duplexes of node:stream that are each other's other end; a lag makes them wait with every chunk, one at a time. */
async function nodePair(lagMs = 0): Promise<[AnyDuplex, AnyDuplex]> {
  const ends: NodeDuplex[] = [];
  const make = (other: number) =>
    new NodeDuplex({
      ...(lagMs > 0 && { writableHighWaterMark: 1 }),
      read() {},
      write(chunk, _, done) {
        const arrive = (): void => {
          ends[other]?.push(chunk);
          done();
        };
        if (lagMs > 0) setTimeout(arrive, lagMs);
        else arrive();
      },
      final(done) {
        ends[other]?.push(null);
        done();
      },
      destroy(error, done) {
        ends[other]?.destroy();
        done(error);
      },
    });
  ends.push(make(1), make(0));
  return ends as unknown as [AnyDuplex, AnyDuplex];
}

async function socketPair(): Promise<[AnyDuplex, AnyDuplex]> {
  const server = createServer();
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const accepted = once(server, 'connection');
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  const [socket] = (await accepted) as [Socket];
  return [client, socket] as unknown as [AnyDuplex, AnyDuplex];
}

const wires: [string, Wire][] = [
  ['node:stream', () => nodePair()],
  ['node:stream that is slow', () => nodePair(20)],
  ['streamx', async () => duplexPair() as unknown as [AnyDuplex, AnyDuplex]],
  ['net.Socket', socketPair],
];

/** As the specification writes it. */
function wire(node: Peernet, stream: AnyDuplex, address?: string): ByteStream {
  const ours = node.createStream(address);
  stream.pipe(ours as unknown as AnyDuplex).pipe(stream);
  return ours;
}

const closed = (stream: AnyDuplex): Promise<void> =>
  new Promise((done) => (stream.destroyed ? done() : stream.on('close', () => done())));

describe.each(wires)('over %s', (_, wireUp) => {
  async function wired(): Promise<{ a: Peernet; b: Peernet; ends: [AnyDuplex, AnyDuplex] }> {
    const [a, b] = [make(), make()];
    const ends = await wireUp();
    wire(a, ends[0]);
    wire(b, ends[1]);
    await until(() => a.connections().length + b.connections().length === 2, 'connected');
    return { a, b, ends };
  }

  test('two peers find each other, whoever spoke first', async () => {
    const { a, b } = await wired();
    expect(a.connections()).toEqual([b.id]);
    expect(b.connections()).toEqual([a.id]);
    expect(a.peers()[0]).toMatchObject({ transport: 'stream', address: undefined });
    await a.join('x');
    expect((await b.find('x')).id).toBe(a.id);
  });

  const deaths: [string, (end: AnyDuplex) => void][] = [
    ['ends', (end) => end.end()],
    ['is destroyed', (end) => end.destroy()],
    ['is destroyed with an error', (end) => end.destroy(new Error('cable cut'))],
    ['gets rubbish', (end) => end.write(Buffer.alloc(70_000, 0xee))],
  ];
  for (const [what, kill] of deaths) {
    test(`one that ${what} ends both sides, and disturbs nobody`, async () => {
      const seen = await unhandledDuring(async () => {
        const { a, b, ends } = await wired();
        const reasons: string[] = [];
        const errors: unknown[] = [];
        for (const node of [a, b]) {
          node.on('disconnect', (_peer, reason) => reasons.push(reason));
          node.on('error', (error) => errors.push(error));
        }
        kill(ends[0]);
        await Promise.all(ends.map(closed));
        await until(() => reasons.length === 2, 'both are told');
        expect(a.peers().length + b.peers().length).toBe(0);
        expect(errors).toEqual([]);
      });
      expect(seen).toEqual([]);
    });
  }

  test('rubbish, silence, ends and errors before the handshake disturb nobody', async () => {
    const seen = await unhandledDuring(async () => {
      const node = make();
      const attacks: ((end: AnyDuplex) => void)[] = [
        (end) => void end.write(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
        (end) => void end.write(Buffer.alloc(500, 0xff)),
        (end) => void end.end(),
        (end) => void end.destroy(),
        (end) => void end.destroy(new Error('reset')),
        (end) => {
          end.write(Buffer.from('pn/1'));
          end.destroy();
        },
      ];
      for (const attack of attacks) {
        const [far, near] = await wireUp();
        far.on('error', () => {});
        wire(node, near);
        attack(far);
        await closed(near);
        far.destroy(); // of a stranger that never looks, only he himself can end it
      }
      expect(node.peers()).toEqual([]);
    });
    expect(seen).toEqual([]);
  });

  test('when the node closes both halves end, the peer is told, and no listener is left', async () => {
    const { a, b, ends } = await wired();
    const told = new Promise((done) => b.on('disconnect', (_peer, reason) => done(reason)));
    await a.close();
    expect(await told).toBe('SHUTDOWN');
    await Promise.all(ends.map(closed));
  });

  test('a handshake that is not finished ends with the node', async () => {
    const node = make();
    const [far, near] = await wireUp();
    wire(node, near);
    far.on('error', () => {});
    far.on('data', () => {});
    await node.ready();
    await node.close();
    await Promise.all([closed(near), closed(far)]);
  });
});

test('an echo is no peer', async () => {
  const node = make();
  const codes: unknown[] = [];
  node.on('debug', (event, { code }) => event === 'refused' && codes.push(code));
  const echo = new PassThrough();
  wire(node, echo as unknown as AnyDuplex);
  await closed(echo as unknown as AnyDuplex);
  expect(codes).toEqual(['MIRROR']);
});

test('two of one node piped into each other: SELF; of two nodes: connected', async () => {
  const [a, b] = [make(), make()];
  const codes: unknown[] = [];
  a.on('debug', (event, { code }) => event === 'refused' && codes.push(code));
  const [one, two] = [a.createStream(), a.createStream()];
  one.pipe(two).pipe(one);
  await until(() => codes.length === 2, 'refused');
  // Who sees it first ends it for the other.
  expect(codes).toContain('SELF');
  expect(a.peers()).toEqual([]);
  const [three, four] = [a.createStream(), b.createStream()];
  three.pipe(four).pipe(three);
  await until(() => a.connections().length === 1, 'connected');
});

test('two sources: one to read from, one to write to', async () => {
  const [a, b] = [make(), make()];
  const [there, back] = [new PassThrough(), new PassThrough()];
  const near = a.createStream();
  there.pipe(near as never);
  near.pipe(back as never);
  const far = b.createStream();
  back.pipe(far as never);
  far.pipe(there as never);
  await until(() => a.connections().length === 1, 'connected');
  await a.close();
  await Promise.all([there, back].map((stream) => closed(stream as unknown as AnyDuplex)));
});

test('half a wire: who is only piped in is ended by the node, and ends its stream', async () => {
  const [node, other] = [make(), make()];
  const source = new PassThrough();
  source.pipe(node.createStream() as never);
  await node.ready();
  await node.close();
  await closed(source as unknown as AnyDuplex);
  // The other way round: a source that dies without an end, of which node:stream tells nobody.
  const dying = new PassThrough();
  const stream = other.createStream();
  dying.pipe(stream as never);
  const startMs = performance.now();
  dying.destroy();
  await closed(stream as unknown as AnyDuplex);
  expect(performance.now() - startMs).toBeLessThan(2_000); // not by the timer of the handshake
});

test('between peers of one process, searches tell addresses of this computer, too', async () => {
  const [a, b, c] = [make({ listen: 'memory:a' }), make(), make()];
  a.handle('echo', (stream) => stream.pipe(stream));
  for (const [one, two] of [
    [a, b],
    [b, c],
  ] as const) {
    const near = one.createStream();
    near.pipe(two.createStream()).pipe(near);
  }
  await until(() => b.connections().length === 2, 'connected');
  await a.join('x');
  const row = await c.find('x');
  expect(row.addresses).toEqual(['memory:a']);
  const stream = c.open(row, 'echo');
  stream.end('hello');
  for await (const chunk of stream) expect(String(chunk)).toBe('hello');
});

test('works with pipeline of node:stream, whose callback is called', async () => {
  const [a, b] = [make(), make()];
  const [one, two] = await nodePair();
  const ended = new Promise((done) => pipeline(one as never, a.createStream() as never, one as never, done));
  wire(b, two);
  await until(() => a.connections().length === 1, 'connected');
  await a.close();
  await ended;
});

test('a hundred streams, one after the other, leave no listeners and no warnings', async () => {
  const warnings: unknown[] = [];
  const note = (warning: unknown): void => void warnings.push(warning);
  process.on('warning', note);
  try {
    const [a, b] = [make(), make()];
    for (let i = 0; i < 100; i++) {
      const [one, two] = await nodePair();
      const before = one.listenerCount('close');
      wire(a, one);
      wire(b, two);
      expect(one.listenerCount('close') - before).toBeLessThan(6);
      await until(() => a.connections().length === 1, 'connected');
      one.destroy();
      await until(() => a.peers().length + b.peers().length === 0, 'gone');
    }
  } finally {
    process.off('warning', note);
  }
  expect(warnings).toEqual([]);
});

describe('with an address', () => {
  // Who speaks first is up to chance: several rounds.
  test.each([1, 2, 3, 4])('it is shown, counted, known and proven (round %i)', async () => {
    const [a, b] = [make({ bootstrap: false }), make({ bootstrap: false })];
    const near = a.createStream('ws://10.1.2.3:4000');
    near.pipe(b.createStream('tcp://10.1.2.4:5000')).pipe(near);
    await until(() => a.connections().length + b.connections().length === 2, 'connected');
    expect(a.connections()).toEqual(['ws://10.1.2.3:4000']);
    expect(b.connections()).toEqual(['tcp://10.1.2.4:5000']);
    expect(a.peers()[0]).toMatchObject({ id: b.id, address: 'ws://10.1.2.3:4000', transport: 'ws' });
    const counted = async (): Promise<boolean> =>
      (await a.getStats('ws://10.1.2.3:4000')).connections.ok === 1 &&
      (await b.getStats('tcp://10.1.2.4:5000')).connections.ok === 1;
    await until(counted, 'counted');
    expect(await rows(a.known())).toMatchObject([
      { address: 'ws://10.1.2.3:4000', id: b.id, verified: true },
    ]);
  });

  test('one that fails is a failed dial', async () => {
    const node = make();
    const [far, near] = await nodePair();
    wire(node, near, 'ws://10.1.2.3:4000');
    far.write(Buffer.from('this is no peer at all, it is a sentence'));
    await closed(near);
    await until(async () => (await node.getStats('ws://10.1.2.3:4000')).connections.fail === 1, 'counted');
    expect((await node.getStats('ws://10.1.2.3:4000')).connections).toEqual({ ok: 0, fail: 1 });
  });

  test('with an id: nobody else is taken', async () => {
    const [a, b] = [make(), make()];
    await Promise.all([a.ready(), b.ready()]);
    const codes: unknown[] = [];
    a.on('debug', (event, { code }) => event === 'refused' && codes.push(code));
    const wrong = a.createStream(`ws://10.1.2.3:4000#${'1'.repeat(64)}`);
    wrong.pipe(b.createStream()).pipe(wrong);
    await until(() => codes.length === 1, 'refused');
    expect(codes).toEqual(['WRONG_PEER']);
    const right = a.createStream(`ws://10.1.2.3:4000#${b.id}`);
    right.pipe(b.createStream()).pipe(right);
    await until(() => a.connections().length === 1, 'connected');
    expect(a.connections()).toEqual(['ws://10.1.2.3:4000']);
  });

  test('that is none: the error names it', () => {
    expect(() => make().createStream('nonsense')).toThrow(
      expect.objectContaining({ code: 'ADDRESS_INVALID' }),
    );
  });
});

test('a source that errors while it is piped into us is calm, and so is a destination', async () => {
  const seen = await unhandledDuring(async () => {
    const node = make();
    const source = new StreamxDuplex({ read: (done) => done(null) });
    source.pipe(node.createStream());
    source.destroy(new Error('source'));
    const destination = new NodeDuplex({ read() {}, write: (_c, _e, done) => done(new Error('full')) });
    node.createStream().pipe(destination as never);
    await closed(destination as unknown as AnyDuplex);
    await closed(source as unknown as AnyDuplex);
  });
  expect(seen).toEqual([]);
});

test('too many unfinished handshakes: the newest are dropped, the node lives', async () => {
  const node = keep(make());
  await node.ready();
  const streams = Array.from({ length: 520 }, () => node.createStream());
  await until(() => streams.filter((stream) => stream.destroying).length === 8, 'eight too many');
  for (const stream of streams) stream.destroy();
  await Promise.all(streams.map((stream) => closed(stream as unknown as AnyDuplex)));
  await new Promise((done) => setTimeout(done, 50)); // until the node has heard of it
  const [a, b] = [node.createStream(), make().createStream()];
  a.pipe(b).pipe(a);
  await until(() => node.connections().length === 1, 'connected');
});
