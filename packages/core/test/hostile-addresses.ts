// Addresses that strangers would like us to dial, with what must become of them: `none` (no address at all), or the
// scope that keeps them out of what is taken from peers in wider networks (`forbidden`: out of everything).
// From research on server-side request forgery: lenient number forms, embedded IPv4, zones, URL tricks, metadata
// services of clouds. Every text is one address; hosts are tried in all three schemes.
import type { Scope } from '../src/index.js';

export type Fate = 'none' | 'forbidden' | Scope;

/** Hosts, by what becomes of them. */
// biome-ignore format: a table
export const hostileHosts: Readonly<Record<Fate, readonly string[]>> = {
  none: [
    // Numbers that lenient parsers read as 127.0.0.1, 0.0.0.0 or something else
    '0x7f.1', '0x7f.0.0.1', '0x7f000001', '0X7F000001', '0x7f.0x0.0x0.0x1', '2130706433', '017700000001',
    '0177.0.0.1', '0177.0.0.01', '0177.1', '127.1', '127.0.1', '127.0.0.01', '127.0.0.001', '127.00.0.1',
    '127.0.0.1.', '127.0.0', '127..0.1', '.127.0.0.1', '127.0.0.', '127.0.0.1.1', '127.0.0.256',
    '127.0.0.0x1',
    '127.0.0.1e0', '127.0.0.+1', '127.0.0.-1', '1e9', '0', '00', '0.0', '0.0.0', '00.0.0.0', '0x0', '0b1',
    '1',
    '4294967295', '4294967296', '999999999999', '-1', '+1', '256.256.256.256', '1.2.3.4.5', '1.2.3',
    '01.2.3.4',
    '0xa9fea9fe', '2852039166', '0251.0376.0251.0376', '169.254.43518', '0xA9.0xFE.0xA9.0xFE',
    '169.16689662',
    // Other digits and dots
    '１２７.０.０.１', '127。0。0。1', '①②⑦.⓪.⓪.①', '١٢٧.٠.٠.١', '127．0．0．1', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', 'lоcalhost',
    // Escapes, separators, quotes
    '127.0.0.1%00', '127%2e0%2e0%2e1', '%31%32%37.0.0.1', 'localhost%00.example.org', '127.0.0.1\0',
    'a b.org',
    'localhost\t', ' localhost', 'exa\nmple.org', 'example.org\r\nHost:', 'a,b.org', 'a;b.org', 'a\\b.org',
    'a|b',
    "a'b.org", 'a"b.org', '<b>.org', '#{x}.org', '`id`.org', '*.example.org', '$(id)', 'a!b.org', 'a=b.org',
    'a~b',
    // User information, paths, queries
    'user@127.0.0.1', 'user:pw@127.0.0.1', '127.0.0.1@example.org', 'example.org\\@127.0.0.1', '@127.0.0.1',
    'a@b@c',
    '127.0.0.1/x', 'example.org/..', 'example.org?x', '127.0.0.1:80@example.org', 'example.org#@127.0.0.1',
    // Names that are none
    '', '.', '..', '-a.org', 'a-.org', 'a..org', '.a.org', 'a.org.', 'localhost.', `${'a'.repeat(64)}.org`,
    'ä.org',
    `${'a.'.repeat(126)}org`, 'a.1', 'a.0x1', 'a.1a', 'foo.127', '1.2.3.4.nip.0', 'a.org..', 'a._', '-',
    '_', 'a.-b',
    // IPv6 that is none
    '::1', '::', 'fe80::1', '2606:4700::1', '[]', '[', ']', '[::1', '::1]', '[[::1]]', '[:::1]',
    '[1::2::3]', '[1:2:3:4::5:6:7:8]',
    '[12345::]', '[::g]', '[1:2:3:4:5:6:7]', '[1:2:3:4:5:6:7:8:9]', '[:1::2]', '[1::2:]',
    '[1:2:3:4:5:6:7::8:9]',
    '[1.2.3.4]', '[localhost]', '[::1.2.3]', '[::1.2.3.4.5]', '[::256.0.0.1]', '[::01.2.3.4]',
    '[1.2.3.4::]',
    '[::ffff:127.1]', '[::ffff:0x7f.1]', '[::ffff:0177.0.0.1]', '[::ffff:2130706433]',
    '[::ffff:127.0.0.1.]',
    '[::1%lo]', '[fe80::1%eth0]', '[fe80::1%25eth0]', '[::1%25]', '[v1.x]', '[::1]x', 'x[::1]',
    '[::1][::1]',
    '[ ::1]', '[::1 ]', '[::-1]', '[::+1]', '[::0x1]', '[0:0:0:0:0:0:0:00001]', '[::ffff:1.2.3.4:5]',
    '[/::1]',
  ],
  forbidden: [
    // "This network", multicast, reserved, broadcast, protocol assignments, anycast of dead tunnels
    '0.0.0.0', '0.0.0.1', '0.255.255.255', '224.0.0.1', '224.0.0.251', '239.255.255.250', '240.0.0.1',
    '255.255.255.255', '192.0.0.0', '192.0.0.1', '192.0.0.192', '192.0.0.255', '192.88.99.1',
    // Metadata and credentials of clouds
    '169.254.169.254', '169.254.169.253', '169.254.169.123', '169.254.170.2', '169.254.170.23',
    '169.254.0.23',
    '100.100.100.200', '168.63.129.16', '[fd00:ec2::254]', '[fd00:ec2::23]', '[fd00:ec2::253]',
    '[fd20:ce::254]',
    '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[0:0:0:0:0:ffff:a9fe:a9fe]',
    '[::FFFF:100.100.100.200]',
    // IPv6: unspecified, compatible, translated, tunnelled, site-local, multicast, discard, not assigned
    '[::]', '[0:0:0:0:0:0:0:0]', '[::0.0.0.0]', '[::127.0.0.1]', '[::7f00:1]', '[::2]', '[::10.0.0.1]',
    '[::ffff:0.0.0.0]',
    '[::ffff:0:127.0.0.1]', '[::ffff:0:7f00:1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::7f00:1]',
    '[64:ff9b::8.8.8.8]',
    '[64:ff9b:1::127.0.0.1]', '[2002:7f00:1::]', '[2002:a9fe:a9fe::1]', '[2002:808:808::1]', '[2001::1]',
    '[2001:0:5ef5:79fd::1]', '[2001:2::1]', '[2001:10::1]', '[2001:20::1]', '[2001:1ff::1]', '[fec0::1]',
    '[feff::1]',
    '[ff00::]', '[ff02::1]', '[ff05::c]', '[ffff::]', '[100::1]', '[1::]', '[4000::1]', '[5f00::1]',
    '[8000::1]',
    '[a000::1]', '[c000::1]', '[e000::1]', '[f000::1]', '[fe00::1]', '[200::1]', '[::1:0:0:0]',
    '[::ffff:224.0.0.1]',
  ],
  loopback: [
    '127.0.0.1', '127.0.0.0', '127.1.2.3', '127.255.255.255', '[::1]', '[0:0:0:0:0:0:0:1]', '[0000::0001]',
    '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::FFFF:127.0.0.1]', '[0:0:0:0:0:ffff:7f00:0001]',
    '[::0.0.0.1]',
    'localhost', 'LOCALHOST', 'LocalHost', 'foo.localhost', 'a.b.localhost',
  ],
  'link-local': [
    '169.254.0.1', '169.254.1.2', '169.254.255.255', '[fe80::1]', '[FE80::]', '[febf::1]',
    '[::ffff:169.254.1.1]',
    'printer.local', 'A.Local', 'abcdef01-2345-6789-abcd-ef0123456789.local',
  ],
  private: [
    '10.0.0.0', '10.0.0.1', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.1',
    '192.168.255.255',
    '100.64.0.0', '100.127.255.255', '198.18.0.1', '198.19.255.255', '192.0.2.1', '198.51.100.1',
    '203.0.113.255',
    '[fc00::1]', '[fd00::1]', '[fdff:ffff::]', '[fd12:3456:789a::1]', '[2001:db8::1]', '[2001:db8:ffff::1]',
    '[3fff::1]',
    '[::ffff:10.0.0.1]', '[::ffff:a00:1]', '[::ffff:192.168.1.1]', '[3fff:fff::1]',
    'router', 'metadata', 'metadata.google.internal', 'db.internal', 'nas.lan', 'x.home', 'x.corp',
    'x.intranet',
    '1.0.0.127.in-addr.arpa', 'kubernetes', 'x7f',
  ],
  global: [],
};

