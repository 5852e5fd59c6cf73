// What `import { peernet } from 'peernet'` costs a page: bundled and minified by esbuild, gzipped; and what it consists
// of. A part counts as much as the bundle loses when that part is left out (what several share is in none of them).
//   node internal/browser/size.mjs [--json]       exit 1 above the budget of size.budget.json
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const { gzipBytes: budget } = JSON.parse(readFileSync(`${here}size.budget.json`, 'utf8'));

/** Part → the packages that are left out together. */
const parts = {
  gossip: ['@peernet/gossip'],
  search: ['@peernet/search'],
  store: ['@peernet/store'],
  'connection (its primitives apart)': ['@peernet/connection'],
  'transports (ws, wrtc)': ['@peernet/transport-ws', '@peernet/transport-wrtc'],
  core: ['@peernet/core'],
  '@noble: curves, ciphers, hashes': ['@noble/curves', '@noble/ciphers', '@noble/hashes'],
  'streamx and what it needs': ['streamx', 'events', 'b4a', 'text-decoder', 'fast-fifo', 'events-universal'],
};

async function bundle(external = []) {
  const { outputFiles } = await build({
    stdin: { contents: "export { peernet } from 'peernet'", resolveDir: here },
    external: external.flatMap((name) => [name, `${name}/*`]),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  const code = outputFiles[0].contents;
  return { bytes: code.length, gzipBytes: gzipSync(code, { level: 9 }).length };
}

const whole = await bundle();
const rows = [];
for (const [part, packages] of Object.entries(parts)) {
  const without = await bundle(packages);
  rows.push({ part, bytes: whole.bytes - without.bytes, gzipBytes: whole.gzipBytes - without.gzipBytes });
}
// Without connection, its primitives are gone too.
const noble = rows.find(({ part }) => part.startsWith('@noble'));
const connection = rows.find(({ part }) => part.startsWith('connection'));
for (const key of ['bytes', 'gzipBytes']) connection[key] -= noble[key];
const rest = { part: 'the umbrella itself, and what is shared', ...whole };
for (const row of rows) for (const key of ['bytes', 'gzipBytes']) rest[key] -= row[key];
rows.push(rest);
rows.sort((a, b) => b.gzipBytes - a.gzipBytes);

if (process.argv.includes('--json')) console.log(JSON.stringify({ ...whole, budget, rows }));
else {
  const kilo = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(9);
  for (const row of rows) console.log(row.part.padEnd(42), kilo(row.bytes), kilo(row.gzipBytes), 'gzipped');
  console.log(
    'all'.padEnd(42),
    kilo(whole.bytes),
    kilo(whole.gzipBytes),
    `gzipped (budget ${kilo(budget).trim()})`,
  );
}
process.exitCode = whole.gzipBytes > budget ? 1 : 0;
