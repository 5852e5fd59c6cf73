import { describe, expect, test } from 'vitest';
import {
  type Admission,
  below,
  ConnectionLimiter,
  connectionLimits,
  pickOne,
  relayConnectionLimits,
  seededRandom,
  withLimits,
} from '../src/index.js';

type Limits = Record<string, number>;

/** A host of its own net. */
const stranger = (i: number): string => `${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.1`;
const sameHost = (): string => '8.8.8.8';
const sameNet = (i: number): string => `8.8.8.${i}`;
const local = (): string => '127.0.0.1';

interface Flood {
  readonly from: (i: number) => string | undefined;
  /** What becomes of each connection. */
  readonly fate: 'stays pending' | 'established' | 'closed';
  /** ms between two. */
  readonly everyMs: number;
  /** The refusal that must end it. */
  readonly refusal: string;
}

/** Connects until the first refusal; how many got in. */
function flood(limits: Limits | undefined, { from, fate, everyMs, refusal }: Flood): number {
  const limiter = new ConnectionLimiter(limits, 0);
  for (let i = 0; i < 5000; i++) {
    const admission = limiter.admit(from(i), i * everyMs);
    if (admission === undefined) {
      expect(limiter.refused).toEqual({ [refusal]: 1 });
      return i;
    }
    if (fate === 'established') admission.established();
    if (fate === 'closed') admission.release();
  }
  throw new Error('never refused');
}

const floods: Record<string, Flood> = {
  hostBurst: { from: sameHost, fate: 'closed', everyMs: 0, refusal: 'hostRate' },
  hostMax: { from: sameHost, fate: 'established', everyMs: 1000, refusal: 'hostFull' },
  hostPendingMax: { from: sameHost, fate: 'stays pending', everyMs: 1000, refusal: 'hostPending' },
  netMax: { from: sameNet, fate: 'established', everyMs: 1000, refusal: 'netFull' },
  pendingMax: { from: stranger, fate: 'stays pending', everyMs: 20, refusal: 'pendingFull' },
  acceptBurst: { from: stranger, fate: 'closed', everyMs: 0, refusal: 'acceptRate' },
  openMax: { from: stranger, fate: 'established', everyMs: 20, refusal: 'openFull' },
  localBurst: { from: local, fate: 'closed', everyMs: 0, refusal: 'localRate' },
  localMax: { from: local, fate: 'established', everyMs: 20, refusal: 'localFull' },
  localPendingMax: { from: local, fate: 'stays pending', everyMs: 20, refusal: 'localPending' },
};

describe('N get in, N + 1 do not, and N + 1 do where the limit is raised:', () => {
  for (const [name, scenario] of Object.entries(floods)) {
    const limit = connectionLimits[name as keyof typeof connectionLimits];
    test(`${name} ${limit}`, () => {
      expect(flood(undefined, scenario)).toBe(limit);
      expect(flood({ [name]: limit + 1 }, scenario)).toBe(limit + 1);
    });
  }

  test('relays take more', () => {
    const { pendingMax, acceptBurst } = relayConnectionLimits;
    expect(flood(relayConnectionLimits, floods.acceptBurst as Flood)).toBe(acceptBurst);
    // At 200 a second none of them has become old before the last one came.
    expect(flood(relayConnectionLimits, { ...(floods.pendingMax as Flood), everyMs: 5 })).toBe(pendingMax);
  });

  test(`proxyPendingMax ${connectionLimits.proxyPendingMax}`, () => {
    const limiter = new ConnectionLimiter(undefined, 0);
    for (let i = 0; i < connectionLimits.proxyPendingMax; i++) expect(limiter.admitProxy(0)).toBeDefined();
    expect(limiter.admitProxy(0)).toBeUndefined();
    expect(limiter.refused).toEqual({ proxyPending: 1 });
  });
});

describe('rates: after a burst so many per second get in', () => {
  const rates = [
    ['hostPerSecond', sameHost, connectionLimits.hostPerSecond],
    ['acceptPerSecond', stranger, connectionLimits.acceptPerSecond],
    ['localPerSecond', local, connectionLimits.localPerSecond],
  ] as const;
  for (const [name, from, rate] of rates) {
    test(`${name} ${rate}`, () => {
      const perSecond = (limits: Limits | undefined): number => {
        const limiter = new ConnectionLimiter(limits, 0);
        let i = 0;
        while (limiter.admit(from(i++), 0) !== undefined);
        let count = 0;
        for (let ms = 1; ms <= 10_000; ms++) if (limiter.admit(from(i++), ms) !== undefined) count++;
        return count / 10;
      };
      // Only the rate is to bind.
      const wide = {
        hostMax: 1e4,
        hostPendingMax: 1e4,
        netMax: 1e4,
        openMax: 1e4,
        pendingMax: 1e4,
        localMax: 1e4,
        localPendingMax: 1e4,
      };
      expect(perSecond(wide)).toBe(rate);
      expect(perSecond({ ...wide, [name]: rate * 2 })).toBe(rate * 2);
    });
  }
});

