import { below, concatBytes, type Link, seededRandom, utf8 } from '@peernet/core';
import { describe, expect, test, vi } from 'vitest';
import {
  type ByteStream,
  type ChannelByteStream,
  type Connection,
  duplexPair,
  type IncomingChannel,
  type SecureOptions,
  secure,
} from '../src/index.js';
import {
  alice,
  bob,
  connected,
  echo,
  HandClock,
  HandDuplex,
  listener,
  nodePair,
  pairs,
  turn,
  until,
} from './shells.js';

const decode = (bytes: unknown): string => new TextDecoder().decode(bytes as Uint8Array);
const errorOf = (stream: ByteStream): Promise<{ code: string; message: string }> =>
  new Promise((resolve) => stream.once('error', resolve));
const closeOf = (stream: ByteStream): Promise<void> =>
  new Promise((resolve) => stream.once('close', () => resolve()));

const carry = (from: HandDuplex, to: HandDuplex): void => {
  for (const chunk of from.output.splice(0)) to.emit('data', chunk);
};

/** Takes the links of the other side as they come. */
function links(): { all: Link[]; onOpen: (incoming: IncomingChannel) => void } {
  const all: Link[] = [];
  return { all, onOpen: (incoming) => void all.push(incoming.link()) };
}

describe('links', () => {
  test('send works at once; what comes before open waits; both ends describe the connection', async () => {
    const { all, onOpen } = links();
    const [a, b] = await connected(
      duplexPair(),
      { scope: 'private', remoteAddress: 'memory:bob' },
      { onOpen },
    );
    const mine = a.link('peernet/gossip/1');
    expect(mine.send(utf8('one'), 'control')).toBe(true);
    expect(mine.send(utf8('two'), 'control')).toBe(true);
    await until(() => all.length === 1);
    const theirs = all[0] as Link;
    expect([mine.peer, theirs.peer]).toEqual([bob.id, alice.id]);
    expect([mine.initiator, theirs.initiator]).toEqual([true, false]);
    expect([mine.scope, theirs.scope, mine.remoteAddress]).toEqual(['private', 'global', 'memory:bob']);
    expect([mine.session, theirs.session]).toEqual([a.session, b.session]);
    await turn();
    const heard = listener();
    theirs.open(heard);
    expect(heard.messages).toEqual([]); // never from inside open
    await turn();
    expect(heard.messages).toEqual(['one', 'two']);
    expect(() => theirs.open(heard)).toThrow(TypeError);
    expect(mine.buffered).toBe(0);
    a.close('DONE');
  });

  test('close says why, delivers what was sent before, and calls back once, later', async () => {
    const { all, onOpen } = links();
    const [a] = await connected(duplexPair(), {}, { onOpen });
    const mine = a.link('x');
    const own = listener();
    mine.open(own);
    await until(() => all.length === 1);
    const other = listener();
    (all[0] as Link).open(other);
    mine.send(utf8('last'), 'rows');
    mine.close('REPLACED');
    mine.close('USER');
    expect(own.closed).toEqual([]);
    expect(mine.send(utf8('late'), 'rows')).toBe(false);
    await until(() => other.closed.length > 0);
    await turn();
    expect(other.messages).toEqual(['last']);
    expect([own.closed, other.closed]).toEqual([['REPLACED'], ['REPLACED']]);
    expect((all[0] as Link).send(utf8('x'), 'rows')).toBe(false);
    expect([a.idle, a.closing]).toEqual([true, false]);
    a.close('DONE');
  });

  test('a rejected link closes with REJECTED; one of a closed connection with LOST; the connection lives', async () => {
    const [a, b] = await connected(duplexPair(), {}, { onOpen: () => {} });
    const events = listener();
    a.link('nobody').open(events);
    await until(() => events.closed.length > 0);
    expect(events.closed).toEqual(['REJECTED']);
    const [c, d] = [listener(), listener()];
    const link = a.link('y');
    link.open(c);
    a.close('SHUTDOWN');
    a.link('z').open(d);
    await b.closed;
    await turn();
    expect([c.closed, d.closed]).toEqual([['SHUTDOWN'], ['LOST']]);
  });

  test('congestion: send refuses, buffered says how much waits, onDrain says when', async () => {
    const hold: Link[] = [];
    const [a] = await connected(duplexPair(), {}, { onOpen: (incoming) => void hold.push(incoming.link()) });
    const mine = a.link('x');
    const events = listener();
    mine.open(events);
    let taken = 0;
    for (let round = 0; round < 10; round++) {
      while (mine.send(new Uint8Array(10_000), 'search')) taken++;
      await turn(); // nobody reads at the other end: only a window gets away
    }
    expect(taken).toBeGreaterThan(45);
    expect(taken).toBeLessThan(54);
    expect(mine.buffered).toBeGreaterThan(240_000);
    expect(mine.buffered).toBeLessThanOrEqual(262_144);
    const before = events.drains;
    const other = listener();
    (hold[0] as Link).open(other);
    await until(() => events.drains > before && mine.buffered === 0);
    await until(() => other.messages.length === taken);
    a.close('DONE');
  });

  test('names are checked before anything is sent', async () => {
    const [a] = await connected();
    for (const name of ['', 'a b', 'é', 'x'.repeat(65), 5 as unknown as string]) {
      expect(() => a.link(name)).toThrow(TypeError);
      expect(() => a.open(name)).toThrow(TypeError);
    }
    a.close('DONE');
  });
});

