// The rules of subnets in virtual time: who is connected to whom, which of two streams stays, when is searched.

import type { PeerId } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { ids, type Node, World } from './subnets.js';

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `m${String(i).padStart(3, '0')}`);

/** Each pair of `list` once from each side. */
function mesh(list: readonly string[]): string[] {
  return list.flatMap((a) => list.filter((b) => b > a).flatMap((b) => [`${a}-${b}`, `${a}-${b}`])).sort();
}

function component(from: Node): Set<Node> {
  const seen = new Set([from]);
  for (const node of seen) for (const { node: other } of node.streams.values()) seen.add(other);
  return seen;
}

describe('connections', () => {
  test.each([2, 3, 5, 9])('%i members that begin at once are a full mesh, one stream per pair', (count) => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World(seed);
      for (const name of names(count)) world.join(name);
      world.run(15_000);
      expect(world.pairs(), `seed ${seed}`).toEqual(mesh(names(count)));
      for (const { machine, streams } of world.nodes) expect(machine.connected()).toHaveLength(streams.size);
    }
  });

  test('in a large subnet each has at most its number, all are one component, and who comes finds room', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const world = new World(seed);
      for (const [i, name] of names(80).entries()) world.at(i * 200, () => void world.join(name));
      world.run(120_000);
      const degrees = world.nodes.map(({ streams }) => streams.size);
      expect(Math.max(...degrees)).toBeLessThanOrEqual(8);
      expect(Math.min(...degrees), `seed ${seed}: ${degrees}`).toBeGreaterThanOrEqual(3);
      expect(component(world.nodes[0] as Node).size).toBe(80);
      const late = world.join('late');
      world.run(10_000);
      expect(late.streams.size, `seed ${seed}`).toBeGreaterThanOrEqual(3);
    }
  });

  test('one that has no room refuses', () => {
    const world = new World(1);
    for (const name of names(4)) world.join(name, 1);
    world.run(60_000);
    expect(world.nodes.map(({ streams }) => streams.size)).toEqual([1, 1, 1, 1]);
    expect(world.nodes.reduce((sum, { machine }) => sum + machine.counters.refused, 0)).toBeGreaterThan(0);
  });

  test('an own row, and oneself, are nobody', () => {
    const world = new World(1);
    const node = world.join('a');
    world.ghosts.add('a' as PeerId);
    world.run(10_000);
    expect(node.told).toEqual([]);
  });
});

describe('two streams to one member', () => {
  /** Both open theirs in the same moment. */
  function crossed(self: (name: string) => string, seed: number): World {
    const world = new World(seed);
    const [a, b] = ['a', 'b'].map((name) => world.add(name, 8, self(name)));
    for (const node of [a, b]) world.input(node as Node, { type: 'links', ids: ids('hub') });
    world.run(8_000);
    return world;
  }

  test('opened at once: one stays, for both sides the same', () => {
    let duplicates = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const world = crossed((name) => name, seed);
      expect(world.pairs(), `seed ${seed}`).toEqual(['a-b', 'a-b']);
      for (const { machine } of world.nodes) duplicates += machine.counters.duplicates;
    }
    expect(duplicates).toBeGreaterThan(5); // else nothing was tried
  });

  test('control: if both believe to go first, they refuse each other', () => {
    let broken = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const world = crossed(() => '0', seed);
      const refused = world.nodes.reduce((sum, { machine }) => sum + machine.counters.duplicates, 0);
      if (refused >= 2 || world.pairs().length !== 2) broken++;
    }
    expect(broken).toBeGreaterThan(5);
  });

  test('of a process that began anew, or long after: the newer one stays', () => {
    for (const [session, waitMs] of [
      ['a-2', 100],
      ['a-1', 6_000],
    ] as const) {
      const world = new World(1);
      const b = world.join('b');
      const a = world.join('a');
      b.dialable = false; // so that a's is the only stream
      world.run(3_000);
      const [old] = [...b.streams.keys()];
      world.run(waitMs);
      world.input(b, { type: 'arrived', key: 999, id: a.id, session });
      expect(b.machine.connected()).toEqual(['a']);
      expect(b.streams.has(old as number)).toBe(false);
      expect(a.alive).toBe(true);
    }
  });
});

