// Whole networks under virtual time. Sizes and counts are those that fit into seconds; the large ones are run by the
// scenarios of the simulator. Seeds are fixed: a failure replays.
import { type Crypto, type Link, seededRandom, toHex } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { RATES, type SearchLimits } from '../src/defaults.js';
import {
  type Advert,
  type AdvertMessage,
  decodeAdvert,
  decodeMessage,
  encodeAdvertMessage,
  encodeOrphans,
  encodeSearch,
  type Message,
  placeOf,
  signAdvert,
  subnetHash,
} from '../src/wire.js';
import { dialableGraph, Net, recordOf } from './network.js';

/** `count` nodes that are none of `not`, by the dice of the net. */
function some(net: Net, count: number, ...not: number[]): number[] {
  const all = net.nodes.map((node) => node.index).filter((index) => !not.includes(index));
  return Array.from({ length: count }, () => all[net.random.uint32() % all.length] as number);
}

describe('one member', () => {
  test.each([
    [20, 25],
    [50, 40],
    [100, 60],
  ])('of %d nodes is found by all first tries, for at most %d messages', (nodes, most) => {
    let searches = 0;
    let messages = 0;
    for (const seed of [1, 2]) {
      const net = new Net({ seed, nodes });
      net.node(0).search.join('chat');
      net.world.runFor(1_000);
      net.reset();
      for (const from of some(net, 50, 0)) {
        const found = net.find(from, 'chat');
        expect(found.rows.map((row) => row.id)).toEqual([net.node(0).host.id]);
        expect(found.firstMs).toBeLessThan(500); // before a second attempt
        searches++;
      }
      const { search, rows } = net.reset();
      messages += search + rows;
      expect([net.sum('limiterDrops'), net.sum('misbehaved'), net.sum('unasked')]).toEqual([0, 0, 0]);
    }
    expect(messages / searches).toBeLessThanOrEqual(most);
  });

  test('of 1 000 nodes likewise, for at most 160', () => {
    const net = new Net({ seed: 1, nodes: 1_000 });
    net.node(0).search.join('chat');
    net.world.runFor(3_000);
    net.reset();
    const all = some(net, 60, 0).map((from) => net.find(from, 'chat'));
    expect(all.filter((found) => found.rows.length === 1).length).toBe(60);
    expect(all.filter((found) => found.firstMs < 500).length).toBeGreaterThanOrEqual(59);
    const { search, rows } = net.reset();
    expect((search + rows) / 60).toBeLessThanOrEqual(160);
    expect(net.sum('limiterDrops')).toBe(0);
  });

  test('is there again and again, with the same answer', () => {
    const net = new Net({ seed: 3, nodes: 50 });
    for (const member of [1, 2, 3]) net.node(member).search.join('chat');
    net.world.runFor(1_000);
    const ids = (): string[] =>
      net
        .find(9, 'chat')
        .rows.map((row) => row.id)
        .sort();
    const first = ids();
    expect(first).toHaveLength(3);
    for (let i = 0; i < 10; i++) expect(ids()).toEqual(first);
  });

  test('is found within a second of join, and gone 10 s after part', () => {
    const net = new Net({ seed: 4, nodes: 200 });
    for (let round = 0; round < 2; round++) {
      net.node(0).search.join('chat');
      net.world.runFor(1_000);
      expect(some(net, 12, 0).filter((from) => net.find(from, 'chat').rows.length === 1)).toHaveLength(12);
      net.node(0).search.part('chat');
      net.world.runFor(10_000);
      expect(some(net, 12, 0).filter((from) => net.find(from, 'chat').rows.length > 0)).toEqual([]);
      net.world.runFor(200_000);
    }
  });

  test('that closes is gone as well', () => {
    const net = new Net({ seed: 5, nodes: 50 });
    net.node(0).search.join('chat');
    net.world.runFor(1_000);
    net.node(0).search.close();
    net.world.runFor(2_000);
    expect(some(net, 20, 0).filter((from) => net.find(from, 'chat').rows.length > 0)).toEqual([]);
  });

  test('nobody is found within 5 s', () => {
    const net = new Net({ seed: 6, nodes: 50 });
    const found = net.find(1, 'nobody');
    expect(found.rows).toEqual([]);
    expect(found.endMs).toBeLessThanOrEqual(5_000);
  });
});

