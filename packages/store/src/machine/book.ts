// The address book: whom we know, how well, whom to dial, whom to tell about. Pure: time comes in as numbers, dice as
// Random, and what changed goes out through `changed`. protocol.md §4 is its specification; the judgments stand in
// judge.ts, who may enter in admission.ts. Nothing here throws on what others told us; only `save` of more addresses
// than `savedMax` does, because the user must know.
import {
  type AddressStats,
  type BookEntry,
  type DialOutcome,
  type HeardRecord,
  keysOf,
  type OfferOptions,
  type PeerId,
  PeernetError,
  type PeerRecord,
  type PickOptions,
  type Random,
  randomBytes,
  type SampleOptions,
  scopeRank,
  userAddressOf,
} from '@peernet/core';
import { BOOK } from '../defaults.js';
import { Absent } from './absent.js';
import { Admission, type Changed } from './admission.js';
import { choiceOf, offerToSlots } from './choosing.js';
import type { Entry, EntryKey, Owner, Source } from './entry.js';
import * as judge from './judge.js';
import { Places, shapeOf } from './places.js';
import { Registry } from './registry.js';
import { Slots } from './slots.js';

const schemes = ['ws', 'wss', 'tcp', 'wrtc', 'memory'];

export interface BookOptions {
  readonly random: Random;
  readonly scale?: number | undefined;
  readonly verifiedMs?: number | undefined;
  /** 32 bytes that decide about places; drawn from `random` if none are given. */
  readonly secret?: Uint8Array | undefined;
  /** Told of each address whose entry or tombstone changed. */
  readonly changed?: Changed | undefined;
  /** Told that slots changed. */
  readonly slotsChanged?: (() => void) | undefined;
  /** Dice of the slots' seeds, which outsiders must not guess; default: `random`. */
  readonly slotRandom?: Random | undefined;
}

/** A moment on both axes, whole ms. */
export interface Moment {
  readonly nowMs: number;
  readonly wallMs: number;
}

export class Book {
  readonly registry = new Registry();
  readonly places: Places;
  readonly admission: Admission;
  readonly verifiedMs: number;
  readonly absent: Absent;
  readonly slots: Slots;
  readonly #random: Random;
  readonly #changed: Changed;
  /** Of peers that came to us: they share one group, because they may claim to be from any. */
  #unknownGroup: number;

  constructor(options: BookOptions) {
    const scale = options.scale ?? 1;
    this.#random = options.random;
    this.#changed = options.changed ?? (() => {});
    this.verifiedMs = options.verifiedMs ?? BOOK.verifiedMs;
    this.places = new Places(shapeOf(scale), options.secret ?? randomBytes(options.random, 32));
    this.admission = new Admission(this.registry, this.places, this.#random, this.#changed);
    this.absent = new Absent(scale);
    this.slots = new Slots({
      random: options.slotRandom ?? options.random,
      count: Math.round(BOOK.minWiseSlots * Math.sqrt(scale)),
      changed: options.slotsChanged ?? (() => {}),
    });
    this.#unknownGroup = this.places.keyOf('unknown');
  }

  get size(): number {
    return this.registry.entries.size;
  }

  offer(records: readonly HeardRecord[], source: PeerId, nowMs: number, options: OfferOptions = {}): void {
    const sourceGroup = this.#groupOf(source);
    for (const heard of records) {
      this.#hear(heard, source, sourceGroup, nowMs);
      if (options.chosen) offerToSlots(this, heard.record.addresses, heard.record.id, nowMs);
    }
  }

  #hear(heard: HeardRecord, source: PeerId, sourceGroup: number, nowMs: number): void {
    const { record, ageSeconds } = heard;
    if (!(ageSeconds >= 0 && ageSeconds < record.ttlSeconds)) return;
    if (record.seq < this.registry.seqOf(record.id)) return;
    for (const text of record.addresses) {
      const entry = this.registry.entries.get(text);
      if (entry !== undefined) this.#hearAgain(entry, record.id, sourceGroup, nowMs);
      else this.#hearNew(text, record.id, source, sourceGroup, nowMs);
    }
    const owner = this.registry.owners.get(record.id);
    if (owner !== undefined && (owner.record === undefined || record.seq > owner.record.seq))
      this.#setRecord(owner, record, ageSeconds, nowMs);
  }

