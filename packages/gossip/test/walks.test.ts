import { describe, expect, it } from 'vitest';
import { RATES, SEND_SHARE, STALL_SECONDS } from '../src/defaults.js';
import { encodeAnswer, encodeSignal, encodeUnreachable, encodeWalk, type Walk } from '../src/wire.js';
import { Bench, heard, type Remote } from './machine.js';

const id = '00112233445566ff';

function walkOf(origin: Remote, fields: Partial<Walk> = {}): Uint8Array {
  return encodeWalk({
    id,
    ttl: 10,
    purpose: 'join',
    degree: 3,
    desperate: false,
    origin: heard(origin.record),
    ...fields,
  });
}

/** `count` inbound neighbours; nothing is dialed by itself. */
function among(count: number, options: ConstructorParameters<typeof Bench>[0] = {}) {
  const bench = new Bench({ bootstrap: false, connections: 0, tuning: { linksMax: 20 }, ...options });
  const remotes = Array.from({ length: count }, (_, i) => bench.remote(`n${i}`));
  const keys = remotes.map((remote) => bench.visit(remote));
  return { bench, remotes, keys };
}

const walksTo = (bench: Bench, keys: readonly number[]): [number, Walk][] =>
  keys.flatMap((key) => bench.to(key, 'walk').map((walk) => [key, walk] as [number, Walk]));

