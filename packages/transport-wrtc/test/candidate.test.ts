// What may be told and tried: the table of the candidate rule, and damage of every kind.
import { type Scope, scopes, seededRandom } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { CandidateList, formatCandidate, judgeCandidate } from '../src/candidate.js';
import { candidatesMax, hostsMax } from '../src/defaults.js';

const line = (host: string, port = 5000, type = 'host'): string =>
  `candidate:1 1 udp 2122265343 ${host} ${port} typ ${type}`;

/** Why it is refused, or 'ok'. */
function verdict(text: string, scope: Scope = 'global', lan = false): string {
  const judged = judgeCandidate(text, { scope, lan });
  return typeof judged === 'string' ? judged : 'ok';
}

const name = '8b1e5f60-3c1f-4a6e-9b53-0d2f6a1c7e42.local';

describe('the rule', () => {
  // Verdicts over a path of scope loopback, link-local, private, global; then with `lan` over a global one.
  const s = 'candidateScope';
  const f = 'candidateForbidden';
  const table: [string, string, string, string, string, string][] = [
    ['127.0.0.1', 'ok', s, s, s, 'ok'],
    ['::1', 'ok', s, s, s, 'ok'],
    ['::ffff:127.0.0.1', 'ok', s, s, s, 'ok'],
    ['169.254.1.1', 'ok', 'ok', s, s, 'ok'],
    ['fe80::1', 'ok', 'ok', s, s, 'ok'],
    ['10.0.0.1', 'ok', 'ok', 'ok', s, 'ok'],
    ['192.168.1.1', 'ok', 'ok', 'ok', s, 'ok'],
    ['100.64.0.1', 'ok', 'ok', 'ok', s, 'ok'],
    ['fd00::1', 'ok', 'ok', 'ok', s, 'ok'],
    ['9.9.9.9', 'ok', 'ok', 'ok', 'ok', 'ok'],
    ['2600::1', 'ok', 'ok', 'ok', 'ok', 'ok'],
    [name, 'ok', 'ok', 'ok', 'ok', 'ok'],
    ['169.254.169.254', f, f, f, f, f],
    ['100.100.100.200', f, f, f, f, f],
    ['fd00:ec2::254', f, f, f, f, f],
    ['0.0.0.0', f, f, f, f, f],
    ['::', f, f, f, f, f],
    ['224.0.0.251', f, f, f, f, f],
    ['ff02::fb', f, f, f, f, f],
    ['255.255.255.255', f, f, f, f, f],
    ['192.0.2.1', f, f, f, f, f],
    ['198.51.100.1', f, f, f, f, f],
    ['203.0.113.1', f, f, f, f, f],
    ['2001:db8::1', f, f, f, f, f],
    ['64:ff9b::7f00:1', f, f, f, f, f],
    ['2002:7f00:1::', f, f, f, f, f],
  ];
  test.each(table)('%s', (host, ...expected) => {
    const over = scopes.map((scope) => verdict(line(host), scope));
    expect([...over, verdict(line(host), 'global', true)]).toEqual(expected);
  });
});

