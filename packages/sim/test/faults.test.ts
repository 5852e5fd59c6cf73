// Random faults: every kind happens, the schedule follows from the seed, and at the end all is mended.
import { expect, test } from 'vitest';
import {
  createWorld,
  type FaultKind,
  type FaultOptions,
  faultKinds,
  type Host,
  randomFaults,
} from '../src/index.js';

function run(seed: number, options: { restart?: boolean } = {}) {
  const world = createWorld({ seed });
  const network = world.network();
  const hosts = Array.from({ length: 20 }, () => network.host());
  const kinds: FaultKind[] = [];
  const when: number[] = [];
  const restarted: Host[] = [];
  const broken: { dead: number; asleep: number; cut: number } = { dead: 0, asleep: 0, cut: 0 };
  randomFaults(network, {
    untilMs: 600_000,
    everyMs: 3_000,
    onFault: (kind) => {
      kinds.push(kind);
      when.push(world.now);
    },
    ...(options.restart === false ? {} : { restart: (host: Host) => restarted.push(host) }),
  });
  world.invariant('counting', () => {
    broken.dead += hosts.filter((host) => host.dead).length;
    broken.asleep += hosts.filter((host) => !host.dead && !host.running).length;
    broken.cut += network.isCut(hosts[0] as Host, hosts[1] as Host) ? 1 : 0;
    return true;
  });
  world.run(700_000);
  return { kinds, when, restarted, broken, hosts, network };
}

test('every kind of fault happens, within the time, and all is mended at its end', () => {
  const { kinds, when, restarted, broken, hosts, network } = run(1);
  for (const kind of faultKinds) expect(kinds.filter((other) => other === kind).length).toBeGreaterThan(5);
  expect(Math.max(...when)).toBeLessThan(600_000);
  expect(Math.min(broken.dead, broken.asleep, broken.cut)).toBeGreaterThan(0);
  expect(restarted.length).toBeGreaterThan(10);
  expect(hosts.every((host) => host.running && !host.dead && !host.refusing)).toBe(true);
  for (const a of hosts) for (const b of hosts) expect(network.isCut(a, b)).toBe(false);
});

test('equal seeds give equal schedules, others others', () => {
  expect(run(2).when).toEqual(run(2).when);
  expect(run(3).when).not.toEqual(run(2).when);
});

test('without somebody to restart them, hosts do not crash', () => {
  const { kinds, broken } = run(4, { restart: false });
  expect(kinds.some((kind) => kind === 'crash' || kind === 'reset')).toBe(false);
  expect(kinds.length).toBeGreaterThan(100);
  expect(broken.dead).toBe(0);
});

test('what is done to hosts after the end of the faults stays so', () => {
  const world = createWorld({ seed: 4 });
  const network = world.network();
  const hosts = Array.from({ length: 5 }, () => network.host());
  randomFaults(network, { untilMs: 60_000, everyMs: 2_000, lastMs: 60_000, restart: () => {} });
  world.run(61_000);
  expect(hosts.every((host) => host.running)).toBe(true);
  const [dead, asleep, alone, other] = hosts as [Host, Host, Host, Host];
  dead.crash();
  asleep.pause();
  network.partition([[alone]]);
  for (let s = 62; s < 130; s++) {
    world.run(s * 1000);
    expect([s, dead.dead, asleep.running, network.isCut(alone, other)]).toEqual([s, true, false, true]);
  }
});

test('faults without a pause between them, of no length, without an end or of no kind are misuse', () => {
  const network = createWorld({ seed: 1 }).network();
  const kinds = ['crash', 'crsh'] as FaultKind[];
  for (const wrong of [
    { everyMs: 0 },
    { everyMs: Number.NaN },
    { lastMs: -1 },
    { lastMs: Number.NaN },
    { kinds },
  ])
    expect(() => randomFaults(network, { untilMs: 1_000, ...wrong })).toThrow(TypeError);
  // Plain JavaScript leaves arguments out.
  expect(() => randomFaults(network, {} as FaultOptions)).toThrow(/^untilMs: /);
});
