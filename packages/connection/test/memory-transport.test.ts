import { getEventListeners } from 'node:events';
import { type DuplexLike, isPeernetError } from '@peernet/core';
import { expect, test } from 'vitest';
import { MemoryNetwork, memoryTransport } from '../src/index.js';
import { turn, until } from './shells.js';

const { signal } = new AbortController();
const codeOf = (promise: Promise<unknown> | undefined): Promise<string> =>
  (promise ?? Promise.resolve()).then(
    () => 'fine',
    (error: unknown) => (isPeernetError(error) ? error.code : (error as Error).constructor.name),
  );

test('who listens can be dialed, from transports that share a network', async () => {
  const network = new MemoryNetwork();
  const [a, b] = [memoryTransport(network), memoryTransport(network)];
  const accepted: DuplexLike[] = [];
  const listener = await a.listen?.({ host: 'alice' }, (duplex) => void accepted.push(duplex));
  expect(listener).toMatchObject({ protocol: 'memory', host: 'alice', port: 0, secure: false });
  const duplex = await b.dial('memory:alice', { signal });
  await until(() => accepted.length === 1);
  const got = new Promise((resolve) => (accepted[0] as DuplexLike).on('data', resolve));
  duplex.write(Uint8Array.of(1, 2));
  expect(await got).toEqual(Uint8Array.of(1, 2));
  expect(await codeOf(memoryTransport(new MemoryNetwork()).dial('memory:alice', { signal }))).toBe(
    'DIAL_REFUSED',
  );
});

test('names: given, fresh, taken, impossible, free again', async () => {
  const transport = memoryTransport(new MemoryNetwork());
  const listen = (host?: string) => transport.listen?.({ host }, () => {});
  const first = await listen();
  expect([first?.host, (await listen())?.host]).toEqual(['1', '2']);
  await listen('3');
  expect((await listen())?.host).toBe('4');
  expect(await codeOf(listen('3'))).toBe('PORT_IN_USE');
  expect(await codeOf(listen('no spaces'))).toBe('TypeError');
  await first?.close();
  expect(await codeOf(transport.dial('memory:1', { signal }))).toBe('DIAL_REFUSED');
  expect(await codeOf(listen('1'))).toBe('fine');
});

test('close ends what was accepted, once, and by signal too', async () => {
  const transport = memoryTransport(new MemoryNetwork());
  const abort = new AbortController();
  const listener = await transport.listen?.({ host: 'x', signal: abort.signal }, () => {});
  const duplex = await transport.dial('memory:x', { signal });
  let closed = false;
  duplex.on('close', () => {
    closed = true;
  });
  await turn();
  abort.abort();
  await until(() => closed);
  await listener?.close();
});

test('a signal that ended before: nobody listens; one that outlives the listener does not keep it', async () => {
  const transport = memoryTransport(new MemoryNetwork());
  expect(await codeOf(transport.listen?.({ host: 'x', signal: AbortSignal.abort() }, () => {}))).toBe(
    'ABORTED',
  );
  expect(await codeOf(transport.dial('memory:x', { signal }))).toBe('DIAL_REFUSED');
  const abort = new AbortController();
  const listener = await transport.listen?.({ host: 'x', signal: abort.signal }, () => {});
  expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
  await listener?.close();
  expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
});

test('other addresses, and callers that gave up', async () => {
  const transport = memoryTransport(new MemoryNetwork());
  expect(await codeOf(transport.dial('tcp://1.2.3.4:5', { signal }))).toBe('SCHEME_UNKNOWN');
  expect(await codeOf(transport.dial('memory:x', { signal: AbortSignal.abort() }))).toBe('ABORTED');
});
