// `pnpm sim <scenario>`: the daemon's own machines in a simulated network (internal/scenarios). `pnpm sim --help`.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { buildSimulator } from '../internal/scenarios/build.mjs';

// Messages are external memory, and V8 marks the whole heap anew for every 64 MiB of it: a third of the time of S3
// with 10 000 nodes. From Node 24 on it can count them with the rest. (Before, it ends the process for a flag that it does not know.)
if (Number.parseInt(process.versions.node, 10) >= 24)
  setFlagsFromString('--external-memory-accounted-in-global-limit');

const { main } = await import(pathToFileURL(await buildSimulator()).href);
process.exitCode = await main({
  args: process.argv.slice(2),
  seedsFile: fileURLToPath(new URL('../internal/scenarios/seeds.txt', import.meta.url)),
  root: fileURLToPath(new URL('..', import.meta.url)),
});
