// WebRTC in the umbrella, with a real implementation: peers that do not listen are introduced by one that does, and
// everything that works over other transports works over theirs.
import { findRtc } from '@peernet/transport-wrtc';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Options, type Peer, Peernet } from '../src/index.js';
import { keep, make, rows, until } from './nodes.js';

const rtc = findRtc();
afterEach(() => void vi.restoreAllMocks());

const failure = (stream: { on(event: 'error', listener: (error: Error) => void): unknown }): Promise<Error> =>
  new Promise((done) => stream.on('error', done));

/** Two relays that listen and know their addresses, and `count` nodes that do not listen, connected to both. */
async function behindRelays(
  count: number,
  options: Options = {},
): Promise<{ relay: Peernet; nodes: Peernet[] }> {
  const [relay, other] = [1, 2].map(() => keep(new Peernet(undefined, { wrtc: rtc }))) as [Peernet, Peernet];
  const addresses: string[] = [];
  for (const node of [relay, other]) addresses.push((await node.listen('ws', { host: '127.0.0.1' })).address);
  await other.connect(addresses[0] as string);
  const probe = keep(new Peernet(undefined, { wrtc: false, bootstrap: false }));
  await probe.connect(addresses[1] as string);
  const isProven = (node: Peernet): boolean => node.snapshot().situation.own.some(({ verified }) => verified);
  await until(() => isProven(relay) && isProven(other), 'the relays know their addresses');
  const nodes = Array.from({ length: count }, () => keep(new Peernet(undefined, { wrtc: rtc, ...options })));
  for (const address of addresses) await Promise.all(nodes.map((node) => node.connect(address)));
  return { relay, nodes };
}

const over = (node: Peernet, transport: string): Peer[] =>
  node.peers().filter((peer) => peer.transport === transport);

