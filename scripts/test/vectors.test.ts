// The guard of the vectors: it must notice every change, and let them grow.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkVectors } from '../vectors.mjs';

let root = '';
const folder = () => join(root, 'packages', 'a', 'test', 'vectors');
const git = (...args: string[]) => {
  const author = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
  execFileSync('git', [...author, ...args], { cwd: root, stdio: 'ignore' });
};
const write = (vectors: unknown) => writeFileSync(join(folder(), 'v1.json'), JSON.stringify(vectors));
const commit = (vectors: unknown) => {
  write(vectors);
  git('add', '.');
  git('commit', '-q', '-m', 'x');
};
const gone = () => checkVectors(root).problems.flatMap((problem) => problem.gone);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vectors-'));
  mkdirSync(folder(), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

test('vectors may grow; one that changes or vanishes is named', () => {
  git('init', '-q');
  commit({ hello: '00ff', list: [{ bytes: '01' }] });
  expect(gone()).toEqual([]);
  write({ hello: '00ff', list: [{ bytes: '01' }, { bytes: '02' }], more: '03' });
  expect(gone()).toEqual([]);
  write({ hello: '00fe', list: [{ bytes: '01' }] });
  expect(gone()).toEqual(['/hello = "00ff"']);
  write({ hello: '00ff', list: [] });
  expect(gone()).toEqual(['/list/0/bytes = "01"']);
  rmSync(join(folder(), 'v1.json'));
  expect(gone()).toEqual(['/hello = "00ff"', '/list/0/bytes = "01"']);
});

test('what was released counts for ever, what was only committed until the next commit', () => {
  git('init', '-q');
  commit({ hello: '00' });
  commit({ hello: '01' });
  expect(gone()).toEqual([]);
  git('tag', 'peernet@1.0.0');
  commit({ hello: '02' });
  expect(gone()).toEqual(['/hello = "01"']);
});

test('without history it says why nothing was compared', () => {
  write({ hello: '00' });
  const { files, problems, notes } = checkVectors(root);
  expect(files).toEqual(['packages/a/test/vectors/v1.json']);
  expect(problems).toEqual([]);
  expect(notes[0]).toMatch(/no git history/);
});
