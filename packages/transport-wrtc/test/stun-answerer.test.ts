// Who gets an answer: sources that real sockets of this machine cannot have.
import type { Clock } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { stunLimits } from '../src/defaults.js';
import { StunAnswerer } from '../src/stun-answerer.js';

const request = Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex');

function answerer(limits?: Record<string, number>) {
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs, wall: () => nowMs, alarm: () => () => {} };
  const made = new StunAnswerer(limits, clock);
  return {
    made,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** How many of `count` requests are answered. */
    ask: (address: string, count = 1, port = 5000): number => {
      let answered = 0;
      for (let i = 0; i < count; i++) if (made.answer(request, address, port) !== undefined) answered++;
      return answered;
    },
  };
}

describe('one host of the internet', () => {
  test('has 40 answers at once and 5 per second, whatever its ports; others have theirs', () => {
    const { made, ask, pass } = answerer();
    expect(ask('9.9.9.9', 30, 5000) + ask('9.9.9.9', 30, 6000)).toBe(stunLimits.hostBurst);
    expect(made.refused).toEqual({ hostRate: 20 });
    expect(ask('9.9.9.8')).toBe(1);
    pass(1_000);
    expect(ask('9.9.9.9', 20)).toBe(stunLimits.hostPerSecond);
  });

  test('is a /64 of IPv6', () => {
    const { ask } = answerer({ hostBurst: 3 });
    const many = Array.from({ length: 9 }, (_, i) => ask(`2606:4700:1:1::${i + 1}`));
    expect(many.filter((answered) => answered === 1)).toHaveLength(3);
    expect(ask('2606:4700:1:2::1')).toBe(1);
  });

  test('does not eat the rate of everybody else', () => {
    const { made, ask } = answerer({ burst: 50, perSecond: 0 });
    expect(ask('9.9.9.9', 500)).toBe(stunLimits.hostBurst);
    expect(ask('9.9.9.8', 500)).toBe(10);
    expect(made.refused).toEqual({ hostRate: 920, rate: 30 });
  });
});

test('in narrower networks than the internet only the common rate binds: everybody may share one address', () => {
  for (const address of ['127.0.0.1', '172.17.0.1', 'fe80::1%eth0', '::ffff:10.0.0.1'])
    expect(answerer().ask(address, 200), address).toBe(200);
});

test('what no answer can reach gets none: reserved addresses, port 0, and what is no address', () => {
  const { made, ask } = answerer();
  expect(ask('224.0.0.1') + ask('255.255.255.255') + ask('0.0.0.0') + ask('169.254.169.254')).toBe(0);
  expect(ask('9.9.9.9', 1, 0) + ask('not an address')).toBe(0);
  expect(made.refused).toEqual({ source: 6 });
  expect(ask('9.9.9.9')).toBe(1);
});
