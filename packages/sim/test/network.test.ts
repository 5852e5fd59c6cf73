// Links and faults: each test has a control, a run in which the fault is absent and the opposite is seen.
import { messageBytesMax, type PeerId } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import {
  createWorld,
  type DialResult,
  type Host,
  type Network,
  type SimLink,
  type World,
} from '../src/index.js';

interface Ear {
  messages: Uint8Array[];
  atMs: number[];
  drains: number;
  closed: { reason: string; atMs: number }[];
}

function listen(world: World, link: SimLink): Ear {
  const ear: Ear = { messages: [], atMs: [], drains: 0, closed: [] };
  link.open({
    onMessage: (message) => {
      ear.messages.push(message);
      ear.atMs.push(world.now);
    },
    onDrain: () => ear.drains++,
    onClose: (reason) => ear.closed.push({ reason, atMs: world.now }),
  });
  return ear;
}

function dial(
  world: World,
  from: Host,
  address: string,
  expect?: PeerId,
): { result?: DialResult; atMs: number } {
  const outcome: { result?: DialResult; atMs: number } = { atMs: Number.NaN };
  from.dialNow(address, { expect }, (result) => {
    outcome.result = result;
    outcome.atMs = world.now;
  });
  expectNothingYet(outcome);
  return outcome;
}

function expectNothingYet(outcome: { result?: DialResult }): void {
  expect(outcome.result, 'done was called synchronously').toBeUndefined();
}

/** Two hosts with an open link between them. */
function pair(
  world: World,
  network: Network,
): { a: Host; b: Host; near: SimLink; far: SimLink; ears: [Ear, Ear] } {
  const a = network.host();
  const b = network.host();
  let far: SimLink | undefined;
  b.onLink = (link) => {
    far = link;
  };
  const outcome = dial(world, a, b.address);
  world.until(() => far !== undefined, { withinMs: 10_000 });
  const near = outcome.result?.link as SimLink;
  const end = far as unknown as SimLink;
  return { a, b, near, far: end, ears: [listen(world, near), listen(world, end)] };
}

const flat = { sigma: 0, jitterShare: 0, latencyMs: 40 };

