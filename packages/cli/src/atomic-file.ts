// Small files that are either the old or the new version, whatever happens: temporary file beside it, fsync, rename,
// fsync of the folder. Readable by the owner only.
import { randomUUID } from 'node:crypto';
import { lstat, open, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { denied, systemCode } from './exit.js';
import { modeOf } from './paths.js';

/** Replaces `path` by `text`. What is there already stays if it fails. */
export async function writeAtomic(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp-${randomUUID()}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * The text of `path`, undefined if there is none. A Failure (exit 6) if anybody else could read or have written it:
 * looser mode than 0600, another owner, a link.
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  const before = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw denied(`cannot read ${path} (${systemCode(error)})`, undefined, error);
  });
  if (before === undefined) return undefined;
  if (before.isSymbolicLink()) throw denied(`${path} is a link`, 'replace it by the file that it leads to');
  const file = await open(path, 'r').catch((error: unknown) => {
    throw denied(`cannot read ${path} (${systemCode(error)})`, undefined, error);
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.ino !== before.ino) throw denied(`${path} is not a plain file`);
    if (process.platform !== 'win32') {
      if (stats.uid !== process.geteuid?.()) throw denied(`${path} belongs to another user`);
      if ((stats.mode & 0o077) !== 0)
        throw denied(`others may read or change ${path} (mode ${modeOf(stats)})`, `type: chmod 600 ${path}`);
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Removes what a crash in the middle of `writeAtomic` left. For the only process that writes `path`. */
export async function sweep(path: string): Promise<void> {
  const prefix = `${basename(path)}.tmp-`;
  for (const name of await readdir(dirname(path)))
    if (name.startsWith(prefix)) await unlink(join(dirname(path), name)).catch(() => {});
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
