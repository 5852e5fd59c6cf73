import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { logQueueMax, logRecentMax } from '../src/defaults.js';
import { EventLog, LogFile, logLine } from '../src/event-log.js';
import { tempFolder } from './harness.js';

describe('the log file', () => {
  it('stays bounded, keeps what is new, in whole lines', () => {
    const path = join(tempFolder(), 'log');
    const file = new LogFile(path, 1_000);
    for (let i = 0; i < 500; i++) file.write(`line ${i} ${'x'.repeat(20)}`);
    file.close();
    const [now, before] = [readFileSync(path, 'utf8'), readFileSync(`${path}.1`, 'utf8')];
    expect(now.length).toBeLessThanOrEqual(1_000);
    expect(before.length).toBeLessThanOrEqual(1_000);
    const numbers = (before + now)
      .trimEnd()
      .split('\n')
      .map((line) => Number(/^line (\d+) x{20}$/.exec(line)?.[1]));
    expect(numbers.at(-1)).toBe(499);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] as number) + i));
    for (const name of [path, `${path}.1`]) expect(statSync(name).mode & 0o077).toBe(0);
  });

  it('goes on with a file that is there', () => {
    const path = join(tempFolder(), 'log');
    writeFileSync(path, `${'old'.repeat(300)}\n`, { mode: 0o600 });
    const file = new LogFile(path, 1_000);
    file.write('x'.repeat(200));
    file.close();
    expect(readFileSync(path, 'utf8')).toBe(`${'x'.repeat(200)}\n`);
    expect(readFileSync(`${path}.1`, 'utf8')).toMatch(/^(old)+\n$/);
  });

  it('a disk that is full does not end the daemon', () => {
    const file = new LogFile('/dev/full');
    expect(() => file.write('x')).not.toThrow();
    file.close();
    expect(() => file.write('x')).not.toThrow();
  });
});

describe('events', () => {
  it('are plain, bounded and on one line, whatever comes', () => {
    const events = new EventLog();
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    events.add('e'.repeat(10_000), {
      text: 'x'.repeat(10_000),
      cyclic,
      big: 1n,
      nan: Number.NaN,
      none: undefined,
      nil: null,
      bytes: new Uint8Array(10_000),
      list: new Array(10_000).fill('y'.repeat(10_000)),
      symbol: Symbol('s'),
      fn: () => {},
    });
    const [event] = events.recent(1);
    expect(JSON.stringify(event).length).toBeLessThan(10_000);
    expect(event?.fields).not.toHaveProperty('none');
    expect(logLine(event as never).split('\n').length).toBe(1);
  });

  it('quotes what holds spaces, so that fields can be told apart', () => {
    expect(logLine({ time: 0, event: 'dial', fields: { why: 'a b="c"', n: 1 } })).toBe(
      '1970-01-01T00:00:00.000Z dial why="a b=\\"c\\"" n=1',
    );
  });

  it('only so many are remembered', () => {
    const events = new EventLog();
    for (let i = 0; i < logRecentMax + 10; i++) events.add('e', { i });
    expect(events.recent(5_000).length).toBe(logRecentMax);
    expect(events.recent(1)[0]?.fields).toEqual({ i: logRecentMax + 9 });
    expect(events.recent(0)).toEqual([]);
  });

  it('a reader that is slow misses some and is told how many; nothing is kept after it', async () => {
    const events = new EventLog();
    const abort = new AbortController();
    const reader = events.follow(0, abort.signal);
    const first = reader.next();
    events.add('e', { i: 0 });
    expect((await first).value).toMatchObject({ fields: { i: 0 } });
    for (let i = 1; i <= logQueueMax + 25; i++) events.add('e', { i });
    let last: string | undefined;
    for (let i = 0; i <= logQueueMax; i++) last = ((await reader.next()).value as { event: string }).event;
    expect(last).toBe('25 lines dropped');
    const waiting = reader.next();
    abort.abort();
    expect((await waiting).done).toBe(true);
  });
});
