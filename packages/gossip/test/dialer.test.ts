import { describe, expect, it } from 'vitest';
import { Bench, type Dialed, heard, type Remote } from './machine.js';

/** A bench whose book has these remotes, and nobody connected. */
function withBook(addresses: readonly string[], options: ConstructorParameters<typeof Bench>[0] = {}) {
  const bench = new Bench(options);
  const remotes = addresses.map((address, i) => bench.remote(`b${i}`, { address }));
  bench.store.offer(
    remotes.map(({ record }) => heard(record)),
    bench.crypto.id,
  );
  return { bench, remotes };
}

const spread = Array.from({ length: 40 }, (_, i) => `ws://${20 + i}.1.1.1:4000`);

describe('the dialer', () => {
  it('keeps to 2 dials per second with a burst of 8 into the world', () => {
    const { bench } = withBook(spread, {
      tuning: { triesMax: 100, dialsMax: 100, linksMax: 100 },
      connections: 100,
    });
    bench.pass(0);
    expect(bench.dials).toHaveLength(8);
    bench.pass(10_000);
    expect(bench.dials.length).toBeGreaterThan(15);
    expect(bench.dials.length).toBeLessThanOrEqual(8 + 20);
  });

  it('keeps to 20 per second with a burst of 40 in narrower scopes', () => {
    const lan = Array.from({ length: 60 }, (_, i) => `ws://10.0.0.${i + 1}:4000`);
    const { bench } = withBook(lan, {
      tuning: { triesMax: 100, dialsMax: 100, linksMax: 100 },
      connections: 100,
    });
    bench.pass(0);
    expect(bench.dials).toHaveLength(40);
  });

  it('keeps to three tries in a round, and to what is missing', () => {
    const { bench } = withBook(spread);
    bench.pass(0);
    expect(bench.dials).toHaveLength(3);
    bench.pass(2_900);
    expect(bench.dials.length).toBeLessThanOrEqual(5); // what may still be answered is not missing
    bench.pass(60_000);
    expect(bench.dials).toHaveLength(8); // dials into silence do not count, but no more than 8 are under way
  });

  it('keeps to eight dials under way where there is a neighbour', () => {
    const { bench } = withBook(spread);
    bench.visit(bench.remote('somebody'));
    bench.pass(60_000);
    expect(bench.dials).toHaveLength(8 + 1); // and the look at the neighbour's address
  });

  /** A node with a book, five seconds after it has lost its one neighbour. */
  const bereft = (options: object = {}) => {
    const { bench } = withBook(spread, options);
    const key = bench.visit(bench.remote('somebody'));
    bench.pass(10_000);
    bench.handle({ type: 'linkDown', key, reason: 'LOST' });
    const before = bench.dials.length;
    bench.pass(5_000);
    return { bench, soon: bench.dials.length - before };
  };

  it('has 16 under way where all neighbours are gone, soon one after the other', () => {
    const { bench, soon } = bereft();
    expect(soon).toBeGreaterThan(5); // three in five seconds otherwise
    bench.pass(60_000);
    expect(bench.dials).toHaveLength(16 + 1);
  });

  it('waits for no introductions there: nobody is left to make them', () => {
    expect(bereft({ webrtc: true }).soon).toBe(bereft().soon);
  });

  it('dials one global host once a minute, whatever its ports; loopback ports are hosts of their own', () => {
    const ports = Array.from({ length: 10 }, (_, i) => `ws://20.1.1.1:${4000 + i}`);
    const { bench } = withBook(ports);
    bench.visit(bench.remote('somebody'));
    for (let i = 0; i < 12; i++) {
      bench.pass(5_000);
      for (const dial of bench.dials) bench.fail(dial);
    }
    expect(bench.dials.length).toBeLessThanOrEqual(2);
    const local = withBook(Array.from({ length: 10 }, (_, i) => `ws://127.0.0.1:${4000 + i}`)).bench;
    local.pass(6_000);
    expect(local.dials.length).toBeGreaterThanOrEqual(5);
  });

  it('dials one net six times a minute', () => {
    const net = Array.from({ length: 30 }, (_, i) => `ws://20.1.1.${i + 1}:4000`);
    const { bench } = withBook(net);
    bench.visit(bench.remote('somebody'));
    for (let i = 0; i < 8; i++) {
      bench.pass(5_000);
      for (const dial of bench.dials) bench.fail(dial);
    }
    expect(bench.dials.length).toBeGreaterThan(5);
    expect(bench.dials.length).toBeLessThanOrEqual(6 + 4);
  });

  it('makes two links into a group, once three groups are known', () => {
    const group = Array.from({ length: 10 }, (_, i) => `ws://20.1.${i}.1:4000`);
    const { bench, remotes } = withBook(group);
    const linkAll = (): void => {
      for (let i = 0; i < 10; i++) {
        bench.pass(5_000);
        for (const dial of bench.dials.filter(
          ({ address }) => group.includes(address) && !done.has(address),
        )) {
          done.add(dial.address);
          bench.answer(dial, remotes.find(({ address }) => address === dial.address) as Remote);
        }
      }
    };
    const done = new Set<string>();
    for (const name of ['x', 'y', 'z']) bench.visit(bench.remote(name));
    linkAll();
    expect(done.size).toBe(2);

    const alone = withBook(group);
    for (let i = 0; i < 10; i++) alone.bench.pass(5_000);
    expect(alone.bench.dials.length).toBeGreaterThan(2);
  });

  it('makes two dials at a time into a group, whoever answers', () => {
    const { bench } = withBook(Array.from({ length: 10 }, (_, i) => `ws://20.1.${i}.1:4000`));
    for (const name of ['x', 'y', 'z']) bench.visit(bench.remote(name));
    for (let i = 0; i < 10; i++) bench.pass(5_000);
    expect(bench.dials.filter(({ address }) => address.startsWith('ws://20.1.'))).toHaveLength(2);
  });

  it('makes eight dials at a time to relays', () => {
    const bench = new Bench({ bootstrap: false, webrtc: true });
    for (let i = 1; i < 13; i++) {
      const via = [`ws://${i}.1.1.1:4000`];
      bench.handle({ type: 'introduce', path: i, to: bench.remote(`shy ${i}`).id, via });
      bench.pass(1_000);
    }
    expect(bench.dials).toHaveLength(8);
    expect(bench.eventsOf('pathClosed')[0]?.code).toBe('LIMIT');
  });

  it('dials by itself nobody who has to be introduced; control: unless the user saved it', () => {
    for (const saved of [false, true]) {
      const { bench } = withBook([], { schemes: ['ws', 'wrtc'], webrtc: true });
      bench.visit(bench.remote('somebody'));
      const address = `wrtc:${bench.remote('shy').id}?via=ws://20.1.1.1:4000`;
      bench.store.outcome(address, { ok: true, id: bench.remote('shy').id });
      if (saved) bench.store.save([address]);
      bench.pass(60_000);
      expect(bench.dials.some((dial) => dial.address === address)).toBe(saved);
    }
  });

  it('does not dial who has come to us, nor twice at a time who is to be dialed', () => {
    const { bench } = withBook([]);
    const visitor = bench.remote('visitor');
    bench.store.outcome(visitor.address, { ok: true, id: visitor.id, record: visitor.record });
    bench.visit(visitor);
    bench.store.save(['ws://10.0.0.1:4000']);
    bench.pass(60_000);
    expect(bench.dials.map(({ address }) => address)).toEqual(['ws://10.0.0.1:4000']);
  });

  it('lets an address rest for a minute that had no room for us', () => {
    const { bench, remotes } = withBook(['ws://10.0.0.1:4000']);
    bench.visit(bench.remote('somebody'));
    bench.pass(5_000);
    const dials = () => bench.dials.filter(({ address }) => address === remotes[0]?.address);
    const key = bench.answer(dials()[0] as Dialed, remotes[0] as Remote, 'full');
    bench.handle({ type: 'linkDown', key, reason: 'FULL' });
    bench.pass(59_000);
    expect(dials()).toHaveLength(1);
    bench.pass(10_000);
    expect(dials()).toHaveLength(2);
  });

  it('has dials of its own addresses beside all others', () => {
    const { bench } = withBook(spread, {
      tuning: { triesMax: 100, dialsMax: 100, linksMax: 100 },
      connections: 100,
    });
    bench.pass(0);
    expect(bench.dials).toHaveLength(8);
    const services = [{ scheme: 'ws', host: '5.5.5.5', port: 4000 }];
    bench.handle({ type: 'listening', services, interfaces: ['5.5.5.5'] });
    bench.pass(0);
    expect(bench.dials.slice(8)).toMatchObject([{ address: 'ws://5.5.5.5:4000' }]);
  });

  it('does not count failures against an address while it has no connection at all', () => {
    for (const connected of [false, true]) {
      const { bench } = withBook(['ws://20.1.1.1:4000']);
      if (connected) bench.visit(bench.remote('somebody'));
      bench.pass(2_000);
      bench.fail(bench.lastDial);
      expect(bench.store.get('ws://20.1.1.1:4000')?.failures).toBe(connected ? 1 : 0);
    }
  });

  it('holds it against nobody that somebody else claims to be where he is; control: it does if nobody answers', () => {
    for (const code of ['WRONG_PEER', 'DIAL_TIMEOUT'] as const) {
      const address = 'ws://20.1.1.1:4000';
      const bench = new Bench({ bootstrap: false });
      const honest = bench.remote('honest');
      bench.store.outcome(address, { ok: true, id: honest.id, record: honest.record });
      bench.visit(bench.remote('somebody'));
      const liar = bench.remote('liar').id;
      bench.handle({ type: 'connect', request: 1, address: `${address}#${liar}` });
      bench.fail(bench.lastDial, code);
      expect(bench.store.get(address)?.id).toBe(honest.id);
      expect(bench.store.get(address)?.verified).toBe(code === 'WRONG_PEER');
    }
  });

  it('holds it against who claims to be where somebody else is', () => {
    const [address = ''] = spread;
    const { bench } = withBook([address]);
    bench.visit(bench.remote('somebody'));
    bench.pass(10_000);
    bench.fail(bench.lastDial, 'WRONG_PEER');
    expect(bench.store.get(address)?.failures).toBe(1);
  });

  it('at 0 links tries the same address again after 10 s ± 50 %, for ever', () => {
    const bench = new Bench({ seeds: ['ws://20.1.1.1:4000'] });
    for (let i = 0; i < 200; i++) {
      bench.pass(1_000);
      if (bench.dials.length > 0) bench.fail(bench.lastDial);
    }
    expect(bench.dials.length).toBeGreaterThan(200 / 16);
    expect(bench.dials.length).toBeLessThan(200 / 5 + 2);
  });

  it('never dials itself twice', () => {
    const bench = new Bench({ seeds: ['ws://20.1.1.1:4000'] });
    bench.pass(0);
    bench.fail(bench.lastDial, 'SELF');
    bench.pass(3_000_000);
    expect(bench.dials).toHaveLength(1);
  });

  it('dials nothing of its own with bootstrap: false', () => {
    const { bench } = withBook(spread, { bootstrap: false, seeds: ['ws://60.1.1.1:4000'] });
    bench.visit(bench.remote('somebody'));
    bench.pass(600_000);
    expect(bench.dials).toEqual([]);
  });

  it('dials only schemes that it has', () => {
    const { bench } = withBook(['tcp://20.1.1.1:4000', 'ws://21.1.1.1:4000'], { schemes: ['ws'] });
    bench.pass(60_000);
    expect(bench.dials.map(({ address }) => address)).toEqual(['ws://21.1.1.1:4000']);
  });
});