describe('dialing', () => {
  test('a link takes one and a half round trips, and shows who is at the other end', () => {
    const world = createWorld({ seed: 1 });
    const network = world.network(flat);
    const [a, b] = [network.host(), network.host({ scope: 'private' })];
    const accepted: [SimLink, number][] = [];
    b.onLink = (link) => accepted.push([link, world.now]);
    const outcome = dial(world, a, `${b.address}#${b.id}`);
    world.run(1_000);
    expect(outcome.atMs).toBe(120);
    const near = outcome.result?.link as SimLink;
    const [far, atMs] = accepted[0] as [SimLink, number];
    expect(atMs).toBe(160);
    expect([near.peer, near.initiator, near.remoteAddress, near.scope, near.session]).toEqual([
      b.id,
      true,
      b.address,
      'private',
      b.session,
    ]);
    expect([far.peer, far.initiator, far.session]).toEqual([a.id, false, a.session]);
    expect(far.remoteAddress).toMatch(new RegExp(`^tcp://${a.ip}:\\d+$`));
  });

  interface Case {
    /** What goes wrong. */
    arrange?(network: Network, a: Host, b: Host): void;
    /** What is dialed; default: b's address. */
    address?(a: Host, b: Host): string;
    expect?(a: Host): PeerId;
    code: string;
    afterMs: number;
  }
  const cases: Record<string, Case> = {
    'nobody at the address': { address: () => 'ws://9.9.9.9:9', code: 'DIAL_TIMEOUT', afterMs: 8_000 },
    'not dialable': {
      arrange: (_, __, b) => {
        b.dialable = false;
      },
      code: 'DIAL_TIMEOUT',
      afterMs: 8_000,
    },
    crashed: { arrange: (_, __, b) => b.crash(), code: 'DIAL_TIMEOUT', afterMs: 8_000 },
    'process gone': { arrange: (_, __, b) => b.crash('reset'), code: 'DIAL_REFUSED', afterMs: 80 },
    refusing: {
      arrange: (_, __, b) => {
        b.refusing = true;
      },
      code: 'DIAL_REFUSED',
      afterMs: 80,
    },
    'another peer': { expect: (a) => a.id, code: 'WRONG_PEER', afterMs: 120 },
    'another pinned peer': { address: (a, b) => `${b.address}#${a.id}`, code: 'WRONG_PEER', afterMs: 120 },
    'own address': { address: (a) => a.address, code: 'SELF', afterMs: 0.15 },
    cut: { arrange: (network, a, b) => network.cut(a, b), code: 'DIAL_TIMEOUT', afterMs: 8_000 },
    partition: { arrange: (network, a) => network.partition([[a]]), code: 'DIAL_TIMEOUT', afterMs: 8_000 },
    asleep: { arrange: (_, __, b) => b.pause(), code: 'HANDSHAKE_TIMEOUT', afterMs: 5_000 },
    'no address': { address: () => 'ws://', code: 'ADDRESS_INVALID', afterMs: 0 },
    'metadata service': { address: () => 'ws://169.254.169.254:80', code: 'ADDRESS_INVALID', afterMs: 0 },
    'a signalled address': { address: (_, b) => `wrtc:${b.id}`, code: 'SCHEME_UNKNOWN', afterMs: 0 },
  };
  test.each(Object.keys(cases))('%s', (name) => {
    const wanted = cases[name] as Case;
    const world = createWorld({ seed: 2 });
    const network = world.network(flat);
    const [a, b] = [network.host(), network.host()];
    b.onLink = () => {};
    const control = dial(world, a, b.address, b.id);
    world.run(1_000);
    expect(control.result?.link, 'control: the dial works before').toBeDefined();
    wanted.arrange?.(network, a, b);
    const outcome = dial(world, a, wanted.address?.(a, b) ?? b.address, wanted.expect?.(a));
    world.run(20_000);
    expect(outcome.result?.code).toBe(wanted.code);
    expect(outcome.atMs - 1_000).toBeCloseTo(wanted.afterMs, 6);
  });

  test('a router without hairpin: own address times out', () => {
    const world = createWorld({ seed: 3 });
    const a = world.network(flat).host({ hairpin: false });
    const outcome = dial(world, a, a.address);
    world.run(10_000);
    expect(outcome.result?.code).toBe('DIAL_TIMEOUT');
  });

  test('a cancelled dial says nothing, and makes no link', () => {
    const world = createWorld({ seed: 4 });
    const network = world.network(flat);
    const [a, b] = [network.host(), network.host()];
    let accepted = 0;
    let done = 0;
    b.onLink = () => accepted++;
    const cancel = a.dialNow(b.address, {}, () => done++);
    a.dialNow(b.address, {}, () => done++);
    world.run(100);
    cancel();
    world.run(10_000);
    expect([accepted, done]).toEqual([1, 1]);
  });

  test('nobody takes the link: REJECTED at the dialer', () => {
    const world = createWorld({ seed: 5 });
    const network = world.network(flat);
    const [a, b] = [network.host(), network.host()];
    const outcome = dial(world, a, b.address);
    world.run(150);
    const ear = listen(world, outcome.result?.link as SimLink);
    world.run(1_000);
    expect(ear.closed).toEqual([{ reason: 'REJECTED', atMs: 200 }]);
  });
});

