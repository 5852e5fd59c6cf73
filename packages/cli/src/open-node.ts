// The real node of the daemon: the umbrella on the daemon's database. Apart from daemon.ts, so that tests of the
// daemon run without a network.
import type { IdentityStore } from 'peernet';
import { peernet } from 'peernet';
import type { Database } from './database.js';
import type { Node } from './node.js';

export interface OpenNodeOptions {
  readonly db: Database;
  readonly identity: IdentityStore;
}

export function openNode({ db, identity }: OpenNodeOptions): Node {
  return peernet(db, { identity });
}
