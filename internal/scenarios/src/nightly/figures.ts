// The figure files: one per entry of the campaign, with all its runs. A run that is in its file is not made again, so
// an interrupted night goes on where it stopped.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { campaign, commandOf, type Entry } from './campaign.js';

export interface Run {
  readonly seed: number;
  readonly commit: string;
  /** What ran it. Missing in runs from before it was noted: Node 20. */
  readonly runtime?: string;
  /** Numbers of the run, as `pnpm sim --json` prints them. */
  readonly figures: Readonly<Record<string, number>>;
  /** What it prints in words: which searches missed. */
  readonly words?: Readonly<Record<string, string>>;
  readonly missed: readonly string[];
  readonly traceHash: string;
}

export interface FigureFile {
  readonly id: string;
  /** Makes one of the runs again; the others differ by seed. */
  readonly command: string;
  readonly runs: readonly Run[];
  /** Curves of the first run. */
  readonly series: Readonly<Record<string, readonly (readonly [number, number])[]>>;
}

export class Figures {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** What there is of an entry; undefined: nothing yet. */
  read(id: string): FigureFile | undefined {
    try {
      return JSON.parse(readFileSync(this.path(`${id}.json`), 'utf8')) as FigureFile;
    } catch {
      return undefined;
    }
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Seeds of an entry that have no run yet; with `commit`, none of that commit. */
  missingSeeds({ id, seeds, seedStep = 1 }: Entry, commit?: string): number[] {
    const runs = this.read(id)?.runs ?? [];
    const done = new Set(
      runs.filter((run) => commit === undefined || run.commit === commit).map(({ seed }) => seed),
    );
    return Array.from({ length: seeds }, (_, i) => 1 + i * seedStep).filter((seed) => !done.has(seed));
  }

  /** Adds what `pnpm sim --series` has printed, in place of an earlier run of that seed. */
  add(entry: Entry, seed: number, output: Record<string, unknown>): void {
    const before = this.read(entry.id);
    const { series, missed, commit, runtime, traceHash, scenario: _, ...rest } = output;
    const ofType = (type: string) =>
      Object.fromEntries(Object.entries(rest).filter(([, value]) => typeof value === type));
    const figures = ofType('number') as Run['figures'];
    const words = ofType('string') as NonNullable<Run['words']>;
    const run: Run = {
      seed,
      commit: String(commit),
      ...(runtime === undefined ? {} : { runtime: String(runtime) }),
      figures,
      ...(Object.keys(words).length === 0 ? {} : { words }),
      missed: missed as string[],
      traceHash: String(traceHash),
    };
    const others = (before?.runs ?? []).filter((other) => other.seed !== seed);
    const replacesFirst = before?.runs[0]?.seed === seed;
    const file: FigureFile = {
      id: entry.id,
      command: `pnpm sim ${commandOf(entry, 1).join(' ')}`,
      runs: [...others, run].sort((a, b) => a.seed - b.seed),
      series: before === undefined || replacesFirst ? thinned(series as FigureFile['series']) : before.series,
    };
    this.write(`${entry.id}.json`, formatted(file));
  }

  /** As a whole or not at all. */
  write(name: string, text: string): void {
    const path = this.path(name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  all(): { entry: Entry; file: FigureFile | undefined }[] {
    return campaign.map((entry) => ({ entry, file: this.read(entry.id) }));
  }
}

/** Points of a curve at most: more than a plot has pixels for. */
const pointsMax = 300;

function thinned(series: FigureFile['series']): FigureFile['series'] {
  return Object.fromEntries(
    Object.entries(series ?? {}).map(([name, points]) => {
      const step = Math.ceil(points.length / pointsMax);
      return [name, points.filter((_, i) => i % step === 0 || i === points.length - 1)];
    }),
  );
}

/** Indented, but with one line per run and per curve: so that differences can be read. */
function formatted({ id, command, runs, series }: FigureFile): string {
  const lines = (list: readonly string[]): string => list.map((one) => `\n    ${one}`).join(',');
  const curves = Object.entries(series).map(
    ([name, points]) => `${JSON.stringify(name)}: ${JSON.stringify(points)}`,
  );
  return `{
  "id": ${JSON.stringify(id)},
  "command": ${JSON.stringify(command)},
  "runs": [${lines(runs.map((run) => JSON.stringify(run)))}
  ],
  "series": {${lines(curves)}${curves.length > 0 ? '\n  ' : ''}}
}
`;
}
