// pn.subnet(): members find and keep each other, over memory and over real sockets; only who knows the name gets a
// stream; one stream per member; ends that end.
import { createCrypto, secure } from '@peernet/connection';
import type { DuplexLike } from '@peernet/core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ByteStream, type Options, type Peer, Peernet, type Subnet } from '../src/index.js';
import { SubnetProofs } from '../src/subnet-proof.js';
import { JumpClock, keep, make, memory, rows, unhandledDuring, until } from './nodes.js';

afterEach(() => void vi.restoreAllMocks());

/** Nodes that know the first one, over memory or over sockets of this computer. */
async function network(kind: 'memory' | 'ws', count: number, options: Options = {}): Promise<Peernet[]> {
  const nodes: Peernet[] = [];
  for (let i = 0; i < count; i++) {
    const node =
      kind === 'memory'
        ? make({ listen: `memory:n${i}`, ...options })
        : keep(new Peernet(undefined, options));
    if (kind === 'ws') await node.listen('ws', { host: '127.0.0.1' });
    await node.ready();
    nodes.push(node);
  }
  const [first] = nodes as [Peernet];
  const hub = kind === 'memory' ? 'memory:n0' : (first.servers()[0]?.address as string);
  await Promise.all(nodes.slice(1).map((node) => node.connect(hub)));
  return nodes;
}

/** What comes over every stream of a subnet, by peer; says `hello` to each. */
function talk(subnet: Subnet, me: string): Map<string, string> {
  const heard = new Map<string, string>();
  subnet.on('connection', (stream, peer) => {
    stream.on('data', (chunk) => heard.set(peer.id, (heard.get(peer.id) ?? '') + String(chunk)));
    stream.write(`hello from ${me}`);
  });
  return heard;
}

const counts = (node: Peernet, name: string): Record<string, number> => node.snapshot().rooms[name] ?? {};
const failure = (stream: { on(event: 'error', listener: (error: Error) => void): unknown }): Promise<Error> =>
  new Promise((done) => stream.on('error', done));

describe.each(['memory', 'ws'] as const)('over %s', (kind) => {
  test('members become a mesh of one stream each, and talk both ways', async () => {
    const nodes = await network(kind, 5);
    const subnets = nodes.slice(1).map((node) => node.subnet('chat'));
    const heard = subnets.map((subnet, i) => talk(subnet, `n${i + 1}`));
    await Promise.all(subnets.map((subnet) => subnet.ready()));
    await until(() => heard.every((map) => map.size === 3), 'all heard all');
    for (const [i, map] of heard.entries()) {
      const others = nodes.slice(1).filter((_, j) => j !== i);
      for (const other of others) expect(map.get(other.id)).toBe(`hello from n${nodes.indexOf(other)}`);
      expect(new Set(subnets[i]?.peers().map(({ id }) => id))).toEqual(new Set(others.map(({ id }) => id)));
    }
    expect(counts(nodes[1] as Peernet, 'chat')).toMatchObject({ connected: 3, wrongProofs: 0 });
  });

  test('both that dial each other at once have one stream', async () => {
    for (let round = 0; round < 5; round++) {
      const [, a, b] = (await network(kind, 3)) as [Peernet, Peernet, Peernet];
      const chats = [a, b].map((node) => node.subnet('pair'));
      const heard = chats.map((chat, i) => talk(chat, `${i}`));
      await until(() => heard.every((map) => map.size === 1), 'both heard');
      expect(chats.map((chat) => chat.peers().length)).toEqual([1, 1]);
      expect([...heard.map((map) => [...map.values()][0])]).toEqual(['hello from 1', 'hello from 0']);
      await Promise.all([a, b].map((node) => node.close()));
      if (kind === 'memory') return; // the same names again would be taken
    }
  }, 60_000);

  test('who has gone is replaced by who comes back', async () => {
    const [hub, a, b] = (await network(kind, 3)) as [Peernet, Peernet, Peernet];
    const chat = a.subnet('chat');
    const seen: string[] = [];
    chat.on('connection', (_, peer) => void seen.push(peer.id));
    b.subnet('chat');
    await until(() => seen.length === 1, 'connected');
    await b.close();
    await until(() => chat.peers().length === 0, 'gone');
    const again = kind === 'memory' ? make({ listen: 'memory:again' }) : keep(new Peernet());
    if (kind === 'ws') await again.listen('ws', { host: '127.0.0.1' });
    await again.connect(kind === 'memory' ? 'memory:n0' : (hub.servers()[0]?.address as string));
    again.subnet('chat');
    await until(() => chat.peers().length === 1, 'the other came');
    expect(seen).toEqual([b.id, again.id]);
  }, 60_000);
});

