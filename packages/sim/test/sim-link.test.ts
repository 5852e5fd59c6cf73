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
