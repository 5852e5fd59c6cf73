// Dials: which are allowed, which are under way, and who rests. Strangers decide what is in the book, so everything
// that is dialed for their sake is limited by host, net and group (protocol.md §3); what the local user asked for is not.
import {
  type Address,
  type BookEntry,
  type ErrorCode,
  keysOf,
  LruMap,
  type PeerId,
  TokenBucket,
  userAddressOf,
} from '@peernet/core';
import { DIALS_GLOBAL, DIALS_NARROW, DIALS_NET } from '../defaults.js';
import type { Context } from './context.js';
import type { Intent } from './peer.js';

export interface Dial {
  readonly number: number;
  readonly address: Address;
  readonly expect: PeerId | undefined;
  readonly intent: Intent;
  readonly group: string;
  readonly atMs: number;
  /** The user's `connect` calls that wait for it. */
  requests: number[];
}

export interface DialRequest {
  readonly intent: Intent;
  readonly expect?: PeerId | undefined;
  /** The local user wants it: no limits by host, net or group, no rest. */
  readonly trusted?: boolean | undefined;
}

export class Dialer {
  readonly #c: Context;
  readonly #dials = new Map<number, Dial>();
  #next = 1;
  readonly #global: TokenBucket;
  readonly #narrow: TokenBucket;
  /** Last dial of each global host. */
  readonly #hosts: LruMap<string, number>;
  readonly #nets: LruMap<string, TokenBucket>;
  /** Addresses that refused us or are ours: until when. */
  readonly #rests: LruMap<string, number>;
  /** Whom our user, or theirs, wants no link with: until when. Apart, so that what they say undoes or displaces nothing of ours. */
  readonly #held: { readonly us: LruMap<string, number>; readonly them: LruMap<string, number> };
  /** Address groups met so far, up to as many as matter. */
  readonly #groups = new Set<string>();

  constructor(context: Context) {
    const { tuning, nowMs } = context;
    this.#c = context;
    this.#global = new TokenBucket(DIALS_GLOBAL, nowMs);
    this.#narrow = new TokenBucket(DIALS_NARROW, nowMs);
    this.#hosts = new LruMap(tuning.dialKeysMax);
    this.#nets = new LruMap(tuning.dialKeysMax);
    this.#rests = new LruMap(tuning.restsMax);
    this.#held = { us: new LruMap(tuning.restsMax), them: new LruMap(tuning.restsMax) };
  }

  // ---- who may be dialed ----

