// A small address book without a database, so that gossip alone needs nothing else. Flat and bounded: it keeps every
// promise of PeerStore, but not the bucketed placement that makes flooding a book expensive; for that there is
// @peernet/store.
import { parseForeignAddress } from './address.js';
import { type Clock, systemClock } from './clock.js';
import { scopeRank } from './ip.js';
import type { PeerId } from './peer-id.js';
import type {
  AddressStats,
  BookEntry,
  DialOutcome,
  HeardRecord,
  PeerStore,
  PickOptions,
  SampleOptions,
} from './peer-store.js';
import { type Random, seededRandom, shuffle, systemRandom } from './random.js';

/** The numbers of the memory store. */
const MEMORY_STORE = Object.freeze({
  /** Entries: the 256 of research/algorithms.md §2 are enough to repair a 90 % crash; four times as many for luck. */
  entriesMax: 1024,
  /** Tombstones kept. Guess. */
  tombstonesMax: 4096,
  /** A removed address stays away this long, ms: 24 h (protocol.md §4). */
  tombstoneMs: 86_400_000,
  /** A handshake proves an address this long, ms: 1 h (protocol.md §3). */
  verifiedMs: 3_600_000,
  /** First rest after a failure, ms; ×4 each time (protocol.md §3). */
  backoffMs: 60_000,
  /** Longest rest of an address that never worked, ms: 24 h (protocol.md §3). */
  backoffMaxMs: 86_400_000,
  /** Longest rest of one that did, ms: 10 min (protocol.md §3). */
  backoffKnownMaxMs: 600_000,
  /** Dropped after so many failures if it never worked (protocol.md §4). */
  failuresNewMax: 3,
  /** Dropped after so many failures if it did (protocol.md §4). */
  failuresKnownMax: 10,
});

interface Slot {
  address: string;
  scheme: string;
  scope: ReturnType<typeof scopeOf>;
  id: PeerId | undefined;
  heard: HeardRecord | undefined;
  heardAtMs: number;
  saved: boolean;
  source: BookEntry['source'];
  seenWall: number | undefined;
  /** The id of the last handshake, and when (monotonic); cleared by a failure. */
  proven: { id: PeerId; atMs: number } | undefined;
  failures: number;
  restUntilMs: number;
  failedAtMs: number;
  stats: AddressStats;
}

function scopeOf(address: string): NonNullable<ReturnType<typeof parseForeignAddress>>['scope'] {
  return parseForeignAddress(address)?.scope ?? 'forbidden';
}

/** A PeerStore with nothing behind it. `clock` and `random` are for tests. */
export function memoryStore(options: { clock?: Clock; random?: Random } = {}): PeerStore {
  return new MemoryStore(options.clock ?? systemClock, options.random ?? systemRandom);
}

