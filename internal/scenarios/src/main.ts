// `pnpm sim`: one scenario from the command line. Exit 0: all targets met; 1: some missed, or a promise broken;
// 2: the command made no sense; 130: interrupted.
import { appendFileSync } from 'node:fs';
import { type Command, help, readCommand } from './command.js';
import { commitOf } from './commit.js';
import { type Outcome, parametersOf, ScenarioRun } from './run.js';
import { SABOTAGE, sabotaged } from './sabotage.js';
import type { Parameters } from './scenario.js';
import { listSettings, SettingError, setAll } from './settings.js';

/** ms between two progress lines. */
const progressMs = 500;

export interface MainOptions {
  readonly args: readonly string[];
  /** Where failing runs are appended. */
  readonly seedsFile: string;
  readonly root: string;
}

/** Returns the exit code. */
export async function main(options: MainOptions): Promise<number> {
  let command: Command;
  let run: ScenarioRun | undefined;
  let listed: Parameters = {};
  try {
    command = readCommand(options.args);
    const parameters = setAll(command.sets);
    const { scenario, seed, nodes } = command;
    if (command.wants === 'settings')
      listed = scenario === undefined ? parameters : parametersOf(scenario, parameters);
    if (scenario !== undefined && command.wants === 'run')
      run = new ScenarioRun({
        scenario,
        seed,
        nodes,
        parameters,
        replay: (seed) => lineOf(options.args, seed),
      });
  } catch (error) {
    if (!(error instanceof SettingError) && !(error instanceof TypeError)) throw error;
    console.error(`sim: ${error.message}`);
    return 2;
  }
  if (command.wants === 'help') console.log(help);
  else if (command.wants === 'settings') printSettings(listed);
  if (run === undefined) return 0;
  const commit = commitOf(options.root);
  await drive(run);
  const outcome = run.outcome();
  if (command.sets.length > 0 && outcome.failedAtStart !== undefined) {
    console.error(`sim: with these settings no run begins: ${outcome.failedAtStart}`);
    return 2;
  }
  report(outcome, command, { ...options, line: lineOf(options.args, command.seed), commit });
  if (outcome.interrupted) return 130;
  return outcome.missed.length + outcome.broken.length > 0 ? 1 : 0;
}

/** Steps until it is over or interrupted, with a progress line on a terminal. */
async function drive(run: ScenarioRun): Promise<void> {
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  let shownMs = Date.now();
  while (!stopped && run.step()) {
    if (process.stderr.isTTY && Date.now() - shownMs >= progressMs) {
      shownMs = Date.now();
      const { doing, virtualSeconds } = run.stage;
      process.stderr.write(`\r\x1b[K${Math.round(virtualSeconds)} virtual s  ${doing}`);
    }
    await new Promise((resolve) => setImmediate(resolve)); // signals come between slices
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
}

function report(
  outcome: Outcome,
  command: Command,
  options: MainOptions & { line: string; commit: string },
): void {
  const figures = {
    ...outcome.figures,
    traceHash: outcome.traceHash,
    commit: options.commit,
    runtime: `node ${process.versions.node}`,
    ...(outcome.interrupted ? { interrupted: 1 } : {}),
    ...(outcome.unfinished ? { unfinished: 1 } : {}),
    ...(outcome.broken.length > 0 ? { broken: outcome.broken.length } : {}),
    ...(command.series ? { missed: outcome.missed, series: outcome.series } : {}),
  };
  if (!command.json) {
    for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(20)} ${value}`);
  }
  for (const text of outcome.missed) console.error(`missed: ${text}`);
  if (outcome.missed.length > 0) console.error(`replay: ${options.line}`);
  const isSabotaged = sabotaged(SABOTAGE).length > 0;
  for (const { what, replay = options.line } of outcome.broken) {
    console.error(`broken: ${what}\nreplay: ${replay}`);
    if (!isSabotaged) appendFileSync(options.seedsFile, `${replay}\n`);
  }
  if (command.json) console.log(JSON.stringify(figures));
}

/** The command with that seed, even if it was the default, or another one. */
function lineOf(args: readonly string[], seed: number): string {
  const others = args.filter((arg, i) => !/^--seed(=|$)/.test(arg) && args[i - 1] !== '--seed');
  return ['pnpm sim', ...others, '--seed', seed].join(' ');
}

function printSettings(parameters: Parameters): void {
  for (const [name, value] of Object.entries(parameters)) console.log(`scenario.${name}=${value}`);
  for (const [name, value] of Object.entries(listSettings())) console.log(`${name}=${value}`);
}
