// Listening: where, for how long, and that closing closes.
import { once } from 'node:events';
import { testCertificate, until } from '@peernet/testkit';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ws } from '../src/index.js';
import { host } from './hosts.js';
import { raw, upgraded, upgradeRequest } from './raw.js';

describe('where', () => {
  test('by default on all addresses of both families', async () => {
    const { listener, port, accepted } = await host();
    expect(listener).toMatchObject({ protocol: 'ws', secure: false, refused: {} });
    for (const address of [
      `ws://127.0.0.1:${port}`,
      ...(listener.host === '::' ? [`ws://[::1]:${port}`] : []),
    ]) {
      (await ws().dial(address, { signal: AbortSignal.timeout(3000) })).destroy();
    }
    const ips = accepted.map(({ from }) => from.ip);
    expect(ips).toEqual(listener.host === '::' ? ['127.0.0.1', '::1'] : ['127.0.0.1']);
  });

  test('on one host only, if one is given', async () => {
    const { listener, port } = await host({ host: '127.0.0.1' });
    expect(listener.host).toBe('127.0.0.1');
    const other = ws().dial(`ws://127.0.0.2:${port}`, { signal: AbortSignal.timeout(3000) });
    await expect(other).rejects.toMatchObject({ code: 'DIAL_REFUSED' });
  });

  test('a taken port is named; an address that is not ours, a certificate that is none', async () => {
    const { port } = await host();
    await expect(host({ port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    });
    await expect(host({ host: '8.8.8.8' })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    const tls = { cert: 'no PEM', key: testCertificate.key };
    await expect(host({ tls })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringMatching(/PEM/),
    });
  });

  test('limits that are none are misuse', async () => {
    await expect(host({ limits: { hostMaximum: 1 } })).rejects.toThrow(TypeError);
    await expect(host({ trustProxy: ['nginx'] })).rejects.toThrow(TypeError);
  });
});

describe('closing takes less than a second, with', () => {
  for (const tls of [undefined, testCertificate]) {
    const scheme = tls === undefined ? 'ws' : 'wss';

    test(`${scheme}: guests of every kind`, async () => {
      const { listener, port, accepted } = await host({ tls });
      const silent = await raw(port);
      const half = await raw(port, tls === undefined ? upgradeRequest().slice(0, 50) : '\x16\x03\x01');
      const peer = new WebSocket(`${scheme}://127.0.0.1:${port}`, { ca: tls?.cert });
      await once(peer, 'open');
      const deaf = new WebSocket(`${scheme}://127.0.0.1:${port}`, { ca: tls?.cert });
      await once(deaf, 'open');
      deaf.pause();
      await until('two peers', () => accepted.length === 2);
      for (const { duplex } of accepted) for (let i = 0; i < 100; i++) duplex.write(Buffer.alloc(65_536));
      const closed = accepted.map(({ duplex }) => new Promise((resolve) => duplex.on('close', resolve)));
      for (const { duplex } of accepted) duplex.resume();
      peer.on('error', () => {});
      const began = performance.now();
      await Promise.all([listener.close(), listener.close()]);
      expect(performance.now() - began).toBeLessThan(950); // the bound itself would be 1 000
      await Promise.all([...closed, silent.gone(), half.gone()]);
      deaf.terminate();
      await expect(
        ws({ ca: tls?.cert }).dial(`${scheme}://127.0.0.1:${port}`, { signal: AbortSignal.timeout(3000) }),
      ).rejects.toMatchObject({ code: 'DIAL_REFUSED' });
    });
  }
});

test('the port is free again after closing', async () => {
  const { listener, port } = await host();
  const client = await upgraded(port);
  await listener.close();
  await client.gone();
  await host({ port });
});
