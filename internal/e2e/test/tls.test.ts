// wss: a node with a certificate, and one that trusts it through its transport.
import { leakCheck, testCertificate } from '@peernet/testkit';
import { ws } from '@peernet/transport-ws';
import { Peernet } from 'peernet';
import { afterEach, expect, test } from 'vitest';

const settled = leakCheck();
const open: Peernet[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  await settled();
});

function make(options = {}): Peernet {
  const node = new Peernet(undefined, options);
  open.push(node);
  return node;
}

test("listen('ws', { tls }) serves wss; who trusts the certificate connects, and nobody else", async () => {
  const a = make();
  const service = await a.listen('ws', { host: '127.0.0.1', tls: testCertificate });
  expect(service).toMatchObject({ protocol: 'wss', address: `wss://127.0.0.1:${service.port}` });
  const trusting = make({ transport: ws({ ca: testCertificate.cert }) });
  const peer = await trusting.connect(service.address);
  expect(peer).toMatchObject({ id: a.id, transport: 'wss', address: service.address });
  await a.join('x');
  expect(await trusting.find('x')).toMatchObject({ address: service.address });
  await expect(make().connect(service.address)).rejects.toMatchObject({
    code: 'DIAL_FAILED',
    message: expect.stringMatching(/self.signed/),
  });
  await expect(trusting.connect(`ws://127.0.0.1:${service.port}`)).rejects.toThrow();
});

test('wss:// as the place to listen at; without or with a wrong certificate: LISTEN_FAILED', async () => {
  const a = make();
  const service = await a.listen('wss://127.0.0.1:0', { tls: testCertificate });
  expect(service.protocol).toBe('wss');
  await expect(a.listen('wss')).rejects.toMatchObject({ code: 'LISTEN_FAILED', message: /tls/ });
  const wrong = { cert: 'no certificate', key: testCertificate.key };
  await expect(a.listen('ws', { tls: wrong })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  expect(a.servers()).toHaveLength(1);
});

test('origins: pages of other sites are refused, programs are not', async () => {
  const { default: WebSocket } = await import('ws');
  const a = make({ origins: ['https://example.com'] });
  const { address } = await a.listen('ws', { host: '127.0.0.1' });
  const outcome = (origin?: string): Promise<string> =>
    new Promise((done) => {
      const socket = new WebSocket(address, origin === undefined ? {} : { origin });
      socket.on('open', () => socket.close());
      socket.on('close', () => done('open'));
      socket.on('unexpected-response', (request, response) => {
        request.destroy();
        done(String(response.statusCode));
      });
      socket.on('error', () => {});
    });
  expect(await outcome('https://evil.example')).toBe('403');
  expect(await outcome('https://example.com')).toBe('open');
  expect(await outcome()).toBe('open');
});