describe('whoever does not know the name', () => {
  /** A handshake and a stream on the channel of the subnet, whose hash travels; but no name. */
  async function impostor(victim: Peernet, name: string, first: Uint8Array) {
    const found: string[] = [];
    const row = await make({ listen: 'memory:spy' });
    await row.connect(victim.servers()[0]?.address as string);
    row.on('search', ({ hash }) => void found.push(hash));
    await until(() => found.length > 0, 'the hash of a search came by');
    const channel = `s/${Buffer.from(found[0] as string, 'hex').toString('base64url')}`;
    expect(name).not.toBe(channel);
    const duplex: DuplexLike = await memory().dial(victim.servers()[0]?.address as string, {
      signal: AbortSignal.timeout(5_000),
    });
    const connection = await secure(duplex, {
      crypto: createCrypto(),
      role: 'initiator',
      onOpen: (c) => c.reject(),
    });
    const gossip = connection.link('peernet/gossip/1');
    gossip.open({ onMessage() {}, onDrain() {}, onClose() {} });
    const stream = connection.open(channel);
    stream.write(first);
    return { connection, stream };
  }

  async function victimWith(): Promise<{ victim: Peernet; events: Peer[] }> {
    const victim = make({ listen: 'memory:victim' });
    await victim.ready();
    const events: Peer[] = [];
    victim.subnet('secret').on('connection', (_, peer) => void events.push(peer));
    return { victim, events };
  }

  test('gets a RESET that says so, no event, and is counted', async () => {
    const { victim, events } = await victimWith();
    const { stream, connection } = await impostor(victim, 'secret', new Uint8Array(32).fill(7));
    expect(await failure(stream)).toMatchObject({ code: 'CHANNEL_REJECTED' });
    expect(events).toEqual([]);
    expect(counts(victim, 'secret')).toMatchObject({ wrongProofs: 1, connected: 0 });
    expect(connection.closing).toBe(false);
    connection.close('DONE');
  });

  test('control: without the check of the proof it gets in', async () => {
    vi.spyOn(SubnetProofs.prototype, 'isTheirs').mockReturnValue(true);
    const { victim, events } = await victimWith();
    const { connection } = await impostor(victim, 'secret', new Uint8Array(32).fill(7));
    await until(() => events.length > 0, 'the impostor got in');
    connection.close('DONE');
  });

  test('cannot send our own proof back to us', async () => {
    const { victim, events } = await victimWith();
    const echo = await impostor(victim, 'secret', new Uint8Array(0));
    const got: Uint8Array[] = [];
    echo.stream.on('data', (chunk: Uint8Array) => got.push(chunk));
    await new Promise((done) => setTimeout(done, 100));
    expect(got).toEqual([]); // the victim says nothing before it has seen a proof
    expect(events).toEqual([]);
    echo.connection.close('DONE');
  });

  test.each([true, false])('is nobody to who opens the stream either (check %s)', async (checked) => {
    if (!checked) vi.spyOn(SubnetProofs.prototype, 'isTheirs').mockReturnValue(true);
    const [, victim, evil] = (await network('memory', 3)) as [Peernet, Peernet, Peernet];
    const { ours } = SubnetProofs.prototype;
    vi.spyOn(SubnetProofs.prototype, 'ours').mockImplementation(function (this: SubnetProofs, connection) {
      const bytes = ours.call(this, connection);
      return connection.peer === victim.id ? bytes.map((byte) => byte ^ 1) : bytes;
    });
    evil.subnet('secret');
    const events: Peer[] = [];
    victim.subnet('secret').on('connection', (_, peer) => void events.push(peer));
    if (checked) {
      await until(() => (counts(victim, 'secret').wrongProofs ?? 0) > 0, 'a wrong proof was seen');
      expect(events).toEqual([]);
    } else await until(() => events.length === 1, 'the impostor got in');
  });

  test('who is a member by join() only has no stream, and is no enemy', async () => {
    const [, a, b] = (await network('memory', 3)) as [Peernet, Peernet, Peernet];
    await b.join('chat');
    const chat = a.subnet('chat');
    await chat.ready();
    expect(chat.peers()).toEqual([]);
    expect(counts(a, 'chat')).toMatchObject({ known: 1, wrongProofs: 0 });
    b.subnet('chat');
    await until(() => chat.peers().length === 1, 'connected once it serves');
  });
});

