// The dice: fair by chi-square (seeded, so the same verdict every time), reproducible, and unrelated between seeds.
import { describe, expect, test } from 'vitest';
import {
  below,
  jitter,
  pickOne,
  type Random,
  randomBytes,
  seededRandom,
  shuffle,
  systemRandom,
  uniform,
} from '../src/index.js';

/** Chi-square of counts against a uniform distribution, in standard deviations from its mean. */
function unfairness(counts: readonly number[]): number {
  const total = counts.reduce((x, y) => x + y, 0);
  const expected = total / counts.length;
  const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // Wilson and Hilferty 1931: the cube root is nearly normal, where χ² itself of few cells is not.
  const spread = 2 / (9 * (counts.length - 1));
  return Math.abs(Math.cbrt(chi / (counts.length - 1)) - (1 - spread)) / Math.sqrt(spread);
}

function count(cells: number, draws: number, draw: () => number): number[] {
  const counts = new Array<number>(cells).fill(0);
  for (let i = 0; i < draws; i++) {
    const cell = draw();
    counts[cell] = (counts[cell] as number) + 1;
  }
  return counts;
}

const sources: [string, () => Random][] = [
  ['seeded', () => seededRandom(7)],
  ['another seed', () => seededRandom(-123_456_789_012)],
  ['the system', () => systemRandom],
];
describe.each(sources)('%s', (name, make) => {
  // Six standard deviations: a fair system source fails once in 10^8 runs, a seeded one never.
  test('bytes, sixes and fractions are uniform', () => {
    const random = make();
    for (const shift of [0, 8, 16, 24]) {
      expect(unfairness(count(256, 50_000, () => (random.uint32() >>> shift) & 255))).toBeLessThan(6);
    }
    expect(unfairness(count(6, 60_000, () => below(random, 6)))).toBeLessThan(6);
    // Control: a remainder of eight makes two of the sixes twice as likely.
    expect(unfairness(count(6, 60_000, () => (random.uint32() & 7) % 6))).toBeGreaterThan(6);
    expect(unfairness(count(100, 50_000, () => Math.floor(uniform(random) * 100)))).toBeLessThan(6);
    expect(name.length).toBeGreaterThan(0);
  });

  test('neighbouring draws are independent', () => {
    const random = make();
    let last = below(random, 16);
    const pairs = count(256, 100_000, () => {
      const next = below(random, 16);
      const cell = last * 16 + next;
      last = next;
      return cell;
    });
    expect(unfairness(pairs)).toBeLessThan(6);
  });

  test('a shuffle gives every order alike, and the same array', () => {
    const random = make();
    const orders = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const list = [1, 2, 3, 4];
      if (shuffle(random, list) !== list) throw new Error('another array');
      orders.set(list.join(), (orders.get(list.join()) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    expect(unfairness([...orders.values()])).toBeLessThan(6);
  });
});

test('control: dice with modulo bias are found out', () => {
  const random = seededRandom(1);
  // 8 bits modulo 96: cells 0 … 63 come three times where the others come twice.
  expect(unfairness(count(96, 50_000, () => (random.uint32() & 255) % 96))).toBeGreaterThan(20);
});

test('below throws away what would be biased', () => {
  const script = [2 ** 32 - 1, 4_294_967_290, 5];
  const random = { uint32: () => script.shift() as number };
  // 2^32 = 10 · 429 496 729 + 6: the last six values must not count.
  expect([below(random, 10), script.length]).toEqual([5, 0]);
  expect(below({ uint32: () => 2 ** 32 - 1 }, 2 ** 32)).toBe(2 ** 32 - 1);
  expect(below(seededRandom(1), 1)).toBe(0);
});

test('a bound that is none is misuse', () => {
  for (const bound of [0, -1, 0.5, 1.5, Number.NaN, 2 ** 32 + 1, Number.POSITIVE_INFINITY]) {
    expect(() => below(seededRandom(1), bound), `${bound}`).toThrow(TypeError);
  }
});

test('a seed is a stream; other seeds, near or far, are others', () => {
  const stream = (seed: number): string =>
    Array.from({ length: 4 }, (_, i, r = seededRandom(seed)) => {
      for (let k = 0; k < i; k++) r.uint32();
      return r.uint32();
    }).join();
  const seeds = [
    0,
    1,
    2,
    3,
    -1,
    2 ** 31,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 40,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ];
  for (let i = 10; i < 5_000; i++) seeds.push(i);
  expect(new Set(seeds.map(stream)).size).toBe(seeds.length);
  expect(stream(42)).toBe(stream(42));
  // First draws of seeds in a row are as good as draws of one.
  let seed = 0;
  expect(unfairness(count(256, 50_000, () => seededRandom(seed++).uint32() & 255))).toBeLessThan(6);
});

test('the stream of a seed never changes: printed seeds must stay worth something', () => {
  const random = seededRandom(42);
  expect(Array.from({ length: 4 }, () => random.uint32())).toMatchInlineSnapshot(`
    [
      660444221,
      3652823732,
      77672526,
      910233633,
    ]
  `);
});

test('jitter stays within its share, on both sides', () => {
  const random = seededRandom(3);
  const values = Array.from({ length: 10_000 }, () => jitter(random, 100, 0.25));
  expect(Math.min(...values)).toBeGreaterThanOrEqual(75);
  expect(Math.min(...values)).toBeLessThan(76);
  expect(Math.max(...values)).toBeLessThanOrEqual(125);
  expect(Math.max(...values)).toBeGreaterThan(124);
  expect(jitter(random, 100, 0)).toBe(100);
});

test('pickOne and randomBytes', () => {
  const random = seededRandom(4);
  expect(pickOne(random, [])).toBeUndefined();
  expect(unfairness(count(5, 20_000, () => pickOne(random, [0, 1, 2, 3, 4]) as number))).toBeLessThan(6);
  for (const length of [0, 1, 2, 3, 4, 5, 33]) expect(randomBytes(random, length).length).toBe(length);
  const bytes = randomBytes(random, 50_001);
  let at = 0;
  expect(unfairness(count(256, bytes.length, () => bytes[at++] as number))).toBeLessThan(6);
});
