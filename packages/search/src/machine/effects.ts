// What the search machine is told and what it asks for. The shell and the tests implement `SearchEffects`; nothing
// else leaves the machine.

import type { CloseReason, LinkKey, PeerId, PeerRecord, Scope, Urgency } from '@peernet/core';
import type { RowKind } from '../wire.js';

/** What is outside, and what a machine must not fetch by itself. */
export interface Surroundings {
  /** N̂ ≥ 1. */
  readonly size: number;
  /** What we say of ourselves, if anything yet. */
  readonly record: PeerRecord | undefined;
}

/** All inputs tell the calendar, ms: for own sequence numbers and against replays. */
export type SearchInput = { readonly wallMs: number } & SearchEvent;

export type SearchEvent =
  | { readonly type: 'up'; readonly link: LinkKey; readonly peer: PeerId; readonly scope: Scope }
  | { readonly type: 'down'; readonly link: LinkKey }
  | { readonly type: 'message'; readonly link: LinkKey; readonly bytes: Uint8Array }
  | ({ readonly type: 'tick' } & Surroundings)
  | ({ readonly type: 'join'; readonly subnet: Uint8Array; readonly meta: Uint8Array } & Surroundings)
  | ({ readonly type: 'part'; readonly subnet: Uint8Array } & Surroundings)
  | ({ readonly type: 'search'; readonly search: SearchRequest } & Surroundings)
  | { readonly type: 'cancel'; readonly search: number }
  | ({ readonly type: 'reply'; readonly key: string; readonly meta: Uint8Array } & Surroundings)
  /** Without a `seq`: all that it has said. Without `forMs`: `TIMES.staleMs`. */
  | {
      readonly type: 'stale';
      readonly id: PeerId;
      readonly seq?: number | undefined;
      readonly forMs?: number | undefined;
    }
  /** It was reached after all. */
  | { readonly type: 'reached'; readonly id: PeerId }
  | ({ readonly type: 'close' } & Surroundings);

export interface SearchRequest {
  /** Chosen by the shell, never used twice. */
  readonly number: number;
  readonly subnet: Uint8Array;
  /** Empty: members are looked for; else a question to handlers. */
  readonly payload: Uint8Array;
  /** End after so many rows; absent: all that come. */
  readonly limit?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** A member, or one that answered. */
export interface FoundRow {
  readonly kind: RowKind;
  readonly id: PeerId;
  /** Of the advert; 0 for an answer. */
  readonly seq: number;
  readonly record: PeerRecord;
  /** Of the record, those that are as wide as the link over which they came. */
  readonly addresses: readonly string[];
  readonly hops: number;
  readonly ageSeconds: number;
  readonly meta: Uint8Array;
}

/** A search of somebody that reached us. */
export interface IncomingQuery {
  /** Names it, for `reply`. */
  readonly key: string;
  /** Views into the message, like the payload. */
  readonly subnet: Uint8Array;
  readonly payload: Uint8Array;
  readonly hops: number;
}

/** What only a hostile or broken node does. */
export type Misbehaviour = 'malformed' | 'signature' | 'unasked';

export interface SearchEffects {
  /** False: not taken. */
  send(link: LinkKey, message: Uint8Array, urgency: Urgency): boolean;
  /** Too much is buffered there already: casts go to the others. */
  congested(link: LinkKey): boolean;
  close(link: LinkKey, reason: CloseReason): void;
  misbehaved(link: LinkKey, peer: PeerId, what: Misbehaviour): void;
  row(search: number, row: FoundRow): void;
  end(search: number): void;
  query(query: IncomingQuery): void;
}

/** One input while it is handled: the time, and whom to tell. */
export interface Turn {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly effects: SearchEffects;
}
