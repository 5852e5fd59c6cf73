// Runs one scenario to its end or until it is told to stop, and says what came out.
import { sabotaged } from './sabotage.js';
import { type Curve, missed, type Parameters, type Scenario, Stage } from './scenario.js';
import { checkValue, currentSettings, SettingError } from './settings.js';

export interface RunOptions {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly nodes: number;
  readonly parameters?: Parameters;
  readonly replay?: (seed: number) => string;
}

export interface Outcome {
  /** Everything that is known. */
  readonly figures: Record<string, number | string>;
  /** Targets that were missed, and promises that were broken. */
  readonly missed: readonly string[];
  /** A broken invariant, a crash, somebody honest throttled: never to happen, whatever the settings. `replay`: the command that shows it, if it is not that of the whole run. */
  readonly broken: readonly { readonly what: string; readonly replay?: string }[];
  /** What was thrown before anything had happened: nodes that cannot be made so. No promise was broken by them. */
  readonly failedAtStart: string | undefined;
  readonly interrupted: boolean;
  /** Something was thrown before its end: its figures are those of a part, its targets were not looked at. */
  readonly unfinished: boolean;
  readonly traceHash: string;
  /** Curves, by name. */
  readonly series: Readonly<Record<string, Curve>>;
}

/** A run in the making: `step()` until it returns false, then `outcome()`. */
export class ScenarioRun {
  readonly stage: Stage;
  readonly #scenario: Scenario;
  readonly #steps: Generator<void, void>;
  readonly #parameters: Parameters;
  readonly #cpu = process.cpuUsage();
  #failure: Error | undefined;
  #over = false;

  constructor({ scenario, seed, nodes, parameters = {}, replay }: RunOptions) {
    this.#scenario = scenario;
    this.#parameters = parametersOf(scenario, parameters);
    const settings = currentSettings();
    const [taken] = sabotaged(settings.sabotage);
    if (scenario.light === true && taken !== undefined)
      throw new SettingError(`${taken}: not over the frozen overlay of ${scenario.name}`);
    this.stage = new Stage({
      seed,
      nodes,
      settings,
      parameters: this.#parameters,
      ...(replay === undefined ? {} : { replay }),
    });
    this.#steps = scenario.run(this.stage);
  }

  /** A slice of virtual time; false when there is nothing left to do. */
  step(): boolean {
    if (this.#over) return false;
    try {
      this.#over = this.#steps.next().done === true;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#over = true;
    }
    return !this.#over;
  }

  outcome(): Outcome {
    const { stage } = this;
    const scenario = this.#scenario;
    const { user, system } = process.cpuUsage(this.#cpu);
    const figures = {
      scenario: scenario.name,
      seed: stage.seed,
      nodes: stage.nodes,
      ...round(stage.finish()),
      virtualSeconds: Math.round(stage.virtualSeconds),
      cpuSeconds: round4((user + system) / 1e6),
      rssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      events: stage.steps,
      ...trafficFigures(stage),
    };
    const targets = scenario.targets(stage.nodes, this.#parameters);
    return {
      figures,
      missed: this.#over && this.#failure === undefined ? missed(targets, figures) : [],
      broken: this.#broken(figures),
      failedAtStart: stage.steps === 0 ? this.#failure?.message : undefined,
      interrupted: !this.#over,
      unfinished: this.#failure !== undefined,
      traceHash: stage.traceHash,
      series: stage.series,
    };
  }

  #broken(figures: Readonly<Record<string, number | string>>): Outcome['broken'] {
    const never = this.#scenario.hostile === true ? ['bugs'] : [...neverAmongHonest, 'bugs'];
    const seen = never.filter((name) => Number(figures[name] ?? 0) > 0);
    return [
      ...(this.#failure === undefined ? [] : [{ what: this.#failure.stack ?? this.#failure.message }]),
      ...seen.map((name) => ({ what: `${name}: ${figures[name]}` })),
      ...this.stage.broken,
    ];
  }
}

/** What nobody honest may see, and what nobody at all may. */
const neverAmongHonest = ['limiterDrops', 'bans', 'malformed', 'badSignatures', 'misbehaved'] as const;

/** Messages per node and virtual second, by kind, and bytes of all. */
function trafficFigures(stage: Stage): Record<string, number> {
  const nodeSeconds = stage.nodes * stage.virtualSeconds;
  if (nodeSeconds === 0) return {};
  const kinds = Object.entries(stage.traffic);
  const bytes = kinds.reduce((sum, [, of]) => sum + of.bytes, 0);
  return {
    bytesPerNodeSecond: round4(bytes / nodeSeconds),
    ...Object.fromEntries(
      kinds.map(([name, { messages }]) => [`${name}PerNodeSecond`, round4(messages / nodeSeconds)]),
    ),
  };
}

/** Runs to the end, for tests. */
export function runScenario(options: RunOptions): Outcome {
  const run = new ScenarioRun(options);
  while (run.step());
  return run.outcome();
}

/** Those of a scenario, some told differently. Throws a SettingError for what it does not have, or cannot be. */
export function parametersOf(scenario: Scenario, told: Parameters): Parameters {
  for (const [name, value] of Object.entries(told)) {
    if (!(name in scenario.parameters))
      throw new SettingError(`${scenario.name} has no scenario.${name}; it has ${listOf(scenario)}`);
    checkValue(`scenario.${name}`, value);
  }
  return { ...scenario.parameters, ...told };
}

function listOf({ parameters }: Scenario): string {
  return Object.keys(parameters)
    .map((name) => `scenario.${name}`)
    .join(', ');
}

function round(figures: Record<string, number | string>): Record<string, number | string> {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, typeof value === 'number' ? round4(value) : value]),
  );
}

/** Four digits behind the point, five where a share is close to one. */
function round4(value: number): number {
  return Math.abs(value) < 1 ? Math.round(value * 1e5) / 1e5 : Math.round(value * 1e3) / 1e3;
}
