// What is left of a process that has ended: nothing that the next one on its host would hear of.
import { expect, test } from 'vitest';
import { createWorld, type Host } from '../src/index.js';

/** A host that crashes at 100 ms in the middle of what it does, and restarts in the same ms. */
function crashing({ crashes }: { crashes: boolean }) {
  const world = createWorld({ seed: 1 });
  const network = world.network();
  const [host, other] = [network.host(), network.host()] as [Host, Host];
  other.onLink = () => {};
  const heard: string[] = [];
  host.clock.alarm(host.clock.now() + 100, () => {
    if (crashes) host.crash();
    // Code that has not noticed yet goes on until it returns.
    host.clock.alarm(host.clock.now() + 1_000, () => heard.push('alarm'));
    host.dialNow(other.address, {}, () => heard.push('dial'));
  });
  world.at(100, () => {
    if (crashes) host.restart();
  });
  world.run(30_000);
  return { heard, links: host.links.size };
}

test('what a process begins as it ends is void for the next one', () => {
  expect(crashing({ crashes: true })).toEqual({ heard: [], links: 0 });
});

test('control: a process that does not end hears of both', () => {
  const { heard, links } = crashing({ crashes: false });
  expect([heard.sort(), links]).toEqual([['alarm', 'dial'], 1]);
});
