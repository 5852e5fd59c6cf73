// The system's clock never rings early, and one re-settable alarm rings once, at the last time it was set to.
import { afterEach, expect, test, vi } from 'vitest';
import { Alarm, type Clock, systemClock } from '../src/index.js';
import { VirtualClock } from './virtual-clock.js';

afterEach(() => vi.useRealTimers());

test('system alarms ring in time, never early, not synchronously, and not when cancelled', async () => {
  let early = 0;
  let rung = 0;
  const waits: Promise<void>[] = [];
  for (let i = 0; i < 300; i++) {
    const atMs = systemClock.now() + i / 7;
    waits.push(
      new Promise((resolve) => {
        systemClock.alarm(atMs, () => {
          rung++;
          if (systemClock.now() < atMs) early++;
          resolve();
        });
      }),
    );
    systemClock.alarm(atMs, () => expect.unreachable())();
  }
  expect(rung).toBe(0);
  await Promise.all(waits);
  expect([rung, early]).toEqual([300, 0]);
});

test('an alarm beyond what timers can hold rings when it is due, and not at once', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const dayMs = 86_400_000;
  let rung = 0;
  systemClock.alarm(systemClock.now() + 60 * dayMs, () => rung++);
  const cancel = systemClock.alarm(systemClock.now() + 60 * dayMs, () => expect.unreachable());
  systemClock.alarm(Number.POSITIVE_INFINITY, () => expect.unreachable());
  vi.advanceTimersByTime(59 * dayMs);
  expect(rung).toBe(0);
  cancel();
  vi.advanceTimersByTime(2 * dayMs);
  expect(rung).toBe(1);
});

test('wall is the calendar, now is monotonic', () => {
  expect(Math.abs(systemClock.wall() - Date.now())).toBeLessThan(1_000);
  const a = systemClock.now();
  expect(systemClock.now()).toBeGreaterThanOrEqual(a);
});

test('an Alarm rings once, at the time it was last set to', () => {
  const clock = new VirtualClock();
  const rung: number[] = [];
  const alarm = new Alarm(clock, () => rung.push(clock.now()));
  alarm.set(100);
  alarm.set(50);
  alarm.set(70);
  expect(clock.pending).toBe(1);
  clock.advance(200);
  expect(rung).toEqual([70]);
  alarm.set(300);
  alarm.set(Number.POSITIVE_INFINITY);
  expect(clock.pending).toBe(0);
  alarm.set(300);
  alarm.stop();
  clock.advance(200);
  expect(rung).toEqual([70]);
});

test('setting the same time again costs nothing; a time that rang can be set again', () => {
  let set = 0;
  const clock = new VirtualClock();
  const counting: Clock = {
    now: () => clock.now(),
    wall: () => clock.wall(),
    alarm: (at, ring) => {
      set++;
      return clock.alarm(at, ring);
    },
  };
  let rung = 0;
  const alarm = new Alarm(counting, () => rung++);
  for (let i = 0; i < 10; i++) alarm.set(10);
  expect(set).toBe(1);
  clock.advance(10);
  alarm.set(10);
  clock.advance(0);
  expect([set, rung]).toEqual([2, 2]);
});

test('an Alarm may be set from its own ring', () => {
  const clock = new VirtualClock();
  let rung = 0;
  const alarm: Alarm = new Alarm(clock, () => {
    if (++rung < 5) alarm.set(clock.now() + 10);
  });
  alarm.set(10);
  clock.advance(1_000);
  expect(rung).toBe(5);
});
