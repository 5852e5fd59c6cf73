// What we say of ourselves: drives own-address discovery with what neighbours see and dial, probes its candidates, and
// tells all neighbours when our record has changed.
import { type ErrorCode, parseAddress, parseIp, RECORD_LIMITS, type Relay, scopeRank } from '@peernet/core';
import { encodeRecord, type Hello } from '../wire.js';
import type { Context } from './context.js';
import type { Dialer } from './dialer.js';
import type { Service } from './effects.js';
import { ForeignLooks } from './foreign-looks.js';
import { OwnAddresses } from './own-addresses.js';
import { byAge, type Peer } from './peer.js';
import type { Records } from './records.js';

export class Announcer {
  readonly #c: Context;
  readonly #records: Records;
  readonly #dialer: Dialer;
  readonly #own: OwnAddresses;
  #listens = false;
  /** When neighbours are to be told of our record. */
  #tellAtMs = Number.POSITIVE_INFINITY;
  #toldMs = Number.NEGATIVE_INFINITY;
  #widestRank = 0;
  /** Neighbours that our record names as relays. */
  #named: readonly Peer[] = [];
  /** When that is to be looked at again. */
  #nameAtMs = Number.POSITIVE_INFINITY;
  #discoverAtMs: number;

  constructor(context: Context, parts: { records: Records; dialer: Dialer }) {
    const { random, o, nowMs, tuning } = context;
    this.#c = context;
    this.#records = parts.records;
    this.#dialer = parts.dialer;
    const foreign = new ForeignLooks({ random, everyMs: tuning.foreignProbeEveryMs, nowMs });
    this.#own = new OwnAddresses({ random, lan: o.lan, announce: o.announce, nowMs, foreign });
    this.#discoverAtMs = o.canDial ? this.#own.deadline() : Number.POSITIVE_INFINITY;
    this.#records.ownAddresses(this.#own.record());
    this.#judge();
  }

  own(): { address: string; verified: boolean }[] {
    return this.#own.own();
  }

  // ---- what we learn ----

