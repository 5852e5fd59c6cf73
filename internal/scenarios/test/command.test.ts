// What the command line refuses.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { readCommand } from '../src/command.js';
import { keptRuns } from '../src/kept-runs.js';
import { main } from '../src/main.js';
import { checkValue, currentSettings, listSettings, SettingError, set, splitSets } from '../src/settings.js';

const seeds = fileURLToPath(new URL('../seeds.txt', import.meta.url));
const sim = fileURLToPath(new URL('../../../scripts/sim.mjs', import.meta.url));

describe('the command line', () => {
  it('reads what makes sense', () => {
    const command = readCommand([
      's1',
      '--seed',
      '5',
      '--nodes',
      '30',
      '--set',
      'scenario.searches=3',
      '--json',
    ]);
    expect(command).toMatchObject({ seed: 5, nodes: 30, json: true, sets: [['scenario.searches', 3]] });
    expect(command.scenario?.name).toBe('S1');
  });

  it.each([
    [[]],
    [['S99']],
    [['S1', 'S2']],
    [['S1', '--nodes', '1']],
    [['S1', '--nodes', '2000000']],
    [['S1', '--seed', '1.5']],
    [['S1', '--set', 'search.budgetMax']],
    [['S1', '--set', 'search.budgetMax=many']],
    [['S1', '--nodes', '30', '--set', 'node.bootstraps=31']],
  ])('refuses %j', (args) => {
    expect(() => readCommand(args)).toThrow(SettingError);
  });

  it('ends with 2 on what it does not understand, and keeps no such run', () => {
    const kept = readFileSync(seeds, 'utf8');
    for (const args of [
      ['S99'],
      ['S1', '--what'],
      ['S1', '--set', 'search.nothing=1'],
      ['S1', '--set', 'scenario.no=1'],
      ['S1', '--set', 'scenario.searches=-4'],
      ['S12', '--set', 'scenario.attackerShare=5'],
      ['S1', '--set', 'node.dialableShare=1.5'],
      ['S1', '--set', 'gossip.rotateJitter=2'],
      ['S1', '--set', 'node.relay=2'],
      ['S12', '--set', 'scenario.control=0.5'],
      ['S15', '--set', 'sabotage.verification=3'],
      ['S1', '--set', 'net.latencyMs=-5'],
      ['S1', '--nodes', '20', '--set', 'gossip.connections=Infinity'],
    ]) {
      const { status, stderr } = spawnSync(process.execPath, [sim, ...args], { encoding: 'utf8' });
      expect([args, status, stderr]).toEqual([args, 2, expect.stringMatching(/^sim: ./)]);
    }
    expect(readFileSync(seeds, 'utf8')).toBe(kept);
  });
});

it('S16: replays a broken promise with the settings under which it was broken', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'seeds-'));
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {});
  try {
    // Nobody can be dialed, and nobody knows anybody: such a network never becomes whole.
    const sets = ['node.dialableShare=0', 'node.bootstraps=0', 'scenario.faultSeconds=1', 'scenario.seeds=2'];
    const args = ['S16', '--seed=5', '--nodes', '5', ...sets.flatMap((text) => ['--set', text])];
    const seedsFile = join(folder, 'seeds.txt');
    expect(await main({ args, seedsFile, root: folder })).toBe(1);
    const kept = keptRuns(readFileSync(seedsFile, 'utf8'));
    expect(kept.map(({ command }) => command)).toMatchObject(
      [5, 6].map((seed) => ({ seed, nodes: 5, scenario: { name: 'S16' } })),
    );
    for (const { command } of kept)
      expect(splitSets(command.sets)).toMatchObject({
        parameters: { faultSeconds: 1, seeds: 1 },
        constants: [
          ['node.dialableShare', 0],
          ['node.bootstraps', 0],
        ],
      });
  } finally {
    said.mockRestore();
    printed.mockRestore();
    set('node.dialableShare', 0.3);
    set('node.bootstraps', 3);
    rmSync(folder, { recursive: true });
  }
});

it('refuses what would never come to an end, not even by Ctrl-C, and parts of a node', () => {
  for (const name of [
    'scenario.everyMs',
    'scenario.rows',
    'scenario.pushSeconds',
    'scenario.restartsPerMinute',
    'scenario.changeSeconds',
    'scenario.searchEverySeconds',
    'scenario.faultEverySeconds',
  ]) {
    expect(() => checkValue(name, 0)).toThrow(SettingError);
    expect(() => checkValue(name, 0.5)).not.toThrow();
  }
  for (const name of ['scenario.searches', 'scenario.crowd', 'scenario.attackers', 'scenario.joinSeconds'])
    expect(() => checkValue(name, Number.POSITIVE_INFINITY)).toThrow(SettingError);
  expect(() => checkValue('gossip.rotateEveryMs', Number.POSITIVE_INFINITY)).not.toThrow();
  expect(() => checkValue('node.bootstraps', 2.5)).toThrow(SettingError);
  expect(() => checkValue('node.bootstraps', 0)).not.toThrow();
});

