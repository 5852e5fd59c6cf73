// The suite for address books meets its enemies: every case passes on the honest memory store, and every saboteur is
// caught by exactly the case that it names.
import { describe, expect, test } from 'vitest';
import { address, peer, tell } from '../src/conformance/address-book.js';
import { peerStoreCases } from '../src/conformance/index.js';
import { honestSubject, storeSaboteurs } from './saboteurs/stores.js';

describe('the memory store', () => {
  test.each(peerStoreCases.map((c) => [c.name, c] as const))('%s', async (_, c) => {
    await c.run(() => honestSubject());
  });

  test('what had failed before it was saved rests a minute at most', async () => {
    const { store, pass } = honestSubject();
    const address = 'ws://5.6.7.8:4000';
    store.outcome(address, { ok: true });
    for (let i = 0; i < 5; i++) store.outcome(address, { ok: false });
    const picked = (): number => store.pick(1, { schemes: ['ws'], exclude: () => false }).length;
    await pass?.(60_000);
    expect(picked()).toBe(0);
    store.save([address]);
    expect(picked()).toBe(1);
  });

  const one = address(1);
  test('what the user pinned is claimed by nobody else', () => {
    const { store } = honestSubject();
    store.save([`${one}#${peer(1)}`]);
    store.outcome(one, { ok: false });
    tell(store, 2, { addresses: [one] });
    store.save([one]);
    expect(store.get(one)?.id).toBe(peer(1));
  });
});

test('every case has its saboteur, every saboteur its case', () => {
  expect(storeSaboteurs.map((saboteur) => saboteur.breaks).sort()).toEqual(
    peerStoreCases.map((c) => c.name).sort(),
  );
});

describe('a store that breaks', () => {
  test.each(storeSaboteurs.map((s) => [s.breaks, s] as const))('%s', async (_, saboteur) => {
    const failed: string[] = [];
    for (const c of peerStoreCases) {
      const error = await c
        .run(() => honestSubject(saboteur))
        .then(
          () => undefined,
          (reason: unknown) => reason,
        );
      if (error !== undefined) failed.push(c.name);
    }
    expect(failed).toEqual([saboteur.breaks]);
  });
});
