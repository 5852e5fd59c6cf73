// Peers that lie, flood and break the protocol, against real nodes on simulated hosts.
import { type Link, seededRandom, signRecord } from '@peernet/core';
import { createWorld, type Host } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import type { Tuning } from '../src/index.js';
import {
  encodeAnswer,
  encodeExtrema,
  encodeHello,
  encodeRecord,
  encodeReplaced,
  encodeShuffle,
  encodeWalk,
} from '../src/wire.js';
import { components, degrees, expectHonest, type Node, nodesJoin, startNode, total } from './nodes.js';

/** What a liar says of itself. */
function recordOf(host: Host, addresses: readonly string[]) {
  return signRecord(host.crypto, {
    seq: Math.floor(host.clock.wall()),
    ttlSeconds: 86_400,
    addresses,
    relays: [],
    dialable: addresses.length > 0,
    webrtc: false,
    stun: false,
  });
}

/** A hand-made peer: dials `target`, says HELLO with `addresses`, then does as it likes. */
function attack(host: Host, target: Host, addresses: readonly string[], then: (link: Link) => void): void {
  host.dialNow(target.address, {}, ({ link }) => {
    if (link === undefined) return;
    link.open({ onMessage() {}, onDrain() {}, onClose() {} });
    const self = { record: recordOf(host, addresses), ageSeconds: 0 };
    const digest = new Uint8Array(8);
    const wallMs = host.clock.wall();
    link.send(
      encodeHello({
        purpose: 'overlay',
        degree: 5,
        wallMs,
        dialed: target.address,
        observed: '',
        digest,
        self,
      }),
      'control',
    );
    then(link);
  });
}

describe('fifty liars that name a victim', () => {
  /** Each of them tells eight nodes, in HELLO and in every SHUFFLE, that it lives where the victim does. */
  function reflected(limits: Partial<Tuning> = {}) {
    const world = createWorld({ seed: 91 });
    const network = world.network();
    const nodes = nodesJoin(network, { count: 40, overMs: 10_000, limits });
    world.run(60_000);
    const victim = network.host({ name: 'victim' });
    const dials: number[] = [];
    for (const { host } of nodes) {
      const dial = host.dialNow.bind(host);
      host.dialNow = (address, options, done) => {
        if (address === victim.address) dials.push(world.now);
        return dial(address, options, done);
      };
    }
    const liars = Array.from({ length: 50 }, (_, i) => network.host({ name: `liar ${i}` }));
    for (const [i, liar] of liars.entries()) {
      const records = [{ record: recordOf(liar, [victim.address]), ageSeconds: 0 }];
      for (let k = 0; k < 8; k++) {
        const target = nodes[(i * 7 + k * 5) % nodes.length] as Node;
        attack(liar, target.host, [victim.address], (link) => {
          const again = (): void => {
            if (link.send(encodeShuffle({ answer: false, degree: 5, records }), 'shuffle'))
              world.after(2_000, again);
          };
          again();
        });
      }
    }
    world.runFor(300_000);
    return { nodes, victim, dials, liars };
  }

  it('cost it one connect per node in five minutes, and no lie travels a second hop', () => {
    const { nodes, victim, dials, liars } = reflected();
    expect(dials.length).toBeGreaterThan(0); // the attack is real
    expect(dials.length).toBeLessThan(2 * nodes.length);
    const perSecond = (atMs: number): number => dials.filter((t) => t >= atMs && t < atMs + 1_000).length;
    expect(Math.max(...dials.map(perSecond))).toBeLessThanOrEqual(5);
    const ids = new Set<string>(liars.map(({ id }) => id));
    let poisoned = 0;
    for (const { store } of nodes) {
      const entry = store.get(victim.address);
      if (entry === undefined) continue;
      poisoned++;
      expect(entry.verified).toBe(false);
      // Whoever has it was told by a liar in person.
      expect(ids).toContain(entry.source);
    }
    expect(poisoned).toBeGreaterThan(0);
    expect(total(nodes, 'bugs')).toBe(0);
  });

  it('control: without limits by host and claim it would be aimed at', () => {
    const { dials, nodes } = reflected({ foreignProbeEveryMs: 0, dialHostEveryMs: 0 });
    expect(dials.length).toBeGreaterThan(3 * nodes.length);
  });
});

