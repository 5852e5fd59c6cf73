// Runs the pnpm that package.json pins, on a machine that has only Node and npm.
//   node scripts/pnpm.mjs install
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const pinned = manifest.packageManager.replace(/\+.*/, '');

/** The command line for pnpm with these arguments. It also puts pnpm on the PATH of what it starts. */
export function pnpm(...args) {
  return ['npx', '-y', pinned, ...args];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, ...args] = pnpm(...process.argv.slice(2));
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error) throw error;
  process.exitCode = status ?? 1;
}