describe('who shares what', () => {
  const count = (ips: string[], limits: Limits = { hostMax: 1 }): number => {
    const limiter = new ConnectionLimiter(limits, 0);
    return ips.filter((ip) => limiter.admit(ip, 0) !== undefined).length;
  };

  test('the addresses of one IPv6 /64 are one host, of one /48 one net', () => {
    expect(count(['2600:1:2:3::1', '2600:1:2:3:ffff::2'])).toBe(1);
    expect(count(['2600:1:2:3::1', '2600:1:2:4::1'])).toBe(2);
    expect(count(['2600:1:2:3::1', '2600:1:2:4::1'], { netMax: 1 })).toBe(1);
    expect(count(['2600:1:2:3::1', '2600:1:3:4::1'], { netMax: 1 })).toBe(2);
  });

  test('IPv4 in IPv6 is the IPv4 host', () => {
    expect(count(['8.8.8.8', '::ffff:8.8.8.8'])).toBe(1);
    expect(count(['8.8.8.8', '8.8.8.9'])).toBe(2);
  });

  test('loopback, private, link-local, CGNAT and unknown share the local pool, and none of them the global one', () => {
    const ips = ['127.0.0.1', '::1', '10.0.0.1', '169.254.1.1', 'fe80::1', '100.64.0.1'];
    expect(count(ips, { localMax: 2 })).toBe(2);
    expect(count(ips, { hostMax: 0, netMax: 0, openMax: 0, pendingMax: 0 })).toBe(ips.length);
    const limiter = new ConnectionLimiter({ localMax: 1 }, 0);
    expect(limiter.admit(undefined, 0)).toBeDefined();
    expect(limiter.admit('not an ip', 0)).toBeUndefined();
  });

  test('strangers cannot starve local connections, nor the other way round', () => {
    const limiter = new ConnectionLimiter(undefined, 0);
    for (let i = 0; i < 5000; i++) limiter.admit(stranger(i), 0);
    expect(limiter.admit('127.0.0.1', 0)).toBeDefined();
    const other = new ConnectionLimiter(undefined, 0);
    for (let i = 0; i < 5000; i++) other.admit('127.0.0.1', 0);
    expect(other.admit('8.8.8.8', 0)).toBeDefined();
  });

  test('what one host is refused does not eat what everybody has', () => {
    const limiter = new ConnectionLimiter(undefined, 0);
    for (let i = 0; i < 10_000; i++) limiter.admit('8.8.8.8', 0)?.release();
    let others = 0;
    for (let i = 0; i < 200; i++) if (limiter.admit(stranger(i), 0) !== undefined) others++;
    expect(others).toBe(connectionLimits.pendingMax);
    expect(limiter.refused.hostRate).toBe(10_000 - connectionLimits.hostBurst);
  });
});

describe('admissions', () => {
  test('are counted as pending until established, released or old', () => {
    const limiter = new ConnectionLimiter(undefined, 0);
    const [a, b, c] = ['1.1.1.1', '2.2.2.2', '3.3.3.3'].map((ip) => limiter.admit(ip, 0)) as [
      Admission,
      Admission,
      Admission,
    ];
    expect(limiter.pending).toBe(3);
    a.established();
    a.established();
    expect(limiter.pending).toBe(2);
    b.release();
    b.release();
    b.established();
    expect(limiter.pending).toBe(1);
    limiter.admit('127.0.0.1', connectionLimits.pendingMaxMs - 1);
    expect(limiter.pending).toBe(2);
    limiter.admit('127.0.0.1', connectionLimits.pendingMaxMs);
    expect(limiter.pending).toBe(2);
    c.release();
    expect(limiter.pending).toBe(2);
  });

  test('called established or released twice count once: others are not counted off', () => {
    const limiter = new ConnectionLimiter({ hostMax: 2, hostPendingMax: 2, hostBurst: 100 }, 0);
    const admit = () => limiter.admit('8.8.8.8', 0);
    const [a, b] = [admit(), admit()];
    a?.established();
    a?.established();
    b?.established();
    for (let i = 0; i < 5; i++) a?.release();
    const c = admit();
    expect([c !== undefined, admit()]).toEqual([true, undefined]); // b and c are open
    expect(limiter.refused).toEqual({ hostFull: 1 });
    const other = new ConnectionLimiter({ hostPendingMax: 2 }, 0);
    const [first] = [other.admit('8.8.8.8', 0), other.admit('8.8.8.8', 0)];
    for (let i = 0; i < 5; i++) first?.established();
    expect([other.admit('8.8.8.8', 0) !== undefined, other.admit('8.8.8.8', 0)]).toEqual([true, undefined]);
    expect(other.refused).toEqual({ hostPending: 1 });
  });

  test('released in any order leave nothing behind (seeded)', () => {
    const random = seededRandom(11);
    const limiter = new ConnectionLimiter({ pendingMaxMs: 1e9 }, 0);
    const open: Admission[] = [];
    let nowMs = 0;
    for (let i = 0; i < 20_000; i++) {
      nowMs += below(random, 20);
      const admission = limiter.admit(
        pickOne(random, [stranger(below(random, 300)), sameNet(below(random, 200)), local()]),
        nowMs,
      );
      if (admission !== undefined) open.push(admission);
      const at = below(random, Math.max(1, open.length));
      const draw = below(random, 3);
      if (draw === 0) open.splice(at, 1)[0]?.release();
      else if (draw === 1) open[at]?.established();
    }
    for (const admission of open) admission.release();
    expect(limiter.pending).toBe(0);
    nowMs += 3_600_000;
    // Every pool is as large as at the beginning.
    let again = 0;
    while (limiter.admit(sameNet(again % 8), nowMs + again * 1000) !== undefined) again++;
    expect(again).toBe(connectionLimits.netMax);
  });
});

test('limits that are none are misuse', () => {
  expect(() => withLimits({ hostBrust: 3 })).toThrow(/there is no 'hostBrust'/);
  expect(() => withLimits({ hostBurst: -1 })).toThrow(TypeError);
  expect(() => withLimits({ hostBurst: Number.NaN })).toThrow(TypeError);
  expect(() => withLimits({ toString: 1 })).toThrow(TypeError);
  expect(withLimits(undefined)).toEqual(connectionLimits);
});
