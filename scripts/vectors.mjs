// `pnpm vectors [--check]`: frozen vectors only grow. What packages/*/test/vectors/*.json held when it was committed
// last, and what it held in the last release (a tag `peernet@x.y.z`), it must hold still. Before the first release the
// wire may change: then a commit of its own changes the vectors. `--write` makes files that are missing, and no others.
// That every vector reads and writes itself is tested in internal/e2e/test/vectors.test.ts and by the packages.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** All strings, numbers and flags of a JSON value, with the path that leads there. */
export function leaves(value, path = '') {
  if (typeof value !== 'object' || value === null) return [`${path} = ${JSON.stringify(value)}`];
  const inner = Object.entries(value).flatMap(([key, child]) => leaves(child, `${path}/${key}`));
  return inner.length > 0 ? inner : [`${path} = ${JSON.stringify(value)}`];
}

/** What `before` says and `now` does not. */
export function lost(before, now) {
  const kept = new Set(leaves(JSON.parse(now)));
  return leaves(JSON.parse(before)).filter((leaf) => !kept.has(leaf));
}

function gitIn(root) {
  return (...args) => {
    try {
      const stdio = ['ignore', 'pipe', 'ignore'];
      return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio, maxBuffer: 2 ** 26 }).trimEnd();
    } catch {
      return undefined;
    }
  };
}

/** Files of vectors that are there, or that were in one of `commits`. */
function vectorFiles(root, git, commits) {
  const files = new Set();
  for (const commit of commits)
    for (const file of git('ls-tree', '-r', '--name-only', commit, 'packages')?.split('\n') ?? [])
      if (/^packages\/[^/]+\/test\/vectors\/[^/]+\.json$/.test(file)) files.add(file);
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = `packages/${name}/test/vectors`;
    if (!existsSync(join(root, folder))) continue;
    for (const file of readdirSync(join(root, folder)))
      if (file.endsWith('.json')) files.add(`${folder}/${file}`);
  }
  return [...files].sort();
}

/** Compares vectors with those of earlier; returns `{ files, problems, notes }`. */
export function checkVectors(root) {
  const git = gitIn(root);
  const notes = [];
  const head = git('rev-parse', '--verify', 'HEAD');
  if (head === undefined) notes.push('no git history here: nothing to compare with');
  // A shallow clone has neither tags nor what they name.
  const release = git('describe', '--tags', '--abbrev=0', '--match', 'peernet@*');
  if (git('rev-parse', '--is-shallow-repository') === 'true')
    notes.push('a shallow clone: releases are not compared');
  else if (head !== undefined && release === undefined)
    notes.push('nothing is released yet: the last commit counts');
  const commits = [head, release].filter((commit) => commit !== undefined);
  const files = vectorFiles(root, git, commits);
  const problems = [];
  for (const file of files) {
    const now = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '{}';
    const gone = new Set();
    for (const commit of commits) {
      const before = git('show', `${commit}:${file}`);
      if (before !== undefined) for (const leaf of lost(before, now)) gone.add(leaf);
    }
    if (gone.size > 0) problems.push({ file, gone: [...gone] });
  }
  return { files, problems, notes };
}

function write(root) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const tests = ['packages/store/test/wire.test.ts', 'internal/e2e/test/vectors.test.ts'];
  const args = [vitest, 'run', '--project', 'store', '--project', 'e2e', ...tests];
  const env = { ...process.env, PEERNET_WRITE_VECTORS: '1' };
  return spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
}

function main(root) {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, write: { type: 'boolean' } } });
  if (values.write) process.exitCode = write(root);
  const { files, problems, notes } = checkVectors(root);
  for (const note of notes) console.log(`vectors: ${note}`);
  for (const { file, gone } of problems)
    for (const leaf of gone) console.error(`${file}: changed or gone: ${leaf.slice(0, 120)}`);
  console.log(`${files.length - problems.length} passed, ${problems.length} failed`);
  if (problems.length > 0 || files.length === 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main(fileURLToPath(new URL('..', import.meta.url)));
  } catch (error) {
    console.error(`${error.message}\nusage: pnpm vectors [--check] [--write]`);
    process.exitCode = 2;
  }
}
