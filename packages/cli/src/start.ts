// How a command gets at the daemon: it connects, or starts one and waits until it answers. Two first commands at once
// start two daemons; the one that loses the database lock goes away, and both commands talk to the other.
import { closeSync, openSync } from 'node:fs';
import type { StartReport } from './daemon-process.js';
import { startPollMs, startTimeoutMs } from './defaults.js';
import { denied, type Exit, exit, Failure, systemCode } from './exit.js';
import type { Io } from './io.js';
import { ensureFolder, type Paths, socketToDial } from './paths.js';
import { Client } from './rpc/client.js';

/** The daemon of a folder, if one runs. One that hangs up before it greets is about to end: the next waits for its database. */
export async function running(io: Io, paths: Paths): Promise<Client | undefined> {
  const path = socketToDial(paths, io.env);
  if (path === undefined) return undefined;
  return Client.connect(path).catch((error: unknown) => {
    if (error instanceof Failure && error.code === 'LOST') return undefined;
    throw error;
  });
}

/** The daemon of a folder, started if there is none. */
export async function started(
  io: Io,
  paths: Paths,
  onStart: () => void,
): Promise<{ client: Client; fresh: boolean }> {
  ensureFolder(paths.base); // before the first look, which wants it to be right
  const there = await running(io, paths);
  if (there !== undefined) return { client: there, fresh: false };
  onStart();
  const failure = await spawn(io, paths);
  const untilMs = Date.now() + startTimeoutMs;
  for (;;) {
    const client = await running(io, paths);
    if (client !== undefined) return { client, fresh: failure === undefined };
    // Another daemon has the database and is about to answer; anything else will not get better.
    if (failure !== undefined && failure.code !== 'ALREADY') throw failure;
    if (Date.now() > untilMs) throw noDaemon('it does not answer', paths);
    await new Promise((resolve) => setTimeout(resolve, startPollMs));
  }
}

/** Starts a process of its own; resolves when it answers or has said why not. */
async function spawn(io: Io, paths: Paths): Promise<Failure | undefined> {
  const { spawn: start } = await import('node:child_process');
  const log = openLog(paths);
  const child = start(
    io.self.execPath,
    [...io.self.execArgv, io.self.script, '__daemon', '--datadir', paths.base],
    // Nothing of ours is inherited: `$(peernet listen ws)` ends when we end. Crashes of the engine go to the log.
    { detached: true, windowsHide: true, cwd: paths.base, env: io.env, stdio: ['ignore', log, log, 'ipc'] },
  );
  closeSync(log);
  const report = await new Promise<StartReport>((resolve) => {
    const gaveUp = (message: string): void =>
      resolve({ ready: false, message, code: 'NO_DAEMON', exit: exit.noDaemon });
    const timer = setTimeout(() => gaveUp('it does not answer'), startTimeoutMs);
    child.on('message', (message) => resolve(message as StartReport));
    child.on('error', (error) => gaveUp(error.message));
    child.on('exit', (code, signal) => gaveUp(`it ended at once (${signal ?? `exit code ${code}`})`));
    child.on('message', () => clearTimeout(timer));
    child.on('exit', () => clearTimeout(timer));
    child.on('error', () => clearTimeout(timer));
  });
  if (child.connected) child.disconnect();
  child.unref();
  if (report.ready) return undefined;
  const { message, code, exit: status, hint } = report;
  if (code === 'ALREADY') return new Failure(message, { code });
  if (status === exit.permission) return new Failure(message, { code, exit: status as Exit, hint });
  return noDaemon(message, paths, hint);
}

function openLog(paths: Paths): number {
  try {
    return openSync(paths.log, 'a', 0o600);
  } catch (error) {
    const hint = 'make it yours, or choose another folder with --datadir';
    throw denied(`cannot write ${paths.log} (${systemCode(error)})`, hint, error);
  }
}

function noDaemon(why: string, paths: Paths, hint = `look into ${paths.log}`): Failure {
  return new Failure(`could not start a daemon: ${why}`, { exit: exit.noDaemon, code: 'NO_DAEMON', hint });
}
