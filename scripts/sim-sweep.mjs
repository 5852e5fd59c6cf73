// `pnpm sim:sweep <setting> v1 v2 … --scenario S2 --nodes N`: a scenario over values of a setting. `--help`.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSimulator } from '../internal/scenarios/build.mjs';

const sim = fileURLToPath(new URL('./sim.mjs', import.meta.url));
const { sweep } = await import(pathToFileURL(await buildSimulator('sweep')).href);
process.exitCode = sweep({
  args: process.argv.slice(2),
  sim: [
    process.execPath,
    '--max-semi-space-size=256',
    '--initial-old-space-size=2560',
    '--max-old-space-size=8192',
    sim,
  ],
});