describe('delivery', () => {
  test('in order, whole, copied, each after about the latency of the pair', () => {
    const world = createWorld({ seed: 10 });
    const network = world.network({ jitterShare: 0.5 });
    const { near, ears } = pair(world, network);
    const message = new Uint8Array(8);
    const sentAtMs: number[] = [];
    for (let i = 0; i < 500; i++) {
      world.after(i, () => {
        message[0] = i;
        message[1] = i >> 8;
        expect(near.send(message, 'search')).toBe(true);
        sentAtMs.push(world.now);
      });
    }
    world.runFor(60_000);
    const got = ears[1].messages.map((bytes) => (bytes[0] ?? 0) + 256 * (bytes[1] ?? 0));
    expect(got).toEqual(Array.from({ length: 500 }, (_, i) => i));
    const delays = ears[1].atMs.map((atMs, i) => atMs - (sentAtMs[i] as number));
    expect(Math.min(...delays)).toBeGreaterThan(near.latencyMs * 0.5);
    expect(Math.max(...delays)).toBeLessThan(near.latencyMs * 1.5 + 1);
    expect(new Set(delays.map((delay) => delay.toFixed(3))).size, 'control: jitter is there').toBeGreaterThan(
      20,
    );
  });

  test('the nearer host hears first: latency decides, not the order of sending', () => {
    const world = createWorld({ seed: 11 });
    const network = world.network({ jitterShare: 0 });
    const hub = network.host();
    const others = Array.from({ length: 30 }, () => network.host());
    const heard: number[] = [];
    for (const [i, other] of others.entries()) {
      other.onLink = (link) => link.open({ onMessage: () => heard.push(i), onDrain() {}, onClose() {} });
    }
    const links: SimLink[] = [];
    for (const other of others) hub.dialNow(other.address, {}, ({ link }) => link && links.push(link));
    world.run(10_000);
    expect(links.length).toBe(30);
    for (const link of links) link.send(Uint8Array.of(1), 'search');
    world.run(20_000);
    const byLatency = others
      .map((other, i) => [network.latencyMs(hub, other), i] as const)
      .sort((x, y) => x[0] - y[0])
      .map(([, i]) => i);
    expect(heard).toEqual(byLatency);
  });

  test('latencies of pairs are log-normal: median and sigma as asked, equal both ways', () => {
    const world = createWorld({ seed: 12 });
    const network = world.network({ latencyMs: 40, sigma: 1, latencyMaxMs: 1e9 });
    const hosts = Array.from({ length: 150 }, () => network.host());
    const logs: number[] = [];
    for (const a of hosts) {
      for (const b of hosts) {
        if (a.index < b.index) {
          expect(network.latencyMs(a, b)).toBe(network.latencyMs(b, a));
          logs.push(Math.log(network.latencyMs(a, b) / 40));
        }
      }
    }
    const mean = logs.reduce((x, y) => x + y, 0) / logs.length;
    const sigma = Math.sqrt(logs.reduce((x, y) => x + (y - mean) ** 2, 0) / logs.length);
    // 11 175 pairs: standard errors .0095 and .0067; four of them.
    expect(Math.abs(mean)).toBeLessThan(0.038);
    expect(Math.abs(sigma - 1)).toBeLessThan(0.027);
  });

  test('what arrives before open waits, also across the end of the link', () => {
    const world = createWorld({ seed: 13 });
    const network = world.network(flat);
    const [a, b] = [network.host(), network.host()];
    let far: SimLink | undefined;
    b.onLink = (link) => {
      far = link;
    };
    a.dialNow(b.address, {}, ({ link }) => {
      link?.send(Uint8Array.of(1), 'control');
      link?.send(Uint8Array.of(2), 'control');
      link?.close('DONE');
      expect(link?.send(Uint8Array.of(3), 'control')).toBe(false);
    });
    world.run(5_000);
    const ear = listen(world, far as unknown as SimLink);
    expect(ear.messages, 'not within open()').toEqual([]);
    world.run(5_001);
    expect(ear.messages).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
    expect(ear.closed).toEqual([{ reason: 'DONE', atMs: 5_000 }]);
  });

  test('after our own close nothing comes but onClose, once, not synchronously', () => {
    const world = createWorld({ seed: 14 });
    const { near, far, ears } = pair(world, world.network(flat));
    far.send(Uint8Array.of(1), 'control');
    near.close('USER');
    near.close('USER');
    expect(ears[0].closed).toEqual([]);
    world.runFor(10_000);
    expect(ears[0].messages).toEqual([]);
    expect(ears.map((ear) => ear.closed.map((end) => end.reason))).toEqual([['USER'], ['USER']]);
    expect(near.host.links.size + far.host.links.size).toBe(0);
  });

  test('a message above the limit is misuse; the largest passes', () => {
    const world = createWorld({ seed: 15 });
    const { near, ears } = pair(world, world.network(flat));
    expect(() => near.send(new Uint8Array(messageBytesMax + 1), 'rows')).toThrow(TypeError);
    expect(near.send(new Uint8Array(messageBytesMax), 'rows')).toBe(true);
    world.runFor(1_000);
    expect(ears[1].messages.length).toBe(1);
  });

  test('bandwidth: a full link takes no more, says when it does, and loses nothing it took', () => {
    const world = createWorld({ seed: 16 });
    const network = world.network({ ...flat, bytesPerSecond: 100_000, bufferBytesMax: 50_000 });
    const { near, ears } = pair(world, network);
    const fromMs = world.now;
    let taken = 0;
    while (near.send(new Uint8Array(1_000), 'rows')) taken++;
    expect(taken).toBe(50);
    expect(near.buffered).toBe(50_000);
    world.runFor(200);
    expect(near.buffered).toBeCloseTo(30_000, -2);
    expect(ears[0].drains).toBe(0);
    world.run(fromMs + 10_000);
    expect(ears[0].drains).toBe(1);
    expect(ears[1].messages.length).toBe(50);
    expect((ears[1].atMs.at(-1) as number) - fromMs).toBeCloseTo(540, 6);
    expect(near.buffered).toBe(0);
  });

  test('a sleeping reader makes the sender congest; control: an awake one does not', () => {
    const run = (asleep: boolean): number => {
      const world = createWorld({ seed: 17 });
      const { near, b } = pair(world, world.network(flat));
      if (asleep) b.pause();
      for (let i = 0; i < 80; i++) world.after(i * 50, () => near.send(new Uint8Array(10_000), 'rows'));
      world.runFor(5_000);
      return near.buffered;
    };
    expect(run(true)).toBe(800_000 - 262_144);
    expect(run(false)).toBe(0);
  });
});

