// What one machine makes of signals: which are due, from whom, how many, and how wide the network is that they crossed.
// At an end of a path, and between two.
import type { Scope, Signal } from '@peernet/core';
import { describe, expect, it } from 'vitest';
import { sealSignal } from '../src/machine/sealed-signal.js';
import { encodeSignal, encodeUnreachable, type SignalMessage } from '../src/wire.js';
import { Bench, type BenchOptions, type Remote } from './machine.js';

const path = '00112233445566ff';
const offer: Signal = { kind: 'offer', sdp: 'an offer' };
const answer: Signal = { kind: 'answer', sdp: 'an answer' };
const candidate: Signal = { kind: 'candidate', candidate: 'a candidate' };
const quiet = { bootstrap: false, connections: 0, webrtc: true };

interface Say {
  path?: string;
  counter?: number;
  signal?: Signal;
  scope?: Scope;
  /** Named as target. */
  target?: SignalMessage['target'];
}

describe('an end of a path', () => {
  /** Takes offers; `relay` is the peer over whom all of them come. */
  function end(options: BenchOptions = {}, scope: Scope = 'global') {
    const bench = new Bench({ ...quiet, ...options });
    bench.handle({ type: 'serve', on: true });
    const relay = bench.visit(bench.remote('relay'), 5, { scope });
    /** What `from` says to us, over `key`. */
    const hear = (from: Pick<Remote, 'crypto'>, say: Say = {}, key = relay): void => {
      const { path: id = path, counter = 0, signal = offer, scope: told = 'loopback', target } = say;
      const sealed = sealSignal(from.crypto, bench.crypto.id, { path: id, counter, signal });
      bench.message(key, encodeSignal({ path: id, scope: told, target, sealed }));
    };
    const begin = (from: Pick<Remote, 'crypto'>, say: Say = {}): void =>
      hear(from, { target: bench.crypto.id, ...say });
    return { bench, relay, hear, begin, other: bench.remote('other') };
  }
  const signals = (bench: Bench): Signal[] => bench.eventsOf('signalled').map(({ signal }) => signal);

  it('hears nothing over a probe', () => {
    const { bench, hear, other } = end();
    const remote = bench.remote('probe');
    const key = bench.arrive(remote);
    bench.hello(key, remote, { purpose: 'probe' });
    hear(other, { target: bench.crypto.id }, key);
    expect(bench.count('unexpected')).toBe(1);
    expect(bench.eventsOf('offered')).toEqual([]);
    expect(bench.to(key, 'unreachable')).toEqual([]);
  });

  it('refuses offers while nobody takes them', () => {
    const { bench, relay, begin, other } = end();
    bench.handle({ type: 'serve', on: false });
    begin(other);
    expect(bench.to(relay, 'unreachable')).toMatchObject([{ path, code: 'REFUSED' }]);
    expect(bench.eventsOf('offered')).toEqual([]);
    bench.handle({ type: 'serve', on: true }); // the control
    begin(other);
    expect(bench.eventsOf('offered')).toMatchObject([{ peer: other.id }]);
  });

  it('has so many begun with it at a time, and another one when one is over', () => {
    const { bench, relay, begin } = end({ tuning: { pathsTakenMax: 2 } });
    const offers = (): number => bench.eventsOf('offered').length;
    for (const i of [1, 2, 3]) begin(bench.remote(`r${i}`), { path: `000000000000000${i}` });
    expect(offers()).toBe(2);
    expect(bench.to(relay, 'unreachable')).toMatchObject([{ path: '0000000000000003', code: 'LIMIT' }]);
    bench.handle({ type: 'pathClose', path: bench.eventsOf('offered')[0]?.path as number });
    begin(bench.remote('r4'), { path: '0000000000000004' });
    expect(offers()).toBe(3);
  });

  it.each([
    ['an answer', { signal: answer }],
    ['a candidate', { signal: candidate }],
    ['an offer that was not the first signal', { counter: 1 }],
  ])('is not begun by %s', (_, say) => {
    const { bench, begin, other } = end();
    begin(other, say);
    expect([bench.count('signalsRefused'), bench.count('offers'), bench.count('paths')]).toEqual([1, 0, 0]);
  });

  it('is not begun by ourselves', () => {
    const { bench, begin } = end();
    begin(bench);
    expect([bench.count('signalsRefused'), bench.count('offers'), bench.count('paths')]).toEqual([1, 0, 0]);
  });

  it('that others began hears candidates only, each with a higher number, and from where the offer came', () => {
    const { bench, hear, begin, other } = end();
    const third = bench.visit(bench.remote('third'));
    begin(other);
    hear(other, { counter: 1, signal: answer });
    hear(other, { counter: 1, signal: offer });
    hear(other, { counter: 0, signal: candidate });
    expect(bench.count('signalsRefused')).toBe(3);
    hear(other, { counter: 1, signal: candidate }, third);
    bench.message(third, encodeUnreachable({ path, code: 'LOST' }));
    expect(bench.count('unexpected')).toBe(2);
    expect(signals(bench)).toEqual([offer]);
    hear(other, { counter: 1, signal: candidate });
    expect(signals(bench)).toEqual([offer, candidate]);
    expect(bench.eventsOf('pathClosed')).toEqual([]);
  });

  it('that we began hears no offer', () => {
    const { bench, relay, hear, other } = end();
    bench.handle({ type: 'introduce', path: 1, to: other.id, via: [bench.remote('relay').address] });
    bench.handle({ type: 'signal', path: 1, signal: offer });
    bench.pass(0);
    const id = bench.to(relay, 'signal')[0]?.path as string;
    hear(other, { path: id, signal: offer });
    expect([bench.count('signalsRefused'), signals(bench).length]).toEqual([1, 0]);
    hear(other, { path: id, signal: answer });
    expect(signals(bench)).toEqual([answer]);
  });

  it('hears twelve signals, the offer counted, and 12 KiB', () => {
    const many = end();
    many.begin(many.other);
    for (let counter = 1; counter < 20; counter++) many.hear(many.other, { counter, signal: candidate });
    expect(signals(many.bench)).toHaveLength(12);
    expect(many.bench.count('signalsRefused')).toBe(8);

    const large = end();
    const long = (chars: number): Signal => ({ kind: 'candidate', candidate: 'x'.repeat(chars) });
    large.begin(large.other, { signal: { kind: 'offer', sdp: 'x'.repeat(8_000) } });
    large.hear(large.other, { counter: 1, signal: long(4_000) });
    large.hear(large.other, { counter: 2, signal: long(3_000) });
    expect(signals(large.bench)).toHaveLength(2);
    expect(large.bench.count('signalsRefused')).toBe(1);
  });

  it('crosses a network as wide as the link over which it comes, or as others say', () => {
    const scopeAfter = (link: Scope, first: Scope, second: Scope): (Scope | undefined)[] => {
      const { bench, hear, begin, other } = end({}, link);
      begin(other, { scope: first });
      const number = bench.eventsOf('offered')[0]?.path as number;
      const at = [bench.machine.pathScope(number)];
      hear(other, { counter: 1, signal: candidate, scope: second });
      return [...at, bench.machine.pathScope(number)];
    };
    expect(scopeAfter('private', 'loopback', 'loopback')).toEqual(['private', 'private']);
    expect(scopeAfter('private', 'global', 'loopback')).toEqual(['global', 'global']);
    expect(scopeAfter('private', 'loopback', 'global')).toEqual(['private', 'global']);
    expect(scopeAfter('global', 'loopback', 'private')).toEqual(['global', 'global']);
  });

  it('is not begun with ourselves', () => {
    const { bench } = end();
    bench.handle({ type: 'introduce', path: 1, to: bench.crypto.id, via: [] });
    expect(bench.eventsOf('pathClosed')).toEqual([{ type: 'pathClosed', path: 1, code: 'SELF' }]);
  });

  it.each(['address', 'id'] as const)('goes by no relay that the user does not want, by its %s', (by) => {
    const { bench, other } = end();
    const relay = bench.remote('unwanted');
    const via = [`${relay.address}#${relay.id}`];
    bench.handle({ type: 'disconnect', target: relay[by] });
    bench.handle({ type: 'introduce', path: 1, to: other.id, via });
    bench.pass(1_000);
    expect(bench.dials).toEqual([]);
    const control = end();
    control.bench.handle({ type: 'introduce', path: 1, to: other.id, via });
    control.bench.pass(1_000);
    expect(control.bench.dials).toMatchObject([{ address: relay.address, expect: relay.id }]);
  });
});

