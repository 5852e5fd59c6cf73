// Runs every example as a user would: copied into an empty folder, installed from the packed tarballs, `npm start`, or
// `npm run check` where that needs somebody who types. It must end by itself with exit code 0. Prints `N passed, N failed`.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packAll } from './tarballs.mjs';

const examples = fileURLToPath(new URL('../examples', import.meta.url));
/** Longest time that an example may take, ms. */
const patienceMs = 90_000;

function run(name, files) {
  const folder = mkdtempSync(join(tmpdir(), `peernet-${name}-`));
  try {
    cpSync(join(examples, name), folder, {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    });
    const path = join(folder, 'package.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    for (const dependency of Object.keys(manifest.dependencies)) {
      if (files[dependency]) manifest.dependencies[dependency] = files[dependency];
    }
    // Packages that are dependencies of dependencies come from the tarballs too.
    manifest.overrides = Object.fromEntries(
      Object.entries(files).filter(([key]) => !manifest.dependencies[key]),
    );
    writeFileSync(path, JSON.stringify(manifest, null, 2));
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent'], { cwd: folder, stdio: 'pipe' });
    const script = manifest.scripts.check === undefined ? 'start' : 'check';
    const result = spawnSync('npm', ['run', script, '--silent'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: patienceMs,
    });
    return { ok: result.status === 0, output: result.stdout + result.stderr, signal: result.signal };
  } catch (error) {
    return { ok: false, output: `${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { files, remove } = packAll();
let passed = 0;
let failed = 0;
for (const name of readdirSync(examples)) {
  const startMs = performance.now();
  const { ok, output, signal } = run(name, files);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(
    `${ok ? 'ok    ' : 'FAILED'} examples/${name} (${seconds} s)${signal ? ` ended by ${signal}` : ''}`,
  );
  if (!ok || process.argv.includes('--verbose')) console.log(output.replace(/^/gm, '    '));
  if (ok) passed++;
  else failed++;
}
remove();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
