import { describe, expect, test } from 'vitest';
import { Net } from './network.js';

describe('one member', () => {
  test('is found from everywhere, next door, and gone after part', () => {
    const net = new Net({ seed: 1, nodes: 20 });
    net.node(7).search.join('chat');
    net.world.runFor(1_000);
    for (let i = 0; i < 20; i++) {
      const found = net.find(i, 'chat');
      expect(found.rows.map((row) => row.id)).toEqual(i === 7 ? [] : [net.node(7).host.id]);
      if (i !== 7) expect(found.endMs).toBeLessThanOrEqual(1_500);
    }
    net.node(7).search.part('chat');
    net.world.runFor(1_000);
    for (let i = 0; i < 20; i++) expect(net.find(i, 'chat').rows).toEqual([]);
    expect(net.sum('limiterDrops')).toBe(0);
  });
});
