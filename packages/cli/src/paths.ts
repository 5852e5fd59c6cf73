// Where a daemon keeps its things, and whether we may trust what lies there. The folder is ours and 0700, the files
// 0600: whoever can reach the control socket is the owner of the node (research/security.md E1).
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { socketPathBytesMax } from './defaults.js';
import { denied, Failure, systemCode } from './exit.js';

export interface Paths {
  readonly base: string;
  /** The control socket, or a link to it where this path is too long for one. */
  readonly sock: string;
  readonly db: string;
  readonly identity: string;
  readonly services: string;
  readonly log: string;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** `--datadir`, else `$PEERNET_PATH`, else `~/.config/peernet`. */
export function pathsOf(env: Env, cwd: string, datadir?: string): Paths {
  const chosen = datadir || env.PEERNET_PATH || join(env.HOME || homedir(), '.config', 'peernet');
  const base = resolve(cwd, chosen);
  return {
    base,
    sock: join(base, 'sock'),
    db: join(base, 'db'),
    identity: join(base, 'identity.json'),
    services: join(base, 'services.json'),
    log: join(base, 'log'),
  };
}

function uid(): number | undefined {
  return process.geteuid?.();
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR')
      throw denied(`${dirname(path)} is not a folder`, 'choose another one with --datadir', error);
    throw denied(`cannot look at ${path} (${code})`, 'choose another folder with --datadir', error);
  }
}

/** Whether the folder is there; a Failure if it is, but others could meddle with what is in it. */
export function checkFolder(folder: string): boolean {
  const stats = look(folder);
  if (stats === undefined) return false;
  // A link to a folder is the user's own arrangement: judge what it leads to.
  const real = stats.isSymbolicLink() ? lookThrough(folder) : stats;
  if (!real.isDirectory()) throw denied(`${folder} is not a folder`, 'choose another one with --datadir');
  if (process.platform === 'win32') return true;
  if (real.uid !== uid())
    throw denied(`${folder} belongs to another user`, 'choose another folder with --datadir');
  if ((real.mode & 0o077) !== 0)
    throw denied(
      `others may enter ${folder} (mode ${modeOf(real)}), where the key of this node lives`,
      `type: chmod 700 ${folder}`,
    );
  return true;
}

function lookThrough(path: string): Stats {
  try {
    return lstatSync(`${path}/.`);
  } catch (error) {
    throw denied(
      `${path} leads nowhere (${systemCode(error)})`,
      'choose another folder with --datadir',
      error,
    );
  }
}

export function modeOf(stats: Stats): string {
  return (stats.mode & 0o777).toString(8).padStart(4, '0');
}

/** Makes the folder if it is missing. One that is empty and ours is tightened; any other must be right already. */
export function ensureFolder(folder: string): void {
  try {
    if (!makeFolder(folder) && process.platform !== 'win32') tightenIfEmpty(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOTDIR')
      throw denied(`${folder} is not a folder`, 'choose another one with --datadir', error);
    throw denied(`cannot make ${folder} (${code})`, 'choose another folder with --datadir', error);
  }
  checkFolder(folder);
}

/**
 * Makes it, and those above it; false if something was there. Not by `recursive: true`: Node never returns from that
 * where a folder that is there answers ENOENT, as those in /proc do.
 */
function makeFolder(folder: string): boolean {
  try {
    return madeOne(folder);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
  }
  makeFolder(dirname(folder));
  return madeOne(folder);
}

function madeOne(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function tightenIfEmpty(folder: string): void {
  const stats = lstatSync(folder);
  if (!stats.isDirectory() || stats.uid !== uid() || (stats.mode & 0o077) === 0) return;
  if (readdirSync(folder).length === 0) chmodSync(folder, 0o700);
}

// ---- the control socket ----

/** Where commands find the daemon; undefined: no daemon was here. A Failure if somebody else's socket lies there. */
export function socketToDial(paths: Paths, env: Env): string | undefined {
  if (process.platform === 'win32') return pipeName(paths, env);
  if (!checkFolder(paths.base)) return undefined;
  let path = paths.sock;
  let stats = look(path);
  if (stats?.isSymbolicLink()) {
    path = readlinkSync(path);
    if (look(dirname(path)) === undefined || !checkFolder(dirname(path))) return undefined;
    stats = look(path);
  }
  if (stats === undefined) return undefined;
  if (!stats.isSocket()) throw denied(`${path} is not a socket`, `look at it, then type: rm ${path}`);
  if (stats.uid !== uid())
    throw denied(`${path} belongs to another user`, `look at it, then type: rm ${path}`);
  return Buffer.byteLength(path) <= socketPathBytesMax ? path : undefined;
}

/** Where the daemon listens. Its folder exists afterwards, and `paths.sock` leads there. */
export function socketToBind(paths: Paths, env: Env): string {
  if (process.platform === 'win32') return pipeName(paths, env);
  if (Buffer.byteLength(paths.sock) <= socketPathBytesMax) return paths.sock;
  const path = join(shortFolder(paths, env), 'sock');
  if (Buffer.byteLength(path) > socketPathBytesMax)
    throw new Failure(`${paths.sock} is too long for a socket, and so is ${path}`, {
      hint: 'choose a shorter folder with --datadir',
    });
  ensureFolder(dirname(path));
  forgetSocket(paths.sock);
  symlinkSync(path, paths.sock);
  return path;
}

/** Removes a stale socket or the link to one. Never anything else. */
export function forgetSocket(path: string): void {
  const stats = look(path);
  if (stats?.isSocket() || stats?.isSymbolicLink()) unlinkSync(path);
}

/** Removes the short folder that was made for the socket at `path`, unless something else lies there. */
export function forgetShortFolder(paths: Paths, path: string): void {
  if (path === paths.sock) return;
  try {
    rmdirSync(dirname(path));
  } catch {
    // Not empty, or gone: the next daemon looks at it anew.
  }
}

/** A folder of ours with a short path, different for each data folder. */
function shortFolder(paths: Paths, env: Env): string {
  const name = fingerprint(paths.base);
  const runtime = env.XDG_RUNTIME_DIR;
  const rest = `/peernet-${name}/sock`.length;
  if (runtime?.startsWith('/') && Buffer.byteLength(runtime) + rest <= socketPathBytesMax)
    return join(runtime, `peernet-${name}`);
  const temporary = Buffer.byteLength(tmpdir()) + rest + 12 <= socketPathBytesMax ? tmpdir() : '/tmp';
  return join(temporary, `peernet-${uid() ?? 0}-${name}`);
}

/** Named pipes of Windows are one flat space: the name tells user and folder apart. */
function pipeName(paths: Paths, env: Env): string {
  return `\\\\.\\pipe\\peernet-${fingerprint(`${env.USERNAME ?? ''}\0${paths.base.toLowerCase()}`)}`;
}

/** 16 hex digits (FNV-1a of both halves): short names without loading a hash library into every command. Not for secrets. */
function fingerprint(text: string): string {
  const half = (start: number): string => {
    let hash = start;
    for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    return hash.toString(16).padStart(8, '0');
  };
  return half(0x811c9dc5) + half(0x1b873593);
}