describe('a walk of others', () => {
  it('goes on with one hop less and our degree, and its answer returns the way it came', () => {
    const { bench, keys } = among(5);
    const origin = bench.remote('origin');
    bench.message(keys[0] as number, walkOf(origin, { degree: 50 }));
    const [[to, walk]] = walksTo(bench, keys) as [[number, Walk]];
    expect(walk).toMatchObject({ id, ttl: 9, degree: 5 });
    const end = bench.remote('end');
    bench.message(to, encodeAnswer({ kind: 'link', walk: id, degree: 4, records: [heard(end.record)] }));
    expect(bench.to(keys[0] as number, 'link').at(-1)).toMatchObject({
      walk: id,
      records: [{ record: { id: end.id } }],
    });
    expect(bench.dials).toEqual([]);
  });

  it('is sent back more often than not from a node of higher degree: Metropolis–Hastings', () => {
    const { bench, keys } = among(10);
    const from = keys[0] as number;
    let back = 0;
    for (let i = 0; i < 100; i++) {
      const before = bench.to(from, 'walk').length;
      bench.message(
        from,
        walkOf(bench.remote('origin'), { id: `00000000000001${i.toString(16).padStart(2, '0')}`, degree: 5 }),
      );
      if (bench.to(from, 'walk').length > before) back++;
      bench.pass(2_000);
    }
    // Half are sent back, and of those that move on a tenth goes there by chance.
    expect(back).toBeGreaterThan(40);
    expect(back).toBeLessThan(70);
  });

  it('always moves to us when we are its first hop', () => {
    const { bench, remotes, keys } = among(10);
    for (let i = 0; i < 8; i++) {
      bench.message(
        keys[0] as number,
        walkOf(remotes[0] as Remote, { id: `000000000000010${i}`, degree: 1 }),
      );
    }
    expect(bench.to(keys[0] as number, 'walk')).toEqual([]);
    expect(walksTo(bench, keys)).toHaveLength(8);
  });

  it('ends at a node that can be dialed and has room: LINK with its record', () => {
    const { bench, keys } = among(5);
    bench.makeDialable();
    bench.message(keys[0] as number, walkOf(bench.remote('origin'), { ttl: 5, degree: 50 }));
    const [answer] = bench.to(keys[0] as number, 'link').filter(({ walk }) => walk === id);
    expect(answer?.records[0]?.record.id).toBe(bench.crypto.id);
  });

  it('ends with FULL where there is no room, unless the origin is desperate and somebody can go', () => {
    const { bench, keys } = among(5, { tuning: { linksMax: 5, linksDialableMax: 5 } });
    bench.makeDialable();
    const from = keys[0] as number;
    const origin = bench.remote('origin');
    bench.message(from, walkOf(origin, { ttl: 5, degree: 50 }));
    bench.message(from, walkOf(origin, { id: '0000000000000001', ttl: 5, degree: 50, desperate: true }));
    expect(bench.to(from, 'full').map(({ walk }) => walk)).toEqual([id]);
    expect(
      bench
        .to(from, 'link')
        .filter(({ walk }) => walk !== '')
        .map(({ walk }) => walk),
    ).toEqual(['0000000000000001']);
  });

  it('never ends next to its origin, and looks on for four more hops', () => {
    const { bench, remotes, keys } = among(5);
    bench.makeDialable();
    const neighbour = remotes[1] as Remote;
    bench.message(keys[0] as number, walkOf(neighbour, { ttl: 5, degree: 50 }));
    expect(walksTo(bench, keys)).toHaveLength(1);
    expect(bench.to(keys[1] as number, 'walk')).toEqual([]);
    bench.message(keys[0] as number, walkOf(neighbour, { id: '0000000000000002', ttl: 1, degree: 50 }));
    expect(bench.to(keys[0] as number, 'full').at(-1)?.walk).toBe('0000000000000002');
  });

  it('does not end before its last four hops; control: in them it does', () => {
    for (const ttl of [6, 5]) {
      const { bench, keys } = among(5);
      bench.makeDialable();
      bench.message(keys[0] as number, walkOf(bench.remote('origin'), { ttl, degree: 50 }));
      expect(walksTo(bench, keys)).toHaveLength(ttl - 5);
      expect(bench.to(keys[0] as number, 'link').filter(({ walk }) => walk === id)).toHaveLength(6 - ttl);
    }
  });

  it('does not end at its origin, nor where its origin is not wanted', () => {
    const { bench, keys } = among(5);
    bench.makeDialable();
    const from = keys[0] as number;
    const unwanted = bench.remote('unwanted');
    bench.handle({ type: 'disconnect', target: unwanted.id });
    bench.message(from, walkOf(unwanted, { ttl: 3, degree: 50 }));
    const own = { ...unwanted, record: bench.machine.record(bench.nowMs) };
    bench.message(from, walkOf(own, { id: '0000000000000001', ttl: 3, degree: 50 }));
    expect(walksTo(bench, keys)).toHaveLength(2);
    expect(bench.to(from, 'link').filter(({ walk }) => walk !== '')).toEqual([]);
  });

  it('never goes to its origin', () => {
    const { bench, remotes, keys } = among(2);
    for (let i = 0; i < 8; i++)
      bench.message(
        keys[0] as number,
        walkOf(remotes[1] as Remote, { id: `00000000000000f${i}`, degree: 50 }),
      );
    expect(bench.to(keys[1] as number, 'walk')).toEqual([]);
  });

  it.each([
    ['in a narrower network than the link over which it came', { addresses: ['ws://10.0.0.7:4000'] }],
    ['only by its past', { dialable: false }],
  ])('does not end where its origin can be dialed %s', (_, fields) => {
    const { bench, keys } = among(2, { bootstrap: true, connections: 5 });
    bench.message(keys[0] as number, walkOf(bench.remote('origin', fields), { ttl: 5, degree: 50 }));
    expect(walksTo(bench, keys)).toHaveLength(1);
    expect(bench.dials).toEqual([]);
  });

  it('that has expired means nothing, nor one over the link of an application', () => {
    const { bench, keys } = among(3);
    bench.message(
      keys[0] as number,
      walkOf(bench.remote('o'), { origin: heard(bench.remote('o').record, 86_400) }),
    );
    const app = bench.remote('app');
    const key = bench.arrive(app);
    bench.hello(key, app, { purpose: 'app' });
    bench.message(key, walkOf(bench.remote('o')));
    expect(bench.count('unexpected')).toBe(2);
    expect(walksTo(bench, keys)).toEqual([]);
  });

  it('belongs to who brought it first: who repeats it gets no answer', () => {
    const { bench, remotes, keys } = among(4);
    const [first, second] = keys as [number, number];
    bench.message(first, walkOf(bench.remote('origin'), { degree: 50 }));
    const [[to]] = walksTo(bench, keys) as [[number, Walk]];
    bench.message(second, walkOf(remotes[1] as Remote, { degree: 50 }));
    bench.message(to, encodeAnswer({ kind: 'full', walk: id, degree: 4, records: [] }));
    const answered = keys.filter((key) => bench.to(key, 'full').some(({ walk }) => walk === id));
    expect(answered).toEqual([first]);
  });

  it('is answered once', () => {
    const { bench, keys } = among(3);
    bench.message(keys[0] as number, walkOf(bench.remote('origin'), { degree: 50 }));
    const [[to]] = walksTo(bench, keys) as [[number, Walk]];
    for (let i = 0; i < 3; i++)
      bench.message(to, encodeAnswer({ kind: 'full', walk: id, degree: 4, records: [] }));
    expect(bench.to(keys[0] as number, 'full')).toHaveLength(1);
    expect(bench.count('unexpected')).toBe(2);
  });

  it('ends at us as often as it likes: of answers a link gets no more than it takes', () => {
    const { bench, keys } = among(3);
    bench.makeDialable();
    const from = keys[0] as number;
    for (let i = 16; i < 42; i++)
      bench.message(
        from,
        walkOf(bench.remote('o'), { id: `00000000000000${i.toString(16)}`, ttl: 3, degree: 50 }),
      );
    const answers = bench.to(from, 'link').filter(({ walk }) => walk !== '').length;
    const stalled = SEND_SHARE * RATES.answer.perSecond * STALL_SECONDS;
    expect(answers).toBeGreaterThan(5);
    expect(answers).toBeLessThanOrEqual(SEND_SHARE * (RATES.answer.burst - stalled));
    expect(bench.count('paced')).toBeGreaterThan(0);
  });

  it('for whom our guest answers is not ours: only who has us as its guest walks for us', () => {
    const { bench } = among(8, { tuning: {} });
    bench.pass(61_000);
    bench.visit(bench.remote('poor'), 0);
    const guest = bench.visit(bench.remote('poorer'), 0);
    expect(bench.kindOf(guest)).toBe('guest');
    const records = [heard(bench.remote('end').record)];
    bench.message(guest, encodeAnswer({ kind: 'full', walk: id, degree: 4, records }));
    expect([bench.count('unexpected'), bench.count('walksFull')]).toEqual([1, 0]);
    expect(bench.store.get(bench.remote('end').address)).toBeUndefined();
  });

  it('of somebody else is answered to him, though who answers has us as its guest', () => {
    const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'], tuning: { bookShare: 1, bookShareLow: 1 } });
    bench.pass(0);
    const host = bench.answer(bench.lastDial, bench.remote('host', { address: 'ws://9.9.9.9:4000' }), 'full');
    expect(bench.kindOf(host)).toBe('guest');
    const neighbour = bench.visit(bench.remote('a'));
    bench.message(neighbour, walkOf(bench.remote('origin'), { degree: 50 }));
    const dials = bench.dials.length;
    const records = [heard(bench.remote('end').record)];
    bench.message(host, encodeAnswer({ kind: 'link', walk: id, degree: 4, records }));
    expect(bench.to(neighbour, 'link').filter(({ walk }) => walk === id)).toHaveLength(1);
    expect(bench.dials).toHaveLength(dials);
  });

  it('does not end at a node that can neither be dialed nor dial', () => {
    const { bench, keys } = among(5);
    const shy = bench.remote('shy', { addresses: [], dialable: false });
    bench.message(keys[0] as number, walkOf(shy, { ttl: 5, degree: 50 }));
    expect(walksTo(bench, keys)).toHaveLength(1);
  });

  it('is dialed by an end that cannot be dialed itself and lacks a link', () => {
    const { bench, keys } = among(2, { bootstrap: true, connections: 5 });
    const origin = bench.remote('origin');
    bench.message(keys[0] as number, walkOf(origin, { ttl: 5, degree: 50 }));
    expect(bench.lastDial).toMatchObject({ address: origin.address, expect: origin.id });
    expect(bench.to(keys[0] as number, 'link').filter(({ walk }) => walk === id)).toHaveLength(1);
  });

  it('an answer without a question means nothing', () => {
    const { bench, keys } = among(3);
    const records = [heard(bench.remote('end').record)];
    bench.message(keys[0] as number, encodeAnswer({ kind: 'link', walk: id, degree: 4, records }));
    expect(bench.count('unexpected')).toBe(1);
    expect(bench.dials).toEqual([]);
    expect(bench.sent.filter(({ message }) => message.kind === 'link' && message.walk !== '')).toEqual([]);
    // … nor one that comes after 30 s
    bench.message(keys[0] as number, walkOf(bench.remote('origin'), { degree: 50 }));
    const [[to]] = walksTo(bench, keys) as [[number, Walk]];
    bench.pass(31_000);
    bench.message(to, encodeAnswer({ kind: 'link', walk: id, degree: 4, records }));
    expect(bench.count('unexpected')).toBe(2);
  });

  it('more than one per second and link, beyond ten and those of a link that stood still, are dropped; we send less', () => {
    const { bench, keys } = among(2);
    const [key] = keys as [number];
    let walks = 0;
    const send = (count: number): void => {
      for (let i = 0; i < count; i++)
        bench.message(
          key,
          walkOf(bench.remote('origin'), {
            id: `a0000000000000${(16 + walks++).toString(16)}`,
            degree: 50,
            ttl: 9,
          }),
        );
    };
    // What a sender that keeps to its rate may have sent in 20 s during which nothing came through.
    const stalled = SEND_SHARE * RATES.walk.perSecond * STALL_SECONDS;
    send(SEND_SHARE * (RATES.walk.burst - stalled) + stalled);
    expect(bench.count('limiterDrops')).toBe(0);
    send(5);
    expect(bench.count('limiterDrops')).toBe(3);
    for (const to of keys) expect(bench.to(to, 'walk').length).toBeLessThanOrEqual(8);
  });

  it('remembers 2 048 of them at most', () => {
    const { bench, keys } = among(3, { tuning: { linksMax: 20, routesMax: 16 } });
    for (let i = 0; i < 100; i++) {
      bench.message(
        keys[i % 2] as number,
        walkOf(bench.remote('origin'), {
          id: `00000000000001${i.toString(16).padStart(2, '0')}`,
          degree: 50,
        }),
      );
      bench.pass(300);
    }
    const [first] = walksTo(bench, keys) as [[number, Walk]];
    bench.message(first[0], encodeAnswer({ kind: 'full', walk: first[1].id, degree: 1, records: [] }));
    expect(bench.count('unexpected')).toBe(1); // forgotten
  });
});

