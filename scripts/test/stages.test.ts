// The runner behind `npm test`: what counts as passed, and that nothing survives it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fromOutput, fromVitest, runStages, summary } from '../stages.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stages-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const script = (name: string, code: string, more = {}) => ({
  name,
  command: [process.execPath, '-e', code],
  ...more,
});

async function run(stages: object[], signal?: AbortSignal) {
  const lines: string[] = [];
  const passed: string[] = [];
  const total = await runStages(stages as never, {
    root: folder,
    signal,
    verbose: false,
    print: (line: string) => lines.push(line),
    onPassed: (name: string) => passed.push(name),
  });
  return { total, passed, text: lines.join('\n') };
}

test('a stage counts for one by its exit code; output is shown only if it failed', async () => {
  const { total, passed, text } = await run([
    script('good', 'console.log("quiet words")'),
    script('bad', 'console.error("loud words"); process.exit(3)'),
  ]);
  expect(total).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(passed).toEqual(['good']);
  expect(text).toMatch(/ok {5}good .* 1 passed, 0 failed/);
  expect(text).toMatch(/FAILED bad .* 0 passed, 1 failed/);
  expect(text).toContain('loud words');
  expect(text).not.toContain('quiet words');
});

test.each([
  ['own counts', 'console.log("5 passed, 0 failed, 2 skipped")', { passed: 5, failed: 0, skipped: 2 }],
  [
    'own failures',
    'console.log("5 passed, 2 failed"); process.exit(1)',
    { passed: 5, failed: 2, skipped: 0 },
  ],
  [
    'no count of failures',
    'console.log("5 passed, 0 failed"); process.exit(1)',
    { passed: 5, failed: 1, skipped: 0 },
  ],
  ['nothing run', 'console.log("0 passed, 0 failed")', { passed: 0, failed: 1, skipped: 0 }],
  ['all skipped', 'console.log("0 passed, 0 failed, 1 skipped")', { passed: 0, failed: 0, skipped: 1 }],
  ['killed', 'process.kill(process.pid, "SIGKILL")', { passed: 0, failed: 1, skipped: 0 }],
])('counts: %s', async (_, code, expected) => {
  expect((await run([script('x', code)])).total).toEqual(expected);
});

test('a command that is not there is a failure', async () => {
  expect((await run([{ name: 'x', command: ['no-such-command-here'] }])).total.failed).toBe(1);
});

test('what needs a failed stage is not run, and failed', async () => {
  const file = join(folder, 'ran');
  const write = `require("fs").writeFileSync(${JSON.stringify(file)}, "")`;
  const { total, text } = await run([
    script('build', 'process.exit(1)'),
    script('e2e', write, { needs: ['build'] }),
    script('lint', '', { needs: ['install'] }),
  ]);
  expect(total).toEqual({ passed: 1, failed: 2, skipped: 0 });
  expect(text).toContain('not run: build failed');
  expect(() => readFileSync(file)).toThrow();
});

/** Writes `<name>` when it starts, and ends once all of `others` have been written, or after 20 s with exit code 1. */
const meet = (name: string, others: string[], more = {}) =>
  script(
    name,
    `const { existsSync, writeFileSync } = require("fs");
     writeFileSync(${JSON.stringify(name)}, "");
     setInterval(() => ${JSON.stringify(others)}.every((other) => existsSync(other)) && process.exit(), 10);
     setTimeout(() => process.exit(1), 20_000)`,
    more,
  );

/** Fails if one of `others` has been written. */
const before = (name: string, others: string[], more = {}) =>
  script(
    name,
    `const { existsSync, writeFileSync } = require("fs");
     writeFileSync(${JSON.stringify(name)}, "");
     setTimeout(() => process.exit(${JSON.stringify(others)}.some((other) => existsSync(other)) ? 1 : 0), 300)`,
    more,
  );

test('two stages of one core each run side by side; a third waits for one of them', async () => {
  const { total, text } = await run([
    meet('a', ['b'], { cores: 1 }),
    meet('b', ['a', 'c'], { cores: 1 }),
    script('c', 'require("fs").writeFileSync("c", "")', { cores: 1 }),
  ]);
  expect(total).toEqual({ passed: 3, failed: 0, skipped: 0 });
  const at = (line: RegExp) => text.search(line);
  expect(at(/\.{3} {4}b$/m)).toBeLessThan(at(/ok {5}a/));
  expect(at(/ok {5}a/)).toBeLessThan(at(/\.{3} {4}c$/m));
});

test('a stage that names no cores runs alone, in its turn, also if a small one after it could start', async () => {
  const { total, passed } = await run([
    before('small', ['large', 'last'], { cores: 1 }),
    before('large', ['last']),
    before('last', [], { cores: 1 }),
  ]);
  expect(passed).toEqual(['small', 'large', 'last']);
  expect(total.failed).toBe(0);
});