describe('streams', () => {
  test('a slow reader stops its own writer at 256 KiB, and nobody else', async () => {
    const slow: ByteStream[] = [];
    let fast = 0;
    const onOpen = (incoming: IncomingChannel): void => {
      const stream = incoming.stream();
      if (incoming.name === 'slow') slow.push(stream);
      else stream.on('data', (chunk: Uint8Array) => (fast += chunk.length));
    };
    const [a, b] = await connected(await pairs['net.Socket']?.(), {}, { onOpen });
    const [stuck, free] = [a.open('slow'), a.open('fast')];
    const chunk = new Uint8Array(65_536);
    for (let i = 0; i < 64; i++) stuck.write(chunk);
    for (let i = 0; i < 64; i++) free.write(chunk);
    await until(() => fast === 64 * chunk.length);
    await turn();
    const reader = slow[0] as unknown as { _readableState: { buffered: number } };
    // What left the writer: a window, and what the reader's own buffer took.
    expect(b.bytesIn).toBeLessThan(64 * chunk.length + 262_144 + 3 * 65_536);
    expect(reader._readableState.buffered).toBeLessThanOrEqual(3 * 65_536);
    let slowly = 0;
    (slow[0] as ByteStream).on('data', (bytes: Uint8Array) => (slowly += bytes.length));
    await until(() => slowly === 64 * chunk.length);
    a.close('DONE');
  });

  test('strings are UTF-8; anything else is a TypeError', async () => {
    const [a] = await connected(duplexPair(), {}, { onOpen: echo });
    const stream = a.open('echo');
    const back = new Promise((resolve) => stream.once('data', resolve));
    stream.write('grüße');
    expect(decode(await back)).toBe('grüße');
    expect(() => stream.write(5 as unknown as string)).toThrow(TypeError);
    a.close('DONE');
  });

  test('setEncoding gives text; nothing breaks over it', async () => {
    const [a] = await connected(duplexPair(), {}, { onOpen: echo });
    const stream = a.open('echo');
    stream.setEncoding('utf8');
    let text = '';
    stream.on('data', (chunk) => {
      text += chunk as string;
    });
    const ended = new Promise((resolve) => stream.on('end', resolve));
    for (let i = 0; i < 100; i++) stream.write('grüße ');
    stream.end();
    await ended;
    expect(text).toBe('grüße '.repeat(100));
    a.close('DONE');
  });

  test('errors have codes: rejected, reset, lost, closed; without a listener nothing happens', async () => {
    const seen: ByteStream[] = [];
    const onOpen = (incoming: IncomingChannel): void => {
      if (incoming.name !== 'nobody') seen.push(incoming.stream());
    };
    const [x, y] = duplexPair();
    const [a] = await connected([x, y], {}, { onOpen });
    expect((await errorOf(a.open('nobody'))).code).toBe('CHANNEL_REJECTED');
    const torn = a.open('torn');
    torn.write('x');
    await until(() => seen.length === 1);
    (seen[0] as ByteStream).destroy();
    expect((await errorOf(torn)).code).toBe('CLOSED');
    for (const [reason, code] of [
      ['REJECTED', 'CHANNEL_REJECTED'],
      ['FULL', 'LIMIT'],
    ] as const) {
      const told = a.open('told');
      told.write('x');
      const at = seen.length;
      await until(() => seen.length === at + 1);
      (seen[at] as ChannelByteStream).reset(reason);
      expect((await errorOf(told)).code).toBe(code);
    }
    const lost = a.open('lost');
    const unheard = a.open('unheard');
    unheard.write('x');
    y.destroy();
    expect((await errorOf(lost)).code).toBe('LOST');
    expect((await errorOf(a.open('late'))).code).toBe('CLOSED');
    await a.closed;
  });

  describe('said to the end, and the connection closed at once:', () => {
    async function closed({ bytes = 200_000, whole = true, eager = false }) {
      const clock = new HandClock();
      const seen: ChannelByteStream[] = [];
      const onOpen = (incoming: IncomingChannel): void => {
        seen.push(incoming.stream());
        if (eager) listen();
      };
      let read = 0;
      const events: string[] = [];
      const listen = (): void => {
        const stream = seen[0] as ChannelByteStream;
        for (const event of ['end', 'close']) stream.on(event, () => events.push(event));
        stream.on('error', ({ code }: Error & { code?: string }) => events.push(String(code)));
        stream.on('data', (chunk) => {
          read += (chunk as Uint8Array).length;
        });
      };
      const [a, b] = await connected(duplexPair(), {}, { onOpen, clock });
      const said = a.open('x');
      said.write(new Uint8Array(bytes));
      if (whole) said.end();
      a.close('SHUTDOWN');
      await b.closed;
      await turn();
      return { clock, seen, listen, events, read: () => read };
    }

    test.each([10, 200_000])('who reads gets all of it (%i B), then hears of the close', async (bytes) => {
      const { clock, events, read } = await closed({ bytes, eager: true });
      expect([read(), events, clock.pending]).toEqual([bytes, ['end', 'CLOSED', 'close'], 0]);
    });

    test('who begins to read later does, too, and what it writes meanwhile breaks nothing', async () => {
      const { clock, seen, listen, events, read } = await closed({});
      await clock.advance(2_999);
      (seen[0] as ChannelByteStream).write('an answer');
      await turn();
      listen();
      await turn();
      expect([read(), events, clock.pending]).toEqual([200_000, ['end', 'CLOSED', 'close'], 0]);
    });

    test('who does not read for 3 s has lost it, and holds nothing any more', async () => {
      const { clock, seen } = await closed({});
      await clock.advance(2_999);
      expect((seen[0] as ChannelByteStream).destroyed).toBe(false);
      await clock.advance(1);
      expect([(seen[0] as ChannelByteStream).destroyed, clock.pending]).toEqual([true, 0]);
    });

    test('what was not said to the end is torn', async () => {
      const { events } = await closed({ eager: true, whole: false });
      expect(events).toEqual(['CLOSED', 'close']);
    });
  });

  test('destroying one end destroys the other; the connection is idle again', async () => {
    const seen: ByteStream[] = [];
    const [a, b] = await connected(
      duplexPair(),
      {},
      { onOpen: (incoming) => void seen.push(incoming.stream()) },
    );
    const stream = a.open('x');
    await until(() => seen.length === 1);
    const gone = closeOf(seen[0] as ByteStream);
    stream.destroy();
    await gone;
    await until(() => a.idle && b.idle);
    a.close('DONE');
  });

  test('ended both ways, the stream closes by itself', async () => {
    const [a, b] = await connected(duplexPair(), {}, { onOpen: echo });
    const stream = a.open('echo');
    const closed = closeOf(stream);
    stream.resume();
    stream.end('bye');
    await closed;
    await until(() => a.idle && b.idle);
    a.close('DONE');
  });

  test('what was written before close arrives, then the end', async () => {
    let got = '';
    const onOpen = (incoming: IncomingChannel): void => {
      incoming.stream().on('data', (bytes: Uint8Array) => (got += decode(bytes)));
    };
    const [a, b] = await connected(nodePair(), {}, { onOpen });
    a.open('x').write('last words');
    await turn();
    a.close('USER');
    expect(await b.closed).toBe('USER');
    expect(got).toBe('last words');
  });

  test('a connection inside a stream of another one', async () => {
    let inner: Promise<Connection> | undefined;
    const onOpen = (incoming: IncomingChannel): void => {
      inner = secure(incoming.stream(), { crypto: bob, onOpen: echo });
    };
    const [a] = await connected(duplexPair(), {}, { onOpen });
    const nested = await secure(a.open('nested'), { crypto: alice });
    expect(nested.peer).toBe(bob.id);
    expect((await inner)?.peer).toBe(alice.id);
    const stream = nested.open('echo');
    const back = new Promise((resolve) => stream.once('data', resolve));
    stream.write('deep');
    expect(decode(await back)).toBe('deep');
    nested.close('DONE');
    expect(await (await inner)?.closed).toBe('DONE');
    a.close('DONE');
  });
});