describe('links that break', () => {
  /** Replaces links until each has lived `lifeMs` on average. */
  function age(net: Net, forMs: number, lifeMs: number): void {
    for (let t = 0; t < forMs; t += 10_000) {
      net.world.runFor(10_000);
      const links = net.network.links;
      for (let i = 0; i < (links.length * 10_000) / lifeMs; i++) {
        const link = links[net.random.uint32() % links.length];
        if (link === undefined || link.closed) continue;
        const [a, b] = [link.host.index, link.other.host.index];
        net.network.break(link);
        for (const end of [a, b])
          if (net.random.uint32() % 2 === 0) net.connect(end, some(net, 1, end)[0] as number);
      }
    }
  }

  test('members are still found, and still gone after part, for a long time', () => {
    const net = new Net({ seed: 7, nodes: 200 });
    let found = 0;
    let left = 0;
    for (let round = 0; round < 3; round++) {
      net.node(round).search.join('chat');
      age(net, 200_000, 600_000);
      found += some(net, 20, round).filter((from) => net.find(from, 'chat').firstMs < 500).length;
      net.node(round).search.part('chat');
      net.world.runFor(10_000);
      left += some(net, 20, round).filter((from) => net.find(from, 'chat').rows.length > 0).length;
    }
    expect(found).toBeGreaterThanOrEqual(58);
    expect(left).toBe(0);
    expect(net.sum('mended') + net.sum('repaired')).toBeGreaterThan(0);
    expect([net.sum('limiterDrops'), net.sum('misbehaved')]).toEqual([0, 0]);
  });

  test('adverts that came on ways of very different speed hold nobody up when their member is gone', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const net = new Net({ seed, nodes: 60, degree: 4, latencyMs: 200, sigma: 2 });
      net.node(0).search.join('chat');
      age(net, 150_000, 150_000);
      net.node(0).host.crash('silent');
      net.world.runFor(45_000);
      const others = net.nodes.slice(1).map(({ search }) => search.snapshot());
      const sum = (name: string): number => others.reduce((all, one) => all + (one[name] ?? 0), 0);
      expect(sum('adverts')).toBeGreaterThan(20);
      expect(sum('orphans')).toBe(sum('adverts'));
    }
  });

  test('a crowd that crashes is certain to nobody, though cells were full and what fell out of them was passed on before', () => {
    const net = new Net({ seed: 1, nodes: 150 });
    const count = 60;
    for (const { search } of net.nodes.slice(0, count)) {
      search.join('chat');
      net.world.runFor(300);
    }
    net.world.runFor(20_000);
    for (const { host } of net.nodes.slice(0, count)) host.crash('silent');
    net.world.runFor(60_000);
    const others = net.nodes.slice(count).map(({ search }) => search.snapshot());
    const sum = (name: string): number => others.reduce((all, one) => all + (one[name] ?? 0), 0);
    expect(sum('adverts')).toBeGreaterThan(500);
    expect(sum('orphans')).toBe(sum('adverts'));
  });

  test('a member that crashes without a word is gone when its neighbours have noticed', () => {
    const net = new Net({ seed: 8, nodes: 100 });
    net.node(0).search.join('chat');
    net.world.runFor(60_000);
    net.node(0).host.crash('silent');
    net.world.runFor(20_000);
    // Only orphans are left: they are told at the end, when nobody knows better; none is told at once.
    const found = some(net, 20, 0).map((from) => net.find(from, 'chat'));
    for (const { rows, firstMs } of found) {
      expect(firstMs).toBeGreaterThan(1_000);
      expect(rows.map((row) => row.doubtful)).toEqual([true]);
    }
    // Where there are others, it is not told at all.
    net.node(1).search.join('chat');
    net.world.runFor(1_000);
    for (const from of some(net, 20, 0, 1)) {
      expect(net.find(from, 'chat').rows.map((row) => row.id)).toEqual([net.node(1).host.id]);
    }
  });
});

describe('top-ups', () => {
  /** Share of nodes that an advert with budget 1 024 reaches. */
  function reach(topUpsMax: number, sigma: number): number {
    let held = 0;
    for (const seed of [1, 2, 3, 4]) {
      const net = new Net({ seed, nodes: 200, sigma, limits: { topUpsMax } });
      for (const node of net.nodes) node.size = 65_536; // then a = 1 024
      net.node(0).search.join('chat');
      net.world.runFor(5_000);
      held += net.sum('adverts');
    }
    return held / (4 * 199);
  }

  test('make up for small fast copies that overtake large slow ones', () => {
    expect(reach(2, 1)).toBeGreaterThan(0.95);
  });

  test('control: without them the reach falls, but only where latencies differ', () => {
    expect(reach(0, 1)).toBeLessThan(0.93);
    expect(reach(0, 0)).toBeGreaterThan(0.97);
  });
});

