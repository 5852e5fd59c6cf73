import {
  type DialOptions,
  type DuplexLike,
  isPeernetError,
  type Link,
  type Log,
  type PeerId,
  PeernetError,
  type Transport,
  utf8,
} from '@peernet/core';
import { describe, expect, test, vi } from 'vitest';
import {
  accepter,
  createCrypto,
  dialer,
  duplexPair,
  MemoryNetwork,
  memoryTransport,
  scopeOf,
  secure,
} from '../src/index.js';
import { alice, bob, HandClock, HandDuplex, listener, turn, until } from './shells.js';

const signal = new AbortController().signal;
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'connected',
    (error: unknown) => (isPeernetError(error) ? error.code : String(error)),
  );

/** Bob listens at memory:bob; what alice's dialer and bob's accepter give. */
async function served(options: Partial<Parameters<typeof accepter>[0]> = {}) {
  const transport = memoryTransport(new MemoryNetwork());
  const accepted: Link[] = [];
  const accept = accepter({ crypto: bob, onLink: (link) => void accepted.push(link), ...options });
  const service = await transport.listen?.({ host: 'bob' }, accept);
  return { transport, accepted, service, dial: dialer({ crypto: alice, transports: [transport] }) };
}

describe('dialer and accepter', () => {
  test('an address becomes a link, at both ends', async () => {
    const { dial, accepted, service } = await served();
    const link = await dial('memory:bob', { signal });
    expect([link.peer, link.initiator, link.scope, link.remoteAddress]).toEqual([
      bob.id,
      true,
      'loopback',
      'memory:bob',
    ]);
    const heard = listener();
    link.open(heard);
    link.send(utf8('question'), 'control');
    await until(() => accepted.length === 1);
    const there = accepted[0] as Link;
    expect([there.peer, there.initiator, there.scope]).toEqual([alice.id, false, 'loopback']);
    const events = listener();
    there.open(events);
    await turn();
    expect(events.messages).toEqual(['question']);
    there.send(utf8('answer'), 'rows');
    await until(() => heard.messages.length === 1);
    await service?.close();
    await until(() => heard.closed.length === 1);
    expect(heard.closed).toEqual(['LOST']);
  });

  test('a link owns its connection: closed by either end, both are gone, with the reason', async () => {
    for (const byDialer of [true, false]) {
      const { dial, accepted } = await served();
      const link = await dial('memory:bob', { signal });
      await until(() => accepted.length === 1);
      const [mine, theirs] = [listener(), listener()];
      link.open(mine);
      (accepted[0] as Link).open(theirs);
      const [closing, other] = byDialer ? [link, accepted[0] as Link] : [accepted[0] as Link, link];
      closing.send(utf8('last words'), 'rows');
      closing.close('FULL');
      await until(() => mine.closed.length + theirs.closed.length === 2);
      expect([mine.closed, theirs.closed]).toEqual([['FULL'], ['FULL']]);
      expect((byDialer ? theirs : mine).messages).toEqual(['last words']);
      expect(other.send(utf8('x'), 'rows')).toBe(false);
    }
  });

  test('who does not serve the channel is let go', async () => {
    const { transport } = await served();
    const dial = dialer({ crypto: alice, transports: [transport], channel: 'something/else' });
    const link = await dial('memory:bob', { signal });
    const events = listener();
    link.open(events);
    await until(() => events.closed.length === 1);
    expect(events.closed).toEqual(['REJECTED']);
  });

  test('other channels reach onOpen, a second one of the same name too', async () => {
    const names: string[] = [];
    const onOpen = vi.fn((incoming: { name: string }) => void names.push(incoming.name));
    const { transport, accepted } = await served({ onOpen });
    const duplex = await transport.dial('memory:bob', { signal });
    const connection = await secure(duplex, { crypto: alice, role: 'initiator' });
    for (const name of ['peernet/gossip/1', 'peernet/search/1', 'peernet/gossip/1']) connection.link(name);
    await until(() => names.length === 2);
    expect(names).toEqual(['peernet/search/1', 'peernet/gossip/1']);
    expect(accepted).toHaveLength(1);
    connection.close('DONE');
  });

  test('who opens nothing for 10 s is IDLE', async () => {
    const clock = new HandClock();
    const { transport } = await served({ clock });
    const duplex = await transport.dial('memory:bob', { signal });
    const connection = await secure(duplex, { crypto: alice, role: 'initiator', clock });
    await clock.advance(10_000);
    expect(await connection.closed).toBe('IDLE');
  });

  test('strangers are a log line, never an exception', async () => {
    const log = vi.fn();
    const accept = accepter({ crypto: bob, onLink: () => {}, log });
    const hand = new HandDuplex();
    const established = vi.fn();
    accept(hand.asDuplex, { ip: '192.0.2.1', port: 5, established });
    hand.emit('data', utf8('GET / HTTP/1.1'));
    await turn();
    expect(log).toHaveBeenCalledWith(
      'connection.refused',
      expect.objectContaining({ ip: '192.0.2.1', port: 5 }),
    );
    expect(established).not.toHaveBeenCalled();
  });

  test('who has to be at the other end, as the transport says, is; nobody else', async () => {
    const meet = async (peer: PeerId) => {
      const links: Link[] = [];
      const refused: unknown[] = [];
      const log: Log = (_event, fields) => void refused.push(fields?.error);
      const [mine, theirs] = duplexPair();
      accepter({ crypto: bob, onLink: (link) => void links.push(link), log })(theirs, { peer });
      const duplex: DuplexLike = Object.assign(mine, { scope: 'private' as const });
      const odd: Transport = { schemes: ['odd'], dial: async () => duplex };
      const link = await dialer({ crypto: alice, transports: [odd] })('odd:whatever', { signal });
      await until(() => links.length + refused.length > 0);
      link.close('DONE');
      return { link, links, refused };
    };
    const right = await meet(alice.id);
    expect([right.links[0]?.peer, right.link.scope]).toEqual([alice.id, 'private']);
    const wrong = await meet(bob.id);
    expect(wrong.links).toEqual([]);
    expect(wrong.refused).toMatchObject([{ code: 'WRONG_PEER' }]);
  });

  test('the listener is told when a handshake is done', async () => {
    const established = vi.fn();
    const [x, y] = duplexPair();
    accepter({ crypto: bob, onLink: () => {} })(y, { established });
    const connection = await secure(x, { crypto: alice, role: 'initiator' });
    await until(() => established.mock.calls.length === 1);
    connection.close('DONE');
  });
});

