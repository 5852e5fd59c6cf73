// A whole process that is a daemon: in the background (`__daemon`, started by other commands) or in the foreground
// (`peernet server`). Signals, the mask for new files, and the last words to whoever started it.

import { type Daemon, startDaemon } from './daemon.js';
import { shutdownMs } from './defaults.js';
import { exit, Failure, systemCode } from './exit.js';
import { openNode } from './open-node.js';
import type { Env, Paths } from './paths.js';

export interface ProcessOptions {
  readonly paths: Paths;
  readonly env: Env;
  readonly version: string;
  /** Shows the log; absent in the background. */
  readonly echo?: (line: string) => void;
}

/** What a background daemon tells the command that started it, over Node's IPC channel. */
export type StartReport =
  | { readonly ready: true }
  | {
      readonly ready: false;
      readonly message: string;
      readonly code: string;
      readonly exit: number;
      readonly hint?: string | undefined;
    };

/** Runs a daemon until it is told to end. Resolves with the exit code. */
export async function runDaemon(options: ProcessOptions): Promise<number> {
  process.umask(0o077); // the database too is nobody else's business
  let daemon: Daemon | undefined;
  let stopping = false;
  const stop = (why: string) => (): void => {
    if (stopping && why === 'SIGINT') process.exit(exit.interrupted); // a second Ctrl-C does not wait
    stopping = true;
    // While starting, there is nothing to say goodbye to yet.
    if (daemon === undefined) process.exit(exit.ok);
    void daemon.close(why);
  };
  process.on('SIGTERM', stop('SIGTERM'));
  process.on('SIGINT', stop('SIGINT'));
  // The terminal is gone: the foreground ends with it, the background never had one.
  process.on('SIGHUP', options.echo === undefined ? () => {} : stop('SIGHUP'));
  daemon = await startDaemon({ ...options, openNode }).catch((error: unknown) => {
    throw systemCode(error) === '' ? error : asFailure(error); // what has no code is a bug
  });
  const running = daemon;
  const onBug = (error: unknown): void => {
    running.events.add('bug', { error, stack: (error as Error | undefined)?.stack });
    process.exitCode = exit.bug;
    void running.close('a bug');
  };
  process.on('uncaughtException', onBug);
  process.on('unhandledRejection', onBug);
  report({ ready: true });
  await running.closed;
  // What is left open by now would only delay the end.
  setTimeout(() => process.exit(), Math.max(0, shutdownMs / 10)).unref();
  return Number(process.exitCode ?? exit.ok);
}

/** `__daemon`: like `runDaemon`, and tells its parent if it cannot start. */
export async function runBackground(options: ProcessOptions): Promise<number> {
  try {
    return await runDaemon(options);
  } catch (error) {
    const { message, code, exit: status, hint } = asFailure(error);
    report({ ready: false, message, code, exit: status, hint });
    return status;
  }
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { message, code } = error as { message?: unknown; code?: unknown };
  return new Failure(String(message ?? error), { code: typeof code === 'string' ? code : 'FAILED' });
}

function report(report: StartReport): void {
  if (process.send === undefined) return;
  process.send(report, () => {
    if (process.connected) process.disconnect();
  });
  process.on('error', () => {}); // the parent may be gone
}
