// Every number that `--set` reaches, by its dotted name: those of the simulated network, of the nodes, and the
// constants of the packages themselves. The latter are frozen tables; `pnpm sim` builds the packages with tables that
// can be written (build.mjs), so that a constant can be tried out without a line of code for it.
import { RATES as GOSSIP_RATES, OPTIONS, TUNING } from '@peernet/gossip';
import { CAPACITY, CAST, LIMITS, PACE, RATES as SEARCH_RATES, TIMES } from '@peernet/search';
import { NETWORK_DEFAULTS, type NetworkOptions, TIMING } from '@peernet/sim';
import { BOOK } from '../../../packages/store/src/defaults.js';
import type { PopulationOptions } from './population.js';

export interface Settings {
  readonly node: {
    dialableShare: number;
    bootstraps: number;
    bookScale: number;
    relay: number;
    introducedShare: number;
    hardNatShare: number;
  };
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
};

type Table = Record<string, unknown>;

/** Prefix → tables; earlier ones win where two have a name in common. */
const tables: readonly (readonly [string, Table])[] = [
  ['node', NODE],
  ['net', NETWORK_DEFAULTS as unknown as Table],
  ['net', TIMING as unknown as Table],
  ['gossip', TUNING as unknown as Table],
  ['gossip', OPTIONS as unknown as Table],
  ['gossip.rates', GOSSIP_RATES as unknown as Table],
  ['search', CAST as unknown as Table],
  ['search', TIMES as unknown as Table],
  ['search', CAPACITY as unknown as Table],
  ['search', PACE as unknown as Table],
  ['search', LIMITS as unknown as Table],
  ['search.rates', SEARCH_RATES as unknown as Table],
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

/** Name → present value of everything that can be set. */
export function listSettings(): Record<string, number> {
  return Object.fromEntries([...places].map(([name, { table, key }]) => [name, table[key] as number]));
}

/** A setting that does not exist, or cannot be set so. */
export class SettingError extends Error {}

/** Changes a constant for the rest of this process. */
export function set(name: string, value: number): void {
  const place = places.get(name);
  if (place === undefined) throw new SettingError(`unknown setting ${name}; --settings lists them all`);
  if (Number.isNaN(value)) throw new SettingError(`${name}: a number`);
  if (Object.isFrozen(place.table)) throw new SettingError(`${name} is frozen here; use pnpm sim`);
  place.table[place.key] = value;
}

/** The settings of a run that starts now. */
export function currentSettings(): Settings {
  return { node: { ...NODE }, network: {}, gossip: {}, search: {} };
}
