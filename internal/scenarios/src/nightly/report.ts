// The generated part of docs/simulation.md: each figure beside its target with the command that prints it, what was
// missed, what was never run, and the pictures.
import { findScenario } from '../registry.js';
import type { Target } from '../scenario.js';
import { splitSets } from '../settings.js';
import { campaign, type Entry } from './campaign.js';
import type { FigureFile, Figures } from './figures.js';
import { mean, pictures } from './pictures.js';
import { grouped } from './svg.js';

export const marks = { from: '<!-- figures: pnpm sim:nightly -->', to: '<!-- /figures -->' };

/** The page with its generated part made anew. */
export function withReport(page: string, figures: Figures): string {
  const from = page.indexOf(marks.from);
  const to = page.indexOf(marks.to);
  if (from < 0 || to < from) throw new Error(`the page has no ${marks.from} … ${marks.to}`);
  return `${page.slice(0, from + marks.from.length)}\n\n${report(figures)}\n${page.slice(to)}`;
}

function report(figures: Figures): string {
  const ran = campaign.flatMap((entry) => {
    const file = figures.read(entry.id);
    return file === undefined ? [] : [{ entry, file }];
  });
  const not = campaign.filter(({ id }) => figures.read(id) === undefined);
  return [
    '| run | figure | value | target | |',
    '|---|---|---|---|---|',
    ...ran.flatMap(({ entry, file }) => (entry.control === undefined ? rowsOf(entry, file) : [])),
    '',
    ...controls(ran),
    'Values are means over the seeds, with the smallest and largest where they differ. Commands, seeds, commits and all other figures are in `docs/figures/<run>.json`; one run of each:',
    '',
    '```sh',
    ...ran.map(({ file }) => `${file.command}   # ${file.id}: ${costOf(file)}`),
    '```',
    '',
    not.length === 0
      ? 'All of the campaign was run, with as many seeds as the first table says.'
      : `**Not run** (it takes more processor time than there was): ${not.map(({ id }) => `\`${id}\``).join(', ')}.`,
    '',
    ...pictures(figures).map(({ name, says }) => `![${says}](figures/${name}.svg)\n\n${says}\n`),
  ].join('\n');
}

interface Ran {
  readonly entry: Entry;
  readonly file: FigureFile;
}

function rowsOf(entry: Entry, file: FigureFile): string[] {
  return targetsOf(entry).map((target, i) => {
    const verdict = isMet(file, target) ? 'met' : '**missed**';
    return `| ${i === 0 ? runOf(entry, file) : ''} | ${target.field} | ${valueText(file, target.field)} | ${textOf(target)} | ${verdict} |`;
  });
}

/** Runs without one defence: they fail as they must, each beside the same run with it. */
function controls(ran: readonly Ran[]): string[] {
  const rows = ran.flatMap(({ entry, file }) => controlRows(entry, file, ran));
  if (rows.length === 0) return [];
  return [
    '**Controls.** The same runs without one defence, beside the value with it. Each must miss a target; one that meets them all is a defect.',
    '',
    '| without | run | figure | value | with it | target | |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ];
}

function controlRows(entry: Entry, file: FigureFile, ran: readonly Ran[]): string[] {
  const { control } = entry;
  if (control === undefined) return [];
  const sound = ran.find((other) => other.entry.id === control.of)?.file;
  const missed = targetsOf(entry).filter((target) => !isMet(file, target));
  const first = `${control.lacks} | ${runOf(entry, file)}`;
  if (missed.length === 0) return [`| ${first} | | | | | **meets all targets: a defect** |`];
  return missed.map((target, i) => {
    const { field } = target;
    const withIt = sound === undefined ? 'not run' : valueText(sound, field);
    const verdict =
      sound === undefined || isMet(sound, target) ? 'fails as it must' : '**missed with it, too**';
    return `| ${i === 0 ? first : ' | '} | ${field} | ${valueText(file, field)} | ${withIt} | ${textOf(target)} | ${verdict} |`;
  });
}

function targetsOf(entry: Entry): Target[] {
  const scenario = findScenario(entry.scenario);
  const parameters = { ...scenario?.parameters, ...splitSets(Object.entries(entry.sets ?? {})).parameters };
  return [...(scenario?.targets(entry.nodes, parameters) ?? []), ...honest(scenario?.hostile)];
}

function runOf(entry: Entry, file: FigureFile): string {
  const of = file.runs.length < entry.seeds ? ` of ${entry.seeds}` : '';
  const runs = entry.seedStep === undefined ? 'seed' : 'run';
  const seeds = `${file.runs.length}${of} ${entry.seeds === 1 ? runs : `${runs}s`}`;
  const sets = Object.entries(entry.sets ?? {}).map(([name, value]) => `, ${name} = ${value}`);
  return `**${entry.scenario}**, ${grouped(entry.nodes)} nodes${sets.join('')}, ${seeds}`;
}

function honest(hostile = false): Target[] {
  return hostile ? [] : [{ field: 'limiterDrops', max: 0 }];
}

function valueText(file: FigureFile, field: string): string {
  const values = valuesOf(file, field);
  if (values.length === 0) return 'never';
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const text = short(mean(file, field));
  const range = short(low) === short(high) ? text : `${text} (${short(low)} – ${short(high)})`;
  const missing = file.runs.length - values.length;
  return missing === 0 ? range : `${range}, never in ${missing} of ${file.runs.length}`;
}

/** JSON has no Infinity: a run that never got there has no such figure. */
function valuesOf(file: FigureFile, field: string): number[] {
  return file.runs.map(({ figures }) => figures[field]).filter((value) => value !== undefined);
}

/** Met if the mean is (targets of shares are means over seeds), or each run does where that is asked for, and every run has got there. */
function isMet(file: FigureFile, { field, min, max, each }: Target): boolean {
  const values = valuesOf(file, field);
  if (values.length < file.runs.length) return false;
  return (each ? values : [mean(file, field)]).every(
    (value) => value >= (min ?? Number.NEGATIVE_INFINITY) && value <= (max ?? Number.POSITIVE_INFINITY),
  );
}

function textOf({ min, max }: Target): string {
  if (min !== undefined && max !== undefined) return `${grouped(min)} to ${grouped(max)}`;
  return min === undefined ? `≤ ${grouped(max ?? 0)}` : `≥ ${grouped(min)}`;
}

/** Of runs that do not say it (figures.ts). */
const firstRuntime = 'node 20';

function costOf(file: FigureFile): string {
  const commits = [...new Set(file.runs.map(({ commit }) => commit))].join(', ');
  const runtimes = [...new Set(file.runs.map(({ runtime = firstRuntime }) => runtime.split('.')[0]))].join(
    ', ',
  );
  return `${short(mean(file, 'cpuSeconds'))} s of CPU, ${short(mean(file, 'rssMiB'))} MiB, ${runtimes}, at ${commits}`;
}

/** Up to four digits that mean something. */
function short(value: number): string {
  if (Number.isNaN(value)) return 'never';
  return grouped(
    Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(value > 0.99 && value < 1 ? 5 : 3)),
  );
}
