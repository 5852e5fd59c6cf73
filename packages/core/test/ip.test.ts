// IP literals: one strict reading, the normal form of RFC 5952, ranges.
import { expect, test } from 'vitest';
import { below, inCidr, parseIp, scopeRank, scopes, seededRandom } from '../src/index.js';

const normal: [string, string][] = [
  ['1.2.3.4', '1.2.3.4'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['2001:DB8::1', '2001:db8::1'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // a single zero is not shortened
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // the first of the longest
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['::', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['1::', '1::'],
  ['1:0:0:0:0:0:0:0', '1::'],
  ['::1.2.3.4', '::102:304'],
  ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ['::ffff:1.2.3.4', '1.2.3.4'],
  ['::ffff:102:304', '1.2.3.4'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
];
test.each(normal)('%s is %s', (text, expected) => {
  expect(parseIp(text)?.text).toBe(expected);
  expect(parseIp(expected)?.text).toBe(expected);
});

test('random IPs come back from their normal form, with the same parts and scope', () => {
  const random = seededRandom(1);
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const groups = Array.from({ length: 8 }, () => (below(random, 2) ? 0 : below(random, 65_536)));
    const v4 = Array.from({ length: 4 }, () => below(random, 256)).join('.');
    const text = i % 2 ? groups.map((group) => group.toString(16)).join(':') : v4;
    const ip = parseIp(text);
    const again = ip && parseIp(ip.text);
    if (ip === undefined || JSON.stringify(again) !== JSON.stringify(ip)) throw new Error(text);
    if (ip.version === 6 && i % 2 && ip.parts.join() !== groups.join()) throw new Error(text);
    seen.add(ip.scope);
  }
  expect(seen.size).toBeGreaterThanOrEqual(3);
});

test('scopes have an order', () => {
  expect(scopes.map(scopeRank)).toEqual([0, 1, 2, 3]);
});

const inside: [string, string, boolean][] = [
  ['10.1.2.3', '10.0.0.0/8', true],
  ['11.0.0.0', '10.0.0.0/8', false],
  ['10.1.2.3', '10.1.2.3', true],
  ['10.1.2.4', '10.1.2.3/32', false],
  ['10.1.2.3', '10.1.2.2/31', true],
  ['1.2.3.4', '0.0.0.0/0', true],
  ['192.168.129.1', '192.168.128.0/17', true],
  ['192.168.127.1', '192.168.128.0/17', false],
  ['::1', '::1/128', true],
  ['2001:db8:1::1', '2001:db8::/32', true],
  ['2001:db9::1', '2001:db8::/32', false],
  ['2001:db8:8000::', '2001:db8:8000::/33', true],
  ['2001:db8:7fff::', '2001:db8:8000::/33', false],
  ['1.2.3.4', '::/0', false],
  ['::ffff:10.0.0.1', '10.0.0.0/8', true],
];
test.each(inside)('%s in %s: %s', (ip, cidr, expected) => {
  expect(inCidr(parseIp(ip) as NonNullable<ReturnType<typeof parseIp>>, cidr)).toBe(expected);
});

test('a range that is none is misuse', () => {
  const ip = parseIp('1.2.3.4') as NonNullable<ReturnType<typeof parseIp>>;
  for (const cidr of [
    '',
    'x',
    '1.2.3.4/33',
    '::/129',
    '1.2.3/8',
    '1.2.3.4/',
    '1.2.3.4/-1',
    '1.2.3.4/8/8',
    '/8',
    '1.2.3.4/0x8',
    '1.2.3.4/ 8',
  ]) {
    expect(() => inCidr(ip, cidr), cidr).toThrow(TypeError);
  }
});
