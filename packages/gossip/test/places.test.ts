// Who has to go for whom in a full node that can be dialed: ranks by a secret and by where peers come from, and two places
// by need. Everybody here asks politely; what is told apart is only where they come from, and how often they ask.
import { seededRandom, signRecord } from '@peernet/core';
import { describe, expect, it } from 'vitest';
import { Bench, type BenchOptions, live, type Remote, withBook } from './machine.js';

const room = 16;
const dialable = { bootstrap: false, connections: 0, announce: ['ws://5.5.5.5:4000'] };

/** A node with `room` places, all taken by strangers of `room` different groups, long ago. */
function full({ tuning, ...options }: BenchOptions = {}) {
  const bench = new Bench({ ...dialable, ...options, tuning: { linksDialableMax: room, ...tuning } });
  const first = Array.from({ length: room }, (_, i) => from(bench, 20, i));
  for (const remote of first) bench.visit(remote);
  bench.pass(61_000);
  return { bench, first };
}

/** Somebody at the `i`-th /16 of a /8; `host` tells those of one /16 apart. */
function from(bench: Bench, block: number, i: number, host = 1): Remote {
  return bench.remote(`${block} ${i} ${host}`, { address: `ws://${block}.${i}.1.${host}:4000` });
}

function isIn(bench: Bench, { id }: Remote): boolean {
  return bench.machine.neighbours.some((peer) => peer.id === id);
}

/** They ask one after the other, with time to settle in between; returns who was let in at first. */
function ask(bench: Bench, remotes: readonly Remote[], degree = 9): Remote[] {
  return remotes.filter((remote) => {
    bench.visit(remote, degree);
    const got = isIn(bench, remote);
    bench.pass(61_000);
    return got;
  });
}

function strangers(bench: Bench, count: number, block = 30): Remote[] {
  return Array.from({ length: count }, (_, i) => from(bench, block, i));
}

/** Those who say that they cannot be dialed. */
function shy(bench: Bench, count: number, block = 50): Remote[] {
  return Array.from({ length: count }, (_, i) =>
    bench.remote(`shy ${block} ${i}`, {
      address: `ws://${block}.${i}.1.1:4000`,
      addresses: [],
      dialable: false,
    }),
  );
}

