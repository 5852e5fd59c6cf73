// Telling each other about peers. Only what we have proven ourselves is told: records of peers that we shook hands with
// within the hour, and of neighbours that we dialed; so a false address dies one hop from its liar (protocol.md §3).
// Every interval one random neighbour gets up to five records, and answers with as many: one of those that we dialed. Each
// link is used by who made it; a node that attackers have come to in numbers would ask nobody else. While we are new we ask
// one after the other without waiting for the interval, and every other time one of those that we found first, by our
// seeds: after minutes we choose whom to stay with, and until we have heard of most honest peers, attackers, who tell of
// nobody but each other, are most of what there is to choose from (docs/decisions/0026).
import { type BookEntry, type HeardRecord, jitter, pickOne, uniform } from '@peernet/core';
import { encodeShuffle, type Shuffle, WIRE } from '../wire.js';
import type { Context, Ending } from './context.js';
import type { Dialer } from './dialer.js';
import { byAge, type Peer } from './peer.js';
import type { Records } from './records.js';

/** Share by which the interval varies (protocol.md §5). */
const intervalJitter = 0.2;

export class Exchange {
  readonly #c: Context;
  readonly #records: Records;
  readonly #dialer: Dialer;
  readonly #ending: Ending;
  readonly #startMs: number;
  #nextMs: number;
  /** There was nobody to ask. */
  #idle = false;

  constructor(context: Context, parts: { records: Records; dialer: Dialer; ending: Ending }) {
    this.#c = context;
    this.#records = parts.records;
    this.#dialer = parts.dialer;
    this.#ending = parts.ending;
    this.#startMs = context.nowMs;
    this.#nextMs = this.#later();
  }

