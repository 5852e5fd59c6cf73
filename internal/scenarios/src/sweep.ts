// `pnpm sim:sweep <setting> v1 v2 …`: one scenario over values of one setting, as a table. Each run is a process of its
// own, because a setting holds for the rest of a process.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { findScenario } from './registry.js';
import { listSettings, SettingError } from './settings.js';

const help = `pnpm sim:sweep <setting> v1 v2 … --scenario S2 [options]
  --nodes N         number of nodes (default: the scenario's)
  --seeds N         seeds 1 … N; the table shows means (default 1)
  --set name=value  a further setting, the same for all runs
  --fields a,b      columns (default: the figures that have targets, messages and bytes)`;

export interface SweepOptions {
  readonly args: readonly string[];
  /** Command that runs one scenario; the arguments of `pnpm sim` follow. */
  readonly sim: readonly [string, ...string[]];
}

type Figures = Readonly<Record<string, number | string | null>>;

/** Returns the exit code: 0, 1 if a run broke a promise, 2 if one makes no sense or ended otherwise. */
export function sweep({ args, sim }: SweepOptions): number {
  try {
    const plan = readPlan(args);
    if (plan !== undefined) return printTable(plan, sim) === 0 ? 0 : 1;
    console.log(help);
    return 0;
  } catch (error) {
    if (!(error instanceof SettingError) && !(error instanceof TypeError)) throw error;
    console.error(`sweep: ${error.message}`);
    return 2;
  }
}

interface Plan {
  readonly setting: string;
  readonly values: readonly string[];
  readonly scenario: string;
  readonly more: readonly string[];
  readonly seeds: number;
  readonly fields: readonly string[];
}

function readPlan(args: readonly string[]): Plan | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      scenario: { type: 'string' },
      nodes: { type: 'string' },
      seeds: { type: 'string', default: '1' },
      set: { type: 'string', multiple: true, default: [] },
      fields: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const [setting, ...list] = positionals;
  const scenario = findScenario(values.scenario ?? '');
  if (scenario === undefined) throw new SettingError('--scenario: which one?');
  if (setting === undefined || list.length === 0) throw new SettingError('a setting and its values, please');
  if (!setting.startsWith('scenario.') && !(setting in listSettings()))
    throw new SettingError(`unknown setting ${setting}; pnpm sim --settings lists them all`);
  const bad = list.find((text) => Number.isNaN(Number(text)));
  if (bad !== undefined) throw new SettingError(`values are numbers, not ${bad}`);
  const nodes = Number(values.nodes ?? scenario.nodes);
  const seeds = Number(values.seeds);
  if (!Number.isSafeInteger(seeds) || seeds < 1)
    throw new SettingError(`--seeds: a whole number above 0, not ${values.seeds}`);
  const targets = scenario.targets(nodes, scenario.parameters).map(({ field }) => field);
  const fields = values.fields?.split(',') ?? [...new Set([...targets, 'messages', 'bytesPerNodeSecond'])];
  return {
    setting,
    values: list,
    scenario: scenario.name,
    more: ['--nodes', String(nodes), ...values.set.flatMap((text) => ['--set', text])],
    seeds,
    fields,
  };
}

/** Returns how many runs broke a promise. */
function printTable(
  { setting, values, scenario, more, seeds, fields }: Plan,
  sim: SweepOptions['sim'],
): number {
  const [program, ...first] = sim;
  let broken = 0;
  console.log(`| ${[setting, ...fields].join(' | ')} |`);
  console.log(`|${'---|'.repeat(fields.length + 1)}`);
  for (const value of values) {
    const runs = Array.from({ length: seeds }, (_, i) => {
      const line = [
        ...first,
        scenario,
        ...more,
        '--seed',
        String(i + 1),
        '--set',
        `${setting}=${value}`,
        '--json',
      ];
      return resultOf(spawnSync(program, line, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
    });
    broken += runs.filter((run) => run.broken !== undefined).length;
    console.log(`| ${[value, ...fields.map((field) => meanOf(runs, field))].join(' | ')} |`);
  }
  return broken;
}

function resultOf({
  status,
  stdout,
  stderr,
}: {
  status: number | null;
  stdout: string;
  stderr: string;
}): Figures {
  // 1: targets were missed, which is what a sweep is for; it is also how Node ends after an exception that nobody caught.
  const last = status === 0 || status === 1 ? stdout.trim().split('\n').at(-1) : undefined;
  if (!last?.startsWith('{')) throw new SettingError(`a run ended with ${status}: ${stderr.trim()}`);
  const figures = JSON.parse(last) as Figures;
  if (figures.broken !== undefined) console.error(stderr.trim());
  return figures.unfinished === undefined ? figures : { broken: figures.broken ?? 1 };
}

export function meanOf(runs: readonly Figures[], field: string): string {
  const values = runs.map((run) => run[field]).filter((value) => typeof value === 'number');
  // JSON has no Infinity: what never happened is null.
  const never = runs.filter((run) => run[field] === null).length;
  if (values.length === 0) return never > 0 ? 'never' : '–';
  const mean = String(Number((values.reduce((sum, value) => sum + value, 0) / values.length).toPrecision(4)));
  return never === 0 ? mean : `${mean}, never in ${never} of ${runs.length}`;
}
