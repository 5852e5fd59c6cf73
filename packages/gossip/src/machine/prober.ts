// Checks what inbound neighbours claim. One that says it can be dialed is dialed once at the address it gives; if it
// answers there, it may be told to others. Without this, those who only ever dial would never be known to anybody.
import { BoundedQueue, TokenBucket } from '@peernet/core';
import { PROBES } from '../defaults.js';
import { addressOf } from './address-memo.js';
import type { Context } from './context.js';
import type { Dialer } from './dialer.js';
import type { Peer } from './peer.js';
import type { Records } from './records.js';

export class Prober {
  readonly #c: Context;
  readonly #dialer: Dialer;
  readonly #records: Records;
  readonly #waiting: BoundedQueue<Peer>;
  readonly #budget: TokenBucket;

  constructor(context: Context, parts: { dialer: Dialer; records: Records }) {
    this.#c = context;
    this.#dialer = parts.dialer;
    this.#records = parts.records;
    this.#waiting = new BoundedQueue(context.tuning.probesWaitingMax);
    this.#budget = new TokenBucket(PROBES, context.nowMs);
  }

  /** A neighbour has come, or has something new to say of itself. */
  consider(peer: Peer): void {
    if (!this.#c.o.bootstrap || peer.initiator || peer.kind !== 'overlay' || !peer.record?.dialable) return;
    this.#waiting.push(peer);
  }

  deadline(): number {
    return this.#waiting.size === 0 ? Number.POSITIVE_INFINITY : this.#budget.readyAt(1, this.#c.nowMs);
  }

  tick(): void {
    const { nowMs } = this.#c;
    while (this.#waiting.size > 0 && this.#budget.level(nowMs) >= 1) {
      const peer = this.#waiting.shift() as Peer;
      if (this.#c.peers.get(peer.key) === peer && this.#probe(peer)) this.#budget.take(1, nowMs);
    }
  }

  #probe(peer: Peer): boolean {
    const { nowMs, store, counters } = this.#c;
    const heard = peer.heard(nowMs);
    const fit = heard && this.#records.takeable(heard, peer.scope);
    for (const text of fit?.record.addresses ?? []) {
      const address = addressOf(text);
      if (address === undefined || this.#dialer.isBusy(text, undefined)) continue;
      const entry = store.get(text);
      if (entry?.verified && entry.id === peer.id) return false;
      if (this.#dialer.start(address, { intent: 'probe', expect: peer.id }) === undefined) continue;
      counters.probes++;
      return true;
    }
    return false;
  }
}
