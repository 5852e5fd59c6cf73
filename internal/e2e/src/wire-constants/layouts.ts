// Messages written by hand, field by field, so that one field can be what no encoder would write. Everything that is
// not asked for is as small as it may be; signatures are zeros, since decoders do not look at them.
import { Writer } from '@peernet/core';

export const zeros = (n: number): Uint8Array => new Uint8Array(n);
/** Bytes that are nothing else: no small number, no zero. */
export const marks = (n: number): Uint8Array => new Uint8Array(n).fill(0xee);
/** Text of exactly `n` bytes that may stand in a record. */
const addressOf = (n: number): string => 'ws://'.padEnd(n, 'a').slice(0, n);
/** Limits of the hand that writes: none. */
const any = 1_000_000;

export interface RecordOf {
  readonly ttlSeconds?: number;
  readonly addresses?: readonly number[];
  readonly relays?: readonly number[];
}

/** A record whose addresses have these lengths. */
export function recordOf({ ttlSeconds = 60, addresses = [], relays = [] }: RecordOf = {}): Uint8Array {
  const w = new Writer().fixed(marks(32)).u64(1).u32(ttlSeconds).u8(0).varint(addresses.length);
  for (const n of addresses) w.text(addressOf(n), any);
  w.varint(relays.length);
  for (const n of relays) w.fixed(marks(32)).text(addressOf(n), any);
  return w.fixed(zeros(64)).finish();
}

/** A record of exactly `n` bytes, 369 to 625. */
export function recordOfBytes(n: number): Uint8Array {
  const bare = recordOf().length;
  return recordOf({ addresses: [200, n - bare - 202 - 2] });
}

function agedOf(ageSeconds = 0): Uint8Array {
  return new Writer().u32(ageSeconds).fixed(recordOf()).finish();
}

// ---- gossip ----

export interface HelloOf {
  readonly dialed?: number;
  readonly observed?: number;
  readonly digest?: number;
  readonly extension?: number;
}

export function gossipHello({ dialed = 0, observed = 0, digest = 8, extension = 0 }: HelloOf): Uint8Array {
  return new Writer()
    .u8(1)
    .u8(0)
    .u16(0)
    .u64(1)
    .text(addressOf(dialed), any)
    .text(addressOf(observed), any)
    .fixed(marks(digest))
    .bytes(zeros(extension), any)
    .fixed(agedOf())
    .finish();
}

function list(w: Writer, records: number): Uint8Array {
  w.varint(records);
  for (let n = 0; n < records; n++) w.fixed(agedOf());
  return w.finish();
}

export function gossipRecord(ageSeconds: number): Uint8Array {
  return new Writer().u8(2).fixed(agedOf(ageSeconds)).finish();
}

export function shuffleOf(records: number): Uint8Array {
  return list(new Writer().u8(3).u8(0).u16(0), records);
}

/** @param groups entries of each id, one id after the other. */
export function extremaOf(groups: readonly number[], slot = 0): Uint8Array {
  const w = new Writer().u8(4).u16(0).varint(groups.length);
  for (const entries of groups) {
    w.fixed(marks(32)).fixed(zeros(64)).varint(entries);
    for (let n = 0; n < entries; n++) w.u8(slot).u16(0);
  }
  return w.finish();
}

export function walkOf({ id = 8, ttl = 1 }: { id?: number; ttl?: number }): Uint8Array {
  return new Writer().u8(5).fixed(marks(id)).u8(ttl).u8(0).u16(0).u8(0).fixed(agedOf()).finish();
}

export function answerOf(records: number): Uint8Array {
  return list(new Writer().u8(7).fixed(zeros(8)).u16(0), records);
}

export function replacedOf(records: number): Uint8Array {
  return list(new Writer().u8(8).u8(0), records);
}

export function signalOf({ path = 8, sealed = 1 }: { path?: number; sealed?: number }): Uint8Array {
  return new Writer().u8(9).fixed(marks(path)).u8(0).u8(0).bytes(marks(sealed), any).finish();
}

/** What is in a seal: `text` bytes, and the rest as long as `extra`. */
export function saidOf(text: number, extra = 100): Uint8Array {
  const w = new Writer().fixed(marks(32)).u8(0).u8(0).text('x'.repeat(text), any);
  return w.fixed(zeros(extra - 36)).finish();
}

// ---- search ----

export interface AdvertOf {
  readonly subnet?: number;
  readonly record?: Uint8Array;
  readonly ttlSeconds?: number;
  readonly meta?: number;
}

export function advertOf({ subnet = 32, record, ttlSeconds = 60, meta = 0 }: AdvertOf): Uint8Array {
  return new Writer()
    .fixed(marks(subnet))
    .bytes(record ?? recordOf(), any)
    .u64(1)
    .u16(ttlSeconds)
    .bytes(zeros(meta), any)
    .fixed(zeros(64))
    .finish();
}

export function advertMessage({
  hops = 1,
  ageSeconds = 0,
}: {
  hops?: number;
  ageSeconds?: number;
}): Uint8Array {
  return new Writer().u8(1).u16(1).u8(hops).u16(ageSeconds).fixed(advertOf({})).finish();
}

export interface SearchOf {
  readonly hops?: number;
  readonly want?: number;
  readonly searchId?: number;
  readonly subnet?: number;
  readonly payload?: number;
  /** Lengths of the ids that are known. */
  readonly known?: readonly number[];
}

export function searchOf(fields: SearchOf): Uint8Array {
  const { hops = 1, want = 1, searchId = 16, subnet = 32, payload = 0, known = [] } = fields;
  const w = new Writer().u8(2).u16(1).u8(hops).u8(want).fixed(marks(searchId)).fixed(marks(subnet));
  w.bytes(zeros(payload), any).varint(known.length);
  for (const n of known) w.fixed(marks(n));
  return w.finish();
}

export interface RowsOf {
  readonly query?: number;
  /** Bytes of each object. */
  readonly objects?: readonly number[];
  readonly hops?: number;
  readonly ageSeconds?: number;
}

export function rowsOf({ query = 16, objects = [1], hops = 1, ageSeconds = 0 }: RowsOf): Uint8Array {
  const w = new Writer().u8(3).fixed(marks(query)).varint(objects.length);
  for (const n of objects) w.u8(0).u8(hops).u16(ageSeconds).bytes(marks(n), any);
  return w.finish();
}

export function orphansOf(places: readonly number[]): Uint8Array {
  const w = new Writer().u8(4).varint(places.length);
  for (const n of places) w.fixed(marks(n));
  return w.finish();
}
