// What a connected stranger, or a member of a public subnet, can make a node do: nothing at the cost of others.
import { type Connection, createCrypto, type IncomingChannel, secure } from '@peernet/connection';
import { type Link, PeernetError, type PeerStore } from '@peernet/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Hearsay } from '../src/hearsay.js';
import type { Peernet, SearchRow } from '../src/index.js';
import { JumpClock, make, memory, until } from './nodes.js';

/** Connections of as many identities with a node, by hand: the gossip channel, and nothing said on it. */
async function strangers(
  address: string,
  count: number,
  onLink: (link: Link) => void = () => {},
): Promise<Connection[]> {
  const all: Connection[] = [];
  for (let i = 0; i < count; i++) {
    const duplex = await memory().dial(address, { signal: AbortSignal.timeout(5_000) });
    const connection = await secure(duplex, { crypto: createCrypto(), role: 'initiator' });
    const link = connection.link('peernet/gossip/1');
    link.open({ onMessage() {}, onDrain() {}, onClose() {} });
    onLink(link);
    all.push(connection);
  }
  onTestFinished(() => {
    for (const connection of all) connection.close('DONE');
  });
  return all;
}

/** A row that says of `id` that it is at `address`. */
function row(id: string, address: string, seq?: number): SearchRow {
  const known = { hash: 'x', hops: 1, verified: false, age: 0, doubtful: false };
  return { ...known, id, address, addresses: [address], ...(seq === undefined ? {} : { seq }) };
}

async function listening(name: string): Promise<Peernet> {
  const node = make({ listen: `memory:${name}`, bootstrap: false });
  await node.ready();
  node.handle('echo', (stream) => stream.pipe(stream));
  return node;
}

const answer = (node: Peernet, to: SearchRow | string): Promise<string> => {
  const stream = node.open(to, 'echo');
  stream.write('x');
  return new Promise((done) => {
    stream.on('data', (chunk) => done(String(chunk)));
    stream.on('error', (error) => done((error as PeernetError).code));
  });
};

test('64 strangers with streams to us do not keep us from opening our own', async () => {
  const [node] = [await listening('node'), await listening('other')];
  for (const connection of await strangers('memory:node', 64)) connection.open('app/echo').write('x');
  await until(() => node.peers().filter(({ kind }) => kind === 'app').length === 64, 'all are there');
  expect(await answer(node, 'memory:other')).toBe('x');
});

test('64 strangers whom only their streams keep do not end a stream of ours in the same case', async () => {
  const node = await listening('node');
  const links: Link[] = [];
  const onOpen = (incoming: IncomingChannel): void => {
    if (incoming.kind === 'stream') incoming.stream().on('data', () => {});
    else links.push(incoming.link());
  };
  const listener = await memory().listen?.({ host: 'raw' }, (duplex) => {
    void secure(duplex, { crypto: createCrypto(), role: 'responder', onOpen });
  });
  onTestFinished(() => listener?.close());
  for (let i = 0; i < 64; i++) {
    const [connection] = await strangers('memory:node', 1, (link) => links.push(link));
    connection?.open('app/echo').write('x');
    await until(() => node.peers().filter(({ kind }) => kind === 'app').length === i + 1, 'it is there');
    links.pop()?.close('DONE');
  }
  const stream = node.open('memory:raw', 'x');
  stream.write('x');
  await until(() => links.length === 1, 'the overlay link of ours');
  const [link] = links;
  link?.open({ onMessage() {}, onDrain() {}, onClose() {} });
  await new Promise((done) => setTimeout(done, 50));
  link?.close('DONE');
  await new Promise((done) => setTimeout(done, 100));
  expect(stream.destroyed).toBe(false);
  stream.destroy();
});

test('64 streams that say nothing do not keep members out of a subnet', async () => {
  const hub = await listening('hub');
  const hashes: string[] = [];
  hub.on('search', ({ hash }) => void hashes.push(hash));
  const [victim, honest] = [make({ listen: 'memory:victim', bootstrap: false }), make({ bootstrap: false })];
  for (const node of [victim, honest]) await node.connect('memory:hub');
  const chat = victim.subnet('chat');
  await until(() => hashes.length > 0, 'the hash came by');
  const channel = `s/${Buffer.from(hashes[0] as string, 'hex').toString('base64url')}`;
  const silent = (await strangers('memory:victim', 32)).flatMap((connection) =>
    [1, 2, 3].map(() => connection.open(channel)),
  );
  let refused = 0;
  for (const stream of silent) stream.on('error', () => refused++).write('x');
  await until(() => refused === 32, 'two of each stay');
  honest.subnet('chat');
  await until(() => chat.peers().length === 1, 'the member got in', 5_000);
  expect(refused).toBe(33); // the one that was silent longest
});

