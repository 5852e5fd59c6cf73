// peernet: the network in one import. `peernet(db, options)` as in the specification, and every name that users need.

import { isDatabase } from './options.js';
import { Peernet } from './peernet.js';
import type { Database, Options } from './types.js';

export { type ErrorCode, isPeernetError, PeernetError } from '@peernet/core';
export { Peernet } from './peernet.js';
export type { Snapshot } from './snapshot.js';
export type { Subnet, SubnetConnection, SubnetEvents } from './subnet.js';
export type {
  ByteStream,
  Callback,
  Database,
  Finding,
  Handler,
  IdentityState,
  IdentityStore,
  IncomingSearch,
  KnownRow,
  ListenAt,
  Options,
  Peer,
  PeernetEvents,
  RowStream,
  SearchOptions,
  SearchRow,
  Service,
  Stats,
  SubnetOptions,
  TransportFunction,
} from './types.js';

/**
 * A new peer. `db`: any abstract-level handle (memory-level, classic-level, browser-level, level ≥ 8); it may be shared
 * with the app. Without one the node remembers nothing after this run.
 */
export function peernet(options?: Options): Peernet;
export function peernet(db: Database | undefined, options?: Options): Peernet;
export function peernet(db?: unknown, options?: Options): Peernet {
  if (db === null) throw new TypeError('peernet(db): db is null; leave it out for a node in memory');
  if (options === undefined && typeof db === 'object' && !isDatabase(db))
    return new Peernet(undefined, db as Options);
  return new Peernet(db, options ?? {});
}

export default peernet;
