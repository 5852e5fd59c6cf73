// `peernet/testing`: the testnet that applications use.
import { expect, test } from 'vitest';
import { createTestnet } from '../src/testing.js';

test('a testnet is connected when it resolves, and closes', async () => {
  const { nodes, close } = await createTestnet(4, { seed: 3, latencyMs: 5 });
  try {
    expect(nodes).toHaveLength(4);
    for (const node of nodes) expect(node.connections().length).toBeGreaterThan(0);
    await nodes[1]?.join('x');
    expect((await nodes[3]?.find('x'))?.id).toBe(nodes[1]?.id);
  } finally {
    await close();
  }
});

test('the same seed makes the same identities', async () => {
  const ids: string[][] = [];
  for (let i = 0; i < 2; i++) {
    const { nodes, close } = await createTestnet(2, { seed: 9 });
    ids.push(nodes.map((node) => node.id));
    await close();
  }
  expect(ids[0]).toEqual(ids[1]);
});

test('a count that is none is a TypeError', async () => {
  await expect(createTestnet(0)).rejects.toThrow(TypeError);
});