describe('a relay', () => {
  /** `count` peers, all neighbours. */
  function between(count: number, options: BenchOptions = {}, scopes: readonly Scope[] = []) {
    const bench = new Bench({ ...quiet, ...options, tuning: { linksMax: 40, ...options.tuning } });
    const remotes = Array.from({ length: count }, (_, i) => bench.remote(`n${i}`));
    const keys = remotes.map((remote, i) => bench.visit(remote, 5, { scope: scopes[i] ?? 'global' }));
    const sealed = new Uint8Array(60);
    const say = (from: number, to: number | undefined, id = path, scope: Scope = 'loopback'): void => {
      const target = to === undefined ? undefined : remotes[to]?.id;
      bench.message(keys[from] as number, encodeSignal({ path: id, scope, target, sealed }));
    };
    return { bench, remotes, keys, say, heardBy: (i: number) => bench.to(keys[i] as number, 'signal') };
  }
  const codes = (bench: Bench, key: number | undefined) =>
    bench.to(key as number, 'unreachable').map(({ path: id, code }) => [id, code]);

  it('names the target once, and raises the scope to that of the link over which a signal came', () => {
    const { say, heardBy } = between(2, {}, ['private', 'link-local']);
    say(0, 1);
    say(0, 1);
    say(0, undefined, path, 'global');
    say(1, undefined);
    expect(heardBy(1).map(({ scope, target }) => [scope, target !== undefined])).toEqual([
      ['private', true],
      ['private', false],
      ['global', false],
    ]);
    expect(heardBy(0).map(({ scope }) => scope)).toEqual(['link-local']);
  });

  it('forgets a path after 30 s', () => {
    const { bench, say, heardBy } = between(2);
    say(0, 1);
    bench.pass(29_900);
    say(1, undefined);
    expect(heardBy(0)).toHaveLength(1);
    bench.pass(200);
    say(1, undefined);
    expect(heardBy(0)).toHaveLength(1);
    expect(bench.count('unexpected')).toBe(1);
  });

  it('full of paths takes no other one, and forgets none for it', () => {
    const { bench, keys, say, heardBy } = between(4, { tuning: { introductionsMax: 2 } });
    for (const from of [0, 1, 2]) say(from, 3, `000000000000000${from}`);
    expect(codes(bench, keys[2])).toEqual([['0000000000000002', 'LIMIT']]);
    say(3, undefined, '0000000000000000');
    expect(heardBy(0)).toHaveLength(1);
  });

  it('takes so many of one peer, and those of others all the same', () => {
    const { bench, keys, say, heardBy } = between(5, { tuning: { introductionsPerPeer: 2 } });
    for (const to of [1, 2, 3]) say(0, to, `000000000000000${to}`);
    expect(codes(bench, keys[0])).toEqual([['0000000000000003', 'LIMIT']]);
    say(4, 3);
    expect(heardBy(3)).toHaveLength(1);
  });

  it('brings nobody more introductions than it takes', () => {
    const { bench, keys, say, heardBy } = between(9);
    for (let from = 1; from < 9; from++) say(from, 0, `000000000000000${from}`);
    expect(heardBy(0)).toHaveLength(4); // 80 % of five at once
    expect(keys.flatMap((key) => codes(bench, key)).filter(([, code]) => code === 'LIMIT')).toHaveLength(4);
    bench.pass(2_000);
    say(8, 0);
    expect(heardBy(0)).toHaveLength(5);
  });

  it('leads nobody to himself, nor to who has not said HELLO', () => {
    const { bench, keys, say, heardBy } = between(1);
    say(0, 0);
    expect(codes(bench, keys[0])).toEqual([[path, 'NOT_FOUND']]);
    const silent = bench.remote('silent');
    bench.handle({ type: 'connect', request: 1, address: silent.address });
    const key = bench.dialed(bench.lastDial, silent);
    const asked = { path: '00000000000000aa', scope: 'global', target: silent.id } as const;
    bench.message(keys[0] as number, encodeSignal({ ...asked, sealed: new Uint8Array(60) }));
    expect(codes(bench, keys[0])).toEqual([
      [path, 'NOT_FOUND'],
      ['00000000000000aa', 'NOT_FOUND'],
    ]);
    expect([...heardBy(0), ...bench.to(key, 'signal')]).toEqual([]);
  });
});
