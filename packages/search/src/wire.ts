// Every byte that the search sends: four messages and the two signed objects that they carry. Decoders are total:
// undefined for anything that an honest node of this version would not send. Budgets, hops, ages and wants are
// changed on the way and signed by nobody; everything else is covered by a signature or by the name of the search.
import {
  type Crypto,
  DOMAIN,
  fromHex,
  type PeerId,
  type PeerRecord,
  Reader,
  readRecord,
  signatureBytes,
  toHex,
  Writer,
} from '@peernet/core';
import { WIRE } from './defaults.js';

const tagAdvert = 1;
const tagSearch = 2;
const tagRows = 3;

const tagOrphans = 4;

/** Kinds of rows in the order of their numbers: append only. */
const rowKinds = ['advert', 'answer', 'orphan', 'withdrawal'] as const;

/** Domain of the hash that names a search to those who answer it. */
const queryDomain = 'peernet/search/1';
/** Domain of the hash that tells adverts apart; it stays inside a node. */
const objectDomain = 'peernet/object/1';

/** "I belong to this subnet, and there you find me", signed by the member. */
export interface Advert {
  readonly subnet: Uint8Array;
  readonly id: PeerId;
  readonly record: PeerRecord;
  /** Higher replaces: wall ms of its owner. */
  readonly seq: number;
  /** 0 withdraws. */
  readonly ttlSeconds: number;
  /** The member's own words; empty if none. */
  readonly meta: Uint8Array;
  /** As it travels, signature included. */
  readonly bytes: Uint8Array;
}

