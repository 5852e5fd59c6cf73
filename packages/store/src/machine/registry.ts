// Who is in the book: entries by address, by owner, by host; peers by id; and what is proven. Keeps the indexes in
// step and knows no rule.
import { LruMap, type PeerId } from '@peernet/core';
import { BOOK } from '../defaults.js';
import { type Entry, History, Owner } from './entry.js';

export class Registry {
  readonly entries = new Map<string, Entry>();
  readonly owners = new Map<PeerId, Owner>();
  /** Heads of the lists of entries at one host (`Entry.nextAtHost`). */
  readonly hosts = new Map<number, Entry>();
  /** Entries with a handshake that may still prove them. */
  readonly proven: Entry[] = [];
  savedCount = 0;
  /** Last sequence numbers of peers that have no entry any more. */
  #forgotten: LruMap<PeerId, number> | undefined;

  add(entry: Entry): void {
    this.entries.set(entry.address, entry);
    this.addToHost(entry, entry.host);
  }

  addToHost(entry: Entry, host: number): void {
    entry.host = host;
    entry.nextAtHost = this.hosts.get(host);
    this.hosts.set(host, entry);
  }

  delete(entry: Entry): void {
    this.entries.delete(entry.address);
    this.setSaved(entry, false);
    this.setOwner(entry, undefined);
    this.disprove(entry);
    const head = this.hosts.get(entry.host);
    if (head === entry) {
      if (entry.nextAtHost === undefined) this.hosts.delete(entry.host);
      else this.hosts.set(entry.host, entry.nextAtHost);
    } else {
      let before = head;
      while (before !== undefined && before.nextAtHost !== entry) before = before.nextAtHost;
      if (before !== undefined) before.nextAtHost = entry.nextAtHost;
    }
    entry.nextAtHost = undefined;
  }

  setSaved(entry: Entry, saved: boolean): void {
    if (entry.saved === saved) return;
    entry.saved = saved;
    this.savedCount += saved ? 1 : -1;
  }

  /** Says who answers at an address. A peer without addresses is forgotten, but for its last sequence number. */
  setOwner(entry: Entry, id: PeerId | undefined): void {
    const before = entry.owner;
    if (before?.id === id) return;
    if (before !== undefined) this.#unlink(before, entry);
    if (id === undefined) return;
    let owner = this.owners.get(id);
    if (owner === undefined) {
      owner = new Owner(id);
      this.owners.set(id, owner);
    }
    entry.owner = owner;
    entry.nextOfOwner = owner.first;
    owner.first = entry;
  }

  #unlink(owner: Owner, entry: Entry): void {
    if (owner.first === entry) owner.first = entry.nextOfOwner;
    else {
      let before = owner.first;
      while (before !== undefined && before.nextOfOwner !== entry) before = before.nextOfOwner;
      if (before !== undefined) before.nextOfOwner = entry.nextOfOwner;
    }
    entry.owner = undefined;
    entry.nextOfOwner = undefined;
    if (owner.first !== undefined) return;
    this.owners.delete(owner.id);
    if (owner.record === undefined) return;
    this.#forgotten ??= new LruMap(BOOK.forgottenMax);
    this.#forgotten.set(owner.id, owner.record.seq);
  }

  /** The highest sequence number seen of a peer, or -1. */
  seqOf(id: PeerId): number {
    return this.owners.get(id)?.record?.seq ?? this.#forgotten?.get(id) ?? -1;
  }

  historyOf(entry: Entry): History {
    entry.history ??= new History();
    return entry.history;
  }

  prove(entry: Entry, atMs: number): void {
    const history = this.historyOf(entry);
    history.provenAtMs = atMs;
    if (history.provenIndex >= 0) return;
    history.provenIndex = this.proven.length;
    this.proven.push(entry);
  }

  disprove(entry: Entry): void {
    const { history } = entry;
    if (history === undefined || history.provenIndex < 0) return;
    const last = this.proven.pop() as Entry;
    if (last !== entry) this.#setProven(last, history.provenIndex);
    history.provenIndex = -1;
    history.provenAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Swaps two entries of the proven list. */
  swapProven(a: number, b: number): void {
    const first = this.proven[a];
    const second = this.proven[b];
    if (first === undefined || second === undefined) return;
    this.#setProven(first, b);
    this.#setProven(second, a);
  }

  #setProven(entry: Entry, index: number): void {
    this.proven[index] = entry;
    if (entry.history !== undefined) entry.history.provenIndex = index;
  }
}