/** Whole texts that are no address. */
// biome-ignore format: a table
export const hostileTexts: readonly string[] = [
  ...[
    '', ' ', ':', '://', '//', '//1.2.3.4:80', '1.2.3.4:80', '[::1]:80', 'ws', 'ws:', 'ws:/', 'ws://',
    'ws:///',
  ],
  ...[
    'ws:1.2.3.4:80', 'ws:/1.2.3.4:80', 'ws:///1.2.3.4:80', 'ws:\\\\1.2.3.4:80', 'ws//1.2.3.4:80',
    'w s://1.2.3.4:80',
  ],
  ...[
    'http://1.2.3.4:80', 'https://1.2.3.4', 'file:///etc/passwd', 'gopher://1.2.3.4:70', 'unix:/run/x.sock',
  ],
  ...[
    'ws+unix:///tmp/s', 'wss+unix://x', 'ftp://1.2.3.4', 'dict://1.2.3.4:11', 'ldap://1.2.3.4', 'data:,x',
    'about:blank',
  ],
  ...[
    'javascript:alert(1)', 'blob:x', 'jar:ws://1.2.3.4:80!/', 'view-source:ws://1.2.3.4:80', 'pipe:x',
    'udp://1.2.3.4:1',
  ],
  ...[
    'tcp://1.2.3.4', 'tcp://', 'tcp://:80', 'ws://:80', 'wss://:443', 'tcp://[::1]', 'tcp:1.2.3.4:80',
    'TCP//1.2.3.4:80',
  ],
  // Ports
  ...[
    ':0', ':00', ':65536', ':99999', ':100000', ':080', ':0080', ':-1', ':+80', ':0x50', ':8e1', ': 80',
    ':80 ',
  ],
  ...[
    'tcp://1.2.3.4:', '::80', ':80:80', ':1.5', ':1_0', ':８０', ':80a', ':a', ':%38%30', ':80\\', ':80,81',
    ':*',
  ],
].map((text) => (text.startsWith(':') && /^:[^/]/.test(text) ? `tcp://1.2.3.4${text}` : text));