describe('a walk of kind introduce', () => {
  const shy = { addresses: [], dialable: false, webrtc: true };
  const introduce = (origin: Remote, fields: Partial<Walk> = {}): Uint8Array =>
    walkOf(origin, { purpose: 'introduce', ttl: 4, degree: 50, ...fields });
  /** We speak WebRTC, cannot be dialed, and would like some links. */
  const speaking = { webrtc: true, connections: 5, tuning: { linksMax: 20 } };

  it('ends at somebody who cannot be dialed either: it offers a connection', () => {
    const { bench, keys } = among(3, { ...speaking, bootstrap: true });
    const origin = bench.remote('origin', shy);
    bench.message(keys[0] as number, introduce(origin));
    expect(bench.lastDial).toMatchObject({ address: `wrtc:${origin.id}`, expect: origin.id });
    expect(walksTo(bench, keys)).toEqual([]);
    // The dial leads to a path by the way of the walk, under its number.
    bench.handle({ type: 'introduce', path: 1, to: origin.id, via: [] });
    bench.handle({ type: 'signal', path: 1, signal: { kind: 'offer', sdp: 'o' } });
    bench.pass(0);
    const [signal] = bench.to(keys[0] as number, 'signal');
    expect(signal).toMatchObject({ path: id, target: origin.id });
  });

  it('leads one path at a time to its origin: a second one goes another way, and the first one on', () => {
    const { bench, keys } = among(3, { ...speaking, bootstrap: true });
    const origin = bench.remote('origin', shy);
    bench.message(keys[0] as number, introduce(origin));
    for (const path of [1, 2]) {
      bench.handle({ type: 'introduce', path, to: origin.id, via: [] });
      bench.handle({ type: 'signal', path, signal: { kind: 'offer', sdp: `o${path}` } });
      bench.pass(0);
    }
    bench.handle({ type: 'pathClose', path: 2 });
    bench.message(keys[0] as number, encodeUnreachable({ path: id, code: 'REFUSED' }));
    bench.pass(0);
    expect(bench.eventsOf('pathClosed')).toMatchObject([
      { path: 2, code: 'CLOSED' },
      { path: 1, code: 'REFUSED' },
    ]);
    const paths = keys.flatMap((key) => bench.to(key, 'signal')).map(({ path }) => path);
    expect(paths.filter((path) => path === id)).toHaveLength(1);
  });

  it.each([
    ['we do not speak WebRTC', { webrtc: false }, shy],
    ['the origin does not', {}, { ...shy, webrtc: false }],
    ['the origin can be dialed', {}, { webrtc: true }],
    ['nothing may be dialed by itself', { bootstrap: false }, shy],
  ])('goes on where %s', (_, options, record) => {
    const { bench, keys } = among(3, { ...speaking, bootstrap: true, ...options });
    bench.message(keys[0] as number, introduce(bench.remote('origin', record)));
    expect(bench.dials.filter(({ address }) => address.startsWith('wrtc:'))).toEqual([]);
    expect(walksTo(bench, keys).filter(([, { purpose }]) => purpose === 'introduce')).toHaveLength(1);
  });

  it('goes on where there are enough of the kind already, and from one that can be dialed', () => {
    const { bench, keys } = among(3, { ...speaking, bootstrap: true });
    for (let i = 0; i < 4; i++) bench.visit(bench.remote(`shy ${i}`, shy));
    bench.message(keys[0] as number, introduce(bench.remote('origin', shy)));
    expect(bench.dials.filter(({ address }) => address.startsWith('wrtc:'))).toEqual([]);
    const other = among(3, { ...speaking, bootstrap: true });
    other.bench.makeDialable();
    other.bench.message(other.keys[0] as number, introduce(other.bench.remote('origin', shy)));
    expect(other.bench.dials.filter(({ address }) => address.startsWith('wrtc:'))).toEqual([]);
  });

  it('lets signals go back the way it came, and nobody else use it', () => {
    const { bench, keys } = among(3);
    const origin = bench.remote('origin', shy);
    const [from, end] = keys as [number, number, number];
    bench.message(from, introduce(origin, { ttl: 9 }));
    const signal = { path: id, scope: 'global', target: origin.id, sealed: new Uint8Array(60) } as const;
    bench.message(end, encodeSignal(signal));
    expect(bench.to(from, 'signal')).toEqual([{ kind: 'signal', ...signal }]);
    bench.message(from, encodeSignal({ ...signal, target: undefined }));
    expect(bench.to(end, 'signal')).toHaveLength(1);
    bench.message(keys[2] as number, encodeSignal({ ...signal, target: undefined }));
    expect(bench.count('unexpected')).toBe(1);
    // Without the walk nobody knows where the target is.
    bench.message(end, encodeSignal({ ...signal, path: '00000000000000ff' }));
    expect(bench.to(end, 'unreachable')).toEqual([
      { kind: 'unreachable', path: '00000000000000ff', code: 'NOT_FOUND' },
    ]);
  });

  it.each([
    ['after 30 s', (bench: Bench) => bench.pass(30_001)],
    [
      'when who brought it has gone',
      (bench: Bench, from: number) => {
        bench.handle({ type: 'linkDown', key: from, reason: 'LOST' });
      },
    ],
  ])('lets nothing go back the way it came %s', (_, happens) => {
    const { bench, keys } = among(3);
    const [from, end] = keys as [number, number];
    const origin = bench.remote('origin', shy);
    bench.message(from, introduce(origin, { ttl: 9 }));
    happens(bench, from);
    const signal = { path: id, scope: 'global', target: origin.id, sealed: new Uint8Array(60) } as const;
    bench.message(end, encodeSignal(signal));
    expect(bench.to(from, 'signal')).toEqual([]);
    expect(bench.to(end, 'unreachable')).toEqual([{ kind: 'unreachable', path: id, code: 'NOT_FOUND' }]);
  });

  it('is sent by who has two relays, takes offers and lacks neighbours of the kind', () => {
    const sent = (serving: boolean, others: number): number => {
      const bench = new Bench({ webrtc: true, tuning: { bookShare: 1, bookShareLow: 1 } });
      bench.handle({ type: 'serve', on: serving });
      bench.handle({ type: 'connect', request: 1, address: 'ws://9.1.1.1:4000' });
      bench.handle({ type: 'connect', request: 2, address: 'ws://9.2.1.1:4000' });
      const relays = bench.dials.map((dial, i) => bench.answer(dial, bench.remote(`relay ${i}`)));
      for (let i = 0; i < others; i++) bench.visit(bench.remote(`shy ${i}`, shy));
      bench.pass(10_000);
      return relays.flatMap((key) => bench.to(key, 'walk')).filter(({ purpose }) => purpose === 'introduce')
        .length;
    };
    expect(sent(true, 0)).toBeGreaterThan(0);
    expect(sent(true, 2)).toBe(0);
    expect(sent(false, 0)).toBe(0);
  });

  it('that finds nobody three times: links with those who can be dialed take the place', () => {
    const c = new Bench({ webrtc: true, tuning: { bookShare: 0, bookShareLow: 0 } });
    c.handle({ type: 'serve', on: true });
    c.handle({ type: 'connect', request: 1, address: 'ws://9.1.1.1:4000' });
    c.handle({ type: 'connect', request: 2, address: 'ws://9.2.1.1:4000' });
    c.handle({ type: 'connect', request: 3, address: 'ws://9.3.1.1:4000' });
    const relays = c.dials.map((dial, i) => c.answer(dial, c.remote(`relay ${i}`)));
    const joins = (): number =>
      relays.flatMap((key) => c.to(key, 'walk')).filter(({ purpose }) => purpose === 'join').length;
    c.pass(9_000);
    expect(joins()).toBe(0); // three are enough while there is hope
    c.pass(60_000);
    expect(joins()).toBeGreaterThan(0);
  });
});