/** What a handler answers to one search, signed by the one who answers. */
export interface Answer {
  /** The search, by its name: bound to its random id, subnet and payload, so that it answers nothing else. */
  readonly query: Uint8Array;
  readonly subnet: Uint8Array;
  readonly id: PeerId;
  readonly record: PeerRecord;
  readonly meta: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface AdvertMessage {
  readonly type: 'advert';
  /** Nodes that this copy may still visit, the receiver included. */
  readonly budget: number;
  /** Links from the member to the receiver. */
  readonly hops: number;
  /** How old the advert is by the sum of its holders' clocks. */
  readonly ageSeconds: number;
  /** The signed object, not yet decoded: most copies are known already. A view into the message. */
  readonly advert: Uint8Array;
}

export interface SearchMessage {
  readonly type: 'search';
  readonly budget: number;
  readonly hops: number;
  /** Rows that the origin still hopes for along this branch. */
  readonly want: number;
  /** Members that were answered on the way here, by `briefOf`: nobody needs to name them again. */
  readonly known: readonly string[];
  readonly searchId: Uint8Array;
  readonly subnet: Uint8Array;
  /** A question to handlers; empty: members are looked for. */
  readonly payload: Uint8Array;
}

/**
 * advert: by one of whose links an unbroken chain leads to its member. orphan: an advert that was told along a link
 * that is gone, so that a withdrawal may have missed it. withdrawal: an advert that takes others back.
 */
export type RowKind = (typeof rowKinds)[number];

export interface Row {
  readonly kind: RowKind;
  /** Links from the origin to the member, by way of this row. */
  readonly hops: number;
  readonly ageSeconds: number;
  /** The signed object. */
  readonly bytes: Uint8Array;
}

export interface RowsMessage {
  readonly type: 'rows';
  /** Which search is answered: `queryOf`. */
  readonly query: Uint8Array;
  readonly rows: readonly Row[];
}

/** "No chain of links leads from me to these members any more": to those whom we told of them. */
export interface OrphansMessage {
  readonly type: 'orphans';
  /** `placeOf` their adverts. */
  readonly places: readonly string[];
}

export type Message = AdvertMessage | SearchMessage | RowsMessage | OrphansMessage;

/** The message, or undefined if it is none. Objects inside are not decoded yet. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const r = new Reader(bytes);
  const tag = r.u8();
  if (tag === tagAdvert) return readAdvertMessage(r);
  if (tag === tagSearch) return readSearch(r);
  if (tag === tagRows) return readRows(r);
  if (tag === tagOrphans) return readOrphans(r);
  return undefined;
}

/** advert message = 1:u8 · budget:u16 · hops:u8 · ageSeconds:u16 · advert                                    since v1 */
export function encodeAdvertMessage(m: Omit<AdvertMessage, 'type'>): Uint8Array {
  return new Writer(6 + m.advert.length)
    .u8(tagAdvert)
    .u16(m.budget)
    .u8(m.hops)
    .u16(m.ageSeconds)
    .fixed(m.advert)
    .finish();
}

function readAdvertMessage(r: Reader): AdvertMessage | undefined {
  const budget = r.u16();
  const hops = r.u8();
  const ageSeconds = r.u16();
  const advert = r.fixed(r.left);
  if (r.bad || budget < 1 || !isHops(hops, WIRE.hopsMax) || ageSeconds > WIRE.ttlSecondsMax) return undefined;
  return { type: 'advert', budget, hops, ageSeconds, advert };
}

/** search message = 2:u8 · budget:u16 · hops:u8 · want:u8 · searchId[16] · subnet[32] · payload:bytes · n:varint(0…32) · n × (first 8 bytes of an id)   since v1 */
export function encodeSearch(m: Omit<SearchMessage, 'type'>): Uint8Array {
  const w = new Writer(64 + m.payload.length + WIRE.briefBytes * m.known.length)
    .u8(tagSearch)
    .u16(m.budget)
    .u8(m.hops)
    .u8(m.want)
    .fixed(m.searchId)
    .fixed(m.subnet)
    .bytes(m.payload, WIRE.payloadBytesMax)
    .varint(m.known.length);
  for (const brief of m.known) w.fixed(fromHex(brief) as Uint8Array);
  return w.finish();
}

function readSearch(r: Reader): SearchMessage | undefined {
  const budget = r.u16();
  const hops = r.u8();
  const want = r.u8();
  const searchId = r.fixed(WIRE.searchIdBytes);
  const subnet = r.fixed(WIRE.subnetBytes);
  const payload = r.bytes(WIRE.payloadBytesMax);
  const known: string[] = [];
  for (let n = r.count(WIRE.wantMax); n > 0 && !r.bad; n--) known.push(toHex(r.fixed(WIRE.briefBytes)));
  if (!r.done || budget < 1 || !isHops(hops, WIRE.hopsMax) || want < 1 || want > WIRE.wantMax)
    return undefined;
  return { type: 'search', budget, hops, want, known, searchId, subnet, payload };
}

/**
 * rows message = 3:u8 · query[16] · n:varint(1…16) · n × row                                                  since v1
 * row = kind:u8(0 advert, 1 answer, 2 orphan, 3 withdrawal) · hops:u8 · ageSeconds:u16 · object:bytes
 */
export function encodeRows(query: Uint8Array, rows: readonly Row[]): Uint8Array {
  const w = new Writer(32 + rows.reduce((sum, row) => sum + row.bytes.length + 6, 0));
  w.u8(tagRows).fixed(query).varint(rows.length);
  for (const row of rows) {
    w.u8(rowKinds.indexOf(row.kind)).u8(row.hops).u16(row.ageSeconds);
    w.bytes(row.bytes, objectBytesMax);
  }
  return w.finish();
}

function readRows(r: Reader): RowsMessage | undefined {
  const query = r.fixed(WIRE.queryBytes);
  const rows: Row[] = [];
  for (let n = r.count(WIRE.rowsPerMessageMax); n > 0 && !r.bad; n--) {
    const kind = rowKinds[r.u8()];
    const hops = r.u8();
    const ageSeconds = r.u16();
    const bytes = r.bytes(objectBytesMax);
    // A search has taken ≤ 16 hops to the holder, the advert ≤ 16 from the member.
    if (kind === undefined || !isHops(hops, 2 * WIRE.hopsMax) || ageSeconds > WIRE.ttlSecondsMax)
      return undefined;
    rows.push({ kind, hops, ageSeconds, bytes });
  }
  return r.done && rows.length > 0 ? { type: 'rows', query, rows } : undefined;
}

/** orphans message = 4:u8 · n:varint(1…256) · n × (first 12 bytes of the subnet hash · first 16 of the id)      since v1 */
export function encodeOrphans(places: readonly string[]): Uint8Array {
  const w = new Writer(4 + WIRE.placeBytes * places.length).u8(tagOrphans).varint(places.length);
  for (const place of places) w.fixed(fromHex(place) as Uint8Array);
  return w.finish();
}

function readOrphans(r: Reader): OrphansMessage | undefined {
  const places: string[] = [];
  for (let n = r.count(WIRE.orphansMax); n > 0 && !r.bad; n--) places.push(toHex(r.fixed(WIRE.placeBytes)));
  return r.done && places.length > 0 ? { type: 'orphans', places } : undefined;
}

/** Names the place of a member in a subnet: 96 bits of the one, 128 of the other, so that nobody finds two alike. */
export function placeOf(subnet: string, id: PeerId): string {
  return subnet.slice(0, 24) + id.slice(0, 32);
}

/** Names a member where a mistake would only hide it from one branch of one search: 64 bits of its id, beyond grinding. */
export function briefOf(id: PeerId): string {
  return id.slice(0, 2 * WIRE.briefBytes);
}

function isHops(hops: number, max: number): boolean {
  return hops >= 1 && hops <= max;
}

/** Longest signed object: an advert is 32 + 514 + 8 + 2 + 130 + 64, an answer 16 + 32 + 514 + 130 + 64 bytes. */
export const objectBytesMax = 756;

/** Signs an advert. A record above 512 bytes, meta above 128 or a ttl above 600: TypeError. */
export function signAdvert(
  crypto: Crypto,
  fields: Pick<Advert, 'subnet' | 'record' | 'seq' | 'ttlSeconds' | 'meta'>,
): Advert {
  if (fields.ttlSeconds > WIRE.ttlSecondsMax)
    throw new TypeError(`an advert lives at most ${WIRE.ttlSecondsMax} s`);
  const body = encodeAdvertBody(fields);
  const signature = crypto.sign(DOMAIN.advert, body.finish());
  return { ...fields, id: crypto.id, bytes: body.fixed(signature).finish() };
}

/**
 * advert = subnet[32] · record:bytes · seq:u64 · ttlSeconds:u16 · meta:bytes · signature[64]                   since v1
 * The record is one of core's, its owner is the member; the signature (domain peernet/ad/1) covers all before it.
 */
function encodeAdvertBody(fields: Pick<Advert, 'subnet' | 'record' | 'seq' | 'ttlSeconds' | 'meta'>): Writer {
  return new Writer(objectBytesMax)
    .fixed(fields.subnet)
    .bytes(fields.record.bytes, WIRE.recordBytesMax)
    .u64(fields.seq)
    .u16(fields.ttlSeconds)
    .bytes(fields.meta, WIRE.metaBytesMax);
}

/** Reads an advert; checks form and limits, not the signature (`verifyAdvert`). Keeps `bytes`, so copy them before if they are a view. */
export function decodeAdvert(bytes: Uint8Array): Advert | undefined {
  const r = new Reader(bytes);
  const subnet = r.fixed(WIRE.subnetBytes);
  const record = readInnerRecord(r);
  const seq = r.u64();
  const ttlSeconds = r.u16();
  const meta = r.bytes(WIRE.metaBytesMax);
  r.fixed(signatureBytes);
  if (!r.done || record === undefined || ttlSeconds > WIRE.ttlSecondsMax) return undefined;
  return { subnet, id: record.id, record, seq, ttlSeconds, meta, bytes };
}

function readInnerRecord(r: Reader): PeerRecord | undefined {
  const inner = new Reader(r.bytes(WIRE.recordBytesMax));
  const record = readRecord(inner);
  return inner.done ? record : r.fail();
}

export function verifyAdvert(crypto: Crypto, advert: Advert): boolean {
  return verifyObject(crypto, DOMAIN.advert, advert.id, advert.bytes);
}

/** Signs what a handler answers. Meta above 128 bytes: TypeError. */
export function signAnswer(
  crypto: Crypto,
  fields: Pick<Answer, 'query' | 'subnet' | 'record' | 'meta'>,
): Answer {
  const body = encodeAnswerBody(fields);
  const signature = crypto.sign(DOMAIN.answer, body.finish());
  return { ...fields, id: crypto.id, bytes: body.fixed(signature).finish() };
}

/** answer = query[16] · subnet[32] · record:bytes · meta:bytes · signature[64] (domain peernet/answer/1)         since v1 */
function encodeAnswerBody(fields: Pick<Answer, 'query' | 'subnet' | 'record' | 'meta'>): Writer {
  return new Writer(objectBytesMax)
    .fixed(fields.query)
    .fixed(fields.subnet)
    .bytes(fields.record.bytes, WIRE.recordBytesMax)
    .bytes(fields.meta, WIRE.metaBytesMax);
}

export function decodeAnswer(bytes: Uint8Array): Answer | undefined {
  const r = new Reader(bytes);
  const query = r.fixed(WIRE.queryBytes);
  const subnet = r.fixed(WIRE.subnetBytes);
  const record = readInnerRecord(r);
  const meta = r.bytes(WIRE.metaBytesMax);
  r.fixed(signatureBytes);
  if (!r.done || record === undefined) return undefined;
  return { query, subnet, id: record.id, record, meta, bytes };
}

export function verifyAnswer(crypto: Crypto, answer: Answer): boolean {
  return verifyObject(crypto, DOMAIN.answer, answer.id, answer.bytes);
}

function verifyObject(crypto: Crypto, domain: string, id: PeerId, bytes: Uint8Array): boolean {
  const at = bytes.length - signatureBytes;
  return crypto.verify(domain, id, bytes.subarray(0, at), bytes.subarray(at));
}

/**
 * Names a search: the first 16 bytes of H(`peernet/search/1`, searchId[16] · subnet[32] · payload). Over all that may
 * not change on the way, so that a copy that somebody altered is another search and blocks nothing.
 */
export function queryOf(
  crypto: Crypto,
  m: Pick<SearchMessage, 'searchId' | 'subnet' | 'payload'>,
): Uint8Array {
  const body = new Writer(48 + m.payload.length).fixed(m.searchId).fixed(m.subnet).fixed(m.payload).finish();
  return crypto.hash(queryDomain, body).subarray(0, WIRE.queryBytes);
}

/** Tells signed objects apart: over all bytes, the signature too. */
export function objectKeyOf(crypto: Crypto, bytes: Uint8Array): Uint8Array {
  return crypto.hash(objectDomain, bytes).subarray(0, WIRE.queryBytes);
}

/** subnet hash = H(`peernet/subnet/1`, H(`peernet/subnet/1`, network) · name): the name does not travel.          since v1 */
export function subnetHash(crypto: Crypto, name: Uint8Array, network: Uint8Array): Uint8Array {
  const seed = crypto.hash(DOMAIN.subnet, network);
  return crypto.hash(DOMAIN.subnet, new Writer(32 + name.length).fixed(seed).fixed(name).finish());
}
