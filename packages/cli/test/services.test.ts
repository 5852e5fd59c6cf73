import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Services } from '../src/services.js';
import { FakeNode } from './fake-node.js';
import { tempFolder, until } from './harness.js';

function create(path: string, node = new FakeNode()) {
  const events: [string, unknown][] = [];
  const services = new Services({
    node,
    path,
    retryMs: 20,
    log: (event, fields) => events.push([event, fields]),
  });
  const end = async (): Promise<void> => {
    services.close();
    await node.close();
  };
  onTestFinished(end);
  return { services, node, events, end };
}

const file = (): string => join(tempFolder(), 'services.json');

describe('services', () => {
  it('come back at the same port, with all that was asked for', async () => {
    const path = file();
    const before = create(path);
    const announce = ['ws://peer.example:80'];
    const { port } = await before.services.listen({ protocol: 'ws', port: 0, host: '127.0.0.1', announce });
    const tcp = await before.services.listen({ protocol: 'tcp', port: 0 });
    await before.end();
    const after = create(path);
    await after.services.restore();
    expect(after.services.list()).toMatchObject([
      { protocol: 'ws', port, host: '127.0.0.1', state: 'listening' },
      { protocol: 'tcp', port: tcp.port, state: 'listening' },
    ]);
    expect(JSON.parse(readFileSync(path, 'utf8')).services[0]).toEqual({
      protocol: 'ws',
      port,
      host: '127.0.0.1',
      announce,
    });
  });

  it('a port that is taken: a warning, and tried again until it is free', async () => {
    const path = file();
    const before = create(path);
    const { port } = await before.services.listen({ protocol: 'ws', port: 0 });
    await before.end();
    const thief = new FakeNode();
    const stolen = await thief.listen('ws', { port });
    onTestFinished(() => thief.close());
    const after = create(path);
    await after.services.restore();
    expect(after.services.list()).toMatchObject([{ port, state: 'waiting', why: { code: 'PORT_IN_USE' } }]);
    await until(() => after.events.length >= 3);
    expect(after.events[0]).toMatchObject(['service waits', { protocol: 'ws', port }]);
    await stolen.close();
    await until(() => after.services.list()[0]?.state === 'listening');
    expect(after.services.list()[0]).not.toHaveProperty('why');
  });

  it('a waiting one can be forgotten, or asked for again', async () => {
    const path = file();
    const before = create(path);
    const { port } = await before.services.listen({ protocol: 'ws', port: 0 });
    await before.end();
    const thief = new FakeNode();
    const stolen = await thief.listen('ws', { port });
    onTestFinished(() => thief.close());
    const after = create(path);
    await after.services.restore();
    await expect(after.services.listen({ protocol: 'ws', port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
    await stolen.close();
    await after.services.listen({ protocol: 'ws', port });
    expect(after.services.list()).toMatchObject([{ port, state: 'listening' }]);
    await after.services.unlisten({ port });
    const empty = create(path);
    await empty.services.restore();
    expect(empty.services.list()).toEqual([]);
  });

  it('a waiting one that is asked for again keeps what is not said again', async () => {
    const path = file();
    const before = create(path);
    const announce = ['ws://peer.example:80'];
    const { port } = await before.services.listen({ protocol: 'ws', port: 0, host: '127.0.0.1', announce });
    await before.end();
    const thief = new FakeNode();
    const stolen = await thief.listen('ws', { port });
    onTestFinished(() => thief.close());
    const after = create(path);
    await after.services.restore();
    await stolen.close();
    await after.services.listen({ protocol: 'ws', port });
    const asked = { protocol: 'ws', port, host: '127.0.0.1', announce };
    expect(JSON.parse(readFileSync(path, 'utf8')).services).toEqual([asked]);
    // What is said anew counts.
    await after.end();
    await thief.listen('ws', { port });
    const again = create(path);
    await again.services.restore();
    await thief.close();
    await again.services.listen({ protocol: 'ws', port, announce: ['ws://other.example:80'] });
    expect(JSON.parse(readFileSync(path, 'utf8')).services).toEqual([
      { ...asked, announce: ['ws://other.example:80'] },
    ]);
    // Another protocol is another service.
    await again.end();
    await thief.listen('ws', { port });
    const other = create(path);
    await other.services.restore();
    await thief.close();
    await other.services.listen({ protocol: 'tcp', port });
    expect(JSON.parse(readFileSync(path, 'utf8')).services).toEqual([{ protocol: 'tcp', port }]);
  });

  it('two `listen` at once for one port: one service', async () => {
    const { services, node } = create(file());
    const { port, close } = await new FakeNode().listen('ws', {});
    await close();
    const [a, b] = await Promise.all([
      services.listen({ protocol: 'ws', port }),
      services.listen({ protocol: 'ws', port }),
    ]);
    expect(a).toEqual(b);
    expect(node.services.size).toBe(1);
  });

  it('a port that is ours, asked for with other options: an error, and nothing changes', async () => {
    const { services } = create(file());
    const asked = { protocol: 'ws', host: '127.0.0.1', announce: ['ws://peer.example:80'] };
    const row = await services.listen({ ...asked, port: 0 });
    const { port } = row;
    expect(await services.listen({ protocol: 'ws', port })).toEqual(row);
    expect(await services.listen({ ...asked, port })).toEqual(row);
    for (const [other, why] of [
      [{ announce: ['ws://peer.example:81'] }, /serves ws .* with another --announce$/],
      [{ cert: '/c.pem', key: '/k.pem' }, /serves ws of this daemon already$/],
      [{ protocol: 'tcp' }, /serves ws of this daemon already$/],
    ] as const)
      await expect(services.listen({ ...asked, port, ...other })).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        message: expect.stringMatching(why),
      });
    expect(services.list()).toEqual([row]);
  });

  it('unlisten ends what `servers` calls by that name: ws is not wss, waiting or not', async () => {
    const path = file();
    const [cert, key] = ['c.pem', 'k.pem'].map((name) => join(dirname(path), name)) as [string, string];
    for (const pem of [cert, key]) writeFileSync(pem, '');
    const before = create(path);
    await before.services.listen({ protocol: 'ws', port: 0 });
    const { port } = await before.services.listen({ protocol: 'ws', port: 0, cert, key });
    expect(await before.services.unlisten({ protocol: 'ws' })).toMatchObject([{ protocol: 'ws' }]);
    expect(before.services.list()).toMatchObject([{ protocol: 'wss', port }]);
    await before.end();
    rmSync(cert);
    const after = create(path);
    await after.services.restore();
    const why = { code: 'LISTEN_FAILED', message: expect.stringContaining(`cannot read ${cert}`) };
    expect(after.services.list()).toMatchObject([{ protocol: 'wss', state: 'waiting', why }]);
    expect(await after.services.unlisten({ protocol: 'wss' })).toMatchObject([{ protocol: 'wss', port }]);
  });

  it('what cannot be forgotten goes on', async () => {
    const path = file();
    const { services, node } = create(path);
    await services.listen({ protocol: 'ws', port: 0 });
    rmSync(path);
    mkdirSync(path); // nothing can be renamed to it
    await expect(services.unlisten({ protocol: 'ws' })).rejects.toMatchObject({ syscall: 'rename' });
    expect([services.list().length, node.services.size]).toEqual([1, 1]);
  });

  it('what cannot be remembered does not listen either', async () => {
    const { services, node } = create('/dev/full/services.json');
    await expect(services.listen({ protocol: 'ws', port: 0 })).rejects.toMatchObject({ syscall: 'open' });
    expect([services.list(), node.services.size]).toEqual([[], 0]);
  });

  it.each([
    '',
    'nonsense',
    '{"v":1}',
    '{"v":1,"services":[{"protocol":"ws","port":"x"}]}',
    '{"v":9,"services":[]}',
  ])('a damaged list %j is set aside', async (text) => {
    const path = file();
    writeFileSync(path, text, { mode: 0o600 });
    const { services, events } = create(path);
    await services.restore();
    expect(services.list()).toEqual([]);
    expect(events[0]?.[0]).toBe('list of services set aside');
    expect(readFileSync(`${path}.bad`, 'utf8')).toBe(text);
    await services.listen({ protocol: 'ws', port: 0 });
  });
});
