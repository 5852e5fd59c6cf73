// Judgments on one entry at one time: what is proven, what is dead, what must give way, how long to rest. Pure, and
// apart from the tables, so that each rule of protocol.md §4 can be read and tested alone.
import { type BookEntry, jitter, type PickOptions, type Random } from '@peernet/core';
import { BOOK } from '../defaults.js';
import type { Entry, Owner } from './entry.js';

/** Whether we ever finished a handshake there. */
export function worked(entry: Entry): boolean {
  return entry.history !== undefined && entry.history.seenAtMs > Number.NEGATIVE_INFINITY;
}

/** Failures in a row. */
export function failuresOf(entry: Entry): number {
  return entry.history?.failures ?? 0;
}

/** Whether the record of a peer is past the life that its owner gave it. */
function isExpired(owner: Owner, nowMs: number): boolean {
  return owner.record === undefined || ageSeconds(owner, nowMs) >= owner.record.ttlSeconds;
}

/** Seconds since the owner signed its record. */
export function ageSeconds(owner: Owner, nowMs: number): number {
  return Math.floor(owner.ageSeconds + Math.max(0, nowMs - owner.heardAtMs) / 1000);
}

/** Handshaken within `verifiedMs` and not failed since: we know who is there. */
export function isProven(entry: Entry, nowMs: number, verifiedMs: number): boolean {
  return entry.history !== undefined && nowMs - entry.history.provenAtMs < verifiedMs;
}

/** Proven, and its record may be handed on: what `verified` of an entry means. */
export function isVerified(entry: Entry, nowMs: number, verifiedMs: number): boolean {
  return isProven(entry, nowMs, verifiedMs) && entry.owner !== undefined && !isExpired(entry.owner, nowMs);
}

/** Whether who has failed may be back soon: most of those that are gone restart. */
export function isAwaited(entry: Entry | undefined): boolean {
  return entry !== undefined && worked(entry) && failuresOf(entry) < BOOK.minWiseFailuresMax;
}

/** To be dropped (protocol.md §4). What the user saved never is. */
export function isDead(entry: Entry, nowMs: number): boolean {
  if (entry.saved) return false;
  const { history } = entry;
  const seenAtMs = history?.seenAtMs ?? Number.NEGATIVE_INFINITY;
  if (nowMs - Math.max(seenAtMs, entry.heardAtMs) > BOOK.silenceMs) return true;
  if (history === undefined) return false;
  if (!worked(entry)) return history.failures >= BOOK.failuresNewMax;
  // Ten failures alone would forget half of the network in a partition of two hours, and with it the way back.
  return history.failures >= BOOK.failuresKnownMax && nowMs - seenAtMs > BOOK.failingMs;
}

/** Whether a place in NEW may be taken from it by an address that has none. */
export function yieldsPlace(entry: Entry, nowMs: number): boolean {
  if (isDead(entry, nowMs)) return true;
  if (worked(entry)) return false;
  return entry.owner !== undefined && isExpired(entry.owner, nowMs);
}

/** Whether a peer that also claims this address is believed instead of the one that did so first. */
export function yieldsClaim(entry: Entry, nowMs: number): boolean {
  if (entry.pinned) return false;
  if (entry.owner === undefined || failuresOf(entry) > 0) return true;
  return !worked(entry) && isExpired(entry.owner, nowMs);
}

/** How long to leave an address alone after its `failures`-th failure in a row, ms. */
export function restMs(entry: Entry, failures: number, nowMs: number, random: Random): number {
  const grown = BOOK.restMs * BOOK.restFactor ** (failures - 1);
  const spread = 1 + BOOK.restJitter;
  const recently =
    entry.history !== undefined && nowMs - entry.history.seenAtMs < BOOK.restKnownMs
      ? BOOK.restKnownMaxMs / spread
      : BOOK.restMaxMs;
  const max = entry.saved ? Math.min(recently, BOOK.restSavedMaxMs / spread) : recently;
  return Math.floor(jitter(random, Math.min(grown, max), BOOK.restJitter));
}

/**
 * Whether an address may be dialed now. `restMaxMs`: nobody rests longer than this after a failure. What the user saved
 * rests a minute at most, also if it had failed before, or if a wrong calendar stretched its rest.
 */
export function isRested(entry: Entry, nowMs: number, restMaxMs: number): boolean {
  const { history } = entry;
  if (history === undefined || history.restUntilMs <= nowMs) return true;
  return nowMs - history.failedAtMs >= (entry.saved ? Math.min(restMaxMs, BOOK.restSavedMaxMs) : restMaxMs);
}

/** Whether it may be dialed now, by who asks. */
export function mayDial(entry: Entry, options: PickOptions, nowMs: number): boolean {
  const { schemes, scopes, backoffMaxMs = Number.POSITIVE_INFINITY } = options;
  if (!schemes.includes(entry.scheme)) return false;
  if (!entry.saved && scopes !== undefined && !scopes.includes(entry.scope)) return false;
  return isRested(entry, nowMs, backoffMaxMs);
}

/** One address, or two of one node: of such a node, one is dialed at a time. */
export function isSameNode(one: BookEntry, other: BookEntry): boolean {
  return one.address === other.address || (one.id !== undefined && one.id === other.id);
}