describe('a liar that names where somebody honest lives', () => {
  it('makes nobody doubt that one; control: it is looked for there', () => {
    const world = createWorld({ seed: 5 });
    const network = world.network();
    const nodes = nodesJoin(network, { count: 30, overMs: 10_000 });
    world.run(180_000);
    const { host: victim } = nodes[1] as Node;
    const liar = network.host({ name: 'liar', dialable: false });
    const asked = new Set<Host>();
    for (const { host } of nodes) {
      const dial = host.dialNow.bind(host);
      host.dialNow = (address, options, done) => {
        if (address === victim.address && options.expect === liar.id) asked.add(host);
        return dial(address, options, done);
      };
      if (host !== victim) attack(liar, host, [victim.address], () => {});
    }
    world.runFor(310_000);
    expect(asked.size).toBeGreaterThan(10);
    const failures = nodes.map(({ store }) => store.get(victim.address)?.failures ?? 0);
    expect(failures.filter((count) => count > 0).length).toBeLessThanOrEqual(1);
  });
});

describe('a hostile flood', () => {
  it('is limited, bounded, and ends; the honest do not notice', () => {
    const world = createWorld({ seed: 92 });
    const network = world.network();
    // No rotation: only the flood may cost a neighbour.
    const limits = { rotateEveryMs: Number.POSITIVE_INFINITY };
    const nodes = nodesJoin(network, { count: 20, overMs: 5_000, limits });
    world.run(40_000);
    const [target] = nodes as [Node];
    const before = target.gossip.neighbours().length;
    const flooders = Array.from({ length: 5 }, (_, i) => network.host({ name: `flood ${i}` }));
    const reasons: string[] = [];
    for (const [n, host] of flooders.entries()) {
      attack(host, target.host, [], (link) => {
        let count = 0;
        const burst = (): void => {
          for (let i = 0; i < 20; i++) {
            const id = `${n}`.padStart(4, '0') + (++count).toString(16).padStart(12, '0');
            const origin = {
              record: recordOf(host, [`ws://77.${n}.${count % 200}.7:4000`]),
              ageSeconds: 0,
            };
            const walk = { id, ttl: 28, purpose: 'join', degree: 9_999, desperate: true, origin } as const;
            if (!link.send(encodeWalk(walk), 'control')) {
              reasons.push('ended');
              return;
            }
            link.send(encodeShuffle({ answer: false, degree: 1, records: [] }), 'shuffle');
          }
          world.after(100, burst);
        };
        burst();
      });
    }
    world.runFor(30_000);
    expect(total([target], 'limiterDrops')).toBeGreaterThan(1_000);
    expect(reasons.length).toBe(5);
    // What the others see of it is less than what one link may send.
    expectHonest(nodes.slice(1));
    expect(target.gossip.neighbours().length).toBeGreaterThanOrEqual(before);
    for (const peer of target.gossip.links()) expect(peer.kind).not.toBe('pending');
    expect(components(nodes)).toEqual([20]);
  });

  it('of connections without a word leaves nothing behind', () => {
    const world = createWorld({ seed: 93 });
    const network = world.network();
    const [node] = [startNode(network)] as [Node];
    const closed: string[] = [];
    for (let i = 0; i < 300; i++) {
      const host = network.host({ name: `mute ${i}` });
      host.dialNow(node.host.address, {}, ({ link }) => {
        link?.open({ onMessage() {}, onDrain() {}, onClose: (reason) => closed.push(reason) });
      });
    }
    world.run(3_000);
    expect(node.gossip.links().length).toBeLessThanOrEqual(64);
    world.run(15_000);
    expect(node.gossip.links()).toEqual([]);
    expect(closed.length).toBe(300);
  });
});

