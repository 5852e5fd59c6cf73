// Between the book and its min-wise slots: which entries the slots are offered, and whom they name. The slots know
// peers by address and id only (slots.ts); what else there is to know of them stands in the book, if it still does.
import type { BookEntry, PeerId, PickOptions } from '@peernet/core';
import type { Book, Moment } from './book.js';
import { isRested, mayDial } from './judge.js';
import type { Choice } from './slots.js';

/** Offers those of the addresses to the slots that are this peer's and do not rest after a failure. */
export function offerToSlots(book: Book, addresses: readonly string[], id: PeerId, nowMs: number): void {
  for (const address of addresses) {
    const entry = book.registry.entries.get(address);
    if (entry?.owner?.id !== id || !isRested(entry, nowMs, Number.POSITIVE_INFINITY)) continue;
    book.slots.offer(entry.address, id, entry.group, () => book.places.keyOf(id), nowMs);
  }
}

/**
 * Whom to stay with: of those that may be dialed now, up to `count`, holders of slots first. The place of a holder that
 * rests after a failure is kept for it.
 */
export function prefer(book: Book, count: number, options: PickOptions, moment: Moment): BookEntry[] {
  const { nowMs } = moment;
  const picked: BookEntry[] = [];
  let awaited = 0;
  for (const { address, id } of book.slots.choices(nowMs)) {
    if (picked.length + awaited >= count) break;
    const entry = book.registry.entries.get(address);
    if (entry !== undefined && !mayDial(entry, options, nowMs)) {
      if (book.slots.holds(id, nowMs) && !isRested(entry, nowMs, Number.POSITIVE_INFINITY)) awaited++;
      continue;
    }
    // Others may have pushed it out of the book, which is no reason to forget it here.
    const seen = entry ? book.view(entry, moment) : unlisted(address, id);
    if (seen.id === id && !options.exclude(seen)) picked.push(seen);
  }
  return picked;
}

/** A peer that only the slots know. */
function unlisted(address: string, id: PeerId): BookEntry {
  return { address, id, saved: false, source: 'dial', verified: false, failures: 0 };
}

/** What the slots need to know of an address. */
export function choiceOf(book: Book, address: string, id: PeerId): Choice | undefined {
  const key = book.keyOf(address);
  return key && { address: key.address, id, group: key.group, key: book.places.keyOf(id) };
}