describe('incoming channels', () => {
  test('are taken once, as what they are', async () => {
    const problems: string[] = [];
    const onOpen = (incoming: IncomingChannel): void => {
      expect(incoming.connection.peer).toBe(alice.id);
      try {
        if (incoming.kind === 'messages') incoming.stream();
        else incoming.link();
      } catch (error) {
        problems.push((error as Error).constructor.name);
      }
      if (incoming.kind === 'messages') incoming.link();
      else incoming.stream();
      try {
        incoming.link();
      } catch (error) {
        problems.push((error as Error).constructor.name);
      }
    };
    const [a, b] = await connected(duplexPair(), {}, { onOpen });
    a.link('m');
    a.open('s');
    await until(() => problems.length === 4);
    expect(problems).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError']);
    expect(b.closing).toBe(false);
    a.close('DONE');
  });

  test('not decided at once is rejected; later it is too late', async () => {
    const kept: IncomingChannel[] = [];
    const [a] = await connected(duplexPair(), {}, { onOpen: (incoming) => void kept.push(incoming) });
    expect((await errorOf(a.open('x'))).code).toBe('CHANNEL_REJECTED');
    expect(() => kept[0]?.stream()).toThrow(TypeError);
    a.close('DONE');
  });
});

describe('exceptions of the app end this connection and nothing else', () => {
  const cases: [string, (incoming: IncomingChannel) => void][] = [
    [
      'onOpen',
      () => {
        throw new Error('boom');
      },
    ],
    [
      'onMessage',
      (incoming) => {
        const onMessage = (): void => {
          throw new Error('boom');
        };
        incoming.link().open({ onMessage, onDrain() {}, onClose() {} });
      },
    ],
  ];
  test.each(cases)('%s', async (_, onOpen) => {
    const log = vi.fn();
    const [a, b] = await connected(duplexPair(), {}, { onOpen, log });
    const [c, d] = await connected();
    a.link('x').send(utf8('hi'), 'rows');
    expect(await b.closed).toBe('INTERNAL');
    expect(await a.closed).toBe('INTERNAL');
    expect(log).toHaveBeenCalledWith('connection.internal', expect.objectContaining({ peer: alice.id }));
    expect([c.closing, d.closing]).toEqual([false, false]);
    c.close('DONE');
    await d.closed;
  });

  test('onClose, of a link and of a connection', async () => {
    const log = vi.fn();
    const [a, b] = await connected(duplexPair(), { log });
    const boom = (): void => {
      throw new Error('boom');
    };
    a.link('x').open({ onMessage() {}, onDrain() {}, onClose: boom });
    a.onClose(boom);
    const after = vi.fn();
    a.onClose(after);
    a.close('USER');
    await b.closed;
    await turn();
    expect(after).toHaveBeenCalledWith('USER');
    a.onClose(after);
    await turn();
    expect(after).toHaveBeenCalledTimes(2);
    expect(log.mock.calls.filter(([event]) => event === 'connection.internal')).toHaveLength(2);
  });

  test('onDrain, called because another channel is opened, is not for who opens that', async () => {
    const clock = new HandClock();
    const drift = { ms: 0 }; // alarms come late
    const late = {
      now: () => clock.now() + drift.ms,
      wall: () => clock.wall(),
      alarm: (atMs: number, ring: () => void) => clock.alarm(atMs, ring),
    };
    const [a, b] = await connected(duplexPair(), { clock: late }, { onOpen: links().onOpen });
    for (let i = 0; i < 26; i++) a.link(`n${i}`);
    const full = a.link('full');
    while (full.send(new Uint8Array(16_000), 'rows'));
    const onDrain = (): void => {
      throw new Error('boom');
    };
    full.open({ onMessage() {}, onDrain, onClose() {} });
    await turn();
    drift.ms = 500;
    expect(() => a.open('other')).not.toThrow();
    expect([await a.closed, await b.closed]).toEqual(['INTERNAL', 'INTERNAL']);
  });
});

