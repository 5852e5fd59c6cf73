// The world: order of events, alarms, invariants, `until`, and that a seed replays in another process.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createWorld } from '../src/index.js';
import { chatter } from './chatter.js';

test('events happen in the order of time, then of scheduling', () => {
  const world = createWorld({ seed: 1 });
  const seen: string[] = [];
  world.at(20, () => seen.push('c'));
  world.at(10, () => {
    seen.push('a');
    world.at(10, () => seen.push('b'));
    world.at(0, () => seen.push('b2'));
  });
  world.at(20, () => seen.push('d'));
  expect(world.run(15)).toBe(3);
  expect(world.now).toBe(15);
  world.run(20);
  expect(seen).toEqual(['a', 'b', 'b2', 'c', 'd']);
});

test('ten thousand random events come sorted, cancelled ones never', () => {
  const world = createWorld({ seed: 2 });
  const seen: [number, number][] = [];
  const cancels: (() => void)[] = [];
  let wanted = 0;
  for (let i = 0; i < 10_000; i++) {
    const atMs = world.random.uint32() % 500;
    const cancel = world.at(atMs, () => seen.push([atMs, i]));
    if (i % 5 > 0) cancels.push(cancel);
    else wanted++;
  }
  for (const cancel of cancels) cancel();
  for (const cancel of cancels) cancel();
  expect(world.pending).toBe(wanted);
  world.run(1_000);
  expect(seen.length).toBe(wanted);
  expect(seen).toEqual([...seen].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
});

test('alarms ring at their time, not synchronously, and can be cancelled', () => {
  const world = createWorld({ seed: 3 });
  const rung: number[] = [];
  world.clock.alarm(-5, () => rung.push(world.now));
  world.clock.alarm(7.5, () => rung.push(world.now));
  world.clock.alarm(8, () => rung.push(world.now))();
  expect(rung).toEqual([]);
  world.run(10);
  expect(rung).toEqual([0, 7.5]);
});

test('the clock of a host has its own origin, never rings early, and only its wall jumps', () => {
  const world = createWorld({ seed: 4 });
  const host = world.network().host();
  const other = host.network.host();
  expect(host.clock.now()).not.toBe(other.clock.now());
  let early = 0;
  let rung = 0;
  for (let i = 0; i < 2_000; i++) {
    const atMs = host.clock.now() + (world.random.uint32() / 4_294_967_296) * 1_000;
    host.clock.alarm(atMs, () => {
      rung++;
      if (host.clock.now() < atMs) early++;
    });
  }
  world.run(1_001);
  expect([rung, early]).toEqual([2_000, 0]);
  const before = [host.clock.now(), host.clock.wall(), other.clock.wall()] as const;
  host.jumpWall(-3_600_000);
  expect([host.clock.now(), host.clock.wall(), other.clock.wall()]).toEqual([
    before[0],
    before[1] - 3_600_000,
    before[2],
  ]);
});

test('a broken invariant stops the run, with its name, the time and the seed', () => {
  const world = createWorld({ seed: 99, replay: (seed) => `pnpm sim toy --seed ${seed}` });
  let value = 0;
  world.invariant('small', () => value < 3 || `value is ${value}`);
  for (let i = 1; i < 6; i++) world.at(i * 10, () => value++);
  expect(() => world.run(25)).not.toThrow();
  expect(() => world.run(100)).toThrow(
    /invariant "small" is broken: value is 3\n {2}at 30 ms, event 3; pnpm sim toy --seed 99/,
  );
});

test('a costly invariant is looked at every so often', () => {
  const world = createWorld({ seed: 5 });
  let looks = 0;
  world.invariant('often', () => ++looks > 0, { everyMs: 100 });
  for (let i = 0; i < 1_000; i++) world.at(i, () => {});
  world.run(1_000);
  expect(looks).toBe(10);
});

test('until returns when it was so, and throws a line to replay when it never is', () => {
  const world = createWorld({ seed: 6 });
  let done = false;
  world.at(1_234, () => {
    done = true;
  });
  const atMs = world.until(() => done, { withinMs: 5_000 });
  expect(atMs).toBeGreaterThanOrEqual(1_234);
  expect(atMs).toBeLessThanOrEqual(1_244);
  expect(() => world.until(() => false, { withinMs: 100, what: 'pigs fly' })).toThrow(
    /not within 100 ms: pigs fly\n.*replay with seed 6/,
  );
  expect(world.now).toBe(atMs + 100);
});

test('times that never come are misuse, not a loop without end', () => {
  const world = createWorld({ seed: 1 });
  const again = (): void => {
    world.after(1_000, again);
  };
  again();
  const never = () => false;
  // Plain JavaScript leaves arguments out.
  const { run, until, at } = world as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const wrong of [
    () => at?.call(world, undefined, again),
    () => at?.call(world, 'soon', again),
    () => world.clock.alarm(Number.NaN, again),
    () => run?.call(world),
    () => world.runFor(Number.NaN),
    () => until?.call(world, never, {}),
    () => world.until(never, { withinMs: Number.POSITIVE_INFINITY }),
    () => world.until(never, { withinMs: 1_000, everyMs: 0 }),
  ])
    expect(wrong).toThrow(TypeError);
  expect(world.steps).toBe(0);
});

test('what a handler throws comes out with the seed, and the cause', () => {
  const world = createWorld({ seed: 7 });
  const cause = new RangeError('oops');
  world.at(3, () => {
    throw cause;
  });
  try {
    world.run(10);
    expect.unreachable();
  } catch (error) {
    expect((error as Error).message).toMatch(/oops\n {2}at 3 ms, event 1; replay with seed 7/);
    expect((error as Error).cause).toBe(cause);
  }
});

test('what an invariant or a condition throws comes out likewise', () => {
  const cause = new RangeError('expected 1 to be 2');
  const fail = (): never => {
    throw cause;
  };
  const world = createWorld({ seed: 8 });
  world.at(3, () => {});
  const failure = (run: () => unknown): Error => {
    try {
      run();
    } catch (error) {
      return error as Error;
    }
    return expect.unreachable();
  };
  const until = failure(() => world.until(fail, { withinMs: 10 }));
  expect(until.message).toBe('until: expected 1 to be 2\n  at 0 ms, event 0; replay with seed 8');
  world.invariant('equal', fail);
  const broken = failure(() => world.run(10));
  expect(broken.message).toBe(
    'invariant "equal": expected 1 to be 2\n  at 3 ms, event 1; replay with seed 8',
  );
  expect([until.cause, broken.cause]).toEqual([cause, cause]);
});

test('equal seeds give equal traces, here and in another process; other seeds others', () => {
  const here = chatter(42);
  expect(chatter(42)).toEqual(here);
  expect(chatter(43).traceHash).not.toBe(here.traceHash);
  expect(here.steps).toBeGreaterThan(5_000);
  const script = fileURLToPath(new URL('./determinism.mjs', import.meta.url));
  const there = execFileSync(process.execPath, ['-C', '@peernet/source', script, '42'], { encoding: 'utf8' });
  expect(JSON.parse(there)).toEqual(here);
});
