// Requests that are no upgrades, upgrades that are not for us, and who is believed to have sent them.
import { request } from 'node:http';
import { until } from '@peernet/testkit';
import { describe, expect, test } from 'vitest';
import { headerBytesMax, headersMax } from '../src/defaults.js';
import { host } from './hosts.js';
import { raw, upgraded, upgradeRequest } from './raw.js';

/** The first line of the answer to `text`, once the connection is closed again. */
async function answerTo(port: number, text: string): Promise<string> {
  const client = await raw(port, text);
  await client.gone();
  return client.received().split('\r\n')[0] ?? '';
}

describe('plain HTTP', () => {
  test('gets a short 426, and the connection is closed', async () => {
    const { port, listener } = await host();
    const body = await new Promise<string>((resolve, reject) => {
      const asking = request({ port, host: '127.0.0.1', path: '/', agent: false }, (response) => {
        expect(response.statusCode).toBe(426);
        expect(response.headers).toMatchObject({ upgrade: 'websocket', connection: 'close' });
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve(text));
      });
      asking.on('error', reject);
      asking.end();
    });
    expect(body).toMatch(/WebSocket/);
    expect(listener.refused).toEqual({ notWebSocket: 1 });
  });

  const requests: [what: string, text: string, answer: RegExp][] = [
    ['HEAD', 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n', /426/],
    ['POST with a body', `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`, /426/],
    ['POST that never sends its body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n', /426/],
    [
      'Expect: 100-continue',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
      /426/,
    ],
    ['two requests at once', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2), /426/],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', /426/],
    ['CONNECT', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n', /^$/],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.6\r\n', /^$/],
    ['another kind of upgrade', upgradeRequest({ Upgrade: 'h2c' }), /400/],
    ['an upgrade without a key', upgradeRequest({ 'Sec-WebSocket-Key': '' }), /400/],
    ['an upgrade of an old version', upgradeRequest({ 'Sec-WebSocket-Version': '7' }), /400/],
    ['an upgrade by POST', upgradeRequest().replace('GET', 'POST'), /405|400/],
    ['headers that are too long', upgradeRequest({ 'X-Long': 'x'.repeat(headerBytesMax) }), /^$/],
    ['a URL that is too long', upgradeRequest().replace('GET /', `GET /${'x'.repeat(headerBytesMax)}`), /^$/],
  ];
  for (const [what, text, answer] of requests) {
    test(`${what}: refused and closed`, async () => {
      const { port, accepted } = await host();
      expect(await answerTo(port, text)).toMatch(answer);
      expect(accepted).toHaveLength(0);
    });
  }

  test('control: headers that are just short enough are taken', async () => {
    const { port } = await host();
    const client = await upgraded(port, {
      'X-Long': 'x'.repeat(headerBytesMax - upgradeRequest().length - 20),
    });
    expect(client.received()).toMatch(/^HTTP\/1\.1 101/);
    client.socket.destroy();
  });
});

test(`${headersMax} headers count, those after them do not`, async () => {
  const { port } = await host();
  const own = upgradeRequest().split('\r\n').length - 3;
  for (const [count, status] of [
    [headersMax, '101'],
    [headersMax + 1, '400'],
  ] as const) {
    const more = Object.fromEntries(Array.from({ length: count - own }, (_, i) => [`x-${i}`, 'y']));
    // The key comes last.
    const client = await raw(
      port,
      upgradeRequest({ ...more }).replace(/(Sec-WebSocket-Key.*\r\n)([\s\S]*)(\r\n)$/, '$2$1$3'),
    );
    // Newer versions of Node close without a word where Node 20 does not read on and misses the key.
    await until('an answer', () => client.received().length > 12 || client.socket.destroyed);
    if (status === '101' || client.received() !== '') expect(client.received().slice(9, 12)).toBe(status);
    client.socket.destroy();
  }
});

describe('origins', () => {
  const origins = ['https://app.example', 'http://localhost:5173/'];
  const table: [origin: string | undefined, allowed: boolean][] = [
    [undefined, true], // no browser
    ['https://app.example', true],
    ['HTTPS://APP.EXAMPLE', true],
    ['http://localhost:5173', true],
    ['http://app.example', false],
    ['https://app.example:8443', false],
    ['https://app.example.evil', false],
    ['https://evil.app.example', false],
    ['https://evil', false],
    ['null', false],
    ['', false],
    ['http://localhost', false],
  ];
  const headers = (origin: string | undefined): Record<string, string> =>
    origin === undefined ? {} : { Origin: origin };
  for (const [origin, allowed] of table) {
    test(`${origin ?? 'none'}: ${allowed ? 'may' : 'may not'} connect`, async () => {
      const { port, accepted, listener } = await host({ origins });
      const client = await upgraded(port, headers(origin));
      expect(client.received()).toMatch(allowed ? /^HTTP\/1\.1 101/ : /^HTTP\/1\.1 403/);
      expect(accepted).toHaveLength(allowed ? 1 : 0);
      expect(listener.refused).toEqual(allowed ? {} : { origin: 1 });
      client.socket.destroy();
    });
  }

  test('control: without the option every page may', async () => {
    const { port } = await host();
    const client = await upgraded(port, { Origin: 'https://evil' });
    expect(client.received()).toMatch(/^HTTP\/1\.1 101/);
    client.socket.destroy();
  });
});

describe('X-Forwarded-For', () => {
  // The whole table is in core, with the door; here it has to arrive there.
  async function from(trustProxy: string[] | undefined, header: string | undefined) {
    const { port, accepted } = await host({ trustProxy });
    const headers: Record<string, string> = header === undefined ? {} : { 'X-Forwarded-For': header };
    const client = await upgraded(port, headers);
    const { from } = await until('accepted', () => accepted[0]);
    client.socket.destroy();
    return from;
  }

  test('of a trusted proxy is believed from the right', async () => {
    const seen = await from(['127.0.0.1'], '10.0.0.1, 9.9.9.9');
    expect(seen).toMatchObject({ ip: '9.9.9.9', port: undefined, proxied: true });
  });

  test('sent twice is one list', async () => {
    const { port, accepted } = await host({ trustProxy: ['127.0.0.1'] });
    const twice = upgradeRequest({ 'X-Forwarded-For': '1.1.1.1', 'x-forwarded-for': '9.9.9.9' });
    const client = await raw(port, twice);
    const { from } = await until('accepted', () => accepted[0]);
    expect(from.ip).toBe('9.9.9.9');
    client.socket.destroy();
  });

  test('of anybody else is not', async () => {
    expect(await from(undefined, '9.9.9.9')).toMatchObject({ ip: '127.0.0.1', proxied: false });
    expect(await from(['10.0.0.0/8'], '9.9.9.9')).toMatchObject({ ip: '127.0.0.1', proxied: false });
    expect(await from(['127.0.0.1'], undefined)).toMatchObject({ ip: '127.0.0.1', proxied: false });
  });
});
