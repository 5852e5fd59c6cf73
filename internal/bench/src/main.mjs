// Runs the benchmarks and prints one table. Ratios are ours / theirs, measured side by side in this run. Each kind has a
// process of its own: what one leaves behind on the heap halves or doubles the speed of the next.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packAll } from '../../../scripts/tarballs.mjs';

const kinds = ['setups', 'stream', 'messages', 'idle', 'nodes', 'cli', 'size'];
const usage = `usage: pnpm bench [--only ${kinds.join('|')}] [--json]`;

function options() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        json: { type: 'boolean' },
        quiet: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.only !== undefined && !kinds.includes(values.only))
      throw new Error(`unknown benchmark: ${values.only}`);
    return values;
  } catch (error) {
    console.error(`${error.message}\n${usage}`);
    process.exit(2);
  }
}

const { only, json, help, quiet } = options();
if (help) {
  console.log(usage);
  process.exit(0);
}
const rows = [];
const wanted = (kind) => only === kind;
const round = (value) => (value === undefined ? undefined : Number(value.toPrecision(3)));

/** One line of the table, as soon as it is known. */
function report(what, unit, ours, theirs, target) {
  const row = {
    what,
    unit,
    peernet: round(ours),
    theirs: round(theirs),
    ratio: round(ours / theirs),
    target,
  };
  if (theirs === undefined) row.ratio = undefined;
  rows.push(row);
  if (json) console.log(JSON.stringify(row));
  else {
    const cells = [
      what.padEnd(46),
      `${row.peernet} ${unit}`.padEnd(16),
      theirs === undefined ? '-' : `${row.theirs}`,
    ];
    console.log(
      cells.join('  ').padEnd(74),
      row.ratio === undefined ? '' : `× ${row.ratio}`.padEnd(9),
      target ?? '',
    );
  }
}

async function connectionBenchmarks() {
  const bench = await import('./connections.mjs');
  const { ours, theirs } = await import('./stacks.mjs');
  const [known, other] = [await ours(), await theirs()];
  if (wanted('setups')) {
    const { rounds, perSlice } = bench.setupSlices;
    const fresh = await ours({ strangers: (rounds + 1) * perSlice });
    const [a, b, c] = await bench.setups([known, fresh, other]);
    report('connections set up per second, known peer', '/s', a.perSecond, c.perSecond, '≥ 1');
    report('connections set up per second, first contact', '/s', b.perSecond, c.perSecond, '≥ 0.8');
    report('CPU of a set-up, known peer', 'ms', a.cpuMs, c.cpuMs);
    report('CPU of a set-up, first contact', 'ms', b.cpuMs, c.cpuMs);
  }
  if (wanted('stream')) {
    for (const [bytes, target] of [
      [65_536, '≥ 1.1'],
      [1_024, '≥ 2'],
    ]) {
      const [a, c] = await bench.streamThroughput([known, other], bytes);
      report(`one app stream, writes of ${bytes} B`, 'MB/s', a.mbPerSecond, c.mbPerSecond, target);
    }
  }
  if (wanted('messages')) {
    const [a, c] = await bench.messages([known, other], 100);
    report('messages of 100 B, bursts', '/s', a.perSecond, c.perSecond, '≥ 8');
    const [d, e] = await bench.singleMessages([known, other], 100);
    report('messages of 100 B, one per event-loop turn', '/s', d.perSecond, e.perSecond, '≥ 0.5');
    report('CPU of one such message', 'µs', d.cpuUs, e.cpuUs);
  }
}

/** Memory that the system gives a process is not given back: each stack is measured in processes of its own. */
function idleBenchmarks() {
  const [a, c] = [measureIdle('ours'), measureIdle('theirs')];
  report('idle connection, both ends, heap + external', 'KiB', a.heapKib, c.heapKib, '≤ 0.8');
  report('idle connection, both ends, RSS', 'KiB', a.rssKib, c.rssKib, '≤ 1');
}

function measureIdle(stack) {
  const file = fileURLToPath(new URL('./idle-connections.mjs', import.meta.url));
  const runs = [0, 1, 2].map(() => {
    const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', file, stack], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (status !== 0) throw new Error(`${file} ended with ${status}`);
    return JSON.parse(stdout);
  });
  const middle = (key) => runs.map((run) => run[key]).sort((x, y) => x - y)[1];
  return { heapKib: middle('heapKib'), rssKib: middle('rssKib') };
}

async function nodeBenchmarks() {
  const { idleNodes } = await import('./idle-nodes.mjs');
  const { bytesPerSecond, heapKib, links } = await idleNodes();
  report(`idle node (${round(links)} links), sent`, 'B/s', bytesPerSecond);
  report('idle node, heap', 'KiB', heapKib, undefined, '≤ 100 (hyperdht)');
}

async function cliBenchmarks() {
  const { commandCost } = await import('./command.mjs');
  const { command, nothing } = commandCost();
  const target = `≤ ${round(1.5 * nothing + 60)} (1.5 × and 60 ms)`;
  report('a command while the daemon runs, beside node -e 0', 'ms', command, nothing, target);
}

async function sizeBenchmarks() {
  const { installed, importCost } = await import('./size.mjs');
  const { files, remove } = packAll();
  const theirsIn = installed({ '@hyperswarm/secret-stream': '6.9.2', protomux: '3.12.1' });
  const oursIn = installed({ peernet: files.peernet }, files);
  const connectionIn = installed({ '@peernet/connection': files['@peernet/connection'] }, files);
  const load = "require('@hyperswarm/secret-stream');require('protomux')";
  const theirCost = importCost(theirsIn.folder, load);
  report('packages installed (peernet)', '', oursIn.packages, theirsIn.packages, '≤ 32 packages');
  report('installed size (peernet)', 'MB', oursIn.megabytes, theirsIn.megabytes, '≤ 6 MB');
  report('installed size (@peernet/connection)', 'MB', connectionIn.megabytes, theirsIn.megabytes);
  report(
    "CPU of require('peernet')",
    'ms',
    importCost(oursIn.folder, "require('peernet')"),
    theirCost,
    '≤ 1.5',
  );
  const connection = importCost(connectionIn.folder, "require('@peernet/connection')");
  report("CPU of require('@peernet/connection')", 'ms', connection, theirCost);
  for (const place of [theirsIn, oursIn, connectionIn]) place.remove();
  remove();
}

/** Every kind in turn, each in a process of its own. */
function runAll() {
  const main = fileURLToPath(import.meta.url);
  for (const kind of kinds) {
    const args = ['--expose-gc', main, '--only', kind, ...(json ? ['--json'] : ['--quiet'])];
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
    if (status !== 0) process.exitCode = status ?? 1;
  }
}

if (!json && !quiet) {
  const model = cpus()[0]?.model ?? 'unknown CPU';
  console.log(
    `Node ${process.version}, ${cpus().length} × ${model}; the other stack: secret-stream 6.9.2 + protomux 3.12.1\n`,
  );
}
if (only === undefined) runAll();
else if (only === 'nodes') await nodeBenchmarks();
else if (only === 'cli') await cliBenchmarks();
else if (only === 'size') await sizeBenchmarks();
else if (only === 'idle') idleBenchmarks();
else await connectionBenchmarks();
process.exit();