  #later(): number {
    const { o, nowMs, random, tuning, counters } = this.#c;
    const { intervalMs } = o;
    if (intervalMs <= 0) return Number.POSITIVE_INFINITY;
    const isEager = counters.shuffles < tuning.eagerShuffles;
    return (
      nowMs + jitter(random, isEager ? Math.min(tuning.eagerMs, intervalMs) : intervalMs, intervalJitter)
    );
  }

  deadline(): number {
    if (!this.#idle) return this.#nextMs;
    const restedMs = this.#askable().map((peer) => this.#restedMs(peer));
    return Math.max(this.#c.nowMs, Math.min(this.#nextMs, ...restedMs));
  }

  tick(): void {
    const { nowMs, o, counters } = this.#c;
    if (nowMs < this.deadline()) return;
    const peer = this.#partner();
    this.#idle = peer === undefined;
    this.#nextMs = this.#idle ? nowMs + o.intervalMs : this.#later();
    if (peer === undefined || !peer.sending('shuffle', nowMs).take(1, nowMs)) return;
    if (this.#send(peer, false)) {
      peer.unanswered++;
      peer.askedMs = nowMs;
      counters.shuffles++;
    }
  }

  /** Whom to ask: nobody more than once in an interval. */
  #partner(): Peer | undefined {
    const { nowMs, random, tuning } = this.#c;
    const pick = (from: readonly Peer[]): Peer | undefined =>
      pickOne(
        random,
        from.filter((peer) => nowMs >= this.#restedMs(peer)),
      );
    const known = this.#askable();
    const isNew = nowMs - this.#startMs < tuning.newcomerMs;
    const isByFirst = isNew && known[0]?.initiator === true && uniform(random) < tuning.firstShare;
    return (isByFirst ? pick(known.slice(0, 2)) : undefined) ?? pick(known);
  }

  /** Those that we dialed, oldest first; all, if there are none. */
  #askable(): readonly Peer[] {
    const { neighbours } = this.#c.peers;
    const own = neighbours.filter((peer) => peer.initiator).sort(byAge);
    return own.length > 0 ? own : neighbours;
  }

  #restedMs(peer: Peer): number {
    if (peer.congestedMs !== undefined) return Number.POSITIVE_INFINITY;
    return peer.askedMs + this.#c.o.intervalMs * (1 - intervalJitter);
  }

  onShuffle(peer: Peer, message: Shuffle): void {
    const { nowMs, counters } = this.#c;
    if (message.answer && peer.unanswered-- <= 0) {
      this.#ending.ban(peer, 'an answer that nobody asked for');
      return;
    }
    if (peer.kind !== 'overlay' && peer.kind !== 'guest') {
      counters.unexpected++;
      return;
    }
    peer.degree = message.degree;
    this.take(message.records, peer);
    if (message.answer) return;
    if (peer.sending('shuffle', nowMs).take(1, nowMs)) this.#send(peer, true);
    else counters.paced++;
  }

  #send(peer: Peer, answer: boolean): boolean {
    const records = this.sample(peer, WIRE.recordsMax);
    const taken = this.#c.send(peer, encodeShuffle({ answer, degree: this.#c.degree, records }), 'shuffle');
    if (taken && peer.dialed !== undefined) this.#c.store.exchanged(peer.dialed, 0, records.length);
    return taken;
  }

  /** Records, checked already, enter the book as far as their teller may tell them. */
  take(heards: readonly HeardRecord[], from: Peer): void {
    const { crypto, counters, nowMs } = this.#c;
    const taken: HeardRecord[] = [];
    for (const heard of heards) {
      const { record } = heard;
      if (record.id === crypto.id || !record.dialable || !this.#records.timely(heard)) continue;
      const fit = this.#records.takeable(heard, from.scope);
      if (fit === undefined) continue;
      if (!from.receiving('admitted', nowMs).take(1, nowMs)) counters.recordsIgnored++;
      else taken.push(fit);
    }
    if (from.dialed !== undefined) this.#c.store.exchanged(from.dialed, heards.length, 0);
    if (taken.length > 0) this.#offer(taken, from);
  }

  #offer(taken: readonly HeardRecord[], from: Peer): void {
    const { store, fx } = this.#c;
    // Who came to us by himself may fill the book, not the choice of whom to stay with.
    const options = { chosen: from.kind === 'overlay' && from.initiator };
    if (!this.#c.o.wantsKnown()) {
      store.offer(taken, from.id, options);
      return;
    }
    const fresh = taken.flatMap(({ record }) =>
      record.addresses.filter((text) => store.get(text) === undefined),
    );
    store.offer(taken, from.id, options);
    const addresses = fresh.filter((text) => store.get(text) !== undefined);
    if (addresses.length > 0) fx.emit({ type: 'known', addresses });
  }

  /** Up to `count` records that `to` may be told. Counts them against what it takes into its book. */
  sample(to: Peer, count: number): HeardRecord[] {
    const { store, peers, crypto, nowMs } = this.#c;
    const allowed = to.sending('admitted', nowMs).takeUpTo(count, nowMs);
    if (allowed === 0) return [];
    const exclude = (entry: BookEntry): boolean =>
      entry.id === to.id || entry.id === crypto.id || entry.address.startsWith('wrtc:');
    const told: HeardRecord[] = [];
    for (const entry of store.sample(allowed, { scope: to.scope, exclude })) {
      const { record, ageSeconds = 0 } = entry;
      if (record?.dialable && !this.#isWithdrawn({ record, ageSeconds })) told.push({ record, ageSeconds });
    }
    // A link that we made and that lives proves more than a handshake of an hour ago.
    for (const peer of peers.neighbours) {
      if (told.length >= allowed) break;
      if (
        !peer.initiator ||
        peer.introduced ||
        peer.id === to.id ||
        told.some(({ record }) => record.id === peer.id)
      )
        continue;
      const heard = peer.heard(nowMs);
      if (heard?.record.dialable && this.#records.takeable(heard, to.scope) !== undefined) told.push(heard);
    }
    return told;
  }

  /** Its owner has gone back behind it, since his calendar was set: nobody takes it any more, but what he says now. */
  #isWithdrawn(heard: HeardRecord): boolean {
    const { id, seq } = heard.record;
    return seq > (this.#c.peers.byId(id)?.record?.seq ?? seq) && !this.#records.timely(heard);
  }
}
