// A small address book without a database, so that gossip alone needs nothing else. Flat and bounded: it keeps every
// promise of PeerStore, but not the bucketed placement that makes flooding a book expensive; for that there is
// @peernet/store.
import type { Address } from './address.js';
import { keysOf, userAddressOf } from './address-memo.js';
import { LruMap } from './bounded.js';
import { type Clock, systemClock } from './clock.js';
import { scopeRank } from './ip.js';
import { MinWise } from './min-wise.js';
import type { PeerId } from './peer-id.js';
import type {
  AddressStats,
  BookEntry,
  DialOutcome,
  HeardRecord,
  OfferOptions,
  PeerStore,
  PickOptions,
  Preference,
  SampleOptions,
} from './peer-store.js';
import { below, type Random, seededRandom, systemRandom } from './random.js';

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
  /** Dropped after so many failures if it did, and not for `failingMs` (protocol.md §4). */
  failuresKnownMax: 10,
  /** So long without an answer before failures drop what once worked, ms: 7 days (protocol.md §4). */
  failingMs: 604_800_000,
  /** Longest rest of what the user saved, ms: 60 s (protocol.md §3). */
  backoffSavedMaxMs: 60_000,
  /** Random entries that are looked at for one that may give way. Guess: misses one time in 65 536 if half may. */
  evictionDraws: 16,
  /** Min-wise slots (protocol.md §4). */
  minWiseSlots: 64,
  /** Life of a slot's seed, ms: 6 h (protocol.md §4). */
  minWiseLifeMs: 21_600_000,
  /** A seed counts after this, ms: 5 min (protocol.md §4). */
  minWiseWarmUpMs: 300_000,
  /** Failures in a row that cost who once answered its slots (decision 28). */
  minWiseFailuresMax: 3,
});

interface Slot {
  address: string;
  scheme: string;
  scope: Address['scope'];
  id: PeerId | undefined;
  pinned: PeerId | undefined; // who is there, as the user said
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
  /** The last handshake (monotonic). */
  seenAtMs: number;
  /** Position in the list of all. */
  index: number;
}

/** The normal form: by that all is known here, however others spell it. */
function normal(text: string): string {
  return userAddressOf(text)?.text ?? text;
}

/** A PeerStore with nothing behind it. `clock` and `random` are for tests. */
export function memoryStore(options: { clock?: Clock; random?: Random } = {}): PeerStore {
  return new MemoryStore(options.clock ?? systemClock, options.random ?? systemRandom);
}

