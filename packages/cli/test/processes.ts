// Real processes of the built command, and the promise that none of them outlives its test.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from './harness.js';

const root = fileURLToPath(new URL('..', import.meta.url));
export const bin = join(root, 'dist', 'bin.js');

/** Why tests of processes cannot run; undefined if they can. */
export function reasonToSkip(): string | undefined {
  if (!existsSync(bin)) return 'packages/cli/dist is not there: build first';
  const newest = (folder: string): number =>
    Math.max(
      ...readdirSync(folder, { withFileTypes: true }).map((entry) =>
        entry.isDirectory() ? newest(join(folder, entry.name)) : statSync(join(folder, entry.name)).mtimeMs,
      ),
    );
  return newest(join(root, 'src')) > statSync(bin).mtimeMs
    ? 'packages/cli/dist is older than src: build first'
    : undefined;
}

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface Running extends Promise<Ran> {
  readonly child: ChildProcess;
  /** What came so far. */
  readonly output: { stdout: string; stderr: string };
}

/** Starts a program; it is killed if it is still there when the test is over. */
export function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const startedMs = performance.now();
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const done = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, ...output, ms: performance.now() - startedMs }),
    );
  });
  return Object.assign(done, { child, output });
}

/** A daemon's folder. The daemon is ended when the test is over, however it went. */
export class Home {
  readonly base: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(base = join(mkdtempSync(join(tmpdir(), 'peernet-cli-')), 'home'), env: NodeJS.ProcessEnv = {}) {
    this.base = base;
    this.env = { PEERNET_PATH: base, ...env };
    onTestFinished(async () => {
      for (const pid of this.pids()) process.kill(pid, 'SIGKILL');
      await until(() => this.pids().length === 0);
      rmSync(join(base, '..'), { recursive: true, force: true });
    });
  }

  peernet(...args: string[]): Running {
    return run(process.execPath, [bin, ...args], this.env);
  }

  /** Runs a command that must succeed; its standard output. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.peernet(...args);
    if (code !== 0) throw new Error(`peernet ${args.join(' ')}: exit ${code}\n${stderr}\n${this.log()}`);
    return stdout;
  }

  async status(): Promise<{ id: string; pid: number; connections: number; subnets: string[] }> {
    return JSON.parse(await this.ok('status', '--json'));
  }

  log(): string {
    return existsSync(join(this.base, 'log')) ? readFileSync(join(this.base, 'log'), 'utf8') : '';
  }

  /** Every living daemon of this folder, by the command line that it was started with. */
  pids(): number[] {
    const all = readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number);
    return all.filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.includes('__daemon') && words.includes(this.base);
      } catch {
        return false;
      }
    });
  }
}

/** The port of `:::48832`. */
export function portOf(line: string): number {
  const port = /:([0-9]+)\n$/.exec(line)?.[1];
  if (port === undefined) throw new Error(`no port in ${JSON.stringify(line)}`);
  return Number(port);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^[0-9]+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