describe.skipIf(rtc === undefined)('with an implementation', () => {
  test('two that do not listen are connected through a relay: connect, connections, peers, streams, disconnect', async () => {
    const { relay, nodes } = await behindRelays(2, { bootstrap: false });
    const [a, b] = nodes as [Peernet, Peernet];
    const via = relay.servers()[0]?.address as string;
    const peer = await a.connect(`wrtc:${b.id}?via=${via}`);
    expect([peer.id, peer.transport, peer.direction]).toEqual([b.id, 'wrtc', 'out']);
    expect(a.connections()).toContain(`wrtc:${b.id}`);
    await until(() => b.connections().includes(`wrtc:${a.id}`), 'the other side sees it too');
    b.handle('echo', (stream) => stream.pipe(stream));
    const stream = a.open(b.id, 'echo');
    const back = new Promise((done) => stream.on('data', (chunk) => done(String(chunk))));
    stream.write('over a data channel');
    expect(await back).toBe('over a data channel');
    a.disconnect(`wrtc:${b.id}`);
    await until(() => over(a, 'wrtc').length === 0 && over(b, 'wrtc').length === 0, 'disconnected');
    await expect(a.connect(`wrtc:${b.id}?via=${via}`)).resolves.toMatchObject({ id: b.id });
  }, 30_000);

  test('a wrtc: address is saved, known, and connected to by itself', async () => {
    const { relay, nodes } = await behindRelays(1, { bootstrap: false });
    const [b] = nodes as [Peernet];
    const a = keep(new Peernet(undefined, { wrtc: rtc }));
    const address = `wrtc:${b.id}?via=${relay.servers()[0]?.address}`;
    await a.save(address);
    expect((await rows(a.known())).map((row) => (row as { address: string }).address)).toContain(address);
    await until(() => over(a, 'wrtc').some(({ id }) => id === b.id), 'connected', 20_000);
  }, 30_000);

  test('a search row of a peer that cannot be dialed leads to it', async () => {
    const { nodes } = await behindRelays(2, { connections: 2 });
    const [a, b] = nodes as [Peernet, Peernet];
    b.handle('echo', (stream) => stream.pipe(stream));
    await b.join('hidden');
    await until(
      async () => (await a.find('hidden').catch(() => undefined))?.address.startsWith('wrtc:'),
      'a row',
      20_000,
    );
    const row = await a.find('hidden');
    expect(row.id).toBe(b.id);
    const stream = a.open(row, 'echo');
    const back = new Promise((done) => stream.on('data', (chunk) => done(String(chunk))));
    stream.write('found');
    expect(await back).toBe('found');
    expect(over(a, 'wrtc').map(({ id }) => id)).toEqual([b.id]);
  }, 40_000);

  test('members of a subnet that do not listen become a mesh', async () => {
    const { relay, nodes } = await behindRelays(4);
    const subnets = nodes.map((node) => node.subnet('tabs'));
    const heard = subnets.map(() => new Set<string>());
    for (const [i, subnet] of subnets.entries()) {
      subnet.on('connection', (stream, peer) => {
        stream.write('x');
        stream.on('data', () => heard[i]?.add(peer.id));
      });
    }
    await until(() => heard.every((ids) => ids.size === 3), 'a mesh', 30_000);
    expect(relay.snapshot().rooms).toEqual({});
    for (const subnet of subnets) {
      for (const peer of subnet.peers()) expect(peer.transport).toBe('wrtc');
    }
  }, 60_000);

  test('STUN servers are our own relays, unless told otherwise', async () => {
    const asked: unknown[] = [];
    const { RTCPeerConnection } = rtc as NonNullable<typeof rtc>;
    class Spied extends RTCPeerConnection {
      constructor(configuration: { iceServers: unknown[] }) {
        super(configuration);
        asked.push(configuration.iceServers);
      }
    }
    const { relay, nodes } = await behindRelays(2, { bootstrap: false, wrtc: { RTCPeerConnection: Spied } });
    const [a, b] = nodes as [Peernet, Peernet];
    const { address, port } = relay.servers()[0] as { address: string; port: number };
    await until(() => relay.snapshot().stun > 0, 'the relay answers STUN');
    await until(
      async () => {
        asked.length = 0;
        a.disconnect(b.id);
        await a.connect(`wrtc:${b.id}?via=${address}`).catch(() => {});
        return JSON.stringify(asked).includes('stun:');
      },
      'the relay is asked',
      20_000,
    );
    expect(JSON.stringify(asked)).toContain(`stun:127.0.0.1:${port}`);
    expect(JSON.stringify(asked)).not.toMatch(/google|stun:(?!127)/);
  }, 40_000);

  test('after close() nothing is left of it', async () => {
    const { nodes } = await behindRelays(2);
    const [a, b] = nodes as [Peernet, Peernet];
    await until(() => over(a, 'wrtc').length + over(b, 'wrtc').length === 2, 'connected over WebRTC', 20_000);
    const startMs = performance.now();
    await a.close();
    expect(performance.now() - startMs).toBeLessThan(3_000);
    await until(() => over(b, 'wrtc').length === 0, 'the other side knows', 5_000);
  }, 40_000);
});

describe('without one', () => {
  test.each([
    [false, 'opts.wrtc is false'],
    [undefined, 'npm install @roamhq/wrtc'],
  ] as const)('wrtc: %s: the error says what to do', async (wrtc, message) => {
    const node = make({ wrtc }); // transports of its own: what happens to be installed is not taken
    const target = `wrtc:${'1'.repeat(64)}?via=memory:x`;
    const expected = { code: 'SCHEME_UNKNOWN', message: expect.stringContaining(message) };
    await expect(node.connect(target)).rejects.toMatchObject(expected);
    expect(await failure(node.open(target, 'x'))).toMatchObject(expected);
  });

  test.each([true, 'yes', {}, { RTCPeerConnection: 1 }, null])('wrtc: %j is a TypeError', (wrtc) => {
    expect(() => new Peernet(undefined, { wrtc: wrtc as never })).toThrow(TypeError);
  });

  test.each(['stun:x', [{}], [{ urls: 'http://x' }], [null]])(
    'iceServers: %j is a TypeError',
    (iceServers) => {
      expect(() => new Peernet(undefined, { iceServers: iceServers as never })).toThrow(TypeError);
    },
  );
});