describe('records', () => {
  /** Two connections with the test in between, holding each chunk. */
  async function tapped(onMessage: (text: string) => void) {
    const [left, right] = [new HandDuplex(), new HandDuplex()];
    const onOpen = (incoming: IncomingChannel): void =>
      incoming.link().open({ onMessage: (m) => onMessage(decode(m)), onDrain() {}, onClose() {} });
    const connecting = connected([left.asDuplex, right.asDuplex], {}, { onOpen });
    for (let i = 0; i < 4; i++) {
      carry(left, right);
      carry(right, left);
      await turn();
    }
    const [a, b] = await connecting;
    const link = a.link('x');
    await turn();
    carry(left, right);
    return { a, b, left, right, link };
  }

  /** Five records with a message each; `order` says which are delivered, in which order. */
  async function deliver(order: number[], change?: (record: Uint8Array) => Uint8Array) {
    const heard: string[] = [];
    const { b, left, right, link } = await tapped((text) => heard.push(text));
    for (let i = 0; i < 5; i++) {
      link.send(utf8(`m${i}`), 'rows');
      await turn();
    }
    const records = left.output.splice(0);
    expect(records).toHaveLength(5);
    for (const i of order)
      right.emit('data', change && i === 2 ? change(records[i] as Uint8Array) : records[i]);
    await turn();
    return { heard, closed: b.closing ? await b.closed : 'open' };
  }

  test('control: in order, all is well', async () => {
    expect(await deliver([0, 1, 2, 3, 4])).toEqual({ heard: ['m0', 'm1', 'm2', 'm3', 'm4'], closed: 'open' });
  });

  test.each([
    ['replayed', [0, 1, 1, 2]],
    ['dropped', [0, 1, 3, 4]],
    ['swapped', [0, 1, 3, 2]],
  ])('%s: PROTOCOL, and nothing is heard after it', async (_, order) => {
    expect(await deliver(order)).toEqual({ heard: ['m0', 'm1'], closed: 'PROTOCOL' });
  });

  test('changed in any byte', async () => {
    const length = 2 + 4 + 2 + 16;
    for (let at = 0; at < length; at++) {
      const change = (record: Uint8Array): Uint8Array => {
        const bent = record.slice();
        bent[at] = (bent[at] as number) ^ 1;
        return bent;
      };
      const { heard, closed } = await deliver([0, 1, 2, 3, 4], change);
      expect(heard, `byte ${at}`).toEqual(['m0', 'm1']);
      // A longer length waits for more; everything else ends it.
      expect(closed, `byte ${at}`).toBe(at === 0 ? 'open' : 'PROTOCOL');
    }
  });

  test('those of another connection', async () => {
    const heard: string[] = [];
    const one = await tapped((text) => heard.push(text));
    const two = await tapped((text) => heard.push(text));
    one.link.send(utf8('x'), 'rows');
    await turn();
    for (const record of one.left.output.splice(0)) two.right.emit('data', record);
    expect(await two.b.closed).toBe('PROTOCOL');
    expect(heard).toEqual([]);
  });

  test('all messages of one tick leave in one record', async () => {
    const { left, link } = await tapped(() => {});
    for (let i = 0; i < 100; i++) link.send(new Uint8Array(100), 'rows');
    await turn();
    expect(left.output).toHaveLength(1);
    expect(left.output[0]).toHaveLength(2 + 100 * (100 + 4) + 16);
  });

  test('cut at random, they come out the same', async () => {
    const heard: string[] = [];
    const { left, right, link } = await tapped((text) => heard.push(text));
    for (let i = 0; i < 40; i++) {
      link.send(utf8(`message ${i} ${'x'.repeat(i * 50)}`), 'rows');
      if (i % 3 === 0) await turn();
    }
    await turn();
    const bytes = concatBytes(...left.output.splice(0));
    const random = seededRandom(9);
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + below(random, 300);
      right.emit('data', bytes.subarray(at, at + size));
      at += size;
    }
    expect(heard).toHaveLength(40);
    expect(heard[39]).toMatch(/^message 39 x{1950}$/);
  });
});

