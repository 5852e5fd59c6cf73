// save, remove, known, and what explain and snapshot make of it.
import { MemoryLevel } from 'memory-level';
import { describe, expect, test } from 'vitest';
import { explain, type Situation } from '../src/explain.js';
import type { KnownRow, Peernet } from '../src/index.js';
import { make, pair, rows } from './nodes.js';

const addresses = async (node: Peernet): Promise<string[]> =>
  (await rows<KnownRow>(node.known())).map(({ address }) => address).sort();

describe('addresses', () => {
  test('save, known, remove: strings, objects, one or many, in their normal form', async () => {
    const node = make({ bootstrap: false });
    await node.save('ws://10.1.2.3:4000');
    await node.save({ address: 'tcp://10.1.2.5:1' });
    await node.save(['ws://Example.com/', { address: 'tcp://10.1.2.4:5000' }, 'ws://10.1.2.3:4000']);
    expect(await addresses(node)).toEqual([
      'tcp://10.1.2.4:5000',
      'tcp://10.1.2.5:1',
      'ws://10.1.2.3:4000',
      'ws://example.com:80',
    ]);
    await node.remove([{ address: 'ws://10.1.2.3:4000' }, 'ws://example.com', 'tcp://10.1.2.5:1']);
    await node.remove('ws://10.9.9.9:1'); // never known: fine
    expect(await rows(node.known())).toEqual([
      { address: 'tcp://10.1.2.4:5000', verified: false, source: 'self' },
    ]);
    await node.save([]);
  });

  test('saving after removing brings one back; an id pins it', async () => {
    const node = make({ bootstrap: false });
    await node.save('ws://10.1.2.3:4000');
    await node.remove('ws://10.1.2.3:4000');
    await node.save(`ws://10.1.2.3:4000#${'a'.repeat(64)}`);
    expect(await rows(node.known())).toMatchObject([{ address: 'ws://10.1.2.3:4000', id: 'a'.repeat(64) }]);
  });

  test.each(['save', 'remove'] as const)('%s names what is invalid, and does the rest', async (method) => {
    const node = make({ bootstrap: false });
    await node.save('ws://10.1.2.4:4000');
    const list = [
      'ws://10.1.2.3:4000',
      'nonsense',
      'ws://10.1.2.4:4000',
      'ws://256.1.1.1:1',
      { address: 7 as never },
    ];
    await expect(node[method](list)).rejects.toMatchObject({
      code: 'ADDRESS_INVALID',
      message: expect.stringMatching(/nonsense, ws:\/\/256\.1\.1\.1:1, 7 .*example: ws:\/\//),
    });
    expect(await addresses(node)).toEqual(
      method === 'save' ? ['ws://10.1.2.3:4000', 'ws://10.1.2.4:4000'] : [],
    );
  });

  test('what is called back is durable: another node on the same database has it, without a close', async () => {
    const db = new MemoryLevel<string, string>();
    const first = make({ bootstrap: false }, db);
    await first.save('ws://10.1.2.3:4000');
    await first.join('x');
    const copy = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
    for await (const [key, value] of db.iterator<Buffer, Buffer>({
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
    })) {
      await copy.put(key, value);
    }
    const second = make({ bootstrap: false }, copy);
    expect(await addresses(second)).toEqual(['ws://10.1.2.3:4000']);
    expect(await rows(second.subnets())).toEqual([{ key: 'x' }]);
  });

  test('rows tell who answered, when, and who told', async () => {
    const [a, b] = await pair();
    const [row] = (await rows<KnownRow>(b.known())) as [KnownRow];
    expect(row).toEqual({
      address: 'memory:a',
      id: a.id,
      lastSeen: expect.any(Number),
      verified: true,
      source: 'dial',
    });
    expect(Math.abs((row.lastSeen as number) - Date.now())).toBeLessThan(60_000);
    // a has probed b, whom it did not dial.
    expect(await rows(a.known())).toMatchObject([{ address: 'memory:b', id: b.id }]);
  });

  test('streams of rows pipe, emit, iterate, and end early', async () => {
    const node = make({ bootstrap: false });
    await node.save(Array.from({ length: 300 }, (_, i) => `ws://10.1.${i >> 8}.${i & 255}:1`));
    expect(await rows(node.known())).toHaveLength(300);
    const seen: KnownRow[] = [];
    const stream = node.known();
    stream.on('data', (row) => seen.push(row));
    await new Promise<void>((done) => stream.on('end', () => done()));
    expect(seen).toHaveLength(300);
    const early = node.known();
    for await (const row of early) {
      expect((row as KnownRow).source).toBe('self');
      break;
    }
    expect(early.destroyed).toBe(true);
  });
});

describe('explain', () => {
  const well: Situation = {
    connections: 5,
    target: 5,
    bootstrap: true,
    known: 9,
    saved: 1,
    verified: 5,
    services: 1,
    own: [{ address: 'ws://203.0.113.7:1', verified: true }],
    inbound: 2,
    webrtc: 'on',
    relays: 3,
    dials: { ok: 5, failed: 0 },
    size: 40,
    storeFailed: false,
    uptimeMs: 100_000,
  };
  test.each<[string, Partial<Situation>, string]>([
    ['CONNECTED', {}, 'ok'],
    ['REACHABLE', {}, 'ok'],
    ['OUTBOUND_ONLY', { services: 0 }, 'info'],
    ['NO_WEBRTC', { services: 0, webrtc: 'none' }, 'info'],
    ['NO_RELAY', { services: 0, webrtc: 'on', relays: 0 }, 'warn'],
    ['NOT_REACHABLE', { own: [{ address: 'ws://203.0.113.7:1', verified: false }] }, 'warn'],
    ['FEW_CONNECTIONS', { connections: 1 }, 'warn'],
    ['NO_SEEDS', { connections: 0, known: 0, services: 0 }, 'error'],
    ['NO_SEEDS', { connections: 0, known: 0 }, 'warn'],
    ['BOOTSTRAP_OFF', { connections: 0, bootstrap: false }, 'warn'],
    ['NOBODY_ANSWERS', { connections: 0, dials: { ok: 0, failed: 3, lastFailure: 'DIAL_REFUSED' } }, 'error'],
    ['CONNECTING', { connections: 0, dials: { ok: 0, failed: 0 } }, 'info'],
    ['STORE_FAILED', { storeFailed: true }, 'error'],
  ])('%s', (code, difference, level) => {
    const findings = explain({ ...well, ...difference });
    const finding = findings.find((f) => f.code === code);
    expect(finding).toMatchObject({ level, message: expect.stringMatching(/^\S.*[.)]$/) });
    if (level === 'error' || level === 'warn') expect(finding?.hint).toMatch(/\S/);
    if (code === 'STORE_FAILED') expect(findings[0]?.code).toBe(code);
  });

  test('of a live node, and its snapshot is plain data', async () => {
    const alone = make();
    expect((await alone.explain()).map(({ code }) => code)).toContain('NO_SEEDS');
    const [, b] = await pair();
    expect((await b.explain()).map(({ code }) => code)).toContain('FEW_CONNECTIONS');
    await b.connect('memory:nobody').catch(() => {});
    const snapshot = b.snapshot();
    expect(snapshot).toMatchObject({
      v: 1,
      id: b.id,
      connections: { overlay: 1 },
      situation: { dials: { failed: 1, lastFailure: 'DIAL_REFUSED' } },
    });
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  });
});
