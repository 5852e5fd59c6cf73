// Introductions over relays, between real nodes on simulated hosts.
import { reachableAt, type SignalPath } from '@peernet/core';
import { createWorld, type World } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../src/wire.js';
import { Bench, type Dialed } from './machine.js';
import { components, degrees, expectHonest, type Node, startNode, total } from './nodes.js';
import { listener, serve } from './signals.js';

const quiet = { bootstrap: false, connections: 0 };

/** A relay, and two who cannot be dialed and are connected with it. */
function three(seed = 1): { world: World; relay: Node; a: Node; b: Node } {
  const world = createWorld({ seed });
  const network = world.network({ latencyMs: 20, sigma: 0 });
  const relay = startNode(network, quiet);
  const [a, b] = [0, 1].map(() =>
    startNode(network, { ...quiet, webrtc: true, host: { dialable: false } }),
  ) as [Node, Node];
  world.run(500);
  for (const node of [a, b]) node.gossip.connectNow(relay.host.address, () => {});
  world.run(2_000);
  return { world, relay, a, b };
}

describe('an introduction over a relay that both are connected with', () => {
  it('carries offer, answer and candidates, and says who they are from', () => {
    const { world, relay, a, b } = three();
    const served = serve(b);
    const heard = listener();
    const path = a.gossip.signaller.introduce(b.host.id, { via: [relay.host.address] }, heard);
    expect(path.peer).toBe(b.host.id);
    expect(path.send({ kind: 'offer', sdp: 'an offer' })).toBe(true);
    expect(path.send({ kind: 'candidate', candidate: 'candidate:1' })).toBe(true);
    world.runFor(200);
    expect(served.paths.map(({ peer }) => peer)).toEqual([a.host.id]);
    expect(served.heard.signals).toEqual([
      { kind: 'offer', sdp: 'an offer' },
      { kind: 'candidate', candidate: 'candidate:1' },
    ]);
    const [back] = served.paths as [SignalPath];
    expect(back.send({ kind: 'answer', sdp: 'an answer' })).toBe(true);
    back.send({ kind: 'candidate', candidate: 'candidate:2' });
    world.runFor(200);
    expect(heard.signals).toEqual([
      { kind: 'answer', sdp: 'an answer' },
      { kind: 'candidate', candidate: 'candidate:2' },
    ]);
    expect([path.scope, back.scope]).toEqual(['global', 'global']);
    path.close();
    path.close();
    back.close();
    expect([heard.codes, served.heard.codes]).toEqual([['CLOSED'], ['CLOSED']]);
    expect(path.send({ kind: 'candidate', candidate: 'late' })).toBe(false);
    expectHonest([relay, a, b]);
    expect(relay.gossip.snapshot().introductions).toBe(1);
    expect(total([a, b], 'paths')).toBe(0);
  });

  it('makes a link between two that cannot be dialed', () => {
    const { world, relay, a, b } = three();
    let id: string | undefined;
    a.gossip.connectNow(`wrtc:${b.host.id}?via=${relay.host.address}`, (result) => {
      id = result.id ?? result.code;
    });
    world.runFor(2_000);
    expect(id).toBe(b.host.id);
    expect(a.gossip.neighbours().map((peer) => peer.address)).toContain(`wrtc:${b.host.id}`);
    expect(b.gossip.neighbours().map((peer) => peer.id)).toContain(a.host.id);
    expectHonest([relay, a, b]);
  });

  it('has no anchors to whom it was introduced: nobody would introduce it when it starts again', () => {
    const { world, relay, a, b } = three();
    const told: string[] = [];
    for (const node of [a, b]) node.gossip.on('anchors', (list) => told.push(...list));
    a.gossip.connectNow(`wrtc:${b.host.id}`, () => {});
    world.runFor(120_000);
    expect(a.gossip.neighbours().map((peer) => peer.id)).toContain(b.host.id);
    expect(new Set(told)).toEqual(new Set([relay.host.address]));
  });

  it('is found although the relay that is named has gone', () => {
    const { world, relay, a, b } = three();
    let id: string | undefined;
    a.gossip.connectNow(`wrtc:${b.host.id}?via=ws://1.2.3.4:4000`, (result) => {
      id = result.id ?? result.code;
    });
    world.runFor(20_000);
    expect(id).toBe(b.host.id);
    expectHonest([relay, a, b]);
  });

  it('is asked of all relays of a record before anybody is asked by chance', () => {
    const world = createWorld({ seed: 4 });
    const network = world.network({ latencyMs: 20, sigma: 0 });
    const [stale, ...relays] = Array.from({ length: 5 }, () => startNode(network, quiet)) as [
      Node,
      ...Node[],
    ];
    const [a, b] = [0, 1].map(() =>
      startNode(network, { ...quiet, webrtc: true, host: { dialable: false } }),
    ) as [Node, Node];
    world.run(500);
    for (const { host } of [stale, ...relays]) a.gossip.connectNow(host.address, () => {});
    for (const { host } of relays.slice(0, 2)) b.gossip.connectNow(host.address, () => {});
    world.run(10_000);
    const asked: string[] = [];
    network.tap = (from, to, message) => {
      const decoded = from === a.host ? decodeMessage(message) : undefined;
      if (decoded?.kind === 'signal' && decoded.target !== undefined) asked.push(to.id);
    };
    const { record } = b.gossip;
    const named = [{ id: stale.host.id, address: stale.host.address }, ...record.relays];
    expect(named.length).toBe(3);
    let id: string | undefined;
    a.gossip.connectNow(reachableAt({ ...record, relays: named })[0] as string, (result) => {
      id = result.id ?? result.code;
    });
    world.runFor(1_000);
    expect(id).toBe(b.host.id);
    expect(asked).toEqual(named.slice(0, 2).map((relay) => relay.id));
    expectHonest([a, b, stale, ...relays]);
  });

  it('is not held up by a relay that is dialed and does not answer', () => {
    const { world, relay, b } = three();
    const c = startNode(relay.host.network, { ...quiet, webrtc: true, host: { dialable: false } });
    world.runFor(500);
    const results: (string | undefined)[] = [];
    const connect = (via: string): void => {
      c.gossip.connectNow(`wrtc:${b.host.id}?${via}`, (result) => results.push(result.id ?? result.code));
    };
    connect(`via=ws://1.2.3.4:4000&via=${relay.host.address}`);
    world.runFor(2_000);
    expect(results).toEqual([b.host.id]);
    // It takes as long as that dial where there is no other one.
    c.gossip.disconnect(b.host.id);
    world.runFor(700_000);
    connect('via=ws://1.2.3.4:4000');
    world.runFor(2_000);
    expect(results.length).toBe(1);
    world.runFor(10_000);
    expect(results.length).toBe(2);
    expectHonest([relay, b, c]);
  });

  it('is not held up by a relay that lets us in and says nothing', () => {
    const { world, relay, b } = three();
    const { network } = relay.host;
    const mute = network.host();
    mute.onLink = (link) => link.open({ onMessage: () => {}, onDrain: () => {}, onClose: () => {} });
    const c = startNode(network, { ...quiet, webrtc: true, host: { dialable: false } });
    world.runFor(500);
    const results: (string | undefined)[] = [];
    c.gossip.connectNow(`wrtc:${b.host.id}?via=${mute.address}&via=${relay.host.address}`, (result) =>
      results.push(result.id ?? result.code),
    );
    world.runFor(2_000);
    expect(results).toEqual([b.host.id]);
    expectHonest([relay, b, c]);
  });

  it('three neighbours are asked for somebody whom nobody knows, each once', () => {
    const world = createWorld({ seed: 4 });
    const network = world.network({ latencyMs: 20, sigma: 0 });
    const relays = Array.from({ length: 5 }, () => startNode(network, quiet));
    const a = startNode(network, { ...quiet, webrtc: true, host: { dialable: false } });
    const stranger = startNode(network, quiet).host.id;
    world.run(500);
    for (const { host } of relays) a.gossip.connectNow(host.address, () => {});
    world.run(4_000);
    const asked: string[] = [];
    network.tap = (from, to, message) => {
      if (from === a.host && decodeMessage(message)?.kind === 'signal') asked.push(to.id);
    };
    const heard = listener();
    const path = a.gossip.signaller.introduce(stranger, { via: [] }, heard);
    path.send({ kind: 'offer', sdp: 'an offer' });
    world.runFor(20_000);
    expect(heard.codes).toEqual(['NOT_FOUND']);
    expect([asked.length, new Set(asked).size]).toEqual([3, 3]);
    expectHonest([a, ...relays]);
  });

  it('is asked of those that the application talks to, when no neighbour knows', () => {
    const { world, relay, a, b } = three();
    const talker = startNode(relay.host.network, quiet);
    world.runFor(500);
    a.host.dialNow(talker.host.address, {}, ({ link }) => {
      if (link !== undefined) a.gossip.add(link, { purpose: 'app' });
    });
    b.gossip.connectNow(talker.host.address, () => {});
    world.runFor(2_000);
    expect(a.gossip.links().map(({ kind }) => kind)).toEqual(['overlay', 'app']);
    b.gossip.disconnect(relay.host.address);
    let id: string | undefined;
    a.gossip.connectNow(`wrtc:${b.host.id}?via=ws://1.2.3.4:4000`, (result) => {
      id = result.id ?? result.code;
    });
    world.runFor(20_000);
    expect(id).toBe(b.host.id);
    expectHonest([relay, a, b, talker]);
  });

  it('needs no third party to learn its own address: neighbours that answer STUN are known', () => {
    const { world, relay, a } = three();
    expect(a.gossip.stunServers()).toEqual([]);
    relay.gossip.listening([{ scheme: 'ws', host: relay.host.ip, port: 4000, stun: true }]);
    world.runFor(12_000);
    expect(a.gossip.stunServers()).toEqual([`stun:${relay.host.ip}:4000`]);
    expect([relay.gossip.record.stun, a.gossip.record.stun]).toEqual([true, false]);
  });

  it('is what the record of a peer that cannot be dialed leads to', () => {
    const { world, relay, a, b } = three();
    const { record } = b.gossip;
    expect(record).toMatchObject({ dialable: false, webrtc: true });
    expect(record.relays).toEqual([{ id: relay.host.id, address: relay.host.address }]);
    const [address] = reachableAt(record) as [string];
    a.gossip.disconnect(relay.host.address);
    world.runFor(700_000); // it may be dialed again
    let id: string | undefined;
    a.gossip.connectNow(address, (result) => {
      id = result.id ?? result.code;
    });
    world.runFor(3_000);
    expect(id).toBe(b.host.id);
    expect(
      a.gossip
        .links()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['app', 'overlay']);
    world.runFor(15_000);
    // The relay was dialed for this only.
    expect(a.gossip.links().map(({ id }) => id)).toEqual([b.host.id]);
    expectHonest([relay, a, b]);
  });
});