describe('the end', () => {
  /** Two connections with the test in between, by a clock that the test moves. */
  async function byHand(others: Partial<SecureOptions> = {}) {
    const clock = new HandClock();
    const [left, right] = [new HandDuplex(), new HandDuplex()];
    const connecting = connected([left.asDuplex, right.asDuplex], { clock }, { clock, ...others });
    const carryAll = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) {
        carry(left, right);
        carry(right, left);
        await turn();
      }
    };
    await carryAll();
    const [a, b] = await connecting;
    return { clock, left, right, a, b, carryAll };
  }

  test('a peer that reads nothing: 3 s of grace, then it is over', async () => {
    const { clock, left, a } = await byHand();
    left.writable = false;
    const link = a.link('x');
    await turn();
    link.send(utf8('never read'), 'rows');
    a.close('USER');
    await clock.advance(2_999);
    expect(left.destroyed).toBe(false);
    await clock.advance(1);
    expect(await a.closed).toBe('USER');
    expect(left.destroyed).toBe(true);
  });

  test('a peer that does not close its half is destroyed after 3 s', async () => {
    const { clock, left, a, b } = await byHand();
    a.close('USER');
    await turn();
    expect(await a.closed).toBe('USER');
    expect([left.ended, left.destroyed]).toEqual([true, false]);
    await clock.advance(3_000);
    expect(left.destroyed).toBe(true);
    b.close('DONE');
    await clock.advance(3_000);
    expect(clock.pending).toBe(0);
  });

  test('a silent peer: TIMEOUT within 18 s; a ping that is answered gives the round trip', async () => {
    const { clock, a, carryAll } = await byHand();
    expect(a.rtt).toBeUndefined();
    for (let i = 0; i < 200; i++) {
      await clock.advance(100);
      await carryAll();
    }
    expect(a.closing).toBe(false);
    expect(a.rtt).toBeGreaterThanOrEqual(0);
    expect(a.rtt).toBeLessThan(200);
    await clock.advance(18_000);
    expect(await a.closed).toBe('TIMEOUT');
  });

  test('a silent peer that is asked: TIMEOUT after 3 s', async () => {
    const { clock, a } = await byHand();
    a.check();
    await clock.advance(3_000);
    expect(await a.closed).toBe('TIMEOUT');
    a.check(); // too late to matter
  });

  test('a peer that sends and never reads: TIMEOUT after 20 s', async () => {
    const { clock, left, right, a, b } = await byHand({ limits: { pingMs: 1e9 } });
    left.writable = false;
    a.link('x');
    await turn();
    const chatter = b.link('y');
    for (let second = 1; second <= 21 && !a.closing; second++) {
      await clock.advance(1_000);
      chatter.send(utf8('alive'), 'rows');
      await turn();
      for (const chunk of right.output.splice(0)) left.emit('data', chunk);
      if (second === 19) expect(a.closing).toBe(false);
    }
    expect(await a.closed).toBe('TIMEOUT');
    expect(left.destroyed).toBe(true);
  });

  test('garbage instead of records', async () => {
    const [x, y] = duplexPair();
    const [a, b] = await connected([x, y]);
    (x as ByteStream).write(concatBytes(Uint8Array.of(0, 40), new Uint8Array(40)));
    expect(await b.closed).toBe('PROTOCOL');
    expect(await a.closed).toBe('PROTOCOL');
  });
});