test('a stage starts when what it needs is over, and meanwhile those after it', async () => {
  const { total, text } = await run([
    meet('build', ['lint'], { cores: 1 }),
    before('unit', [], { needs: ['build'], cores: 1 }),
    meet('lint', [], { cores: 1 }),
  ]);
  expect(total).toEqual({ passed: 3, failed: 0, skipped: 0 });
  expect(text.search(/\.{3} {4}lint$/m)).toBeLessThan(text.search(/\.{3} {4}unit$/m));
});

test('what needs a stage that fails beside others is not run; their output stays apart', async () => {
  const { total, text } = await run([
    script('build', 'console.log("one"); setTimeout(() => { console.log("two"); process.exit(1) }, 200)', {
      cores: 1,
    }),
    script('lint', 'setInterval(() => console.log("between"), 5); setTimeout(() => process.exit(1), 400)', {
      cores: 1,
    }),
    script('unit', '', { needs: ['build'], cores: 1 }),
    script('e2e', '', { needs: ['unit'], cores: 1 }),
  ]);
  expect(total).toEqual({ passed: 0, failed: 4, skipped: 0 });
  expect(text).toContain('--- output of build ---\none\ntwo\n---');
  expect(text).toContain('not run: build failed');
  expect(text).toContain('not run: unit failed');
});

test('stages that need each other are a mistake, not a run without end', async () => {
  const circle = [script('a', '', { needs: ['b'] }), script('b', '', { needs: ['a'] })];
  await expect(run(circle)).rejects.toThrow('a, b');
});

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Starts a grandchild that ignores SIGTERM, writes its pid to a file and, if `wait`, outlives its parent's work. */
const family = (file: string, wait: boolean) => `
  const child = require("child_process").spawn(process.execPath,
    ["-e", "process.on('SIGTERM', () => {}); require('fs').writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1e3)", ${JSON.stringify(file)}],
    { stdio: "ignore" });
  child.unref();
  ${wait ? 'setInterval(() => {}, 1e3)' : `const t = setInterval(() => require("fs").existsSync(${JSON.stringify(file)}) && clearInterval(t), 10)`}`;

const pidIn = (file: string) => vi.waitFor(() => Number(readFileSync(file, 'utf8')) || expect.fail(), 20_000);

test.skipIf(process.platform === 'win32')(
  'Ctrl-C, time and the end of a stage leave no process',
  async () => {
    const file = join(folder, 'pid');
    const interrupt = new AbortController();
    const running = run([script('slow', family(file, true)), script('next', '')], interrupt.signal);
    const pid = await pidIn(file);
    interrupt.abort();
    const { total, text } = await running;
    expect(total).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(text).toContain('interrupted');
    expect(text).not.toContain('next');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 20_000);

    const late = join(folder, 'late');
    const timed = await run([script('slow', family(late, true), { minutes: 1 / 60 })]);
    expect(timed.text).toContain('stopped after');
    expect(timed.total.failed).toBe(1);

    const left = join(folder, 'left');
    expect((await run([script('leaver', family(left, false))])).total.passed).toBe(1);
    const leftPid = await pidIn(left);
    await vi.waitFor(() => expect(isAlive(leftPid)).toBe(false), 20_000);
  },
  60_000,
);

test.skipIf(process.platform === 'win32')(
  'Ctrl-C stops all that run, and each has failed',
  async () => {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    const interrupt = new AbortController();
    const running = run(
      [
        script('left', family(one, true), { cores: 1 }),
        script('right', family(two, true), { cores: 1 }),
        script('next', '', { cores: 1 }),
      ],
      interrupt.signal,
    );
    const pids = [await pidIn(one), await pidIn(two)];
    interrupt.abort();
    const { total, text } = await running;
    expect(total).toEqual({ passed: 0, failed: 2, skipped: 0 });
    expect(text).not.toContain('next');
    for (const pid of pids) await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 20_000);
  },
  60_000,
);

test('counts of vitest: failures, files that did not load, skipped ones, no report', () => {
  const file = join(folder, 'report.json');
  expect(fromVitest(file)()).toBeUndefined();
  const ok = { status: 'passed', assertionResults: [{ status: 'passed' }] };
  const bad = { status: 'failed', assertionResults: [{ status: 'failed' }] };
  const unloaded = { status: 'failed', assertionResults: [] };
  const counts = { numPassedTests: 1, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
  writeFileSync(file, JSON.stringify({ ...counts, testResults: [ok, bad, unloaded] }));
  expect(fromVitest(file)()).toEqual({ passed: 1, failed: 2, skipped: 3 });
});

test('summaries are read as they are written', () => {
  const counts = { passed: 3, failed: 1, skipped: 2 };
  expect(fromOutput(`words\n${summary(counts)}\n`)).toEqual(counts);
  expect(summary({ ...counts, skipped: 0 })).toBe('3 passed, 1 failed');
  expect(fromOutput('3 passed, 1 failed\nmore words\n')).toBeUndefined();
});