describe('a relay that was dialed and is not needed', () => {
  it.each([
    ['the path is over before it answers', 1],
    ['another one was quicker', 2],
  ])('is let go: %s', (_, count) => {
    const bench = new Bench({ bootstrap: false, webrtc: true });
    const relays = ['first', 'second'].slice(0, count).map((name) => bench.remote(name));
    const via = relays.map(({ address }) => address);
    bench.handle({ type: 'introduce', path: 1, to: bench.remote('b').id, via });
    bench.pass(1_000);
    expect(bench.dials.map(({ address }) => address)).toEqual(via);
    const keys: number[] = [];
    for (const [i, remote] of [...relays.entries()].reverse()) {
      if (i === 0) bench.handle({ type: 'pathClose', path: 1 });
      keys.push(bench.answer(bench.dials[i] as Dialed, remote, 'hello'));
      bench.pass(100);
    }
    expect(keys.map((key) => bench.kindOf(key))).toEqual(keys.map(() => 'app'));
    bench.pass(10_000);
    expect(keys.map((key) => bench.closed.get(key))).toEqual(keys.map(() => 'DONE'));
  });
});

describe('a network of which 70 % cannot be dialed and speak WebRTC', () => {
  /** Forty nodes that know only the first one. */
  function grow(webrtc: boolean) {
    const world = createWorld({ seed: 6 });
    const network = world.network();
    const seed = startNode(network);
    const nodes = [seed];
    for (let i = 1; i < 40; i++) {
      world.after(i * 250, () => {
        const options = i % 10 < 3 ? {} : { webrtc, host: { dialable: false } };
        nodes.push(startNode(network, { seeds: [seed.host.address], ...options }));
      });
    }
    world.run(120_000);
    const dialable = new Set(nodes.filter(({ host }) => host.dialable).map(({ host }) => host.id));
    const shy = nodes.filter(({ host }) => !host.dialable);
    const introduced = shy.map(
      ({ gossip }) => gossip.neighbours().filter(({ id }) => !dialable.has(id)).length,
    );
    const relays = shy.map(({ gossip }) => gossip.neighbours().filter(({ id }) => dialable.has(id)).length);
    return { nodes, shy, introduced, relays };
  }

  it('has them as neighbours of each other, and keeps them out of every book', () => {
    const { nodes, shy, introduced, relays } = grow(true);
    expect(Math.min(...introduced)).toBeGreaterThanOrEqual(1);
    expect(Math.min(...relays)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...degrees(shy))).toBeLessThanOrEqual(8);
    expect(components(nodes)).toEqual([40]);
    expectHonest(nodes);
    const ids = new Set<string>(shy.map(({ host }) => host.id));
    for (const { store, gossip } of nodes) {
      for (const { id = '', address } of store.entries()) {
        expect(ids).not.toContain(id);
        expect(address).not.toMatch(/^wrtc:/);
      }
      expect(gossip.record.relays.length).toBe(gossip.record.dialable ? 0 : Math.min(3, relayCount(gossip)));
    }
  });

  it('control: without WebRTC there are none such links', () => {
    const { introduced, nodes } = grow(false);
    expect(Math.max(...introduced)).toBe(0);
    expect(components(nodes)).toEqual([40]);
  });
});

describe('pages that all know the same one server', () => {
  /** Twelve of them, and whether they are still one network when it has gone. */
  function afterTheServer(webrtc: boolean): number[] {
    const world = createWorld({ seed: 9 });
    const network = world.network();
    const server = startNode(network);
    const pages: Node[] = [];
    for (let i = 0; i < 12; i++) {
      world.after(1_000 + i * 500, () => {
        const options = { seeds: [server.host.address], webrtc, host: { dialable: false } };
        pages.push(startNode(network, options));
      });
    }
    world.run(60_000);
    expect(components([server, ...pages])).toEqual([13]);
    server.host.crash();
    world.runFor(60_000);
    expectHonest(pages);
    return components(pages);
  }

  it('have each other when it goes', () => {
    expect(afterTheServer(true)).toEqual([12]);
  });

  it('control: without WebRTC each of them is alone', () => {
    expect(afterTheServer(false)).toEqual(Array(12).fill(1));
  });
});

/** Neighbours that it dialed at an address. */
function relayCount(gossip: Node['gossip']): number {
  return gossip
    .neighbours()
    .filter(({ direction, address }) => direction === 'out' && /^ws:/.test(address ?? '')).length;
}
