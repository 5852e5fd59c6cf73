// What the parts of the overlay machine share: who we are, the tables, the dice, the time of the input that is being
// handled and the effects that it may have. No rules here.
import type { CloseReason, Crypto, PeerStore, Random, Urgency } from '@peernet/core';
import type { Tuning } from '../defaults.js';
import type { OverlayEffects } from './effects.js';
import type { Peer } from './peer.js';
import { Peers } from './peers.js';

export interface OverlayOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly store: PeerStore;
  /** The calendar, ms, as this computer believes; for HELLO, for own sequence numbers, and to judge those of others (protocol.md §2). */
  readonly wall: () => number;
  readonly nowMs: number;
  /** Highest seq that we may have used before. */
  readonly seq: number;
  readonly connections: number;
  /** Between two shuffles, ms; 0: none. */
  readonly intervalMs: number;
  /** Links can be made at all, not only taken. */
  readonly canDial: boolean;
  /** Dial from book, walk and rotation. */
  readonly bootstrap: boolean;
  readonly relay: boolean;
  readonly lan: boolean;
  /** There is a transport for `wrtc:`. */
  readonly webrtc: boolean;
  /** Schemes that can be dialed; may grow. */
  readonly schemes: readonly string[];
  readonly seeds: readonly string[];
  readonly anchors: readonly string[];
  readonly announce: readonly string[];
  readonly tuning: Tuning;
  /** Whether somebody listens to `known`. */
  readonly wantsKnown: () => boolean;
}

/** Sums since the start; `snapshot()` shows them. */
const zeros = () => ({
  /** Messages and entries dropped because a neighbour sent more than it may. Honest neighbours: 0. */
  limiterDrops: 0,
  bans: 0,
  /** Messages that no decoder took. */
  malformed: 0,
  badSignatures: 0,
  /** Messages that came when they could not mean anything. */
  unexpected: 0,
  /** Records beyond what one link may put into the book. */
  recordsIgnored: 0,
  /** Messages that waited for signature budget. */
  postponed: 0,
  /** Messages that we did not send because a neighbour would have had to drop them. */
  paced: 0,
  /** Sends that a link did not take. */
  congested: 0,
  dials: 0,
  dialsOk: 0,
  /** FULL heard, FULL told. */
  refused: 0,
  refusedOthers: 0,
  guests: 0,
  /** Neighbours that we evicted; times that we were. */
  evictions: 0,
  evicted: 0,
  rotations: 0,
  /** Links made for the book's min-wise slots. */
  protections: 0,
  duplicates: 0,
  walks: 0,
  walkHops: 0,
  walksLinked: 0,
  walksFull: 0,
  walksLost: 0,
  shuffles: 0,
  probes: 0,
  /** Introductions through us; those of them that were cut because they took too much. */
  introductions: 0,
  introductionsCut: 0,
  /** Offers that came to us. */
  offers: 0,
  /** Signals to us that were forged, repeated, out of order, or not what they should be. */
  signalsRefused: 0,
});
export type Counters = ReturnType<typeof zeros>;

export class Context {
  readonly o: OverlayOptions;
  readonly tuning: Tuning;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly store: PeerStore;
  readonly peers = new Peers();
  readonly counters: Counters = zeros();
  /** Time of the input that is being handled. */
  nowMs: number;
  /** What it may do; set for the time of one `handle`. */
  fx!: OverlayEffects;
  /** A proven or announced address is ours. */
  dialable = false;
  closed = false;
  /** It has had a neighbour. */
  wasLinked = false;
  /** Somebody takes offers. */
  serving = false;
  /** Walks find nobody who could be introduced to us. */
  unintroduced = false;

  constructor(options: OverlayOptions) {
    this.o = options;
    this.tuning = options.tuning;
    this.crypto = options.crypto;
    this.random = options.random;
    this.store = options.store;
    this.nowMs = options.nowMs;
  }

  /** Overlay links that we have. */
  get degree(): number {
    return this.peers.neighbours.length;
  }

  /** All neighbours are gone; who has had none yet is not bereft but new, and has seeds. */
  get isBereft(): boolean {
    return this.degree === 0 && this.wasLinked;
  }

  /** We speak WebRTC and cannot be dialed: some of our links are with others of the kind, made by introductions. */
  get isShy(): boolean {
    return this.o.webrtc && !this.dialable;
  }

  /** Neighbours that cannot be dialed. */
  get shyNeighbours(): number {
    let count = 0;
    for (const { record } of this.peers.neighbours) if (record?.dialable !== true) count++;
    return count;
  }

  /** Of those we want so many. */
  get introducedTarget(): number {
    if (!this.isShy) return 0;
    const { relaysMin, introducedShare } = this.tuning;
    return Math.ceil(Math.max(0, this.o.connections - relaysMin) * introducedShare);
  }

  /** Links that we want to make by dialing an address: all, where nobody is left who could introduce. */
  get dialedTarget(): number {
    const wanted = this.introducedTarget;
    if (wanted === 0 || this.isBereft) return this.o.connections;
    return this.o.connections - (this.unintroduced ? Math.min(wanted, this.shyNeighbours) : wanted);
  }

  /** Overlay links that we may have: more than we want ourselves, so that others have a chance. */
  get linksMax(): number {
    const { linksMax, linksSpare, linksRelayMax, linksDialableMax } = this.tuning;
    const forOthers = this.o.relay ? linksRelayMax : linksDialableMax;
    return Math.max(this.dialable ? forOthers : linksMax, this.o.connections + linksSpare);
  }

  /** Sends; remembers since when a link takes nothing. False: not taken. */
  send(peer: Peer, message: Uint8Array, urgency: Urgency): boolean {
    const taken = this.fx.send(peer.key, message, urgency);
    if (!taken) {
      this.counters.congested++;
      peer.congestedMs ??= this.nowMs;
    }
    return taken;
  }

  debug(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.fx.emit({ type: 'debug', event, fields });
  }
}

/** What the parts ask of the one that ends links. */
export interface Ending {
  /** Ends a link of ours, telling the reason. */
  end(peer: Peer, reason: CloseReason): void;
  /** Ends all links of its id, and lets nobody of that id in for a while. */
  ban(peer: Peer, why: string): void;
}