describe('what cannot be dialed', () => {
  const make = (dialTransport: Transport['dial'], clock?: HandClock) =>
    dialer({ crypto: alice, transports: [{ schemes: ['tcp', 'odd'], dial: dialTransport }], clock });
  const never: Transport['dial'] = () => new Promise(() => {});
  const options: DialOptions = { signal };

  test('is refused with its code', async () => {
    const { dial } = await served();
    expect(await codeOf(dial('memory:nobody', options))).toBe('DIAL_REFUSED');
    expect(await codeOf(dial('not an address', options))).toBe('ADDRESS_INVALID');
    expect(await codeOf(dial('tcp://1.2.3.4:5', options))).toBe('SCHEME_UNKNOWN');
    const dialTcp = make(never);
    expect(await codeOf(dialTcp('tcp://169.254.169.254:80', options))).toBe('ADDRESS_INVALID');
    expect(await codeOf(dialTcp('tcp://224.0.0.1:80', options))).toBe('ADDRESS_INVALID');
  });

  test('the pinned identity counts, and contradictions are found before dialing', async () => {
    const { dial } = await served();
    expect(await codeOf(dial(`memory:bob#${bob.id}`, options))).toBe('connected');
    expect(await codeOf(dial(`memory:bob#${alice.id}`, options))).toBe('WRONG_PEER');
    expect(await codeOf(dial('memory:bob', { ...options, expect: bob.id }))).toBe('connected');
    expect(await codeOf(dial('memory:bob', { ...options, expect: createCrypto().id }))).toBe('WRONG_PEER');
    expect(await codeOf(dial(`memory:bob#${bob.id}`, { ...options, expect: alice.id }))).toBe('WRONG_PEER');
    const dialed: string[] = [];
    const dialTcp = make((address) => {
      dialed.push(address);
      return never(address, options);
    });
    const contradiction = dialTcp(`tcp://1.2.3.4:5#${bob.id}`, { ...options, expect: alice.id });
    expect(await codeOf(contradiction)).toBe('WRONG_PEER');
    expect(dialed).toEqual([]);
  });

  test('our own address: SELF', async () => {
    const { transport } = await served();
    const dial = dialer({ crypto: bob, transports: [transport] });
    expect(await codeOf(dial('memory:bob', options))).toBe('SELF');
  });

  test('errors of a transport pass, other exceptions become DIAL_FAILED', async () => {
    const failing = (error: unknown) => make(() => Promise.reject(error));
    expect(await codeOf(failing(new PeernetError('DNS_FAILED', 'x'))('tcp://1.2.3.4:5', options))).toBe(
      'DNS_FAILED',
    );
    expect(await codeOf(failing(new Error('boom'))('tcp://1.2.3.4:5', options))).toBe('DIAL_FAILED');
    const throwing = make(() => {
      throw new Error('boom');
    });
    expect(await codeOf(throwing('tcp://1.2.3.4:5', options))).toBe('DIAL_FAILED');
  });

  test('a transport that never answers: DIAL_TIMEOUT after 8 s, and it is told; what comes late is destroyed', async () => {
    const clock = new HandClock();
    let aborted = false;
    let answer: (duplex: DuplexLike) => void = () => {};
    const dial = make((_, { signal: inner }) => {
      inner.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise((resolve) => {
        answer = resolve;
      });
    }, clock);
    const dialing = codeOf(dial('tcp://1.2.3.4:5', options));
    await clock.advance(7_999);
    expect(aborted).toBe(false);
    await clock.advance(1);
    expect(await dialing).toBe('DIAL_TIMEOUT');
    expect(aborted).toBe(true);
    const late = new HandDuplex();
    answer(late.asDuplex);
    await turn();
    expect(late.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('the caller gives up while dialing, in the handshake, or before', async () => {
    const abort = new AbortController();
    const dialing = codeOf(make(never)('tcp://1.2.3.4:5', { signal: abort.signal }));
    const hand = new HandDuplex();
    const handshaking = codeOf(make(async () => hand.asDuplex)('tcp://1.2.3.4:5', { signal: abort.signal }));
    await turn();
    expect(hand.output).toHaveLength(1);
    abort.abort();
    expect(await Promise.all([dialing, handshaking])).toEqual(['ABORTED', 'ABORTED']);
    expect(hand.destroyed).toBe(true);
    expect(await codeOf(make(never)('tcp://1.2.3.4:5', { signal: abort.signal }))).toBe('ABORTED');
  });

  test('a scheme of the app itself', async () => {
    const { transport } = await served();
    const odd: Transport = { schemes: ['odd'], dial: (_, o) => transport.dial('memory:bob', o) };
    const link = await dialer({ crypto: alice, transports: [odd] })('odd:whatever', options);
    expect([link.peer, link.remoteAddress]).toEqual([bob.id, 'odd:whatever']);
    link.close('DONE');
  });
});

test('the scope of what was accepted', () => {
  const [end] = duplexPair();
  const { asDuplex } = new HandDuplex();
  expect(scopeOf(asDuplex, { ip: '127.0.0.1' })).toBe('loopback');
  expect(scopeOf(asDuplex, { ip: '10.1.2.3' })).toBe('private');
  expect(scopeOf(asDuplex, { ip: '8.8.8.8' })).toBe('global');
  expect(scopeOf(asDuplex, { ip: 'fe80::1' })).toBe('link-local');
  expect(scopeOf(asDuplex, { ip: 'nonsense' })).toBe('global');
  expect(scopeOf(asDuplex, {})).toBe('global');
  expect(scopeOf(end, {})).toBe('loopback');
  expect(scopeOf(asDuplex, { scope: 'private' })).toBe('private');
  expect(scopeOf(Object.assign(asDuplex, { scope: 'link-local' as const }), {})).toBe('link-local');
});