  #hearNew(text: string, id: PeerId, source: PeerId, sourceGroup: number, nowMs: number): void {
    if (this.absent.isBuried(text, nowMs)) return;
    const key = this.keyOf(text);
    if (key === undefined || (key.id !== undefined && key.id !== id)) return;
    const entry = this.registry.entries.get(key.address);
    if (entry !== undefined) this.#hearAgain(entry, id, sourceGroup, nowMs);
    else if (!this.absent.isBuried(key.address, nowMs))
      this.admission.hear(key, id, source, sourceGroup, nowMs);
  }

  #hearAgain(entry: Entry, id: PeerId, sourceGroup: number, nowMs: number): void {
    if (entry.owner?.id !== id) {
      if (!judge.yieldsClaim(entry, nowMs) || !this.admission.mayClaim(entry, id)) return;
      this.registry.disprove(entry);
      this.registry.setOwner(entry, entry.saved ? undefined : id); // where the user sends us, anybody may answer
    }
    entry.heardAtMs = nowMs;
    this.admission.hearAgain(entry, sourceGroup, nowMs);
    this.#changed(entry.address, false);
  }

  /** The newest record of a peer: addresses that it does not name any more, and that never worked, go. */
  #setRecord(owner: Owner, record: PeerRecord, ageSeconds: number, nowMs: number): void {
    owner.record = record;
    owner.ageSeconds = ageSeconds;
    owner.heardAtMs = nowMs;
    const named = record.addresses.map((text) => userAddressOf(text)?.text);
    let next = owner.first;
    while (next !== undefined) {
      const entry = next;
      next = entry.nextOfOwner;
      if (entry.saved || judge.worked(entry) || named.includes(entry.address))
        this.#changed(entry.address, false);
      else this.admission.drop(entry);
    }
  }

  save(addresses: readonly string[], nowMs: number): void {
    let refused = 0;
    for (const text of addresses) {
      const key = this.keyOf(text);
      if (key === undefined) continue;
      let entry = this.registry.entries.get(key.address);
      if (entry?.saved !== true && this.registry.savedCount >= BOOK.savedMax) {
        refused++;
        continue;
      }
      this.absent.exhume(key.address);
      entry ??= this.admission.keep(key, nowMs);
      this.registry.setSaved(entry, true);
      if (key.id !== undefined) this.#pin(entry, key.id);
      else if (!entry.pinned && !judge.worked(entry)) this.registry.setOwner(entry, undefined);
      this.#changed(entry.address, true);
    }
    if (refused > 0)
      throw new PeernetError('LIMIT', `${BOOK.savedMax} addresses are saved; remove some to save others`);
  }

  #pin(entry: Entry, id: PeerId): void {
    if (entry.owner?.id !== id) this.registry.disprove(entry);
    this.registry.setOwner(entry, id);
    entry.pinned = true;
  }

  outcome(text: string, outcome: DialOutcome, nowMs: number): void {
    const entry = this.#find(text) ?? (outcome.ok ? this.#reach(text, nowMs) : undefined);
    if (entry === undefined) this.#countStranger(text).connections[outcome.ok ? 'ok' : 'fail']++;
    else if (outcome.ok) this.#succeed(entry, outcome, nowMs);
    else this.#fail(entry, outcome.counts !== false, nowMs);
    if (!outcome.ok && outcome.counts !== false && !judge.isAwaited(entry))
      this.slots.drop(entry?.address ?? text);
  }

  /** An entry for an address that answered us. Not where the user removed it while we dialed. */
  #reach(text: string, nowMs: number): Entry | undefined {
    const key = this.keyOf(text);
    if (key === undefined || this.absent.isBuried(key.address, nowMs)) return undefined;
    const entry = this.admission.reach(key, nowMs);
    const before = entry && this.absent.takeStats(key.address);
    if (before !== undefined) {
      const { ok, fail } = before.connections;
      Object.assign(this.registry.historyOf(entry as Entry), { ok, fail, ...before.nodes });
    }
    return entry;
  }

  #succeed(entry: Entry, outcome: DialOutcome, nowMs: number): void {
    const history = this.registry.historyOf(entry);
    history.ok++;
    history.failures = 0;
    history.restUntilMs = 0;
    history.seenAtMs = nowMs;
    const { id, record } = outcome;
    if (id !== undefined && !(entry.pinned && entry.owner?.id !== id)) {
      this.registry.setOwner(entry, id);
      this.registry.prove(entry, nowMs);
      // Handed over by its owner on an authenticated link: replaces whatever was heard (protocol.md §2).
      const owner = entry.owner;
      if (record?.id === id && owner !== undefined) this.#setRecord(owner, record, 0, nowMs);
      if (outcome.probe !== true) offerToSlots(this, [entry.address], id, nowMs);
    }
    this.admission.promote(entry, nowMs);
    this.#changed(entry.address, true);
  }

  #fail(entry: Entry, counts: boolean, nowMs: number): void {
    const history = this.registry.historyOf(entry);
    history.fail++;
    if (counts) {
      history.failures++;
      history.failedAtMs = nowMs;
      history.restUntilMs = nowMs + judge.restMs(entry, history.failures, nowMs, this.#random);
      this.registry.disprove(entry);
      this.admission.fail(entry);
    }
    this.#changed(entry.address, true);
  }

  exchanged(text: string, rx: number, tx: number): void {
    const entry = this.#find(text);
    if (entry === undefined) {
      const { nodes } = this.#countStranger(text);
      nodes.rx += rx;
      nodes.tx += tx;
      return;
    }
    const history = this.registry.historyOf(entry);
    history.rx += rx;
    history.tx += tx;
    this.#changed(entry.address, false);
  }

  remove(addresses: readonly string[], nowMs: number): void {
    for (const text of addresses) {
      const address = this.keyOf(text)?.address ?? text;
      const entry = this.registry.entries.get(address);
      if (entry !== undefined) this.admission.drop(entry);
      this.slots.drop(address);
      const lost = this.absent.bury(address, nowMs + BOOK.tombstoneMs);
      if (lost !== undefined) this.#changed(lost, true);
      this.#changed(address, true);
    }
  }

  /** A tombstone of an earlier run. False if it is over, or the user saved the address again. */
  restoreTombstone(address: string, leftMs: number, nowMs: number): boolean {
    const entry = this.registry.entries.get(address);
    if (leftMs <= 0 || entry?.saved === true || !this.absent.hasRoom) return false;
    if (entry !== undefined) this.admission.drop(entry); // heard of before this was known
    this.slots.drop(address);
    if (this.absent.buriedUntil(address) === undefined)
      this.absent.bury(address, nowMs + Math.min(leftMs, BOOK.tombstoneMs));
    return true;
  }

  pick(count: number, options: PickOptions, moment: Moment): BookEntry[] {
    const [picked, late]: [BookEntry[], BookEntry[]] = [[], []];
    const take = (entry: Entry): boolean => {
      // Who rests, but not longer than `backoffMaxMs`, comes if there is nobody else.
      const list = judge.isRested(entry, moment.nowMs, Number.POSITIVE_INFINITY) ? picked : late;
      if (list.length < count && judge.mayDial(entry, options, moment.nowMs)) {
        const seen = this.view(entry, moment);
        if (!list.some((other) => judge.isSameNode(other, seen)) && !options.exclude(seen)) list.push(seen);
      }
      return picked.length >= count;
    };
    // One test of an occupant of TRIED first, so that trials end.
    for (const entry of this.admission.trials) if (take(entry) || picked.length > 0) break;
    if (picked.length < count) this.places.draw(this.#random, BOOK.examinedMax, take);
    const others = late.filter((one) => !picked.some((other) => judge.isSameNode(other, one)));
    return [...picked, ...others].slice(0, count);
  }

  sample(count: number, options: SampleOptions, moment: Moment): BookEntry[] {
    const { proven } = this.registry;
    const sampled: BookEntry[] = [];
    for (let at = 0, left = BOOK.examinedMax; at < proven.length && left > 0; left--) {
      if (sampled.length >= count) break;
      this.registry.swapProven(at, at + (this.#random.uint32() % (proven.length - at)));
      const entry = proven[at] as Entry;
      if (!judge.isProven(entry, moment.nowMs, this.verifiedMs)) {
        this.registry.disprove(entry); // another takes its position
        continue;
      }
      at++;
      if (scopeRank(entry.scope) < scopeRank(options.scope)) continue;
      if (!judge.isVerified(entry, moment.nowMs, this.verifiedMs)) continue;
      const seen = this.view(entry, moment);
      if (!sampled.some((other) => other.id === seen.id) && !options.exclude(seen)) sampled.push(seen);
    }
    return sampled;
  }

  get(text: string, moment: Moment): BookEntry | undefined {
    const entry = this.#find(text);
    return entry && this.view(entry, moment);
  }

  *entries(moment: Moment): Iterable<BookEntry> {
    for (const entry of [...this.registry.entries.values()]) yield this.view(entry, moment);
  }

  stats(text: string): AddressStats {
    const entry = this.#find(text);
    const absent = entry === undefined ? this.absent.stats(userAddressOf(text)?.text ?? text) : undefined;
    if (absent !== undefined) return { connections: { ...absent.connections }, nodes: { ...absent.nodes } };
    const { ok = 0, fail = 0, rx = 0, tx = 0 } = entry?.history ?? {};
    return { connections: { ok, fail }, nodes: { rx, tx } };
  }

  purge(nowMs: number): number {
    let dropped = 0;
    for (const entry of this.registry.entries.values()) {
      if (!judge.isDead(entry, nowMs)) continue;
      this.admission.drop(entry);
      dropped++;
    }
    for (const address of this.absent.expire(nowMs)) this.#changed(address, false);
    return dropped;
  }

  /** Places everything anew under another secret: the one of an earlier run, read after first offers had come. */
  rekey(secret: Uint8Array): void {
    const entries = [...this.registry.entries.values()];
    this.places.rekey(secret);
    this.#unknownGroup = this.places.keyOf('unknown');
    this.admission.endTrials();
    this.registry.hosts.clear();
    for (const entry of entries) {
      const key = this.keyOf(entry.address);
      if (key === undefined) continue;
      const { tried } = entry;
      Object.assign(entry, { place: -1, morePlaces: undefined, homeless: false, tried: false });
      entry.group = key.group;
      this.registry.addToHost(entry, key.host);
      if (!this.admission.restore(entry, { tried, saved: entry.saved, buckets: [] }))
        this.admission.drop(entry);
    }
    this.slots.rekey((address, id) => choiceOf(this, address, id));
  }

  /** What the contract tells of an entry. */
  view(entry: Entry, { nowMs, wallMs }: Moment): BookEntry {
    const { owner, history } = entry;
    return {
      address: entry.address,
      id: owner?.id,
      record: owner?.record,
      ageSeconds: owner?.record && judge.ageSeconds(owner, nowMs),
      saved: entry.saved,
      source: entry.source,
      lastSeen:
        history !== undefined && judge.worked(entry) ? wallMs - (nowMs - history.seenAtMs) : undefined,
      verified: judge.isVerified(entry, nowMs, this.verifiedMs),
      failures: judge.failuresOf(entry),
    };
  }

  /** Group of the address where we reached a peer. */
  #groupOf(source: Source): number {
    const owner = source === 'self' || source === 'dial' ? undefined : this.registry.owners.get(source);
    for (let entry = owner?.first; entry !== undefined; entry = entry.nextOfOwner)
      if (judge.worked(entry)) return entry.group;
    return this.#unknownGroup;
  }

  #find(text: string): Entry | undefined {
    const entry = this.registry.entries.get(text);
    if (entry !== undefined) return entry;
    const address = userAddressOf(text);
    return address && this.registry.entries.get(address.text);
  }

  /** What an address is to the tables; undefined for what is none, or must never be dialed. */
  keyOf(text: string): (EntryKey & { id: PeerId | undefined }) | undefined {
    const address = userAddressOf(text);
    if (address === undefined || address.scope === 'forbidden') return undefined;
    const keys = keysOf(address);
    return {
      // The string that came, where it is in normal form: many books of one process then share it.
      address: address.text === text ? text : address.text,
      scheme: schemes.find((scheme) => scheme === address.scheme) ?? address.scheme,
      scope: address.scope,
      host: this.places.keyOf(keys.host),
      group: this.places.keyOf(keys.group),
      id: address.id,
    };
  }

  #countStranger(text: string): AddressStats {
    return this.absent.count(userAddressOf(text)?.text ?? text);
  }
}
