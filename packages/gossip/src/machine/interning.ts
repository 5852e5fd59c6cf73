// Recognises records and ids that were read before, byte by byte, so that they are neither parsed nor held again: the
// same few thousand come with every shuffle and are kept by neighbours, caches and books. Direct-mapped tables indexed
// by the first bytes of the id; what collides replaces. Nothing is believed because of it: equal bytes read equally.
import {
  LruMap,
  type PeerId,
  type PeerRecord,
  peerIdBytes,
  peerIdFromBytes,
  peerIdToBytes,
  type Reader,
  readRecord,
} from '@peernet/core';

/** Places per table, a power of two; per process. About 10 MB when full of records. Guess. */
const places = 16_384;

const records: (PeerRecord | undefined)[] = [];
const ids: ({ readonly bytes: Uint8Array; readonly id: PeerId } | undefined)[] = [];

/** Ids are keys, and keys are as good as random: their first bytes spread. Those that an attacker chose collide with each other. */
function placeOf(bytes: Uint8Array, at: number): number {
  const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  return word & (places - 1);
}

function equalsAt(known: Uint8Array, bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at < known.length) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[at + i]) return false;
  return true;
}

/** core's `readRecord` from a reader over `bytes`. */
export function readKnownRecord(r: Reader, bytes: Uint8Array): PeerRecord | undefined {
  const at = r.offset;
  const place = placeOf(bytes, at);
  const known = records[place];
  if (known !== undefined && equalsAt(known.bytes, bytes, at)) {
    r.fixed(known.bytes.length);
    return known;
  }
  const record = readRecord(r);
  if (record !== undefined) records[place] = record;
  return record;
}

const bytesOfIds = new LruMap<PeerId, Uint8Array>(places);

/** core's `peerIdToBytes`; the array is shared: read only. */
export function knownIdBytes(id: PeerId): Uint8Array {
  const known = bytesOfIds.get(id);
  if (known !== undefined) return known;
  const bytes = peerIdToBytes(id);
  bytesOfIds.set(id, bytes);
  return bytes;
}

/** core's `peerIdFromBytes`. */
export function knownId(bytes: Uint8Array): PeerId {
  const place = placeOf(bytes, 0);
  const known = ids[place];
  if (known !== undefined && bytes.length === peerIdBytes && equalsAt(known.bytes, bytes, 0)) return known.id;
  const id = peerIdFromBytes(bytes);
  ids[place] = { bytes: bytes.slice(), id };
  return id;
}

/** Those of the size estimate: all nodes hold the same hundred. */
const signatures = new LruMap<PeerId, Uint8Array>(1_024);

/** A copy of a signature of `id`, shared with whoever has asked for the same one: read only. */
export function knownSignature(id: PeerId, signature: Uint8Array): Uint8Array {
  const known = signatures.get(id);
  if (known !== undefined && known.length === signature.length && equalsAt(known, signature, 0)) return known;
  const copy = signature.slice();
  signatures.set(id, copy);
  return copy;
}
