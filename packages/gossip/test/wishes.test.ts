import { describe, expect, it } from 'vitest';
import { encodeAnswer, encodeWalk } from '../src/wire.js';
import { Bench, type Dialed, heard, type Remote } from './machine.js';

const address = 'ws://20.1.1.1:4000';

function connecting(options: ConstructorParameters<typeof Bench>[0] = {}) {
  const bench = new Bench({ bootstrap: false, ...options });
  const remote = bench.remote('a', { address });
  bench.handle({ type: 'connect', request: 1, address });
  return { bench, remote };
}

describe('connect', () => {
  it('is done when the other side has said HELLO', () => {
    const { bench, remote } = connecting();
    const key = bench.dialed(bench.lastDial, remote);
    expect(bench.eventsOf('connected')).toEqual([]);
    bench.hello(key, remote);
    expect(bench.eventsOf('connected')).toEqual([{ type: 'connected', request: 1, id: remote.id }]);
    bench.message(key, encodeAnswer({ kind: 'link', walk: '', degree: 1, records: [] }));
    expect(bench.machine.neighbours[0]?.pinned).toBe(true);
  });

  it('says why it failed', () => {
    const { bench } = connecting();
    bench.fail(bench.lastDial, 'DIAL_REFUSED');
    expect(bench.eventsOf('connectFailed')).toMatchObject([{ request: 1, code: 'DIAL_REFUSED' }]);
    const refused = connecting();
    const key = refused.bench.dialed(refused.bench.lastDial, refused.remote);
    refused.bench.handle({ type: 'linkDown', key, reason: 'FULL' });
    expect(refused.bench.eventsOf('connectFailed')).toMatchObject([{ request: 1, code: 'REFUSED' }]);
    refused.bench.handle({ type: 'connect', request: 2, address: 'ws://999.1.1.1:4000' });
    expect(refused.bench.eventsOf('connectFailed').at(-1)).toMatchObject({
      request: 2,
      code: 'ADDRESS_INVALID',
    });
  });

  it('twice to one address is one dial; to a neighbour, none', () => {
    const { bench, remote } = connecting();
    bench.handle({ type: 'connect', request: 2, address });
    expect(bench.dials).toHaveLength(1);
    bench.answer(bench.lastDial, remote);
    expect(bench.eventsOf('connected').map(({ request }) => request)).toEqual([1, 2]);
    bench.handle({ type: 'connect', request: 3, address: `${address}#${remote.id}` });
    expect(bench.eventsOf('connected').map(({ request }) => request)).toEqual([1, 2, 3]);
    expect(bench.dials).toHaveLength(1);
  });

  it('joins a dial that is under way anyway', () => {
    const bench = new Bench({ seeds: [address] });
    bench.pass(0);
    bench.handle({ type: 'connect', request: 1, address });
    expect(bench.dials).toHaveLength(1);
    bench.answer(bench.lastDial, bench.remote('a', { address }));
    expect(bench.eventsOf('connected')).toHaveLength(1);
    expect(bench.machine.neighbours[0]?.pinned).toBe(true);
  });

  it('pins the identity that the address names', () => {
    const bench = new Bench({ bootstrap: false });
    const remote = bench.remote('a');
    bench.handle({ type: 'connect', request: 1, address: `${address}#${remote.id}` });
    expect(bench.lastDial).toMatchObject({ address, expect: remote.id });
  });

  it('for a named peer does not join a dial that takes somebody else', () => {
    const bench = new Bench({});
    const [remote, other] = ['a', 'liar'].map((name) => bench.remote(name, { address })) as [Remote, Remote];
    bench.store.offer([heard(other.record)], other.id);
    bench.pass(0);
    bench.handle({ type: 'connect', request: 1, address: `${address}#${remote.id}` });
    expect(bench.dials.map(({ expect }) => expect)).toEqual([other.id, remote.id]);
    bench.answer(bench.dials[0] as Dialed, other);
    expect(bench.eventsOf('connected')).toEqual([]);
    bench.answer(bench.dials[1] as Dialed, remote);
    expect(bench.eventsOf('connected')).toEqual([{ type: 'connected', request: 1, id: remote.id }]);
  });

  it('for a named peer joins a dial that takes anybody, and dials anew if it meets somebody else', () => {
    for (const isThere of [true, false]) {
      const bench = new Bench({ bootstrap: false });
      const [remote, other] = ['a', 'liar'].map((name) => bench.remote(name, { address })) as [
        Remote,
        Remote,
      ];
      bench.handle({ type: 'connect', request: 1, address });
      bench.handle({ type: 'connect', request: 2, address: `${address}#${remote.id}` });
      expect(bench.dials.map(({ expect }) => expect)).toEqual([undefined]);
      bench.answer(bench.dials[0] as Dialed, isThere ? remote : other);
      const met = { type: 'connected', request: 1, id: isThere ? remote.id : other.id };
      const named = { type: 'connected', request: 2, id: remote.id };
      expect(bench.eventsOf('connected')).toEqual(isThere ? [met, named] : [met]);
      if (isThere) continue;
      expect(bench.dials.map(({ expect }) => expect)).toEqual([undefined, remote.id]);
      bench.answer(bench.dials[1] as Dialed, remote);
      expect(bench.eventsOf('connected')).toEqual([met, named]);
    }
  });

  it('cancelled: nobody is told, and the dial ends if nobody else wanted it', () => {
    const { bench } = connecting();
    bench.handle({ type: 'connectCancel', request: 1 });
    expect(bench.lastDial.cancelled).toBe(true);
    expect(bench.eventsOf('connectFailed')).toEqual([]);
    const both = connecting().bench;
    both.handle({ type: 'connect', request: 2, address });
    both.handle({ type: 'connectCancel', request: 1 });
    expect(both.lastDial.cancelled).toBe(false);
  });

  it('finds the link that the other side has made at the same time', () => {
    for (let i = 0; i < 12; i++) {
      const bench = new Bench({ bootstrap: false });
      const remote = bench.remote(`r${i}`, { address });
      bench.handle({ type: 'connect', request: 1, address });
      const own = bench.dialed(bench.lastDial, remote);
      const theirs = bench.visit(remote);
      if (!bench.closed.has(theirs)) bench.handle({ type: 'linkDown', key: own, reason: 'DUPLICATE' });
      else bench.hello(own, remote);
      expect(bench.eventsOf('connected')).toMatchObject([{ request: 1, id: remote.id }]);
    }
  });

  describe('whose dial gave way to another one with that peer', () => {
    function waiting(options: ConstructorParameters<typeof Bench>[0] = {}) {
      const bench = new Bench({ bootstrap: false, ...options });
      const remote = bench.remote('a');
      const target = `wrtc:${remote.id}`;
      bench.handle({ type: 'connect', request: 1, address: target });
      bench.fail(bench.lastDial, 'PENDING');
      expect(bench.eventsOf('connectFailed')).toEqual([]);
      return { bench, remote };
    }

    it('waits for that, and keeps the link', () => {
      const { bench, remote } = waiting();
      bench.visit(bench.remote('somebody else'));
      expect(bench.eventsOf('connected')).toEqual([]);
      bench.visit(remote);
      expect(bench.eventsOf('connected')).toEqual([{ type: 'connected', request: 1, id: remote.id }]);
      expect(bench.machine.neighbours.find(({ id }) => id === remote.id)?.pinned).toBe(true);
      bench.pass(20_000);
      expect(bench.eventsOf('connectFailed')).toEqual([]);
    });

    it('takes the link that came before the dial had failed', () => {
      const bench = new Bench({ bootstrap: false });
      const remote = bench.remote('a');
      bench.handle({ type: 'connect', request: 1, address: `wrtc:${remote.id}` });
      bench.visit(remote);
      bench.fail(bench.lastDial, 'DIAL_FAILED');
      expect(bench.eventsOf('connected')).toMatchObject([{ request: 1, id: remote.id }]);
    });

    it('not for ever', () => {
      const { bench } = waiting();
      bench.pass(9_999);
      expect(bench.eventsOf('connectFailed')).toEqual([]);
      bench.pass(1);
      expect(bench.eventsOf('connectFailed')).toMatchObject([{ request: 1, code: 'PENDING' }]);
    });

    it.each([
      ['disconnected', 'HELD_OFF'],
      ['closed', 'CLOSED'],
    ] as const)('%s meanwhile: %s', (what, code) => {
      const { bench, remote } = waiting();
      bench.handle(what === 'closed' ? { type: 'close' } : { type: 'disconnect', target: remote.id });
      expect(bench.eventsOf('connectFailed')).toMatchObject([{ request: 1, code }]);
    });

    it('cancelled meanwhile: nobody is told', () => {
      const { bench, remote } = waiting();
      bench.handle({ type: 'connectCancel', request: 1 });
      bench.visit(remote);
      bench.pass(20_000);
      expect([...bench.eventsOf('connectFailed'), ...bench.eventsOf('connected')]).toEqual([]);
    });
  });

  it('stays connected: dials again after a loss, at most a minute apart, for ever', () => {
    const { bench, remote } = connecting();
    const key = bench.answer(bench.lastDial, remote);
    bench.handle({ type: 'linkDown', key, reason: 'LOST' });
    for (let i = 0; i < 3_600; i++) {
      bench.pass(1_000);
      for (const dial of bench.dials.filter(({ dial: n }) => !failed.has(n))) {
        failed.add(dial.dial);
        if (dial.dial > 1) bench.fail(dial);
      }
    }
    expect(bench.dials.length).toBeGreaterThan(50);
    expect(bench.dials.length).toBeLessThan(80);
  });

  it.each(['FULL', 'BANNED', 'LOST'] as const)(
    '… and ever more rarely if each link ends at once (%s); control: at once after one that lasted',
    (reason) => {
      const { bench, remote } = connecting();
      bench.answer(bench.lastDial, remote);
      bench.pass(60_000);
      const after = (ms: number): number => {
        const dials = bench.dials.length;
        for (let t = 0; t < ms; t += 500) {
          bench.pass(500);
          if (bench.dials.length === answered) continue;
          answered = bench.dials.length;
          bench.handle({ type: 'linkDown', key: bench.dialed(bench.lastDial, remote), reason });
        }
        return bench.dials.length - dials;
      };
      let answered = bench.dials.length;
      const key = bench.machine.neighbours[0]?.key as number;
      bench.handle({ type: 'linkDown', key, reason: 'LOST' });
      expect(after(15_000)).toBeGreaterThan(0);
      after(300_000);
      expect(after(600_000)).toBeLessThan(12);
    },
  );

  it.each([
    ['an address', false, false],
    ['an address, and who is to be there', true, false],
    ['who is to be there, while somebody dialed the address', true, true],
  ] as const)('of %s: whoever is there after a restart, unless he is named', (_, isNamed, isJoining) => {
    const { bench, remote } = connecting();
    const reborn = bench.remote('reborn', { address });
    if (!isJoining) bench.handle({ type: 'connectCancel', request: 1 });
    bench.handle({ type: 'connect', request: 2, address: isNamed ? `${address}#${remote.id}` : address });
    bench.handle({ type: 'linkDown', key: bench.answer(bench.lastDial, remote), reason: 'LOST' });
    const over = bench.dials.length;
    for (let i = 0; i < 300 && bench.machine.neighbours.length === 0; i++) {
      bench.pass(1_000);
      for (const dial of bench.dials.slice(over)) {
        if (dial.expect === undefined || dial.expect === reborn.id) bench.answer(dial, reborn);
        else bench.fail(dial, 'WRONG_PEER');
      }
    }
    expect(bench.machine.neighbours.map(({ id }) => id)).toEqual(isNamed ? [] : [reborn.id]);
  });

  const failed = new Set<number>();
});

