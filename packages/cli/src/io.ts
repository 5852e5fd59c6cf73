// What a command touches of its process: so that tests can run `main` without one.
import type { Env } from './paths.js';

export interface Io {
  /** Data: to standard output. */
  out(text: string): void;
  /** Talk: to standard error. */
  err(text: string): void;
  /** Whether standard output is a terminal. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly env: Env;
  readonly cwd: string;
  /** Calls back on Ctrl-C instead of ending the process; returns what ends that. */
  onInterrupt(listener: () => void): () => void;
  /** How to start ourselves again. */
  readonly self: { readonly execPath: string; readonly execArgv: readonly string[]; readonly script: string };
}