describe('nodes that do harm', () => {
  /** Share of searches by honest nodes that find the member. */
  function foundWith(net: Net, bad: ReadonlySet<number>, searches: number): number {
    const honest = net.nodes.map((node) => node.index).filter((index) => !bad.has(index));
    const member = honest[0] as number;
    net.node(member).search.join('chat');
    net.world.runFor(3_000);
    const from = Array.from(
      { length: searches },
      () => honest[1 + (net.random.uint32() % (honest.length - 1))] as number,
    );
    const found = from.map((index) => net.find(index, 'chat').rows);
    for (const rows of found) for (const row of rows) expect(row.id).toBe(net.node(member).host.id);
    return found.filter((rows) => rows.length > 0).length / searches;
  }

  function chosen(net: Net, share: number): Set<number> {
    const bad = new Set<number>();
    while (bad.size < share * net.nodes.length) bad.add(net.random.uint32() % net.nodes.length);
    return bad;
  }

  /** From now on the node changes what it sends; undefined: it is not sent. */
  function tamper(net: Net, index: number, change: (message: Uint8Array) => Uint8Array | undefined): void {
    const { overlay } = net.node(index);
    const send = overlay.send.bind(overlay);
    overlay.send = (to, message, urgency) => {
      const other = change(message);
      return other === undefined ? true : send(to, other, urgency);
    };
  }

  test.each([
    [0.1, 0.99],
    [0.3, 0.9],
  ])('%d of 300 drop everything silently', (share, least) => {
    const net = new Net({ seed: 11, nodes: 300 });
    const bad = chosen(net, share);
    for (const index of bad) tamper(net, index, () => undefined);
    expect(foundWith(net, bad, 80)).toBeGreaterThanOrEqual(least);
  });

  test('30 % drop everything where the 30 % that can be dialed have 20 links, as gossip makes it', () => {
    const net = new Net({ seed: 11, nodes: 300, graph: dialableGraph });
    const bad = chosen(net, 0.3);
    for (const index of bad) tamper(net, index, () => undefined);
    expect(foundWith(net, bad, 80)).toBeGreaterThanOrEqual(0.97);
  });

  test('30 % forge what they pass on: nothing forged is told, the truth still is', () => {
    const net = new Net({ seed: 12, nodes: 300 });
    const bad = chosen(net, 0.3);
    const random = seededRandom(5);
    const flip = (message: Uint8Array): Uint8Array => {
      const copy = message.slice();
      const at = Math.max(6, random.uint32() % copy.length);
      copy[at] = (copy[at] as number) ^ (1 << (random.uint32() % 8));
      return copy;
    };
    for (const index of bad) {
      tamper(net, index, (message) => (decodeMessage(message)?.type === 'rows' ? flip(message) : message));
    }
    expect(foundWith(net, bad, 60)).toBeGreaterThanOrEqual(0.95);
    expect(net.sum('misbehaved')).toBeGreaterThan(0);
  });

  test('control: where nobody looks at signatures, forged rows are told', () => {
    const blind = ({ crypto }: { crypto: Crypto }): Crypto => ({
      id: crypto.id,
      sign: (domain, bytes) => crypto.sign(domain, bytes),
      verify: () => true,
      seal: (to, domain, bytes) => crypto.seal(to, domain, bytes),
      open: (domain, sealed) => crypto.open(domain, sealed),
      hash: (domain, bytes) => crypto.hash(domain, bytes),
    });
    const net = new Net({ seed: 12, nodes: 60, crypto: blind });
    net.node(0).search.join('chat');
    net.world.runFor(3_000);
    for (let index = 1; index < 60; index++) {
      tamper(net, index, (message) => {
        if (decodeMessage(message)?.type !== 'rows') return message;
        const copy = message.slice();
        copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
        return copy;
      });
    }
    const told = some(net, 30, 0).flatMap((from) => net.find(from, 'chat').rows);
    expect(told.length).toBeGreaterThan(20);
    const forged = net.sum('misbehaved'); // nobody noticed
    expect(forged).toBe(0);
  });

  /** A link from a stranger, who speaks the protocol by hand, into `index`. */
  function stranger(
    net: Net,
    index: number,
  ): { link: Link; sign: Crypto; hash: (name: string) => Uint8Array } {
    const host = net.network.host();
    let made: Link | undefined;
    host.dialNow(net.node(index).host.address, {}, (result) => {
      made = result.link;
    });
    net.world.until(() => made !== undefined, { withinMs: 20_000 });
    const link = made as Link;
    link.open({ onMessage: () => {}, onDrain: () => {}, onClose: () => {} });
    net.world.runFor(2_000);
    const hash = (name: string): Uint8Array =>
      subnetHash(host.crypto, new TextEncoder().encode(name), new Uint8Array(0));
    return { link, sign: host.crypto, hash };
  }

  /** Share of searches that find the member while one link floods its subnet with members of its own making. */
  function foundInFlood(limits: Partial<SearchLimits>, budget: number): number {
    const net = new Net({ seed: 13, nodes: 120, limits });
    const { link, hash } = stranger(net, 100);
    const address = 'ws://9.9.9.9:4000';
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 5; i++) {
        const { crypto } = net.network.host();
        const seq = Math.floor(net.world.clock.wall());
        const fields = {
          subnet: hash('chat'),
          record: recordOf({ crypto, address }, seq),
          seq,
          ttlSeconds: 600,
        };
        const advert = signAdvert(crypto, { ...fields, meta: new Uint8Array(0) }).bytes;
        link.send(encodeAdvertMessage({ budget, hops: 1, ageSeconds: 0, advert }), 'advert');
      }
      net.world.runFor(1_000);
    }
    net.node(0).search.join('chat');
    net.world.runFor(3_000);
    const from = some(net, 40, 0);
    const id = net.node(0).host.id;
    return (
      from.filter((index) => net.find(index, 'chat').rows.some((row) => row.id === id)).length / from.length
    );
  }

  test('a link that floods adverts for a subnet does not silence its members', () => {
    expect(foundInFlood({}, 1_000)).toBeGreaterThanOrEqual(0.95);
  });

  test('control: without cells and limits it does', () => {
    const rate = { perSecond: 1e9, burst: 1e9 };
    const rates = { ...RATES, adverts: rate, advertUnits: rate, signatures: rate, nodeSignatures: rate };
    expect(foundInFlood({ rates, cell: 10_000, cellPerNeighbour: 10_000 }, 1_000)).toBeLessThan(0.8);
  });

  test('a link that floods searches costs the network what its budget allows, no more', () => {
    const net = new Net({ seed: 14, nodes: 200 });
    const { link, hash } = stranger(net, 100);
    const flood = (seconds: number): number => {
      net.reset();
      for (let second = 0; second < seconds; second++) {
        for (let i = 0; i < 100; i++) {
          const searchId = new Uint8Array(16);
          new DataView(searchId.buffer).setFloat64(0, net.random.uint32() + i);
          const m = { budget: 60_000, hops: 1, want: 32, known: [], payload: new Uint8Array(0) };
          link.send(encodeSearch({ ...m, searchId, subnet: hash(`nobody ${i}`) }), 'search');
        }
        net.world.runFor(1_000);
      }
      return net.reset().search - 100 * seconds; // what the stranger sends itself is not the network's
    };
    flood(10);
    expect(flood(20) / 20).toBeLessThanOrEqual(400);
    expect(net.sum('limiterDrops')).toBeGreaterThan(0);
  });

  /** Bytes that all nodes send for a second of searches at the allowed rate, by one link, for a crowd whose adverts are as long as may be. */
  function rowsInFlood(limits?: Partial<SearchLimits>): number {
    const net = new Net({ seed: 3, nodes: 80, ...(limits ? { limits } : {}) });
    for (const { host, search, index } of net.nodes.slice(0, 50)) {
      const long = [host.address, `wss://${'x'.repeat(60)}.${'y'.repeat(60)}.example.com:4000`];
      net.node(index).record = recordOf(host, net.world.clock.wall(), long);
      search.join('crowd', { meta: new Uint8Array(128) });
    }
    net.world.runFor(10_000);
    const { link, hash } = stranger(net, 70);
    const flood = (seconds: number): number => {
      net.reset();
      for (let i = 0; i < 20 * seconds; i++) {
        const searchId = new Uint8Array(16);
        new DataView(searchId.buffer).setFloat64(0, net.world.now);
        const m = { budget: 20, hops: 1, want: 32, known: [], payload: new Uint8Array(0) };
        link.send(encodeSearch({ ...m, searchId, subnet: hash('crowd') }), 'search');
        net.world.runFor(50);
      }
      return net.reset().bytes / seconds;
    };
    flood(10); // what is allowed at once
    return flood(10);
  }

  test('a link that floods searches for a crowd is given no more rows than their rate', () => {
    expect(rowsInFlood()).toBeLessThan(200_000);
  });

  test('control: without it the network carries a megabyte a second', () => {
    const rowBytes = { perSecond: 1e9, burst: 1e9 };
    expect(rowsInFlood({ rates: { ...RATES, rowBytes } })).toBeGreaterThan(1_000_000);
  });

  /** A stranger's links with a node and the thirty around it. */
  function linkAround(
    net: Net,
    center: number,
    heard: (m: Message, links: readonly Link[]) => void = () => {},
  ): readonly Link[] {
    const host = net.network.host();
    const links: Link[] = [];
    const onMessage = (bytes: Uint8Array): void => heard(decodeMessage(bytes) as Message, links);
    for (const index of around(net, center).slice(0, 30)) {
      host.dialNow(net.node(index).host.address, {}, ({ link }) => {
        if (link === undefined) return;
        links.push(link);
        link.open({ onMessage, onDrain: () => {}, onClose: () => {} });
      });
    }
    net.world.runFor(2_000);
    return links;
  }

  test('one that is linked with a member and thirty around it, and says that its adverts are nearly over, does not hide it', () => {
    const net = new Net({ seed: 5, nodes: 300 });
    linkAround(net, 0, (m, links) => {
      if (m.type !== 'advert' || m.hops > 1) return;
      const message = encodeAdvertMessage({ ...m, budget: 4_000, hops: 2, ageSeconds: 599 });
      for (const link of links) link.send(message, 'advert');
    });
    net.node(0).search.join('chat');
    net.world.runFor(10_000);
    const found = some(net, 30, 0).map((from) => net.find(from, 'chat'));
    expect(found.filter(({ firstMs }) => firstMs < 500).length).toBeGreaterThanOrEqual(29);
  });

  test('one that is linked likewise, claims to be the nearest and then to have lost the member, orphans nobody who had it', () => {
    const net = new Net({ seed: 5, nodes: 300 });
    let heard: AdvertMessage | undefined;
    const links = linkAround(net, 0, (m) => {
      if (m.type === 'advert') heard = m;
    });
    net.node(0).search.join('chat');
    net.world.runFor(3_000);
    const held = net.nodes.filter(({ search }) => (search.snapshot().adverts ?? 0) > 0);
    expect(held.length).toBeGreaterThan(30);
    const copy = encodeAdvertMessage({ ...(heard as AdvertMessage), budget: 1, hops: 1, ageSeconds: 0 });
    const { subnet, id } = decodeAdvert((heard as AdvertMessage).advert) as Advert;
    const place = placeOf(toHex(subnet), id);
    for (const link of links) {
      link.send(copy, 'advert');
      link.send(encodeOrphans([place]), 'advert');
    }
    net.world.runFor(5_000);
    expect(held.filter(({ search }) => (search.snapshot().orphans ?? 0) > 0).length).toBe(0);
  });
});

