import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identityFile } from '../src/identity-file.js';
import { fakeDaemon, tempFolder } from './harness.js';

const seed = new Uint8Array(32).fill(7);
const state = { seed, seq: 1_700_000_000_000, anchors: ['ws://10.1.2.3:4000'] };
const isRoot = process.geteuid?.() === 0;

async function saved(): Promise<string> {
  const path = join(tempFolder(), 'identity.json');
  await identityFile(path).save(state);
  return path;
}

describe('the identity file', () => {
  it('gives back what was saved, 0600 whatever the mask', async () => {
    const old = process.umask(0);
    const path = await saved();
    process.umask(old);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await identityFile(path).load()).toEqual(state);
    expect(await identityFile(join(tempFolder(), 'none')).load()).toBeUndefined();
  });

  it.each([0o644, 0o660, 0o604, 0o640, 0o602])('mode %o is refused: exit 6, what to type', async (mode) => {
    const path = await saved();
    chmodSync(path, mode);
    await expect(identityFile(path).load()).rejects.toMatchObject({
      exit: 6,
      hint: `type: chmod 600 ${path}`,
    });
    chmodSync(path, 0o600);
    expect(await identityFile(path).load()).toEqual(state); // the control
  });

  it('a link is refused', async () => {
    const path = await saved();
    renameSync(path, `${path}.real`);
    symlinkSync(`${path}.real`, path);
    await expect(identityFile(path).load()).rejects.toMatchObject({ exit: 6, message: /is a link/ });
  });

  it.skipIf(!isRoot)('another owner is refused', async () => {
    const path = await saved();
    chownSync(path, 12345, 12345);
    await expect(identityFile(path).load()).rejects.toMatchObject({ exit: 6, message: /another user/ });
  });

  it.each([
    ['nothing', ''],
    ['half of it', '{"v":1,"seed":"0707'],
    ['another form', '[]'],
    ['null', 'null'],
    ['a short seed', '{"v":1,"seed":"07","seq":1,"anchors":[]}'],
    ['no seq', `{"v":1,"seed":"${'07'.repeat(32)}","anchors":[]}`],
    ['a later version', `{"v":2,"seed":"${'07'.repeat(32)}","seq":1,"anchors":[]}`],
  ])('%s: damaged, told, not overwritten', async (_, text) => {
    const path = join(tempFolder(), 'identity.json');
    writeFileSync(path, text, { mode: 0o600 });
    await expect(identityFile(path).load()).rejects.toMatchObject({ code: 'IDENTITY_INVALID' });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('damaged anchors cost the anchors', async () => {
    const path = join(tempFolder(), 'identity.json');
    writeFileSync(path, `{"v":1,"seed":"${'07'.repeat(32)}","seq":5,"anchors":[1,"ws://a.example:1",null]}`, {
      mode: 0o600,
    });
    expect(await identityFile(path).load()).toEqual({ seed, seq: 5, anchors: ['ws://a.example:1'] });
  });

  it('many saves at once: the last one wins, no temporary file stays', async () => {
    const path = await saved();
    const file = identityFile(path);
    await file.load();
    await Promise.all(Array.from({ length: 50 }, (_, i) => file.save({ ...state, seq: i })));
    expect((await file.load())?.seq).toBe(49);
    expect(readdirSync(join(path, '..'))).toEqual(['identity.json']);
  });

  it('what a crash left is swept away, and read by nobody', async () => {
    const path = await saved();
    writeFileSync(`${path}.tmp-dead`, '{"v":1,"se', { mode: 0o600 });
    expect(await identityFile(path).load()).toEqual(state);
    expect(readdirSync(join(path, '..'))).toEqual(['identity.json']);
  });

  it('never replaces one identity by another', async () => {
    const path = await saved();
    const file = identityFile(path);
    await file.load();
    const other = { ...state, seed: new Uint8Array(32).fill(8) };
    await expect(file.save(other)).rejects.toMatchObject({ code: 'IDENTITY_INVALID' });
    expect(await identityFile(path).load()).toEqual(state);
  });

  it('a daemon does not start with one that others may read, and leaves no socket', async () => {
    const base = tempFolder();
    const path = join(base, 'identity.json');
    await identityFile(path).save(state);
    chmodSync(path, 0o644);
    await expect(fakeDaemon({ base })).rejects.toMatchObject({ exit: 6 });
    chmodSync(path, 0o600);
    expect((await (await fakeDaemon({ base })).run('own')).code).toBe(0); // the lock was given back
  });
});
