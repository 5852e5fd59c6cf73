// The figure files: one per entry of the campaign, with all its runs. A run that is in its file is not made again, so
// an interrupted night goes on where it stopped.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { campaign, commandOf, type Entry } from './campaign.js';

export interface Run {
  readonly seed: number;
  readonly commit: string;
  /** Numbers of the run, as `pnpm sim --json` prints them. */
  readonly figures: Readonly<Record<string, number>>;
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

  missingSeeds({ id, seeds, seedStep = 1 }: Entry): number[] {
    const done = new Set(this.read(id)?.runs.map(({ seed }) => seed));
    return Array.from({ length: seeds }, (_, i) => 1 + i * seedStep).filter((seed) => !done.has(seed));
  }

  /** Adds what `pnpm sim --series` has printed. */
  add(entry: Entry, seed: number, output: Record<string, unknown>): void {
    const before = this.read(entry.id);
    const { series, missed, commit, traceHash, scenario: _, ...rest } = output;
    const figures = Object.fromEntries(
      Object.entries(rest).filter((pair): pair is [string, number] => typeof pair[1] === 'number'),
    );
    const run: Run = {
      seed,
      commit: String(commit),
      figures,
      missed: missed as string[],
      traceHash: String(traceHash),
    };
    const file: FigureFile = {
      id: entry.id,
      command: `pnpm sim ${commandOf(entry, 1).join(' ')}`,
      runs: [...(before?.runs ?? []), run].sort((a, b) => a.seed - b.seed),
      series: before?.series ?? thinned(series as FigureFile['series']),
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