describe('members that fail', () => {
  test('a dead one is reported stale once, tried ever more rarely, and forgotten', () => {
    const world = new World(3);
    const node = world.join('a');
    world.ghosts.add('dead' as PeerId);
    world.run(2_000);
    world.ghosts.clear(); // stale rows are not shown again
    world.run(20 * 60_000);
    expect(node.told.filter((what) => what === 'stale dead')).toHaveLength(1);
    expect(node.told.filter((what) => what === 'reach dead').length).toBeGreaterThanOrEqual(3);
    expect(node.told.filter((what) => what === 'reach dead').length).toBeLessThanOrEqual(7);
    expect(node.told.at(-1)).toBe('forget dead');
  });

  test('one that is found at another address is tried at once', () => {
    const world = new World(3);
    const node = world.join('a');
    const id = 'dead' as PeerId;
    world.ghosts.add(id);
    world.run(2_000);
    world.ghosts.clear();
    world.run(15_000);
    const before = node.told.length;
    world.input(node, { type: 'row', id, doubtful: false, moved: true });
    expect(node.told.slice(before)).toEqual(['reach dead']);
  });

  test('one that comes back is connected soon after it speaks anew', () => {
    const world = new World(4);
    const node = world.join('a');
    const other = world.join('b');
    world.run(5_000);
    expect(node.streams.size).toBe(1);
    world.kill(other);
    world.run(60_000);
    other.alive = true;
    other.session = 'b-2';
    world.input(other, { type: 'links', ids: ids('hub', 'other') });
    world.run(30_000);
    expect(world.pairs()).toEqual(['a-b', 'a-b']);
  });

  test('a stream that ends again and again is made ever more rarely', () => {
    const world = new World(5);
    const node = world.join('a');
    const other = world.join('b');
    let made = 0;
    for (let second = 0; second < 600; second++) {
      world.run(1_000);
      for (const [key, end] of [...node.streams]) {
        made++;
        node.streams.delete(key);
        end.node.streams.delete(end.key);
        world.input(node, { type: 'ended', key, id: end.node.id });
        world.input(end.node, { type: 'ended', key: end.key, id: node.id });
      }
    }
    expect(made).toBeGreaterThan(3);
    expect(made).toBeLessThan(60);
    expect(other.alive).toBe(true);
  });

  test('the table of members is bounded, and keeps those that are connected', () => {
    const world = new World(6);
    const node = world.join('a');
    world.join('b');
    world.run(5_000);
    for (let i = 0; i < 1_000; i++)
      world.input(node, { type: 'row', id: `x${i}` as PeerId, doubtful: false });
    expect(node.machine.known).toBe(256);
    expect(node.machine.connected()).toEqual(['b']);
  });
});

describe('searches', () => {
  test('alone: at once, then ever more rarely: at most 40 in an hour', () => {
    const world = new World(1);
    const node = world.join('a');
    world.run(500);
    expect(node.machine.counters.searches).toBe(1);
    world.run(60 * 60_000);
    expect(node.machine.counters.searches).toBeGreaterThan(20);
    expect(node.machine.counters.searches).toBeLessThanOrEqual(40);
  });

  test('with two members it is as cheap', () => {
    const world = new World(2);
    const node = world.join('a');
    world.join('b');
    world.run(60 * 60_000);
    expect(node.machine.counters.searches).toBeLessThanOrEqual(42);
  });

  test('who misses nobody searches every five minutes', () => {
    const world = new World(2);
    for (const name of names(20)) world.join(name, 4);
    world.run(10 * 60_000);
    const before = world.nodes.map(({ machine }) => machine.counters.searches);
    world.run(60 * 60_000);
    const each = world.nodes.map(({ machine }, i) => machine.counters.searches - (before[i] ?? 0));
    expect(Math.max(...each)).toBeLessThanOrEqual(32);
    expect(each.reduce((sum, count) => sum + count, 0) / each.length).toBeLessThanOrEqual(20);
  });

  test('none without neighbours; ready after a while; at once when there is one', () => {
    const world = new World(1);
    const node = world.add('a');
    world.input(node, { type: 'links', ids: ids() });
    world.run(4_000);
    expect([node.machine.counters.searches, node.readyMs]).toEqual([0, undefined]);
    world.run(100_000);
    expect([node.machine.counters.searches, node.readyMs]).toEqual([0, 5_000]);
    world.input(node, { type: 'links', ids: ids('x') });
    world.run(600);
    expect(node.machine.counters.searches).toBe(1);
  });

  test('neighbours that come and go every second make no storm', () => {
    const world = new World(1);
    const node = world.join('a');
    for (let second = 0; second < 600; second++) {
      world.input(node, { type: 'links', ids: second % 2 === 0 ? ids() : ids(`n${second}`) });
      world.run(1_000);
    }
    expect(node.machine.counters.searches).toBeGreaterThan(50);
    expect(node.machine.counters.searches).toBeLessThanOrEqual(120);
  });

  test('a hub that dies does not make all search in one moment', () => {
    const world = new World(1);
    const nodes = names(50).map((name) => world.join(name, 60));
    world.run(10 * 60_000);
    const before = nodes.map(({ machine }) => machine.counters.searches);
    for (const node of nodes) world.input(node, { type: 'links', ids: ids('next') });
    world.run(50);
    const began = nodes.filter(({ machine }, i) => machine.counters.searches > (before[i] ?? 0)).length;
    expect(began).toBeLessThan(15);
    world.run(7_000); // five seconds are between two searches, whatever happens
    expect(nodes.every(({ machine }, i) => machine.counters.searches > (before[i] ?? 0))).toBe(true);
  });

  test('ready at the first connection', () => {
    const world = new World(1);
    const [a] = [world.join('a'), world.join('b')];
    world.run(1_000);
    expect(a.readyMs).toBeLessThan(600);
  });
});
