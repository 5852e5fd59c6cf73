// The page, its pictures and the campaign agree with each other and with the figure files.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { readCommand } from '../src/command.js';
import { campaign, commandOf } from '../src/nightly/campaign.js';
import { Figures } from '../src/nightly/figures.js';
import { nightly } from '../src/nightly/main.js';
import { pictures } from '../src/nightly/pictures.js';
import { marks, withReport } from '../src/nightly/report.js';
import { drawPlot } from '../src/nightly/svg.js';
import { findScenario } from '../src/registry.js';
import { meanOf, sweep } from '../src/sweep.js';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));

it('shows in docs/simulation.md what the figure files say (pnpm sim:nightly --report)', () => {
  const page = readFileSync(`${docs}simulation.md`, 'utf8');
  const figures = new Figures(`${docs}figures`);
  expect(withReport(page, figures)).toBe(page);
  for (const { name, plot } of pictures(figures))
    expect(readFileSync(`${docs}figures/${name}.svg`, 'utf8')).toBe(drawPlot(plot));
});

it('has only runs in its campaign that pnpm sim understands', () => {
  for (const entry of campaign) expect(readCommand(commandOf(entry, 1)).nodes).toBe(entry.nodes);
  expect(new Set(campaign.map(({ id }) => id)).size).toBe(campaign.length);
});

