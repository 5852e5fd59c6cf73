import { describe, expect, it } from 'vitest';
import { encodeAnswer, encodeReplaced, encodeWalk } from '../src/wire.js';
import { Bench, type Dialed, heard, type Remote } from './machine.js';

/** A bench with `count` inbound neighbours, old enough to be evicted. */
function crowded(count: number, options: ConstructorParameters<typeof Bench>[0] = {}) {
  const bench = new Bench({ bootstrap: false, connections: 0, ...options });
  const remotes: Remote[] = [];
  const keys: number[] = [];
  for (let i = 0; i < count; i++) {
    const remote = bench.remote(`n${i}`);
    remotes.push(remote);
    keys.push(bench.visit(remote));
  }
  bench.pass(61_000);
  return { bench, remotes, keys };
}

describe('places', () => {
  it('8 for a node that cannot be dialed; 128 for one that can; 256 for a relay', () => {
    const shy = new Bench({ bootstrap: false, connections: 0 });
    for (let i = 0; i < 10; i++) shy.visit(shy.remote(`n${i}`));
    expect(shy.machine.neighbours.length).toBe(8);

    const open = new Bench({ bootstrap: false, connections: 0 });
    open.makeDialable();
    for (let i = 0; i < 130; i++) open.visit(open.remote(`n${i}`));
    expect(open.machine.neighbours.length).toBe(128);

    const relay = new Bench({ bootstrap: false, connections: 0, relay: true });
    relay.makeDialable();
    for (let i = 0; i < 258; i++) relay.visit(relay.remote(`n${i}`));
    expect(relay.machine.neighbours.length).toBe(256);
  });

  it('those that our own outbound links will need are not given away', () => {
    const bench = new Bench({ connections: 5 });
    for (let i = 0; i < 10; i++) bench.visit(bench.remote(`n${i}`));
    expect(bench.machine.neighbours.length).toBe(3);
  });

  it('an address that is good for a LAN only gives no more places to the world', () => {
    const bench = new Bench({ bootstrap: false, connections: 0 });
    const services = [{ scheme: 'ws', host: '192.168.1.5', port: 4000 }];
    bench.handle({ type: 'listening', services, interfaces: ['192.168.1.5'] });
    bench.pass(0);
    bench.fail(bench.lastDial, 'SELF');
    expect(bench.count('linksMax')).toBe(128);
    bench.visit(bench.remote('lan'), 5, { scope: 'private', remoteAddress: 'tcp://192.168.1.9:5000' });
    expect(bench.count('linksMax')).toBe(128);
    bench.visit(bench.remote('far'));
    expect(bench.count('linksMax')).toBe(8);
  });
});

