// Runs a list of stages, two small ones side by side, and counts what passed: the engine of test.mjs.
// A stage is `{ name, command: string[], cores?, counts?, needs?, env?, minutes? }`; its output is kept and shown only if
// it fails. No stage can hang the run, and none outlives it. Node built-ins only: this runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A stage that takes longer is stopped and has failed; the whole run is meant to take less. */
const STAGE_MINUTES = 10;
/**
 * What is shared: the cores of the smallest machine that the run must fit. More on larger ones is not tried, since
 * stages that wait for real time were only seen to pass beside so much else.
 */
const CORES = 2;
/** How often a running stage says that it is still there. */
const HEARTBEAT_MS = 20_000;
/** From the polite signal to the other one. */
const GRACE_MS = 3_000;

const WINDOWS = process.platform === 'win32';

/**
 * Runs stages and returns their sum `{ passed, failed, skipped }`. They start in their order, each as soon as what it
 * `needs` is over and its `cores` are free (all of them if it names none); one that has to wait for cores holds back
 * those after it. A stage whose `needs` names one that failed is not run and counts as failed, so that nothing is green
 * by absence; a name that is not in the list is no reason to wait. `print` takes one line; `onPassed` hears the name of
 * each stage that passed. `verbose` shows output as it comes, so it runs one stage at a time.
 */
export async function runStages(stages, { print, onPassed, verbose = false, signal, root }) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const broken = new Set();
  const waiting = [...stages];
  const running = new Map();
  const end = (stage, result) => {
    running.delete(stage);
    for (const key of Object.keys(total)) total[key] += result[key];
    if (result.failed > 0) broken.add(stage.name);
    else onPassed?.(stage.name);
    const counts = result.note ?? summary(result);
    print(
      `${result.failed > 0 ? 'FAILED' : 'ok    '} ${stage.name.padEnd(10)} ${seconds(result.ms ?? 0)}  ${counts}`,
    );
  };
  while (running.size > 0 || (waiting.length > 0 && !signal?.aborted)) {
    const stage = signal?.aborted ? undefined : nextOf(waiting, [...running.keys()], verbose ? 1 : CORES);
    if (stage === undefined) {
      await Promise.race(running.values());
      continue;
    }
    waiting.splice(waiting.indexOf(stage), 1);
    const missing = stage.needs?.find((name) => broken.has(name));
    if (missing) end(stage, { passed: 0, failed: 1, skipped: 0, note: `not run: ${missing} failed` });
    else {
      const over = runStage(stage, { print, verbose, signal, root });
      running.set(
        stage,
        over.then((result) => end(stage, result)),
      );
    }
  }
  return total;
}

/** The stage to start now, if there is one: the first that waits for no other, if the cores that are free suffice. */
function nextOf(waiting, running, cores) {
  const unfinished = new Set([...waiting, ...running].map(({ name }) => name));
  const stage = waiting.find(({ needs = [] }) => !needs.some((name) => unfinished.has(name)));
  if (stage === undefined && running.length === 0)
    throw new TypeError(`stages that need each other: ${waiting.map(({ name }) => name).join(', ')}`);
  const used = running.reduce((sum, one) => sum + (one.cores ?? cores), 0);
  // One that asks for more than there is runs alone.
  return stage && (used === 0 || used + (stage.cores ?? cores) <= cores) ? stage : undefined;
}

/** `12 passed, 0 failed`, and `, 1 skipped` if so. */
export function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

async function runStage(stage, { print, verbose, signal, root }) {
  print(`...    ${stage.name}`);
  const start = Date.now();
  const beat = setInterval(
    () => print(`...    ${stage.name.padEnd(10)} ${seconds(Date.now() - start)}  still running`),
    HEARTBEAT_MS,
  );
  const run = await execute(stage, { verbose, signal, root });
  clearInterval(beat);
  const result = { ...judge(stage, run), ms: Date.now() - start };
  if (result.failed > 0 && !verbose) print(`\n--- output of ${stage.name} ---\n${run.output.trimEnd()}\n---`);
  return result;
}

/** The counts of a stage: its own if it has some, else one for its exit code. It passes only if something passed. */
function judge({ counts = fromOutput }, { code, output, stopped }) {
  const own = counts(output) ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  if (stopped) return { ...own, failed: Math.max(1, own.failed), note: stopped };
  if (code !== 0 && own.failed === 0)
    return { ...own, failed: 1, note: `${summary(own)}, but exit code ${code}` };
  if (own.passed + own.skipped === 0 && own.failed === 0)
    return { ...own, failed: 1, note: 'nothing was run' };
  return own;
}

/** Counts of a program that ends with a line such as `3 passed, 0 failed` or `0 passed, 0 failed, 2 skipped`. */
export function fromOutput(output) {
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const match = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(last.trim());
  return match
    ? { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) }
    : undefined;
}

/** Counts of vitest's JSON report in a file. A test file that did not even load is one failure. */
export function fromVitest(file) {
  return () => {
    let report;
    try {
      report = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      return undefined; // it never came that far; the exit code tells
    }
    const unloaded = report.testResults.filter(
      (suite) =>
        suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
    );
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + unloaded.length,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  };
}

/** Runs a command to its end, or until time or the signal is up; then its whole process group is gone, too. */
function execute({ command: [name, ...args], env, minutes = STAGE_MINUTES }, { verbose, signal, root }) {
  return new Promise((done) => {
    const child = spawn(name, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: WINDOWS,
      detached: !WINDOWS, // a group of its own, so that grandchildren can be stopped with it
    });
    let output = '';
    let stopped;
    const take = (chunk) => {
      output += chunk;
      if (verbose) process.stdout.write(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const stop = (why) => {
      stopped ??= why;
      killGroup(child, 'SIGTERM');
      setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS).unref();
    };
    const onAbort = () => stop('interrupted');
    const timer = setTimeout(() => stop(`stopped after ${minutes} minutes`), minutes * 60_000);
    const finish = (code) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      killGroup(child, 'SIGKILL'); // what it left behind
      done({ code, output, stopped });
    };
    child.on('error', (error) => {
      output += `${error.message}\n`;
      finish(127);
    });
    child.on('exit', (code) => setTimeout(finish, 50, code ?? 1)); // the last output may still be on its way
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort);
  });
}

function killGroup(child, signalName) {
  if (child.pid === undefined) return;
  if (WINDOWS) {
    if (child.exitCode === null) spawnSync('taskkill', ['/pid', String(child.pid), '/t', '/f']);
    return;
  }
  try {
    process.kill(-child.pid, signalName);
  } catch {
    // no process of the group is left
  }
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`.padStart(8);
}