describe('the handle', () => {
  test('iterates over connections that are there and those that come, until it is closed', async () => {
    const [, a, b, c] = (await network('memory', 4)) as [Peernet, Peernet, Peernet, Peernet];
    const chat = a.subnet('chat');
    b.subnet('chat');
    await chat.ready();
    await until(() => chat.peers().length === 1, 'connected');
    const seen: string[] = [];
    const reading = (async () => {
      for await (const [stream, peer] of chat) {
        stream.write('x');
        seen.push(peer.id);
      }
    })();
    await until(() => seen.length === 1, 'the one that was there');
    c.subnet('chat');
    await until(() => seen.length === 2, 'the one that came');
    await chat.close();
    await reading;
    expect(seen).toEqual([b.id, c.id]);
    expect(await rows(chat)).toEqual([]);
  });

  test('of one name share streams and membership; the last one parts', async () => {
    const [, a, b] = (await network('memory', 3)) as [Peernet, Peernet, Peernet];
    const [one, two] = [a.subnet('chat'), a.subnet('chat', { connections: 2 })];
    b.subnet('chat');
    const streams: ByteStream[][] = [[], []];
    for (const [i, subnet] of [one, two].entries()) {
      subnet.on('connection', (stream) => void streams[i]?.push(stream));
    }
    await until(() => streams.every((list) => list.length === 1), 'both told');
    expect(streams[0]?.[0]).toBe(streams[1]?.[0]);
    const three = a.subnet('chat');
    const late: ByteStream[] = [];
    three.on('connection', (stream) => void late.push(stream));
    await until(() => late.length === 1, 'one that comes later is told of it, too');
    await Promise.all([one.close(), three.close()]);
    expect(streams[0]?.[0]?.destroyed).toBe(false);
    expect(await rows(a.subnets())).toEqual([{ key: 'chat' }]);
    await two.close();
    expect(streams[0]?.[0]?.destroyed).toBe(true);
    expect(await rows(a.subnets())).toEqual([]);
    await expect(b.find('chat', { timeout: 2_000 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('leaves a membership of join() alone; part() while it is open ends only that', async () => {
    const [, a, b] = (await network('memory', 3)) as [Peernet, Peernet, Peernet];
    await a.join('kept');
    const kept = a.subnet('kept');
    await kept.ready();
    await kept.close();
    expect((await b.find('kept')).id).toBe(a.id);
    const open = a.subnet('open');
    await open.ready();
    await a.part('open');
    expect((await b.find('open')).id).toBe(a.id);
  });

  test('close is idempotent and bounded, whatever the other side does with its stream', async () => {
    const [, a, b] = (await network('memory', 3)) as [Peernet, Peernet, Peernet];
    const [mine, theirs] = [a.subnet('chat'), b.subnet('chat')]; // nobody reads, nobody ends
    await until(() => mine.peers().length === 1 && theirs.peers().length === 1, 'connected');
    let closes = 0;
    mine.on('close', () => closes++);
    const startMs = performance.now();
    await Promise.all([
      mine.close(),
      mine.close(),
      new Promise<void>((done) => void mine.close(() => done())),
    ]);
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect([closes, mine.closed, mine.peers()]).toEqual([1, true, []]);
    await until(() => theirs.peers().length === 0, 'gone over there');
  });

  test('a signal closes it; one that has aborted before opens nothing', async () => {
    const [, a, b] = (await network('memory', 3)) as [Peernet, Peernet, Peernet];
    const abort = new AbortController();
    const chat = a.subnet('chat', { signal: abort.signal });
    b.subnet('chat');
    await until(() => chat.peers().length === 1, 'connected');
    abort.abort();
    await until(() => counts(a, 'chat').connected === undefined, 'closed');
    const dead = a.subnet('other', { signal: AbortSignal.abort() });
    expect(dead.closed).toBe(true);
    expect(await rows(a.subnets())).toEqual([]);
  });

  test('ends with its node, and after that there is none', async () => {
    const [, a, b] = (await network('memory', 3)) as [Peernet, Peernet, Peernet];
    const chat = a.subnet('chat');
    b.subnet('chat');
    await until(() => chat.peers().length === 1, 'connected');
    const reading = rows(chat);
    const startMs = performance.now();
    await a.close();
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect(chat.closed).toBe(true);
    await reading;
    expect(() => a.subnet('chat')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  test('that is closed before the node runs leaves nothing; nobody needs to look at its promises', async () => {
    const seen = await unhandledDuring(async () => {
      const node = make();
      const chat = node.subnet('chat');
      void chat.ready();
      void chat.close();
      await node.ready();
      expect(await rows(node.subnets())).toEqual([]);
      await node.close();
    });
    expect(seen).toEqual([]);
  });

  test.each([
    ['', {}],
    [7, {}],
    ['x', { connections: 0 }],
    ['x', { connections: 65 }],
    ['x', { connections: 1.5 }],
    ['x', { signal: {} }],
    ['x', null],
  ])('subnet(%j, %j) is a TypeError', (name, options) => {
    expect(() => make().subnet(name as string, options as never)).toThrow(TypeError);
  });

  test('more subnets than a node may be in: ready() rejects, and the node says so', async () => {
    const node = make();
    const errors: Error[] = [];
    node.on('error', (error) => void errors.push(error));
    await node.join(Array.from({ length: 64 }, (_, i) => `s${i}`));
    await expect(node.subnet('one more').ready()).rejects.toMatchObject({ code: 'LIMIT' });
    expect(errors).toMatchObject([{ code: 'LIMIT' }]);
  });

  test('ready() of one that is closed rejects; another one of the name goes on', async () => {
    const node = make();
    const [closed, open] = [node.subnet('x'), node.subnet('x')];
    const waiting = closed.ready();
    await closed.close();
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    let isOver = false;
    const settled = (): void => {
      isOver = true;
    };
    open.ready().then(settled, settled);
    await new Promise((done) => setTimeout(done, 20));
    expect(isOver).toBe(false);
    const last = open.ready();
    await open.close();
    await expect(last).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('ready() resolves without anybody', async () => {
    const clock = new JumpClock();
    const lonely = make({ clock }).subnet('x');
    let ready = false;
    void lonely.ready().then(() => {
      ready = true;
    });
    await clock.pass(4_000);
    expect(ready).toBe(false);
    await clock.pass(2_000);
    await until(() => ready, 'ready');
  });
});

test('connections keep to their number, and the subnet stays one', async () => {
  const nodes = await network('memory', 12);
  const subnets = nodes.map((node) => node.subnet('many', { connections: 4 }));
  await until(() => subnets.every((subnet) => subnet.peers().length >= 2), 'each has two', 20_000);
  expect(Math.max(...subnets.map((subnet) => subnet.peers().length))).toBeLessThanOrEqual(4);
  const seen = new Set([nodes[0]?.id]);
  await until(() => {
    for (const id of seen) {
      const at = nodes.findIndex((node) => node.id === id);
      for (const peer of subnets[at]?.peers() ?? []) seen.add(peer.id);
    }
    return seen.size === 12;
  }, 'one component');
}, 40_000);

test('another network has other channels and other proofs', async () => {
  const proofs = ['', 'x'].map((name) => new SubnetProofs(createCrypto(), 'chat', name));
  const connection = { handshakeHash: new Uint8Array(32), initiator: true } as never;
  const [a, b] = proofs.map((proof) => Buffer.from(proof.ours(connection)).toString('hex'));
  expect(a).not.toBe(b);
  expect(proofs[0]?.isTheirs(connection, Buffer.from(a as string, 'hex'))).toBe(false); // our own role
  const other = { handshakeHash: new Uint8Array(32), initiator: false } as never;
  expect(proofs[0]?.isTheirs(other, Buffer.from(a as string, 'hex'))).toBe(true);
});
