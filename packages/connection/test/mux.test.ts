import { concatBytes, type Urgency, urgencies, utf8 } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { WIRE } from '../src/defaults.js';
import type { Channel } from '../src/machine/channel.js';
import * as f from './frames.js';
import { End, ends, Recorder, settle } from './muxes.js';

const window = WIRE.windowBytes;
const cost = WIRE.frameCostBytes;

function opened(end: End, kind: 'messages' | 'stream' = 'messages', name = 'x', nowMs = 0) {
  const sink = new Recorder();
  return { sink, channel: end.mux.open(kind, name, sink, nowMs) as Channel };
}
const types = (end: End): string =>
  end
    .frames()
    .map((frame) => frame.type)
    .join(' ');

describe('channels', () => {
  test('data follows OPEN without waiting, and arrives in order; one record per tick', () => {
    const [a, b] = ends();
    const { channel } = opened(a);
    for (const text of ['one', 'two', 'three']) expect(a.mux.send(channel, utf8(text), 'rows')).toBe(true);
    const records = a.fetch();
    expect(records).toHaveLength(1);
    expect(f.framesOf(records[0] as Uint8Array).map((frame) => frame.type)).toEqual([
      'OPEN',
      'DATA',
      'DATA',
      'DATA',
    ]);
    b.mux.receive(records[0] as Uint8Array, 0);
    expect(b.taken.get('x')?.sink.received).toEqual(['one', 'two', 'three'].map((t) => utf8(t)));
    settle(a, b);
    expect(channel.accepted).toBe(true);
  });

  test('ids are odd for the initiator, even for the other, and never used twice', () => {
    const [a, b] = ends();
    const ids = [a, b].map((end) => [opened(end), opened(end)].map(({ channel }) => channel.id));
    expect(ids).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  test('an unknown name is rejected, the connection lives', () => {
    const [a, b] = ends();
    b.onIncoming = () => {};
    const { channel, sink } = opened(a);
    a.mux.send(channel, utf8('lost'), 'rows');
    settle(a, b);
    expect(sink.closed).toBe('REJECTED');
    expect([a.mux.size, b.mux.size, a.over, b.over]).toEqual([0, 0, undefined, undefined]);
    expect(a.mux.send(channel, utf8('more'), 'rows')).toBe(false);
  });

  test('what arrives before the sink is ready waits, then comes in order', () => {
    const [a, b] = ends();
    const sink = new Recorder(false);
    b.onIncoming = (channel) => void b.take(channel, sink);
    const { channel } = opened(a);
    a.mux.send(channel, utf8('1'), 'rows');
    a.mux.send(channel, utf8('2'), 'rows');
    settle(a, b);
    expect(sink.received).toEqual([]);
    sink.ready = true;
    b.mux.resume(b.taken.get('x')?.channel as Channel);
    expect(sink.received).toEqual([utf8('1'), utf8('2')]);
  });

  test('messages that wait are delivered before their end is told, whatever the end was', () => {
    for (const end of ['finish', 'reset', 'goaway', 'lost'] as const) {
      const [a, b] = ends();
      const sink = new Recorder(false);
      b.onIncoming = (channel) => void b.take(channel, sink);
      const { channel } = opened(a);
      a.mux.send(channel, utf8('1'), 'rows');
      settle(a, b);
      if (end === 'finish') a.mux.finish(channel, 'FULL');
      if (end === 'reset') a.mux.reset(channel, 'FULL');
      if (end === 'goaway') a.mux.goAway('FULL', 0);
      if (end === 'lost') b.mux.lost();
      settle(a, b);
      expect(sink.closed, end).toBeUndefined();
      sink.ready = true;
      b.mux.resume(b.taken.get('x')?.channel as Channel);
      expect(sink.received, end).toEqual([utf8('1')]);
      expect(sink.closed, end).toBe(end === 'lost' ? 'LOST' : 'FULL');
    }
  });

  test('FIN of a message channel closes both sides, with its reason, behind what waits', () => {
    const [a, b] = ends();
    const { channel, sink } = opened(a);
    a.mux.send(channel, utf8('last words'), 'rows');
    a.mux.finish(channel, 'REPLACED');
    settle(a, b);
    const there = b.taken.get('x');
    expect(there?.sink.received).toEqual([utf8('last words')]);
    expect(there?.sink.closed).toBe('REPLACED');
    expect(sink.closed).toBeUndefined();
    expect([a.mux.size, b.mux.size]).toEqual([0, 0]);
  });

  test('both ends of a message channel finish at once', () => {
    const [a, b] = ends();
    const { channel } = opened(a);
    settle(a, b);
    a.mux.finish(channel, 'USER');
    b.mux.finish(b.taken.get('x')?.channel as Channel, 'IDLE');
    settle(a, b);
    expect([a.mux.size, b.mux.size, a.over, b.over]).toEqual([0, 0, undefined, undefined]);
  });

  test('a stream ends one way at a time', () => {
    const [a, b] = ends();
    const { channel, sink } = opened(a, 'stream');
    a.mux.write(channel, [utf8('question')]);
    a.mux.finish(channel, 'DONE');
    settle(a, b);
    const there = b.taken.get('x') as { channel: Channel; sink: Recorder };
    expect(there.sink.ended).toBe(true);
    expect([a.mux.size, b.mux.size]).toEqual([1, 1]);
    b.mux.write(there.channel, [utf8('answer')]);
    b.mux.finish(there.channel, 'DONE');
    settle(a, b);
    expect(sink.received).toEqual([utf8('answer')]);
    expect([sink.ended, sink.closed, there.sink.closed]).toEqual([true, undefined, undefined]);
    expect([a.mux.size, b.mux.size]).toEqual([0, 0]);
  });

  test('RESET carries its reason; frames that cross it are ignored', () => {
    const [a, b] = ends();
    const { channel } = opened(a, 'stream');
    settle(a, b);
    const there = b.taken.get('x') as { channel: Channel; sink: Recorder };
    b.mux.write(there.channel, [utf8('crossing')]);
    a.mux.reset(channel, 'USER');
    settle(a, b);
    expect(there.sink.closed).toBe('USER');
    expect([a.mux.size, b.mux.size, a.over, b.over]).toEqual([0, 0, undefined, undefined]);
  });

  test('many writes of one tick arrive as few chunks', () => {
    const [a, b] = ends();
    const { channel } = opened(a, 'stream');
    a.mux.write(
      channel,
      Array.from({ length: 50 }, (_, i) => new Uint8Array(100).fill(i)),
    );
    settle(a, b);
    const sink = b.taken.get('x')?.sink as Recorder;
    expect(sink.received).toHaveLength(1);
    expect(sink.bytes).toBe(5_000);
    expect(sink.received[0]?.[4_999]).toBe(49);
  });

  test('a message is copied at the call', () => {
    for (const full of [false, true]) {
      const [a, b] = ends();
      const { channel } = opened(a);
      settle(a, b);
      if (full) {
        a.full = true;
        a.mux.send(channel, utf8('fills'), 'rows');
        a.mux.flush(0);
      }
      const message = Buffer.from('before');
      a.mux.send(channel, message, 'rows');
      message.fill(0);
      if (full) a.unblock();
      settle(a, b);
      expect(b.taken.get('x')?.sink.received.at(-1)).toEqual(utf8('before'));
    }
  });

  test('too large a message, or none, is a TypeError', () => {
    const [a] = ends();
    const { channel } = opened(a);
    expect(a.mux.send(channel, new Uint8Array(16_000), 'rows')).toBe(true);
    expect(() => a.mux.send(channel, new Uint8Array(16_001), 'rows')).toThrow(TypeError);
    expect(() => a.mux.send(channel, 'text' as unknown as Uint8Array, 'rows')).toThrow(TypeError);
  });
});

describe('records', () => {
  const sizes = (recordBytesMax?: number): number[] => {
    const [a, b] = ends(recordBytesMax === undefined ? {} : { recordBytesMax });
    const { channel } = opened(a, 'stream');
    settle(a, b);
    a.mux.write(channel, [new Uint8Array(200_000)]);
    return a.fetch().map((record) => record.length + 2 + WIRE.tagBytes);
  };

  test('are filled up to 65 535 B of ciphertext', () => {
    expect(sizes()).toEqual([65_537, 65_537, 65_537, expect.any(Number)]);
  });

  test('are cut to what the transport asks for', () => {
    const cut = sizes(16_384);
    expect(Math.max(...cut)).toBe(16_384);
    expect(cut.length).toBe(13);
  });

  test('a largest message fits into a record of 16 KiB', () => {
    const [a, b] = ends({ recordBytesMax: 16_384 });
    const { channel } = opened(a);
    for (let i = 0; i < 3; i++)
      expect(a.mux.send(channel, new Uint8Array(16_000).fill(i), 'rows')).toBe(true);
    settle(a, b);
    expect(b.taken.get('x')?.sink.received.map((m) => [m.length, m[0]])).toEqual([
      [16_000, 0],
      [16_000, 1],
      [16_000, 2],
    ]);
  });
});

describe('windows', () => {
  test('a stream that nobody reads stops at 262144 B, and goes on as it is read', () => {
    const [a, b] = ends();
    const sink = new Recorder(false);
    b.onIncoming = (channel) => void b.take(channel, sink);
    const { channel, sink: writer } = opened(a, 'stream');
    expect(a.mux.write(channel, [new Uint8Array(1_000_000)])).toBe(false);
    settle(a, b);
    const there = b.taken.get('x')?.channel as Channel;
    const sent = 1_000_000 - channel.queuedBytes;
    expect(sent).toBeGreaterThan(window - 10 * cost - 1);
    expect(sent).toBeLessThanOrEqual(window);
    expect(there.receiveWindow).toBeGreaterThanOrEqual(0);
    sink.ready = true;
    b.mux.resume(there);
    settle(a, b);
    expect(sink.bytes).toBe(1_000_000);
    expect(writer.drains).toBe(1);
  });

  test('a slow stream does not slow its neighbour', () => {
    const [a, b] = ends();
    b.onIncoming = (channel) => void b.take(channel, new Recorder(channel.name !== 'slow'));
    const slow = opened(a, 'stream', 'slow');
    const fast = opened(a, 'stream', 'fast');
    const link = opened(a, 'messages', 'link');
    a.mux.write(slow.channel, [new Uint8Array(5_000_000)]);
    a.mux.write(fast.channel, [new Uint8Array(5_000_000)]);
    a.mux.send(link.channel, utf8('urgent'), 'control');
    settle(a, b);
    expect(b.taken.get('fast')?.sink.bytes).toBe(5_000_000);
    expect(b.taken.get('link')?.sink.received).toEqual([utf8('urgent')]);
    expect(b.taken.get('slow')?.sink.bytes).toBe(0);
    const waiting = b.taken.get('slow')?.channel.receiveWindow;
    expect(waiting).toBeGreaterThanOrEqual(0);
    expect(waiting).toBeLessThan(2 * cost);
  });

  test('empty messages cost something: 8 192 of them fill a window', () => {
    const [a, b] = ends();
    b.onIncoming = (channel) => void b.take(channel, new Recorder(false));
    const { channel } = opened(a);
    for (let i = 0; i < 10_000; i++) a.mux.send(channel, new Uint8Array(0), 'rows');
    settle(a, b);
    expect(b.taken.get('x')?.channel.inboxSize).toBe(8_192);
  });

  test('credit comes back in few frames: at half a window, one sum', () => {
    const [a, b] = ends();
    const { channel } = opened(a);
    let credits = 0;
    for (let i = 0; i < 1_000; i++) {
      a.mux.send(channel, new Uint8Array(1_000), 'rows');
      for (const record of a.fetch()) b.mux.receive(record, 0);
      for (const record of b.fetch()) {
        credits += f.framesOf(record).filter((frame) => frame.type === 'CREDIT').length;
        a.mux.receive(record, 0);
      }
    }
    expect(credits).toBe(Math.floor((1_000 * (1_000 + cost)) / (window / 2)));
    expect(b.taken.get('x')?.sink.received).toHaveLength(1_000);
  });

  test('credit comes back for what frames cost, too: a channel of empty messages never stops', () => {
    const [a, b] = ends();
    const { channel } = opened(a);
    for (let i = 0; i < 300; i++) {
      for (let k = 0; k < 100; k++) a.mux.send(channel, new Uint8Array(0), 'rows');
      settle(a, b);
    }
    expect(b.taken.get('x')?.sink.received).toHaveLength(30_000);
  });

  test('small views that wait do not pin their record', () => {
    const b = new End(false);
    const sink = new Recorder(false);
    b.onIncoming = (channel) => void b.take(channel, sink);
    b.mux.receive(f.open(1, 'x', 'stream'), 0);
    b.mux.receive(concatBytes(f.data(1, utf8('tiny')), ...new Array(100).fill(f.ping(1))), 0);
    sink.ready = true;
    b.mux.resume(b.taken.get('x')?.channel as Channel);
    expect(sink.received[0]?.buffer.byteLength).toBe(4);
  });
});

describe('urgency', () => {
  test('what waits leaves by urgency; within one, in order', () => {
    const [a, b] = ends();
    const { channel } = opened(a);
    settle(a, b);
    a.full = true;
    a.mux.send(channel, utf8('fills'), 'rows');
    a.mux.flush(0);
    for (const urgency of [...urgencies].reverse()) {
      for (const n of [1, 2]) expect(a.mux.send(channel, utf8(`${urgency}${n}`), urgency)).toBe(true);
    }
    expect(channel.queuedBytes).toBe([...urgencies].join('').length * 2 + 12);
    a.unblock();
    settle(a, b);
    const said = b.taken.get('x')?.sink.received.map((m) => new TextDecoder().decode(m));
    expect(said).toEqual(['fills', ...urgencies.flatMap((u: Urgency) => [`${u}1`, `${u}2`])]);
    expect(channel.queuedBytes).toBe(0);
  });

  test('each queue is bounded by itself; onDrain comes when half is gone', () => {
    const [a, b] = ends({ queueBytesMax: 10_000 });
    const { channel, sink } = opened(a);
    settle(a, b);
    a.full = true;
    a.mux.send(channel, new Uint8Array(1), 'rows');
    a.mux.flush(0);
    let taken = 0;
    while (a.mux.send(channel, new Uint8Array(1_000), 'shuffle')) taken++;
    expect(taken).toBe(10);
    expect(a.mux.send(channel, new Uint8Array(1_000), 'control')).toBe(true);
    expect(sink.drains).toBe(0);
    a.unblock();
    settle(a, b);
    expect(sink.drains).toBe(1);
    expect(b.taken.get('x')?.sink.received).toHaveLength(12);
  });

  test('a queue is bounded in messages, too', () => {
    const [a, b] = ends({ queueMessagesMax: 5 });
    const { channel } = opened(a);
    settle(a, b);
    a.full = true;
    a.mux.send(channel, new Uint8Array(0), 'rows');
    a.mux.flush(0);
    let taken = 0;
    while (a.mux.send(channel, new Uint8Array(0), 'rows')) taken++;
    expect(taken).toBe(5);
  });

  test('messages leave a share to streams that wait, streams take turns of 16 KiB', () => {
    const [a, b] = ends();
    const streams = [opened(a, 'stream', 's1'), opened(a, 'stream', 's2')];
    const { channel } = opened(a);
    settle(a, b);
    a.full = true;
    a.mux.send(channel, new Uint8Array(1), 'rows');
    a.mux.flush(0);
    for (let i = 0; i < 10; i++) a.mux.send(channel, new Uint8Array(15_000), 'control');
    for (const stream of streams) a.mux.write(stream.channel, [new Uint8Array(100_000)]);
    for (const record of a.fetch()) b.mux.receive(record, 0);
    a.unblock();
    const records = a.fetch();
    const all = records.flatMap(f.framesOf);
    const first = all.filter((frame) => frame.type === 'DATA').slice(0, 8);
    const biggest = Math.max(
      ...first.filter((frame) => frame.channel !== channel.id).map((frame) => frame.body.length),
    );
    expect(biggest).toBeLessThanOrEqual(16_384);
    const order = first.map((frame) => frame.channel);
    expect(order.slice(0, 4).filter((id) => id === channel.id)).toHaveLength(4);
    for (const stream of streams) expect(order).toContain(stream.channel.id);
    for (const record of records) b.mux.receive(record, 0);
    settle(a, b);
    expect(b.taken.get('x')?.sink.received).toHaveLength(11);
    for (const name of ['s1', 's2']) expect(b.taken.get(name)?.sink.bytes).toBe(100_000);
  });

  test('a stream alone takes whole records', () => {
    const [a, b] = ends();
    const { channel } = opened(a, 'stream');
    settle(a, b);
    a.mux.write(channel, [new Uint8Array(65_000)]);
    expect(a.frames().map((frame) => frame.body.length)).toEqual([65_000]);
  });
});

describe('limits of what a peer may do', () => {
  const hostile = (limits = {}): End => {
    const b = new End(false, limits);
    b.mux.receive(f.open(1, 'm'), 0);
    b.mux.receive(f.open(3, 's', 'stream'), 0);
    b.fetch();
    return b;
  };
  const mine = (): { b: End; channel: Channel } => {
    const b = new End(false);
    const { channel } = opened(b);
    b.fetch();
    return { b, channel };
  };

  const broken: [string, (b: End) => Uint8Array[]][] = [
    ['an empty record', () => [new Uint8Array(0)]],
    ['bytes that are no frame', () => [utf8('hello')]],
    ['a frame behind which something is left', () => [concatBytes(f.ping(1), Uint8Array.of(4))]],
    ['an unknown type', () => [f.frame(11, 1, new Uint8Array(0))]],
    ['OPEN with our parity', () => [f.open(2)]],
    ['OPEN with our parity, and a new id', () => [f.open(6)]],
    ['OPEN with an old id', () => [f.open(5), f.open(5)]],
    ['OPEN with a smaller id', () => [f.open(9), f.open(7)]],
    ['OPEN with a bad name', () => [f.open(5, 'no spaces')]],
    ['DATA on a channel that never was', () => [f.data(99, utf8('x'))]],
    ['DATA on a channel of ours that never was', () => [f.data(2, utf8('x'))]],
    ['an empty piece of a stream', () => [f.data(3, new Uint8Array(0))]],
    ['a message of 16 001 B', () => [f.data(1, new Uint8Array(16_001))]],
    ['DATA after FIN', () => [f.fin(3), f.data(3, utf8('x'))]],
    ['FIN twice', () => [f.fin(3), f.fin(3)]],
    ['ACCEPT of their own channel', () => [f.accept(1)]],
    ['REJECT of their own channel', () => [f.reject(1)]],
    ['credit of nothing', () => [f.credit(1, 0)]],
    ['credit that was never used', () => [f.credit(1, 1)]],
    ['credit that overflows', () => [f.credit(1, 4_294_967_295)]],
    [
      'more than the window',
      (b) => {
        b.onIncoming = (channel) => void b.take(channel, new Recorder(false));
        return [f.open(5, 'w'), ...new Array(17).fill(f.data(5, new Uint8Array(16_000)))];
      },
    ],
  ];
  test.each(broken)('%s: PROTOCOL', (_, records) => {
    const b = hostile();
    for (const record of records(b)) b.mux.receive(record, 0);
    expect(b.over).toEqual({ reason: 'PROTOCOL', told: true });
    expect(b.frames().at(-1)).toMatchObject({ type: 'GOAWAY', body: Uint8Array.of(7) });
    expect(b.taken.get('m')?.sink.closed).toBe('PROTOCOL');
    expect(b.mux.size).toBe(0);
  });

  test('control: what is allowed closes nothing', () => {
    const b = hostile();
    for (const record of [
      concatBytes(f.ping(1), f.pong(7)),
      f.open(5, 'y'),
      f.open(9, 'z'),
      f.data(1, new Uint8Array(16_000)),
      f.data(1, new Uint8Array(0)),
      f.data(3, utf8('x')),
      f.fin(3),
      f.reset(1),
      f.data(1, utf8('crossing')),
      f.credit(1, 5),
    ]) {
      b.mux.receive(record, 0);
    }
    expect(b.over).toBeUndefined();
  });

  test.each([
    ['ACCEPT twice', [f.accept(2), f.accept(2)]],
    ['REJECT after ACCEPT', [f.accept(2), f.reject(2)]],
    ['DATA before ACCEPT', [f.data(2, utf8('x'))]],
    ['FIN before ACCEPT', [f.fin(2)]],
    ['CREDIT before ACCEPT', [f.credit(2, 1)]],
  ])('on our channel, %s: PROTOCOL', (_, records) => {
    const { b } = mine();
    for (const record of records) b.mux.receive(record, 0);
    expect(b.over?.reason).toBe('PROTOCOL');
  });

  test('an answer to a channel that was not opened yet: PROTOCOL', () => {
    const b = new End(false, { opens: { perSecond: 1, burst: 1 } });
    opened(b);
    opened(b);
    expect(types(b)).toBe('OPEN');
    b.mux.receive(f.accept(2), 0);
    expect(b.over).toBeUndefined();
    b.mux.receive(f.accept(4), 0);
    expect(b.over?.reason).toBe('PROTOCOL');
  });

  test('32 channels at once and 10 per second; one more: RATE. Rapid reset counts', () => {
    const b = new End(false);
    let id = -1;
    const next = (nowMs: number): void => {
      id += 2;
      b.mux.receive(concatBytes(f.open(id), f.reset(id)), nowMs);
    };
    for (let i = 0; i < 32; i++) next(0);
    for (let i = 1; i <= 50; i++) next(i * 100);
    expect(b.over).toBeUndefined();
    expect(b.mux.size).toBe(0);
    next(5_000);
    expect(b.over?.reason).toBe('RATE');
  });

  test('128 channels of theirs; the next is rejected, the connection lives', () => {
    const b = new End(false, { opens: { perSecond: 1e9, burst: 1e9 } });
    for (let i = 0; i < 130; i++) b.mux.receive(f.open(2 * i + 1, `n${i}`), i);
    expect(b.mux.size).toBe(128);
    expect(b.over).toBeUndefined();
    const answers = b.frames().map((frame) => `${frame.type}${frame.type === 'REJECT' ? frame.body[0] : ''}`);
    expect(answers.filter((answer) => answer === 'ACCEPT')).toHaveLength(128);
    expect(answers.filter((answer) => answer === 'REJECT1')).toHaveLength(2);
  });

  test('128 channels of ours; a closed one makes room', () => {
    const [a, b] = ends({ opens: { perSecond: 1e9, burst: 1e9 } });
    const all = Array.from({ length: 128 }, () => opened(a));
    expect(opened(a).channel).toBeUndefined();
    settle(a, b);
    a.mux.reset((all[0] as { channel: Channel }).channel, 'DONE');
    expect(opened(a).channel).toBeDefined();
    settle(a, b);
    expect([a.mux.size, b.mux.size]).toEqual([128, 128]);
  });

  test('our own opens keep to 80 % of the rate, and wait: no honest node is a flooder', () => {
    const [a, b] = ends();
    const all = Array.from({ length: 100 }, (_, i) => opened(a, 'messages', `n${i}`));
    for (const { channel } of all) expect(a.mux.send(channel, utf8('hi'), 'rows')).toBe(true);
    settle(a, b, 0);
    expect(b.mux.size).toBe(25);
    let nowMs = 0;
    while (b.mux.size < 100) {
      nowMs = Math.max(nowMs + 1, a.mux.deadline());
      a.mux.tick(nowMs);
      settle(a, b, nowMs);
    }
    expect(nowMs).toBeGreaterThan(9_000);
    expect(nowMs).toBeLessThan(9_700);
    expect(b.over).toBeUndefined();
    for (const { sink } of b.taken.values()) expect(sink.received).toEqual([utf8('hi')]);
  });

  test('what was opened while the link stood still comes at once, and is no flood', () => {
    const [a, b] = ends();
    let count = 0;
    const open = (nowMs: number): void => {
      if (opened(a, 'messages', `n${count}`, nowMs).channel !== undefined) count++;
    };
    let nowMs = 0;
    for (; nowMs < 2_000; nowMs += 125) {
      open(nowMs);
      settle(a, b, nowMs);
    }
    for (let stall = 0; stall < 3; stall++) {
      const late: Uint8Array[] = [];
      for (const until = nowMs + 9_000; nowMs < until; nowMs += 125) {
        open(nowMs);
        a.mux.tick(nowMs);
        late.push(...a.fetch(nowMs));
      }
      for (const record of late) b.mux.receive(record, nowMs);
      for (let i = 0; i < 80; i++, nowMs += 125) {
        a.mux.tick(nowMs);
        settle(a, b, nowMs);
      }
      expect(b.over).toBeUndefined();
      for (const { channel } of b.taken.values()) b.mux.reset(channel, 'DONE');
      settle(a, b, nowMs);
    }
    expect([a.over, a.mux.size]).toEqual([undefined, 0]);
    expect(b.taken.size).toBe(count);
  });

  test('who waits to be opened is opened, however many gave up behind or before it', () => {
    const [a, b] = ends();
    for (let i = 0; i < 26; i++) opened(a, 'stream', `n${i}`);
    for (let i = 0; i < 200; i++) a.mux.reset(opened(a, 'stream', 'given-up').channel, 'DONE');
    const last = opened(a, 'stream', 'last');
    settle(a, b);
    for (let nowMs = 125; nowMs <= 250; nowMs += 125) {
      a.mux.tick(nowMs);
      settle(a, b, nowMs);
    }
    expect([last.channel?.opened, a.mux.size, b.mux.size]).toEqual([true, 27, 27]);
  });

  test('what waited behind an OPEN leaves with it, also if the opening of another channel says it', () => {
    const [a, b] = ends();
    for (let i = 0; i < 26; i++) opened(a, 'messages', `n${i}`);
    settle(a, b);
    const { channel } = opened(a, 'messages', 'waits');
    a.mux.send(channel, utf8('hi'), 'rows');
    a.mux.finish(channel, 'DONE');
    expect(channel.opened).toBe(false);
    const lateMs = a.mux.deadline() + 200; // a timer that comes late
    opened(a, 'messages', 'other', lateMs);
    settle(a, b, lateMs);
    const sink = b.taken.get('waits')?.sink;
    expect([sink?.received, sink?.closed]).toEqual([[utf8('hi')], 'DONE']);
  });

  test('a tick at the deadline opens something: nobody is asked for the same time twice', () => {
    const [a, b] = ends();
    for (let i = 0; i < 60; i++) opened(a, 'messages', `n${i}`);
    settle(a, b);
    for (let nowMs = 0; b.mux.size < 60; ) {
      const before = nowMs;
      nowMs = a.mux.deadline();
      expect(nowMs).toBeGreaterThan(before);
      a.mux.tick(nowMs);
      settle(a, b, nowMs);
    }
  });

  test('a million pings while the transport is full: one PONG waits', () => {
    const b = new End(false);
    b.full = true;
    const burst = concatBytes(...Array.from({ length: 5_000 }, (_, i) => f.ping(i)));
    for (let i = 0; i < 200; i++) b.mux.receive(burst, 0);
    b.full = false;
    b.mux.drained(0);
    // The first filled a record before the transport said that it is full.
    expect(b.frames().filter((frame) => frame.type === 'PONG').length).toBeLessThanOrEqual(8_192);
    b.full = true;
    b.mux.receive(f.ping(1), 0);
    b.mux.flush(0);
    b.records = [];
    for (let i = 0; i < 200; i++) b.mux.receive(burst, 0);
    b.unblock();
    const pongs = b.frames().filter((frame) => frame.type === 'PONG');
    expect(pongs).toHaveLength(1);
    expect(pongs[0]?.body).toEqual(Uint8Array.of(0, 0, 0x13, 0x87));
  });

  test('who reads nothing is gone after 20 s, whatever it says it has read', () => {
    const [a] = ends();
    const streams = Array.from({ length: 20 }, (_, i) => opened(a, 'stream', `n${i}`).channel);
    for (const { id } of streams.slice(0, 10)) a.mux.receive(f.accept(id), 0);
    a.full = true;
    for (const stream of streams) a.mux.write(stream, [new Uint8Array(70_000)]);
    a.mux.flush(0);
    for (let nowMs = 1_000, token = 0; nowMs < 20_000; nowMs += 1_000) {
      for (let i = 0; i < 4; i++) a.mux.receive(f.pong(++token), nowMs);
      a.mux.receive(f.credit(streams[0]?.id as number, 1_000), nowMs);
      if (nowMs % 2_000 === 0) a.mux.receive(f.accept(streams[9 + nowMs / 2_000]?.id as number), nowMs);
      a.mux.tick(nowMs);
      expect(a.over, `${nowMs} ms`).toBeUndefined();
    }
    a.mux.tick(20_000);
    expect(a.over?.reason).toBe('TIMEOUT');
  });

  test('256 control frames wait, one more closes', () => {
    const flood = (count: number): End => {
      const b = new End(false, { opens: { perSecond: 1e9, burst: 1e9 } });
      b.onIncoming = () => {};
      b.full = true;
      b.mux.receive(f.ping(0), 0);
      b.mux.flush(0);
      for (let i = 0; i < count; i++) b.mux.receive(f.open(2 * i + 1), 0);
      return b;
    };
    expect(flood(256).over).toBeUndefined();
    expect(flood(257).over).toEqual({ reason: 'RATE', told: false });
  });

  test('what is sealed to a channel that we closed is thrown away, windows still count', () => {
    const [a, b] = ends();
    const { channel } = opened(a);
    settle(a, b);
    b.mux.finish(b.taken.get('x')?.channel as Channel, 'DONE');
    for (let i = 0; i < 16; i++) b.mux.receive(f.data(channel.id, new Uint8Array(16_000)), 0);
    expect(b.over).toBeUndefined();
    b.mux.receive(f.data(channel.id, new Uint8Array(16_000)), 0);
    expect(b.over?.reason).toBe('PROTOCOL');
  });
});

describe('the end of a connection', () => {
  test('GOAWAY comes behind what waits; links close at once, with its reason', () => {
    const [a, b] = ends();
    const { channel, sink } = opened(a);
    const stream = opened(a, 'stream', 's');
    settle(a, b);
    a.full = true;
    a.mux.send(channel, utf8('fills'), 'rows');
    a.mux.flush(0);
    a.mux.send(channel, utf8('waits'), 'rows');
    a.mux.write(stream.channel, [utf8('waits, too')]);
    a.mux.goAway('SHUTDOWN', 0);
    expect(sink.closed).toBe('SHUTDOWN');
    expect(a.mux.send(channel, utf8('late'), 'rows')).toBe(false);
    expect(a.over).toBeUndefined();
    a.unblock();
    settle(a, b);
    expect([a.over, b.over]).toEqual([
      { reason: 'SHUTDOWN', told: true },
      { reason: 'SHUTDOWN', told: true },
    ]);
    expect(b.taken.get('x')?.sink.received).toEqual([utf8('fills'), utf8('waits')]);
    expect(b.taken.get('s')?.sink.received).toEqual([utf8('waits, too')]);
    expect([b.taken.get('x')?.sink.closed, b.taken.get('s')?.sink.closed]).toEqual(['SHUTDOWN', 'SHUTDOWN']);
    expect(stream.sink.closed).toBe('SHUTDOWN');
  });

  test('at once when nothing waits; after 3 s when the peer does not read', () => {
    const [a, b] = ends();
    opened(a);
    settle(a, b);
    a.mux.goAway('USER', 100);
    a.mux.flush(100);
    expect(a.over).toEqual({ reason: 'USER', told: true });

    const [c] = ends();
    const { channel } = opened(c);
    c.full = true;
    c.mux.send(channel, utf8('x'), 'rows');
    c.mux.flush(0);
    c.mux.goAway('USER', 100);
    expect(c.mux.deadline()).toBe(3_100);
    c.mux.tick(3_099);
    expect(c.over).toBeUndefined();
    c.mux.tick(3_100);
    expect(c.over).toEqual({ reason: 'USER', told: false });
  });

  test('after 3 s the reason is told all the same, if it is not the transport that takes nothing', () => {
    const [a, b] = ends();
    b.onIncoming = (channel) => b.take(channel, new Recorder(false));
    const { channel } = opened(a, 'stream');
    settle(a, b);
    a.mux.write(channel, [new Uint8Array(2 * window)]);
    for (let i = 0; i < 60; i++) opened(a, 'messages', `n${i}`);
    settle(a, b);
    a.mux.goAway('USER', 0);
    for (const nowMs of [1_000, 2_000, 3_000]) {
      expect([a.over, b.over]).toEqual([undefined, undefined]);
      a.mux.tick(nowMs);
      settle(a, b, nowMs);
    }
    for (const record of a.records) b.mux.receive(record, 3_000);
    expect([a.over, b.over]).toEqual([
      { reason: 'USER', told: true },
      { reason: 'USER', told: true },
    ]);
  });

  test('a stream that was ended both ways can be read to its end after the connection is gone', () => {
    const [a, b] = ends();
    const reader = new Recorder(false);
    const there = a.mux.open('stream', 'x', reader, 0) as Channel;
    a.mux.finish(there, 'DONE');
    settle(a, b);
    const served = b.taken.get('x')?.channel as Channel;
    b.mux.write(served, [new Uint8Array(1_000)]);
    b.mux.finish(served, 'DONE');
    b.mux.goAway('SHUTDOWN', 0);
    settle(a, b);
    expect(a.over?.reason).toBe('SHUTDOWN');
    reader.ready = true;
    a.mux.resume(there);
    expect([reader.bytes, reader.ended, reader.closed]).toEqual([1_000, true, undefined]);
  });

  test('nothing is opened on a connection that is leaving, from either side', () => {
    const [a] = ends();
    const { channel } = opened(a);
    a.full = true;
    a.mux.send(channel, utf8('x'), 'rows');
    a.mux.flush(0);
    a.mux.goAway('USER', 0);
    expect(opened(a).channel).toBeUndefined();
    a.mux.receive(f.open(2), 0);
    expect(a.taken.size).toBe(0);
  });
});
