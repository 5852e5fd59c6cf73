// The contract for address books. The book is in memory and bounded, so `pick` and `sample` are synchronous (a
// machine calls them); persistence is write-behind. A stranger's store runs `peerStoreCases` (@peernet/core/conformance).
import type { Scope } from './ip.js';
import type { PeerId } from './peer-id.js';
import type { PeerRecord } from './record.js';

/** A record as it reached us: signature checked by whoever hands it over. */
export interface HeardRecord {
  readonly record: PeerRecord;
  /** How long ago its owner signed it, seconds, by the sum of what its carriers say. */
  readonly ageSeconds: number;
}

/** How the store and a machine speak of one address. */
export interface BookEntry {
  /** Normal form, without `#id`. */
  readonly address: string;
  /** Who answers there: proven if `verified`, else claimed by a record, or pinned by the user. */
  readonly id?: PeerId | undefined;
  /** The newest record that names this address. */
  readonly record?: PeerRecord | undefined;
  /** Seconds since the owner signed that record. */
  readonly ageSeconds?: number | undefined;
  /** Saved by the local user: never dropped. */
  readonly saved: boolean;
  /** Who told us: 'self' for the user, 'dial' for our own success, else the peer. */
  readonly source: PeerId | 'self' | 'dial';
  /** Wall ms of the last successful handshake; undefined: never. */
  readonly lastSeen?: number | undefined;
  /** Handshaken by us within the last hour, with the id of its record, and not failed since. */
  readonly verified: boolean;
  /** Consecutive failures. */
  readonly failures: number;
}

export interface PickOptions {
  /** Only addresses of these schemes (those that we can dial). */
  readonly schemes: readonly string[];
  /** Only addresses in these scopes; undefined: all. What the user saved passes always. */
  readonly scopes?: readonly Scope[] | undefined;
  /** Not these: connected, dialing, held off, own. */
  readonly exclude: (entry: BookEntry) => boolean;
  /**
   * At most this long after a failure may an address rest, ms (at 0 links nobody can be choosy). Those that would rest
   * longer without it come last: where nine of ten are gone, what has just failed is not tried again before the others.
   */
  readonly backoffMaxMs?: number | undefined;
}

export interface SampleOptions {
  /** Not told to its owner, nor to the one who asks. */
  readonly exclude: (entry: BookEntry) => boolean;
  /** Only addresses at least this wide: the asker would have to refuse narrower ones. */
  readonly scope: Scope;
}

/** How a record came. */
export interface OfferOptions {
  /** Told by a neighbour that we chose ourselves. Only then it may be preferred: who comes to us by himself wants something. */
  readonly chosen?: boolean | undefined;
}

/** Outcome of one outbound dial. */
export interface DialOutcome {
  readonly ok: boolean;
  /** Who answered (ok). */
  readonly id?: PeerId | undefined;
  /** Its record, handed over on the link (ok). */
  readonly record?: PeerRecord | undefined;
  /** False: a failure of ours (no network at all), which says nothing about the address. */
  readonly counts?: boolean | undefined;
  /** A look at what somebody claims of himself (ok): it proves the address, but is no choice of ours. */
  readonly probe?: boolean | undefined;
}

/**
 * A lasting, private choice among all that was heard, which who tells more, or more often, than others cannot sway:
 * min-wise sampling, group first (protocol.md §4). Gossip keeps its protected links with those.
 */
export interface Preference {
  /**
   * Whom to link with: up to `count` different peers that may be dialed now, those that hold a place in the choice first.
   * One that holds a place and rests after a failure counts as named: most who fail are back within minutes.
   */
  pick(count: number, options: PickOptions): readonly BookEntry[];
  /** A link with somebody picked stands: he holds his place for hours, whatever is heard meanwhile, unless he fails time after time. */
  hold(id: PeerId): void;
  /** Whether he still holds one. */
  holds(id: PeerId): boolean;
}

/** The specification's `getStats`. */
export interface AddressStats {
  connections: { ok: number; fail: number };
  nodes: { rx: number; tx: number };
}

export interface PeerStore {
  /** Loaded. Offers before it merge. Never rejects: a store that cannot load goes on empty. */
  ready(): Promise<void>;
  /** Somebody told us, within its rate. Tombstoned addresses, old records and what does not fit are ignored. */
  offer(records: readonly HeardRecord[], source: PeerId, options?: OfferOptions): void;
  /** The local user told us (`address` or `address#id`): clears a tombstone, is never evicted. */
  save(addresses: readonly string[]): void;
  /** We dialed. */
  outcome(address: string, outcome: DialOutcome): void;
  /** Addresses received from and sent to the peer dialed at `address`. */
  exchanged(address: string, rx: number, tx: number): void;
  /** Forget, and refuse to learn again from others for a day. */
  remove(addresses: readonly string[]): void;
  /** Whom to dial: up to `count` different entries, at most one of an id, in random order of preference. */
  pick(count: number, options: PickOptions): readonly BookEntry[];
  /** Whom to tell others about: entries with `verified` and a record. */
  sample(count: number, options: SampleOptions): readonly BookEntry[];
  /** Whom to stay with. A store may do without: then gossip protects its oldest links. */
  readonly preference?: Preference | undefined;
  /** The entry of an address. */
  get(address: string): BookEntry | undefined;
  entries(): Iterable<BookEntry>;
  stats(address: string): AddressStats;
  /** Drops what is dead (protocol.md §4); returns how many. The owner calls it every `purge` ms. */
  purge(): number;
  /** Resolves when everything said so far is written; `sync`: through to the disk. Rejects with STORE_FAILED. */
  flush(options?: { sync?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** Which subnets we belong to; persists. Resolves when durable. */
export interface SubnetStore {
  join(names: readonly string[]): Promise<void>;
  part(names: readonly string[]): Promise<void>;
  list(): Promise<string[]>;
}
