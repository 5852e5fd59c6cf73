// `close()` ends in 3 s whatever is going on, and leaves nothing open.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { leakCheck } from '@peernet/testkit';
import { isPeernetError, Peernet } from 'peernet';
import { expect, test } from 'vitest';

const settled = leakCheck();

async function closes(...nodes: Peernet[]): Promise<void> {
  const startMs = performance.now();
  await Promise.all(nodes.map((node) => node.close()));
  expect(performance.now() - startMs).toBeLessThan(3_000 + 250);
  await settled();
}

test('at once after construction', async () => {
  await closes(new Peernet());
});

test('while it dials somebody who never answers', async () => {
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const node = new Peernet();
  const dial = node.connect(`ws://127.0.0.1:${port}`);
  await node.ready();
  const failed = dial.catch((error: unknown) => error);
  const startMs = performance.now();
  await node.close();
  expect(performance.now() - startMs).toBeLessThan(3_250);
  expect(isPeernetError(await failed)).toBe(true);
  await new Promise((done) => silent.close(done));
  await settled();
});

test('with connections, a stream, a search and memberships', async () => {
  const [a, b] = [new Peernet(), new Peernet()];
  const { address } = await a.listen('ws', { host: '127.0.0.1' });
  a.handle('hold', () => {});
  await b.connect(address);
  await a.join('x');
  const stream = b.open(a.id, 'hold');
  stream.on('error', () => {});
  stream.write(Buffer.alloc(1_000_000));
  const search = b.search('y');
  search.on('data', () => {});
  await closes(a, b);
  await expect(b.connect(address)).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(b.join('z')).rejects.toMatchObject({ code: 'CLOSED' });
  expect(b.connections()).toEqual([]);
});

test('twice, and again', async () => {
  const node = new Peernet();
  await Promise.all([node.close(), node.close()]);
  await node.close();
  await settled();
});