  listening(services: readonly Service[], interfaces: readonly string[]): void {
    const dialed = services.filter(({ scheme }) => scheme !== 'wrtc'); // that is no address of its own
    this.#listens = dialed.length > 0;
    this.#own.listening(dialed, interfaces, this.#c.nowMs);
    if (this.#records.ownStun(services.some(({ stun }) => stun === true))) this.tell();
    this.#learned();
  }

  /** A peer says which address it dialed, or as whom it sees us. */
  greeted(peer: Peer, hello: Hello): void {
    const { nowMs } = this.#c;
    if (!peer.initiator && hello.dialed !== '' && !hello.dialed.startsWith('wrtc:')) {
      this.#own.heardDialed(hello.dialed, peer.scope, peer.group, nowMs);
      const port = parseAddress(hello.dialed)?.port ?? 0;
      if (port > 0) this.#own.inboundUsed(port, peer.group, nowMs);
    }
    // Who has dialed us knows where we listen, not where we come from.
    const seen = peer.initiator && hello.observed !== '' ? parseAddress(hello.observed)?.ip : undefined;
    if (seen !== undefined && parseIp(seen.text) !== undefined) {
      this.#own.heardObserved(seen.text, peer.scope, peer.group, nowMs);
    }
    this.#learned();
  }

  /** How a probe of ours ended: with our own key or not. */
  probed(address: string, code: ErrorCode | undefined): void {
    this.#own.probed(address, code === 'SELF', this.#c.nowMs);
    this.#learned();
  }

  #learned(): void {
    this.#discoverAtMs = this.#c.o.canDial ? this.#own.deadline() : Number.POSITIVE_INFINITY;
    if (!this.#own.changed()) return;
    this.#c.fx.emit({ type: 'own', addresses: this.#own.own().map(({ address }) => address) });
    if (this.#records.ownAddresses(this.#own.record())) this.tell();
    this.#judge();
  }

  /** The neighbourhood has changed: an address that is good for a LAN is none for the world. */
  neighbourhood(): void {
    let widest = 0;
    for (const { scope } of this.#c.peers.neighbours) widest = Math.max(widest, scopeRank(scope));
    if (widest !== this.#widestRank) {
      this.#widestRank = widest;
      this.#judge();
    }
    this.#relays();
  }

  /** Looks who may be named as a relay. A new record costs: with two good ones named, the third can wait. */
  #relays(): void {
    const { o, dialable, nowMs } = this.#c;
    if (!o.webrtc || (dialable && this.#named.length === 0)) return;
    const fit = this.#fit();
    const good = this.#named.filter((peer) => fit.includes(peer)).length;
    if (good === this.#named.length && good === Math.min(fit.length, RECORD_LIMITS.relaysMax)) return;
    this.#nameAtMs = Math.min(this.#nameAtMs, nowMs + this.#patienceMs(good));
  }

  /** How long relays that should be named may wait, with `good` ones named. */
  #patienceMs(good: number): number {
    const { relaysMin, relaysSettleMs, relaysGatherMs, relaysProveMs } = this.#c.tuning;
    if (good >= relaysMin) return relaysSettleMs;
    if (good > 0) return relaysGatherMs;
    // A record that names relays, told first, would hold up the one with the addresses that are being proven.
    return this.#listens && this.#named.length === 0 ? relaysProveMs : 0;
  }

  #fit(): Peer[] {
    const { peers, dialable } = this.#c;
    return dialable ? [] : peers.neighbours.filter((peer) => isRelay(peer));
  }

  /** Who cannot be dialed names up to three neighbours that can introduce it: as long as they last, then the oldest others. */
  #nameRelays(): void {
    this.#nameAtMs = Number.POSITIVE_INFINITY;
    const fit = this.#fit().sort(byAge);
    const kept = this.#named.filter((peer) => fit.includes(peer));
    const others = fit.filter((peer) => !kept.includes(peer));
    this.#named = [...kept, ...others].slice(0, RECORD_LIMITS.relaysMax);
    const relays = this.#named.map((peer): Relay => ({ id: peer.id, address: peer.dialed as string }));
    if (this.#records.ownRelays(relays)) this.tell();
  }

  #judge(): void {
    this.#c.dialable = this.#own.record().some((text) => {
      const scope = parseAddress(text)?.scope ?? 'forbidden';
      return scope !== 'forbidden' && scopeRank(scope) >= this.#widestRank;
    });
    this.#relays();
  }

  // ---- what we tell ----

  /** Our record says something else now: all neighbours will be told, but not too often. */
  tell(): void {
    const { nowMs, tuning } = this.#c;
    this.#tellAtMs = Math.max(nowMs, this.#toldMs + tuning.recordEveryMs);
  }

  deadline(): number {
    return Math.min(this.#tellAtMs, this.#discoverAtMs, this.#nameAtMs, this.#records.renewAtMs());
  }

  tick(): void {
    const { nowMs } = this.#c;
    if (this.#records.renewed()) this.tell();
    if (nowMs >= this.#discoverAtMs) this.#discover();
    if (nowMs >= this.#nameAtMs) this.#nameRelays();
    if (nowMs >= this.#tellAtMs) this.#tellAll();
  }

  #discover(): void {
    const { nowMs } = this.#c;
    this.#own.tick(nowMs);
    for (const text of this.#own.probes(nowMs)) {
      const address = parseAddress(text);
      const dial = address && this.#dialer.start(address, { intent: 'own', trusted: true });
      if (dial === undefined) this.#own.probed(text, false, nowMs);
    }
    this.#learned();
  }

  #tellAll(): void {
    const { nowMs, peers } = this.#c;
    this.#tellAtMs = Number.POSITIVE_INFINITY;
    this.#toldMs = nowMs;
    const self = this.#records.heardOwn();
    const message = encodeRecord(self);
    for (const peer of peers.neighbours) {
      if (peer.toldSeq === self.record.seq) continue;
      if (!peer.sending('record', nowMs).take(1, nowMs) || !this.#c.send(peer, message, 'control'))
        this.tell();
      else peer.toldSeq = self.record.seq;
    }
  }
}

/** A neighbour that can be dialed, as we know from having done so. */
function isRelay(peer: Peer): boolean {
  return peer.dialed !== undefined && peer.record?.dialable === true && !peer.introduced;
}
