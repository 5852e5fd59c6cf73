import { describe, expect, it } from 'vitest';
import { encodeAnswer, encodeRecord, encodeShuffle } from '../src/wire.js';
import { Bench, type Dialed, heard } from './machine.js';

describe('HELLO', () => {
  it('is said by the dialer at once, by the other side in reply, and LINK makes neighbours', () => {
    const bench = new Bench();
    const remote = bench.remote('a');
    const key = bench.arrive(remote);
    expect(bench.sent).toEqual([]);
    bench.hello(key, remote);
    expect(bench.sent.map(({ message }) => message.kind).slice(0, 2)).toEqual(['hello', 'link']);
    expect(bench.kindOf(key)).toBe('overlay');
    expect(bench.eventsOf('up')).toMatchObject([{ key, id: remote.id }]);

    const other = new Bench({ seeds: [remote.address] });
    other.pass(0);
    const far = other.remote('a');
    const dialed = other.dialed(other.lastDial, far);
    expect(other.to(dialed, 'hello')).toMatchObject([{ dialed: remote.address, purpose: 'overlay' }]);
    other.hello(dialed, far);
    expect(other.kindOf(dialed)).toBe('pending');
    other.message(dialed, encodeAnswer({ kind: 'link', walk: '', degree: 3, records: [] }));
    expect(other.kindOf(dialed)).toBe('overlay');
  });

  it('tells the visitor where it is seen, and takes its record for a verified address of the book', () => {
    const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'] });
    bench.pass(0);
    const remote = bench.remote('a', { address: 'ws://9.9.9.9:4000' });
    bench.answer(bench.lastDial, remote);
    expect(bench.store.get('ws://9.9.9.9:4000')).toMatchObject({ id: remote.id, verified: true });
    const visitor = bench.remote('v');
    const key = bench.visit(visitor);
    expect(bench.to(key, 'hello')[0]?.observed).toMatch(/^tcp:\/\/[0-9.]+:40000$/);
  });

  it('must come within ten seconds, and LINK or FULL after it', () => {
    const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'], bootstrap: true });
    bench.pass(0);
    const silent = bench.arrive(bench.remote('silent'));
    const dialed = bench.answer(bench.lastDial, bench.remote('a'), 'hello');
    bench.pass(9_900);
    expect(bench.closed.size).toBe(0);
    bench.pass(200);
    expect(bench.closed.get(silent)).toBe('TIMEOUT');
    expect(bench.closed.get(dialed)).toBe('TIMEOUT');
  });

  it('of a peer that broke another protocol end, and it is banned', () => {
    const bench = new Bench({ bootstrap: false });
    const [a, b] = [bench.remote('a'), bench.remote('b')];
    const [key, fine] = [bench.visit(a), bench.visit(b)];
    bench.handle({ type: 'misbehaved', id: a.id, why: 'in a search' });
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    expect(bench.closed.get(bench.arrive(a))).toBe('BANNED');
    expect(bench.count('bans')).toBe(1);
    expect(bench.kindOf(fine)).toBe('overlay');
  });

  it.each(['malformed', 'search'] as const)(
    'of a peer that broke the protocol ends, and its second link does not succeed it (%s)',
    (how) => {
      for (const at of [0, 1]) {
        const bench = new Bench({ bootstrap: false });
        const remote = bench.remote('a');
        const keys = [bench.visit(remote), bench.visit(remote)];
        if (how === 'malformed') bench.message(keys[at] as number, new Uint8Array([1]));
        else bench.handle({ type: 'misbehaved', id: remote.id, why: 'in a search' });
        expect(bench.count('bans')).toBe(1);
        expect(keys.map((key) => bench.closed.get(key))).toEqual(['PROTOCOL', 'PROTOCOL']);
        expect(bench.eventsOf('up')).toHaveLength(1);
        expect([...bench.machine.links()]).toEqual([]);
      }
    },
  );

  it('of a peer that broke the protocol ends, also where the link that came first said HELLO last', () => {
    for (const at of [0, 1]) {
      const bench = new Bench({ bootstrap: false });
      const remote = bench.remote('a');
      const keys = [bench.arrive(remote), bench.arrive(remote)] as const;
      for (const key of [keys[1], keys[0]]) bench.hello(key, remote);
      bench.message(keys[at] as number, new Uint8Array([1]));
      expect(keys.map((key) => bench.closed.get(key))).toEqual(['PROTOCOL', 'PROTOCOL']);
      expect(bench.eventsOf('up')).toHaveLength(1);
    }
  });

  it('with the record of somebody else bans', () => {
    const bench = new Bench();
    const [a, b] = [bench.remote('a'), bench.remote('b')];
    const key = bench.arrive(a);
    bench.hello(key, b);
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    const again = bench.arrive(a);
    expect(bench.closed.get(again)).toBe('BANNED');
    const other = bench.visit(b);
    expect(bench.kindOf(other)).toBe('overlay');
    // A ban ends, and the next one is twice as long.
    bench.pass(600_001);
    const third = bench.arrive(a);
    expect(bench.closed.has(third)).toBe(false);
    bench.hello(third, b);
    bench.pass(1_199_000);
    const fourth = bench.arrive(a);
    expect(bench.closed.get(fourth)).toBe('BANNED');
    bench.pass(2_000);
    expect(bench.closed.has(bench.arrive(a))).toBe(false);
  });

  it('with the record of somebody else, again and again: a day is the longest ban', () => {
    const bench = new Bench({ bootstrap: false });
    const [a, b] = [bench.remote('a'), bench.remote('b')];
    for (let i = 0; i < 12; i++) {
      const key = bench.arrive(a);
      bench.hello(key, b);
      expect(bench.closed.get(key)).toBe('PROTOCOL');
      bench.nowMs += 86_400_001;
    }
    expect(bench.count('bans')).toBe(12);
  });

  it('is not said to ourselves, nor to who is banned, whoever made the link', () => {
    const bench = new Bench({ bootstrap: false });
    const [a, b] = [bench.remote('a'), bench.remote('b')];
    bench.hello(bench.arrive(a), b);
    const dialing = (address: string): Dialed => {
      bench.handle({ type: 'connect', request: 1, address });
      return bench.lastDial;
    };
    const self = { ...a, id: bench.crypto.id };
    expect(bench.closed.get(bench.arrive(self))).toBe('SELF');
    for (const remote of [self, a]) {
      const key = bench.dialed(dialing('ws://9.9.9.9:4000'), remote);
      expect(bench.closed.has(key)).toBe(true);
      expect(bench.to(key, 'hello')).toEqual([]);
    }
    expect(bench.eventsOf('connectFailed').map(({ code }) => code)).toEqual(['REFUSED', 'REFUSED']);
    expect([...bench.machine.links()]).toEqual([]);
  });

  it.each([
    ['overlay', 'app'],
    ['overlay', 'probe'],
    ['probe', 'overlay'],
    ['app', 'app'],
    ['app', 'probe'],
  ] as const)('once more, over a link for %s, with purpose %s ends it', (first, second) => {
    const bench = new Bench();
    const remote = bench.remote('a');
    const key = bench.arrive(remote);
    bench.hello(key, remote, { purpose: first });
    bench.hello(key, remote, { purpose: second });
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    expect(bench.count('bans')).toBe(0);
  });

  it('comes before everything else', () => {
    const bench = new Bench();
    const key = bench.arrive(bench.remote('a'));
    bench.message(key, encodeShuffle({ answer: false, degree: 1, records: [] }));
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    expect(bench.count('bans')).toBe(0);
  });

  it('is not answered for more than 64 that say nothing', () => {
    const bench = new Bench();
    const keys = Array.from({ length: 65 }, (_, i) => bench.arrive(bench.remote(`r${i}`)));
    expect(keys.filter((key) => bench.closed.get(key) === 'FULL')).toEqual([keys[64]]);
    const relay = new Bench({ relay: true });
    for (let i = 0; i < 65; i++) relay.arrive(relay.remote(`r${i}`));
    expect(relay.closed.size).toBe(0);
  });
});

