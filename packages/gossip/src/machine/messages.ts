// What travels on channel peernet/gossip/1, as the machine sees it. The bytes are in wire.ts.
import type { HeardRecord, PeerId, Scope, Signal } from '@peernet/core';

/** What a connection is for, by its number on the wire. */
export const purposes = ['overlay', 'app', 'probe'] as const;
export type Purpose = (typeof purposes)[number];
export const walkKinds = ['join', 'introduce'] as const;
export type WalkKind = (typeof walkKinds)[number];
/** Why a path leads nowhere: nobody there knows the target; a limit; the next hop is gone; the target does not want it. */
export const unreachableCodes = ['NOT_FOUND', 'LIMIT', 'LOST', 'REFUSED'] as const;
export type UnreachableCode = (typeof unreachableCodes)[number];

/** One slot of the size estimate as it travels; the meaning is in machine/extrema.ts. */
export interface WireEntry {
  readonly slot: number;
  readonly id: PeerId;
  readonly ageSeconds: number;
  readonly signature: Uint8Array;
}

export interface Hello {
  readonly kind: 'hello';
  readonly purpose: Purpose;
  readonly degree: number;
  /** Calendar of the sender, ms. */
  readonly wallMs: number;
  /** The address that the sender dialed; '' from the one who was dialed. */
  readonly dialed: string;
  /** Where the sender sees the receiver: `tcp://ip:port`; '' if it does not know. */
  readonly observed: string;
  /** WIRE.digestBytes of the size estimate's table. */
  readonly digest: Uint8Array;
  readonly self: HeardRecord;
}
export interface RecordMessage {
  readonly kind: 'record';
  readonly self: HeardRecord;
}
export interface Shuffle {
  readonly kind: 'shuffle';
  /** True: in reply to one. */
  readonly answer: boolean;
  readonly degree: number;
  readonly records: readonly HeardRecord[];
}
export interface ExtremaMessage {
  readonly kind: 'extrema';
  readonly degree: number;
  readonly entries: readonly WireEntry[];
}
export interface Walk {
  readonly kind: 'walk';
  /** 16 hex digits. */
  readonly id: string;
  /** Hops left, the last 4 of them to find an end. */
  readonly ttl: number;
  readonly purpose: WalkKind;
  /** Of the sender of this hop. */
  readonly degree: number;
  /** The origin has fewer than 3 links. */
  readonly desperate: boolean;
  readonly origin: HeardRecord;
}
/** LINK: "be my neighbour"; FULL: "no room, but these may have". */
export interface Answer {
  readonly kind: 'link' | 'full';
  /** The walk that is answered, or '' for the link that this is sent over. */
  readonly walk: string;
  readonly degree: number;
  /** LINK to a walk: first the record of who answers. */
  readonly records: readonly HeardRecord[];
}
export interface Replaced {
  readonly kind: 'replaced';
  /** Who got the place: make a link with it, and the edge was split, not lost. */
  readonly joiner: HeardRecord | undefined;
  readonly records: readonly HeardRecord[];
}
/** A message of a later version. */
export interface Unknown {
  readonly kind: 'unknown';
}
/** A piece of an introduction on its way (machine/introductions.ts). */
export interface SignalMessage {
  readonly kind: 'signal';
  /** 16 hex digits. */
  readonly path: string;
  /** The widest network that it has crossed so far. */
  readonly scope: Scope;
  /** Whom it is for; the first message of a path says so. */
  readonly target: PeerId | undefined;
  /** Only the target can open it (machine/sealed-signal.ts). */
  readonly sealed: Uint8Array;
}
/** What is in the seal of a signal. */
export interface Said {
  readonly from: PeerId;
  /** Of the sender's signals on this path, from 0. */
  readonly counter: number;
  readonly signal: Signal;
}
/** A path leads nowhere, or no further. */
export interface Unreachable {
  readonly kind: 'unreachable';
  readonly path: string;
  readonly code: UnreachableCode;
}
export type Message =
  | Hello
  | RecordMessage
  | Shuffle
  | ExtremaMessage
  | Walk
  | Answer
  | Replaced
  | SignalMessage
  | Unreachable
  | Unknown;