const id = '0123456789abcdef'.repeat(4);

/** More whole texts: after the port, around everything, ids, relays. */
// biome-ignore format: a table
export const hostileTails: readonly string[] = [
  ...[
    '/x', '//', '/..', '/?', '?', '?x=1', '/#', '#', '#abc', `#${id}0`, `#${'g'.repeat(64)}`, `##${id}`,
    `#${id}#${id}`,
  ],
  ...[
    `/x#${id}`, `#${id}/`, `#${id}?`, `?#${id}`, ' ', '\n', '\r\nX: y', '\t', '\0', '\u2028', '/\u0000', '\\',
    ';', '&',
  ],
]
  .map((tail) => `ws://1.2.3.4:80${tail}`)
  .concat(
    [
      ' ws://1.2.3.4:80', '\tws://1.2.3.4:80', '\nws://1.2.3.4:80', '\ufeffws://1.2.3.4:80',
      '\0ws://1.2.3.4:80',
    ],
    [
      'wrtc:', 'wrtc:abc', `wrtc://${id}`, `wrtc:${id}0`, `wrtc:${id.slice(1)}`, `wrtc:${id}#${id}`,
      `wrtc:${id}?`,
    ],
    [
      `wrtc:${id}?via=`, `wrtc:${id}?x=1`, `wrtc:${id}?via=ws://0x7f.1`, `wrtc:${id}?via=wrtc:${id}`,
      `wrtc:${id}&via=x`,
    ],
    [
      `wrtc:${id}?via=ws://1.2.3.4:80&`, `wrtc:${id}?via=ws://1.2.3.4:80?via=ws://1.2.3.5:80`, `wrtc:${id}/`,
      'wrtc:?via=x',
    ],
    [
      `wrtc:${id}?${[1, 2, 3, 4].map((i) => `via=ws://1.2.3.${i}:80`).join('&')}`,
      `wrtc:${'G'.repeat(64)}`, `wrtc:${id}?VIA=ws://1.2.3.4:80`,
    ],
    [
      'memory:', 'memory:a b', 'memory:a/b', 'memory:../x', `memory:${'a'.repeat(65)}`, 'memory://a',
      'memory:a?x', 'memory:ä',
    ],
    [`ws://${'a'.repeat(250)}:80`, `wss://1.2.3.4:443/${'x'.repeat(300)}`, `tcp://${'1.'.repeat(200)}:1`],
  );

/** What must pass, in normal form: the controls. */
// biome-ignore format: a table
export const honestAddresses: Readonly<Record<string, string>> = {
  'ws://1.2.3.4:80': 'ws://1.2.3.4:80',
  'ws://1.2.3.4': 'ws://1.2.3.4:80',
  'wss://1.2.3.4/': 'wss://1.2.3.4:443',
  'WSS://Example.ORG': 'wss://example.org:443',
  'tcp://8.8.8.8:65535': 'tcp://8.8.8.8:65535',
  'tcp://8.8.8.8:1': 'tcp://8.8.8.8:1',
  'ws://[2606:4700:0:0:0:0:0:1]:80': 'ws://[2606:4700::1]:80',
  'ws://[2606:4700::0001]/': 'ws://[2606:4700::1]:80',
  'ws://[::ffff:8.8.8.8]:80': 'ws://8.8.8.8:80',
  'ws://[2A00:1450::A]:8080': 'ws://[2a00:1450::a]:8080',
  'wss://127.0.0.1.example.org': 'wss://127.0.0.1.example.org:443',
  'wss://127.evil.com': 'wss://127.evil.com:443',
  'wss://localhost.example.org:444': 'wss://localhost.example.org:444',
  'wss://xn--4ca.org': 'wss://xn--4ca.org:443',
  'wss://_x.example.org': 'wss://_x.example.org:443',
  ...Object.fromEntries(
    // Neighbours of the special ranges
    ['1.0.0.0', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0']
      .concat([
        '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.0.1.0', '192.0.3.0',
        '192.88.98.255',
      ])
      .concat([
        '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '198.51.99.255', '198.51.101.0',
      ])
      .concat([
        '203.0.112.255', '203.0.114.0', '223.255.255.255', '168.63.129.15', '[2001:200::1]', '[2001:db7::1]',
      ])
      .concat(['[2001:db9::1]', '[2003::1]', '[3fff:1000::1]', '[2000::1]', '[3ffe::1]'])
      .map((host) => [`tcp://${host}:9`, `tcp://${host}:9`]),
  ),
};
