// A child process of a test: lines of its output, waited for by what they say; ended by pid, always.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Longest wait for anything a child should do, ms. */
const patienceMs = 30_000;

export class Child {
  readonly process: ChildProcess;
  readonly #exit: Promise<number | null>;
  #output = '';
  #waiting: (() => void)[] = [];

  constructor(
    args: readonly string[],
    options: { cwd?: string; env?: Record<string, string>; stdin?: boolean } = {},
  ) {
    this.process = spawn(process.execPath, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.stdin === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    const hear = (chunk: Buffer): void => {
      this.#output += chunk.toString();
      this.#wake();
    };
    this.process.stdout?.on('data', hear);
    this.process.stderr?.on('data', hear);
    this.#exit = once(this.process, 'close').then(([code]) => code as number | null);
    this.#exit.then(() => this.#wake());
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  get output(): string {
    return this.#output;
  }

  get alive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** The first match of `pattern` in what the child has printed, as soon as it is there. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    const late = AbortSignal.timeout(patienceMs);
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) return match;
      if (!this.alive) throw new Error(`the child ended before it printed ${pattern}:\n${this.#output}`);
      if (late.aborted) throw new Error(`the child did not print ${pattern}:\n${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        late.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  /** Ends its standard input, if it was given one. */
  endInput(): void {
    this.process.stdin?.end();
  }

  /** Its exit code, once it ended. */
  exit(): Promise<number | null> {
    return this.#exit;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.alive) this.process.kill(signal);
    await this.#exit;
  }
}