describe('links without a word', () => {
  /** Eight a second, each of which lives for ten: more than there is room for. Who says HELLO after 200 ms is let in? */
  it('do not keep out who has something to say; control: when all are new, there is no room', () => {
    const bench = new Bench({ bootstrap: false, tuning: { linksMax: 40 } });
    let n = 0;
    const mute = (count: number): number[] =>
      Array.from({ length: count }, () => bench.arrive(bench.remote(`mute${n++}`)));
    const isLetIn = (): boolean => {
      const remote = bench.remote(`honest${n++}`);
      const key = bench.arrive(remote);
      bench.pass(200);
      bench.hello(key, remote);
      return bench.kindOf(key) === 'overlay';
    };
    for (let second = 0; second < 30; second++) {
      mute(8);
      bench.pass(second < 20 ? 1_000 : 800);
      if (second >= 20) expect(isLetIn()).toBe(true);
    }
    bench.pass(20_000);
    mute(64);
    expect(isLetIn()).toBe(false);
  });
});

describe('second links', () => {
  it('wait for the end of the first ones, and keep nobody out; control: who says nothing does', () => {
    for (const isSaid of [true, false]) {
      const bench = new Bench({ bootstrap: false });
      bench.makeDialable();
      const remotes = Array.from({ length: 64 }, (_, i) => bench.remote(`r${i}`));
      for (const remote of remotes) expect(bench.kindOf(bench.visit(remote))).toBe('overlay');
      for (const remote of remotes) {
        const key = isSaid ? bench.visit(remote) : bench.arrive(remote);
        expect(bench.kindOf(key)).toBe('pending');
      }
      const newcomer = bench.visit(bench.remote('newcomer'));
      expect(bench.kindOf(newcomer)).toBe(isSaid ? 'overlay' : undefined);
    }
  });
});

