// `pnpm sim:nightly`: the runs that broke a promise once, then the campaign, run after run, each in a process of its
// own; then the pictures and the generated part of docs/simulation.md. Ends with 0 if everything that was to be run has
// come to its end, whatever came out, and no promise was broken: targets that were missed stand in the page.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { commitOf } from '../commit.js';
import { keptRuns } from '../kept-runs.js';
import { campaign, commandOf, type Entry } from './campaign.js';
import { Figures } from './figures.js';
import { draw } from './pictures.js';
import { withReport } from './report.js';

const help = `pnpm sim:nightly [options]
  --only a,b       entries of that name, or if there is none those of which it is the first words: s6-1000, s6
                   (default: all); kept: the runs of seeds.txt
  --minutes N      only entries of which one run takes at most so many processor minutes
  --seeds N        at most so many seeds of each
  --jobs N         so many runs side by side (default 1: their processor times can be compared)
  --again          make runs of earlier commits again
  --report         run nothing; draw and write from the figures that there are
  --list           what there is to run, and what was
Without --again, runs that are in docs/figures are not made again.`;

export interface NightlyOptions {
  readonly args: readonly string[];
  readonly root: string;
  /** Command that runs one scenario; the arguments of `pnpm sim` follow. */
  readonly sim: readonly [string, ...string[]];
}

interface Wishes {
  readonly values: {
    readonly again: boolean;
    readonly report: boolean;
    readonly list: boolean;
    readonly help: boolean;
  };
  readonly names: readonly string[] | undefined;
  readonly seedsMax: number;
  readonly minutesMax: number;
  readonly jobs: number;
}

/** Throws an error that says what is wrong with them. */
function readWishes(args: readonly string[]): Wishes {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      minutes: { type: 'string' },
      seeds: { type: 'string' },
      jobs: { type: 'string' },
      again: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const positive = (name: 'minutes' | 'seeds' | 'jobs', missing = Number.POSITIVE_INFINITY): number => {
    const text = values[name];
    if (text === undefined) return missing;
    if (text.trim() === '' || !(Number(text) > 0))
      throw new Error(`--${name} takes a number above 0, not "${text}"`);
    return Number(text);
  };
  const names = values.only?.split(',');
  const unknown = names?.find((name) => name !== 'kept' && !campaign.some(({ id }) => isOf(id, name)));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: no run of that name; --list shows all`);
  return {
    values,
    names,
    seedsMax: positive('seeds'),
    minutesMax: positive('minutes'),
    jobs: Math.ceil(positive('jobs', 1)),
  };
}

function isOf(id: string, name: string): boolean {
  return campaign.some((entry) => entry.id === name) ? id === name : id.startsWith(`${name}-`);
}

export async function nightly({ args, root, sim }: NightlyOptions): Promise<number> {
  let wishes: Wishes;
  try {
    wishes = readWishes(args);
  } catch (error) {
    console.error(`sim:nightly: ${(error as Error).message}`);
    return 2;
  }
  const { values, names, seedsMax, minutesMax, jobs } = wishes;
  const figures = new Figures(join(root, 'docs/figures'));
  if (values.help) console.log(help);
  else if (values.list) list(figures);
  if (values.help || values.list) return 0;
  const wanted = values.report
    ? []
    : campaign.filter(
        ({ id, minutes }) =>
          minutes <= minutesMax && (names === undefined || names.some((name) => isOf(id, name))),
      );
  let failed = 0;
  if (!values.report && (names === undefined || names.includes('kept'))) failed = await runKept(root, sim);
  const commit = values.again ? commitOf(root) : undefined;
  const runs = wanted.flatMap((entry) =>
    figures
      .missingSeeds(entry, commit)
      .filter((seed) => seed <= seedsMax * (entry.seedStep ?? 1))
      .map((seed) => ({ entry, seed })),
  );
  const worker = async (): Promise<void> => {
    for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
      if (!(await runOnce(run.entry, run.seed, { figures, root, sim }))) failed++;
      writePage(figures, root);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, runs.length) }, worker));
  writePage(figures, root);
  return failed === 0 ? 0 : 1;
}

/** How many of the runs of seeds.txt break or miss something again. */
async function runKept(root: string, [program, ...first]: NightlyOptions['sim']): Promise<number> {
  let failed = 0;
  for (const { line, args } of keptRuns(readFileSync(join(root, 'internal/scenarios/seeds.txt'), 'utf8'))) {
    const { ended } = await execute(program, [...first, ...args], root);
    console.log(`${line}: ${ended === 0 ? 'well' : `ended with ${ended}`}`);
    if (ended !== 0) failed++;
  }
  return failed;
}

function writePage(figures: Figures, root: string): void {
  draw(figures);
  const path = join(root, 'docs/simulation.md');
  writeFileSync(path, withReport(readFileSync(path, 'utf8'), figures));
}

function list(figures: Figures): void {
  for (const { entry, file } of figures.all()) {
    const done = `${file?.runs.length ?? 0} of ${entry.seeds}`;
    console.log(
      `${entry.id.padEnd(16)} ${done.padEnd(8)} ~${entry.minutes} min each  ${commandOf(entry, 1).join(' ')}`,
    );
  }
}

/** True if it came to its end, its figures are written down, and no promise was broken. */
async function runOnce(
  entry: Entry,
  seed: number,
  { figures, root, sim: [program, ...first] }: { figures: Figures; root: string; sim: NightlyOptions['sim'] },
): Promise<boolean> {
  const startMs = performance.now();
  const command = [...first, ...commandOf(entry, seed), '--series'];
  const { ended, output } = await execute(program, command, root);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  const last = output.trim().split('\n').at(-1) ?? '';
  // 1 is also how Node ends after an exception that nobody caught.
  const parsed = ended === 0 || ended === 1 ? figuresIn(last) : undefined;
  if (parsed === undefined || parsed.unfinished !== undefined) {
    console.log(`${entry.id} seed ${seed}: ended with ${ended} after ${seconds} s`);
    return false;
  }
  figures.add(entry, seed, parsed);
  const missed = parsed.missed as string[];
  const broken = parsed.broken === undefined ? [] : [`broken promises: ${parsed.broken}`];
  const said = [...broken, ...missed];
  console.log(`${entry.id} seed ${seed}: ${seconds} s, ${said.length === 0 ? 'all met' : said.join('; ')}`);
  return broken.length === 0;
}

function figuresIn(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** `ended`: exit code, or the signal that ended it: SIGABRT if it ran out of memory. */
function execute(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ ended: number | string; output: string }> {
  return new Promise((done) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    child.on('error', () => done({ ended: 127, output }));
    child.on('close', (code, signal) => done({ ended: code ?? signal ?? 1, output }));
  });
}
