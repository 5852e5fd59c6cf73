// @peernet/sim: a deterministic network simulator. Virtual time, seeded faults, core's Link and Crypto. Depends on
// @peernet/core only, so that anybody can put their own protocol into it.
export { NETWORK_DEFAULTS, type NetworkOptions, TIMING } from './defaults.js';
export type { DialDone, DialNow, DialResult } from './dialing.js';
export { exponentialMs } from './distributions.js';
export { type FaultKind, type FaultOptions, faultKinds, randomFaults } from './faults.js';
export { Host, type HostOptions } from './host.js';
export { type NatKind, natKinds } from './introducing.js';
export { Network } from './network.js';
export { type IdentityRegistry, simCrypto } from './sim-crypto.js';
export { SimLink } from './sim-link.js';
export { createWorld, type Verdict, World, type WorldOptions } from './world.js';
