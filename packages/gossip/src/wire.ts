// Every byte of channel peernet/gossip/1 (protocol.md §5). Encoders are for us and throw on misuse; decoders are for
// strangers: total, bounded before they allocate, undefined for anything that v1 could not have written. Kinds from
// 128 on belong to later versions and are skipped, so that a network can be upgraded node by node.
//
// `aged` below is  ageSeconds:u32 · record : the record as its owner signed it, and how old its carriers say it is.
import {
  addressBytesMax,
  concatBytes,
  fromHex,
  type HeardRecord,
  type PeerId,
  peerIdBytes,
  peerIdFromBytes,
  RECORD_LIMITS,
  Reader,
  scopes,
  signalBytesMax,
  signatureBytes,
  toHex,
  Writer,
} from '@peernet/core';
import { knownId, knownIdBytes, readKnownRecord } from './machine/interning.js';
import {
  type Answer,
  type ExtremaMessage,
  type Hello,
  type Message,
  purposes,
  type Replaced,
  type Said,
  type Shuffle,
  type SignalMessage,
  type Unreachable,
  unreachableCodes,
  type Walk,
  type WireEntry,
  walkKinds,
} from './machine/messages.js';

export * from './machine/messages.js';

/** Wire limits of this channel. */
export const WIRE = Object.freeze({
  /** Records in SHUFFLE, LINK, FULL and REPLACED (protocol.md §5). */
  recordsMax: 5,
  /** Slots of the size estimate (protocol.md §5, K = 64). */
  slots: 64,
  /** Entries of EXTREMA: a whole table, 64 winners and as many heirs (machine/extrema.ts). */
  entriesMax: 128,
  /** Bytes of the digest of that table in HELLO. */
  digestBytes: 8,
  /** Bytes of a walk's id: 2^64 walks do not meet within the 30 s that hops remember them. */
  walkIdBytes: 8,
  /** Bytes of the id of a path; a walk's end takes the walk's. */
  pathIdBytes: 8,
  /** Bytes that sealing may add: an ephemeral key and a tag (packages/connection). */
  sealExtraBytes: 48,
  /** Bytes around what a signal says: sender 32, counter, kind, length 2, signature 64. */
  signalExtraBytes: 100,
  /** Longest walk: 24 hops and 4 more to find an end (protocol.md §5). */
  ttlMax: 28,
  /** Bytes in HELLO that v1 does not understand: room for what later versions want to say. */
  extensionBytesMax: 256,
  /** Ages above this are expired whatever the record says, seconds: the longest ttl. */
  ageSecondsMax: RECORD_LIMITS.ttlSecondsMax,
});

const kinds = Object.freeze({
  hello: 1,
  record: 2,
  shuffle: 3,
  extrema: 4,
  walk: 5,
  link: 6,
  full: 7,
  replaced: 8,
  signal: 9,
  unreachable: 10,
});
/** First kind that v1 skips instead of refusing. */
const laterKinds = 128;

const noWalk = '0'.repeat(2 * WIRE.walkIdBytes);

/** A writer with room for a head of `bytes` and these records: no copy of what was written. */
function writerFor(bytes: number, ...heards: readonly (HeardRecord | undefined)[]): Writer {
  let size = bytes;
  for (const heard of heards) if (heard !== undefined) size += 4 + heard.record.bytes.length;
  return new Writer(size);
}

function writeAged(w: Writer, heard: HeardRecord): Writer {
  return w
    .u32(Math.min(Math.max(0, Math.floor(heard.ageSeconds)), WIRE.ageSecondsMax))
    .fixed(heard.record.bytes);
}

function readAged(r: Reader, bytes: Uint8Array): HeardRecord | undefined {
  const ageSeconds = r.u32();
  if (ageSeconds > WIRE.ageSecondsMax) return r.fail();
  const record = r.bad ? undefined : readKnownRecord(r, bytes);
  return record && { record, ageSeconds };
}

function writeList(w: Writer, records: readonly HeardRecord[]): Writer {
  if (records.length > WIRE.recordsMax) throw new TypeError(`${records.length} records`);
  w.varint(records.length);
  for (const heard of records) writeAged(w, heard);
  return w;
}

