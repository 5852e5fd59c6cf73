import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { acceptPauseMs, connectionLimits, Door, type DoorOptions } from '../src/index.js';
import { VirtualClock } from './virtual-clock.js';

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string | undefined;
  readonly remotePort = 4000;
  bytesRead = 0;
  destroyed = false;

  constructor(ip: string | undefined) {
    super();
    this.remoteAddress = ip;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

function setUp(options: Partial<DoorOptions> = {}) {
  const clock = new VirtualClock();
  const door = new Door({ clock, ...options });
  const knock = (ip: string | undefined = '8.8.8.8') => {
    const socket = new FakeSocket(ip);
    return { socket, guest: door.admit(socket) };
  };
  return { clock, door, knock };
}

describe('who dawdles is thrown out', () => {
  const { firstByteMs, upgradeMs } = connectionLimits;

  test('a silent socket after firstByteMs; control: one that spoke stays', () => {
    const { clock, door, knock } = setUp();
    const silent = knock().socket;
    const speaker = knock().socket;
    speaker.bytesRead = 1;
    clock.advance(firstByteMs - 1);
    expect(silent.destroyed).toBe(false);
    clock.advance(1);
    expect([silent.destroyed, speaker.destroyed]).toEqual([true, false]);
    clock.advance(1e6);
    expect(speaker.destroyed).toBe(false);
    expect(door.refused).toEqual({ silent: 1 });
    expect(door.size).toBe(1);
  });

  test('with upgrades, who has not entered upgradeMs after accept; control: who has stays', () => {
    const { clock, door, knock } = setUp({ upgrades: true });
    const [slow, early, late] = [knock().socket, knock().socket, knock().socket];
    for (const socket of [slow, early, late]) socket.bytesRead = 1;
    door.enter(early);
    clock.advance(upgradeMs - 1);
    door.enter(late);
    expect(slow.destroyed).toBe(false);
    clock.advance(1);
    expect(slow.destroyed).toBe(true);
    clock.advance(1e6);
    expect([early.destroyed, late.destroyed]).toEqual([false, false]);
    expect(door.refused).toEqual({ slow: 1 });
  });

  test('no alarm outlives its socket', () => {
    const { clock, knock } = setUp({ upgrades: true });
    const { socket } = knock();
    expect(clock.pending).toBe(1);
    socket.destroy();
    expect(clock.pending).toBe(0);
  });

  test('upgradeMs holds whatever a first byte may take', () => {
    const { clock, door, knock } = setUp({ upgrades: true, limits: { firstByteMs: Infinity } });
    const [slow, silent, early] = [knock().socket, knock().socket, knock().socket];
    slow.bytesRead = 1;
    door.enter(early);
    clock.advance(upgradeMs - 1);
    expect([slow.destroyed, silent.destroyed]).toEqual([false, false]);
    clock.advance(1);
    expect([slow.destroyed, silent.destroyed, early.destroyed]).toEqual([true, true, false]);
    expect(door.refused).toEqual({ slow: 2 });
  });

  test('times are limits, too', () => {
    const { clock, knock } = setUp({ limits: { firstByteMs: 10 } });
    const { socket } = knock();
    clock.advance(10);
    expect(socket.destroyed).toBe(true);
  });
});

describe('who gets in', () => {
  test('IPs are normal: no mapped IPv4, no zone', () => {
    const { knock } = setUp();
    expect(knock('::ffff:8.8.8.8').guest).toMatchObject({ ip: '8.8.8.8', port: 4000, proxied: false });
    expect(knock('fe80::1%eth0').guest?.ip).toBe('fe80::1');
    expect(knock('').guest).toMatchObject({ ip: undefined, proxied: false }); // closed before we could ask
  });

  test('a refused socket is destroyed and counted, and takes no place', () => {
    const { door, knock } = setUp({ limits: { hostMax: 1 } });
    const first = knock();
    const second = knock();
    expect([first.socket.destroyed, second.socket.destroyed, second.guest]).toEqual([false, true, undefined]);
    expect(door.refused).toEqual({ hostFull: 1 });
    expect(door.size).toBe(1);
    first.socket.destroy();
    expect(knock().guest).toBeDefined();
  });

  test('an established guest no longer counts as pending', () => {
    const { knock } = setUp({ limits: { hostPendingMax: 1 } });
    const { guest } = knock();
    expect(knock().guest).toBeUndefined();
    guest?.established();
    expect(knock().guest).toBeDefined();
  });

  test('a socket that fails after its refusal does not throw', () => {
    const { knock } = setUp({ limits: { hostMax: 0 } });
    const { socket } = knock();
    expect(() => socket.emit('error', new Error('ECONNRESET'))).not.toThrow();
  });

  test('after an accept error nobody for a second', () => {
    const { clock, door, knock } = setUp();
    door.pause();
    expect(knock().guest).toBeUndefined();
    clock.advance(acceptPauseMs - 1);
    expect(knock().guest).toBeUndefined();
    clock.advance(1);
    expect(knock().guest).toBeDefined();
    expect(door.refused).toEqual({ acceptErrors: 1, paused: 2 });
  });

  test('closing throws out everybody and lets nobody in', () => {
    const { clock, door, knock } = setUp();
    const { socket } = knock();
    door.close();
    expect(socket.destroyed).toBe(true);
    expect(knock().guest).toBeUndefined();
    expect([door.size, clock.pending]).toEqual([0, 0]);
  });
});

describe('X-Forwarded-For', () => {
  const trustProxy = ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'];
  const farHops = (count: number): string => `9.9.9.9${', 10.0.0.1'.repeat(count)}`;
  const rows: [what: string, socket: string, header: string | undefined, ip: string, proxied: boolean][] = [
    ['a stranger who sends the header is himself', '8.8.8.8', '1.1.1.1', '8.8.8.8', false],
    ['a private stranger, too', '192.168.0.1', '1.1.1.1', '192.168.0.1', false],
    ['the client behind the proxy', '127.0.0.1', '9.9.9.9', '9.9.9.9', true],
    ['the proxy as IPv4-mapped IPv6', '::ffff:127.0.0.1', '9.9.9.9', '9.9.9.9', true],
    ['a proxy by range', '10.20.30.40', '9.9.9.9', '9.9.9.9', true],
    ['what the client wrote himself stands left', '127.0.0.1', '1.1.1.1, 9.9.9.9', '9.9.9.9', true],
    ['a client who claims to be local', '127.0.0.1', '127.0.0.1, 9.9.9.9', '9.9.9.9', true],
    ['a client who claims to be a proxy', '127.0.0.1', '1.1.1.1, 10.0.0.1, 9.9.9.9', '9.9.9.9', true],
    ['two proxies', '127.0.0.1', '9.9.9.9, 10.1.1.1', '9.9.9.9', true],
    ['two proxies and a lie', '127.0.0.1', '1.1.1.1, 9.9.9.9, 10.1.1.1', '9.9.9.9', true],
    ['only proxies', '127.0.0.1', '10.0.0.7, 10.0.0.8', '10.0.0.7', true],
    ['16 proxies', '127.0.0.1', farHops(15), '9.9.9.9', true],
    ['17 proxies are none', '127.0.0.1', farHops(16), '10.0.0.1', true],
    ['IPv6 client', '127.0.0.1', '2600:1::1', '2600:1::1', true],
    ['IPv6 proxy', 'fd12::1', '2600:1::1', '2600:1::1', true],
    ['mapped client', '127.0.0.1', '::ffff:9.9.9.9', '9.9.9.9', true],
    ['spaces', '127.0.0.1', '  1.1.1.1 ,\t9.9.9.9  ', '9.9.9.9', true],
    ['no header', '127.0.0.1', undefined, '127.0.0.1', false],
    ['an empty one', '127.0.0.1', '', '127.0.0.1', false],
    ['an empty last hop', '127.0.0.1', '9.9.9.9,', '127.0.0.1', false],
    ...[
      'garbage',
      '0x7f.1',
      '127.1',
      '0177.0.0.1',
      '9.9.9.9:80',
      '[2600:1::1]',
      '"9.9.9.9"',
      'for=9.9.9.9',
      'unknown',
      '9.9.9.9/8',
      '９.9.9.9',
      'localhost',
      '9.9.9.9\0',
    ].map(
      (hop) => [`no IP: ${JSON.stringify(hop)}`, '127.0.0.1', hop, '127.0.0.1', false] as (typeof rows)[0],
    ),
    ['a good hop left of a bad one', '127.0.0.1', '9.9.9.9, garbage', '127.0.0.1', false],
    ['a bad hop left of a proxy', '127.0.0.1', 'garbage, 10.0.0.2', '10.0.0.2', true],
  ];
  for (const [what, ip, header, client, proxied] of rows) {
    test(what, () => {
      const { door, knock } = setUp({ trustProxy });
      const { socket } = knock(ip);
      expect(door.forward(socket, header)).toMatchObject({ ip: client, proxied });
    });
  }

  test('without trustProxy nobody is believed', () => {
    const { door, knock } = setUp();
    const { socket } = knock('127.0.0.1');
    expect(door.forward(socket, '9.9.9.9')).toMatchObject({ ip: '127.0.0.1', proxied: false });
  });

  test('the client pays, not the proxy', () => {
    const { door, knock } = setUp({ trustProxy, limits: { hostMax: 1, localMax: 0 } });
    const through = (client: string) => door.forward(knock('127.0.0.1').socket, client);
    expect(through('9.9.9.9')).toBeDefined();
    expect(through('9.9.9.9')).toBeUndefined();
    expect(through('9.9.9.8')).toBeDefined();
    expect(door.refused).toEqual({ hostFull: 1 });
  });

  test('and is given back its place when the proxy closes', () => {
    const { door, knock } = setUp({ trustProxy, limits: { hostMax: 1, proxyPendingMax: 1 } });
    for (let i = 0; i < 3; i++) {
      const { socket } = knock('127.0.0.1');
      expect(door.forward(socket, '9.9.9.9')).toBeDefined();
      socket.destroy();
    }
  });

  test('a range that is none is misuse', () => {
    expect(() => setUp({ trustProxy: ['localhost'] })).toThrow(TypeError);
    expect(() => setUp({ trustProxy: ['10.0.0.0/33'] })).toThrow(TypeError);
  });
});
