// `pnpm vectors`: the frozen vectors only grow. Compares packages/*/test/vectors/*.json with the last release (a tag
// `peernet@x.y.z`): what was there must be there still; before the first release the wire may change. That every vector
// decodes and encodes to the same bytes is tested by the package that owns it.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const git = (...args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

/** All strings and numbers of a JSON value, with the path that leads there. */
function leaves(value, path = '') {
  if (typeof value !== 'object' || value === null) return [`${path} = ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}/${key}`));
}

let checked = 0;
const broken = new Set();
for (const name of readdirSync(`${root}packages`)) {
  const folder = `packages/${name}/test/vectors`;
  let files = [];
  try {
    files = readdirSync(root + folder).filter((file) => file.endsWith('.json'));
  } catch {
    continue; // no vectors here
  }
  for (const file of files) {
    checked++;
    const now = new Set(leaves(JSON.parse(readFileSync(`${root}${folder}/${file}`, 'utf8'))));
    let tagged;
    try {
      // What was released counts; before the first release the wire may still change.
      const tag = git('describe', '--tags', '--abbrev=0', '--match', 'peernet@*').trim();
      tagged = git('show', `${tag}:${folder}/${file}`);
    } catch {
      continue;
    }
    for (const leaf of leaves(JSON.parse(tagged))) {
      if (now.has(leaf)) continue;
      broken.add(file);
      console.error(`${folder}/${file}: changed or gone since the release: ${leaf.slice(0, 120)}`);
    }
  }
}
console.log(`${checked - broken.size} passed, ${broken.size} failed`);
process.exitCode = broken.size > 0 || checked === 0 ? 1 : 0;
