// `pnpm sim:nightly`: all scenarios at their full sizes, figures, pictures and docs/simulation.md. `--help`.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSimulator } from '../internal/scenarios/build.mjs';

const sim = fileURLToPath(new URL('./sim.mjs', import.meta.url));
const { nightly } = await import(pathToFileURL(await buildSimulator('nightly')).href);
process.exitCode = await nightly({
  args: process.argv.slice(2),
  root: fileURLToPath(new URL('..', import.meta.url)),
  // Unlike `pnpm sim`, which stays below 4 GiB with 10 000 nodes: a night has the memory, and no time to collect it.
  sim: [
    process.execPath,
    '--max-semi-space-size=256',
    '--initial-old-space-size=6144',
    '--max-old-space-size=10240',
    sim,
  ],
});
