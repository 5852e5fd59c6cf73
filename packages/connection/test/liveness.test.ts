import { seededRandom } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { DEFAULTS } from '../src/defaults.js';
import { Liveness } from '../src/machine/liveness.js';

const make = (): Liveness => new Liveness(DEFAULTS, seededRandom(3), 0);

/** Ticks at each deadline from `nowMs` until the verdict is not 'ping', at most `rounds` times. */
function untilDown(liveness: Liveness, rounds: number, onPing = (_: number): void => {}): number | undefined {
  for (let i = 0; i < rounds; i++) {
    const atMs = liveness.deadline();
    if (liveness.tick(atMs) === 'down') return atMs;
    onPing(atMs);
  }
  return undefined;
}

describe('pings', () => {
  test('every 5 s ± 20 %, not in step', () => {
    const liveness = make();
    let last = 0;
    const gaps: number[] = [];
    untilDown(liveness, 200, (atMs) => {
      gaps.push(atMs - last);
      last = atMs;
      liveness.heard();
    });
    expect(gaps).toHaveLength(200);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(4_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(6_000);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(1_000);
  });

  test('a silent peer is down after two misses: 12 to 18 s after its last word', () => {
    const downAtMs = untilDown(make(), 10);
    expect(downAtMs).toBeGreaterThan(12_000);
    expect(downAtMs).toBeLessThan(18_000);
  });

  test('one word in each interval keeps it', () => {
    const liveness = make();
    expect(untilDown(liveness, 100, () => liveness.heard())).toBeUndefined();
    expect(untilDown(liveness, 3)).toBeDefined();
  });

  test('in doubt it asks at once, and silence of 3 s is enough', () => {
    const liveness = make();
    liveness.heard();
    liveness.doubt(2_000);
    const pings: number[] = [];
    const downAtMs = untilDown(liveness, 10, (atMs) => pings.push(atMs));
    expect(pings).toEqual([2_000]);
    expect(downAtMs).toBe(5_000);
  });

  test('whoever answers is beyond doubt', () => {
    const liveness = make();
    liveness.doubt(2_000);
    const downAtMs = untilDown(liveness, 10, (atMs) => atMs === 2_000 && liveness.heard());
    expect(downAtMs).toBeGreaterThan(12_000);
  });

  test('the round trip is that of the ping that was answered, once', () => {
    const liveness = make();
    const atMs = liveness.deadline();
    liveness.tick(atMs);
    liveness.onPong(liveness.token + 1, atMs + 10);
    expect(liveness.rttMs).toBeUndefined();
    liveness.onPong(liveness.token, atMs + 35);
    liveness.onPong(liveness.token, atMs + 99);
    expect(liveness.rttMs).toBe(35);
  });
});

describe('sleep', () => {
  test('who wakes does not judge by its own sleep, but pings again', () => {
    const liveness = make();
    liveness.tick(liveness.deadline());
    liveness.tick(liveness.deadline()); // one miss
    expect(liveness.tick(3_600_000)).toBe('ping');
    const woken = liveness.deadline();
    expect(liveness.tick(woken)).toBe('ping'); // the first miss after the sleep
    expect(liveness.tick(liveness.deadline())).toBe('down');
  });

  test('control: the same silence without sleep is judged', () => {
    const liveness = make();
    liveness.tick(liveness.deadline());
    liveness.tick(liveness.deadline());
    expect(liveness.tick(liveness.deadline())).toBe('down');
  });

  test('a hidden tab whose timers come once a minute still finds out', () => {
    const liveness = make();
    let nowMs = 0;
    let rounds = 0;
    for (let verdict = 'alive'; verdict !== 'down' && rounds < 20; rounds++) {
      nowMs += 60_000;
      verdict = liveness.tick(nowMs);
    }
    expect(rounds).toBe(6);
  });
});

describe('a transport that takes nothing', () => {
  const live = (liveness: Liveness, nowMs: number): string => {
    liveness.heard();
    return liveness.tick(nowMs);
  };

  test('for 20 s: down, even if the peer talks', () => {
    const liveness = make();
    liveness.transport(true, 1_000);
    for (let nowMs = 2_000; nowMs < 21_000; nowMs += 1_000) expect(live(liveness, nowMs)).not.toBe('down');
    expect(live(liveness, 21_000)).toBe('down');
  });

  test('unless it drained, or something proved that the peer reads', () => {
    for (const proof of ['drain', 'credit', 'pong'] as const) {
      const liveness = make();
      liveness.transport(true, 1_000);
      for (let nowMs = 2_000; nowMs <= 15_000; nowMs += 1_000) live(liveness, nowMs);
      if (proof === 'drain') {
        liveness.transport(false, 15_000);
        liveness.transport(true, 15_000);
      }
      if (proof === 'credit') liveness.onCredit(DEFAULTS.creditProofBytes, 15_000);
      if (proof === 'pong') liveness.onPong(liveness.token, 15_000);
      for (let nowMs = 16_000; nowMs < 35_000; nowMs += 1_000)
        expect(live(liveness, nowMs), proof).not.toBe('down');
      expect(live(liveness, 35_000), proof).toBe('down');
    }
  });

  test('what anybody can say is no proof: a token that was not sent, credit in drops', () => {
    const liveness = make();
    liveness.transport(true, 1_000);
    let token = 0;
    for (let nowMs = 2_000; nowMs < 21_000; nowMs += 1_000) {
      expect(live(liveness, nowMs)).not.toBe('down');
      while (token < 10) liveness.onPong(++token, nowMs);
      token = 0;
      liveness.onCredit(1, nowMs);
    }
    expect(live(liveness, 21_000)).toBe('down');
  });

  test('sleep is no stall', () => {
    const liveness = make();
    liveness.transport(true, 1_000);
    expect(live(liveness, 100_000)).toBe('ping');
    for (let nowMs = 101_000; nowMs < 120_000; nowMs += 1_000) expect(live(liveness, nowMs)).not.toBe('down');
    expect(live(liveness, 120_000)).toBe('down');
  });
});
