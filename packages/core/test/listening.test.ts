import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Door, type ListenOptions, listenError, listenerCloseMs, openListener } from '../src/index.js';
import { VirtualClock } from './virtual-clock.js';

/** A server whose binds end as the test says. */
class FakeServer extends EventEmitter {
  readonly bound: { host: string; port: number }[] = [];
  readonly failures: Record<string, string>;
  closes = true;

  constructor(failures: Record<string, string> = {}) {
    super();
    this.failures = failures;
  }

  listen(options: { host: string; port: number }): void {
    this.bound.push({ host: options.host, port: options.port });
    const code = this.failures[options.host];
    const error = code && Object.assign(new Error(`listen ${code}`), { code });
    queueMicrotask(() => (error ? this.emit('error', error) : this.emit('listening')));
  }

  close(callback?: () => void): void {
    if (callback !== undefined) this.once('close', callback);
    if (this.closes) queueMicrotask(() => this.emit('close'));
  }

  address() {
    return { address: this.bound.at(-1)?.host ?? '', port: this.bound.at(-1)?.port || 48_000 };
  }
}

function setUp(failures?: Record<string, string>) {
  const clock = new VirtualClock();
  const server = new FakeServer(failures);
  const door = new Door({ clock });
  const open = (options: ListenOptions = {}) =>
    openListener({ protocol: 'tcp', secure: false, server, door, clock, options });
  return { clock, server, door, open };
}

describe('binding', () => {
  test('to both families, where the machine has them', async () => {
    const { server, open } = setUp();
    expect(await open({ port: 5 })).toMatchObject({ host: '::', port: 5, protocol: 'tcp', secure: false });
    expect(server.bound).toEqual([{ host: '::', port: 5 }]);
  });

  test('to IPv4 alone where IPv6 is off; an error of its own is told', async () => {
    for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL']) {
      expect(await setUp({ '::': code }).open()).toMatchObject({ host: '0.0.0.0' });
    }
    const both = setUp({ '::': 'EAFNOSUPPORT', '0.0.0.0': 'EADDRINUSE' });
    await expect(both.open({ port: 5 })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  });

  test('a host that was asked for is not exchanged for another one', async () => {
    const { server, open } = setUp({ '::': 'EADDRNOTAVAIL' });
    await expect(open({ host: '::' })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    expect(server.bound).toHaveLength(1);
  });

  test('errors say what to do, and name the port', () => {
    expect(listenError({ code: 'EADDRINUSE' }, undefined, 4000)).toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringMatching(/port 4000 is in use/),
    });
    const denied = listenError({ code: 'EACCES' }, undefined, 80);
    expect(denied).toMatchObject({ code: 'LISTEN_FAILED', message: expect.stringMatching(/port 80.*1024/) });
    expect(listenError({ code: 'EADDRNOTAVAIL' }, '9.9.9.9', 1).message).toMatch(/9\.9\.9\.9/);
    expect(listenError(new Error('odd'), undefined, 1)).toMatchObject({ code: 'LISTEN_FAILED' });
  });

  test('a port that is none is misuse', async () => {
    for (const port of [-1, 65_536, 1.5, Number.NaN])
      await expect(setUp().open({ port })).rejects.toThrow(TypeError);
  });

  test('a signal that is over', async () => {
    await expect(setUp().open({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('a signal that ends while the port is being bound leaves nothing open', async () => {
    const { clock, server, open } = setUp();
    let closed = 0;
    server.on('close', () => closed++);
    const over = new AbortController();
    const opening = open({ signal: over.signal });
    over.abort();
    await expect(opening).rejects.toMatchObject({ code: 'ABORTED' });
    expect([closed, clock.pending]).toEqual([1, 0]);
  });
});

test('an error while accepting pauses the door and throws nothing', async () => {
  const { server, door, open } = setUp();
  await open();
  server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
  expect(door.refused).toEqual({ acceptErrors: 1 });
});

describe('closing', () => {
  test('takes listenerCloseMs at most', async () => {
    const { clock, server, open } = setUp();
    server.closes = false;
    const listener = await open();
    let closed = false;
    const closing = listener.close().then(() => {
      closed = true;
    });
    clock.advance(listenerCloseMs - 1);
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    clock.advance(1);
    await closing;
  });

  test('leaves no alarm', async () => {
    const { clock, open } = setUp();
    const listener = await open();
    await Promise.all([listener.close(), listener.close()]);
    expect(clock.pending).toBe(0);
  });
});
