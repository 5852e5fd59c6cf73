// @peernet/gossip: sustains a random graph of peers over links that you have or can dial.
export { OPTIONS, RATES, TUNING, type Tuning } from './defaults.js';
export type { DialNow, DialNowResult } from './dial-now.js';
export { Gossip } from './gossip.js';
export type { LinkKind, Service } from './machine/effects.js';
export type { GossipEvents, GossipOptions, LinkView, Neighbour } from './types.js';
export type { Purpose } from './wire.js';
