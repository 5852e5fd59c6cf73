// What `pnpm sim:nightly` runs: every scenario at its full size, and the smaller sizes from which curves over N are
// drawn. One entry is one figure file; its runs differ by seed only.

export interface Entry {
  /** Name of the figure file. */
  readonly id: string;
  readonly scenario: string;
  readonly nodes: number;
  /** So many seeds … */
  readonly seeds: number;
  /** … from 1 in steps of this (1 if missing): a run of S16 takes several. */
  readonly seedStep?: number;
  /** `--set` of the run. */
  readonly sets?: Readonly<Record<string, number>>;
  /** A control, which must miss a target: the entry that is the same run with all defences, and what this one lacks. */
  readonly control?: { readonly of: string; readonly lacks: string };
  /** Processor minutes of one run on a quiet 2 GHz core, for the impatient (`--minutes`). */
  readonly minutes: number;
}

const forgers: Entry = { id: 's15-100', scenario: 'S15', nodes: 100, seeds: 5, minutes: 0.1 };
const reach: Entry = { id: 'reach-50', scenario: 'reach', nodes: 50, seeds: 5, minutes: 0.1 };
const growth: Entry = { id: 's6-300', scenario: 'S6', nodes: 300, seeds: 5, minutes: 0.5 };
const sizeEstimate: Entry = { id: 's9-300', scenario: 'S9', nodes: 300, seeds: 5, minutes: 0.5 };
/** All come within a minute. */
const rush = { 'scenario.joinSeconds': 60 };
/** Two minutes old: later, books have found out by failed dials what nobody has proven to them. */
const boasters: Entry = {
  id: 'sleep-100-boast',
  scenario: 'sleep',
  nodes: 100,
  seeds: 5,
  sets: {
    'scenario.joinSeconds': 60,
    'scenario.settleSeconds': 60,
    'scenario.idleSeconds': 10,
    'node.boastShare': 1,
  },
  minutes: 0.1,
};

/** Most of its cost are the attackers' messages: one in ten seconds on each of 35 000 links. */
const restarts: Entry = {
  id: 's13-1000',
  scenario: 'S13',
  nodes: 1_000,
  seeds: 5,
  sets: {
    'scenario.attackerShare': 0.2,
    'scenario.quietMinutes': 10,
    'scenario.attackMinutes': 15,
    'scenario.pushSeconds': 10,
    'scenario.restartsPerMinute': 50,
  },
  minutes: 12,
};

/** The same runs without one defence. */
function without(sound: Entry, name: string, lacks: string, sets: Readonly<Record<string, number>>): Entry {
  return {
    ...sound,
    id: `control-${name}`,
    sets: { ...sound.sets, ...sets },
    control: { of: sound.id, lacks },
  };
}

/** An attack on 1 000 nodes. Its control costs as much again: that runs with 300 nodes only. */
function s12(suffix: string, sets: Readonly<Record<string, number>>, seeds = 5): Entry {
  return {
    id: `s12-1000${suffix}`,
    scenario: 'S12',
    nodes: 1_000,
    seeds,
    sets: { ...sets, 'scenario.control': 0 },
    minutes: 15,
  };
}