it('takes a control that meets all targets for a defect', () => {
  const folder = mkdtempSync(join(tmpdir(), 'figures-'));
  try {
    const figures = new Figures(folder);
    const entry = campaign.find(({ id }) => id === 'control-top-ups');
    const sound = campaign.find(({ id }) => id === entry?.control?.of);
    if (entry === undefined || sound === undefined) throw new TypeError('no such control');
    const add = (to: typeof entry, seed: number, reach: number): void =>
      figures.add(to, seed, { reach, copiesPerLink: 1, limiterDrops: 0, missed: [], series: {} });
    const page = () => withReport(`${marks.from}\n${marks.to}`, figures);
    add(sound, 1, 0.9992);
    add(entry, 1, 0.97);
    expect(page()).toContain('| reach | 0.97 | 0.9992 | ≥ 0.99 | fails as it must |');
    expect(page()).not.toContain('a defect** |');
    add(entry, 2, 1.03);
    expect(page()).toContain('**meets all targets: a defect** |');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('takes a target for missed that one run of several never reached', () => {
  const folder = mkdtempSync(join(tmpdir(), 'figures-'));
  try {
    const figures = new Figures(folder);
    const entry = campaign.find(({ id }) => id === 's7-1000');
    if (entry === undefined) throw new TypeError('no such run');
    const shares = findScenario('S7')?.targets(1_000, {}) ?? [];
    const whole = { ...Object.fromEntries(shares.map(({ field }) => [field, 1])), limiterDrops: 0 };
    const add = (seed: number, allSeconds: number): void =>
      // As it comes out of a run: JSON has no Infinity.
      figures.add(
        entry,
        seed,
        JSON.parse(JSON.stringify({ ...whole, allSeconds, missed: [], series: {} })) as typeof whole,
      );
    const page = () => withReport(`${marks.from}\n${marks.to}`, figures);
    add(1, 60);
    expect(page()).toContain('| allSeconds | 60 | ≤ 300 | met |');
    add(2, Number.POSITIVE_INFINITY);
    expect(page()).toContain('| allSeconds | 60, never in 1 of 2 | ≤ 300 | **missed** |');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('does not let four good runs make up for one with a node below four links', () => {
  const folder = mkdtempSync(join(tmpdir(), 'figures-'));
  try {
    const figures = new Figures(folder);
    const entry = campaign.find(({ id }) => id === 's6-1000');
    if (entry === undefined) throw new TypeError('no such run');
    const add = (seed: number, degreeMin: number, wholeSeconds: number, twoRelaysShare: number): void =>
      figures.add(entry, seed, { degreeMin, wholeSeconds, twoRelaysShare, missed: [], series: {} });
    for (const seed of [1, 2, 3, 4]) add(seed, 5, 5, 1);
    add(5, 3, 50, 0.98);
    const page = withReport(`${marks.from}\n${marks.to}`, figures);
    expect(page).toContain('| degreeMin | 4.6 (3 – 5) | ≥ 4 | **missed** |');
    expect(page).toContain('| wholeSeconds | 14 (5 – 50) | ≤ 20 | **missed** |');
    // Shares are means over the seeds (targets.md).
    expect(page).toContain('| twoRelaysShare | 0.996 (0.98 – 1) | ≥ 0.99 | met |');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('does not leave runs that never got there out of the means of a sweep', () => {
  const runs = [{ seconds: 20 }, { seconds: null }, { seconds: 40 }];
  expect(meanOf(runs, 'seconds')).toBe('30, never in 1 of 3');
  expect(meanOf([{ seconds: null }], 'seconds')).toBe('never');
  expect(meanOf(runs, 'what')).toBe('–');
});

it('ends a sweep with 1 if a run broke a promise, says which, and shows no part of a run', () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {});
  const shown = vi.spyOn(console, 'log').mockImplementation(() => {});
  // The values stand for what becomes of the run.
  const run = `
    const [, how] = /search.product=(.)/.exec(process.argv.join(' '));
    if (how === '4') throw new Error('nobody catches this');
    if (how > '1') console.error('broken: something');
    const part = how === '3' ? { unfinished: 1 } : {};
    console.log(JSON.stringify({ found: 1, ...(how > '1' ? { broken: 1 } : {}), ...part }));
    process.exitCode = 1;`;
  const ended = (...values: string[]) =>
    sweep({
      args: ['search.product', ...values, '--scenario', 'S1', '--fields', 'found'],
      sim: [process.execPath, '-e', run, '--'],
    });
  try {
    expect([ended('1'), told.mock.calls.length]).toEqual([0, 0]);
    expect(ended('2', '3')).toBe(1);
    expect(told.mock.calls).toEqual([['broken: something'], ['broken: something']]);
    expect(shown.mock.calls.flat().slice(-2)).toEqual(['| 2 | 1 |', '| 3 | – |']);
    expect(ended('4')).toBe(2);
    expect(told).toHaveBeenLastCalledWith(
      expect.stringMatching(/^sweep: a run ended with 1: [\s\S]*nobody catches this/),
    );
  } finally {
    told.mockRestore();
    shown.mockRestore();
  }
});

it('refuses a sweep over no seeds', () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {});
  for (const seeds of ['0', 'x', '1.5']) {
    const args = ['search.product', '4', '--scenario', 'S1', '--seeds', seeds];
    expect(sweep({ args, sim: ['true'] })).toBe(2);
    expect(told).toHaveBeenLastCalledWith(`sweep: --seeds: a whole number above 0, not ${seeds}`);
  }
  told.mockRestore();
});

it('has a sound run of the same size for each control', () => {
  const controls = campaign.filter(({ control }) => control !== undefined);
  expect(controls.length).toBeGreaterThanOrEqual(5);
  for (const { control, scenario, nodes } of controls)
    expect(campaign.find(({ id }) => id === control?.of)).toMatchObject({ scenario, nodes });
});

it('keeps what was run, and asks for the rest only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'figures-'));
  try {
    const figures = new Figures(folder);
    const entry = { id: 'x', scenario: 'S1', nodes: 20, seeds: 3, minutes: 1 };
    const output = { seed: 2, found: 1, missed: [], commit: 'abc', traceHash: '0', series: { a: [[0, 1]] } };
    figures.add(entry, 2, output);
    expect(figures.missingSeeds(entry)).toEqual([1, 3]);
    expect(figures.missingSeeds({ ...entry, seedStep: 20 })).toEqual([1, 21, 41]);
    figures.add(entry, 1, { ...output, found: 0.5, series: {} });
    expect(figures.read('x')).toMatchObject({ runs: [{ seed: 1 }, { seed: 2 }], series: { a: [[0, 1]] } });
    expect(figures.missingSeeds(entry, 'abd')).toEqual([1, 2, 3]);
    figures.add(entry, 1, {
      ...output,
      misses: 'at 3.0 s',
      commit: 'abd',
      runtime: 'node 1.2.3',
      series: { b: [[0, 1]] },
    });
    expect(figures.missingSeeds(entry, 'abd')).toEqual([2, 3]);
    expect(figures.read('x')).toMatchObject({
      runs: [
        { seed: 1, commit: 'abd', runtime: 'node 1.2.3', words: { misses: 'at 3.0 s' } },
        { seed: 2, commit: 'abc' },
      ],
      series: { b: [[0, 1]] },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.each(["process.kill(process.pid, 'SIGKILL')", "throw new Error('nobody catches this')"])(
  'counts a run that ended by %s, and goes on with the next',
  async (end) => {
    const root = mkdtempSync(join(tmpdir(), 'night-'));
    try {
      mkdirSync(join(root, 'docs'));
      writeFileSync(join(root, 'docs/simulation.md'), `${marks.from}\n${marks.to}\n`);
      const killed = `if (process.argv.includes('20')) ${end};`;
      const well = `console.log('{"found":1,"missed":[],"commit":"abc","traceHash":"0","series":{}}')`;
      const sim = [process.execPath, '-e', `${killed} ${well}`] as const;
      expect(await nightly({ args: ['--only', 's1-20,s1-50', '--seeds', '1'], root, sim })).toBe(1);
      const figures = new Figures(join(root, 'docs/figures'));
      expect(figures.read('s1-20')).toBeUndefined();
      expect(figures.read('s1-50')?.runs).toHaveLength(1);
    } finally {
      rmSync(root, { recursive: true });
    }
  },
);

it('does not take a run that broke a promise for one that went well, nor a part of a run for a figure', async () => {
  const root = mkdtempSync(join(tmpdir(), 'night-'));
  const said = vi.spyOn(console, 'log').mockImplementation(() => {});
  try {
    mkdirSync(join(root, 'docs'));
    writeFileSync(join(root, 'docs/simulation.md'), `${marks.from}\n${marks.to}\n`);
    const run = `
      const broken = { broken: 1, found: 1, missed: [], commit: 'abc', traceHash: '0', series: {} };
      const part = process.argv.includes('20') ? { unfinished: 1 } : {};
      console.log(JSON.stringify({ ...broken, ...part }));
      process.exitCode = 1;`;
    const sim = [process.execPath, '-e', run, '--'] as const;
    expect(await nightly({ args: ['--only', 's1-20,s1-50', '--seeds', '1'], root, sim })).toBe(1);
    const figures = new Figures(join(root, 'docs/figures'));
    expect(figures.read('s1-20')).toBeUndefined();
    expect(figures.read('s1-50')?.runs).toHaveLength(1);
    expect(said.mock.calls.join('\n')).toMatch(
      /s1-20 seed 1: ended with 1 .*\n.*s1-50 .*broken promises: 1$/,
    );
  } finally {
    said.mockRestore();
    rmSync(root, { recursive: true });
  }
});

it('makes as many runs side by side as it is told', async () => {
  const root = mkdtempSync(join(tmpdir(), 'night-'));
  try {
    mkdirSync(join(root, 'docs'));
    writeFileSync(join(root, 'docs/simulation.md'), `${marks.from}\n${marks.to}\n`);
    // Each ends only when the other has begun.
    const meet = `
      const { existsSync, writeFileSync } = require('node:fs');
      const at = (seed) => ${JSON.stringify(root)} + '/seed' + seed;
      const seed = Number(process.argv[process.argv.indexOf('--seed') + 1]);
      writeFileSync(at(seed), '');
      setInterval(() => {
        if (!existsSync(at(3 - seed))) return;
        console.log('{"found":1,"missed":[],"commit":"abc","traceHash":"0","series":{}}');
        process.exit(0);
      }, 5);`;
    const sim = [process.execPath, '-e', meet, '--'] as const;
    const args = ['--only', 's1-20', '--seeds', '2', '--jobs', '2'];
    expect(await nightly({ args, root, sim })).toBe(0);
    expect(new Figures(join(root, 'docs/figures')).read('s1-20')?.runs).toHaveLength(2);
  } finally {
    rmSync(root, { recursive: true });
  }
});

it.each([
  ['s12-1000', ['s12-1000']],
  ['s7', campaign.flatMap(({ id }) => (id.startsWith('s7-') ? id : []))],
  ['s1-50,s14', ['s1-50', 's14-1000']],
])('takes --only %s for %j', async (only, ids) => {
  const root = mkdtempSync(join(tmpdir(), 'night-'));
  try {
    mkdirSync(join(root, 'docs'));
    writeFileSync(join(root, 'docs/simulation.md'), `${marks.from}\n${marks.to}\n`);
    const well = `console.log('{"found":1,"missed":[],"commit":"abc","traceHash":"0","series":{}}')`;
    const args = ['--only', only, '--seeds', '1', '--jobs', '2'];
    expect(await nightly({ args, root, sim: [process.execPath, '-e', well, '--'] })).toBe(0);
    expect(new Figures(join(root, 'docs/figures')).all().flatMap(({ file }) => file?.id ?? [])).toEqual(ids);
  } finally {
    rmSync(root, { recursive: true });
  }
});

it('draws points where they belong', () => {
  const svg = drawPlot({
    title: 'a < b',
    x: { label: 'x', min: 0, max: 10 },
    y: { label: 'y', min: 0, max: 1 },
    curves: [
      {
        name: 'one',
        points: [
          [0, 0],
          [10, 1],
        ],
      },
    ],
  });
  expect(svg).toContain('points="76,348 688,64"');
  expect(svg).toContain('a &lt; b');
});

it('names curves in a further row where one does not hold them', () => {
  const curves = Array.from({ length: 4 }, (_, i) => ({
    name: `${i} ${'x'.repeat(30)}`,
    points: [
      [0, 0],
      [10, 1],
    ] as const,
  }));
  const svg = drawPlot({ title: 't', x: { label: 'x' }, y: { label: 'y' }, curves });
  const names = [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)" fill="#222">\d x+/g)];
  expect(names.map(([, , y]) => y)).toEqual(['45', '45', '63', '63']);
  for (const [, x] of names) expect(Number(x)).toBeLessThan(720 - 6 * 32);
});

it.each([
  [['--only', 's6,s99-1'], '--only s99-1: no run of that name; --list shows all'],
  [['--only', ''], '--only : no run'],
  [['--seeds', 'all'], '--seeds takes a number above 0, not "all"'],
  [['--minutes', '0'], '--minutes takes a number above 0, not "0"'],
  [['--jobs', '0'], '--jobs takes a number above 0, not "0"'],
  [['--nodes', '5'], "'--nodes'"],
])('ends with 2 on %j, and says why', async (args, why) => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  try {
    expect(await nightly({ args, root: '/nowhere', sim: ['node'] })).toBe(2);
    expect(said.mock.calls.join()).toContain(why);
  } finally {
    said.mockRestore();
  }
});
