// Events and the console: what is told, to whom, and that nothing is written where nobody asked.
import type { Listener, Transport } from '@peernet/core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { debugLine } from '../src/debug.js';
import type { Service } from '../src/index.js';
import { listenTarget } from '../src/services.js';
import { leftDuring, make, memory, pair, unhandledDuring, until } from './nodes.js';

const consoles = (['log', 'info', 'warn', 'error', 'debug'] as const).map(
  (name) => [name, console[name]] as const,
);
afterEach(() => {
  vi.restoreAllMocks();
  for (const [name, write] of consoles) console[name] = write;
});

/** Everything that is written to the console while `run` runs. */
async function written(run: () => Promise<unknown>): Promise<Record<string, string[]>> {
  const lines: Record<string, string[]> = {};
  for (const [name] of consoles) {
    console[name] = (...args: unknown[]) => {
      lines[name] = [...(lines[name] ?? []), args.join(' ')];
    };
  }
  try {
    await run();
  } finally {
    for (const [name, write] of consoles) console[name] = write;
  }
  return lines;
}

async function lively(options: { debug?: boolean }): Promise<void> {
  const [a, b] = await pair(options);
  await a.join('x');
  await b.find('x');
  await b.connect('memory:nobody').catch(() => {});
  a.handle('bad', () => {
    throw new Error('mine');
  });
  b.open(a.id, 'bad').end('x');
  await new Promise((done) => setTimeout(done, 20));
  await Promise.all([a.close(), b.close()]);
}

describe('debug', () => {
  test('true: one line per event by console.error, and nothing else', async () => {
    const lines = await written(() => lively({ debug: true }));
    expect(Object.keys(lines)).toEqual(['error']);
    expect(lines.error?.length).toBeGreaterThan(4);
    for (const line of lines.error ?? []) {
      expect(line).toMatch(/^peernet: \S/);
      expect(line).not.toContain('\n');
    }
    const all = lines.error?.join('\n');
    for (const event of [
      'connect id=',
      'disconnect id=',
      'listening address=memory:a',
      'rejected method=connect',
    ])
      expect(all).toContain(event);
  });

  test.each([{}, { debug: false }])('%j: not a word', async (options) => {
    expect(await written(() => lively(options))).toEqual({});
  });

  test('events and opts.log hear the same', async () => {
    const logged: string[] = [];
    const heard: string[] = [];
    const node = make({ log: (event) => logged.push(event), listen: 'memory:a' });
    node.on('debug', (event) => heard.push(event));
    await node.ready();
    await node.connect('memory:nobody').catch(() => {});
    expect(heard).toContain('rejected');
    expect(heard).toEqual(logged);
  });

  test.each([
    ['line breaks', 'a\nb\r\u2028c', 'peernet: e x=a\\u000ab\\u000d\\u2028c'],
    ['escapes', '\u001b[31mred\u009b', 'peernet: e x=\\u001b[31mred\\u009b'],
    ['bidi', 'a\u202eb\u200f', 'peernet: e x=a\\u202eb\\u200f'],
    ['errors', new Error('no'), 'peernet: e x=Error: no'],
    ['bytes', new Uint8Array([1, 255]), 'peernet: e x=01ff'],
    ['bigints', 7n, 'peernet: e x=7'],
    ['nothing', undefined, 'peernet: e'],
    ['objects', { a: [1] }, 'peernet: e x={"a":[1]}'],
    ['long ones', 'x'.repeat(999), `peernet: e x=${'x'.repeat(256)}…`],
  ])('a line is one line: %s', (_, value, line) => {
    expect(debugLine('e', { x: value })).toBe(line);
  });

  test('a circle is no exception', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(debugLine('e', { circle })).toContain('circle=');
  });
});

