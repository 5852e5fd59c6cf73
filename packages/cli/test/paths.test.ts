import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  checkFolder,
  ensureFolder,
  forgetSocket,
  pathsOf,
  socketToBind,
  socketToDial,
} from '../src/paths.js';
import { fakeDaemon, tempFolder } from './harness.js';

const isRoot = process.geteuid?.() === 0;

/** What a call fails with. */
function failure(call: () => unknown): { exit: number; message: string; hint?: string } | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error as { exit: number; message: string; hint?: string };
  }
}

describe('pathsOf', () => {
  it('--datadir before $PEERNET_PATH before ~/.config/peernet', () => {
    expect(pathsOf({ PEERNET_PATH: '/a' }, '/x', '/b').base).toBe('/b');
    expect(pathsOf({ PEERNET_PATH: '/a' }, '/x').base).toBe('/a');
    expect(pathsOf({ PEERNET_PATH: '', HOME: '/h' }, '/x').base).toBe('/h/.config/peernet');
    expect(pathsOf({}, '/x').base).toBe(join(homedir(), '.config/peernet'));
    expect(pathsOf({ PEERNET_PATH: 'rel' }, '/x').base).toBe('/x/rel');
  });
});

describe.skipIf(process.platform === 'win32')('the folder', () => {
  it('is made 0700, whatever the mask, with what is above it', () => {
    const old = process.umask(0);
    onTestFinished(() => void process.umask(old));
    const folder = join(tempFolder(), 'a', 'b');
    ensureFolder(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(checkFolder(folder)).toBe(true);
  });

  it('an empty one of ours is tightened; one with something in it is refused: exit 6, what to type', () => {
    const folder = join(tempFolder(), 'x');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    expect(failure(() => checkFolder(folder))?.exit).toBe(6);
    ensureFolder(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    writeFileSync(join(folder, 'something'), '');
    for (const mode of [0o755, 0o770, 0o701, 0o777]) {
      chmodSync(folder, mode);
      expect(failure(() => ensureFolder(folder))).toMatchObject({
        exit: 6,
        hint: `type: chmod 700 ${folder}`,
      });
      expect(statSync(folder).mode & 0o777).toBe(mode);
    }
  });

  it.skipIf(!isRoot)('of another user is refused', () => {
    const folder = join(tempFolder(), 'x');
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 12345, 12345);
    expect(failure(() => ensureFolder(folder))).toMatchObject({ exit: 6, message: /another user/ });
  });

  it('a file, or something below a file, is refused', () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    expect(failure(() => ensureFolder(file))).toMatchObject({ exit: 6 });
    expect(failure(() => ensureFolder(join(file, 'x')))).toMatchObject({ exit: 6 });
    expect(failure(() => checkFolder(join(file, 'x')))).toMatchObject({ exit: 6 });
  });

  it('may be reached by a link', () => {
    const base = tempFolder();
    mkdirSync(join(base, 'real'), { mode: 0o700 });
    symlinkSync('real', join(base, 'link'));
    ensureFolder(join(base, 'link'));
    expect(checkFolder(join(base, 'link'))).toBe(true);
    symlinkSync('nowhere', join(base, 'broken'));
    expect(failure(() => checkFolder(join(base, 'broken')))).toMatchObject({ exit: 6 });
  });
});

describe.skipIf(process.platform === 'win32')('the control socket', () => {
  it.each([0o000, 0o002, 0o022, 0o077])('is 0600 in a 0700 folder under umask %o', async (mask) => {
    const old = process.umask(mask);
    onTestFinished(() => void process.umask(old));
    const { paths } = await fakeDaemon({ base: join(tempFolder(), 'new') });
    expect(process.umask()).toBe(mask);
    expect(statSync(paths.sock).mode & 0o777).toBe(0o600);
    expect(statSync(paths.base).mode & 0o777).toBe(0o700);
  });

  it('in a folder with a long path lies in a short one, found by a link', async () => {
    const base = join(tempFolder(), 'x'.repeat(120));
    const runtime = tempFolder();
    const { paths, run } = await fakeDaemon({ base, env: { XDG_RUNTIME_DIR: runtime } });
    const real = readlinkSync(paths.sock);
    expect(real.startsWith(`${runtime}/peernet-`)).toBe(true);
    expect(statSync(real).mode & 0o777).toBe(0o600);
    // The command has another environment, and finds it all the same.
    expect((await run('own')).code).toBe(0);
    expect((await run('status')).code).toBe(0);
  });

  it('without XDG_RUNTIME_DIR, or with a long one: below the temporary folder; gone after the end', async () => {
    for (const env of [{}, { XDG_RUNTIME_DIR: `/${'y'.repeat(120)}` }, { XDG_RUNTIME_DIR: 'relative' }]) {
      const { paths, daemon } = await fakeDaemon({ base: join(tempFolder(), 'x'.repeat(120)), env });
      const real = readlinkSync(paths.sock);
      expect(real.length).toBeLessThanOrEqual(100);
      await daemon.close('test');
      expect(() => lstatSync(dirname(real))).toThrow();
      expect(() => lstatSync(paths.sock)).toThrow();
    }
  });

  it.skipIf(!isRoot)('of another user is not talked to; neither is a file', async () => {
    const paths = pathsOf({ PEERNET_PATH: tempFolder() }, '/');
    expect(socketToDial(paths, {})).toBeUndefined();
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(paths.sock, resolve));
    expect(socketToDial(paths, {})).toBe(paths.sock);
    chownSync(paths.sock, 12345, 12345);
    expect(failure(() => socketToDial(paths, {}))).toMatchObject({ exit: 6, message: /another user/ });
    forgetSocket(paths.sock);
    writeFileSync(paths.sock, '');
    expect(failure(() => socketToDial(paths, {}))).toMatchObject({ exit: 6, message: /not a socket/ });
    forgetSocket(paths.sock);
    expect(lstatSync(paths.sock).isFile()).toBe(true); // never removes what is no socket
  });

  it.skipIf(!isRoot)('a short folder that somebody else made first is refused', () => {
    const runtime = tempFolder();
    const paths = pathsOf({ PEERNET_PATH: join(tempFolder(), 'x'.repeat(120)) }, '/');
    ensureFolder(paths.base);
    const env = { XDG_RUNTIME_DIR: runtime };
    const folder = join(socketToBind(paths, env), '..');
    chownSync(folder, 12345, 12345);
    expect(failure(() => socketToBind(paths, env))).toMatchObject({ exit: 6 });
    expect(failure(() => socketToDial(paths, env))).toMatchObject({ exit: 6 });
  });
});
