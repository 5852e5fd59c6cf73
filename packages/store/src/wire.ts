// The rows that the store keeps in a database. Every row is version:u8 · crc32:u32 · body; the checksum covers key and
// body, so that neither a flipped bit nor a row under another row's key is ever taken for truth. Decoders are total:
// what cannot be read is undefined, and the caller skips it. Stamps are wall-clock ms.
import {
  decodeRecord,
  type PeerId,
  type PeerRecord,
  peerIdBytes,
  peerIdFromBytes,
  peerIdToBytes,
  RECORD_LIMITS,
  Reader,
  utf8,
  Writer,
} from '@peernet/core';
import { BOOK, PERSISTENCE } from './defaults.js';
import type { SlotRow } from './machine/slots.js';

/** Version of all rows. A row of another version is left alone: a newer peernet may want it back. */
const rowVersion = 1;

/** Keys in the sublevel. Part of the format. */
export const KEY = Object.freeze({
  address: 'a!',
  tombstone: 't!',
  subnet: 's!',
  secret: 'm!secret',
  seed: 'm!seed',
  seq: 'm!seq',
  anchors: 'm!anchors',
  slots: 'm!slots',
  synced: 'm!synced',
});

/** One address as it is stored. */
export interface AddressRow {
  readonly saved: boolean;
  readonly pinned: boolean;
  readonly tried: boolean;
  readonly source: PeerId | 'self' | 'dial';
  readonly id?: PeerId | undefined;
  readonly record?: { readonly record: PeerRecord; readonly signedWall: number } | undefined;
  readonly heardWall: number;
  /** Buckets of NEW. */
  readonly buckets: readonly number[];
  readonly history?: HistoryRow | undefined;
}

/** What happened at that address; stamps are 0 for never. */
export interface HistoryRow {
  readonly ok: number;
  readonly fail: number;
  readonly rx: number;
  readonly tx: number;
  readonly failures: number;
  readonly seenWall: number;
  readonly failedWall: number;
  readonly restUntilWall: number;
  readonly provenWall: number;
}

const flagSaved = 1;
const flagPinned = 2;
const flagTried = 4;
const flagId = 8;
const flagRecord = 16;
const flagHistory = 32;
const flagsKnown = 63;
const sources = ['self', 'dial'] as const;
const sourcePeer = 2;

function isOwnSource(source: AddressRow['source']): source is 'self' | 'dial' {
  return source === 'self' || source === 'dial';
}

/**
 * address row = flags:u8 · source:u8 (0 self, 1 dial, 2 peer · id[32]) · [id[32]] · [record:bytes · signedWall:u64]
 *   · heardWall:u64 · n:varint · n × bucket:u16 · [ok · fail · rx · tx · failures · seenWall · failedWall · restUntilWall · provenWall, u64 each]
 * since v1
 */
export function encodeAddress(key: string, row: AddressRow): Uint8Array {
  const { id, record, history, source } = row;
  const w = new Writer(256).u8(
    (row.saved ? flagSaved : 0) |
      (row.pinned ? flagPinned : 0) |
      (row.tried ? flagTried : 0) |
      (id === undefined ? 0 : flagId) |
      (record === undefined ? 0 : flagRecord) |
      (history === undefined ? 0 : flagHistory),
  );
  if (isOwnSource(source)) w.u8(sources.indexOf(source));
  else w.u8(sourcePeer).fixed(peerIdToBytes(source as PeerId));
  if (id !== undefined) w.fixed(peerIdToBytes(id));
  if (record !== undefined) w.bytes(record.record.bytes, RECORD_LIMITS.recordBytesMax).u64(record.signedWall);
  w.u64(row.heardWall).varint(row.buckets.length);
  for (const bucket of row.buckets) w.u16(bucket);
  if (history !== undefined) for (const field of historyFields) w.u64(history[field]);
  return seal(key, w.finish());
}

const historyFields = [
  'ok',
  'fail',
  'rx',
  'tx',
  'failures',
  'seenWall',
  'failedWall',
  'restUntilWall',
  'provenWall',
] as const;

export function decodeAddress(key: string, value: Uint8Array): AddressRow | undefined {
  const body = unseal(key, value);
  if (body === undefined) return undefined;
  const r = new Reader(body);
  const flags = r.u8();
  const kind = r.u8();
  const source = kind === sourcePeer ? peerIdFromBytes(r.fixed(peerIdBytes)) : sources[kind];
  const id = flags & flagId ? peerIdFromBytes(r.fixed(peerIdBytes)) : undefined;
  const recordBytes = flags & flagRecord ? r.bytes(RECORD_LIMITS.recordBytesMax) : undefined;
  const signedWall = recordBytes === undefined ? 0 : r.u64();
  const heardWall = r.u64();
  const buckets: number[] = [];
  for (let n = r.count(BOOK.placesMax); n > 0; n--) buckets.push(r.u16());
  const history = flags & flagHistory ? readHistory(r) : undefined;
  if (!r.done || source === undefined || (flags & ~flagsKnown) !== 0) return undefined;
  const record = recordBytes && decodeRecord(recordBytes);
  if (recordBytes !== undefined && (record === undefined || record.id !== id)) return undefined;
  return {
    saved: (flags & flagSaved) !== 0,
    pinned: (flags & flagPinned) !== 0,
    tried: (flags & flagTried) !== 0,
    source,
    id,
    record: record && { record, signedWall },
    heardWall,
    buckets,
    history,
  };
}

