import { MemoryLevel } from 'memory-level';
import { MemoryLevel as MemoryLevel1 } from 'memory-level-1';
import { expect, test } from 'vitest';
import { createStore } from '../src/index.js';

test.each([
  ['abstract-level 3', () => new MemoryLevel()],
  ['abstract-level 1', () => new MemoryLevel1()],
])('remembers over %s', async (_, make) => {
  const db = make();
  await db.put('mine', 'untouched');
  const store = createStore(db as never);
  store.save(['ws://1.2.3.4:5']);
  await store.subnets.join(['chat']);
  const { seed, seq } = await store.identity();
  store.remove(['ws://9.9.9.9:9']);
  await store.flush({ sync: true });
  await store.close();
  const again = createStore(db as never);
  await again.ready();
  expect([...again.entries()].map((entry) => entry.address)).toEqual(['ws://1.2.3.4:5']);
  expect(await again.subnets.list()).toEqual(['chat']);
  const identity = await again.identity();
  expect(identity.seed).toEqual(seed);
  expect(identity.seq).toBeGreaterThan(seq);
  expect(again.skippedRows).toBe(0);
  await again.close();
  expect(await db.get('mine')).toBe('untouched');
});
