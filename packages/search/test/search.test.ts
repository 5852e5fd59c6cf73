import { isPeernetError, type Link, type LinkEvents } from '@peernet/core';
import { createWorld } from '@peernet/sim';
import { describe, expect, test } from 'vitest';
import { LinkOverlay, Search, type SearchRow } from '../src/index.js';
import { Net, recordOf } from './network.js';

/** A search without neighbours. */
function alone(): Search {
  const host = createWorld({ seed: 1 }).network().host();
  return new Search({ crypto: host.crypto, overlay: new LinkOverlay({ size: () => 1 }), clock: host.clock });
}

/** A small net in which 1 is a member of `chat`. */
function withMember(): Net {
  const net = new Net({ seed: 2, nodes: 6 });
  net.node(1).search.join('chat', { meta: new Uint8Array([5]) });
  net.world.runFor(1_000);
  return net;
}

describe('rows', () => {
  test('say all that is known of a member', () => {
    const net = withMember();
    const { host } = net.node(1);
    const [row] = net.find(4, 'chat').rows;
    expect(row).toMatchObject({
      hash: 'chat',
      id: host.id,
      address: host.address,
      addresses: [host.address],
      verified: false,
      meta: new Uint8Array([5]),
    });
    expect(row?.hops).toBeGreaterThanOrEqual(1);
    expect(row?.age).toBeGreaterThanOrEqual(0);
    expect(row?.record.id).toBe(host.id);
  });

  test('of a member that we have met carry the address that worked', () => {
    const net = withMember();
    const { host, overlay } = net.node(4);
    const met = net.node(1).host;
    const search = new Search({
      crypto: host.crypto,
      overlay,
      clock: host.clock,
      random: host.random,
      verified: (id) => (id === met.id ? 'ws://where.it.was:1' : undefined),
    });
    const rows: SearchRow[] = [];
    search.search(
      'chat',
      {},
      (row) => rows.push(row),
      () => {},
    );
    net.world.runFor(5_000);
    expect(rows).toMatchObject([
      { address: 'ws://where.it.was:1', verified: true, addresses: [met.address] },
    ]);
  });

  test('of a member without an address carry its id; bytes are a name, too', () => {
    const net = withMember();
    const two = net.node(2);
    two.record = recordOf(two.host, net.world.clock.wall(), []);
    two.search.join('quiet');
    net.world.runFor(1_000);
    const rows: SearchRow[] = [];
    net.node(5).search.search(
      new TextEncoder().encode('quiet'),
      {},
      (row) => rows.push(row),
      () => {},
    );
    net.world.runFor(5_000);
    expect(rows).toMatchObject([{ hash: 'quiet', address: two.host.id, addresses: [] }]);
    expect(rows[0]).not.toHaveProperty('meta');
  });

  test('follow a member that moves', () => {
    const net = withMember();
    const one = net.node(1);
    one.record = recordOf(one.host, net.world.clock.wall() + 1, ['ws://9.8.7.6:4000']);
    one.search.recordChanged();
    net.world.runFor(2_000);
    expect(net.find(4, 'chat').rows[0]?.address).toBe('ws://9.8.7.6:4000');
  });
});

describe('calls', () => {
  test('misuse is a TypeError, at once', () => {
    const search = alone();
    const nothing = (): void => {};
    const wrong: (() => unknown)[] = [
      () => search.join('x'.repeat(256)),
      () => search.join('é'.repeat(128)),
      () => search.join('x', { meta: new Uint8Array(129) }),
      () => search.join(7 as unknown as string),
      () => search.search(undefined as unknown as string, {}, nothing, nothing),
      () => search.search('x', { limit: 0 }, nothing, nothing),
      () => search.search('x', { limit: 1.5 }, nothing, nothing),
      () => search.search('x', { timeoutMs: Number.NaN }, nothing, nothing),
      () => search.search('x', { payload: new Uint8Array(257) }, nothing, nothing),
      () => search.search('x', { payload: 'who?' as unknown as Uint8Array }, nothing, nothing),
    ];
    for (const call of wrong) expect(call).toThrow(TypeError);
    search.join(['x'.repeat(255), '']);
    expect(search.subnets()).toEqual(['x'.repeat(255), '']);
  });

  test('64 subnets, then LIMIT; joining again costs nothing', () => {
    const search = alone();
    search.join(Array.from({ length: 64 }, (_, i) => `s${i}`));
    search.join('s0');
    const error = caught(() => search.join('one more'));
    expect(isPeernetError(error, 'LIMIT')).toBe(true);
    expect(search.subnets()).toHaveLength(64);
    search.part(['s0', 'never joined']);
    search.join('one more');
    expect(search.subnets()).toContain('one more');
  });

  test('1 024 searches at a time, then LIMIT', () => {
    const search = alone();
    const nothing = (): void => {};
    for (let i = 0; i < 1_024; i++) search.search('x', {}, nothing, nothing);
    expect(
      isPeernetError(
        caught(() => search.search('x', {}, nothing, nothing)),
        'LIMIT',
      ),
    ).toBe(true);
  });

  test('closed: searches end, calls err with CLOSED, nothing is heard any more', () => {
    const net = withMember();
    const { search } = net.node(4);
    let ended = 0;
    search.search(
      'nobody',
      {},
      () => {},
      () => ended++,
    );
    search.close();
    search.close();
    expect(ended).toBe(1);
    for (const call of [
      () => search.join('a'),
      () => search.part('a'),
      () =>
        search.search(
          'a',
          {},
          () => {},
          () => {},
        ),
    ]) {
      expect(isPeernetError(caught(call), 'CLOSED')).toBe(true);
    }
    const heard = search.snapshot().searchesIn;
    net.find(3, 'chat');
    expect(search.snapshot().searchesIn).toBe(heard);
  });

  test('cancel: neither a row nor the end comes', () => {
    const net = withMember();
    let calls = 0;
    const cancel = net.node(4).search.search(
      'nobody',
      {},
      () => calls++,
      () => calls++,
    );
    cancel();
    cancel();
    net.world.runFor(20_000);
    expect(calls).toBe(0);
  });

  test('callbacks may call us, and what they throw is theirs', async () => {
    const net = withMember();
    const { search } = net.node(4);
    const thrown: unknown[] = [];
    const listener = (error: unknown): void => void thrown.push(error);
    process.once('uncaughtException', listener);
    let inner = 0;
    search.search(
      'chat',
      {},
      () => {
        search.join('inner');
        search.search(
          'chat',
          {},
          () => inner++,
          () => {},
        );
        search.part('inner');
        throw new Error('of the application');
      },
      () => {},
    );
    net.world.runFor(10_000);
    expect(inner).toBe(1);
    expect(search.subnets()).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    process.removeListener('uncaughtException', listener);
    expect(thrown).toMatchObject([{ message: 'of the application' }]);
  });

  test('a stale member is not told again by us', () => {
    const net = withMember();
    const { id } = net.node(1).host;
    expect(net.find(4, 'chat').rows).toHaveLength(1);
    net.node(4).search.stale(id);
    expect(net.find(4, 'chat').rows).toHaveLength(0);
    expect(net.find(3, 'chat').rows).toHaveLength(1);
    net.world.runFor(340_000); // it has advertised again
    expect(net.find(4, 'chat').rows).toHaveLength(1);
  });

  test('timeoutMs ends a search earlier', () => {
    const net = withMember();
    expect(net.find(4, 'nobody', { timeoutMs: 700 }).endMs).toBe(700);
    expect(net.find(4, 'chat', { timeoutMs: 0 }).endMs).toBeLessThanOrEqual(1);
  });

  test('networks with other names are other networks', () => {
    const host = createWorld({ seed: 1 }).network().host();
    const overlay = new LinkOverlay({ size: () => 1 });
    const hashes = [undefined, 'a', 'b'].map((network) =>
      new Search({ crypto: host.crypto, overlay, clock: host.clock, network }).hashOf('chat'),
    );
    expect(new Set(hashes.map(String)).size).toBe(3);
  });
});

