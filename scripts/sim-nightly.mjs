// `pnpm sim:nightly`: all scenarios at their full sizes, figures, pictures and docs/simulation.md. `--help`.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSimulator } from '../internal/scenarios/build.mjs';

const sim = fileURLToPath(new URL('./sim.mjs', import.meta.url));
const { nightly } = await import(pathToFileURL(await buildSimulator('nightly')).href);
process.exitCode = await nightly({
  args: process.argv.slice(2),
  root: fileURLToPath(new URL('..', import.meta.url)),
  sim: [process.execPath, '--max-semi-space-size=256', '--max-old-space-size=8192', sim],
});