describe('whatever comes after HELLO', () => {
  /** Seeded sequences of valid, mutated and misplaced messages against one node. */
  function fuzz(seed: number, rounds: number) {
    const world = createWorld({ seed });
    const network = world.network({ latencyMs: 5, sigma: 0 });
    const nodes = nodesJoin(network, { count: 4, overMs: 100 });
    world.run(20_000);
    const [target] = nodes as [Node];
    const random = seededRandom(seed);
    const pick = <T>(list: readonly T[]): T => list[random.uint32() % list.length] as T;
    for (let i = 0; i < rounds; i++) {
      const host = network.host({ name: `fuzz ${i}` });
      const heard = () => ({
        record: recordOf(pick([host, ...nodes.map((node) => node.host)]), ['ws://88.7.6.5:4000']),
        ageSeconds: random.uint32() % 100_000 < 5 ? 86_400 : random.uint32() % 100,
      });
      const list = () => Array.from({ length: random.uint32() % 6 }, heard);
      const id = () =>
        random.uint32() % 3 === 0 ? '00000000000000aa' : random.uint32().toString(16).padStart(16, '1');
      const degree = random.uint32() % 70_000;
      const digest = new Uint8Array(8);
      const wallMs = host.clock.wall();
      const make = [
        () =>
          encodeHello({
            purpose: pick(['overlay', 'app', 'probe'] as const),
            degree,
            wallMs,
            dialed: pick(['', 'ws://127.0.0.1:1', '%']),
            observed: pick(['', 'tcp://1.2.3.4:5', 'x:']),
            digest,
            self: heard(),
          }),
        () => encodeRecord(heard()),
        () => encodeShuffle({ answer: random.uint32() % 8 === 0, degree, records: list() }),
        () =>
          encodeExtrema(degree, [
            {
              slot: random.uint32() % 64,
              id: host.id,
              ageSeconds: random.uint32() % 2_000,
              signature: host.crypto.sign('peernet/extrema/1', new Uint8Array(32)),
            },
          ]),
        () =>
          encodeWalk({
            id: id(),
            ttl: random.uint32() % 29,
            purpose: pick(['join', 'introduce'] as const),
            degree,
            desperate: random.uint32() % 2 === 0,
            origin: heard(),
          }),
        () =>
          encodeAnswer({
            kind: pick(['link', 'full'] as const),
            walk: pick(['', id()]),
            degree,
            records: list(),
          }),
        () => encodeReplaced(pick([undefined, heard()]), list()),
      ];
      attack(host, target.host, pick([[], ['ws://88.7.6.5:4000']]), (link) => {
        for (let k = random.uint32() % 12; k >= 0; k--) {
          const bytes = pick(make)();
          if (random.uint32() % 10 === 0) bytes[random.uint32() % bytes.length] = random.uint32();
          link.send(bytes, 'control');
        }
        if (random.uint32() % 2 === 0)
          world.after(random.uint32() % 50, () =>
            link.close(pick(['USER', 'FULL', 'DUPLICATE', 'LOST', 'BANNED'] as const)),
          );
      });
      world.runFor(20);
    }
    world.runFor(60_000);
    return { nodes, target };
  }

  it('never throws, and never costs the honest their links', () => {
    for (const seed of [1, 2, 3]) {
      const { nodes, target } = fuzz(seed, 400);
      expect(total([target], 'bans')).toBeGreaterThan(20);
      expect(total(nodes, 'bugs')).toBe(0);
      expect(Math.min(...degrees(nodes))).toBeGreaterThanOrEqual(3);
      expect(target.gossip.links().length).toBeLessThan(140);
      for (const { gossip } of nodes) {
        const ids = gossip.neighbours().map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }
    }
  });
});