export const campaign: readonly Entry[] = [
  { id: 's1-20', scenario: 'S1', nodes: 20, seeds: 5, minutes: 0.2 },
  { id: 's1-50', scenario: 'S1', nodes: 50, seeds: 5, minutes: 0.3 },
  { id: 's1-100', scenario: 'S1', nodes: 100, seeds: 5, minutes: 0.5 },
  { id: 's11-3', scenario: 'S11', nodes: 3, seeds: 5, minutes: 0.1 },
  { id: 's11-30', scenario: 'S11', nodes: 30, seeds: 5, minutes: 0.1 },
  { id: 's11-300', scenario: 'S11', nodes: 300, seeds: 5, minutes: 0.3 },
  { id: 's6-1000', scenario: 'S6', nodes: 1_000, seeds: 5, minutes: 0.5 },
  { id: 's6-1000-rush', scenario: 'S6', nodes: 1_000, seeds: 5, sets: rush, minutes: 0.3 },
  { id: 's2-1000', scenario: 'S2', nodes: 1_000, seeds: 5, minutes: 1.5 },
  {
    id: 's2-1000-hour',
    scenario: 'S2',
    nodes: 1_000,
    seeds: 5,
    sets: { 'scenario.medianMinutes': 60 },
    minutes: 1.5,
  },
  { id: 's7-1000', scenario: 'S7', nodes: 1_000, seeds: 5, minutes: 1.5 },
  // The process dies, and the machine says so.
  {
    id: 's7-1000-reset',
    scenario: 'S7',
    nodes: 1_000,
    seeds: 5,
    sets: { 'scenario.reset': 1 },
    minutes: 1.5,
  },
  {
    id: 's2-1000-introduced',
    scenario: 'S2',
    nodes: 1_000,
    seeds: 5,
    sets: { 'node.introducedShare': 1 },
    minutes: 3,
  },
  {
    id: 's7-1000-introduced',
    scenario: 'S7',
    nodes: 1_000,
    seeds: 5,
    sets: { 'node.introducedShare': 1 },
    minutes: 2,
  },
  sizeEstimate,
  { id: 's15-1000', scenario: 'S15', nodes: 1_000, seeds: 5, minutes: 0.8 },
  { id: 's14-1000', scenario: 'S14', nodes: 1_000, seeds: 5, minutes: 1 },
  { id: 's17-1000', scenario: 'S17', nodes: 1_000, seeds: 5, minutes: 1 },
  { id: 's5-1000', scenario: 'S5', nodes: 1_000, seeds: 5, minutes: 1.5 },
  { id: 's4-10000', scenario: 'S4', nodes: 10_000, seeds: 5, minutes: 0.5 },
  { id: 's10-20000', scenario: 'S10', nodes: 20_000, seeds: 5, minutes: 1 },
  {
    id: 's4-100000',
    scenario: 'S4',
    nodes: 100_000,
    seeds: 5,
    sets: { 'scenario.searches': 300 },
    minutes: 1.5,
  },
  {
    id: 's4-many-searches',
    scenario: 'S4',
    nodes: 100_000,
    seeds: 5,
    sets: { 'scenario.searches': 5_000 },
    minutes: 8,
  },
  {
    id: 's16-100',
    scenario: 'S16',
    nodes: 100,
    seeds: 50,
    seedStep: 20,
    sets: { 'scenario.seeds': 20 },
    minutes: 3,
  },
  { id: 's8-300', scenario: 'S8', nodes: 300, seeds: 5, minutes: 1.5 },
  {
    id: 's8-300-60',
    scenario: 'S8',
    nodes: 300,
    seeds: 5,
    sets: { 'scenario.splitMinutes': 60 },
    minutes: 3,
  },
  { id: 'introductions-1000', scenario: 'introductions', nodes: 1_000, seeds: 5, minutes: 1 },
  { id: 'part-1000', scenario: 'part', nodes: 1_000, seeds: 5, minutes: 1 },
  {
    id: 'part-1000-churn',
    scenario: 'part',
    nodes: 1_000,
    seeds: 5,
    sets: { 'scenario.medianMinutes': 10 },
    minutes: 1,
  },
  { id: 'sleep-1000', scenario: 'sleep', nodes: 1_000, seeds: 5, minutes: 1 },
  forgers,
  without(forgers, 'verification', 'a look at signatures', { 'sabotage.verification': 1 }),
  reach,
  without(reach, 'top-ups', 'top-ups of searches and adverts', { 'search.topUpsMax': 0 }),
  without(reach, 'dedup', 'dedup of searches', { 'sabotage.searchDedup': 1 }),
  boasters,
  without(boasters, 'proof', 'proof of the addresses in the book', { 'sabotage.proof': 1 }),
  // N̂ may double in ten minutes, and the first tables make no exception.
  without(sizeEstimate, 'takeover', 'newcomers who believe the first tables', {
    'gossip.extrema.takeoverMs': -1,
  }),
  growth,
  without(growth, 'room', 'room for more than eight links', { 'gossip.linksDialableMax': 8 }),
  restarts,
  { ...restarts, id: 's13-1000-10', sets: { ...restarts.sets, 'scenario.attackerShare': 0.1 }, minutes: 9 },
  without(restarts, 'slots', 'min-wise slots', { 'store.minWiseSlots': 0, 'scenario.control': 0 }),
  s12('', {}),
  s12('-20', { 'scenario.attackerShare': 0.2 }),
  s12('-20-wide', { 'scenario.attackerShare': 0.2, 'scenario.linksDialableMax': 256 }),
  s12('-return-10', { 'scenario.sessionMinutes': 60, 'scenario.returnShare': 0.8 }),
  s12('-return', {
    'scenario.attackerShare': 0.2,
    'scenario.sessionMinutes': 60,
    'scenario.returnShare': 0.8,
  }),
  s12('-empty', { 'scenario.attackerShare': 0.2, 'scenario.sessionMinutes': 60 }),
  // Attackers are there from the first second. Without a target, as the next: two seeds say what there is to say.
  s12('-20-early', { 'scenario.attackerShare': 0.2, 'scenario.quietMinutes': 0 }, 2),
  // The oldest links are protected.
  s12('-20-slotless', { 'scenario.attackerShare': 0.2, 'store.minWiseSlots': 0 }, 2),
  { id: 's12-300', scenario: 'S12', nodes: 300, seeds: 5, minutes: 6 },
  { id: 's10-100000', scenario: 'S10', nodes: 100_000, seeds: 5, minutes: 28 },
  { id: 's8-2000', scenario: 'S8', nodes: 2_000, seeds: 5, sets: { 'scenario.control': 0 }, minutes: 5 },
  { id: 's6-10000', scenario: 'S6', nodes: 10_000, seeds: 5, minutes: 8 },
  { id: 's6-10000-rush', scenario: 'S6', nodes: 10_000, seeds: 5, sets: rush, minutes: 3 },
  { id: 's7-10000', scenario: 'S7', nodes: 10_000, seeds: 5, minutes: 25 },
  // 5 000 searches in the time of 1 000: .999 are wanted at the first try, and a thousand cannot tell .998 from .9995.
  {
    id: 's3-10000',
    scenario: 'S3',
    nodes: 10_000,
    seeds: 5,
    sets: { 'scenario.searches': 5_000, 'scenario.everyMs': 40 },
    minutes: 36,
  },
  { id: 's5-10000', scenario: 'S5', nodes: 10_000, seeds: 5, minutes: 15 },
  { id: 's17-10000', scenario: 'S17', nodes: 10_000, seeds: 5, minutes: 15 },
  // Ten minutes after the heal instead of thirty: harder.
  {
    id: 's8-10000',
    scenario: 'S8',
    nodes: 10_000,
    seeds: 5,
    sets: { 'scenario.control': 0, 'scenario.afterMinutes': 10 },
    minutes: 33,
  },
];

/** The command that makes one run of an entry again. */
export function commandOf({ scenario, nodes, sets = {} }: Entry, seed: number): string[] {
  const options = Object.entries(sets).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  return [scenario, '--nodes', String(nodes), '--seed', String(seed), ...options];
}