function caught(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('LinkOverlay', () => {
  /** A link by hand. */
  function fakeLink(): { link: Link; events: () => LinkEvents; sent: Uint8Array[]; closed: string[] } {
    let opened: LinkEvents | undefined;
    const sent: Uint8Array[] = [];
    const closed: string[] = [];
    const host = createWorld({ seed: 1 }).network().host();
    const link: Link = {
      peer: host.id,
      initiator: true,
      scope: 'global',
      buffered: 3,
      open: (events) => {
        opened = events;
      },
      send: (message) => {
        sent.push(message);
        return true;
      },
      close: (reason) => void closed.push(reason),
    };
    return { link, events: () => opened as LinkEvents, sent, closed };
  }

  test('tells of links, passes messages on, and forgets links that end', () => {
    const overlay = new LinkOverlay({ size: () => 7 });
    const told: unknown[] = [];
    const stop = overlay.subscribe({
      up: (key, peer, scope) => told.push(['up', key, peer, scope]),
      down: (key) => told.push(['down', key]),
      message: (key, bytes) => told.push(['message', key, bytes.length]),
      drain: (key) => told.push(['drain', key]),
    });
    const { link, events, sent, closed } = fakeLink();
    overlay.add(link);
    overlay.add(link); // is there already
    const [neighbour] = overlay.neighbours();
    const key = neighbour?.key as number;
    expect(overlay.neighbours()).toEqual([{ key, peer: link.peer, scope: 'global' }]);
    expect([overlay.size(), overlay.buffered(key), overlay.send(key, new Uint8Array(1), 'rows')]).toEqual([
      7,
      3,
      true,
    ]);
    expect(sent).toHaveLength(1);
    events().onMessage(new Uint8Array(5));
    events().onDrain();
    overlay.close(key, 'PROTOCOL');
    expect(closed).toEqual(['PROTOCOL']);
    events().onClose('PROTOCOL');
    expect(told).toEqual([
      ['up', key, link.peer, 'global'],
      ['message', key, 5],
      ['drain', key],
      ['down', key],
    ]);
    expect([
      overlay.send(key, new Uint8Array(1), 'rows'),
      overlay.buffered(key),
      overlay.neighbours(),
    ]).toEqual([false, 0, []]);
    stop();
    overlay.add(fakeLink().link);
    expect(told).toHaveLength(4);
  });

  test('a removed link is silent but not closed', () => {
    const overlay = new LinkOverlay({ size: () => 1 });
    let messages = 0;
    overlay.subscribe({ up: () => {}, down: () => {}, message: () => messages++, drain: () => {} });
    const { link, events, closed } = fakeLink();
    overlay.add(link);
    overlay.remove(link);
    events().onMessage(new Uint8Array(1));
    expect([messages, closed]).toEqual([0, []]);
  });

  test('a search that comes later knows the links that were there', () => {
    const overlay = new LinkOverlay({ size: () => 1 });
    const { link, sent } = fakeLink();
    overlay.add(link);
    const host = createWorld({ seed: 2 }).network().host();
    const search = new Search({ crypto: host.crypto, overlay, clock: host.clock });
    search.search(
      'x',
      {},
      () => {},
      () => {},
    );
    expect(sent).toHaveLength(1);
  });
});