describe('faults', () => {
  test('a silent crash is noticed by timeout after 10 to 12 s; a reset at once', () => {
    for (const how of ['silent', 'reset'] as const) {
      const world = createWorld({ seed: 20 });
      const { near, b, ears } = pair(world, world.network(flat));
      let alarms = 0;
      b.clock.alarm(b.clock.now() + 100, () => alarms++);
      near.send(Uint8Array.of(1), 'control');
      b.crash(how);
      const fromMs = world.now;
      world.runFor(30_000);
      expect([alarms, ears[1].messages.length, ears[1].closed.length]).toEqual([0, 0, 0]);
      const [end] = ears[0].closed as [{ reason: string; atMs: number }];
      expect(ears[0].closed.length).toBe(1);
      if (how === 'reset') expect(end).toEqual({ reason: 'LOST', atMs: fromMs + 40 });
      else {
        expect(end.reason).toBe('TIMEOUT');
        expect(end.atMs - fromMs).toBeGreaterThanOrEqual(10_000);
        expect(end.atMs - fromMs).toBeLessThanOrEqual(12_000);
      }
    }
  });

  test('control: without a crash an idle link lives and costs no events', () => {
    const world = createWorld({ seed: 21 });
    const { ears } = pair(world, world.network(flat));
    expect(world.runFor(3_600_000)).toBe(0);
    expect(ears.map((ear) => ear.closed.length)).toEqual([0, 0]);
  });

  test('a restarted host can be dialed again, in a new session, and breaks what its past left behind', () => {
    const world = createWorld({ seed: 22 });
    const { a, b, near, ears } = pair(world, world.network(flat));
    b.crash();
    world.runFor(2_000);
    b.restart();
    b.onLink = () => {};
    const outcome = dial(world, a, b.address, b.id);
    world.runFor(1_000);
    expect(ears[0].closed.map((end) => end.reason)).toEqual(['LOST']);
    expect(outcome.result?.link?.session).toBe(b.session);
    expect(outcome.result?.link?.session).not.toBe(near.session);
  });

  test('a partition holds messages back; healed in time they arrive in order, the link lives', () => {
    const world = createWorld({ seed: 23 });
    const network = world.network(flat);
    const { a, near, ears } = pair(world, network);
    near.send(Uint8Array.of(1), 'control');
    network.partition([[a]]);
    for (let i = 2; i < 20; i++) world.after(i * 400, () => near.send(Uint8Array.of(i), 'control'));
    world.runFor(5_000);
    expect(ears[1].messages.length).toBe(0);
    network.heal();
    world.runFor(60_000);
    expect(ears[1].messages.map((bytes) => bytes[0])).toEqual(Array.from({ length: 19 }, (_, i) => i + 1));
    expect(ears.map((ear) => ear.closed.length)).toEqual([0, 0]);
  });

  test('a partition that lasts ends the links across it, and no others', () => {
    const world = createWorld({ seed: 24 });
    const network = world.network(flat);
    const one = pair(world, network);
    const two = pair(world, network);
    network.partition([[one.a], [one.b, two.a, two.b]]);
    const fromMs = world.now;
    world.runFor(13_000);
    for (const ear of one.ears) {
      expect(ear.closed.map((end) => end.reason)).toEqual(['TIMEOUT']);
      expect((ear.closed[0]?.atMs ?? 0) - fromMs).toBeGreaterThanOrEqual(10_000);
    }
    expect(
      two.ears.map((ear) => ear.closed.length),
      'control: same side',
    ).toEqual([0, 0]);
    network.heal();
    one.b.onLink = () => {};
    const again = dial(world, one.a, one.b.address);
    world.runFor(1_000);
    expect(again.result?.link).toBeDefined();
  });

  test('cut concerns one pair; mend restores it', () => {
    const world = createWorld({ seed: 25 });
    const network = world.network(flat);
    const { a, b, near, far, ears } = pair(world, network);
    network.cut(b, a);
    far.send(Uint8Array.of(7), 'control');
    world.runFor(1_000);
    expect(ears[0].messages.length).toBe(0);
    network.mend(a, b);
    world.runFor(1_000);
    expect(ears[0].messages.length).toBe(1);
    expect(near.closed).toBe(false);
  });

  test('a sleeper gets what waited when it wakes; after a long sleep its links are lost', () => {
    const world = createWorld({ seed: 26 });
    const { b, near, ears } = pair(world, world.network(flat));
    let rung = 0;
    b.clock.alarm(b.clock.now() + 1_000, () => rung++);
    b.pause();
    near.send(Uint8Array.of(1), 'control');
    near.send(Uint8Array.of(2), 'control');
    world.runFor(5_000);
    expect([rung, ears[1].messages.length]).toEqual([0, 0]);
    b.resume();
    expect([rung, ears[1].messages.map((bytes) => bytes[0])]).toEqual([1, [1, 2]]);
    world.runFor(60_000);
    expect(
      ears.map((ear) => ear.closed.length),
      'control: a short sleep',
    ).toEqual([0, 0]);
    b.pause();
    world.runFor(120_000);
    expect(ears.map((ear) => ear.closed.map((end) => end.reason))).toEqual([['TIMEOUT'], []]);
    b.resume();
    world.runFor(1_000);
    expect(ears[1].closed.map((end) => end.reason)).toEqual(['LOST']);
  });

  test('links break by themselves when asked to, at about the mean; control: never by default', () => {
    const ages = (breakMeanMs: number): number[] => {
      const world = createWorld({ seed: 27 });
      const network = world.network({ ...flat, breakMeanMs });
      const all = Array.from({ length: 400 }, () => pair(world, network));
      const fromMs = world.now;
      world.runFor(10_000_000);
      return all.flatMap(({ ears }) => ears[0].closed.map((end) => end.atMs - fromMs));
    };
    const broken = ages(600_000);
    expect(broken.length).toBe(400);
    const mean = broken.reduce((x, y) => x + y, 0) / 400;
    // Exponential: standard error 5 %. Links are up to a minute older than the time they are counted from.
    expect(mean).toBeGreaterThan(450_000);
    expect(mean).toBeLessThan(720_000);
    expect(ages(Number.POSITIVE_INFINITY)).toEqual([]);
  });

  test('made-up addresses are global, all different, and spread over groups', () => {
    const network = createWorld({ seed: 28 }).network();
    const addresses = Array.from({ length: 3_000 }, () => network.host().address);
    expect(new Set(addresses).size).toBe(3_000);
    expect(new Set(addresses.map((text) => text.split('.').slice(0, 2).join('.'))).size).toBeGreaterThan(
      2_800,
    );
    expect(() => network.host({ address: addresses[5] as string })).toThrow(/taken/);
    expect(() => network.host({ address: 'nonsense' })).toThrow(TypeError);
  });

  test('a host that is refused for an alias is nowhere, and its address is free', () => {
    const network = createWorld({ seed: 29 }).network();
    const address = 'ws://9.9.9.9:9';
    const taken = network.host().address;
    expect(() => network.host({ address, aliases: [taken] })).toThrow(/taken/);
    expect(() => network.host({ address, aliases: [address] })).toThrow(/taken/);
    expect(() => network.host({ address, aliases: ['nonsense'] })).toThrow(/not an address: nonsense/);
    expect(network.at(address)).toBeUndefined();
    expect(network.at(network.host({ address }).address)?.index).toBe(1);
  });
});