describe('a full node', () => {
  it('says FULL and others to try; whoever has links enough goes', () => {
    const { bench } = crowded(8);
    const key = bench.visit(bench.remote('rich'), 3);
    expect(bench.to(key, 'full')).toHaveLength(1);
    expect(bench.closed.get(key)).toBe('FULL');
    expect(bench.count('evictions')).toBe(0);
  });

  it('evicts an inbound one for the desperate, once in 30 s; the next is its guest for 30 s, and it walks for it', () => {
    const { bench, keys } = crowded(8);
    const first = bench.visit(bench.remote('poor'), 0);
    expect(bench.kindOf(first)).toBe('overlay');
    expect(bench.count('evictions')).toBe(1);
    const guest = bench.visit(bench.remote('poorer'), 0);
    expect(bench.kindOf(guest)).toBe('guest');
    expect(bench.to(guest, 'full')).toHaveLength(1);
    const walks = keys.concat(first).flatMap((key) => bench.to(key, 'walk'));
    expect(walks).toHaveLength(3);
    expect(walks.every((walk) => walk.desperate && walk.origin.record.id === bench.remote('poorer').id)).toBe(
      true,
    );
    bench.pass(29_000);
    expect(bench.kindOf(guest)).toBe('guest');
    bench.pass(1_500);
    expect(bench.closed.get(guest)).toBe('FULL');
  });

  it('tells the evicted who got its place, and keeps it as a guest for 10 s', () => {
    const { bench, keys } = crowded(8);
    const joiner = bench.remote('poor');
    bench.visit(joiner, 1);
    const victim = keys.find((key) => bench.to(key, 'replaced').length > 0) as number;
    expect(bench.to(victim, 'replaced')[0]?.joiner?.record.id).toBe(joiner.id);
    expect(bench.kindOf(victim)).toBe('guest');
    expect(bench.eventsOf('down')).toMatchObject([{ key: victim, reason: 'REPLACED' }]);
    bench.pass(10_100);
    expect(bench.closed.get(victim)).toBe('FULL');
  });

  it('never names a joiner that claims to live where it does not come from: the evicted would dial a victim', () => {
    const { bench, keys } = crowded(8);
    bench.visit(bench.remote('liar', { address: 'ws://45.6.7.8:4000' }), 1, {
      remoteAddress: 'tcp://9.9.9.9:40000',
    });
    const victim = keys.find((key) => bench.to(key, 'replaced').length > 0) as number;
    expect(bench.to(victim, 'replaced')[0]?.joiner).toBeUndefined();
  });

  it('never names a joiner that cannot be dialed', () => {
    const { bench, keys } = crowded(8);
    bench.visit(bench.remote('shy', { dialable: false }), 1);
    const victim = keys.find((key) => bench.to(key, 'replaced').length > 0) as number;
    expect(bench.to(victim, 'replaced')[0]?.joiner).toBeUndefined();
  });

  it('has room for the walks of the desperate as often as it evicts', () => {
    const { bench, remotes, keys } = crowded(8, {
      announce: ['ws://5.5.5.5:4000'],
      tuning: { linksDialableMax: 8 },
    });
    const origin = heard(bench.remote('origin').record);
    const walk = { ttl: 3, purpose: 'join', degree: 9, desperate: true, origin } as const;
    const ends = (id: string): string[] => {
      bench.message(keys[0] as number, encodeWalk({ ...walk, id }));
      return bench.sent.flatMap(({ message: m }) =>
        (m.kind === 'link' || m.kind === 'full') && m.walk === id ? [m.kind] : [],
      );
    };
    expect(ends('0000000000000001')).toEqual(['link']);
    // From where another one has come already: nobody goes for its rank, but for its need.
    const remoteAddress = `tcp://${remotes[0]?.address.split('/')[2]?.split(':')[0]}:50000`;
    bench.visit(bench.remote('poor'), 0, { remoteAddress });
    expect(bench.count('evictions')).toBe(1);
    expect(ends('0000000000000002')).toEqual(['full']);
    bench.pass(30_000);
    expect(ends('0000000000000003')).toEqual(['link']);
  });

  it('takes one link more for its user, and no second one', () => {
    const { bench } = crowded(8);
    const keys = [1, 2].map((i) => {
      bench.handle({ type: 'connect', request: i, address: `ws://9.${i}.1.1:4000` });
      return bench.answer(bench.lastDial, bench.remote(`own ${i}`, { address: `ws://9.${i}.1.1:4000` }));
    });
    expect(bench.kindOf(keys[0] as number)).toBe('overlay');
    expect(bench.closed.get(keys[1] as number)).toBe('FULL');
    expect(bench.machine.neighbours).toHaveLength(9);
  });

  it('evicts for one claimant once in ten minutes', () => {
    const { bench } = crowded(8);
    const poor = bench.remote('poor');
    bench.handle({ type: 'linkDown', key: bench.visit(poor, 0), reason: 'LOST' });
    bench.visit(bench.remote('filler'));
    bench.pass(61_000);
    bench.visit(poor, 0);
    expect(bench.count('evictions')).toBe(1);
    bench.pass(600_000);
    const again = bench.visit(poor, 0);
    expect(bench.kindOf(again)).toBe('overlay');
    expect(bench.count('evictions')).toBe(2);
  });

  it('never evicts who is young, outbound, pinned, or of the older half', () => {
    const bench = new Bench({ bootstrap: false, connections: 0 });
    const keys = Array.from({ length: 8 }, (_, i) => {
      if (i === 4) bench.pass(100_000);
      return bench.visit(bench.remote(`n${i}`));
    });
    expect(bench.kindOf(bench.visit(bench.remote('poor'), 0))).toBe('guest'); // the younger half is too young
    bench.pass(61_000);
    const key = bench.visit(bench.remote('poorer'), 0);
    expect(bench.kindOf(key)).toBe('overlay');
    const victim = keys.findIndex((k) => bench.to(k, 'replaced').length > 0);
    expect(victim).toBeGreaterThanOrEqual(4);

    const outbound = new Bench({ bootstrap: false, connections: 0 });
    for (let i = 0; i < 8; i++) {
      const remote = outbound.remote(`n${i}`);
      outbound.handle({ type: 'connect', request: i, address: remote.address });
      outbound.answer(outbound.lastDial, remote);
    }
    outbound.pass(61_000);
    expect(outbound.kindOf(outbound.visit(outbound.remote('poor'), 0))).toBe('guest');
  });

  it('drops from the largest group', () => {
    const bench = new Bench({ bootstrap: false, connections: 0 });
    const keys: number[] = [];
    for (let i = 0; i < 8; i++) {
      const remoteAddress = i % 2 === 1 ? `tcp://77.77.${i}.1:999` : undefined;
      keys.push(bench.visit(bench.remote(`n${i}`), 5, remoteAddress === undefined ? {} : { remoteAddress }));
    }
    bench.pass(61_000);
    bench.visit(bench.remote('poor'), 0);
    const victim = keys.findIndex((key) => bench.to(key, 'replaced').length > 0);
    expect(victim % 2).toBe(1);
  });

  it('has room for 128 guests, and no more', () => {
    const { bench } = crowded(8, { tuning: { evictEveryMs: 1e9 } });
    bench.visit(bench.remote('first'), 0); // takes the one eviction
    bench.pass(11_000); // and the evicted one is gone
    const keys = Array.from({ length: 129 }, (_, i) => bench.visit(bench.remote(`g${i}`), 0));
    expect(keys.filter((key) => bench.kindOf(key) === 'guest')).toHaveLength(128);
    expect(bench.closed.get(keys[128] as number)).toBe('FULL');
  });
});