function readList(r: Reader, bytes: Uint8Array): HeardRecord[] {
  const records: HeardRecord[] = [];
  for (let n = r.count(WIRE.recordsMax); n > 0 && !r.bad; n--) {
    const heard = readAged(r, bytes);
    if (heard !== undefined) records.push(heard);
  }
  return records;
}

function degreeOf(degree: number): number {
  return Math.min(degree, 0xffff);
}

/** HELLO = 1:u8 · purpose:u8 · degree:u16 · wallMs:u64 · dialed:text≤256 · observed:text≤256 · digest[8] · extension:bytes≤256 · aged   since v1 */
export function encodeHello(m: Omit<Hello, 'kind'>): Uint8Array {
  const w = writerFor(24 + WIRE.digestBytes + m.dialed.length + m.observed.length, m.self)
    .u8(kinds.hello)
    .u8(purposes.indexOf(m.purpose))
    .u16(degreeOf(m.degree))
    .u64(Math.max(0, Math.floor(m.wallMs)))
    .text(m.dialed, addressBytesMax)
    .text(m.observed, addressBytesMax)
    .fixed(m.digest)
    .varint(0);
  return writeAged(w, m.self).finish();
}

function decodeHello(r: Reader, bytes: Uint8Array): Hello | undefined {
  const purpose = purposes[r.u8()];
  const degree = r.u16();
  const wallMs = r.u64();
  const dialed = r.text(addressBytesMax);
  const observed = r.text(addressBytesMax);
  const digest = r.fixed(WIRE.digestBytes).slice();
  r.bytes(WIRE.extensionBytesMax);
  const self = readAged(r, bytes);
  if (purpose === undefined || self === undefined) return undefined;
  return { kind: 'hello', purpose, degree, wallMs, dialed, observed, digest, self };
}

/** RECORD = 2:u8 · aged   since v1 */
export function encodeRecord(self: HeardRecord): Uint8Array {
  return writeAged(writerFor(1, self).u8(kinds.record), self).finish();
}

/** SHUFFLE = 3:u8 · answer:u8 (0, 1) · degree:u16 · n:varint≤5 · n × aged   since v1 */
export function encodeShuffle(m: Omit<Shuffle, 'kind'>): Uint8Array {
  const w = writerFor(5, ...m.records)
    .u8(kinds.shuffle)
    .u8(m.answer ? 1 : 0)
    .u16(degreeOf(m.degree));
  return writeList(w, m.records).finish();
}

function decodeShuffle(r: Reader, bytes: Uint8Array): Shuffle | undefined {
  const answer = r.u8();
  const degree = r.u16();
  const records = readList(r, bytes);
  return answer > 1 ? undefined : { kind: 'shuffle', answer: answer === 1, degree, records };
}

/**
 * EXTREMA = 4:u8 · degree:u16 · n:varint≤128 · n × (id[32] · signature[64] · m:varint≤128 · m × (slot:u8 · ageSeconds:u16))   since v1
 * One signature serves all slots of an id, so entries travel grouped by id; at most 128 of them in all.
 */
export function encodeExtrema(degree: number, entries: readonly WireEntry[]): Uint8Array {
  if (entries.length > WIRE.entriesMax) throw new TypeError(`${entries.length} entries`);
  const groups = new Map<PeerId, WireEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.id);
    if (group === undefined) groups.set(entry.id, [entry]);
    else group.push(entry);
  }
  const w = new Writer(5 + groups.size * (1 + peerIdBytes + signatureBytes) + 3 * entries.length)
    .u8(kinds.extrema)
    .u16(degreeOf(degree))
    .varint(groups.size);
  for (const [id, group] of groups) {
    w.fixed(knownIdBytes(id))
      .fixed((group[0] as WireEntry).signature)
      .varint(group.length);
    for (const { slot, ageSeconds } of group) w.u8(slot).u16(Math.min(Math.ceil(ageSeconds), 0xffff));
  }
  return w.finish();
}

