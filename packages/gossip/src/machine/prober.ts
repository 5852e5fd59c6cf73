// Checks what inbound neighbours claim. One that says it can be dialed is dialed once at the address it gives; if it
// answers there, it may be told to others. Without this, those who only ever dial would never be known to anybody.
// A claim of another host than the neighbour comes from may be true (two interfaces, a proxy), or aim us at a victim:
// those are few and far between. Who says that it cannot be dialed is checked in nodes that are full (places.ts).
import { addressOf, type BookEntry, keysOf, parseAddress, TokenBucket, uniform } from '@peernet/core';
import { PROBES } from '../defaults.js';
import type { Context } from './context.js';
import type { Dialer } from './dialer.js';
import type { Peer } from './peer.js';
import type { Records } from './records.js';

/** A claim that waits. */
interface Claim {
  readonly peer: Peer;
  readonly atMs: number;
  /** Tries so far; a host is dialed once a minute only, and others may live there, too. */
  readonly tries: number;
}

/** Tries of one claim. Guess: five nodes behind one IP that arrive together. */
const triesMax = 5;

/** Whether it says that it can be dialed at a global host that it does not come from. */
export function claimsAnotherHost(peer: Peer): boolean {
  const from = parseAddress(peer.remoteAddress ?? '');
  return (peer.record?.addresses ?? []).some((text) => {
    const claimed = addressOf(text);
    if (claimed === undefined || claimed.scope !== 'global') return false;
    return from === undefined || keysOf(claimed).host !== keysOf(from).host;
  });
}

export class Prober {
  readonly #c: Context;
  readonly #dialer: Dialer;
  readonly #records: Records;
  #claims: Claim[] = [];
  readonly #budget: TokenBucket;
  /** When the next claim of another host may be probed; the first one at a random moment, so that a thousand nodes never act at once. */
  #foreignAtMs: number | undefined;

  constructor(context: Context, parts: { dialer: Dialer; records: Records }) {
    this.#c = context;
    this.#dialer = parts.dialer;
    this.#records = parts.records;
    this.#budget = new TokenBucket(PROBES, context.nowMs);
  }

  /** A neighbour has come, or has something new to say of itself. */
  consider(peer: Peer): void {
    if (!this.#c.o.bootstrap || peer.initiator || peer.kind !== 'overlay' || !peer.record?.dialable) return;
    if (this.#claims.some((claim) => claim.peer === peer)) return;
    const { nowMs } = this.#c;
    const atMs = claimsAnotherHost(peer) ? Math.max(nowMs, this.#foreignAt()) : nowMs;
    this.#wait({ peer, atMs, tries: 0 });
  }

  /** Whether somebody answers there, as far as probes may be made now. */
  look(entries: readonly BookEntry[]): void {
    const { nowMs, counters, o } = this.#c;
    if (!o.bootstrap) return;
    for (const { address: text, id } of entries) {
      if (this.#isFull() || this.#budget.readyAt(1, nowMs) > nowMs) return;
      const address = addressOf(text);
      if (address === undefined || this.#dialer.isBusy(text, undefined)) continue;
      if (this.#dialer.start(address, { intent: 'probe', expect: id }) === undefined) continue;
      this.#budget.take(1, nowMs);
      counters.probes++;
    }
  }

  #foreignAt(): number {
    const { nowMs, tuning, random } = this.#c;
    this.#foreignAtMs ??= nowMs + uniform(random) * tuning.foreignProbeEveryMs;
    return this.#foreignAtMs;
  }

  /** Claims of another host wait for minutes, and liars could have all places: without a free one, those of who has gone end, and then one of another host. */
  #wait(claim: Claim): void {
    const { tuning, peers } = this.#c;
    if (this.#claims.length >= tuning.probesWaitingMax)
      this.#claims = this.#claims.filter(({ peer }) => peers.get(peer.key) === peer);
    if (this.#claims.length >= tuning.probesWaitingMax && !claimsAnotherHost(claim.peer)) {
      const at = this.#claims.findLastIndex(({ peer }) => claimsAnotherHost(peer));
      if (at >= 0) this.#claims.splice(at, 1);
    }
    if (this.#claims.length < tuning.probesWaitingMax) this.#claims.push(claim);
  }

  deadline(): number {
    if (this.#claims.length === 0 || this.#isFull()) return Number.POSITIVE_INFINITY;
    let firstMs = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#claims) firstMs = Math.min(firstMs, atMs);
    return Math.max(firstMs, this.#budget.readyAt(1, this.#c.nowMs));
  }

  /** As many probes are under way as may be; the end of one is an input, after which the deadline is asked again. */
  #isFull(): boolean {
    return this.#dialer.probing >= this.#c.tuning.probesMax;
  }

  tick(): void {
    const { nowMs, tuning, peers } = this.#c;
    if (this.#claims.length === 0) return;
    const due = this.#claims.filter(({ atMs }) => atMs <= nowMs);
    this.#claims = this.#claims.filter(({ atMs }) => atMs > nowMs);
    for (const claim of due) {
      const { peer, tries } = claim;
      if (peers.get(peer.key) !== peer) continue;
      const foreign = claimsAnotherHost(peer);
      if (this.#isFull() || this.#budget.readyAt(1, nowMs) > nowMs) this.#wait(claim);
      else if (foreign && nowMs < this.#foreignAt()) this.#wait({ ...claim, atMs: this.#foreignAt() });
      else if (this.#probe(peer) === 'done') {
        if (foreign) this.#foreignAtMs = nowMs + tuning.foreignProbeEveryMs;
      } else if (tries + 1 < triesMax) {
        this.#wait({ peer, atMs: nowMs + tuning.dialHostEveryMs, tries: tries + 1 });
      }
    }
  }

  /** `later`: its host has been dialed for somebody else just now. */
  #probe(peer: Peer): 'done' | 'later' {
    const { nowMs, store, counters } = this.#c;
    const heard = peer.heard(nowMs);
    const fit = heard && this.#records.takeable(heard, peer.scope);
    let outcome: 'done' | 'later' = 'done';
    for (const text of fit?.record.addresses ?? []) {
      const address = addressOf(text);
      if (address === undefined || this.#dialer.isBusy(text, undefined)) continue;
      const entry = store.get(text);
      if (entry?.verified && entry.id === peer.id) return 'done';
      if (this.#dialer.start(address, { intent: 'probe', expect: peer.id }) !== undefined) {
        this.#budget.take(1, nowMs);
        counters.probes++;
        return 'done';
      }
      outcome = 'later';
    }
    return outcome;
  }
}