test('an address that somebody else gave for his is not to blame', async () => {
  const honest = await listening('honest');
  const [node, liar] = [make({ bootstrap: false }), await listening('liar')];
  for (const address of ['memory:honest', 'memory:liar']) await node.connect(address);
  expect(node.snapshot().book).toMatchObject({ verified: 2 });
  const nobody = [...'0123'].map((end) => liar.id.slice(0, -1) + end).filter((id) => id !== liar.id);
  for (const id of nobody.slice(0, 3)) {
    expect(await answer(node, row(id, 'memory:honest'))).toBe('WRONG_PEER');
  }
  expect(node.snapshot().book).toMatchObject({ verified: 2 });
  expect(await node.getStats('memory:honest')).toMatchObject({ connections: { ok: 1, fail: 3 } });
  // The control: where we believed that very peer to be, it counts.
  await honest.close();
  expect(await answer(node, row(honest.id, 'memory:honest'))).not.toBe('x');
  expect(node.snapshot().book).toMatchObject({ verified: 1 });
});

describe('where a stranger says that he is', () => {
  const store = (known: string[]) =>
    ({ get: (text) => (known.includes(text) ? { lastSeen: 1 } : undefined) }) as PeerStore;

  test('is no port of the system, and no host where eight dials have failed, but for one a minute', () => {
    const hearsay = new Hearsay();
    const one = ['tcp://8.8.8.8:4000'];
    const all = [...one, 'tcp://8.8.8.8:22', 'ws://8.8.8.8:80', 'wss://8.8.8.8:443', 'tcp://10.0.0.1:22'];
    expect(hearsay.believed(all, store([]), 0)).toEqual(all.filter((text) => text !== 'tcp://8.8.8.8:22'));
    for (let i = 0; i < 8; i++) {
      expect(hearsay.believed(one, store([]), 0)).toEqual(one);
      hearsay.failed(`tcp://8.8.8.8:${5_000 + i}`, 0);
    }
    expect(hearsay.believed(one, store([]), 0)).toEqual([]);
    expect(hearsay.believed(one, store(one), 0)).toEqual(one); // somebody was met there
    expect(hearsay.believed(['tcp://8.8.4.4:4000'], store([]), 0)).toHaveLength(1);
    expect(hearsay.believed(one, store([]), 60_001)).toEqual(one);
  });

  test('a subnet does not make its members dial one host again and again', async () => {
    const clock = new JumpClock();
    const hub = make({ listen: 'memory:hub', clock });
    await hub.ready();
    const liars = Array.from({ length: 12 }, (_, i) =>
      make({ bootstrap: false, clock, announce: [`ws://8.8.8.8:${4_000 + i}`, 'ws://8.8.8.8:25'] }),
    );
    for (const liar of liars) await liar.connect('memory:hub');
    await Promise.all(liars.map((liar) => liar.join('chat')));
    const dialed: string[] = [];
    const real = memory();
    const transport = {
      ...real,
      schemes: [...real.schemes, 'ws'],
      dial: (address: string, options: { signal: AbortSignal }) => {
        if (address.startsWith('memory:')) return real.dial(address, options);
        dialed.push(address);
        return Promise.reject(new PeernetError('DIAL_REFUSED', 'no'));
      },
    };
    const node = make({ bootstrap: false, transport, clock });
    await node.connect('memory:hub');
    await node.subnet('chat').ready();
    await clock.pass(120_000);
    expect(dialed.length).toBeGreaterThan(4);
    expect(dialed.length).toBeLessThan(15); // eight, one a minute, and those that were under way
    expect(dialed).not.toContain('ws://8.8.8.8:25');
  }, 30_000);
});

test('a new row is tried where it leads, while an old one of the same peer fails', async () => {
  const a = await listening('a');
  const node = make({ bootstrap: false });
  await node.ready();
  const stale = answer(node, row(a.id, 'memory:gone', 1));
  expect(await answer(node, row(a.id, 'memory:a', 2))).toBe('x');
  expect(await stale).toBe('DIAL_REFUSED');
});
