// A link: one message channel to one authenticated peer. What overlays and searches speak over; they never see a
// socket, a stream or a key. @peernet/connection makes them; anybody who already has authenticated channels may.
import type { CloseReason } from './close-reason.js';
import type { Scope } from './ip.js';
import type { PeerId } from './peer-id.js';

/** Outgoing classes, most urgent first; each has a bounded queue of its own. */
export const urgencies = ['control', 'signal', 'rows', 'search', 'advert', 'shuffle'] as const;
export type Urgency = (typeof urgencies)[number];

/** Largest message that a link takes, bytes (protocol.md §1). */
export const messageBytesMax = 16_000;

export interface LinkEvents {
  /** One whole message, in order. The array may be kept, but may pin a larger buffer: copy what is small and kept long. */
  onMessage(message: Uint8Array): void;
  /** After a `send` that returned false: worth trying again. */
  onDrain(): void;
  /** Exactly once, last. Also after our own `close`. */
  onClose(reason: CloseReason): void;
}

export interface Link {
  /** Proven by the handshake. */
  readonly peer: PeerId;
  /** True if we dialed. */
  readonly initiator: boolean;
  /** Names the process at the other end (hex of its static key): another one under the same id is a restarted peer. */
  readonly session?: string | undefined;
  /** The address that we dialed; for an inbound link `tcp://ip:port` or the like as the transport saw it (not dialable), if it knows. */
  readonly remoteAddress?: string | undefined;
  /** Over what kind of network the peer is connected: decides which addresses may be taken from and told to it. */
  readonly scope: Scope;
  /** Starts delivery; nothing is delivered, and nothing lost, before. Called once. */
  open(events: LinkEvents): void;
  /** Copies `message` at the call. False: not taken (congested until onDrain, or closed). */
  send(message: Uint8Array, urgency: Urgency): boolean;
  /** Bytes accepted but not yet handed to the transport: casts skip a neighbour above 256 KiB. */
  readonly buffered: number;
  /** Idempotent. The reason is told to the other side. */
  close(reason: CloseReason): void;
}

export interface DialOptions {
  /** Refuse anybody else (WRONG_PEER). */
  expect?: PeerId | undefined;
  signal: AbortSignal;
}

/** What an overlay needs to reach out: an address in, an authenticated link out. Rejects with a PeernetError. */
export type Dial = (address: string, options: DialOptions) => Promise<Link>;
