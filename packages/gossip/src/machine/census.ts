// Carries the size estimate between neighbours: whole tables when two with different ones meet, then what changes.
// Changes gather for one gossip round; a neighbour from whom one of them comes meanwhile need not be told, so that each
// change crosses most links once.
import { equalBytes, type PeerId } from '@peernet/core';
import { type ExtremaMessage, encodeExtrema, WIRE } from '../wire.js';
import type { Context, Ending } from './context.js';
import { EXTREMA, Extrema, type ExtremaEntry } from './extrema.js';
import type { Peer } from './peer.js';
import type { Records } from './records.js';

/** In HELLO instead of the digest; it is nobody's, so whoever reads it tells its table. */
const unknownDigest = new Uint8Array(WIRE.digestBytes);

/** Slots in one half of a set. */
const halfBits = 32;

/** What some neighbours have to be told; most of them the same, so the message is made once. */
interface News {
  /** Slots, as two 32-bit sets. */
  readonly low: number;
  readonly high: number;
  readonly entries: readonly ExtremaEntry[];
  message?: Uint8Array;
}

export class Census {
  readonly #c: Context;
  readonly #records: Records;
  readonly #ending: Ending;
  readonly #extrema: Extrema;
  /** Who made the last change of each slot. */
  readonly #latest: (PeerId | undefined)[] = [];
  #digest: Uint8Array | undefined;
  #askUntilMs = Number.NEGATIVE_INFINITY;
  #flushAtMs = Number.POSITIVE_INFINITY;
  #flushedMs = Number.NEGATIVE_INFINITY;

  constructor(context: Context, parts: { records: Records; ending: Ending }) {
    this.#c = context;
    this.#records = parts.records;
    this.#ending = parts.ending;
    this.#extrema = new Extrema({ crypto: context.crypto, random: context.random, nowMs: context.nowMs });
  }

  /** N̂ ≥ 1. */
  size(): number {
    return this.#extrema.estimate(this.#c.nowMs);
  }

  /** What HELLO says of our table. */
  digest(): Uint8Array {
    return this.#c.nowMs < this.#askUntilMs ? unknownDigest : this.#tableDigest();
  }

  #tableDigest(): Uint8Array {
    this.#digest ??= this.#extrema.digest();
    return this.#digest;
  }

  /** After a sleep: the ids in our table may be the right ones, their ages are not. New neighbours tell theirs. */
  wake(): void {
    this.#extrema.wake();
    this.#askUntilMs = this.#c.nowMs + EXTREMA.takeoverMs;
  }

  deadline(): number {
    return Math.min(this.#flushAtMs, this.#extrema.deadline());
  }

  tick(): void {
    const { nowMs } = this.#c;
    if (nowMs >= this.#extrema.deadline()) {
      this.#digest = undefined;
      this.#spread(this.#extrema.tick(nowMs), undefined);
    }
    if (nowMs >= this.#flushAtMs) this.#flush();
  }

  /** A new neighbour: if it knows something else than we do, it gets our table. */
  neighbour(peer: Peer): void {
    if (peer.digest === undefined || equalBytes(peer.digest, this.#tableDigest())) return;
    peer.dirtyLow = peer.dirtyHigh = -1;
    this.#tell(peer, { low: -1, high: -1, entries: this.#extrema.table(this.#c.nowMs) });
  }

  onExtrema(peer: Peer, message: ExtremaMessage): void {
    const { nowMs, counters, crypto } = this.#c;
    const { entries } = message;
    if (peer.kind !== 'overlay') {
      counters.unexpected++;
      return;
    }
    peer.degree = message.degree;
    let forged = false;
    const changed = this.#extrema.offer(entries, nowMs, (domain, id, bytes, signature) => {
      this.#records.spend(peer);
      const genuine = crypto.verify(domain, id, bytes, signature);
      forged ||= !genuine;
      return genuine;
    });
    for (const entry of entries) {
      const isTold = this.#latest[entry.slot] === entry.id && !this.#extrema.refreshes(entry, nowMs);
      if (isTold) clean(peer, entry.slot);
    }
    if (changed.length > 0) {
      this.#digest = undefined;
      this.#spread(changed, peer);
    }
    if (!forged) return;
    counters.badSignatures++;
    this.#ending.ban(peer, 'a forged entry of the size estimate');
  }

  #spread(entries: readonly ExtremaEntry[], from: Peer | undefined): void {
    if (entries.length === 0) return;
    const { nowMs, tuning, peers } = this.#c;
    let low = 0;
    let high = 0;
    for (const { slot, id } of entries) {
      this.#latest[slot] = id;
      low |= lowBit(slot);
      high |= highBit(slot);
    }
    for (const peer of peers.neighbours) {
      if (peer === from) {
        peer.dirtyLow &= ~low;
        peer.dirtyHigh &= ~high;
      } else {
        peer.dirtyLow |= low;
        peer.dirtyHigh |= high;
      }
    }
    if (this.#flushAtMs === Number.POSITIVE_INFINITY) {
      this.#flushAtMs = Math.max(nowMs, this.#flushedMs + tuning.extremaEveryMs);
    }
  }

  #flush(): void {
    const { nowMs, peers, tuning } = this.#c;
    this.#flushedMs = nowMs;
    this.#flushAtMs = Number.POSITIVE_INFINITY;
    const all: News[] = [];
    let left = false;
    for (const peer of peers.neighbours) {
      const { dirtyLow: low, dirtyHigh: high } = peer;
      if ((low | high) === 0) continue;
      let news = all.find((known) => known.low === low && known.high === high);
      if (news === undefined) {
        news = { low, high, entries: this.#extrema.table(nowMs, (slot) => isIn(low, high, slot)) };
        all.push(news);
      }
      if (!this.#tell(peer, news)) left = true;
    }
    if (left) this.#flushAtMs = nowMs + tuning.extremaEveryMs;
  }

  /** False if the neighbour would have to drop it, or takes nothing now: later. */
  #tell(peer: Peer, news: News): boolean {
    const { nowMs, counters, degree } = this.#c;
    const { entries } = news;
    if (peer.congestedMs !== undefined) return false;
    const [messages, lines] = [peer.sending('extrema', nowMs), peer.sending('entries', nowMs)];
    if (messages.level(nowMs) < 1 || lines.level(nowMs) < entries.length) {
      counters.paced++;
      return false;
    }
    if (entries.length > 0) {
      news.message ??= encodeExtrema(degree, entries);
      if (!this.#c.send(peer, news.message, 'shuffle')) return false;
    }
    messages.take(1, nowMs);
    lines.take(entries.length, nowMs);
    peer.dirtyLow = peer.dirtyHigh = 0;
    return true;
  }
}

function lowBit(slot: number): number {
  return slot < halfBits ? 1 << slot : 0;
}

function highBit(slot: number): number {
  return slot < halfBits ? 0 : 1 << (slot - halfBits);
}

function isIn(low: number, high: number, slot: number): boolean {
  return ((low & lowBit(slot)) | (high & highBit(slot))) !== 0;
}

function clean(peer: Peer, slot: number): void {
  peer.dirtyLow &= ~lowBit(slot);
  peer.dirtyHigh &= ~highBit(slot);
}
