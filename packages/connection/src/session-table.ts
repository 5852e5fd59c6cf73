// Remembers the highest boot sequence number of each peer id, bounded: the one met longest ago is forgotten first.
import { LruMap, type PeerId } from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import type { BootSeqs } from './machine/handshake.js';

/** Shared by all connections of a node, so that an old copy of a restarted peer is refused everywhere. */
export class SessionTable implements BootSeqs {
  readonly #highest: LruMap<PeerId, number>;

  constructor(capacity: number = DEFAULTS.sessionsMax) {
    this.#highest = new LruMap(capacity);
  }

  get size(): number {
    return this.#highest.size;
  }

  get(id: PeerId): number | undefined {
    return this.#highest.get(id);
  }

  raise(id: PeerId, bootSeq: number): void {
    this.#highest.set(id, Math.max(bootSeq, this.#highest.get(id) ?? 0));
  }
}