class MemoryStore implements PeerStore {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #slots = new Map<string, Slot>();
  readonly #tombstones = new Map<string, number>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    // Where the CSPRNG is used, one draw seeds a fast generator: book order is no secret here.
    this.#random = random === systemRandom ? seededRandom(random.uint32()) : random;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  offer(records: readonly HeardRecord[], source: PeerId): void {
    const nowMs = this.#clock.now();
    for (const heard of records) {
      for (const text of heard.record.addresses) {
        if ((this.#tombstones.get(text) ?? 0) > nowMs) continue;
        const slot = this.#slots.get(text) ?? this.#insert(text, source);
        if (slot === undefined) continue;
        // A claim never displaces what a handshake proved, nor an older claim of the same owner a newer one.
        if (slot.proven !== undefined && slot.proven.id !== heard.record.id) continue;
        if (slot.heard?.record.id === heard.record.id && slot.heard.record.seq >= heard.record.seq) continue;
        slot.heard = heard;
        slot.heardAtMs = nowMs;
        slot.id ??= heard.record.id;
      }
    }
  }

  save(addresses: readonly string[]): void {
    for (const text of addresses) {
      const address = parseForeignAddress(text);
      if (address === undefined || address.scope === 'forbidden') continue;
      this.#tombstones.delete(address.text);
      const slot = this.#slots.get(address.text) ?? this.#insert(address.text, 'self', true);
      if (slot === undefined) continue;
      slot.saved = true;
      slot.id = address.id ?? slot.id;
    }
  }

  outcome(text: string, outcome: DialOutcome): void {
    const nowMs = this.#clock.now();
    const slot = this.#slots.get(text) ?? (outcome.ok ? this.#insert(text, 'dial', true) : undefined);
    if (slot === undefined) return;
    if (!outcome.ok) {
      slot.stats.connections.fail++;
      slot.proven = undefined;
      slot.failedAtMs = nowMs;
      if (outcome.counts === false) return;
      slot.failures++;
      const cap = slot.seenWall === undefined ? MEMORY_STORE.backoffMaxMs : MEMORY_STORE.backoffKnownMaxMs;
      slot.restUntilMs = nowMs + Math.min(cap, MEMORY_STORE.backoffMs * 4 ** (slot.failures - 1));
      return;
    }
    slot.stats.connections.ok++;
    slot.failures = 0;
    slot.restUntilMs = 0;
    slot.seenWall = this.#clock.wall();
    slot.id = outcome.id ?? slot.id;
    if (outcome.id !== undefined) slot.proven = { id: outcome.id, atMs: nowMs };
    if (outcome.record !== undefined) {
      slot.heard = { record: outcome.record, ageSeconds: 0 };
      slot.heardAtMs = nowMs;
    }
  }

  exchanged(address: string, rx: number, tx: number): void {
    const slot = this.#slots.get(address);
    if (slot === undefined) return;
    slot.stats.nodes.rx += rx;
    slot.stats.nodes.tx += tx;
  }

  remove(addresses: readonly string[]): void {
    const until = this.#clock.now() + MEMORY_STORE.tombstoneMs;
    for (const text of addresses) {
      const key = parseForeignAddress(text)?.text ?? text;
      this.#slots.delete(key);
      this.#tombstones.delete(key);
      this.#tombstones.set(key, until);
      if (this.#tombstones.size <= MEMORY_STORE.tombstonesMax) continue;
      const oldest = this.#tombstones.keys().next().value;
      if (oldest !== undefined) this.#tombstones.delete(oldest);
    }
  }

  pick(count: number, options: PickOptions): readonly BookEntry[] {
    const nowMs = this.#clock.now();
    const picked = new Map<string, BookEntry>();
    for (const slot of shuffle(this.#random, [...this.#slots.values()])) {
      if (picked.size >= count) break;
      if (!options.schemes.includes(slot.scheme) || slot.scope === 'forbidden') continue;
      if (!slot.saved && options.scopes !== undefined && !options.scopes.includes(slot.scope)) continue;
      if (slot.restUntilMs > nowMs && nowMs - slot.failedAtMs < (options.backoffMaxMs ?? Infinity)) continue;
      const entry = this.#entry(slot, nowMs);
      if (picked.has(entry.id ?? entry.address) || options.exclude(entry)) continue;
      picked.set(entry.id ?? entry.address, entry);
    }
    return [...picked.values()];
  }

  sample(count: number, options: SampleOptions): readonly BookEntry[] {
    const nowMs = this.#clock.now();
    const picked = new Map<PeerId, BookEntry>();
    for (const slot of shuffle(this.#random, [...this.#slots.values()])) {
      if (picked.size >= count) break;
      if (slot.scope === 'forbidden' || scopeRank(slot.scope) < scopeRank(options.scope)) continue;
      const entry = this.#entry(slot, nowMs);
      if (!entry.verified || entry.id === undefined || picked.has(entry.id) || options.exclude(entry))
        continue;
      picked.set(entry.id, entry);
    }
    return [...picked.values()];
  }

  get(address: string): BookEntry | undefined {
    const slot = this.#slots.get(address);
    return slot && this.#entry(slot, this.#clock.now());
  }

  *entries(): Iterable<BookEntry> {
    const nowMs = this.#clock.now();
    for (const slot of [...this.#slots.values()]) yield this.#entry(slot, nowMs);
  }

  stats(address: string): AddressStats {
    const stats = this.#slots.get(address)?.stats;
    return structuredClone(stats ?? { connections: { ok: 0, fail: 0 }, nodes: { rx: 0, tx: 0 } });
  }

  purge(): number {
    let dropped = 0;
    for (const slot of [...this.#slots.values()]) {
      const max = slot.seenWall === undefined ? MEMORY_STORE.failuresNewMax : MEMORY_STORE.failuresKnownMax;
      if (slot.saved || slot.failures < max) continue;
      this.#slots.delete(slot.address);
      dropped++;
    }
    return dropped;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** `force`: for what may not be refused; something else has to go. */
  #insert(address: string, source: BookEntry['source'], force = false): Slot | undefined {
    if (this.#slots.size >= MEMORY_STORE.entriesMax && !this.#evict() && !force) return undefined;
    const slot: Slot = {
      address,
      scheme: address.slice(0, address.indexOf(':')),
      scope: scopeOf(address),
      id: undefined,
      heard: undefined,
      heardAtMs: 0,
      saved: false,
      source,
      seenWall: undefined,
      proven: undefined,
      failures: 0,
      restUntilMs: 0,
      failedAtMs: Number.NEGATIVE_INFINITY,
      stats: { connections: { ok: 0, fail: 0 }, nodes: { rx: 0, tx: 0 } },
    };
    this.#slots.set(address, slot);
    return slot;
  }

  /** Drops a random entry that never worked. False if there is none. */
  #evict(): boolean {
    const loose = [...this.#slots.values()].filter((slot) => !slot.saved && slot.seenWall === undefined);
    const [victim] = shuffle(this.#random, loose);
    return victim !== undefined && this.#slots.delete(victim.address);
  }

  #entry(slot: Slot, nowMs: number): BookEntry {
    const { proven, heard } = slot;
    return {
      address: slot.address,
      id: slot.id,
      record: heard?.record,
      ageSeconds: heard && Math.floor(heard.ageSeconds + (nowMs - slot.heardAtMs) / 1000),
      saved: slot.saved,
      source: slot.source,
      lastSeen: slot.seenWall,
      verified:
        proven !== undefined &&
        nowMs - proven.atMs < MEMORY_STORE.verifiedMs &&
        proven.id === heard?.record.id,
      failures: slot.failures,
    };
  }
}
