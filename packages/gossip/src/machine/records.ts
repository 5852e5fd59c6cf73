// Records of peers: which ones are believed, which addresses of them are taken and told, and our own. A record counts
// if its owner signed it, it has not expired, and its seq is near the calendar (protocol.md §2); an address of it is
// taken if we could dial it and its teller may know it (scope rule, §3).
import {
  type Address,
  addressOf,
  equalBytes,
  type HeardRecord,
  isHearsayPort,
  LruMap,
  type PeerId,
  type PeerRecord,
  RECORD_LIMITS,
  type Relay,
  type Scope,
  scopeRank,
  signRecord,
  TokenBucket,
  verifyRecord,
} from '@peernet/core';
import { NODE_SIGNATURES } from '../defaults.js';
import type { Context } from './context.js';
import type { Peer } from './peer.js';

export class Records {
  readonly #c: Context;
  /** Last verified record of each owner. */
  readonly #verified: LruMap<PeerId, PeerRecord>;
  readonly #budget: TokenBucket;
  #own: PeerRecord | undefined;
  /** It was signed anew because time has passed, and neighbours have not been told. */
  #isRenewed = false;
  #ownBornMs = 0;
  #ownAddresses: readonly string[] = [];
  #ownRelays: readonly Relay[] = [];
  #stun = false;
  #seq: number;
  #correctionMs = 0;
  #correctedMs = Number.NEGATIVE_INFINITY;

  constructor(context: Context) {
    this.#c = context;
    this.#verified = new LruMap(context.tuning.verifiedMax);
    this.#budget = new TokenBucket(NODE_SIGNATURES, context.nowMs);
    this.#seq = context.o.seq;
  }

  // ---- signatures ----

  /** Whether there is budget to check `count` signatures for this link now. */
  affordable(peer: Peer, count: number): boolean {
    const { nowMs } = this.#c;
    if (count === 0) return true;
    return this.#budget.level(nowMs) >= count && peer.receiving('signatures', nowMs).level(nowMs) >= count;
  }

  /** When there will be budget for `count`. */
  affordableAt(peer: Peer, count: number): number {
    const { nowMs } = this.#c;
    return Math.max(
      this.#budget.readyAt(count, nowMs),
      peer.receiving('signatures', nowMs).readyAt(count, nowMs),
    );
  }

  /** Counts one signature check against the budgets. */
  spend(peer: Peer): void {
    const { nowMs } = this.#c;
    this.#budget.take(1, nowMs);
    peer.receiving('signatures', nowMs).take(1, nowMs);
  }

