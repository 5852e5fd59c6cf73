// The command line of `pnpm sim`: reads it, or says what is wrong with it.
import { parseArgs } from 'node:util';
import { findScenario, scenarios } from './registry.js';
import type { Scenario } from './scenario.js';
import { SettingError } from './settings.js';

export const help = `pnpm sim <scenario> [options]
  --seed N          the run's seed (default 1)
  --nodes N         number of nodes (default: the scenario's)
  --json            one JSON object as the last line (pnpm -s sim: without -s pnpm adds one where targets are missed)
  --series          … with the curves that are plotted
  --set name=value  change a setting; may be given several times
  --settings        list all settings with their values
  --help            this text
scenarios:
${scenarios.map(({ name, title, nodes }) => `  ${name.padEnd(5)} ${title} (${nodes} nodes)`).join('\n')}`;

export interface Command {
  readonly scenario: Scenario | undefined;
  readonly seed: number;
  readonly nodes: number;
  readonly json: boolean;
  readonly series: boolean;
  readonly sets: readonly (readonly [name: string, value: number])[];
  readonly wants: 'run' | 'settings' | 'help';
}

/** Most nodes that a run may have: ten times the largest target. */
const nodesMax = 1_000_000;

/** Throws a SettingError, or a TypeError of `parseArgs`, for what makes no sense. */
export function readCommand(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seed: { type: 'string' },
      nodes: { type: 'string' },
      json: { type: 'boolean', default: false },
      series: { type: 'boolean', default: false },
      set: { type: 'string', multiple: true, default: [] },
      settings: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [name, ...rest] = positionals;
  if (rest.length > 0) throw new SettingError(`one scenario at a time, not also ${rest.join(' ')}`);
  const scenario = name === undefined ? undefined : findScenario(name);
  if (name !== undefined && scenario === undefined)
    throw new SettingError(`no scenario ${name}; there are ${scenarios.map((s) => s.name).join(' ')}`);
  const wants = values.help ? 'help' : values.settings ? 'settings' : 'run';
  if (scenario === undefined && wants === 'run') throw new SettingError('which scenario?');
  const nodes = wholeNumber('nodes', values.nodes, scenario?.nodes ?? 1);
  const nodesMin = scenario?.nodesMin ?? 1;
  if (nodes < nodesMin || nodes > nodesMax)
    throw new SettingError(`--nodes: ${nodesMin} to ${nodesMax}, not ${nodes}`);
  const sets = values.set.map(readSet);
  for (const [setting, value] of sets)
    if (wants === 'run' && setting === 'node.bootstraps' && value > nodes)
      throw new SettingError(`node.bootstraps: at most the ${nodes} nodes, not ${value}`);
  return {
    scenario,
    seed: wholeNumber('seed', values.seed, 1),
    nodes,
    json: values.json || values.series,
    series: values.series,
    sets,
    wants,
  };
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new SettingError(`--${name}: a whole number, not ${text}`);
  return value;
}

function readSet(text: string): [string, number] {
  const at = text.indexOf('=');
  const value = Number(text.slice(at + 1));
  if (at < 1 || text.slice(at + 1).trim() === '' || Number.isNaN(value))
    throw new SettingError(`--set name=value with a number, not ${text}`);
  return [text.slice(0, at), value];
}
