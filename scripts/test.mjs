// `npm test`: everything that continuous integration runs, on a machine with nothing but Node ≥ 20.19 and npm.
// Installs and builds what is missing, then runs the stages below and ends with one line: `N passed, N failed`.
// Node built-ins only. A new stage is a line in `allStages`; one whose file does not exist yet is left out and named.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pnpm } from './pnpm.mjs';
import { fromVitest, runStages, summary } from './stages.mjs';

const HELP = `npm test -- [options]
  --only <stage>   run only this stage (may be repeated)
  --verbose        show the output of every stage as it comes, one stage at a time
  --nightly        full counts and sizes (sets PEERNET_NIGHTLY=1)
  --ready          only install and build what is missing
  --list           name the stages and stop
  --help           this text`;

const root = fileURLToPath(new URL('..', import.meta.url));
const reports = mkdtempSync(join(tmpdir(), 'peernet-test-'));

/** Projects with a stage of their own, or with nothing to test. */
const apart = ['bench', 'browser', 'e2e', 'scenarios'];
const units = [
  ...workspaces('packages'),
  ...workspaces('internal').filter((name) => !apart.includes(name)),
  'scripts',
];
const node = (file) => ({ command: [process.execPath, file], file });
const tool = (name, ...args) => ({ command: [join(root, 'node_modules', '.bin', name), ...args] });

/**
 * All stages in their order. `file`: what must exist for the stage to be there. `needs`: what must not have failed.
 * `cores: 1`: may run beside another such one. `unit` has workers for the whole machine, and pages are several processes
 * that must be answered in time, so these two run alone. `e2e` judges by real time, too: one worker, beside one process.
 */
function allStages() {
  return [
    { name: 'install', command: pnpm('install', '--frozen-lockfile') },
    { name: 'build', command: pnpm('run', 'build'), needs: ['install'], cores: 1 },
    { name: 'lint', ...tool('biome', 'ci', '--colors=off', '.'), needs: ['install'], cores: 1 },
    { name: 'tidy', ...node('scripts/tidy.mjs'), needs: ['install'], cores: 1 },
    {
      name: 'docs',
      command: [process.execPath, 'scripts/docs.mjs', '--check'],
      needs: ['install'],
      cores: 1,
    },
    { name: 'vectors', ...node('scripts/vectors.mjs'), cores: 1 },
    { name: 'types', command: pnpm('run', 'typecheck'), needs: ['install'], cores: 1 },
    { name: 'pack-check', command: pnpm('run', 'pack-check'), needs: ['build'], cores: 1 },
    // Its tests of the command start the built one.
    { name: 'unit', ...vitest('unit', units, 3), needs: ['build'] },
    {
      name: 'e2e',
      ...vitest('e2e', ['e2e'], 1),
      file: 'internal/e2e/package.json',
      needs: ['build'],
      cores: 1,
    },
    {
      name: 'scenarios',
      ...vitest('scenarios', ['scenarios'], 1),
      file: 'internal/scenarios/package.json',
      needs: ['install'],
      cores: 1,
    },
    { name: 'examples', ...node('scripts/examples.mjs'), needs: ['build'], cores: 1 },
    { name: 'browser', ...node('scripts/browser.mjs'), needs: ['build'] },
  ];
}

/**
 * `workers`: how many test files run at once, at least. Vitest's own choice is one less than there are cores: on two, one
 * core is idle, and the other whenever a test waits for a socket, a process or a timer.
 */
function vitest(name, projects, workers) {
  const file = join(reports, `${name}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const only = projects.flatMap((project) => ['--project', project]);
  const atOnce = `--maxWorkers=${Math.max(workers, availableParallelism() - 1)}`;
  return {
    ...tool('vitest', 'run', atOnce, ...reporters, ...only),
    env: { NO_COLOR: '1' },
    counts: fromVitest(file),
  };
}

function workspaces(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder)).filter((name) =>
    existsSync(join(root, folder, name, 'package.json')),
  );
}

/** Changes whenever an installation from before may no longer fit. */
function installKey() {
  const hash = createHash('sha256').update(
    `${process.platform} ${process.arch} ${process.versions.modules}\n`,
  );
  const manifests = ['packages', 'internal', 'examples'].flatMap((folder) =>
    workspaces(folder).map((name) => `${folder}/${name}/package.json`),
  );
  for (const file of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests])
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

const stamp = join(root, 'node_modules', '.installed-for');
const isInstalled = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === installKey();

function chosenStages(only, ready) {
  const all = allStages();
  const unknown = only.find((name) => !all.some((stage) => stage.name === name));
  if (unknown)
    throw new TypeError(`no stage '${unknown}'; there are: ${all.map((stage) => stage.name).join(', ')}`);
  const present = all.filter((stage) => !stage.file || existsSync(join(root, stage.file)));
  const absent = all.filter((stage) => !present.includes(stage)).map((stage) => stage.name);
  if (only.length > 0) return { stages: present.filter((stage) => only.includes(stage.name)), absent };
  const due = present.filter((stage) => stage.name !== 'install' || !isInstalled());
  if (ready) return { stages: due.filter(({ name }) => name === 'install' || name === 'build'), absent: [] };
  return { stages: due, absent };
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      verbose: { type: 'boolean' },
      nightly: { type: 'boolean' },
      ready: { type: 'boolean' },
      list: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return console.log(HELP);
  const { stages, absent } = chosenStages(values.only, values.ready);
  const not = absent.length > 0 ? ` (not there yet: ${absent.join(', ')})` : '';
  console.log(`stages: ${stages.map((stage) => stage.name).join(', ')}${not}`);
  if (values.list) return;

  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => interrupt.abort());
  process.env.TURBO_TELEMETRY_DISABLED = '1';
  if (values.nightly) process.env.PEERNET_NIGHTLY = '1';
  const total = await runStages(stages, {
    root,
    verbose: values.verbose,
    signal: interrupt.signal,
    print: (line) => console.log(line),
    onPassed: (name) => name === 'install' && writeFileSync(stamp, installKey()),
  });
  console.log(summary(total));
  process.exitCode = interrupt.signal.aborted ? 130 : total.failed > 0 || total.passed === 0 ? 1 : 0;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof TypeError ? error.message : error);
  process.exitCode = 2;
} finally {
  rmSync(reports, { recursive: true, force: true });
}
