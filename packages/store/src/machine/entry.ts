// What the book keeps of one address and of one peer. Lean, because a simulator keeps ten thousand books: numbers are
// whole milliseconds of the monotonic axis (small integers in V8), -1 or -Infinity means never, and what only a dialed
// address has stands in an object of its own. No rule lives here.
import type { PeerId, PeerRecord, Scope } from '@peernet/core';

/** Who told us of an address. */
export type Source = PeerId | 'self' | 'dial';

/** A peer and the newest record that it signed. */
export class Owner {
  readonly id: PeerId;
  record: PeerRecord | undefined = undefined;
  /** Age of the record, seconds, when it came … */
  ageSeconds = 0;
  /** … at this time. */
  heardAtMs = 0;
  /** Head of the list of its addresses (`Entry.nextOfOwner`). */
  first: Entry | undefined = undefined;

  constructor(id: PeerId) {
    this.id = id;
  }
}

/** What happened when we dialed an address. */
export class History {
  ok = 0;
  fail = 0;
  /** Addresses received from and sent to the peer there. */
  rx = 0;
  tx = 0;
  /** Failures in a row that count. */
  failures = 0;
  /** The last handshake. */
  seenAtMs = Number.NEGATIVE_INFINITY;
  /** The last failure. */
  failedAtMs = Number.NEGATIVE_INFINITY;
  /** Not dialed again before. */
  restUntilMs = 0;
  /** The handshake that proves the owner; -Infinity: none, or failed since. */
  provenAtMs = Number.NEGATIVE_INFINITY;
  /** Position in the list of proven entries, or -1. */
  provenIndex = -1;
}

/** One address. */
export class Entry {
  /** Normal form. */
  readonly address: string;
  readonly scheme: string;
  readonly scope: Scope;
  /** Keyed hashes of its limit keys: who shares its host, who its group. */
  host: number;
  group: number;
  source: Source;
  /** Saved by the user. */
  saved = false;
  /** The user said who must answer there. */
  pinned = false;
  /** Its only place is in TRIED. */
  tried = false;
  /** Places in the tables: the first (-1: none), and the others. */
  place = -1;
  morePlaces: number[] | undefined = undefined;
  /** It has no place, but is kept (saved by the user). */
  homeless = false;
  /** When somebody last named it. */
  heardAtMs: number;
  owner: Owner | undefined = undefined;
  nextOfOwner: Entry | undefined = undefined;
  nextAtHost: Entry | undefined = undefined;
  history: History | undefined = undefined;

  constructor(key: EntryKey, source: Source, nowMs: number) {
    this.address = key.address;
    this.scheme = key.scheme;
    this.scope = key.scope;
    this.host = key.host;
    this.group = key.group;
    this.source = source;
    this.heardAtMs = nowMs;
  }
}

/** What is known of an address before it has an entry. */
export interface EntryKey {
  readonly address: string;
  readonly scheme: string;
  readonly scope: Scope;
  readonly host: number;
  readonly group: number;
}

/** Number of places that an entry has. */
export function placeCount(entry: Entry): number {
  return entry.place < 0 ? 0 : 1 + (entry.morePlaces?.length ?? 0);
}

/** All places of an entry. */
export function placesOf(entry: Entry): number[] {
  return entry.place < 0 ? [] : [entry.place, ...(entry.morePlaces ?? [])];
}
