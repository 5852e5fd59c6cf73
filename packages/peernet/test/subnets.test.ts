// pn.subnet() and everything else that has to do with memberships and peers: join, part, disconnect, the limit.
import { MemoryLevel } from 'memory-level';
import { describe, expect, test, vi } from 'vitest';
import { JumpClock, make, pair, rows, until } from './nodes.js';

const key = (name: string) => ({ key: name });

/** Two neighbours of a hub that are in `chat`, and connected there. */
async function members() {
  const [, a] = await pair({ interval: 200 });
  const b = make({ listen: 'memory:c', interval: 200 });
  await b.connect('memory:a');
  const [one, two] = [a.subnet('chat'), b.subnet('chat')];
  await until(() => one.peers().length === 1 && two.peers().length === 1, 'connected');
  return { a, b, one, two };
}

test('one too many: it is not listed, and works as soon as there is room', async () => {
  const node = make();
  await node.join(Array.from({ length: 64 }, (_, i) => `s${i}`));
  const refused = node.subnet('one more');
  await expect(refused.ready()).rejects.toMatchObject({ code: 'LIMIT' });
  expect(await rows(node.subnets())).not.toContainEqual(key('one more'));
  expect(node.snapshot().rooms).toEqual({});
  await node.part('s1');
  const again = node.subnet('one more');
  await until(() => node.snapshot().subnets.includes('one more'), 'joined');
  await refused.close(); // of the old one: nothing happens to the new one
  expect(await rows(node.subnets())).toContainEqual(key('one more'));
  await again.close();
  expect(node.snapshot().subnets).toHaveLength(63);
});

test('join() while the last subnet of that name closes: a member', async () => {
  for (let ticks = 0; ticks < 16; ticks++) {
    const node = make();
    await node.ready();
    const chat = node.subnet('chat');
    await until(() => node.snapshot().subnets.length === 1, 'joined');
    const closing = chat.close();
    for (let i = 0; i < ticks; i++) await null;
    await Promise.all([node.join('chat'), closing]);
    expect([ticks, node.snapshot().subnets]).toEqual([ticks, ['chat']]);
  }
});

test('part() while a slow database loads: no member, whatever it remembers', async () => {
  const db = new MemoryLevel();
  const before = make({}, db);
  await before.join('chat');
  await before.close();
  let load = (): void => {};
  const loading = new Promise<void>((done) => {
    load = done;
  });
  vi.spyOn(db, 'open').mockImplementation(() => loading);
  const clock = new JumpClock();
  const node = make({ clock, identity: { load: async () => undefined, save: async () => {} } }, db);
  await Promise.all([node.ready(), clock.pass(6_000)]);
  const parted = node.part('chat');
  await new Promise(setImmediate); // it waits for the database by now
  load();
  await parted;
  expect([await rows(node.subnets()), node.snapshot().subnets]).toEqual([[], []]);
});

test('who iterates and listens gets each stream both ways, once', async () => {
  const { a } = await members();
  const late = a.subnet('chat');
  let events = 0;
  late.on('connection', () => events++);
  const [first, second] = [late[Symbol.asyncIterator](), late[Symbol.asyncIterator]()];
  for (const iterator of [first, second]) expect((await iterator.next()).done).toBe(false);
  let more = false;
  void first.next().then(({ done }) => {
    more = done !== true;
  });
  await new Promise((done) => setTimeout(done, 20));
  expect([events, more]).toEqual([1, false]);
});

describe('disconnect', () => {
  test('holds off members, too, at both ends; a connect of the user ends that', async () => {
    const { a, b, one, two } = await members();
    let back = 0;
    for (const chat of [one, two]) chat.on('connection', () => back++);
    a.disconnect(b.id);
    await until(() => one.peers().length + two.peers().length === 0, 'gone');
    await new Promise((done) => setTimeout(done, 2_500)); // a lost member is tried again after a second
    expect([back, a.peers().some(({ id }) => id === b.id)]).toEqual([0, false]);
    await a.connect('memory:c');
    await until(() => one.peers().length === 1, 'again', 30_000);
  }, 40_000);
});
