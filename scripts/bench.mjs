// `pnpm bench`: every figure of speed and size that peernet claims, beside what users would pick instead.
//   pnpm bench [--only setups|stream|messages|idle|nodes|cli|size] [--json]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../internal/bench/src/main.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, ['--expose-gc', main, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
