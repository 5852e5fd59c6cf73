// What a scenario is, and what it runs in: a stage that makes worlds from one seed, lets time pass in slices (so that
// progress can be shown and Ctrl-C works), and collects figures as they become known.
import { createWorld, type NetworkOptions, type World } from '@peernet/sim';
import { FrozenNetwork, type FrozenOptions } from './frozen.js';
import { Population, type PopulationOptions } from './population.js';
import type { Settings } from './settings.js';
import type { Traffic } from './traffic.js';

/** Numbers that one scenario can be told differently; `--set scenario.name=value`. */
export type Parameters = Readonly<Record<string, number>>;

/** A target of the design: the figure must be at least `min` and at most `max`. */
export interface Target {
  readonly field: string;
  readonly min?: number;
  readonly max?: number;
  /** What is said of every node or every moment: each of several runs must meet it, not their mean. */
  readonly each?: boolean;
}

export interface Scenario {
  /** S1 … */
  readonly name: string;
  readonly title: string;
  /** Nodes, if not told otherwise. */
  readonly nodes: number;
  readonly nodesMin: number;
  readonly parameters: Parameters;
  /** What must come out, by the size and parameters of the run. */
  readonly targets: (nodes: number, parameters: Parameters) => readonly Target[];
  /** Honest: then nobody may be throttled or banned. Default true. */
  readonly hostile?: boolean;
  /** Over an overlay that is drawn and frozen: its nodes know no sabotage. Default false. */
  readonly light?: boolean;
  /** Lets it happen; each `yield` is a moment at which the run can be interrupted. */
  readonly run: (stage: Stage) => Generator<void, void>;
}

export interface StageOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly parameters: Parameters;
  readonly settings: Settings;
  /** The command that runs it again, with that seed. */
  readonly replay?: (seed: number) => string;
}

/** What a stage adds up when a world is over. */
interface Simulated {
  readonly world: World;
  readonly traffic: Traffic;
  faults(): Partial<Record<string, number>>;
}

/** A curve: pairs of x and y. */
export type Curve = readonly (readonly [x: number, y: number])[];

/** Virtual ms between two moments at which a run can be interrupted. */
const sliceMs = 1_000;

export class Stage {
  readonly seed: number;
  readonly nodes: number;
  readonly figures: Record<string, number | string> = {};
  readonly settings: Settings;
  readonly #o: StageOptions;
  /** Curves for the plots of the nightly runs. */
  readonly series: Record<string, [number, number][]> = {};
  readonly #populations: Simulated[] = [];
  readonly #faults: Record<string, number> = {};
  readonly #traffic: Record<string, { messages: number; bytes: number }> = {};
  #past = { ms: 0, steps: 0, hash: '' };
  /** What is going on, for the progress line. */
  doing = '';
  /** Promises that were broken, each with the command that shows it again. */
  readonly broken: { readonly what: string; readonly replay: string }[] = [];

  constructor(options: StageOptions) {
    this.#o = options;
    this.seed = options.seed;
    this.nodes = options.nodes;
    this.settings = options.settings;
  }

  parameter(name: string): number {
    const value = this.#o.parameters[name];
    if (value === undefined) throw new TypeError(`the scenario has no parameter ${name}`);
    return value;
  }

  /** The command that shows this run again, or the same with another seed. */
  replay(seed = this.seed): string {
    return this.#o.replay?.(seed) ?? `replay with seed ${seed}`;
  }

