// What the tests of commands share: folders that go away, a process without a process, a daemon in this one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leakCheck } from '@peernet/testkit';
import { onTestFinished } from 'vitest';
import { type Daemon, type DaemonOptions, startDaemon } from '../src/daemon.js';
import type { Io } from '../src/io.js';
import { main } from '../src/main.js';
import { type Paths, pathsOf } from '../src/paths.js';
import { FakeNode } from './fake-node.js';

const nothingLeft = leakCheck();

/** A folder of mode 0700 that is removed when the test is over. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'peernet-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface FakeIo extends Io {
  stdout: string;
  stderr: string;
  /** Presses Ctrl-C. */
  interrupt(): void;
  readonly interruptible: boolean;
}

export function fakeIo(env: Record<string, string | undefined> = {}, terminal = false): FakeIo {
  const listeners = new Set<() => void>();
  return {
    stdout: '',
    stderr: '',
    out(text) {
      this.stdout += text;
    },
    err(text) {
      this.stderr += text;
    },
    outIsTerminal: terminal,
    errIsTerminal: terminal,
    env: { HOME: '/nowhere', ...env },
    cwd: '/',
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    interrupt: () => {
      for (const listener of listeners) listener();
    },
    get interruptible() {
      return listeners.size > 0;
    },
    self: { execPath: '/nowhere/node', execArgv: [], script: '/nowhere/bin.js' },
  };
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FakeDaemon {
  readonly daemon: Daemon;
  readonly node: FakeNode;
  readonly paths: Paths;
  /** Runs a command line against it, not on a terminal. */
  run(...argv: string[]): Promise<Ran>;
  runOnTerminal(...argv: string[]): Promise<Ran>;
}

/** A real daemon in this process, with a fake node. Closed when the test is over. */
export async function fakeDaemon(
  options: Partial<DaemonOptions> & { base?: string; node?: FakeNode } = {},
): Promise<FakeDaemon> {
  // What is registered first comes last: after the daemon's end, and that of whatever the test opens from here on.
  onTestFinished(nothingLeft);
  const base = options.base ?? tempFolder();
  const node = options.node ?? new FakeNode();
  const paths = pathsOf({ PEERNET_PATH: base }, '/');
  const daemon = await startDaemon({ paths, env: {}, version: '0.1.0', openNode: () => node, ...options });
  onTestFinished(() => daemon.close('test is over'));
  const run = async (argv: string[], terminal: boolean): Promise<Ran> => {
    const io = fakeIo({ PEERNET_PATH: base }, terminal);
    const code = await main(argv, io);
    return { code, stdout: io.stdout, stderr: io.stderr };
  };
  return {
    daemon,
    node,
    paths,
    run: (...argv) => run(argv, false),
    runOnTerminal: (...argv) => run(argv, true),
  };
}

/** Waits for a condition, not for a time. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> {
  const untilMs = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > untilMs) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