describe('two links to one peer', () => {
  /** We dial `name` while it dials us; returns both links. */
  function crossed(name: string, gapMs = 100) {
    const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'] });
    bench.pass(0);
    const remote = bench.remote(name, { address: 'ws://9.9.9.9:4000' });
    const own = bench.dialed(bench.lastDial, remote);
    bench.pass(gapMs);
    const theirs = bench.arrive(remote);
    bench.hello(theirs, remote);
    return { bench, remote, own, theirs, weDecide: bench.crypto.id < remote.id };
  }
  const names = Array.from({ length: 20 }, (_, i) => `r${i}`);
  const nameWhere = (weDecide: boolean): string => {
    const bench = new Bench();
    return names.find((name) => bench.crypto.id < bench.remote(name).id === weDecide) as string;
  };
  const smaller = nameWhere(true); // ours is
  const larger = nameWhere(false);

  it('are both kinds in these tests', () => {
    expect(crossed(smaller).weDecide).toBe(true);
    expect(crossed(larger).weDecide).toBe(false);
  });

  it('made in one moment: the one of the smaller id stays, and the smaller id ends the other', () => {
    const { bench, remote, own, theirs } = crossed(smaller);
    expect(bench.closed.get(theirs)).toBe('DUPLICATE');
    bench.hello(own, remote);
    bench.message(own, encodeAnswer({ kind: 'link', walk: '', degree: 3, records: [] }));
    expect(bench.kindOf(own)).toBe('overlay');
  });

  it('made in one moment: the larger id waits for that, and goes on with what is left', () => {
    const { bench, own, theirs } = crossed(larger);
    expect(bench.closed.size).toBe(0);
    expect(bench.kindOf(theirs)).toBe('pending');
    bench.handle({ type: 'linkDown', key: own, reason: 'DUPLICATE' });
    expect(bench.kindOf(theirs)).toBe('overlay');
    expect(bench.to(theirs, 'link')).toHaveLength(1);
  });

  it('the larger id does it itself when nobody else does', () => {
    const { bench, own, theirs } = crossed(larger);
    bench.pass(5_001);
    expect(bench.closed.get(own)).toBe('DUPLICATE');
    expect(bench.kindOf(theirs)).toBe('overlay');
  });

  it('made apart: the older stays, whoever made it', () => {
    const { bench, remote, own, theirs } = crossed(larger, 6_000);
    bench.hello(own, remote);
    bench.pass(5_001);
    expect(bench.closed.get(theirs)).toBe('DUPLICATE');
    expect(bench.closed.has(own)).toBe(false);
  });

  it('of two processes: the newer one counts, at once', () => {
    const bench = new Bench();
    const remote = bench.remote(larger);
    const old = bench.visit(remote);
    const fresh = bench.visit(remote, 5, { session: 'another' });
    expect(bench.closed.get(old)).toBe('STALE');
    expect(bench.kindOf(fresh)).toBe('overlay');
    expect(bench.eventsOf('down')).toMatchObject([{ key: old, reason: 'STALE' }]);
  });

  it('LINK to what nobody has asked over: the link ends', () => {
    const { bench, own, theirs } = crossed(larger);
    bench.message(theirs, encodeAnswer({ kind: 'link', walk: '', degree: 3, records: [] }));
    expect(bench.closed.get(theirs)).toBe('PROTOCOL');
    expect(bench.kindOf(own)).toBe('pending');
  });

  it('both made by the other process: nobody hurries, since it may have lost the older one', () => {
    for (const name of [smaller, larger]) {
      const bench = new Bench();
      const remote = bench.remote(name);
      const old = bench.visit(remote, 5, { session: 'one' });
      bench.pass(20_000);
      const fresh = bench.arrive(remote, { session: 'one' });
      bench.hello(fresh, remote);
      expect([bench.closed.has(old), bench.closed.has(fresh)]).toEqual([false, false]);
      bench.pass(3_000);
      bench.handle({ type: 'linkDown', key: old, reason: 'TIMEOUT' }); // it was asked, and said nothing
      expect(bench.kindOf(fresh)).toBe('overlay');
    }
  });

  it('a third one is ended at once; probes never take part', () => {
    const { bench, remote, own, theirs } = crossed(larger);
    const third = bench.arrive(remote);
    bench.hello(third, remote);
    expect(bench.closed.get(third)).toBe('DUPLICATE');
    const probe = bench.arrive(remote);
    bench.hello(probe, remote, { purpose: 'probe' });
    expect(bench.kindOf(probe)).toBe('probe');
    expect([bench.closed.has(own), bench.closed.has(theirs)]).toEqual([false, false]);
  });

  /** It dials us, and is our neighbour before our own dial to it is answered. */
  function met(name: string) {
    const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'] });
    bench.pass(0);
    const remote = bench.remote(name, { address: 'ws://9.9.9.9:4000' });
    const theirs = bench.visit(remote);
    const own = bench.answer(bench.lastDial, remote);
    return { bench, remote, own, theirs };
  }

  it('the smaller id says LINK over both, and ends neither: the larger one does', () => {
    const { bench, own, theirs } = met(larger);
    bench.pass(5_001);
    expect(bench.closed.get(own)).toBe('DUPLICATE');
    expect(bench.kindOf(theirs)).toBe('overlay');
    expect(bench.machine.neighbours.length).toBe(1);
  });

  it('the smaller id says LINK over the one that stays, before we hear of the end of the other one', () => {
    const { bench, own, theirs } = met(larger);
    bench.handle({ type: 'linkDown', key: theirs, reason: 'DUPLICATE' });
    bench.pass(120_000);
    expect(bench.kindOf(own)).toBe('overlay');
    expect(bench.machine.neighbours.length).toBe(1);
  });

  it('one for an application: the other side ends neither, so we do', () => {
    const bench = new Bench({ bootstrap: false });
    const remote = bench.remote(larger);
    const theirs = bench.visit(remote);
    const key = bench.newKey();
    const link = {
      key,
      peer: remote.id,
      initiator: true,
      scope: 'global',
      session: `${remote.id} 1`,
    } as const;
    bench.handle({ type: 'linkUp', link: { ...link, remoteAddress: remote.address }, purpose: 'app' });
    bench.hello(key, remote, { purpose: 'app' });
    bench.pass(5_001);
    expect([...bench.machine.links()].length).toBe(1);
    expect(bench.closed.has(key) !== bench.closed.has(theirs)).toBe(true);
  });

  it('never two neighbours with one id, at no time', () => {
    for (const name of [smaller, larger]) {
      const { bench, remote, own } = crossed(name);
      if (!bench.closed.has(own)) {
        bench.hello(own, remote);
        bench.message(own, encodeAnswer({ kind: 'link', walk: '', degree: 3, records: [] }));
      }
      expect(bench.machine.neighbours.length).toBe(1);
      bench.pass(20_000);
      expect(bench.machine.neighbours.length).toBe(1);
    }
  });
});

