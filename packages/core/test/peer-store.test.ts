// The suite for address books meets its enemies: every case passes on the honest memory store, and every saboteur is
// caught by exactly the case that it names.
import { describe, expect, test } from 'vitest';
import { address, peer, recordOf, tell } from '../src/conformance/address-book.js';
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
  test.each([
    ['before the user saves it', ['claim', 'save']],
    ['after that', ['save', 'claim']],
    ['after a dial in vain', ['save', 'fail', 'claim']],
    ['when who answered there has failed', ['save', 'answer', 'fail', 'claim']],
  ])('where the user sends us anybody may answer, whoever claims the address %s', (_, steps) => {
    const { store } = honestSubject();
    for (const step of steps) {
      if (step === 'save') store.save([one]);
      else if (step === 'claim') tell(store, 2, { addresses: [one] });
      else store.outcome(one, { ok: step === 'answer', id: peer(1) });
    }
    // A dial that expects the one who claims it would never succeed.
    const picked = store.pick(1, { schemes: ['ws'], exclude: () => false, backoffMaxMs: 0 });
    expect(picked).toMatchObject([{ id: undefined, saved: true }]);
    store.outcome(one, { ok: true, id: peer(1), record: recordOf(1) });
    expect(store.get(one)).toMatchObject({ id: peer(1), verified: true });
  });

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
