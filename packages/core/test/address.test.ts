// Addresses: nothing hostile passes as something to dial, one spelling for each, and the keys that limits count by.
import { describe, expect, test } from 'vitest';
import {
  addressBytesMax,
  below,
  formatAddress,
  limitKeys,
  type PeerId,
  parseAddress,
  parseForeignAddress,
  pickOne,
  seededRandom,
} from '../src/index.js';
import { type Fate, honestAddresses, hostileHosts, hostileTails, hostileTexts } from './hostile-addresses.js';

const id = 'a1'.repeat(32) as PeerId;
const fates = Object.entries(hostileHosts) as [Fate, readonly string[]][];
const forms = fates.flatMap(([fate, hosts]) => hosts.map((host) => [host, fate] as const));

test('the table is as long as promised, without duplicates', () => {
  const all = [...forms.map(([host]) => `tcp://${host}:9`), ...hostileTexts, ...hostileTails];
  expect(all.length).toBeGreaterThanOrEqual(300);
  expect(all.filter((text, i) => all.indexOf(text) !== i)).toEqual([]);
});

describe('hostile hosts', () => {
  test.each(forms)('%j → %s', (host, fate) => {
    for (const text of [`ws://${host}`, `wss://${host}:9`, `tcp://${host}:9`]) {
      const address = parseAddress(text);
      expect(address?.scope ?? 'none', text).toBe(fate);
      // The network may tell us global addresses only: no line of this table is one.
      expect(address?.scope).not.toBe('global');
    }
  });
});

