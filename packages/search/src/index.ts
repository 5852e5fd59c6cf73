// @peernet/search: subnets over any overlay. Join one, be found; search one, find who is in it.
export {
  CAPACITY,
  CAST,
  LIMITS,
  PACE,
  RATES,
  type Rates,
  type SearchLimits,
  TIMES,
  WIRE,
} from './defaults.js';
export type {
  FoundRow,
  IncomingQuery,
  Misbehaviour,
  SearchEffects,
  SearchEvent,
  SearchInput,
  SearchRequest,
  Surroundings,
} from './machine/effects.js';
export { SearchMachine, type SearchMachineOptions } from './machine/search-machine.js';
export {
  LinkOverlay,
  type LinkOverlayOptions,
  type Overlay,
  type OverlayEvents,
  type OverlayNeighbour,
} from './overlay.js';
export {
  type Reply,
  Search,
  type SearchCallOptions,
  type SearchEvents,
  type SearchOptions,
  type SearchQuery,
  type SearchRow,
} from './search.js';
export { subnetHash } from './wire.js';