  /** How many of `records` need a signature check. */
  unchecked(records: readonly HeardRecord[]): number {
    let count = 0;
    for (const { record } of records) if (!this.#isCached(record)) count++;
    return count;
  }

  /** Whether its owner signed it. */
  genuine(record: PeerRecord, from: Peer): boolean {
    if (this.#isCached(record)) return true;
    this.spend(from);
    if (!verifyRecord(this.#c.crypto, record)) return false;
    const known = this.#verified.get(record.id);
    if (known === undefined || known.seq <= record.seq) this.#verified.set(record.id, record);
    return true;
  }

  #isCached(record: PeerRecord): boolean {
    const known = this.#verified.get(record.id);
    if (known === undefined) return false;
    return known === record || (known.seq === record.seq && equalBytes(known.bytes, record.bytes));
  }

  // ---- belief ----

  /** Neither expired nor from another year. */
  timely(heard: HeardRecord): boolean {
    if (heard.ageSeconds >= heard.record.ttlSeconds) return false;
    return Math.abs(heard.record.seq - this.#calendar()) <= this.#c.tuning.skewMs;
  }

  /** By which records are judged, and our own is signed. */
  #calendar(): number {
    return this.#c.o.wall() + this.correction();
  }

  /** What our calendar is wrong by, ms, if enough neighbours agree that it is. Looked at once per interval. */
  correction(): number {
    const { nowMs, tuning } = this.#c;
    if (nowMs >= this.#correctedMs) {
      this.#correctedMs = nowMs + tuning.upkeepMs;
      this.#correctionMs = this.#medianSkew();
    }
    return this.#correctionMs;
  }

  /** Those whom we dialed have to agree, if there are any: many may have come to us who all say the same wrong time. */
  #medianSkew(): number {
    const { skewVoices, skewTolerated, calendarMaxMs } = this.#c.tuning;
    const ownMs = this.#c.o.wall() - this.#c.nowMs;
    const all: number[] = [];
    const dialed: number[] = [];
    for (const { calendarMs, initiator } of this.#c.peers.neighbours) {
      if (calendarMs === undefined || calendarMs + this.#c.nowMs > calendarMaxMs) continue;
      all.push(calendarMs - ownMs);
      if (initiator) dialed.push(calendarMs - ownMs);
    }
    if (all.length < skewVoices) return 0;
    const general = medianOf(all);
    const chosen = medianOf(dialed) ?? general;
    const isWrong = (skew = 0): boolean => Math.abs(skew) > skewTolerated;
    return isWrong(general) && isWrong(chosen) ? (chosen as number) : 0;
  }

  /** The record with those addresses, in normal form, that may be taken from a peer connected over `scope`; undefined if none may. */
  takeable(heard: HeardRecord, scope: Scope): HeardRecord | undefined {
    const { record } = heard;
    const addresses: string[] = [];
    for (const text of record.addresses) {
      const address = addressOf(text);
      if (address !== undefined && this.mayTake(address, scope)) addresses.push(address.text);
    }
    if (addresses.length === 0) return undefined;
    const isSame = addresses.length === record.addresses.length;
    if (isSame && addresses.every((text, at) => text === record.addresses[at])) return heard;
    return { record: { ...record, addresses }, ageSeconds: heard.ageSeconds };
  }

  /** Whether an address that came over a link of `scope` may be dialed and remembered. */
  mayTake(address: Address, scope: Scope): boolean {
    if (address.scope === 'forbidden' || !this.#c.o.schemes.includes(address.scheme)) return false;
    if (address.scheme === 'wrtc') return false; // relays are found in records, never taken as an address
    if (scopeRank(address.scope) < scopeRank(scope)) return false;
    if (address.scope !== 'global' || address.host === '') return true;
    // The certificate binds a wss name; other names could be anybody's (protocol.md §3).
    if (address.ip === undefined && address.scheme !== 'wss') return false;
    return isHearsayPort(address.port, this.#c.tuning.portMin);
  }

  // ---- our own ----

  /** Our record as of now; signed anew when it has to say something else, is half a day old, or the calendar was set. */
  own(): PeerRecord {
    if (
      this.#own !== undefined &&
      (this.#c.nowMs >= this.renewAtMs() || !this.timely(this.#aged(this.#own)))
    ) {
      this.#isRenewed = true;
      this.#own = undefined;
    }
    if (this.#own === undefined) this.#sign();
    return this.#own as PeerRecord;
  }

  /** Whether time has changed it since this was last asked. */
  renewed(): boolean {
    if (this.#own !== undefined) this.own();
    const isRenewed = this.#isRenewed;
    this.#isRenewed = false;
    return isRenewed;
  }

  heardOwn(): HeardRecord {
    return this.#aged(this.own());
  }

  #aged(record: PeerRecord): HeardRecord {
    return { record, ageSeconds: Math.max(0, Math.floor((this.#c.nowMs - this.#ownBornMs) / 1000)) };
  }

  /** When `own` would sign anew. */
  renewAtMs(): number {
    return this.#own === undefined
      ? Number.POSITIVE_INFINITY
      : this.#ownBornMs + this.#c.tuning.recordRenewMs;
  }

  /** What is to be in it. True if that is news. */
  ownAddresses(addresses: readonly string[]): boolean {
    const { length } = addresses;
    if (length === this.#ownAddresses.length && addresses.every((text, i) => text === this.#ownAddresses[i]))
      return false;
    this.#ownAddresses = addresses.slice(0, RECORD_LIMITS.addressesMax);
    this.#own = undefined;
    return true;
  }

  /** Who can introduce others to us. True if that is news. */
  ownRelays(relays: readonly Relay[]): boolean {
    const same = (relay: Relay, i: number): boolean => {
      const { id, address } = this.#ownRelays[i] ?? {};
      return relay.id === id && relay.address === address;
    };
    if (relays.length === this.#ownRelays.length && relays.every(same)) return false;
    this.#ownRelays = relays.slice(0, RECORD_LIMITS.relaysMax);
    this.#own = undefined;
    return true;
  }

  /** Whether we answer STUN where we can be dialed. */
  ownStun(stun: boolean): boolean {
    if (stun === this.#stun) return false;
    this.#stun = stun;
    this.#own = undefined;
    return true;
  }

  /** Somebody has a record of ours that is newer than what we know: an earlier process was ahead. We jump above it, if others would. */
  met(record: PeerRecord): boolean {
    if (record.seq <= this.#seq || this.#isRefused(record.seq)) return false;
    this.#seq = record.seq;
    this.#own = undefined;
    return true;
  }

  /** Days ahead: nobody takes it. */
  #isRefused(seq: number): boolean {
    return seq - this.#calendar() > this.#c.tuning.skewMs;
  }

  /** Its seq never goes back, but from what everybody refuses: that a calendar was days ahead must not outlast it. */
  #sign(): void {
    const { crypto, o, nowMs, fx } = this.#c;
    const least = this.#isRefused(this.#seq) ? 0 : this.#seq + 1;
    this.#seq = Math.min(Math.max(least, Math.floor(this.#calendar())), Number.MAX_SAFE_INTEGER);
    this.#ownBornMs = nowMs;
    this.#own = signRecord(crypto, {
      seq: this.#seq,
      ttlSeconds: RECORD_LIMITS.ttlSecondsMax,
      addresses: this.#ownAddresses,
      relays: this.#ownRelays,
      // In some scope; whoever takes an address looks at its scope anyway.
      dialable: this.#ownAddresses.length > 0,
      webrtc: o.webrtc,
      stun: this.#stun && this.#ownAddresses.length > 0,
    });
    fx?.emit({ type: 'seq', seq: this.#seq });
  }
}

function medianOf(numbers: readonly number[]): number | undefined {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}
