// The pictures of docs/simulation.md, drawn from the figure files. A picture whose figures are not there yet is not drawn.
import type { FigureFile, Figures } from './figures.js';
import { type Curve, drawPlot, type Plot } from './svg.js';

export interface Picture {
  /** Name of the SVG file without its ending. */
  readonly name: string;
  readonly says: string;
  readonly plot: Plot;
}

/** Searches of one member, by size: the file of each size. */
const bySize: readonly (readonly [nodes: number, id: string])[] = [
  [20, 's1-20'],
  [50, 's1-50'],
  [100, 's1-100'],
  [1_000, 's2-1000'],
  [10_000, 's4-10000'],
  [100_000, 's4-100000'],
];

type Points = [number, number][];

export function pictures(figures: Figures): Picture[] {
  const sizes = bySize.flatMap(([nodes, id]) => {
    const file = figures.read(id);
    return file === undefined ? [] : [{ nodes, file }];
  });
  const drawn = [
    sizes.length < 2 ? undefined : success(sizes),
    sizes.length < 2 ? undefined : messages(sizes),
    crash(figures.read('s7-1000')),
    degrees(figures.read('s6-1000')),
    estimate(figures.read('s9-300')),
    attackers(figures),
  ];
  return drawn.filter((picture) => picture !== undefined);
}

export function draw(figures: Figures): Picture[] {
  const all = pictures(figures);
  for (const { name, plot } of all) figures.write(`${name}.svg`, drawPlot(plot));
  return all;
}

function success(sizes: readonly { nodes: number; file: FigureFile }[]): Picture {
  const missing = (field: string): Points =>
    sizes.map(({ nodes, file }) => [nodes, (1 - mean(file, field)) * 100]);
  return {
    name: 'success',
    says: 'Searches for the one member of a subnet that fail, by size of the network. 1 000: with churn (S2); from 10 000 on the overlay is frozen (S4).',
    plot: {
      title: 'Searches that do not find the one member',
      x: { label: 'nodes', log: true },
      y: { label: 'failures, % of searches', min: 0, max: 1 },
      curves: [
        { name: 'at the first try', points: missing('foundFirstTry'), marks: true },
        { name: 'in all', points: missing('found'), marks: true, dashed: true },
      ],
    },
  };
}

function messages(sizes: readonly { nodes: number; file: FigureFile }[]): Picture {
  return {
    name: 'messages',
    says: 'Messages of one search, beside what the original’s flood of fan-out 3 would send (3 per node; research model, not measured here).',
    plot: {
      title: 'Messages of one search in the whole network',
      x: { label: 'nodes', log: true },
      y: { label: 'messages', log: true },
      curves: [
        {
          name: 'SEARCH messages',
          points: sizes.map(({ nodes, file }) => [nodes, mean(file, 'messages')]),
          marks: true,
        },
        {
          name: 'a flood, 3 per node',
          points: sizes.map(({ nodes }) => [nodes, 3 * nodes]),
          dashed: true,
        },
      ],
    },
  };
}

function crash(file: FigureFile | undefined): Picture | undefined {
  if (file === undefined) return undefined;
  const curves = [50, 80, 90].flatMap((percent): Curve[] => {
    const points = file.series[`crash${percent}`];
    return points === undefined ? [] : [{ name: `${percent} % go`, points }];
  });
  return {
    name: 'crash',
    says: 'The largest component after a silent crash of half and more of 1 000 nodes, bootstraps among them (S7, seed 1).',
    plot: {
      title: 'Largest component after a crash',
      x: { label: 's after the crash', min: 0 },
      y: { label: 'share of the survivors', min: 0, max: 1 },
      curves,
    },
  };
}

/** Degrees above this share one bar: hubs are few and far away. */
const degreeTop = 30;

function degrees(file: FigureFile | undefined): Picture | undefined {
  if (file === undefined) return undefined;
  const curves = ['nondialable', 'dialable'].map((name): Curve => {
    const counts = new Map<number, number>();
    for (const [degree, count] of file.series[name] ?? []) {
      const at = Math.min(degree, degreeTop);
      counts.set(at, (counts.get(at) ?? 0) + count);
    }
    return { name: name === 'dialable' ? 'dialable' : 'not dialable', points: [...counts] };
  });
  return {
    name: 'degrees',
    says: 'Links per node after growth to 1 000 nodes, 70 % of which cannot be dialed (S6, seed 1).',
    plot: {
      title: 'Degrees in a network of 1 000 nodes',
      x: {
        label: 'overlay links of a node',
        text: (value) => (value >= degreeTop ? `≥ ${value}` : String(value)),
      },
      y: { label: 'nodes', min: 0 },
      curves,
      bars: true,
    },
  };
}

function estimate(file: FigureFile | undefined): Picture | undefined {
  if (file === undefined) return undefined;
  const curve = (name: string, more: Partial<Curve> = {}): Curve => ({
    name: name === 'nodes' ? 'nodes that there are' : `${name} estimate`,
    points: file.series[name] ?? [],
    ...more,
  });
  return {
    name: 'size',
    says: 'What nodes take for the size of a network that grows to 300 within two minutes (S9, seed 1): smallest, median and largest estimate. The smallest is that of a newcomer who knows only itself yet.',
    plot: {
      title: 'Size estimate while a network grows',
      x: { label: 's', min: 0 },
      y: { label: 'nodes', min: 0 },
      curves: [curve('nodes', { dashed: true }), curve('smallest'), curve('median'), curve('largest')],
    },
  };
}

/** Runs of S12 in one picture: the curve of each with what it is called there. */
const attacked: readonly (readonly [id: string, curve: string, name: string])[] = [
  ['s12-1000', 'as it is', '10 %, nobody leaves'],
  ['s12-1000-20', 'as it is', '20 %, nobody leaves'],
  ['s12-1000-return', 'as it is', '20 %, sessions of 1 h, 80 % return'],
  ['s12-1000-empty', 'as it is', '20 %, sessions of 1 h, all new'],
  ['s12-300', 'control: dialable nodes take 8 links', 'control: 10 % of 300, room for 8 links'],
];

function attackers(figures: Figures): Picture | undefined {
  const curves = attacked.flatMap(([id, curve, name]): Curve[] => {
    const points = figures.read(id)?.series[curve];
    return points === undefined ? [] : [{ name, points }];
  });
  if (curves.length === 0) return undefined;
  return {
    name: 'attackers',
    says: 'Share of honest outbound links that lead to attackers who came to a grown network of 1 000 (S12, seed 1).',
    plot: {
      title: 'Attackers among the neighbours',
      x: { label: 'minutes since they came', min: 0 },
      y: { label: 'share of outbound links', min: 0, max: 1 },
      curves,
    },
  };
}

export function mean(file: FigureFile, field: string): number {
  const values = file.runs.flatMap(({ figures }) => figures[field] ?? []);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
