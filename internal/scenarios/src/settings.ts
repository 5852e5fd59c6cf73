// Every number that `--set` reaches, by its dotted name: those of the simulated network, of the nodes, and the
// constants of the packages themselves. The latter are frozen tables; `pnpm sim` builds the packages with tables that
// can be written (build.mjs), so that a constant can be tried out without a line of code for it.
import { NETWORK_DEFAULTS, type NetworkOptions, TIMING } from '@peernet/sim';
import * as gossip from '../../../packages/gossip/src/defaults.js';
import { EXTREMA } from '../../../packages/gossip/src/machine/extrema.js';
import { WIRE } from '../../../packages/gossip/src/wire.js';
import * as search from '../../../packages/search/src/defaults.js';
import { BOOK } from '../../../packages/store/src/defaults.js';
import type { PopulationOptions } from './population.js';
import { SABOTAGE, type Sabotage } from './sabotage.js';

export interface Settings {
  readonly node: {
    dialableShare: number;
    bootstraps: number;
    bookScale: number;
    relay: number;
    introducedShare: number;
    hardNatShare: number;
    boastShare: number;
  };
  readonly sabotage: Sabotage;
  readonly network: NetworkOptions;
  readonly gossip: NonNullable<PopulationOptions['gossip']>;
  readonly search: NonNullable<PopulationOptions['search']>;
}

/** What nodes of a scenario are unless it says otherwise. */
const NODE = {
  /** Share of nodes that can be dialed: 70 % are browsers or behind NATs (targets.md S6). */
  dialableShare: 0.3,
  /** Nodes that everybody is given as seeds (targets.md S6). */
  bootstraps: 3,
  /** Size of address books: 1, 1/16 (0.0625) or 1/64 (0.015625). */
  bookScale: 1,
  /** 1: bootstraps run with `relay: true`. */
  relay: 0,
  /** Share of the nodes that cannot be dialed which speak WebRTC, and are introduced to each other (protocol.md §7). */
  introducedShare: 0,
  /** Share of the nodes that cannot be dialed whose NAT is hard: two of them cannot be connected. */
  hardNatShare: 0,
  /** Share of the nodes that cannot be dialed which name an address all the same, as if a user had announced it. */
  boastShare: 0,
};

type Table = Record<string, unknown>;

/** Prefix → tables; earlier ones win where two have a name in common. */
const tables: readonly (readonly [string, Table])[] = [
  ['node', NODE],
  ['sabotage', SABOTAGE],
  ['net', NETWORK_DEFAULTS as unknown as Table],
  ['net', TIMING as unknown as Table],
  ['gossip', gossip.TUNING as unknown as Table],
  ['gossip', gossip.OPTIONS as unknown as Table],
  ['gossip.rates', gossip.RATES as unknown as Table],
  ['gossip.rates.nodeSignatures', gossip.NODE_SIGNATURES as unknown as Table],
  ['gossip.rates.dialsGlobal', gossip.DIALS_GLOBAL as unknown as Table],
  ['gossip.rates.dialsNarrow', gossip.DIALS_NARROW as unknown as Table],
  ['gossip.rates.dialsNet', gossip.DIALS_NET as unknown as Table],
  ['gossip.rates.probes', gossip.PROBES as unknown as Table],
  ['gossip.extrema', EXTREMA as unknown as Table],
  ['search', search.CAST as unknown as Table],
  ['search', search.TIMES as unknown as Table],
  ['search', search.CAPACITY as unknown as Table],
  ['search', search.PACE as unknown as Table],
  ['search', search.LIMITS as unknown as Table],
  ['search.rates', search.RATES as unknown as Table],
  ['search.wire', search.WIRE as unknown as Table],
  ['store', BOOK as unknown as Table],
];

interface Place {
  readonly table: Table;
  readonly key: string;
}

function* placesIn(prefix: string, table: Table): Generator<[string, Place]> {
  for (const [key, value] of Object.entries(table)) {
    if (typeof value === 'number') yield [`${prefix}.${key}`, { table, key }];
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && key !== 'rates') {
      yield* placesIn(`${prefix}.${key}`, value as Table);
    }
  }
}

const places = new Map<string, Place>();
for (const [prefix, table] of tables) {
  for (const [name, place] of placesIn(prefix, table)) if (!places.has(name)) places.set(name, place);
}