describe('a full node that can be dialed', () => {
  it('lets newcomers in although nobody leaves, each address group by its luck', () => {
    const { bench, first } = full();
    ask(bench, strangers(bench, room));
    const stayed = first.filter((remote) => isIn(bench, remote)).length;
    // Sixteen of thirty-two, drawn by lot: 8 ± 2 of each kind. Outside of 3 to 13 is one seed in ten thousand.
    expect(stayed).toBeGreaterThanOrEqual(3);
    expect(stayed).toBeLessThanOrEqual(13);
    expect(bench.machine.neighbours.length).toBe(room);
  });

  it('control: by turns of who leaves, those who were first have all places', () => {
    const shy = new Bench({ bootstrap: false, connections: 0, tuning: { linksMax: room } }); // it ranks nobody
    const first = Array.from({ length: room }, (_, i) => from(shy, 20, i));
    for (const remote of first) shy.visit(remote);
    shy.pass(61_000);
    expect(ask(shy, strangers(shy, room))).toEqual([]);
    expect(first.every((remote) => isIn(shy, remote))).toBe(true);
  });

  it('asking again wins nothing, and saying to be alone only one of two places', () => {
    const { bench, first } = full();
    const others = strangers(bench, room);
    ask(bench, others);
    const settled = first.concat(others).filter((remote) => isIn(bench, remote));
    const losers = first.concat(others).filter((remote) => !isIn(bench, remote));
    bench.pass(600_000);
    ask(bench, losers);
    ask(bench, losers);
    expect(settled.every((remote) => isIn(bench, remote))).toBe(true);
    ask(bench, losers, 0);
    expect(settled.filter((remote) => !isIn(bench, remote))).toHaveLength(2);
    expect(losers.filter((remote) => isIn(bench, remote))).toHaveLength(2);
  });

  it('control: with more places by need whoever says so has them', () => {
    const { bench, first } = full({ tuning: { needyMax: room, seniorShare: 0 } });
    const others = strangers(bench, room);
    ask(bench, others);
    const losers = first.concat(others).filter((remote) => !isIn(bench, remote));
    bench.pass(600_000);
    ask(bench, losers, 0);
    expect(losers.every((remote) => isIn(bench, remote))).toBe(true);
  });

  it('the oldest quarter stays, however badly it ranks', () => {
    const { bench, first } = full();
    for (let block = 30; block < 40; block++) ask(bench, strangers(bench, room, block));
    const stayed = first.filter((remote) => isIn(bench, remote));
    expect(stayed).toEqual(expect.arrayContaining(first.slice(0, room / 4)));
  });

  it('control: without seniors hardly anybody of the first stays', () => {
    const { bench, first } = full({ tuning: { seniorShare: 0 } });
    for (let block = 30; block < 40; block++) ask(bench, strangers(bench, room, block));
    expect(first.slice(0, room / 4).some((remote) => !isIn(bench, remote))).toBe(true);
    // 160 asked for 16 places: of 16 one or two are left, by lot.
    expect(first.filter((remote) => isIn(bench, remote)).length).toBeLessThan(room / 4);
  });

  it('who cannot be dialed has a place before who can, but for the seniors', () => {
    const { bench } = full();
    const asking = shy(bench, room - room / 4);
    expect(ask(bench, asking)).toEqual(asking);
  });

  it('who can be dialed gets none of theirs, however it ranks; control: by lot alone some do', () => {
    const askAfter = (shyFirst: number): { taken: Remote[]; stay: boolean } => {
      const { bench } = full({ tuning: { shyFirst } });
      const here = ask(bench, shy(bench, room - room / 4));
      const taken = ask(bench, strangers(bench, 2 * room));
      return { taken, stay: here.every((remote) => isIn(bench, remote)) };
    };
    expect(askAfter(1)).toEqual({ taken: [], stay: true });
    expect(askAfter(0).taken.length).toBeGreaterThan(2);
  });

  it('who only says that it cannot is found out by a dial to where it comes from; control: unless nobody answers there', () => {
    const lie = (answers: boolean): number => {
      const bench = new Bench({ ...dialable, bootstrap: true, tuning: { linksDialableMax: room } });
      const liars = shy(bench, room, 40);
      for (const remote of liars) bench.visit(remote);
      bench.pass(61_000);
      const others = liars.map((_, i) => bench.remote(`other ${i}`, { address: `ws://40.${i}.1.1:5000` }));
      const told = others.map(({ record }) => ({ record, ageSeconds: 1 }));
      for (const heard of told) bench.store.offer([heard], bench.remote(`teller of ${heard.record.id}`).id);
      // The first claim makes it look; from the second minute on it knows.
      ask(bench, shy(bench, 1, 50));
      const dials = bench.dials.filter(({ address }) => address.startsWith('ws://40.'));
      expect(dials.length).toBeGreaterThan(room / 2);
      for (const dial of dials) {
        const remote = others.find(({ address }) => address === dial.address) as Remote;
        if (answers) bench.answer(dial, remote, 'hello');
        else bench.fail(dial);
      }
      bench.pass(61_000);
      return ask(bench, strangers(bench, 2 * room)).length;
    };
    // Among those who can be dialed it goes by lot; from who cannot they get nothing.
    expect(lie(true)).toBeGreaterThan(2);
    expect(lie(false)).toBe(0);
  });

  it('who only says that it cannot is known if we have dialed it, wherever it comes from; not if somebody says so', () => {
    const taken = (known: 'dialed' | 'told' | 'not at all'): number => {
      const bench = new Bench({ ...dialable, tuning: { linksDialableMax: room } });
      for (const remote of shy(bench, room, 40)) bench.visit(remote);
      bench.pass(61_000);
      const newcomers = shy(bench, 2 * room, 50);
      for (const [i, { id, record, crypto }] of newcomers.entries()) {
        const address = `ws://90.${i}.1.1:4000`;
        const elsewhere = signRecord(crypto, { ...record, addresses: [address], dialable: true });
        if (known === 'dialed') bench.store.outcome(address, { ok: true, id, record: elsewhere });
        if (known === 'told') bench.store.offer([{ record: elsewhere, ageSeconds: 0 }], bench.crypto.id);
      }
      return ask(bench, newcomers).length;
    };
    expect(taken('dialed')).toBe(0);
    expect(taken('told')).toBe(taken('not at all'));
    expect(taken('not at all')).toBeGreaterThan(2);
  });

  it('one group has one senior', () => {
    const bench = new Bench({ ...dialable, tuning: { linksDialableMax: room } });
    const crowd = Array.from({ length: room }, (_, i) => from(bench, 20, 0, i + 1));
    for (const remote of crowd) bench.visit(remote);
    bench.pass(61_000);
    for (let block = 30; block < 32; block++) ask(bench, strangers(bench, room, block));
    expect(crowd.filter((remote) => isIn(bench, remote)).map(({ id }) => id)).toEqual([crowd[0]?.id]);
  });

  it('a second one of a group goes before the first one of any', () => {
    const { bench, first } = full();
    const twins = first.map((_, i) => from(bench, 20, i, 2));
    expect(ask(bench, twins)).toEqual([]);
    const crowd = new Bench({ ...dialable, tuning: { linksDialableMax: room } });
    for (let i = 0; i < room; i++) crowd.visit(from(crowd, 20, 0, i + 1));
    crowd.pass(61_000);
    const others = strangers(crowd, room - 1);
    expect(ask(crowd, others)).toEqual(others);
    expect(isIn(crowd, from(crowd, 20, 0, 1))).toBe(true);
  });

  it('nobody goes who has come just now', () => {
    const bench = new Bench({ ...dialable, tuning: { linksDialableMax: room } });
    for (const remote of strangers(bench, room, 20)) bench.visit(remote);
    for (const remote of strangers(bench, 30)) bench.visit(remote, 9);
    expect(bench.count('evictions')).toBe(0);
    bench.pass(61_000); // the control
    for (const remote of strangers(bench, 30, 40)) bench.visit(remote, 9);
    expect(bench.count('evictions')).toBeGreaterThan(0);
  });

  it('nobody goes whom we have dialed, or whom the user wants; control: the same, unwanted', () => {
    for (const wanted of [true, false]) {
      const tuning = { linksDialableMax: 8, rotateEveryMs: Number.POSITIVE_INFINITY };
      const { bench, remotes } = withBook(20, { announce: ['ws://5.5.5.5:4000'], tuning });
      live(bench, remotes, 60_000);
      expect(bench.count('outbound')).toBe(5);
      for (const remote of strangers(bench, 3, 60)) {
        bench.visit(remote);
        if (wanted) bench.handle({ type: 'connect', request: 1, address: `${remote.address}#${remote.id}` });
      }
      bench.pass(61_000);
      const before = bench.machine.neighbours.map(({ id }) => id);
      expect(before).toHaveLength(8);
      for (const remote of [...strangers(bench, 30, 70), ...shy(bench, 30, 80)]) bench.visit(remote, 0);
      expect(bench.machine.neighbours.filter(({ id }) => before.includes(id)).length === 8).toBe(wanted);
      expect(bench.count('outbound')).toBe(5);
    }
  });

  it('another node has other luck for the same ones', () => {
    const winners = [7, 8].map((seed) => {
      const { bench, first } = full({ random: seededRandom(seed) });
      ask(bench, strangers(bench, room));
      return first.filter((remote) => isIn(bench, remote)).map(({ address }) => address);
    });
    expect(winners[0]).not.toEqual(winners[1]);
  });

  it('evicts for one group once in ten minutes, however well it ranks', () => {
    const { bench } = full();
    const lucky = strangers(bench, room).find((remote) => ask(bench, [remote]).length > 0) as Remote;
    const again = (): boolean => {
      const key = [...bench.machine.links()].find(({ id }) => id === lucky.id)?.key;
      if (key !== undefined) bench.handle({ type: 'linkDown', key, reason: 'LOST' });
      // Twins of those who are here fill its place, and rank behind everybody.
      for (let i = 0; i < room; i++) bench.visit(from(bench, 20, i, 3));
      bench.pass(61_000);
      const before = bench.count('evictions');
      bench.visit(lucky, 9);
      return bench.count('evictions') > before;
    };
    expect(again()).toBe(false);
    bench.pass(600_000);
    expect(again()).toBe(true);
  });

  it('behind a proxy it is the id that counts: another port is no other luck', () => {
    const { bench } = full();
    const local = (port: number) => ({
      scope: 'loopback' as const,
      remoteAddress: `tcp://127.0.0.1:${port}`,
    });
    const loser = Array.from({ length: 4 * room }, (_, i) => bench.remote(`local ${i}`)).find((remote) => {
      const key = bench.visit(remote, 9, local(50_000));
      bench.pass(61_000);
      return bench.kindOf(key) !== 'overlay';
    }) as Remote;
    bench.pass(600_000);
    for (let port = 50_001; port < 50_021; port++) bench.visit(loser, 9, local(port));
    expect(isIn(bench, loser)).toBe(false);
  });
});