it('refuses more slots of the size estimate than messages can name: no run would come to anything', () => {
  for (const slots of [65, 96, 1, 32.5])
    expect(() => checkValue('gossip.extrema.slots', slots)).toThrow(SettingError);
  for (const slots of [2, 32, 64]) expect(() => checkValue('gossip.extrema.slots', slots)).not.toThrow();
});

it('names the searches that did not find at the first try, which a replay may take an hour for', () => {
  const weak = { 'search.product': 0.1, 'search.floor': 1, 'search.advertMin': 1 };
  const quick = {
    'scenario.searches': 60,
    'scenario.subnets': 190,
    'scenario.joinSeconds': 60,
    'scenario.settleSeconds': 30,
  };
  const sets = Object.entries({ ...weak, ...quick }).flatMap(([name, value]) => [
    '--set',
    `${name}=${value}`,
  ]);
  const { stdout } = spawnSync(process.execPath, [sim, 'S5', '--nodes', '200', '--json', ...sets], {
    encoding: 'utf8',
  });
  const { foundFirstTry, misses } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  expect(foundFirstTry).toBeLessThan(1);
  expect(misses).toMatch(
    /^at [\d.]+ s \d+ \([\d.]+ s old\) for \d+ \([\d.]+ s old\): \d+ hits, \d+ of them certain, 2 attempts, \d+ messages: (found after [\d.]+ s|not found)/,
  );
});

/** Interrupts a run after so many ms; how it ended and what it said. */
async function interrupted(afterMs: number): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [sim, 'S1', '--nodes', '100', '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  setTimeout(() => child.kill('SIGINT'), afterMs);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

describe('Ctrl-C', () => {
  it('prints what is known so far and ends with 130', async () => {
    // On a busy machine the first signal may come before anybody listens for it: then the process just dies.
    let run = await interrupted(2_000);
    for (let afterMs = 4_000; run.code === null && afterMs < 20_000; afterMs *= 2)
      run = await interrupted(afterMs);
    expect(run.code).toBe(130);
    expect(JSON.parse(run.output.trim().split('\n').at(-1) ?? '')).toMatchObject({
      scenario: 'S1',
      interrupted: 1,
    });
  });
});

describe('settings', () => {
  it('lists the constants of all packages by dotted names', () => {
    expect(Object.keys(listSettings())).toEqual(
      expect.arrayContaining([
        'search.budgetMax',
        'gossip.rotateEveryMs',
        'store.slots',
        'net.latencyMs',
        'node.bookScale',
      ]),
    );
  });

  it('changes what a run gets', () => {
    const before = currentSettings().node.dialableShare;
    set('node.dialableShare', 0.5);
    expect(currentSettings().node.dialableShare).toBe(0.5);
    set('node.dialableShare', before);
  });

  it('sets every constant that is worth a sweep, in the build of pnpm sim', () => {
    const wanted = {
      'gossip.target': 7,
      'gossip.connections': 6,
      'gossip.degreeMax': 9,
      'gossip.linksDialableMax': 64,
      'gossip.rotateEveryMs': 60_000,
      'gossip.bookShare': 0.4,
      'gossip.extrema.slots': 32,
      'search.budgetMax': 4_096,
      'search.floor': 32,
      'search.product': 8,
      'search.refreshMs': 120_000,
      'net.pingMs': 10_000,
    };
    const sets = Object.entries(wanted).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    const { stdout } = spawnSync(process.execPath, [sim, 'S1', '--settings', ...sets], { encoding: 'utf8' });
    const printed = new Map(stdout.split('\n').map((line) => line.split('=') as [string, string]));
    for (const [name, value] of Object.entries({ ...wanted, 'gossip.target': 6 }))
      expect([name, printed.get(name)]).toEqual([name, String(value)]);
    expect(printed.get('net.silenceMaxMs')).toBe('24000');
  });

  it('lists the parameters of a scenario as they are set, and refuses those that it does not have', () => {
    const list = (...args: string[]) =>
      spawnSync(process.execPath, [sim, ...args, '--settings'], { encoding: 'utf8' });
    const { stdout } = list('S1', '--set', 'scenario.searches=5');
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining(['scenario.searches=5', 'scenario.everyMs=200']),
    );
    for (const set of ['scenario.nosuch=3', 'scenario.everyMs=0']) {
      const { status, stderr } = list('S1', '--set', set);
      expect([status, stderr]).toEqual([2, expect.stringMatching(/^sim: .*scenario\./)]);
    }
  });

  it('sets rates of links for both of their ends: whoever is given less room sends less', () => {
    const run = (...sets: string[]) => {
      const args = ['S1', '--nodes', '20', '--json', '--set', 'scenario.searches=50'];
      const more = sets.flatMap((text) => ['--set', text]);
      const { stdout } = spawnSync(process.execPath, [sim, ...args, ...more], { encoding: 'utf8' });
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    };
    const few = ['search.rates.searches.perSecond=1', 'search.rates.searches.burst=2'];
    expect(run(...few)).toMatchObject({ found: 1, limiterDrops: 0 });
    expect(run('search.senderShare=0.01').traceHash).not.toBe(run().traceHash);
  });

  it('does not touch frozen constants', () => {
    expect(() => set('search.budgetMax', 1)).toThrow(SettingError);
    expect(() => set('search.nothing', 1)).toThrow(SettingError);
  });
});