describe('events', () => {
  test('connect, peer, known, listening, disconnect, close, with their arguments', async () => {
    const [a, b, c] = [make(), make({ listen: 'memory:b' }), make()];
    const heard: string[] = [];
    a.on('listening', (service: Service) => heard.push(`listening ${service.address}`));
    a.on('connect', (peer) => heard.push(`connect ${peer.direction}`));
    a.on('peer', ({ id }) => heard.push(`peer ${id === b.id}`));
    a.on('disconnect', (_, reason) => heard.push(`disconnect ${reason}`));
    a.on('close', () => heard.push('close'));
    const known: string[] = [];
    c.on('known', (address) => known.push(address));
    await a.listen('memory:a');
    await b.connect('memory:a');
    await until(() => heard.length === 3, 'up');
    await c.connect('memory:b');
    await until(() => known.includes('memory:a'), 'b told of a');
    c.disconnect(a.id);
    await c.close();
    await a.close();
    expect(heard.slice(0, 3)).toEqual(['listening memory:a', 'connect in', 'peer true']);
    expect(heard.slice(-2)).toEqual(['disconnect SHUTDOWN', 'close']);
  });

  test('error: for what is local, once, and nobody need listen', async () => {
    const taken = make({ listen: 'memory:a' });
    await taken.ready();
    const seen = await unhandledDuring(async () => {
      const node = make({ listen: ['memory:a', 'memory:b'] });
      const errors: unknown[] = [];
      node.on('error', (error) => errors.push(error));
      await node.ready();
      expect(errors).toMatchObject([{ code: 'PORT_IN_USE' }]);
      expect(node.servers().map(({ address }) => address)).toEqual(['memory:b']);
      await make({ listen: 'memory:a' }).ready();
    });
    expect(seen).toEqual([]);
  });

  test('a log that throws is its application’s uncaught exception, and disturbs nothing', async () => {
    const [a] = await pair();
    const { exceptions, rejections } = await leftDuring(async () => {
      const log = (): void => {
        throw new Error('mine');
      };
      const node = make({ log });
      await node.connect('memory:a');
      await a.join('chat');
      expect((await node.find('chat')).id).toBe(a.id); // searches go over the link
      await node.close();
    });
    expect(rejections).toEqual([]);
    expect(exceptions.length).toBeGreaterThan(0);
    for (const error of exceptions) expect(error).toMatchObject({ message: 'mine' });
  });

  test('a listener that throws is its application’s uncaught exception, and disturbs nothing', async () => {
    const [a, b] = [make({ listen: 'memory:a' }), make()];
    await a.ready();
    const seen = await unhandledDuring(async () => {
      a.on('connect', () => {
        throw new Error('mine');
      });
      await b.connect('memory:a');
      await until(() => a.connections().length === 1, 'connected all the same');
    });
    expect(seen).toMatchObject([{ message: 'mine' }]);
  });
});

describe('services', () => {
  test('listen, servers, own, close', async () => {
    const node = make();
    const service = await node.listen('memory:here');
    expect(service).toMatchObject({ protocol: 'memory', address: 'memory:here' });
    expect(node.servers()).toEqual([service]);
    expect(node.own()).toEqual(['memory:here']);
    expect(node.snapshot().services).toMatchObject([{ address: 'memory:here' }]);
    await Promise.all([service.close(), service.close()]);
    expect([node.servers(), node.own()]).toEqual([[], []]);
    await node.listen('memory:here');
  });

  test('close() is done when one that was just being opened is closed again: its port is free', async () => {
    const opened = memory();
    const order: string[] = [];
    const listen: Transport['listen'] = async (options, onDuplex) => {
      order.push('begun');
      await new Promise((done) => setTimeout(done, 20)); // a host name that is looked up, say
      const listener = (await opened.listen?.(options, onDuplex)) as Listener;
      order.push('bound');
      return { ...listener, close: () => listener.close().then(() => void order.push('free')) };
    };
    const node = make({ transport: { ...opened, listen } });
    await node.ready();
    const listening = node.listen('memory:late');
    await until(() => order.length > 0, 'begun');
    await Promise.all([
      expect(listening).rejects.toMatchObject({ code: 'CLOSED' }),
      node.close().then(() => order.push('closed')),
    ]);
    expect(order.slice(0, 3)).toEqual(['begun', 'bound', 'free']);
    expect(order.at(-1)).toBe('closed');
  });

  test.each([
    ['PORT_IN_USE', 'memory:taken', {}],
    ['NOT_SUPPORTED', 'ftp', {}],
    ['NOT_SUPPORTED', 'ws', {}], // this node has a memory transport only
  ])('%s: %s', async (code, at, options) => {
    await make({ listen: 'memory:taken' }).ready();
    await expect(make().listen(at, options)).rejects.toMatchObject({ code });
  });

  test('IPv6 is taken with and without brackets, in an address and as the host', () => {
    const target = { scheme: 'ws', host: '::1', port: 4000 };
    expect(listenTarget('ws://[::1]:4000', {})).toEqual(target);
    expect(listenTarget('ws', { host: '::1', port: 4000 })).toEqual(target);
    expect(listenTarget('ws', { host: '[::1]', port: 4000 })).toEqual(target);
  });

  test.each([
    ['a port', 'ws', { port: 70_000 }],
    ['a port', 'ws', { port: 1.5 }],
    ['a host', 'ws', { host: 'no host at all' }],
    ['an address', 'ws://nonsense:70000', {}],
    ['an announcement', 'ws', { announce: 'nonsense' }],
    ['text', 7 as never, {}],
  ])('what is no %s is a TypeError', async (_, at, options) => {
    await expect(make().listen(at, options)).rejects.toThrow(TypeError);
  });

  test.each([
    ['wss', undefined],
    ['wss', null],
    ['ws', {}],
    ['wss', { cert: 'PEM' }],
  ])('%s with tls: %j is refused: nobody could connect', async (at, tls) => {
    const node = make({ transport: undefined });
    const listening = node.listen(at, { host: '127.0.0.1', tls: tls as never });
    await expect(listening).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('pass tls:'),
    });
    expect(node.servers()).toEqual([]);
  });

  test('announced addresses are told to peers', async () => {
    const [a, b] = [make({ announce: ['memory:front'] }), make()];
    await a.listen('memory:a');
    await b.connect('memory:a');
    expect(a.own()).toContain('memory:front');
    await a.join('x');
    expect((await b.find('x')).addresses).toContain('memory:front');
  });
});