function decodeExtrema(r: Reader): ExtremaMessage | undefined {
  const degree = r.u16();
  const entries: WireEntry[] = [];
  for (let n = r.count(WIRE.entriesMax); n > 0; n--) {
    const idBytes = r.fixed(peerIdBytes);
    const signature = r.fixed(signatureBytes);
    const count = r.count(WIRE.entriesMax - entries.length);
    if (r.bad || count === 0) return undefined;
    const id = knownId(idBytes);
    for (let k = 0; k < count; k++) {
      const slot = r.u8();
      const ageSeconds = r.u16();
      if (slot >= WIRE.slots) return undefined;
      entries.push({ slot, id, ageSeconds, signature });
    }
  }
  return { kind: 'extrema', degree, entries };
}

/** WALK = 5:u8 · id[8] · ttl:u8 · kind:u8 · degree:u16 · desperate:u8 (0, 1) · aged   since v1 */
export function encodeWalk(m: Omit<Walk, 'kind'>): Uint8Array {
  const w = writerFor(14, m.origin)
    .u8(kinds.walk)
    .fixed(fromHex(m.id) as Uint8Array)
    .u8(m.ttl)
    .u8(walkKinds.indexOf(m.purpose))
    .u16(degreeOf(m.degree))
    .u8(m.desperate ? 1 : 0);
  return writeAged(w, m.origin).finish();
}

function decodeWalk(r: Reader, bytes: Uint8Array): Walk | undefined {
  const id = toHex(r.fixed(WIRE.walkIdBytes));
  const ttl = r.u8();
  const purpose = walkKinds[r.u8()];
  const degree = r.u16();
  const desperate = r.u8();
  const origin = readAged(r, bytes);
  if (purpose === undefined || origin === undefined || ttl > WIRE.ttlMax || desperate > 1) return undefined;
  if (id === noWalk) return undefined;
  return { kind: 'walk', id, ttl, purpose, degree, desperate: desperate === 1, origin };
}

/** LINK, FULL = 6 or 7:u8 · walk[8] (zeros: this link) · degree:u16 · n:varint≤5 · n × aged   since v1 */
export function encodeAnswer(m: Answer): Uint8Array {
  const w = writerFor(12, ...m.records)
    .u8(kinds[m.kind])
    .fixed(fromHex(m.walk === '' ? noWalk : m.walk) as Uint8Array)
    .u16(degreeOf(m.degree));
  return writeList(w, m.records).finish();
}

function decodeAnswer(r: Reader, bytes: Uint8Array, kind: Answer['kind']): Answer {
  const walk = toHex(r.fixed(WIRE.walkIdBytes));
  return { kind, walk: walk === noWalk ? '' : walk, degree: r.u16(), records: readList(r, bytes) };
}

/** REPLACED = 8:u8 · joiners:u8 (0, 1) · joiners × aged · n:varint≤5 · n × aged   since v1 */
export function encodeReplaced(joiner: HeardRecord | undefined, records: readonly HeardRecord[]): Uint8Array {
  const w = writerFor(3, joiner, ...records)
    .u8(kinds.replaced)
    .u8(joiner === undefined ? 0 : 1);
  if (joiner !== undefined) writeAged(w, joiner);
  return writeList(w, records).finish();
}

function decodeReplaced(r: Reader, bytes: Uint8Array): Replaced | undefined {
  const joiners = r.u8();
  const joiner = joiners === 1 ? readAged(r, bytes) : undefined;
  const records = readList(r, bytes);
  return joiners > 1 ? undefined : { kind: 'replaced', joiner, records };
}

/** Longest sealed signal. */
export const sealedBytesMax: number = signalBytesMax + WIRE.signalExtraBytes + WIRE.sealExtraBytes;

/** SIGNAL = 9:u8 · path[8] · scope:u8 (0 loopback … 3 global) · targets:u8 (0, 1) · targets × id[32] · sealed:bytes≤8340   since v1 */
export function encodeSignal(m: Omit<SignalMessage, 'kind'>): Uint8Array {
  const w = new Writer(13 + peerIdBytes + m.sealed.length)
    .u8(kinds.signal)
    .fixed(fromHex(m.path) as Uint8Array)
    .u8(scopes.indexOf(m.scope))
    .u8(m.target === undefined ? 0 : 1);
  if (m.target !== undefined) w.fixed(knownIdBytes(m.target));
  return w.bytes(m.sealed, sealedBytesMax).finish();
}