describe('purposes', () => {
  it('probe: HELLO, and three seconds', () => {
    const bench = new Bench();
    const remote = bench.remote('a');
    const key = bench.arrive(remote);
    bench.hello(key, remote, { purpose: 'probe' });
    expect(bench.to(key, 'hello')).toHaveLength(1);
    bench.pass(3_001);
    expect(bench.closed.get(key)).toBe('DONE');
  });

  it('probe: sixteen at a time', () => {
    const bench = new Bench();
    const keys = Array.from({ length: 17 }, (_, i) => {
      const remote = bench.remote(`p${i}`);
      const key = bench.arrive(remote);
      bench.hello(key, remote, { purpose: 'probe' });
      return key;
    });
    expect(keys.filter((key) => bench.closed.get(key) === 'FULL')).toEqual([keys[16]]);
  });

  it('app: no neighbour, 64 of them', () => {
    const bench = new Bench();
    const keys = Array.from({ length: 65 }, (_, i) => {
      const remote = bench.remote(`p${i}`);
      const key = bench.arrive(remote);
      bench.hello(key, remote, { purpose: 'app' });
      return key;
    });
    expect(bench.machine.neighbours).toEqual([]);
    expect(bench.kindOf(keys[0] as number)).toBe('app');
    expect(keys.filter((key) => bench.closed.get(key) === 'FULL')).toEqual([keys[64]]);
    bench.handle({ type: 'linkDown', key: keys[0] as number, reason: 'LOST' });
    expect(bench.eventsOf('gone').at(-1)).toMatchObject({ key: keys[0], kind: 'app', reason: 'LOST' });
  });

  it('app: becomes a neighbour when it asks with a second HELLO', () => {
    const bench = new Bench();
    const remote = bench.remote('a');
    const key = bench.arrive(remote);
    bench.hello(key, remote, { purpose: 'app' });
    bench.hello(key, remote, { purpose: 'overlay' });
    expect(bench.kindOf(key)).toBe('overlay');
    expect(bench.to(key, 'link')).toHaveLength(1);
  });

  it('app: we ask, too, when neighbours are missing', () => {
    const bench = new Bench();
    const [a, b] = [bench.remote('a'), bench.remote('b')];
    bench.visit(a);
    const key = bench.newKey();
    const link = { key, peer: b.id, initiator: true, scope: 'global', remoteAddress: b.address } as const;
    bench.handle({ type: 'linkUp', link, purpose: 'app' });
    bench.hello(key, b, { purpose: 'app' });
    expect(bench.kindOf(key)).toBe('app');
    bench.pass(6_000);
    expect(bench.to(key, 'hello').map(({ purpose }) => purpose)).toEqual(['app', 'overlay']);
    bench.message(key, encodeAnswer({ kind: 'link', walk: '', degree: 3, records: [] }));
    expect(bench.kindOf(key)).toBe('overlay');
  });

  /** Both ends have asked; `neighbours` came to us before. */
  function crossing(neighbours: number) {
    const bench = new Bench();
    for (let i = 0; i < neighbours; i++) bench.visit(bench.remote(`in${i}`));
    const remote = bench.remote('a');
    const key = bench.arrive(remote);
    bench.hello(key, remote, { purpose: 'app' });
    bench.pass(6_000);
    expect(bench.to(key, 'hello').at(-1)?.purpose).toBe('overlay');
    bench.hello(key, remote, { purpose: 'overlay' });
    return { bench, key };
  }

  it.each([
    ['we have room', 1, 'link', 'full'],
    ['it has room', 4, 'full', 'link'],
  ] as const)('app: both ask at once, and only %s: neighbours', (_, neighbours, said, heard) => {
    const { bench, key } = crossing(neighbours);
    expect(bench.to(key, said)).toHaveLength(1);
    bench.message(key, encodeAnswer({ kind: heard, walk: '', degree: 5, records: [] }));
    expect(bench.kindOf(key)).toBe('overlay');
    bench.pass(60_000);
    expect(bench.closed.has(key)).toBe(false);
  });
});

