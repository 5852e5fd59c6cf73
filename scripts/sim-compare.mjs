// `pnpm sim:compare [--nodes 30] [--searches 200] [--settle 30]`: what the simulator predicts for a mesh on this machine,
// beside what nodes on real sockets do: time to converge, links, messages of a search. Exit 1 if they differ by more
// than they may, 2 if an option makes no sense.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = new URL('..', import.meta.url);
const pathOf = (name) => fileURLToPath(new URL(name, root));
const { build } = createRequire(pathOf('internal/e2e/package.json'))('esbuild');

/**
 * Rows of the table. `within`: how far apart they may be, as a factor. The time to converge depends on how many
 * processors there are, so it is shown and not judged; messages and links do not.
 */
const rows = [
  { field: 'meshedSeconds', what: 's until all have 4 links beside the centre' },
  { field: 'degreeMean', what: 'overlay links of a node, mean', within: 1.25 },
  { field: 'found', what: 'share of searches that find the member', within: 1.01 },
  { field: 'messagesHeard', what: 'SEARCH messages of one search', within: 1.5 },
  { field: 'firstRowSeconds', what: 's to the row of the member' },
];

function predicted({ nodes, searches, settleSeconds }) {
  const sets = [
    ...['--set', `scenario.searches=${searches}`],
    ...['--set', `scenario.settleSeconds=${settleSeconds}`],
  ];
  const args = [pathOf('scripts/sim.mjs'), 'mesh', '--nodes', String(nodes), '--json', ...sets];
  // What it says of its progress, and of its failure, is for whoever waits.
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0 && status !== 1) process.exit(status ?? 130);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

async function measured(options) {
  const outfile = pathOf('internal/e2e/node_modules/.cache/compare.mjs');
  await build({
    entryPoints: [pathOf('internal/e2e/src/compare.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@peernet/source'],
    external: ['@roamhq/wrtc', 'bufferutil', 'utf-8-validate'],
    // CommonJS dependencies (ws) load Node's modules by `require`.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  const { measureMesh } = await import(pathToFileURL(outfile).href);
  return measureMesh(options);
}

/** Numbers from the command line, each within what makes sense; `process.exit(2)` with a line if one does not. */
function numbers(wanted) {
  const options = {};
  for (const [name, { value }] of Object.entries(wanted))
    options[name] = { type: 'string', default: String(value) };
  try {
    const { values } = parseArgs({ options });
    return Object.fromEntries(
      Object.entries(values).map(([name, text]) => [name, whole(name, text, wanted[name])]),
    );
  } catch (error) {
    console.error(`sim:compare: ${error.message}`);
    process.exit(2);
  }
}

function whole(name, text, { min, max }) {
  const number = Number(text);
  if (text.trim() === '' || !Number.isInteger(number) || number < min || number > max)
    throw new Error(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
  return number;
}

const { nodes, searches, settle } = numbers({
  nodes: { value: 30, min: 4, max: 100 },
  searches: { value: 200, min: 1, max: 10_000 },
  settle: { value: 30, min: 1, max: 600 },
});
const simulated = predicted({ nodes, searches, settleSeconds: settle });
const real = await measured({ nodes, searches, settleMs: settle * 1000, onProgress: progress });
progress('');
console.log(`${''.padEnd(46)} simulated   real sockets`);
let apart = 0;
for (const { field, what, within } of rows) {
  const [a, b] = [simulated[field], real[field]];
  const far = within !== undefined && Math.max(a / b, b / a) > within;
  if (far) apart++;
  const note = far ? `  differ by more than a factor of ${within}` : '';
  console.log(`${what.padEnd(46)} ${format(a)} ${format(b)}${note}`);
}
process.exitCode = apart > 0 ? 1 : 0;

/** One line on a terminal, written over; nothing elsewhere. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

function format(value) {
  return String(Number(value.toPrecision(4)))
    .padStart(9)
    .padEnd(12);
}