function decodeSignal(r: Reader): SignalMessage | undefined {
  const path = toHex(r.fixed(WIRE.pathIdBytes));
  const scope = scopes[r.u8()];
  const targets = r.u8();
  const target = targets === 1 ? knownId(r.fixed(peerIdBytes)) : undefined;
  const sealed = r.bytes(sealedBytesMax);
  if (scope === undefined || targets > 1) return undefined;
  return { kind: 'signal', path, scope, target, sealed };
}

const signalKinds = ['offer', 'answer', 'candidate'] as const;

/**
 * statement = path[8] · to[32] · from[32] · counter:u8 · kind:u8 (0 offer, 1 answer, 2 candidate) · body:bytes≤8192   since v1
 * What the sender of a signal signs.
 */
export function encodeStatement(path: string, to: PeerId, said: Said): Uint8Array {
  const { signal, from, counter } = said;
  const text = signal.kind === 'candidate' ? signal.candidate : signal.sdp;
  return new Writer(WIRE.pathIdBytes + 2 * peerIdBytes + 5 + text.length)
    .fixed(fromHex(path) as Uint8Array)
    .fixed(knownIdBytes(to))
    .fixed(knownIdBytes(from))
    .u8(counter)
    .u8(signalKinds.indexOf(signal.kind))
    .text(text, signalBytesMax)
    .finish();
}

/** Bytes at the head of a statement that the receiver knows anyway. */
const statementHead = WIRE.pathIdBytes + peerIdBytes;

/** sealed = statement without path and to · signature[64]   since v1 */
export function encodeSaid(statement: Uint8Array, signature: Uint8Array): Uint8Array {
  return concatBytes(statement.subarray(statementHead), signature);
}

/** What was in a seal, and its signature; whether that holds is for the caller. */
export function decodeSaid(bytes: Uint8Array): { said: Said; signature: Uint8Array } | undefined {
  const r = new Reader(bytes);
  const from = peerIdFromBytes(r.fixed(peerIdBytes));
  const counter = r.u8();
  const kind = signalKinds[r.u8()];
  const text = r.text(signalBytesMax);
  const signature = r.fixed(signatureBytes);
  if (!r.done || kind === undefined) return undefined;
  const signal = kind === 'candidate' ? { kind, candidate: text } : { kind, sdp: text };
  return { said: { from, counter, signal }, signature };
}

/** UNREACHABLE = 10:u8 · path[8] · code:u8 (0 NOT_FOUND, 1 LIMIT, 2 LOST, 3 REFUSED)   since v1 */
export function encodeUnreachable(m: Omit<Unreachable, 'kind'>): Uint8Array {
  return new Writer(10)
    .u8(kinds.unreachable)
    .fixed(fromHex(m.path) as Uint8Array)
    .u8(unreachableCodes.indexOf(m.code))
    .finish();
}

function decodeUnreachable(r: Reader): Unreachable | undefined {
  const path = toHex(r.fixed(WIRE.pathIdBytes));
  const code = unreachableCodes[r.u8()];
  return code && { kind: 'unreachable', path, code };
}

/** The message that `bytes` are, or undefined. Signatures are not looked at. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const r = new Reader(bytes);
  const kind = r.u8();
  if (kind >= laterKinds) return { kind: 'unknown' };
  const message = decodeBody(r, bytes, kind);
  return r.done ? message : undefined;
}

function decodeBody(r: Reader, bytes: Uint8Array, kind: number): Message | undefined {
  switch (kind) {
    case kinds.hello:
      return decodeHello(r, bytes);
    case kinds.record: {
      const self = readAged(r, bytes);
      return self && { kind: 'record', self };
    }
    case kinds.shuffle:
      return decodeShuffle(r, bytes);
    case kinds.extrema:
      return decodeExtrema(r);
    case kinds.walk:
      return decodeWalk(r, bytes);
    case kinds.link:
      return decodeAnswer(r, bytes, 'link');
    case kinds.full:
      return decodeAnswer(r, bytes, 'full');
    case kinds.replaced:
      return decodeReplaced(r, bytes);
    case kinds.signal:
      return decodeSignal(r);
    case kinds.unreachable:
      return decodeUnreachable(r);
    default:
      return undefined;
  }
}