function readHistory(r: Reader): HistoryRow {
  const [ok, fail, rx, tx] = [r.u64(), r.u64(), r.u64(), r.u64()];
  const [failures, seenWall, failedWall] = [r.u64(), r.u64(), r.u64()];
  return { ok, fail, rx, tx, failures, seenWall, failedWall, restUntilWall: r.u64(), provenWall: r.u64() };
}

/** number row (tombstone: wall ms of its end; seq: the number) = value:u64                                   since v1 */
export function encodeNumber(key: string, value: number): Uint8Array {
  return seal(key, new Writer(8).u64(value).finish());
}

export function decodeNumber(key: string, value: Uint8Array): number | undefined {
  const r = new Reader(unseal(key, value) ?? new Uint8Array(0));
  const number = r.u64();
  return r.done ? number : undefined;
}

/** key row (secret, seed) = bytes[32]                                                                        since v1 */
export function encodeSecret(key: string, secret: Uint8Array): Uint8Array {
  return seal(key, secret);
}

export function decodeSecret(key: string, value: Uint8Array): Uint8Array | undefined {
  const body = unseal(key, value);
  return body?.length === 32 ? body.slice() : undefined;
}

/** anchors row = n:varint · n × address:text                                                                 since v1 */
export function encodeAnchors(key: string, addresses: readonly string[]): Uint8Array {
  const w = new Writer(256).varint(addresses.length);
  for (const address of addresses) w.text(address, RECORD_LIMITS.addressBytesMax);
  return seal(key, w.finish());
}

export function decodeAnchors(key: string, value: Uint8Array): string[] | undefined {
  const r = new Reader(unseal(key, value) ?? new Uint8Array(0));
  const addresses: string[] = [];
  for (let n = r.count(PERSISTENCE.anchorsMax); n > 0; n--)
    addresses.push(r.text(RECORD_LIMITS.addressBytesMax));
  return r.done ? addresses : undefined;
}

const slotEmpty = 0;
const slotChosen = 1;
const slotHeld = 2;

/** slots row = n:varint · n × (groupSeed:u32 · idSeed:u32 · ageSeconds:u32 · leftSeconds:u32 · state:u8 (0 empty, 1 chosen, 2 held) · [id[32] · address:text])  since v1 */
export function encodeSlots(key: string, rows: readonly SlotRow[]): Uint8Array {
  const w = new Writer(4096).varint(rows.length);
  for (const { groupSeed, idSeed, ageSeconds, leftSeconds, peer } of rows) {
    w.u32(groupSeed).u32(idSeed).u32(Math.min(ageSeconds, 0xffff_ffff)).u32(leftSeconds);
    if (peer === undefined) w.u8(slotEmpty);
    else
      w.u8(peer.holds ? slotHeld : slotChosen)
        .fixed(peerIdToBytes(peer.id))
        .text(peer.address, RECORD_LIMITS.addressBytesMax);
  }
  return seal(key, w.finish());
}

export function decodeSlots(key: string, value: Uint8Array): SlotRow[] | undefined {
  const r = new Reader(unseal(key, value) ?? new Uint8Array(0));
  const rows: SlotRow[] = [];
  for (let n = r.count(PERSISTENCE.slotsMax); n > 0 && !r.bad; n--) {
    const [groupSeed, idSeed, ageSeconds, leftSeconds] = [r.u32(), r.u32(), r.u32(), r.u32()];
    const state = r.u8();
    if (state > slotHeld) return undefined;
    const id = state === slotEmpty ? undefined : peerIdFromBytes(r.fixed(peerIdBytes));
    const address = state === slotEmpty ? '' : r.text(RECORD_LIMITS.addressBytesMax);
    const peer = id && { id, address, holds: state === slotHeld };
    rows.push({ groupSeed, idSeed, ageSeconds, leftSeconds, peer });
  }
  return r.done ? rows : undefined;
}

/** subnet row = nothing: its key says all                                                                    since v1 */
export function encodeSubnet(key: string): Uint8Array {
  return seal(key, new Uint8Array(0));
}

export function decodeSubnet(key: string, value: Uint8Array): string | undefined {
  return unseal(key, value)?.length === 0 ? key.slice(KEY.subnet.length) : undefined;
}

/** Whether a row is of a version that we do not know: not bad, but not ours to read or delete. */
export function isForeignVersion(value: Uint8Array): boolean {
  return value.length > 0 && value[0] !== rowVersion;
}

function seal(key: string, body: Uint8Array): Uint8Array {
  return new Writer(5 + body.length)
    .u8(rowVersion)
    .u32(crc32(utf8(key), body))
    .fixed(body)
    .finish();
}

function unseal(key: string, value: Uint8Array): Uint8Array | undefined {
  const r = new Reader(value);
  const version = r.u8();
  const sum = r.u32();
  const body = r.fixed(r.left);
  if (r.bad || version !== rowVersion || sum !== crc32(utf8(key), body)) return undefined;
  return body;
}

/** CRC-32 (IEEE 802.3, reflected), a table of 256 words. */
const crcTable = Uint32Array.from({ length: 256 }, (_, i) => {
  let c = i;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

function crc32(...parts: readonly Uint8Array[]): number {
  let c = 0xffff_ffff;
  for (const part of parts)
    for (let i = 0; i < part.length; i++)
      c = (crcTable[(c ^ (part[i] as number)) & 0xff] as number) ^ (c >>> 8);
  return (c ^ 0xffff_ffff) >>> 0;
}
