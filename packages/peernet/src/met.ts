// Whom we have met: peers that finished a handshake with us, when last, and at which address of theirs we have dialed
// them. It makes search rows verified, and gives inbound peers the address that a dial of ours has proven.
import { type Clock, LruMap, type PeerId } from '@peernet/core';
import { DEFAULTS } from './defaults.js';

export class Met {
  readonly #clock: Clock;
  readonly #peers = new LruMap<PeerId, { address: string | undefined; atMs: number }>(DEFAULTS.metKept);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A handshake is done; `address` if we know where it leads. */
  add(id: PeerId, address: string | undefined): void {
    const known = address ?? this.#peers.get(id)?.address;
    this.#peers.set(id, { address: known, atMs: this.#clock.now() });
  }

  /** The address at which it answered us last. */
  addressOf(id: PeerId): string | undefined {
    return this.#peers.get(id)?.address;
  }

  /** Whether the last handshake is recent enough to vouch for it. */
  isFresh(id: PeerId): boolean {
    const met = this.#peers.get(id);
    return met !== undefined && this.#clock.now() - met.atMs <= DEFAULTS.verifiedMs;
  }
}
