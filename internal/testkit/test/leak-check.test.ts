import { connect, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { leakCheck, until } from '../src/index.js';

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo();
});

async function pair() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<void>((resolve) =>
    server.once('connection', (s) => {
      s.on('error', () => {});
      s.resume();
      cleanUp.push(() => s.destroy());
      resolve();
    }),
  );
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  cleanUp.push(
    () => client.destroy(),
    () => void server.close(),
  );
  await accepted;
  return { server, client };
}

test('says nothing when all is closed', async () => {
  const done = leakCheck();
  const { server, client } = await pair();
  client.end();
  server.close();
  await done();
});

test("names a socket that stays open, and one that is unref'd", async () => {
  const done = leakCheck({ withinMs: 50 });
  const { server, client } = await pair();
  client.unref();
  server.close();
  await expect(done()).rejects.toThrow(/left open: 2[\s\S]*TCPWRAP/);
});

test('names a server that stays open', async () => {
  const done = leakCheck({ withinMs: 50 });
  const { client } = await pair();
  client.destroy();
  await expect(done()).rejects.toThrow(/left open: 1[\s\S]*TCPSERVERWRAP/);
});

test("names an unref'd timer of ours, with its birthplace", async () => {
  const done = leakCheck({ withinMs: 50 });
  const { systemClock } = await import('@peernet/core');
  const cancel = systemClock.alarm(systemClock.now() + 60_000, () => {});
  await expect(done()).rejects.toThrow(/Timeout[\s\S]*clock\.ts/);
  cancel();
});

test('does not mind a timer that was cleared, or that fired', async () => {
  const done = leakCheck({ withinMs: 500 });
  const { systemClock } = await import('@peernet/core');
  systemClock.alarm(systemClock.now() + 60_000, () => {})();
  systemClock.alarm(systemClock.now() + 5, () => {});
  await done();
});

test('until gives up and says what it waited for', async () => {
  await expect(until('the end of days', () => false, 20)).rejects.toThrow(
    'the end of days: not within 20 ms',
  );
});
