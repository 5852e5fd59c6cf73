// Builds the simulator from the sources of all packages into one file, in a second and without their builds. In this
// build the tables of numbers (`defaults.ts`) are not frozen, so that `--set` can change them.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = new URL('.', import.meta.url);

/** Leaves the tables of numbers writable. */
const thawed = {
  name: 'thawed',
  setup(builder) {
    builder.onLoad({ filter: /[\\/]src[\\/](defaults|machine[\\/]extrema)\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('Object.freeze(', '('),
      loader: 'ts',
    }));
  },
};

const entries = { sim: 'src/main.ts', nightly: 'src/nightly/main.ts', sweep: 'src/sweep.ts' };

/** Builds `sim`, `nightly` or `sweep`; returns the path of the bundle, which is replaced as a whole: others may be reading it. */
export async function buildSimulator(name = 'sim') {
  const outfile = fileURLToPath(new URL(`node_modules/.cache/${name}.mjs`, here));
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(entries[name], here))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@peernet/source'],
    sourcemap: true,
    plugins: [thawed],
    logLevel: 'warning',
    write: false,
  });
  mkdirSync(dirname(outfile), { recursive: true });
  for (const { path, contents } of outputFiles) {
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
  return outfile;
}
