// What a link tells a process that ends or falls asleep while it is being told: nothing more, or later.
import { expect, test } from 'vitest';
import { createWorld, type Host, type SimLink } from '../src/index.js';

/** Five messages and (if asked) the end of the link wait for a host that has not opened its end yet. */
function waiting({ closed }: { closed: boolean }) {
  const world = createWorld({ seed: 1 });
  const network = world.network({ sigma: 0 });
  const [from, to] = [network.host(), network.host()];
  let far: SimLink | undefined;
  to.onLink = (link) => {
    far = link;
  };
  from.dialNow(to.address, {}, ({ link }) => {
    link?.open({ onMessage() {}, onDrain() {}, onClose() {} });
    for (let i = 0; i < 5; i++) link?.send(Uint8Array.of(i), 'search');
    if (closed) link?.close('DONE');
  });
  world.run(2_000);
  const heard: (number | string)[] = [];
  const open = (onTwo: (host: Host) => void): void =>
    (far as SimLink).open({
      onMessage: ([number = Number.NaN]) => {
        heard.push(number);
        if (number === 2) onTwo(to);
      },
      onDrain() {},
      onClose: (reason) => heard.push(reason),
    });
  return { world, host: to, far: far as SimLink, heard, open };
}

test.each([{ closed: false }, { closed: true }])('a process that crashes hears nothing more: %j', (how) => {
  const { world, heard, open } = waiting(how);
  open((host) => host.crash());
  world.run(30_000);
  expect(heard).toEqual([0, 1, 2]);
});

test('nor does the process after it', () => {
  const { world, heard, open } = waiting({ closed: true });
  open((host) => {
    host.crash();
    host.restart();
  });
  world.run(30_000);
  expect(heard).toEqual([0, 1, 2]);
});

test('a process that falls asleep hears the rest when it wakes up, in order', () => {
  const { world, host, heard, open } = waiting({ closed: true });
  open(() => host.pause());
  world.run(3_000);
  expect(heard).toEqual([0, 1, 2]);
  host.resume();
  expect(heard).toEqual([0, 1, 2, 3, 4, 'DONE']);
});

test('control: who stays awake hears all of it', () => {
  const { world, heard, open } = waiting({ closed: true });
  open(() => {});
  world.run(3_000);
  expect(heard).toEqual([0, 1, 2, 3, 4, 'DONE']);
});

test('what a process has closed at its end is not told to the next one', () => {
  const { world, host, far, heard, open } = waiting({ closed: false });
  open(() => {});
  world.run(3_000);
  far.close('DONE');
  host.crash();
  host.restart();
  world.run(30_000);
  expect(heard).toEqual([0, 1, 2, 3, 4]);
});

test('who has crashed acknowledges no more than who sleeps: its sender congests, and is told of no room', () => {
  const run = (fault: (reader: Host) => void): [buffered: number, drains: number] => {
    const world = createWorld({ seed: 2 });
    const network = world.network({ sigma: 0, jitterShare: 0, windowBytes: 0, bufferBytesMax: 100_000 });
    const [from, to] = [network.host(), network.host()];
    to.onLink = (link) => link.open({ onMessage() {}, onDrain() {}, onClose() {} });
    let near: SimLink | undefined;
    let drains = 0;
    from.dialNow(to.address, {}, ({ link }) => {
      near = link;
      link?.open({ onMessage() {}, onDrain: () => drains++, onClose() {} });
    });
    world.run(1_000);
    fault(to);
    while (near?.send(new Uint8Array(10_000), 'rows'));
    world.runFor(5_000);
    while (near?.send(new Uint8Array(10_000), 'rows'));
    world.runFor(4_000);
    return [near?.buffered ?? Number.NaN, drains];
  };
  const asleep = run((reader) => reader.pause());
  expect(asleep[0]).toBeGreaterThan(90_000);
  expect(run((reader) => reader.crash())).toEqual(asleep);
  expect(
    run(() => {}),
    'control: who reads makes room',
  ).toEqual([0, 2]);
});