  /** Seeds of worlds are not always that of the run. */
  #world(seed = this.seed): World {
    return createWorld({ seed, replay: () => this.replay() });
  }

  /** A network in a new world, with the settings of the run. */
  population(
    options: Partial<PopulationOptions> & { network?: NetworkOptions; seed?: number } = {},
  ): Population {
    const { seed, ...rest } = options;
    const { node, sabotage, gossip, search } = this.settings;
    const population = new Population({
      world: this.#world(seed),
      dialableShare: node.dialableShare,
      bootstraps: node.bootstraps,
      bookScale: node.bookScale,
      relay: node.relay !== 0,
      introducedShare: node.introducedShare,
      hardNatShare: node.hardNatShare,
      boastShare: node.boastShare,
      sabotage,
      ...rest,
      network: { ...this.settings.network, ...rest.network },
      gossip: { ...gossip, ...rest.gossip },
      search: { ...search, ...rest.search },
    });
    this.#populations.push(population);
    return population;
  }

  /** A network of the light profile in a new world, with the settings of the run. */
  frozen(
    options: Omit<FrozenOptions, 'world' | 'nodes' | 'dialableShare' | 'network' | 'search'>,
  ): FrozenNetwork {
    const { node, network, search } = this.settings;
    const frozen = new FrozenNetwork({
      world: this.#world(),
      nodes: this.nodes,
      dialableShare: node.dialableShare,
      network,
      search,
      ...options,
    });
    this.#populations.push(frozen);
    return frozen;
  }

  /** Lets `ms` pass. */
  *advance(world: World, ms: number): Generator<void, void> {
    const endMs = world.now + ms;
    while (world.now < endMs) {
      world.run(Math.min(endMs, world.now + sliceMs));
      yield;
    }
  }

  /** Lets time pass until the condition holds; looked at every `everyMs`. The ms that it took, or undefined. */
  *until(
    world: World,
    condition: () => boolean,
    { withinMs, everyMs = sliceMs }: { withinMs: number; everyMs?: number },
  ): Generator<void, number | undefined> {
    const startMs = world.now;
    for (;;) {
      if (condition()) return world.now - startMs;
      if (world.now >= startMs + withinMs) return undefined;
      world.run(Math.min(startMs + withinMs, world.now + everyMs));
      yield;
    }
  }

  /** Figures become known. */
  report(figures: Readonly<Record<string, number | string>>): void {
    Object.assign(this.figures, figures);
  }

  /** One more point of a curve. */
  plot(curve: string, x: number, y: number): void {
    this.series[curve] ??= [];
    this.series[curve].push([x, y]);
  }

  /** This world is done with: what it held can go. What it came to counts. */
  retire(population: Simulated): void {
    const { world } = population;
    for (const [name, count] of Object.entries(population.faults())) {
      this.#faults[name] = (this.#faults[name] ?? 0) + (count ?? 0);
    }
    for (const [name, { messages, bytes }] of Object.entries(population.traffic.sums())) {
      const sums = this.#traffic[name] ?? { messages: 0, bytes: 0 };
      this.#traffic[name] = { messages: sums.messages + messages, bytes: sums.bytes + bytes };
    }
    this.#past = {
      ms: this.#past.ms + world.now,
      steps: this.#past.steps + world.steps,
      hash: mixHashes(this.#past.hash, world.traceHash),
    };
    this.#populations.splice(this.#populations.indexOf(population), 1);
  }

  /** Virtual seconds of all worlds so far. */
  get virtualSeconds(): number {
    return this.#populations.reduce((sum, { world }) => sum + world.now, this.#past.ms) / 1000;
  }

  get steps(): number {
    return this.#populations.reduce((sum, { world }) => sum + world.steps, this.#past.steps);
  }

  /** 16 hex digits over everything that happened in all worlds. */
  get traceHash(): string {
    return this.#populations.reduce((hash, { world }) => mixHashes(hash, world.traceHash), this.#past.hash);
  }

  /** Messages and bytes by kind, in the worlds that are done with. */
  get traffic(): Readonly<Record<string, { messages: number; bytes: number }>> {
    return this.#traffic;
  }

  /** All figures, those that every scenario has included. */
  finish(): Record<string, number | string> {
    for (const population of [...this.#populations]) this.retire(population);
    const { limiterDrops = 0, bans = 0, ...rest } = this.#faults;
    return { ...this.figures, limiterDrops, bans, ...rest };
  }
}

/** One hash of two; the first of all is itself. */
function mixHashes(before: string, hash: string): string {
  if (before === '') return hash;
  const mixed = (BigInt(`0x${before}`) * 0x9e3779b97f4a7c15n + BigInt(`0x${hash}`)) & 0xffff_ffff_ffff_ffffn;
  return mixed.toString(16).padStart(16, '0');
}

/** Targets that a run missed, as text. */
export function missed(
  targets: readonly Target[],
  figures: Readonly<Record<string, number | string>>,
): string[] {
  return targets.flatMap(({ field, min, max }) => {
    const value = figures[field];
    if (typeof value !== 'number') return [`${field}: not measured`];
    if (min !== undefined && !(value >= min)) return [`${field} ${value}, at least ${min}`];
    if (max !== undefined && !(value <= max)) return [`${field} ${value}, at most ${max}`];
    return [];
  });
}