  /** Whether an entry of the book may be dialed now. */
  mayDial(entry: BookEntry, intent: Intent): boolean {
    const { peers, crypto } = this.#c;
    if (entry.id === crypto.id || this.isOut(entry.address)) return false;
    if (entry.id !== undefined && (peers.byId(entry.id) !== undefined || this.isHeld(entry.id))) return false;
    if (this.isBusy(entry.address, entry.id)) return false;
    const address = userAddressOf(entry.address);
    if (address === undefined || (address.scheme === 'wrtc' && !entry.saved)) return false;
    const trusted = entry.saved || (this.#c.degree === 0 && entry.lastSeen !== undefined);
    return this.#mayReach(address, trusted, intent);
  }

  /** Connected or being dialed already. */
  isBusy(address: string, id: PeerId | undefined): boolean {
    for (const dial of this.#dials.values()) {
      if (dial.address.text === address || (id !== undefined && dial.expect === id)) return true;
    }
    for (const peer of this.#c.peers.all()) if (peer.dialed === address && peer.kind !== 'probe') return true;
    return false;
  }

  #mayReach(address: Address, trusted: boolean, intent: Intent): boolean {
    const { nowMs, tuning } = this.#c;
    if (address.scope === 'forbidden') return false;
    const { host, net, group } = keysOf(address);
    if (leadsToNeighbours(intent) && this.#groupIsFull(group)) return false;
    if (trusted || address.scope !== 'global') return true;
    if (nowMs - (this.#hosts.get(host) ?? Number.NEGATIVE_INFINITY) < tuning.dialHostEveryMs) return false;
    return (this.#nets.get(net)?.level(nowMs) ?? 1) >= 1;
  }

  #groupIsFull(group: string): boolean {
    const { peers, tuning } = this.#c;
    if (this.#groups.size < tuning.groupsKnownMin) return false;
    let count = peers.outboundIn(group);
    for (const dial of this.#dials.values()) if (dial.group === group && isForOverlay(dial)) count++;
    return count >= tuning.perGroupMax;
  }

  /** An address group exists: caps by group need some to choose from. */
  met(group: string): void {
    if (this.#groups.size < this.#c.tuning.groupsKnownMin) this.#groups.add(group);
  }

  // ---- dials under way ----

  /** Dials that may become neighbours. */
  get pending(): number {
    let count = 0;
    for (const dial of this.#dials.values()) if (isForOverlay(dial)) count++;
    return count;
  }

  /** Probes of neighbours under way. */
  get probing(): number {
    return this.count('probe');
  }

  /** Dials of one intent under way. */
  count(intent: Intent): number {
    let count = 0;
    for (const dial of this.#dials.values()) if (dial.intent === intent) count++;
    return count;
  }

  /** Links that we lack of our own making; those not yet answered count, and dials that are not so old that they look dead. */
  get missing(): number {
    const { dialedTarget, peers, degree, linksMax, nowMs, tuning } = this.#c;
    let coming = 0;
    for (const dial of this.#dials.values()) {
      const counts = isForOverlay(dial) && dial.intent !== 'introduce';
      if (counts && nowMs - dial.atMs < tuning.dialHopefulMs) coming++;
    }
    for (const peer of peers.all()) {
      if (peer.asking && peer.kind !== 'overlay' && !peer.introduced) coming++;
    }
    return Math.min(dialedTarget - peers.outbound - coming, linksMax - degree - coming);
  }

  get size(): number {
    return this.#dials.size;
  }

  /** Begins a dial, or returns undefined if a limit is in the way. */
  start(address: Address, request: DialRequest): Dial | undefined {
    const { nowMs, fx, counters } = this.#c;
    const { intent, expect, trusted = false } = request;
    const keys = keysOf(address);
    if (intent !== 'user') {
      if (this.#isFull(intent) || !this.#mayReach(address, trusted, intent)) return undefined;
      if (intent !== 'own' && !this.#spend(address, keys, intent, trusted)) return undefined;
    }
    const dial: Dial = {
      number: this.#next++,
      address,
      expect,
      intent,
      group: keys.group,
      atMs: nowMs,
      requests: [],
    };
    this.#dials.set(dial.number, dial);
    if (address.scope === 'global') this.#hosts.set(keys.host, nowMs);
    counters.dials++;
    fx.dial(dial.number, address.text, expect);
    return dial;
  }

  #isFull(intent: Intent): boolean {
    const { tuning } = this.#c;
    if (intent === 'probe') return this.probing >= tuning.probesMax;
    if (intent === 'relay') return this.count('relay') >= tuning.relayDialsMax;
    if (intent === 'own') return false; // own-addresses.ts has a limit for these
    return this.pending >= (this.#c.isBereft ? tuning.dialsBereftMax : tuning.dialsMax);
  }

  #spend(address: Address, keys: { net: string }, intent: Intent, trusted: boolean): boolean {
    const { nowMs } = this.#c;
    if (intent !== 'probe') {
      // Probes have a bucket of their own (prober.ts), but hosts and nets are protected from them, too.
      const bucket = address.scope === 'global' ? this.#global : this.#narrow;
      if (!bucket.take(1, nowMs)) return false;
    }
    if (trusted || address.scope !== 'global') return true;
    let net = this.#nets.touch(keys.net);
    if (net === undefined) {
      net = new TokenBucket(DIALS_NET, nowMs);
      this.#nets.set(keys.net, net);
    }
    return net.take(1, nowMs);
  }

  /** A dial has ended: it is returned, and not under way any more. */
  finish(number: number): Dial | undefined {
    const dial = this.#dials.get(number);
    this.#dials.delete(number);
    return dial;
  }

  /** What failed is remembered, here and in the book. */
  failed(dial: Dial, code: ErrorCode): void {
    const { store, peers, tuning } = this.#c;
    const { text } = dial.address;
    const isStored = dial.address.scheme !== 'wrtc' || dial.intent === 'user';
    const isOurs = code === 'ABORTED' || code === 'PENDING' || dial.intent === 'own'; // it says nothing of the peer
    // Somebody is there, but not who claims to be: that is held against the claim, not against whom we know there.
    const isLie = code === 'WRONG_PEER' && store.get(text)?.id !== dial.expect;
    if (!isOurs && isStored) store.outcome(text, { ok: false, counts: peers.size > 0 && !isLie });
    if (code === 'SELF') this.rest(text, Number.POSITIVE_INFINITY);
    else if (dial.intent === 'introduce') this.rest(text, tuning.refusedRestMs);
    else if (this.#c.degree === 0) this.rest(text, this.#aloneMs());
  }

  /** The dial for an address that is under way; with `id` one that takes nobody else. */
  find(address: string, id?: PeerId): Dial | undefined {
    return this.#leadingTo(address, ({ expect }) => id === undefined || expect === id);
  }

  /** One that takes anybody. */
  findOpen(address: string): Dial | undefined {
    return this.#leadingTo(address, ({ expect }) => expect === undefined);
  }

  /** Of those that make a link to stay. */
  #leadingTo(address: string, isFit: (dial: Dial) => boolean): Dial | undefined {
    for (const dial of this.#dials.values()) {
      const isLook = dial.intent === 'own' || dial.intent === 'probe';
      if (!isLook && dial.address.text === address && isFit(dial)) return dial;
    }
    return undefined;
  }

  cancel(dial: Dial): void {
    this.#dials.delete(dial.number);
    this.#c.fx.cancelDial(dial.number);
  }

  all(): IterableIterator<Dial> {
    return this.#dials.values();
  }

  // ---- rests ----

  /** Not this address for `ms`. */
  rest(address: string, ms: number): void {
    this.#rests.set(address, this.#c.nowMs + ms);
  }

  /** It did not want us: others first, for a while. */
  avoid(address: string | undefined): void {
    if (address === undefined) return;
    const aloneMs = this.#aloneMs();
    this.rest(address, this.#c.degree === 0 ? aloneMs : this.#c.tuning.refusedRestMs);
  }

  /** How long an address rests for who has no neighbour: drawn anew each time. */
  #aloneMs(): number {
    const { tuning, random } = this.#c;
    return tuning.retryAloneMs * (0.5 + random.uint32() / 4_294_967_296);
  }

  /** Not to be dialed by ourselves now: resting, our own, or held off. */
  isOut(address: string): boolean {
    return (this.#rests.get(address) ?? 0) > this.#c.nowMs || this.isHeld(address);
  }

  /** Nobody need rest any more: the network is back, or the user has news. Own addresses stay out. */
  forgive(): void {
    for (const [address, untilMs] of [...this.#rests.entries()]) {
      if (untilMs < Number.POSITIVE_INFINITY) this.#rests.delete(address);
    }
  }

  /** Somebody wants no link with an id or address for a while: our user, or theirs, who may think better of it. */
  hold(target: string, by: 'us' | 'them' = 'us'): void {
    this.#held[by].set(target, this.#c.nowMs + this.#c.tuning.holdOffMs);
  }

  release(target: string): void {
    this.#held.us.delete(target);
    this.#held.them.delete(target);
  }

  isHeld(target: string): boolean {
    return (this.#held.them.get(target) ?? 0) > this.#c.nowMs || this.isBarred(target);
  }

  /** Whether our user does not want to see them, whatever they themselves have said. */
  isBarred(target: string): boolean {
    return (this.#held.us.get(target) ?? 0) > this.#c.nowMs;
  }

  /** Whether a dial has met whom our user does not want to see: an address need not say whose it is. It is held off as long as he is. */
  isUnwanted({ address, intent }: Dial, id: PeerId): boolean {
    if (intent === 'own' || intent === 'probe' || !this.isBarred(id)) return false;
    this.#held.us.set(address.text, this.#held.us.get(id) ?? 0);
    return true;
  }
}

/** Whether it takes one of the places in a group, and of the dials at a time: an own address may have any neighbours. */
function leadsToNeighbours(intent: Intent): boolean {
  return intent !== 'own' && intent !== 'probe' && intent !== 'relay';
}

function isForOverlay(dial: Dial): boolean {
  return leadsToNeighbours(dial.intent);
}