describe('the end of a link', () => {
  it('USER: we do not try again for ten minutes', () => {
    const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'] });
    bench.pass(0);
    const remote = bench.remote('a', { address: 'ws://9.9.9.9:4000' });
    const key = bench.answer(bench.lastDial, remote);
    bench.handle({ type: 'linkDown', key, reason: 'USER' });
    bench.pass(590_000);
    expect(bench.dials).toHaveLength(1);
    bench.pass(20_000);
    expect(bench.dials.length).toBeGreaterThan(1);
  });

  it.each(['USER', 'BANNED', 'LOST'] as const)(
    '%s, of who came to us: not dialed for ten minutes',
    (reason) => {
      const bench = new Bench();
      const remote = bench.remote('a');
      bench.handle({ type: 'linkDown', key: bench.visit(remote), reason });
      const dials = (): number => bench.dials.filter(({ address }) => address === remote.address).length;
      bench.pass(590_000);
      expect(dials() > 0).toBe(reason === 'LOST'); // the control
      bench.pass(60_000);
      expect(dials()).toBeGreaterThan(0);
    },
  );

  it.each(['BANNED', 'PROTOCOL', 'INTERNAL', 'LOST', 'we ban it'] as const)(
    '%s, before a word was said: the only address that there is rests for five seconds at least',
    (reason) => {
      const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'] });
      const remote = bench.remote('a', { address: 'ws://9.9.9.9:4000' });
      bench.pass(0);
      if (reason === 'we ban it') bench.message(bench.answer(bench.lastDial, remote), new Uint8Array([1]));
      const times: number[] = [];
      for (let i = 0; i < 600; i++) {
        bench.pass(500);
        for (const dial of bench.dials.splice(0)) {
          const key = bench.dialed(dial, remote);
          times.push(bench.nowMs);
          if (reason !== 'we ban it') bench.handle({ type: 'linkDown', key, reason });
        }
      }
      expect(times.length).toBeGreaterThan(20); // it never gives up
      expect(times.length).toBeLessThan(61);
    },
  );

  it('USER: who said it may come back; control: not whom our own user sent away', () => {
    for (const ours of [false, true]) {
      const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'] });
      bench.pass(0);
      const remote = bench.remote('a', { address: 'ws://9.9.9.9:4000' });
      const key = bench.answer(bench.lastDial, remote);
      if (ours) bench.handle({ type: 'disconnect', target: remote.id });
      bench.handle({ type: 'linkDown', key, reason: 'USER' });
      expect(bench.closed.get(bench.visit(remote))).toBe(ours ? 'USER' : undefined);
    }
  });

  it.each(['USER', 'BANNED', 'LOST'] as const)(
    '%s, said by whom our own user sent away, opens no door; control: nobody was sent away',
    (reason) => {
      for (const ours of [true, false]) {
        const bench = new Bench({ bootstrap: false });
        const remote = bench.remote('a');
        bench.visit(remote);
        if (ours) bench.handle({ type: 'disconnect', target: remote.id });
        bench.handle({ type: 'linkDown', key: bench.arrive(remote), reason });
        bench.pass(500_000);
        expect(bench.closed.get(bench.visit(remote))).toBe(ours ? 'USER' : undefined);
      }
    },
  );

  it('USER, said by however many others: whom our own user sent away stays away', () => {
    const bench = new Bench({ bootstrap: false, tuning: { restsMax: 8 } });
    const remote = bench.remote('a');
    bench.visit(remote);
    bench.handle({ type: 'disconnect', target: remote.id });
    for (let i = 0; i < 20; i++)
      bench.handle({ type: 'linkDown', key: bench.arrive(bench.remote(`n${i}`)), reason: 'USER' });
    expect(bench.closed.get(bench.visit(remote))).toBe('USER');
  });

  it('a peer with two links that comes back as another process is one neighbour', () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const bench = new Bench();
      const remote = bench.remote(name);
      bench.visit(remote);
      bench.visit(remote);
      bench.visit(remote, 5, { session: `${remote.id} 2` });
      expect(bench.machine.neighbours.map(({ id }) => id)).toEqual([remote.id]);
    }
  });

  it('close: SHUTDOWN to all, and nobody comes in after it', () => {
    const bench = new Bench();
    const key = bench.visit(bench.remote('a'));
    bench.handle({ type: 'close' });
    expect(bench.closed.get(key)).toBe('SHUTDOWN');
    expect(bench.closed.get(bench.arrive(bench.remote('b')))).toBe('SHUTDOWN');
    expect(bench.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('a neighbour that takes nothing for ten seconds is given up; control: one that drains is not', () => {
    for (const drains of [false, true]) {
      const bench = new Bench();
      const key = bench.visit(bench.remote('a'));
      bench.takes = false;
      bench.pass(6_000); // a shuffle is not taken
      expect(bench.count('congested')).toBeGreaterThan(0);
      bench.takes = true;
      if (drains) bench.handle({ type: 'drain', key });
      bench.pass(16_000);
      expect(bench.closed.get(key)).toBe(drains ? undefined : 'TIMEOUT');
    }
  });
});

describe('RECORD', () => {
  it('of the owner replaces; of somebody else bans', () => {
    const bench = new Bench();
    const [a, b] = [bench.remote('a'), bench.remote('b')];
    const key = bench.visit(a);
    const news = bench.remote('a', { address: 'ws://8.8.8.8:4000', seq: a.record.seq - 5 });
    bench.message(key, encodeRecord(heard(news.record)));
    expect([...bench.machine.links()][0]?.record?.addresses).toEqual(['ws://8.8.8.8:4000']);
    bench.message(key, encodeRecord(heard(b.record)));
    expect(bench.closed.get(key)).toBe('PROTOCOL');
    expect(bench.count('bans')).toBe(1);
  });
});