describe('the one who dialed', () => {
  function dialing(options: ConstructorParameters<typeof Bench>[0] = {}) {
    const bench = new Bench({ seeds: ['ws://9.9.9.9:4000'], ...options });
    bench.pass(0);
    return { bench, remote: bench.remote('a', { address: 'ws://9.9.9.9:4000' }) };
  }

  it('is a guest after FULL, and lets the address rest', () => {
    const { bench, remote } = dialing();
    const key = bench.answer(bench.lastDial, remote, 'full');
    expect(bench.kindOf(key)).toBe('guest');
    expect(bench.count('refused')).toBe(1);
    bench.handle({ type: 'linkDown', key, reason: 'FULL' });
    bench.pass(4_900);
    expect(bench.dials).toHaveLength(1);
    bench.pass(16_000); // alone: the same again after 10 s ± 50 %
    expect(bench.dials.length).toBeGreaterThan(1);
  });

  it('is ended by nobody asked LINK, and ignores a late one', () => {
    const { bench, remote } = dialing();
    const inbound = bench.arrive(bench.remote('b'));
    bench.hello(inbound, bench.remote('b'));
    bench.message(inbound, encodeAnswer({ kind: 'link', walk: '', degree: 1, records: [] }));
    expect(bench.count('unexpected')).toBe(1);
    const key = bench.dialed(bench.lastDial, remote);
    bench.message(key, encodeAnswer({ kind: 'link', walk: '', degree: 1, records: [] }));
    expect(bench.closed.get(key)).toBe('PROTOCOL'); // before HELLO
  });

  it('learns the records of LINK', () => {
    const { bench, remote } = dialing();
    const key = bench.answer(bench.lastDial, remote, 'hello');
    const other = bench.remote('other');
    bench.message(
      key,
      encodeAnswer({ kind: 'link', walk: '', degree: 1, records: [heard(other.record, 5)] }),
    );
    expect(bench.store.get(other.address)).toMatchObject({ id: other.id, verified: false });
  });

  it('dials the joiner after REPLACED: the edge is split, not lost', () => {
    const { bench, remote } = dialing();
    const key = bench.answer(bench.lastDial, remote);
    const joiner = bench.remote('joiner');
    bench.message(key, encodeReplaced(heard(joiner.record), []));
    expect(bench.kindOf(key)).toBe('guest');
    expect(bench.eventsOf('down')).toMatchObject([{ key, reason: 'REPLACED' }]);
    expect(bench.lastDial).toMatchObject({ address: joiner.address, expect: joiner.id });
  });
  it.each([
    ['who cannot be dialed', (bench: Bench) => heard(bench.remote('joiner', { dialable: false }).record)],
    ['whose record has expired', (bench: Bench) => heard(bench.remote('joiner').record, 86_400)],
    [
      'who is our neighbour',
      (bench: Bench) => heard(bench.remote('n', { address: 'ws://8.8.8.8:1024' }).record),
    ],
    ['who is ourselves', (bench: Bench) => heard(bench.machine.record(bench.nowMs))],
    [
      'in a narrower network',
      (bench: Bench) => heard(bench.remote('j', { address: 'ws://10.0.0.9:4000' }).record),
    ],
  ])('does not dial a joiner %s', (_, joinerOf) => {
    const { bench, remote } = dialing();
    bench.makeDialable();
    bench.visit(bench.remote('n'));
    const key = bench.answer(bench.dials[0] as Dialed, remote);
    const dials = bench.dials.length;
    bench.message(key, encodeReplaced(joinerOf(bench), []));
    expect(bench.kindOf(key)).toBe('guest');
    expect(bench.dials.slice(dials)).toEqual([]);
  });

  it('does not dial a joiner if no link is missing; control: if one is', () => {
    for (const own of [5, 4]) {
      const bench = new Bench({ tuning: { bookShare: 0, bookShareLow: 0 } });
      const key = bench.visit(bench.remote('a'));
      for (let i = 0; i < own; i++) {
        bench.handle({ type: 'connect', request: i, address: `ws://9.${i}.1.1:4000` });
        bench.answer(bench.lastDial, bench.remote(`own ${i}`, { address: `ws://9.${i}.1.1:4000` }));
      }
      bench.message(key, encodeReplaced(heard(bench.remote('joiner').record), []));
      expect(bench.dials.length - own).toBe(5 - own);
    }
  });

  it('does not dial a joiner if nothing is dialed by itself', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    bench.message(key, encodeReplaced(heard(bench.remote('joiner').record), []));
    expect(bench.kindOf(key)).toBe('guest');
    expect(bench.dials).toEqual([]);
  });

  it('REPLACED of who is no neighbour means nothing', () => {
    const bench = new Bench();
    const app = bench.remote('app');
    const key = bench.arrive(app);
    bench.hello(key, app, { purpose: 'app' });
    bench.message(key, encodeReplaced(heard(bench.remote('joiner').record), []));
    expect(bench.kindOf(key)).toBe('app');
    expect(bench.count('unexpected')).toBe(1);
    expect(bench.dials).toEqual([]);
  });
});
