// Min-wise slots: a sample that cannot be swayed by telling more, more often, or later; held while it works.
import { describe, expect, it } from 'vitest';
import { below, MinWise, seededRandom } from '../src/index.js';

interface Peer {
  readonly group: number;
  readonly key: number;
  readonly evil: boolean;
}

const lifeMs = 1_000_000;
const warmUpMs = 1_000;

function make(count = 64, seed = 5) {
  const random = seededRandom(seed);
  const slots = new MinWise<Peer>({ random, count, lifeMs, warmUpMs }, 0);
  const offer = (peer: Peer) => slots.offer(peer, peer.group, () => peer.key);
  return { random, slots, offer };
}

function peers(random: { uint32(): number }, count: number, evil: boolean, groups = count): Peer[] {
  const own = Array.from({ length: groups }, () => random.uint32());
  return Array.from({ length: count }, (_, i) => ({
    group: own[i % groups] as number,
    key: random.uint32(),
    evil,
  }));
}

/** Attackers' share of the best of all slots, over several sets of them. */
function share(
  tell: (honest: Peer[], evil: Peer[], offer: (peer: Peer) => void) => void,
  groups = 100,
): number {
  let evil = 0;
  for (let seed = 0; seed < 20; seed++) {
    const { random, slots, offer } = make(64, seed);
    tell(peers(random, 300, false), peers(random, 100, true, groups), offer);
    evil += slots.slots.filter(({ best }) => best?.evil).length;
  }
  return evil / (20 * 64);
}

describe('min-wise slots', () => {
  it('are a uniform sample, however often and late somebody is offered', () => {
    const all = share((honest, evil, offer) => {
      for (const peer of honest) offer(peer);
      for (let i = 0; i < 50; i++) for (const peer of evil) offer(peer);
    });
    expect(all).toBeGreaterThan(0.21);
    expect(all).toBeLessThan(0.29); // 100 of 400
  });

  it('control: who takes the last that was offered has attackers only', () => {
    let last: Peer | undefined;
    const random = seededRandom(1);
    for (const peer of [...peers(random, 300, false), ...peers(random, 100, true)]) last = peer;
    expect(last?.evil).toBe(true);
  });

  it('rank groups first: a hundred in one group are as good as one', () => {
    const few = share((honest, evil, offer) => {
      for (const peer of [...honest, ...evil]) offer(peer);
    }, 3);
    expect(few).toBeLessThan(0.03); // 3 groups of 303
  });

  it('ask for the key of an id only where the group is as good as the best', () => {
    const { random, slots } = make();
    let asked = 0;
    const all = peers(random, 1_000, false);
    for (const peer of all) {
      slots.offer(peer, peer.group, () => {
        asked++;
        return peer.key;
      });
    }
    expect(asked).toBeLessThan(400); // a new best of 64 slots: 64 · ln 1000 at most, and fewer peers
  });

  it('name candidates after the warm-up only, holders always and first', () => {
    const { random, slots, offer } = make();
    const all = peers(random, 10, false);
    for (const peer of all) offer(peer);
    expect(slots.choices(warmUpMs - 1, random)).toEqual([]);
    expect(slots.choices(warmUpMs, random)).toHaveLength(10);
    slots.take((peer) => peer === all[3]);
    for (let i = 0; i < 20; i++) expect(slots.choices(warmUpMs, random)[0]).toBe(all[3]);
  });

  it('are held against better ones, until the holder fails or the seed ends', () => {
    const { random, slots, offer } = make(1);
    const [first] = peers(random, 1, false) as [Peer];
    const is = (peer: Peer): boolean => peer === first;
    offer(first);
    expect(slots.take(is)).toBe(true);
    for (const peer of peers(random, 500, true)) offer(peer);
    expect(slots.isHeld(is)).toBe(true);
    const better = slots.slots[0]?.best;
    expect(better?.evil).toBe(true);
    expect(slots.take((peer) => peer === better)).toBe(false); // it has come, but the place is taken
    expect(slots.slots[0]?.holder).toBe(first);
    slots.renew(lifeMs + 1);
    expect([slots.isHeld(is), slots.renewals]).toEqual([false, 1]);
    offer(first);
    slots.take(is);
    expect(slots.vacate(is)).toBe(true);
    expect([slots.isHeld(is), slots.slots[0]?.best]).toEqual([false, undefined]);
  });

  it('renew one after the other, each once in its life', () => {
    const { slots } = make();
    const renewed = new Set<number>();
    let before = 0;
    for (let nowMs = 0; nowMs < lifeMs; nowMs += lifeMs / 100) {
      slots.renew(nowMs);
      if (slots.renewals > before) renewed.add(nowMs);
      expect(slots.renewals - before).toBeLessThan(8);
      before = slots.renewals;
    }
    expect(renewed.size).toBeGreaterThan(25);
    slots.renew(lifeMs);
    expect(slots.renewals).toBe(64);
  });

  it('of none keep nothing', () => {
    const { random, slots, offer } = make(0);
    for (const peer of peers(random, 10, false)) expect(offer(peer)).toBe(false);
    expect(slots.renew(10 * lifeMs)).toBe(false);
    expect(slots.choices(warmUpMs, random)).toEqual([]);
  });

  it('keep their bounds whatever is offered', () => {
    const { random, slots, offer } = make(16);
    const all = peers(random, 200, false);
    for (let i = 0; i < 5_000; i++) {
      const peer = all[below(random, all.length)] as Peer;
      const act = below(random, 4);
      if (act < 2) offer(peer);
      else if (act === 2) slots.take((item) => item === peer);
      else slots.vacate((item) => item === peer);
      slots.renew(i * 500);
    }
    expect(slots.slots).toHaveLength(16);
  });
});