/** Further names for what people look for: each is worth so many times what stands in the places. */
const aliases: Readonly<Record<string, readonly (readonly [name: string, factor: number])[]>> = {
  /** Links that a node wants. */
  'gossip.target': [['gossip.connections', 1]],
  /** Links of a node that cannot be dialed, at most; `gossip.linksDialableMax` is that of the others. */
  'gossip.degreeMax': [['gossip.linksMax', 1]],
  /** Fewest nodes that a search visits. */
  'search.floor': [['search.searchMin', 1]],
  /** ms between pings. Links of the simulator send none: they know of a dead peer after two to 2.4 intervals. */
  'net.pingMs': [
    ['net.silenceMinMs', 2],
    ['net.silenceMaxMs', 2.4],
  ],
};

/** Name → present value of everything that can be set. */
export function listSettings(): Record<string, number> {
  const own = [...places].map(([name, { table, key }]) => [name, table[key] as number] as const);
  const values = new Map(own);
  const others = Object.entries(aliases).map(([alias, [first]]) => {
    const [name, factor] = first as readonly [string, number];
    return [alias, (values.get(name) as number) / factor] as const;
  });
  return Object.fromEntries([...own, ...others]);
}

/** A setting that does not exist, or cannot be set so. */
export class SettingError extends Error {}

/** What `--set` says: parameters of the scenario, without their prefix, and constants. */
export function splitSets(sets: readonly (readonly [name: string, value: number])[]): {
  parameters: Record<string, number>;
  constants: (readonly [name: string, value: number])[];
} {
  const prefix = 'scenario.';
  const inScenario = sets.filter(([name]) => name.startsWith(prefix));
  return {
    parameters: Object.fromEntries(inScenario.map(([name, value]) => [name.slice(prefix.length), value])),
    constants: sets.filter(([name]) => !name.startsWith(prefix)),
  };
}

/** Does what `--set` says: constants are changed, parameters of the scenario returned. Throws a SettingError. */
export function setAll(sets: readonly (readonly [name: string, value: number])[]): Record<string, number> {
  const { parameters, constants } = splitSets(sets);
  for (const [name, value] of constants) set(name, value);
  return parameters;
}

/** Where a number below 0 has a meaning: a takeover that is over before it begins (control-takeover). */
const signed: ReadonlySet<string> = new Set(['gossip.extrema.takeoverMs']);

/** What is on or off. */
const switches = /^(sabotage\.\w+|node\.relay|gossip\.shyFirst|scenario\.(control|reset|twins))$/;

/** Intervals and numbers that a run would wait for for ever if they were 0. */
const aboveZero =
  /^scenario\.(everyMs|pushSeconds|changeSeconds|searchEverySeconds|faultEverySeconds|restartsPerMinute|rows)$/;

/** Switches are 0 or 1, shares 0 to 1, nothing else is below 0, slots are counted. Throws a SettingError. */
export function checkValue(name: string, value: number): void {
  if (Number.isNaN(value)) throw new SettingError(`${name}: a number`);
  if (switches.test(name) && value !== 0 && value !== 1)
    throw new SettingError(`${name}: 0 or 1, not ${value}`);
  if (/(Share(Low|Min)?|Jitter)$/.test(name) && (value < 0 || value > 1))
    throw new SettingError(`${name}: a share, 0 to 1, not ${value}`);
  if (aboveZero.test(name) && value === 0) throw new SettingError(`${name}: above 0`);
  if (name.startsWith('scenario.') && !Number.isFinite(value))
    throw new SettingError(`${name}: a number, not ${value}: no run would end`);
  if (name === 'node.bootstraps' && !Number.isInteger(value))
    throw new SettingError(`${name}: a whole number, not ${value}`);
  // Messages have no words for more, and of one slot there is no mean.
  if (name === 'gossip.extrema.slots' && !(Number.isInteger(value) && value > 1 && value <= WIRE.slots))
    throw new SettingError(`${name}: a whole number from 2 to ${WIRE.slots}, not ${value}`);
  if (value < 0 && !signed.has(name)) throw new SettingError(`${name}: 0 or more, not ${value}`);
}

/** Changes a constant for the rest of this process. */
export function set(name: string, value: number): void {
  const alias = aliases[name];
  if (alias !== undefined) {
    for (const [one, factor] of alias) set(one, value * factor);
    return;
  }
  const place = places.get(name);
  if (place === undefined) throw new SettingError(`unknown setting ${name}; --settings lists them all`);
  checkValue(name, value);
  if (Object.isFrozen(place.table)) throw new SettingError(`${name} is frozen here; use pnpm sim`);
  place.table[place.key] = value;
}

/** The settings of a run that starts now. */
export function currentSettings(): Settings {
  return { node: { ...NODE }, sabotage: { ...SABOTAGE }, network: {}, gossip: {}, search: {} };
}