test.each([...hostileTexts, ...hostileTails])('no address: %j', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each(Object.entries(honestAddresses))('control: %s is %s, and global', (text, normal) => {
  expect(parseAddress(text)?.text).toBe(normal);
  expect(parseAddress(text)?.scope).toBe('global');
  expect(parseAddress(normal)?.text).toBe(normal);
});

test('names that look like IPs of this machine have no IP, so only those of wss are taken from strangers', () => {
  for (const text of [
    'wss://127.0.0.1.nip.io',
    'ws://localtest.me',
    'tcp://169.254.169.254.example.org:80',
  ]) {
    expect(parseAddress(text)?.ip, text).toBeUndefined();
    expect(parseAddress(text)?.host, text).not.toBe('');
  }
});

test('pins: an id in any case, told back in lower case, and kept out of the text', () => {
  const address = parseAddress(`ws://1.2.3.4:80/#${id.toUpperCase()}`);
  expect([address?.text, address?.id]).toEqual(['ws://1.2.3.4:80', id]);
  expect(address && formatAddress(address)).toBe(`ws://1.2.3.4:80#${id}`);
});

test('wrtc: target, relays in normal form, at most three, and as narrow as the narrowest of them', () => {
  const one = parseAddress(`wrtc:${id}?via=WS://1.2.3.4/&via=wss://example.org#${id}`);
  expect(one?.text).toBe(`wrtc:${id}?via=ws://1.2.3.4:80&via=wss://example.org:443#${id}`);
  expect([one?.id, one?.via.length, one?.scope]).toEqual([id, 2, 'global']);
  expect(parseAddress(`wrtc:${id}`)?.scope).toBe('global');
  expect(parseAddress(`wrtc:${id}?via=ws://1.2.3.4&via=ws://10.0.0.1`)?.scope).toBe('private');
  expect(parseAddress(`wrtc:${id}?via=ws://127.0.0.1&via=ws://10.0.0.1`)?.scope).toBe('loopback');
  expect(parseAddress(`wrtc:${id}?via=ws://1.2.3.4&via=ws://169.254.169.254`)?.scope).toBe('forbidden');
  const three = ['1.2.3.4', '1.2.3.5', '1.2.3.6'].map((ip) => `via=ws://${ip}:1`).join('&');
  expect(parseAddress(`wrtc:${id}?${three}`)?.via.length).toBe(3);
});

test('256 bytes pass, 257 do not, and no normal form is longer than that', () => {
  const name = (length: number): string =>
    `${'a'.repeat(60)}.`
      .repeat(5)
      .slice(0, length - 1)
      .concat('b');
  expect(parseAddress(`ws://${name(247)}:80#`)).toBeUndefined();
  const fits = `wss://${name(246)}:443`;
  expect(fits.length).toBe(256);
  expect(parseAddress(fits)?.text).toBe(fits);
  expect(parseAddress(`wss://${name(247)}:443`)).toBeUndefined();
  // Short enough as typed, too long with its port.
  expect(parseAddress(`wss://${name(247)}`)).toBeUndefined();
  expect(addressBytesMax).toBe(256);
});

test('10^5 mutations: what parses has one normal form, which parses to itself', () => {
  const random = seededRandom(1);
  const seeds = [
    ...Object.keys(honestAddresses),
    `wrtc:${id}?via=ws://1.2.3.4:80&via=ws://[2606::1]`,
    'memory:a.b-c',
  ];
  seeds.push(...forms.filter(([, fate]) => fate !== 'none').map(([host]) => `ws://${host}:80#${id}`));
  const alphabet = '0123456789abcdefABCDEFxX:./[]#?&=-_%@ws \\';
  let parsed = 0;
  for (let i = 0; i < 100_000; i++) {
    let text = pickOne(random, seeds) as string;
    for (let k = below(random, 4); k > 0; k--) {
      const at = below(random, text.length + 1);
      const insert = alphabet[below(random, alphabet.length)] as string;
      const cut = below(random, 3);
      text = text.slice(0, at) + (cut === 2 ? '' : insert) + text.slice(at + (cut > 0 ? 1 : 0));
    }
    const address = parseAddress(text);
    if (address === undefined) continue;
    parsed++;
    const again = parseAddress(address.text);
    const whole = parseAddress(formatAddress(address));
    if (again?.text !== address.text || again.scope !== address.scope)
      throw new Error(`not idempotent: ${text}`);
    if (JSON.stringify(whole) !== JSON.stringify(address)) throw new Error(`does not come back: ${text}`);
    if (!/^[!-~]{3,256}$/.test(address.text)) throw new Error(`not to be told: ${text}`);
  }
  expect(parsed).toBeGreaterThan(20_000);
});

test('10^5 random texts never throw', () => {
  const random = seededRandom(2);
  for (let i = 0; i < 100_000; i++) {
    const length = below(random, 40);
    let text = i % 2 ? 'ws://' : '';
    for (let k = 0; k < length; k++) text += String.fromCharCode(below(random, i % 3 ? 128 : 65_536));
    parseAddress(text);
    parseForeignAddress(text);
  }
});

test('foreign schemes are for the local user, and never a way around the strict ones', () => {
  expect(parseForeignAddress('i2p:abc')?.text).toBe('i2p:abc');
  expect(parseForeignAddress('i2p:abc')?.scope).toBe('loopback');
  expect(parseForeignAddress('ws://1.2.3.4')?.text).toBe('ws://1.2.3.4:80');
  for (const text of [
    'ws:abc',
    'wss://0x7f.1',
    'tcp:x',
    'wrtc:x',
    'memory:a b',
    'x',
    ':x',
    'X:y',
    'a b:c',
    'a:b c',
    'a:',
    `a:${'b'.repeat(255)}`,
  ]) {
    expect(parseForeignAddress(text), text).toBeUndefined();
  }
});

describe('limit keys', () => {
  const keys = (text: string) => {
    const address = parseAddress(text);
    return address && limitKeys(address);
  };
  test('global IPv4: itself, /24, /16', () => {
    const [a, b, c, d] = ['1.2.3.4:1', '1.2.3.5:2', '1.2.9.9:1', '1.9.3.4:1'].map((rest) =>
      keys(`tcp://${rest}`),
    );
    expect([a?.host === keys('ws://1.2.3.4:9')?.host, a?.host === b?.host]).toEqual([true, false]);
    expect([a?.net === b?.net, a?.net === c?.net]).toEqual([true, false]);
    expect([a?.group === c?.group, a?.group === d?.group]).toEqual([true, false]);
  });
  test('global IPv6: /64, /48, /32', () => {
    const [a, b, c, d, e] = ['2606:1:2:3::4', '2606:1:2:3:9::', '2606:1:2:9::', '2606:1:9::', '2606:9::'].map(
      (ip) => keys(`ws://[${ip}]:1`),
    );
    expect([a?.host === b?.host, a?.host === c?.host]).toEqual([true, false]);
    expect([a?.net === c?.net, a?.net === d?.net]).toEqual([true, false]);
    expect([a?.group === d?.group, a?.group === e?.group]).toEqual([true, false]);
  });
  test('an IPv4 in IPv6 clothes counts as what it is', () => {
    expect(keys('ws://[::ffff:1.2.3.4]:1')).toEqual(keys('ws://1.2.3.4:1'));
  });
  test('names: by their last two labels', () => {
    expect(keys('wss://a.example.org')?.group).toBe(keys('wss://b.example.org')?.group);
    expect(keys('wss://a.example.org')?.group).not.toBe(keys('wss://a.example.net')?.group);
  });
  test('in narrower scopes everybody counts alone', () => {
    expect(keys('ws://10.0.0.1:1')).not.toEqual(keys('ws://10.0.0.1:2'));
    expect(keys('ws://127.0.0.1:1')?.group).toBe('127.0.0.1:1');
    expect(keys('memory:a')?.host).toBe('memory:a');
    expect(keys(`wrtc:${id}`)?.group).toBe(`wrtc:${id}`);
  });
});