class MemoryStore implements PeerStore {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #slots = new Map<string, Slot>();
  /** The same ones, to draw from. */
  readonly #list: Slot[] = [];
  readonly #tombstones = new LruMap<string, number>(MEMORY_STORE.tombstonesMax);
  readonly #minWise: MinWise<Slot>;
  readonly #salt: number;
  readonly preference: Preference;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    const { minWiseSlots: count, minWiseLifeMs: lifeMs, minWiseWarmUpMs: warmUpMs } = MEMORY_STORE;
    this.#minWise = new MinWise({ random, count, lifeMs, warmUpMs }, clock.now());
    this.#salt = random.uint32();
    // Where the CSPRNG is used, one draw seeds a fast generator: book order is no secret here.
    this.#random = random === systemRandom ? seededRandom(random.uint32()) : random;
    this.preference = {
      pick: (wanted, options) => this.#pickPreferred(wanted, options),
      hold: (id) => void this.#minWise.take((slot) => slot.id === id),
      holds: (id) => {
        this.#minWise.renew(this.#clock.now());
        return this.#minWise.isHeld((slot) => slot.id === id);
      },
    };
  }

  async ready(): Promise<void> {}

  offer(records: readonly HeardRecord[], source: PeerId, { chosen = false }: OfferOptions = {}): void {
    const nowMs = this.#clock.now();
    for (const heard of records) {
      if (!(heard.ageSeconds < heard.record.ttlSeconds)) continue;
      for (const text of heard.record.addresses.map(normal)) {
        this.#hear(text, heard, source, nowMs);
        const slot = chosen ? this.#slots.get(text) : undefined;
        if (slot !== undefined && slot.id === heard.record.id) this.#prefer(slot, nowMs);
      }
    }
  }

  /** Takes part in the choice of whom to stay with, unless it failed just now. */
  #prefer(slot: Slot, nowMs: number): void {
    const address = userAddressOf(slot.address);
    if (address === undefined || slot.id === undefined || slot.restUntilMs > nowMs) return;
    const { id } = slot;
    this.#minWise.renew(nowMs);
    this.#minWise.offer(slot, hashOf(this.#salt, keysOf(address).group), () => hashOf(this.#salt, id));
  }

  #pickPreferred(count: number, options: PickOptions): readonly BookEntry[] {
    const nowMs = this.#clock.now();
    this.#minWise.renew(nowMs);
    const picked: BookEntry[] = [];
    let awaited = 0;
    for (const slot of this.#minWise.choices(nowMs, this.#random)) {
      if (picked.length + awaited >= count) break;
      const entry = this.#candidate(slot, options, nowMs);
      if (entry === undefined) {
        if (slot.restUntilMs > nowMs && this.#minWise.isHeld((item) => item === slot)) awaited++;
      } else if (!picked.some(({ id }) => id === entry.id)) picked.push(entry);
    }
    return picked;
  }

  #hear(text: string, heard: HeardRecord, source: PeerId, nowMs: number): void {
    const slot = this.#slots.get(text) ?? this.#insert(text, source);
    if (slot === undefined) return;
    // A claim never displaces what a handshake proved, nor an older claim of the same owner a newer one.
    if (slot.proven !== undefined && slot.proven.id !== heard.record.id) return;
    if (slot.heard?.record.id === heard.record.id && slot.heard.record.seq >= heard.record.seq) return;
    slot.heard = heard;
    slot.heardAtMs = nowMs;
    // Where the user sends us, anybody may answer: a dial that expects whoever claims the address would never succeed.
    if (!slot.saved) slot.id ??= heard.record.id;
    else if (slot.failures > 0 && slot.id !== heard.record.id) slot.id = slot.pinned;
  }

  save(addresses: readonly string[]): void {
    for (const text of addresses) {
      const address = userAddressOf(text);
      if (address === undefined || address.scope === 'forbidden') continue;
      this.#tombstones.delete(address.text);
      const slot = this.#slots.get(address.text) ?? this.#insert(address.text, 'self', true);
      if (slot === undefined) continue;
      slot.saved = true;
      slot.pinned = address.id ?? slot.pinned;
      slot.id = slot.pinned ?? (slot.seenWall === undefined ? undefined : slot.id);
      slot.restUntilMs = Math.min(slot.restUntilMs, slot.failedAtMs + MEMORY_STORE.backoffSavedMaxMs);
    }
  }

  outcome(address: string, outcome: DialOutcome): void {
    const nowMs = this.#clock.now();
    const text = normal(address);
    const slot = this.#slots.get(text) ?? (outcome.ok ? this.#insert(text, 'dial', true) : undefined);
    if (slot === undefined) return;
    if (!outcome.ok) {
      slot.stats.connections.fail++;
      if (outcome.counts !== false) this.#fail(slot, nowMs);
      return;
    }
    slot.stats.connections.ok++;
    slot.failures = 0;
    slot.restUntilMs = 0;
    slot.seenWall = this.#clock.wall();
    slot.seenAtMs = nowMs;
    slot.id = outcome.id ?? slot.id;
    if (outcome.id !== undefined) slot.proven = { id: outcome.id, atMs: nowMs };
    if (outcome.record !== undefined) {
      slot.heard = { record: outcome.record, ageSeconds: 0 };
      slot.heardAtMs = nowMs;
    }
    if (outcome.probe !== true) this.#prefer(slot, nowMs);
  }

  #fail(slot: Slot, nowMs: number): void {
    const { backoffMs, backoffMaxMs, backoffKnownMaxMs, backoffSavedMaxMs } = MEMORY_STORE;
    slot.proven = undefined;
    slot.failedAtMs = nowMs;
    slot.failures++;
    const known = slot.seenWall === undefined ? backoffMaxMs : backoffKnownMaxMs;
    const cap = slot.saved ? backoffSavedMaxMs : known;
    slot.restUntilMs = nowMs + Math.min(cap, backoffMs * 4 ** (slot.failures - 1));
    const isAwaited = slot.seenWall !== undefined && slot.failures < MEMORY_STORE.minWiseFailuresMax;
    if (!isAwaited) this.#minWise.vacate((item) => item === slot);
  }

  exchanged(address: string, rx: number, tx: number): void {
    const slot = this.#slots.get(normal(address));
    if (slot === undefined) return;
    slot.stats.nodes.rx += rx;
    slot.stats.nodes.tx += tx;
  }

  remove(addresses: readonly string[]): void {
    const until = this.#clock.now() + MEMORY_STORE.tombstoneMs;
    for (const key of addresses.map(normal)) {
      const slot = this.#slots.get(key);
      if (slot !== undefined) this.#delete(slot);
      this.#tombstones.set(key, until);
    }
  }

  pick(count: number, options: PickOptions): readonly BookEntry[] {
    const nowMs = this.#clock.now();
    const picked = new Map<string, BookEntry>();
    const late = new Map<string, BookEntry>(); // they rest, but not longer than `backoffMaxMs`: if there is nobody else
    for (let at = 0; at < this.#list.length && picked.size < count; at++) {
      const slot = this.#draw(at);
      const entry = this.#candidate(slot, options, nowMs);
      const who = entry?.id ?? entry?.address;
      const list = slot.restUntilMs > nowMs ? late : picked;
      if (entry !== undefined && who !== undefined && !list.has(who)) list.set(who, entry);
    }
    for (const who of picked.keys()) late.delete(who);
    return [...picked.values(), ...late.values()].slice(0, count);
  }

  /** The entry, if it may be dialed now. */
  #candidate(slot: Slot, options: PickOptions, nowMs: number): BookEntry | undefined {
    const { schemes, scopes, backoffMaxMs = Infinity, exclude } = options;
    if (!schemes.includes(slot.scheme) || slot.scope === 'forbidden') return undefined;
    if (!slot.saved && scopes !== undefined && !scopes.includes(slot.scope)) return undefined;
    if (slot.restUntilMs > nowMs && nowMs - slot.failedAtMs < backoffMaxMs) return undefined;
    const entry = this.#entry(slot, nowMs);
    return exclude(entry) ? undefined : entry;
  }

  sample(count: number, options: SampleOptions): readonly BookEntry[] {
    const nowMs = this.#clock.now();
    const picked = new Map<PeerId, BookEntry>();
    for (let at = 0; at < this.#list.length && picked.size < count; at++) {
      const slot = this.#draw(at);
      if (slot.proven === undefined) continue;
      if (slot.scope === 'forbidden' || scopeRank(slot.scope) < scopeRank(options.scope)) continue;
      const entry = this.#entry(slot, nowMs);
      if (!entry.verified || entry.id === undefined || picked.has(entry.id) || options.exclude(entry))
        continue;
      picked.set(entry.id, entry);
    }
    return [...picked.values()];
  }

  get(address: string): BookEntry | undefined {
    const slot = this.#slots.get(normal(address));
    return slot && this.#entry(slot, this.#clock.now());
  }

  *entries(): Iterable<BookEntry> {
    const nowMs = this.#clock.now();
    for (const slot of [...this.#slots.values()]) yield this.#entry(slot, nowMs);
  }

  stats(address: string): AddressStats {
    const stats = this.#slots.get(normal(address))?.stats;
    return structuredClone(stats ?? { connections: { ok: 0, fail: 0 }, nodes: { rx: 0, tx: 0 } });
  }

  purge(): number {
    const { failuresNewMax, failuresKnownMax, failingMs } = MEMORY_STORE;
    const nowMs = this.#clock.now();
    let dropped = 0;
    for (const slot of [...this.#list]) {
      const isDead =
        slot.seenWall === undefined
          ? slot.failures >= failuresNewMax
          : slot.failures >= failuresKnownMax && nowMs - slot.seenAtMs > failingMs;
      if (slot.saved || !isDead) continue;
      this.#delete(slot);
      dropped++;
    }
    return dropped;
  }

  async flush(): Promise<void> {}
  async close(): Promise<void> {}

  /** Not where the user removed it, even while we dialed. `force`: for what may not be refused; something else has to go. */
  #insert(address: string, source: BookEntry['source'], force = false): Slot | undefined {
    const scope = userAddressOf(address)?.scope ?? 'forbidden';
    if (scope === 'forbidden' || (this.#tombstones.get(address) ?? 0) > this.#clock.now()) return undefined;
    if (this.#slots.size >= MEMORY_STORE.entriesMax && !this.#evict(force) && !force) return undefined;
    const slot: Slot = {
      address,
      scheme: address.slice(0, address.indexOf(':')),
      scope,
      id: undefined,
      pinned: undefined,
      heard: undefined,
      heardAtMs: 0,
      saved: false,
      source,
      seenWall: undefined,
      seenAtMs: Number.NEGATIVE_INFINITY,
      proven: undefined,
      failures: 0,
      restUntilMs: 0,
      failedAtMs: Number.NEGATIVE_INFINITY,
      stats: { connections: { ok: 0, fail: 0 }, nodes: { rx: 0, tx: 0 } },
      index: this.#list.length,
    };
    this.#slots.set(address, slot);
    this.#list.push(slot);
    return slot;
  }

  #delete(slot: Slot): void {
    this.#slots.delete(slot.address);
    this.#minWise.vacate((item) => item === slot);
    const last = this.#list.pop() as Slot;
    if (last === slot) return;
    this.#list[slot.index] = last;
    last.index = slot.index;
  }

  /** A random entry of those from position `at` on, moved there: a shuffle that stops where its user does. */
  #draw(at: number): Slot {
    const from = at + below(this.#random, this.#list.length - at);
    const slot = this.#list[from] as Slot;
    const other = this.#list[at] as Slot;
    this.#list[at] = slot;
    this.#list[from] = other;
    other.index = from;
    slot.index = at;
    return slot;
  }

  /** Drops an entry that never worked, or with `force` any that the user did not save. False if none was found. */
  #evict(force: boolean): boolean {
    for (const anything of force ? [false, true] : [false]) {
      for (let at = 0; at < MEMORY_STORE.evictionDraws; at++) {
        const slot = this.#draw(at);
        if (slot.saved || (!anything && slot.seenWall !== undefined)) continue;
        this.#delete(slot);
        return true;
      }
    }
    return false;
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
        proven.id === heard?.record.id &&
        heard.ageSeconds + (nowMs - slot.heardAtMs) / 1000 < heard.record.ttlSeconds,
      failures: slot.failures,
    };
  }
}

/** FNV-1a, from a random start: the keys of min-wise slots, whose seeds are random too. */
function hashOf(salt: number, text: string): number {
  let hash = 0x811c9dc5 ^ salt;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
