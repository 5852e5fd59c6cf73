// Random faults from a seed: crashes, sleeps, cuts, partitions, broken links, jumping calendars. What must hold, holds
// at all times; and when all is mended, the network is whole again.
import { createWorld, type Host, randomFaults } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { decodeMessage, WIRE } from '../src/wire.js';
import { components, degrees, type Node, nodesJoin, runOn, total } from './nodes.js';

const seeds = [101, 102, 103, 104];

describe('random faults', () => {
  for (const seed of seeds) {
    it(`seed ${seed}: no promise is broken meanwhile, one network afterwards`, () => {
      const world = createWorld({ seed, replay: (s) => `faults.test.ts, seed ${s}` });
      const network = world.network();
      const nodes = nodesJoin(network, { count: 40, overMs: 10_000, dialable: (i) => i % 10 < 5 });
      world.run(40_000);
      const byHost = new Map<Host, Node>(nodes.map((node) => [node.host, node]));
      network.tap = (from, _to, bytes) => {
        const message = decodeMessage(bytes);
        if (message === undefined) throw new Error(`${from.name} sent what nobody can decode`);
        if (message.kind === 'shuffle') expect(message.records.length).toBeLessThanOrEqual(WIRE.recordsMax);
      };
      const living = (): Node[] => [...byHost.values()].filter(({ host }) => host.running);
      world.invariant(
        'one overlay link per id, and no more links than there are places',
        () => {
          for (const { gossip, host } of living()) {
            const ids = gossip.neighbours().map(({ id }) => id);
            if (new Set(ids).size < ids.length) return `${host.name} has two links to one peer`;
            if (ids.includes(host.id)) return `${host.name} is its own neighbour`;
            if (ids.length > Number(gossip.snapshot().linksMax) + 1)
              return `${host.name} has ${ids.length} links`;
          }
          return true;
        },
        { everyMs: 500 },
      );
      world.invariant(
        'nobody honest is throttled or banned, and no bug comes to light',
        () => {
          const all = living();
          for (const name of ['limiterDrops', 'bans', 'malformed', 'badSignatures', 'bugs']) {
            const sum = total(all, name);
            if (sum > 0) return `${name} = ${sum}`;
          }
          return true;
        },
        { everyMs: 5_000 },
      );
      randomFaults(network, {
        untilMs: 240_000,
        everyMs: 4_000,
        restart: (host) => {
          const [first] = nodes as [Node];
          const seedAddresses = host === first.host ? [] : [first.host.address];
          const { store } = byHost.get(host) as Node;
          // The book survives, as a database does.
          byHost.set(host, runOn(host, { seeds: seedAddresses, store }));
        },
      });
      world.run(240_000);
      const all = [...byHost.values()];
      world.until(() => components(all).length === 1, {
        withinMs: 120_000,
        everyMs: 1_000,
        what: 'one component',
      });
      world.runFor(60_000);
      expect(components(all)).toEqual([40]);
      expect(Math.min(...degrees(all))).toBeGreaterThanOrEqual(3);
    });
  }
});
