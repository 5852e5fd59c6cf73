// The record that travels inside adverts and answers: our own, cut to what fits and to what those may know who get
// it, and signed anew. And the other direction: which addresses of a record may be believed.
import {
  type Crypto,
  type PeerRecord,
  parseAddress,
  parseForeignAddress,
  RECORD_LIMITS,
  type Relay,
  reachableAt,
  scopeRank,
  signRecord,
} from '@peernet/core';
import { WIRE } from '../defaults.js';

/** Addresses and relays in a slim record (protocol.md §2). */
const addressesMax = 2;
const relaysMax = 2;

/** Rank of an address that nobody may be told; narrower than every scope. */
const forbidden = -1;

/**
 * How wide an address is, 0 … 3. One whose scheme we do not know counts as global: it was put there for a transport
 * that the application brought, and only that can tell.
 */
function addressRank(text: string): number {
  const address = parseAddress(text);
  if (address !== undefined) return address.scope === 'forbidden' ? forbidden : scopeRank(address.scope);
  return parseForeignAddress(text) === undefined ? forbidden : scopeRank('global');
}

/** The narrowest address or relay in a record; global if it has none. */
export function narrowestRank(record: PeerRecord): number {
  let rank = scopeRank('global');
  for (const address of record.addresses) rank = Math.min(rank, addressRank(address));
  for (const relay of record.relays) rank = Math.min(rank, addressRank(relay.address));
  return rank;
}

/** Where the owner of a record can be reached (core's `reachableAt`), as far as is believed over a link of this rank. */
export function believedAddresses(record: PeerRecord, rank: number): string[] {
  const believed = (address: string): boolean => addressRank(address) >= rank;
  const relays = record.relays.filter(({ address }) => believed(address));
  return reachableAt({ ...record, addresses: record.addresses.filter(believed), relays });
}

/** Our own record for links of this rank. Without one (yet) we still have an id. */
export function slimRecord(
  crypto: Crypto,
  own: PeerRecord | undefined,
  rank: number,
  wallMs: number,
): PeerRecord {
  const addresses = (own?.addresses ?? []).filter((a) => addressRank(a) >= rank).slice(0, addressesMax);
  const relays = (own?.relays ?? []).filter((r) => addressRank(r.address) >= rank).slice(0, relaysMax);
  for (;;) {
    const record = signRecord(crypto, {
      seq: own?.seq ?? wallMs,
      ttlSeconds: own?.ttlSeconds ?? RECORD_LIMITS.ttlSecondsMax,
      addresses,
      relays,
      dialable: (own?.dialable ?? false) && addresses.length > 0,
      webrtc: own?.webrtc ?? false,
      stun: (own?.stun ?? false) && addresses.length > 0,
    });
    if (record.bytes.length <= WIRE.recordBytesMax) return record;
    // One address or one relay of 256 bytes always fits; the second relay is what is missed least.
    if (relays.length > 1 || addresses.length < 2) relays.pop();
    else addresses.pop();
  }
}

/** What decides whether adverts have to be made anew: where we are, not when we said so. */
export function whereabouts(own: PeerRecord | undefined): string {
  if (own === undefined) return '';
  const relays = own.relays.map((relay: Relay) => `${relay.id}@${relay.address}`);
  return [...own.addresses, ...relays, own.webrtc, own.dialable].join(' ');
}