describe('disconnect', () => {
  it('by address or id ends the link with USER, and dials no more for ten minutes', () => {
    for (const by of ['address', 'id']) {
      const { bench, remote } = connecting({ bootstrap: true });
      const key = bench.answer(bench.lastDial, remote);
      bench.handle({ type: 'disconnect', target: by === 'id' ? remote.id : address });
      expect(bench.closed.get(key)).toBe('USER');
      bench.pass(595_000);
      expect(bench.dials).toHaveLength(1);
      expect(bench.closed.get(bench.visit(remote))).toBe('USER');
      expect(bench.store.get(address)).toBeDefined();
      bench.pass(60_000);
      expect(bench.dials.length).toBeGreaterThan(1);
    }
  });

  it('by an address however it is spelled, as connect takes it', () => {
    const spellings = ['WS://20.1.1.1:4000/', (id: string) => `${address}#${id.toUpperCase()}`];
    for (const spelling of spellings) {
      const { bench, remote } = connecting({ bootstrap: true });
      const key = bench.answer(bench.lastDial, remote);
      const target = typeof spelling === 'string' ? spelling : spelling(remote.id);
      bench.handle({ type: 'disconnect', target });
      expect(bench.closed.get(key)).toBe('USER');
      bench.pass(595_000);
      expect(bench.dials).toHaveLength(1);
    }
  });

  it('by an address that names a peer ends its link, also one that it has made', () => {
    const { bench, remote } = connecting();
    const key = bench.visit(remote);
    bench.handle({ type: 'disconnect', target: `ws://99.9.9.9:4000#${remote.id}` });
    expect(bench.closed.get(key)).toBe('USER');
  });

  it.each([
    ['spelled as it is', 0, `${address}`],
    ['spelled in another way', 0, `WS://20.1.1.1:4000/`],
    ['control: another one', 1, 'ws://20.1.1.1:4001'],
  ])('of an address lasts, whoever claims to be there now: %s', (_, dials, text) => {
    const { bench, remote } = connecting({ bootstrap: true });
    bench.answer(bench.lastDial, remote);
    bench.handle({ type: 'disconnect', target: address });
    bench.pass(61_000); // its host may be dialed again
    const key = bench.visit(bench.remote('b'));
    const before = bench.dials.length;
    const origin = heard(bench.remote('c', { address: text }).record);
    bench.message(
      key,
      encodeWalk({ id: '00112233445566ff', ttl: 0, purpose: 'join', degree: 1, desperate: false, origin }),
    );
    expect(bench.dials.length - before).toBe(dials);
  });

  it.each([[true], [false]])(
    'of who came by himself lasts where our seed is his (sent away: %s)',
    (isSentAway) => {
      const bench = new Bench({ seeds: [address] });
      bench.pass(0);
      bench.fail(bench.lastDial);
      const remote = bench.remote('a', { dialable: false, addresses: [] });
      const key = bench.visit(remote);
      if (isSentAway) bench.handle({ type: 'disconnect', target: remote.id });
      else bench.handle({ type: 'linkDown', key, reason: 'LOST' });
      bench.pass(60_000);
      const own = bench.answer(bench.lastDial, remote);
      expect(bench.lastDial.address).toBe(address);
      expect(bench.closed.get(own)).toBe(isSentAway ? 'USER' : undefined);
      expect(bench.machine.neighbours.map(({ id }) => id)).toEqual(isSentAway ? [] : [remote.id]);
      if (!isSentAway) return;
      const dials = bench.dials.length;
      bench.pass(530_000);
      expect(bench.dials).toHaveLength(dials);
      bench.pass(60_000);
      expect(bench.dials.length).toBeGreaterThan(dials);
    },
  );

  it.each([[true], [false]])(
    'of whoever is now where our user had connected somebody else lasts (sent away: %s)',
    (isSentAway) => {
      const { bench, remote } = connecting();
      bench.handle({ type: 'linkDown', key: bench.answer(bench.lastDial, remote), reason: 'LOST' });
      const heir = bench.remote('heir', { address });
      const key = bench.visit(heir);
      if (isSentAway) bench.handle({ type: 'disconnect', target: heir.id });
      else bench.handle({ type: 'linkDown', key, reason: 'LOST' });
      bench.pass(20_000);
      bench.fail(bench.lastDial, 'WRONG_PEER');
      bench.pass(60_000);
      expect(bench.lastDial).toMatchObject({ address, expect: undefined });
      const own = bench.answer(bench.lastDial, heir);
      expect(bench.closed.get(own)).toBe(isSentAway ? 'USER' : undefined);
      expect(bench.machine.neighbours.map(({ id }) => id)).toEqual(isSentAway ? [] : [heir.id]);
    },
  );

  it('ends a dial under way: HELD_OFF', () => {
    const { bench } = connecting();
    bench.handle({ type: 'disconnect', target: address });
    expect(bench.lastDial.cancelled).toBe(true);
    expect(bench.eventsOf('connectFailed')).toMatchObject([{ request: 1, code: 'HELD_OFF' }]);
  });

  it('is forgotten by the next connect', () => {
    const { bench, remote } = connecting();
    bench.answer(bench.lastDial, remote);
    bench.handle({ type: 'disconnect', target: remote.id });
    bench.handle({ type: 'connect', request: 2, address });
    expect(bench.dials).toHaveLength(2);
    const key = bench.answer(bench.lastDial, remote);
    expect(bench.kindOf(key)).toBe('overlay');
    expect(bench.machine.isHeldOff(remote.id)).toBe(false);
    bench.handle({ type: 'linkDown', key, reason: 'LOST' });
    expect(bench.kindOf(bench.visit(remote))).toBe('overlay');
  });
});

describe('close', () => {
  it('answers whoever waits', () => {
    const { bench } = connecting();
    bench.handle({ type: 'close' });
    expect(bench.eventsOf('connectFailed')).toMatchObject([{ request: 1, code: 'CLOSED' }]);
    expect(bench.lastDial.cancelled).toBe(true);
  });
});
