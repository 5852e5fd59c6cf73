// @peernet/gossip: sustains a random graph of peers over links that you have or can dial.
export { OPTIONS, RATES, TUNING, type Tuning } from './defaults.js';
export {
  type DialNow,
  type DialNowResult,
  Gossip,
  type GossipEvents,
  type GossipOptions,
  type LinkView,
  type Neighbour,
} from './gossip.js';
export type { LinkKind, Service } from './machine/effects.js';
export type { Purpose } from './wire.js';
