import { getEventListeners } from 'node:events';
import { type Dial, isPeernetError, memoryStore, PeernetError } from '@peernet/core';
import { createWorld } from '@peernet/sim';
import { describe, expect, it, vi } from 'vitest';
import { Gossip } from '../src/index.js';
import { components, type Node, nodesJoin, startNode } from './nodes.js';

function pair() {
  const world = createWorld({ seed: 3 });
  const network = world.network();
  const [a, b] = [startNode(network), startNode(network)] as [Node, Node];
  return { world, network, a, b };
}

describe('the shell', () => {
  it('says what is misused', () => {
    const { a } = pair();
    const { crypto } = a.host;
    expect(() => new Gossip({ crypto, connections: -1 })).toThrow(TypeError);
    expect(() => new Gossip({ crypto, interval: Number.NaN })).toThrow(TypeError);
    expect(() => a.gossip.connect(7 as never)).toThrow(TypeError);
    expect(() => a.gossip.connectNow(undefined as never, () => {})).toThrow(TypeError);
  });

  it('emits up, peer, down and gone, with the link', () => {
    const { world, a, b } = pair();
    const seen: string[] = [];
    a.gossip.on('up', ({ id, direction, link, address }) => {
      seen.push(`up ${id === b.host.id} ${direction} ${link.peer === id} ${address === b.host.address}`);
    });
    a.gossip.on('peer', ({ id }) => seen.push(`peer ${id === b.host.id}`));
    a.gossip.on('down', ({ id, reason, link }) =>
      seen.push(`down ${id === b.host.id} ${reason} ${link.peer === id}`),
    );
    let id: string | undefined;
    a.gossip.connectNow(b.host.address, (result) => {
      id = result.id;
    });
    world.run(2_000);
    expect(id).toBe(b.host.id);
    b.gossip.close();
    world.run(4_000);
    expect(seen).toEqual(['up true out true true', 'peer true', 'down true SHUTDOWN true']);
    const app = pair();
    const gone: string[] = [];
    app.a.gossip.on('gone', ({ kind, reason }) => gone.push(`${kind} ${reason}`));
    app.b.host.dialNow(app.a.host.address, {}, ({ link }) => {
      if (link !== undefined) app.b.gossip.add(link, { purpose: 'app' });
    });
    app.world.run(2_000);
    expect(app.a.gossip.links().map(({ kind }) => kind)).toEqual(['app']);
    expect(app.a.gossip.neighbours()).toEqual([]);
    app.b.gossip.close();
    app.world.run(4_000);
    expect(gone).toContain('app SHUTDOWN');
  });

  it('lets listeners do what they like', () => {
    const { world, a, b } = pair();
    a.gossip.on('up', ({ id }) => a.gossip.disconnect(id));
    a.gossip.connectNow(b.host.address, () => {});
    world.run(5_000);
    expect(a.gossip.neighbours()).toEqual([]);
    expect(b.gossip.neighbours()).toEqual([]);
    expect(a.gossip.snapshot().bugs).toBe(0);
  });

  it('works on links alone, with nothing to dial', () => {
    const { world, network } = pair();
    const hosts = Array.from({ length: 4 }, () => network.host());
    const gossips = hosts.map(({ crypto, clock, random }) => new Gossip({ crypto, clock, random }));
    for (const [i, host] of hosts.entries()) host.onLink = (link) => gossips[i]?.add(link);
    for (let i = 0; i < 4; i++) {
      for (let k = 0; k < i; k++) {
        hosts[i]?.dialNow(hosts[k]?.address as string, {}, ({ link }) => link && gossips[i]?.add(link));
      }
    }
    world.run(20_000);
    for (const gossip of gossips) {
      expect(gossip.neighbours().length).toBe(3);
      expect(gossip.size).toBeGreaterThan(2.5);
      expect(gossip.random(2).length).toBe(2);
      expect(gossip.snapshot().dials).toBe(0);
    }
    let code: string | undefined;
    gossips[0]?.connectNow('ws://1.2.3.4:5', (result) => {
      code = result.code;
    });
    expect(code).toBe('NOT_SUPPORTED');
  });

  it('turns a dial with promises into one without, and errors into codes', async () => {
    const { world, a, b } = pair();
    let signal: AbortSignal | undefined;
    const dial: Dial = (address, options) => {
      signal = options.signal;
      if (address === 'ws://9.9.9.9:9999') return new Promise(() => {});
      return new Promise((resolve, reject) => {
        a.host.dialNow(address, options, ({ link, code }) => {
          if (link === undefined) reject(new PeernetError(code, 'no'));
          else resolve(link);
        });
      });
    };
    const { crypto, clock, random } = a.host;
    const gossip = new Gossip({
      crypto,
      clock,
      random,
      dial,
      bootstrap: false,
      store: memoryStore({ clock, random }),
    });
    const run = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        world.runFor(100);
        await Promise.resolve();
      }
    };
    const good = gossip.connect(b.host.address);
    await run();
    expect(await good).toBe(b.host.id);
    const bad = gossip.connect('ws://7.7.7.7:7777').catch((error: unknown) => error);
    await run();
    expect(isPeernetError(await bad, 'DIAL_TIMEOUT')).toBe(true);
    expect(isPeernetError(await gossip.connect('nonsense').catch((e: unknown) => e), 'ADDRESS_INVALID')).toBe(
      true,
    );
    const abort = new AbortController();
    const waiting = gossip
      .connect('ws://9.9.9.9:9999', { signal: abort.signal })
      .catch((error: unknown) => error);
    abort.abort();
    expect(isPeernetError(await waiting, 'ABORTED')).toBe(true);
    expect(signal?.aborted).toBe(true);
    const aborted = await gossip.connect(b.host.address, { signal: abort.signal }).catch((e: unknown) => e);
    expect(isPeernetError(aborted, 'ABORTED')).toBe(true);
    gossip.close();
    expect(isPeernetError(await gossip.connect(b.host.address).catch((e: unknown) => e), 'CLOSED')).toBe(
      true,
    );
  });

  it('leaves nothing on the signal of who asks for a connection that is there', async () => {
    const { world, a, b } = pair();
    a.gossip.connectNow(b.host.address, () => {});
    world.run(2_000);
    const { signal } = new AbortController();
    expect(await a.gossip.connect(b.host.address, { signal })).toBe(b.host.id);
    await expect(a.gossip.connect('nonsense', { signal })).rejects.toThrow();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('close is for good: no alarm, no link, no dial is left', () => {
    const { world, network, a, b } = pair();
    a.gossip.connectNow(b.host.address, () => {});
    world.run(2_000);
    a.gossip.close();
    b.gossip.close();
    world.run(4_000);
    expect(network.links).toEqual([]);
    expect(world.pending).toBe(0);
    a.gossip.close();
    a.gossip.wake();
    b.host.dialNow(a.host.address, {}, () => {});
    world.run(8_000);
    expect(network.links).toEqual([]);
    expect(world.pending).toBe(0);
  });

  it('closed by a listener, it answers what that listener begins after it', () => {
    const { world, a, b } = pair();
    const codes: unknown[] = [];
    a.gossip.on('up', () => {
      a.gossip.close();
      a.gossip.connectNow('ws://9.9.9.9:4000', ({ code }) => codes.push(code));
      const events = { onSignal() {}, onClose: (code: unknown) => codes.push(code) };
      a.gossip.signaller.introduce(b.host.id, { via: [] }, events);
    });
    a.gossip.connectNow(b.host.address, () => {});
    world.run(120_000);
    expect(codes).toEqual(['CLOSED', 'CLOSED']);
  });

  it('a log, or who is told of a connect, that throws is an uncaught exception of its own, and disturbs nothing', () => {
    const tasks: (() => void)[] = [];
    const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => void tasks.push(task));
    try {
      const fail = (): void => {
        throw new RangeError('of the application');
      };
      const world = createWorld({ seed: 3 });
      const network = world.network();
      const [a, b, c] = [startNode(network, { log: fail }), startNode(network), startNode(network)];
      a.gossip.connectNow(b.host.address, fail);
      world.run(2_000);
      a.gossip.misbehaved(b.host.id, 'for the log');
      a.gossip.connectNow(c.host.address, () => {});
      world.run(4_000);
      expect(a.gossip.neighbours().map(({ id }) => id)).toEqual([c.host.id]);
      expect(tasks).toHaveLength(2);
      for (const task of tasks) expect(task).toThrow(RangeError);
    } finally {
      spy.mockRestore();
    }
  });

  it('a bug costs the link that brought it to light, not the process', () => {
    const { world, a, b } = pair();
    a.gossip.connectNow(b.host.address, () => {});
    world.run(2_000);
    const { verify } = a.host.crypto;
    a.host.crypto.verify = () => {
      throw new Error('a bug');
    };
    const bugs: unknown[] = [];
    a.gossip.on('debug', (event, fields) => {
      if (event === 'bug') bugs.push(fields);
    });
    const third = startNode(a.host.network, { seeds: [a.host.address] });
    world.run(6_000);
    expect(bugs.length).toBeGreaterThan(0);
    expect(a.gossip.neighbours().map(({ id }) => id)).toEqual([b.host.id]);
    a.host.crypto.verify = verify;
    world.run(90_000);
    expect(a.gossip.neighbours().length + third.gossip.neighbours().length).toBeGreaterThanOrEqual(3);
  });

  it('the restarted process dials its anchors, and its seq goes on', () => {
    const world = createWorld({ seed: 8 });
    const network = world.network();
    const nodes = nodesJoin(network, { count: 12, overMs: 2_000 });
    const anchors: (readonly string[])[] = [];
    const seqs: number[] = [];
    world.run(2_500);
    const node = nodes[5] as Node;
    node.gossip.on('anchors', (list) => anchors.push(list));
    node.gossip.on('seq', (seq) => seqs.push(seq));
    world.run(120_000);
    expect(anchors.at(-1)?.length).toBe(2);
    node.host.crash('reset');
    world.run(125_000);
    node.host.restart();
    const { crypto, clock, random } = node.host;
    const seq = node.gossip.record.seq + 1_000_000;
    const again = new Gossip({
      crypto,
      clock,
      random,
      seq,
      anchors: anchors.at(-1),
      dialNow: (address, options, done) => node.host.dialNow(address, options, done),
    });
    node.host.onLink = (link) => again.add(link);
    expect(again.record.seq).toBe(seq + 1);
    world.run(150_000);
    expect(again.neighbours().length).toBeGreaterThanOrEqual(3);
    expect(components(nodes.filter((other) => other !== node))).toEqual([11]);
  });
});
