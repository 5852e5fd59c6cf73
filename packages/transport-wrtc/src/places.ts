// Who may make a peer connection when, and how many there are: the limits of one transport, and the two gates of the
// process. It knows peers by id and streams by their release, nothing else.
import { type Clock, type PeerId, PeernetError, type SignalPath, TokenBucket } from '@peernet/core';
import type { ChannelDuplex } from './channel-duplex.js';
import { dialsAtOnce, offersAtOnce, pendingMs } from './defaults.js';
import { Gate } from './gate.js';
import { defaultLimits } from './limits-of-platform.node.js';

export type WrtcLimits = typeof defaultLimits;

/** Of the process, see gate.ts. */
const gates = { dials: new Gate(dialsAtOnce), offers: new Gate(offersAtOnce) };

/** The limits with differences. TypeError for a name that is none, or a value that is no number ≥ 0. */
function withLimits(differences: Readonly<Record<string, number>> | undefined): WrtcLimits {
  for (const [name, value] of Object.entries(differences ?? {})) {
    if (!Object.hasOwn(defaultLimits, name)) {
      throw new TypeError(`limits: there is no '${name}', only ${Object.keys(defaultLimits).join(', ')}`);
    }
    if (typeof value !== 'number' || !(value >= 0)) throw new TypeError(`limits: ${name} is ${value}`);
  }
  return { ...defaultLimits, ...differences };
}

/** The place of a connection in the making. */
interface Place {
  /** The connection is open, and counts until it is released. */
  open(duplex: ChannelDuplex): void;
  /** It is no longer in the making. Idempotent. */
  leave(): void;
}

/** Of one that we offer. */
export interface DialPlace extends Place {
  /** Our offer leaves, with this fingerprint. */
  offered(fingerprint: string): void;
  /** Called if the other side offers at the same time, and its offer wins. */
  onYield(error: PeernetError): void;
}

/** Of one that was offered to us. */
export interface OfferPlace extends Place {
  /** Its handshake is finished. Idempotent. */
  readonly established: () => void;
  /** Resolves when it is its turn. */
  turn(signal: AbortSignal): Promise<void>;
}

interface Dialing {
  fingerprint?: string;
  yield(error: PeernetError): void;
}

export class Places {
  readonly #limits: WrtcLimits;
  readonly #clock: Clock;
  readonly #starts: TokenBucket;
  /** Peers that we offer to, and those that offer to us. */
  readonly #dialing = new Map<PeerId, Dialing>();
  readonly #answering = new Set<PeerId>();
  /** Open connections by peer; no empty entries. */
  readonly #open = new Map<PeerId, number>();
  #openCount = 0;
  #inbound = 0;
  #unproven = 0;

  constructor(limits: Readonly<Record<string, number>> | undefined, clock: Clock) {
    this.#limits = withLimits(limits);
    this.#clock = clock;
    const { offersPerSecond, offersBurst } = this.#limits;
    this.#starts = new TokenBucket({ perSecond: offersPerSecond, burst: offersBurst }, clock.now());
  }

  /** A place for our own dial, when it is its turn. Rejects with LIMIT, PENDING, or the reason of `signal`. */
  async forDial(peer: PeerId, signal: AbortSignal): Promise<DialPlace> {
    if (this.#dialing.has(peer)) throw new PeernetError('PENDING', 'that peer is being dialed already');
    const { openMax, perPeerMax } = this.#limits;
    if (this.#openCount + this.#dialing.size + this.#answering.size >= openMax) {
      throw new PeernetError('LIMIT', `${openMax} WebRTC connections are open or being made`);
    }
    if ((this.#open.get(peer) ?? 0) >= perPeerMax) {
      throw new PeernetError('LIMIT', `${perPeerMax} WebRTC connections with that peer are open`);
    }
    // Ends the wait: the caller gives up, or the peer's own offer is taken.
    const waiting = new AbortController();
    const giveUp = (): void => waiting.abort(signal.reason);
    const place = {
      onYield: (error: PeernetError): void => waiting.abort(error),
      offered: (fingerprint: string): void => {
        dialing.fingerprint = fingerprint;
      },
      open: (duplex: ChannelDuplex): void => this.#add(peer, duplex, () => {}),
      leave: (): void => {
        this.#dialing.delete(peer);
        letNext();
      },
    };
    const dialing: Dialing = { yield: (error) => place.onYield(error) };
    let letNext = (): void => {};
    this.#dialing.set(peer, dialing);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      letNext = await gates.dials.enter(waiting.signal);
      if (waiting.signal.aborted) throw waiting.signal.reason;
    } catch (error) {
      place.leave();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
    return place;
  }

  /** A place for an offer of `path.peer`, or why there is none: the name under which that is counted. */
  forOffer({ peer }: SignalPath): OfferPlace | string {
    const limits = this.#limits;
    if (this.#answering.has(peer)) return 'peerPending';
    if ((this.#open.get(peer) ?? 0) >= limits.perPeerMax) return 'peerFull';
    if (this.#inbound + this.#answering.size >= limits.inboundMax) return 'inboundFull';
    // Of our own dial of that peer and its offer one gives way: they need one place.
    const dialing = this.#dialing.size - (this.#dialing.has(peer) ? 1 : 0);
    if (this.#openCount + dialing + this.#answering.size >= limits.openMax) return 'openFull';
    if (this.#answering.size >= limits.waitingMax + offersAtOnce) return 'waitingFull';
    if (this.#unproven >= limits.unprovenMax) return 'unprovenFull';
    // Last: what is refused for another reason must not eat the rate of everybody else.
    if (!this.#starts.take(1, this.#clock.now())) return 'offerRate';
    return this.#offerPlace(peer);
  }

  #offerPlace(peer: PeerId): OfferPlace {
    this.#answering.add(peer);
    let proven: (() => void) | undefined;
    let left = false;
    let letNext = (): void => {};
    return {
      turn: async (signal) => {
        const next = await gates.offers.enter(signal);
        if (left) next();
        else letNext = next;
      },
      open: (duplex) => {
        this.#inbound++;
        this.#unproven++;
        // Who was not closed for so long has been taken by an owner that does not report handshakes.
        const cancel = this.#clock.alarm(this.#clock.now() + pendingMs, () => proven?.());
        proven = () => {
          proven = undefined;
          cancel();
          this.#unproven--;
        };
        this.#add(peer, duplex, () => {
          proven?.();
          this.#inbound--;
        });
      },
      established: () => proven?.(),
      leave: () => {
        left = true;
        this.#answering.delete(peer);
        letNext();
      },
    };
  }

  /**
   * Both offer at once: whose fingerprint is the smaller one wins, which both sides can see. True if `theirs` may be
   * answered; then our own dial, if there is one, has failed.
   */
  yieldTo(peer: PeerId, theirs: string): boolean {
    const own = this.#dialing.get(peer);
    if (own === undefined) return true;
    if (own.fingerprint !== undefined && own.fingerprint < theirs) return false;
    own.yield(new PeernetError('PENDING', 'the peer dialed us at the same time; its connection is taken'));
    return true;
  }

  #add(peer: PeerId, duplex: ChannelDuplex, released: () => void): void {
    this.#openCount++;
    this.#open.set(peer, (this.#open.get(peer) ?? 0) + 1);
    duplex.onRelease(() => {
      this.#openCount--;
      const left = (this.#open.get(peer) ?? 1) - 1;
      if (left === 0) this.#open.delete(peer);
      else this.#open.set(peer, left);
      released();
    });
  }
}