describe('the form', () => {
  const cases: [string, string][] = [
    [line('9.9.9.9'), 'ok'],
    [`a=${line('9.9.9.9')}`, 'ok'],
    [`${line('9.9.9.9')} generation 0 ufrag abcd network-id 2 network-cost 10`, 'ok'],
    [line('9.9.9.9').replace('udp', 'UDP'), 'ok'],
    [line('9.9.9.9', 5000, 'srflx raddr 10.0.0.1 rport 6000'), 'ok'],
    [line('9.9.9.9', 1024), 'ok'],
    [line('9.9.9.9', 1023), 'candidatePort'],
    [line('9.9.9.9', 53), 'candidatePort'],
    [line('9.9.9.9', 0), 'candidatePort'],
    [line('9.9.9.9', 65_536), 'candidateSyntax'],
    [`${line('9.9.9.9', 9).replace('udp', 'tcp')} tcptype active`, 'candidateKind'],
    [line('9.9.9.9').replace(' 1 udp', ' 2 udp'), 'candidateKind'],
    [line('9.9.9.9', 5000, 'other'), 'candidateSyntax'],
    [line('victim.example'), 'candidateName'],
    [line('printer.local'), 'candidateName'],
    [line(`${name}.example`), 'candidateName'],
    [line('0x7f.1'), 'candidateName'],
    [line('127.1'), 'candidateName'],
    [line('2130706433'), 'candidateName'],
    [line('fe80::1%eth0'), 'candidateName'],
    [line('9.9.9.9').replace('2122265343', '0'), 'candidateSyntax'],
    [line('9.9.9.9').replace('2122265343', '2147483648'), 'candidateSyntax'],
    [`${line('9.9.9.9')}\r\na=candidate:1 1 udp 1 127.0.0.1 1 typ host`, 'candidateSyntax'],
    [`${line('9.9.9.9')} ${'x'.repeat(600)}`, 'candidateSyntax'],
    ['', 'candidateSyntax'],
    ['candidate:', 'candidateSyntax'],
  ];
  test.each(cases)('%s', (text, expected) => {
    expect(verdict(text)).toBe(expected);
  });

  test('what is passed on says nothing about the inside of a network', () => {
    const told =
      'candidate:842163049 1 udp 1677729535 9.9.9.9 5000 typ srflx raddr 10.1.2.3 rport 6000 network-id 3';
    const judged = judgeCandidate(told, { scope: 'global', lan: false });
    if (typeof judged === 'string') throw new Error(judged);
    expect(formatCandidate(judged, '1')).toBe(
      'candidate:1 1 udp 1677729535 9.9.9.9 5000 typ srflx raddr 0.0.0.0 rport 0',
    );
  });
});

describe('a list', () => {
  test(`takes ${candidatesMax}, not one more, and each once`, () => {
    const list = new CandidateList(false);
    const admit = (port: number) => list.admit(line('9.9.9.9', port), 'global');
    for (let i = 0; i < candidatesMax; i++) expect(admit(5000 + i)).toHaveProperty('line');
    expect(admit(5000)).toBeUndefined();
    expect(admit(6000)).toBe('candidateCount');
  });

  test(`takes ${hostsMax} hosts of the internet, so that nobody aims us at many; in narrower nets there is no such limit`, () => {
    const list = new CandidateList(true);
    const admit = (host: string) => list.admit(line(host), 'global');
    for (let i = 0; i < hostsMax; i++) expect(admit(`9.9.9.${i}`)).toHaveProperty('line');
    expect(admit('9.9.8.1')).toBe('candidateCount');
    expect(list.admit(line('9.9.9.1', 6000), 'global')).toHaveProperty('line');
    for (let i = 0; i < 5; i++) expect(admit(`10.0.0.${i}`)).toHaveProperty('line');
  });
});

test('a host of the internet is a /64 of IPv6: one machine with many addresses is not many hosts', () => {
  const list = new CandidateList(false);
  const admit = (host: string) => list.admit(line(host), 'global');
  for (let i = 0; i < 2 * hostsMax; i++) expect(admit(`2606:4700:1:1::${i + 1}`)).toHaveProperty('line');
  for (let i = 1; i < hostsMax; i++) expect(admit(`2606:4700:2:${i}::1`)).toHaveProperty('line');
  expect(admit('2606:4700:3:1::1')).toBe('candidateCount');
});

test('100 000 damaged candidates: judged, never thrown at; what passes is written as it would be judged again', () => {
  const random = seededRandom(3);
  const samples = [
    line('9.9.9.9'),
    line('fd00::1'),
    line(name),
    line('9.9.9.9', 5000, 'relay raddr 1.2.3.4 rport 1'),
  ];
  const alphabet = ' 0123456789abcdef:.typhostudp\r\n\u0000é%[]/';
  let passed = 0;
  for (let i = 0; i < 100_000; i++) {
    let text = samples[random.uint32() % samples.length] as string;
    for (let d = random.uint32() % 4; d > 0; d--) {
      const at = random.uint32() % text.length;
      const put = alphabet[random.uint32() % alphabet.length] as string;
      text = text.slice(0, at) + put + text.slice(at + (random.uint32() % 2));
    }
    const rule = { scope: scopes[i % 4] as Scope, lan: i % 5 === 0 };
    const judged = judgeCandidate(text, rule);
    if (typeof judged === 'string') continue;
    passed++;
    expect(judgeCandidate(formatCandidate(judged, '7'), rule)).toEqual(judged);
  }
  expect(passed).toBeGreaterThan(10_000);
  expect(passed).toBeLessThan(90_000);
});