describe('a walk of ours', () => {
  function lonely() {
    const bench = new Bench({ tuning: { bookShare: 0, bookShareLow: 0 } });
    const keys = ['a', 'b'].map((name) => bench.visit(bench.remote(name)));
    bench.pass(0);
    const before = new Set(bench.dials);
    bench.pass(2_000);
    const walks = walksTo(bench, keys);
    return { bench, keys, walks, before };
  }

  it('starts when links are missing, with our record and the length for the estimated size', () => {
    const { bench, walks } = lonely();
    expect(walks.length).toBeGreaterThan(0);
    const [, walk] = walks[0] as [number, Walk];
    expect(walk).toMatchObject({ ttl: 8, desperate: true, origin: { record: { id: bench.crypto.id } } });
  });

  it('LINK: we dial who ended it', () => {
    const { bench, walks } = lonely();
    const [key, walk] = walks[0] as [number, Walk];
    const end = bench.remote('end');
    bench.message(
      key,
      encodeAnswer({ kind: 'link', walk: walk.id, degree: 4, records: [heard(end.record)] }),
    );
    expect(bench.lastDial).toMatchObject({ address: end.address, expect: end.id });
    expect(bench.count('walksLinked')).toBe(1);
  });

  it('that came home and was answered is over: a second answer goes nowhere', () => {
    const { bench, keys, walks } = lonely();
    const [key, walk] = walks[0] as [number, Walk];
    const other = keys.find((k) => k !== key) as number;
    bench.message(other, encodeWalk({ ...walk, ttl: 9, degree: 50 }));
    for (let i = 0; i < 2; i++)
      bench.message(key, encodeAnswer({ kind: 'full', walk: walk.id, degree: 4, records: [] }));
    expect([bench.count('walksFull'), bench.count('unexpected')]).toEqual([1, 1]);
    expect(bench.to(other, 'full').filter((answer) => answer.walk === walk.id)).toEqual([]);
  });

  it('has five others beside it at most, whatever happens', () => {
    const bench = new Bench({ connections: 40, tuning: { bookShare: 0, bookShareLow: 0, linksMax: 80 } });
    let most = 0;
    for (let i = 0; i < 40; i++) {
      bench.visit(bench.remote(`n${i}`));
      bench.pass(250);
      most = Math.max(most, bench.count('walking'));
    }
    expect(most).toBe(6);
  });

  it('LINK, when no link is missing any more: nobody is dialed', () => {
    const { bench, walks } = lonely();
    for (let i = 0; i < 5; i++) {
      bench.handle({ type: 'connect', request: i, address: `ws://9.${i}.1.1:4000` });
      bench.answer(bench.lastDial, bench.remote(`own ${i}`, { address: `ws://9.${i}.1.1:4000` }));
    }
    const dials = bench.dials.length;
    const [key, walk] = walks[0] as [number, Walk];
    const records = [heard(bench.remote('end').record)];
    bench.message(key, encodeAnswer({ kind: 'link', walk: walk.id, degree: 4, records }));
    expect(bench.count('walksLinked')).toBe(1);
    expect(bench.dials).toHaveLength(dials);
  });

  it('unanswered for 5 s: once more by the other neighbour, and then no more', () => {
    const { bench, keys, walks } = lonely();
    const [key] = walks[0] as [number, Walk];
    const other = keys.find((k) => k !== key) as number;
    const before = bench.to(other, 'walk').length;
    bench.pass(5_200);
    expect(bench.to(other, 'walk').length).toBeGreaterThan(before);
    expect(bench.count('walksLost')).toBeGreaterThan(0);
  });

  it('that found nobody: the book is asked soon, though walks would have had the turn', () => {
    const { bench, walks } = lonely();
    const known = bench.remote('known');
    bench.store.save([known.address]);
    const [key, walk] = walks[0] as [number, Walk];
    bench.message(key, encodeAnswer({ kind: 'full', walk: walk.id, degree: 4, records: [] }));
    const before = { walks: bench.count('walks'), dials: bench.dials.length };
    bench.pass(1_300);
    expect(bench.dials.slice(before.dials).map(({ address }) => address)).toEqual([known.address]);
    expect(bench.count('walks')).toBe(before.walks);
  });

  it('fruitless ones become rare: in a tiny network there is nobody to find', () => {
    const bench = new Bench({ tuning: { bookShare: 0, bookShareLow: 0 } });
    const keys = ['a', 'b'].map((name) => bench.visit(bench.remote(name)));
    const answered = new Set<string>();
    const rounds = (seconds: number): number => {
      const from = answered.size;
      for (let i = 0; i < seconds; i++) {
        bench.pass(1_000);
        for (const [key, walk] of walksTo(bench, keys)) {
          if (answered.has(walk.id)) continue;
          answered.add(walk.id);
          bench.message(key, encodeAnswer({ kind: 'full', walk: walk.id, degree: 2, records: [] }));
        }
      }
      return answered.size - from;
    };
    expect(rounds(30)).toBeGreaterThan(2);
    rounds(200);
    expect(rounds(120)).toBeLessThanOrEqual(8);
  });
});
