// `pnpm sim <scenario>`: the daemon's own machines in a simulated network (internal/scenarios). `pnpm sim --help`.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSimulator } from '../internal/scenarios/build.mjs';

const { main } = await import(pathToFileURL(await buildSimulator()).href);
process.exitCode = await main({
  args: process.argv.slice(2),
  seedsFile: fileURLToPath(new URL('../internal/scenarios/seeds.txt', import.meta.url)),
  root: fileURLToPath(new URL('..', import.meta.url)),
});