/** All nodes, the nearest to `start` first. */
function around(net: Net, start: number): number[] {
  const indexes = new Map(net.nodes.map(({ host, index }) => [host.id, index]));
  const all = new Set([start]);
  for (const at of all) {
    for (const { peer } of net.node(at).overlay.neighbours()) {
      const index = indexes.get(peer);
      if (index !== undefined) all.add(index);
    }
  }
  return [...all];
}

describe('a crowd', () => {
  test('of 150 in 300 nodes costs each node little, and is found at once', () => {
    const net = new Net({ seed: 15, nodes: 300 });
    for (let member = 0; member < 150; member++) {
      net.world.after(net.random.uint32() % 60_000, () => net.node(member).search.join('chat'));
    }
    net.world.runFor(90_000);
    net.reset();
    net.world.runFor(330_000);
    const perNode = net.reset().advert / 300;
    expect(perNode).toBeLessThanOrEqual(45);
    const found = some(net, 10).map((from) => net.find(from, 'chat', { limit: 20 }));
    for (const { rows } of found) expect(rows).toHaveLength(20);
    const { search, rows } = net.reset();
    expect(search / 10).toBeLessThanOrEqual(20);
    expect(rows / 10).toBeLessThanOrEqual(20);
    expect(Math.max(...net.nodes.map((node) => node.search.snapshot().adverts ?? 0))).toBeLessThanOrEqual(16);
    expect(net.sum('limiterDrops')).toBe(0);
  });
});

test('handlers answer a question with a payload', () => {
  const net = new Net({ seed: 16, nodes: 30 });
  for (const index of [3, 4]) {
    net.node(index).search.on('search', ({ payload, name }, hops, reply) => {
      expect(name).toBeUndefined();
      expect(hops).toBeGreaterThan(0);
      if (payload?.[0] === 42) reply(new Uint8Array([index]));
    });
  }
  const { rows } = net.find(0, 'question', { payload: new Uint8Array([42]) });
  const answers = rows.map((row) => [row.id, row.meta?.[0]]);
  expect(answers).toEqual(expect.arrayContaining([3, 4].map((index) => [net.node(index).host.id, index])));
  expect(rows).toHaveLength(2);
});
