// The contract between those who find a way to a peer that cannot be dialed (the overlay) and those who use it to open
// a direct connection (WebRTC; in the simulator, its network). A path carries a handful of short signals, sealed and
// signed by whoever provides it: who gets one may believe `peer`, and nobody on the way has read or changed anything.
// What a signal says is the business of the two transports at its ends.
import type { ErrorCode } from './error.js';
import type { Scope } from './ip.js';
import type { PeerId } from './peer-id.js';

/** Bytes of one description or candidate, UTF-8 (protocol.md §7). */
export const signalBytesMax = 8 * 1024;
/** Signals that one side may send over a path: an offer or answer, and late candidates (protocol.md §7: 24 both ways). */
export const signalsMax = 12;

export type Signal =
  | { readonly kind: 'offer' | 'answer'; readonly sdp: string }
  /** One ICE candidate, as in `RTCIceCandidate.candidate`, of the first media line. */
  | { readonly kind: 'candidate'; readonly candidate: string };

/** What the user of a path hears. Nothing is called before the call that gave the path has returned. */
export interface SignalEvents {
  onSignal(signal: Signal): void;
  /** Exactly once, last; also after our own `close`. NOT_FOUND: nobody on the way knows the peer. */
  onClose(code: ErrorCode): void;
}

export interface SignalPath {
  /** Who is at the other end: what it says is signed by this id. */
  readonly peer: PeerId;
  /**
   * The widest network that the path is known to cross: candidates narrower than this are of no use to the other side
   * and must neither be told nor tried (protocol.md §7). Grows until the first signal of the other side has come.
   */
  readonly scope: Scope;
  /** Queues until there is a way. False: more than a path may carry, or closed. */
  send(signal: Signal): boolean;
  /** Idempotent. Frees what the path holds here and, in time, on the way. */
  close(): void;
}

export interface Introduction {
  /** Addresses of relays at which the peer says it can be found; connected to if none of them is a neighbour. */
  readonly via: readonly string[];
}

/** Who introduces: gossip in a node, a pair of objects in tests. Synchronous. */
export interface Signaller {
  /** A path to `to`, at once; whether it leads there shows later. */
  introduce(to: PeerId, how: Introduction, events: SignalEvents): SignalPath;
  /**
   * Whoever takes offers: called with each path on which an offer has come, before the offer is delivered. Undefined
   * refuses it. One at a time; returns a function that stops it.
   */
  serve(onPath: (path: SignalPath) => SignalEvents | undefined): () => void;
}
