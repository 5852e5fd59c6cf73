// RECORD: what a peer says of itself, signed by itself (protocol.md §2). Others' claims about an id do not exist.
//
// It lives in core because three packages carry it: gossip exchanges records, search inlines them in adverts, the
// store keeps them. Carriers pass on the very bytes that were signed, so decoding keeps them.
import { parseAddress } from './address.js';
import { Reader, Writer } from './bytes.js';
import { type Crypto, DOMAIN, signatureBytes } from './crypto.js';
import { type PeerId, peerIdBytes, peerIdFromBytes, peerIdToBytes } from './peer-id.js';

/** Wire limits of a record (protocol.md §2). */
export const RECORD_LIMITS = Object.freeze({
  /** Longest life of a record, seconds: 24 h (protocol.md §2). */
  ttlSecondsMax: 86_400,
  /** Addresses in one record (protocol.md §2). */
  addressesMax: 4,
  /** Bytes of one address (protocol.md §2). */
  addressBytesMax: 256,
  /** Relays in one record (protocol.md §2). */
  relaysMax: 3,
  /** Bytes of a whole record: 32 + 8 + 4 + 1 + (1 + 4·258) + (1 + 3·290) + 64, by arithmetic. */
  recordBytesMax: 2013,
});

/** Somebody who can introduce the peer to us. */
export interface Relay {
  readonly id: PeerId;
  readonly address: string;
}

/** What the owner decides about. */
export interface RecordFields {
  /** Higher replaces. max(persisted + 1, wall ms) at its owner. */
  readonly seq: number;
  readonly ttlSeconds: number;
  readonly addresses: readonly string[];
  readonly relays: readonly Relay[];
  readonly dialable: boolean;
  readonly webrtc: boolean;
  readonly stun: boolean;
}

export interface PeerRecord extends RecordFields {
  readonly id: PeerId;
  /** The record as it travels, signature included. */
  readonly bytes: Uint8Array;
}

const flagDialable = 1;
const flagWebrtc = 2;
const flagStun = 4;
const flagsKnown = flagDialable | flagWebrtc | flagStun;

/**
 * record = id[32] · seq:u64 · ttlSeconds:u32 · flags:u8 · n:varint · n × address:text · m:varint · m × (id[32] · address:text) · signature[64]
 * The signature covers everything before it.                                                                      since v1
 */
function encodeBody(id: PeerId, fields: RecordFields): Writer {
  const w = new Writer(256)
    .fixed(peerIdToBytes(id))
    .u64(fields.seq)
    .u32(fields.ttlSeconds)
    .u8(
      (fields.dialable ? flagDialable : 0) | (fields.webrtc ? flagWebrtc : 0) | (fields.stun ? flagStun : 0),
    )
    .varint(fields.addresses.length);
  for (const address of fields.addresses) w.text(address, RECORD_LIMITS.addressBytesMax);
  w.varint(fields.relays.length);
  for (const relay of fields.relays) {
    w.fixed(peerIdToBytes(relay.id)).text(relay.address, RECORD_LIMITS.addressBytesMax);
  }
  return w;
}

/** Signs our own record. What others would refuse (limits, texts that may not travel) is a TypeError. */
export function signRecord(crypto: Crypto, fields: RecordFields): PeerRecord {
  const { addressesMax, relaysMax, ttlSecondsMax } = RECORD_LIMITS;
  if (fields.addresses.length > addressesMax)
    throw new TypeError(`a record has at most ${addressesMax} addresses`);
  if (fields.relays.length > relaysMax) throw new TypeError(`a record has at most ${relaysMax} relays`);
  if (fields.ttlSeconds > ttlSecondsMax) throw new TypeError(`a record lives at most ${ttlSecondsMax} s`);
  const texts = [...fields.addresses, ...fields.relays.map((relay) => relay.address)];
  const bad = texts.find((text) => !isTextAddress(text));
  if (bad !== undefined) throw new TypeError(`not an address for a record: ${JSON.stringify(bad)}`);
  const body = encodeBody(crypto.id, fields);
  const signature = crypto.sign(DOMAIN.record, body.finish());
  return { ...fields, id: crypto.id, bytes: body.fixed(signature).finish() };
}

/** Reads a record in place. Checks form and limits, NOT the signature (`verifyRecord`). Sets `reader.bad` and returns undefined if it is none. */
export function readRecord(r: Reader): PeerRecord | undefined {
  const start = r.offset;
  const idBytes = r.fixed(peerIdBytes);
  const seq = r.u64();
  const ttlSeconds = r.u32();
  const flags = r.u8();
  const addresses: string[] = [];
  for (let n = r.count(RECORD_LIMITS.addressesMax); n > 0; n--)
    addresses.push(r.text(RECORD_LIMITS.addressBytesMax));
  const relays: Relay[] = [];
  for (let n = r.count(RECORD_LIMITS.relaysMax); n > 0; n--) {
    const id = r.fixed(peerIdBytes);
    const address = r.text(RECORD_LIMITS.addressBytesMax);
    if (!r.bad) relays.push({ id: peerIdFromBytes(id), address });
  }
  r.fixed(signatureBytes);
  if (r.bad) return undefined;
  if (ttlSeconds > RECORD_LIMITS.ttlSecondsMax || (flags & ~flagsKnown) !== 0) return r.fail();
  if (!addresses.every(isTextAddress) || !relays.every((relay) => isTextAddress(relay.address)))
    return r.fail();
  return {
    id: peerIdFromBytes(idBytes),
    seq,
    ttlSeconds,
    addresses,
    relays,
    dialable: (flags & flagDialable) !== 0,
    webrtc: (flags & flagWebrtc) !== 0,
    stun: (flags & flagStun) !== 0,
    // A copy, whatever kind of array holds the message: `slice` of a Buffer would be a view.
    bytes: new Uint8Array(r.since(start)),
  };
}

/** Printable ASCII without spaces: whether we can dial it is for others to judge, but nothing else may travel. */
function isTextAddress(address: string): boolean {
  return /^[!-~]{3,256}$/.test(address);
}

/** A record that stands alone, or undefined. */
export function decodeRecord(bytes: Uint8Array): PeerRecord | undefined {
  const r = new Reader(bytes);
  const record = readRecord(r);
  return r.done ? record : undefined;
}

/** Whether the owner signed exactly this. */
export function verifyRecord(crypto: Crypto, record: PeerRecord): boolean {
  const at = record.bytes.length - signatureBytes;
  return crypto.verify(DOMAIN.record, record.id, record.bytes.subarray(0, at), record.bytes.subarray(at));
}

/**
 * Where its owner can be reached: at its addresses, and through its relays if it speaks WebRTC. With neither, somebody
 * may still know it. Relays stand in one address if they can: then they are asked one after the other, and nobody is
 * asked by chance before all of them. What would be too long for an address is left out.
 */
export function reachableAt(
  record: Pick<RecordFields, 'addresses' | 'relays' | 'webrtc'> & { readonly id: PeerId },
): string[] {
  const { id, addresses, relays, webrtc } = record;
  const all = webrtc ? through(id, relays) : [];
  if (webrtc && addresses.length + all.length === 0) all.push(`wrtc:${id}`);
  return [...addresses, ...all];
}

/** One address for the relays of each scope, the best first; one for each relay if that would be too long. */
function through(id: PeerId, relays: readonly Relay[]): string[] {
  const address = (some: readonly Relay[], pin: (relay: Relay) => string): string | undefined => {
    const text = `wrtc:${id}?${some.map((relay) => `via=${relay.address}${pin(relay)}`).join('&')}`;
    return parseAddress(text) && text;
  };
  const pinned = (relay: Relay): string => `#${relay.id}`;
  const byScope = new Map<string, Relay[]>();
  for (const relay of relays) {
    const scope = parseAddress(relay.address)?.scope;
    if (scope === undefined || address([relay], pinned) === undefined) continue;
    byScope.set(scope, [...(byScope.get(scope) ?? []), relay]);
  }
  return [...byScope.values()].flatMap((some) => {
    // Two ids of relays are half an address. Without them whoever answers is asked: it can read nothing.
    const joint = address(some, pinned) ?? address(some, () => '');
    return joint !== undefined ? [joint] : some.map((relay) => address([relay], pinned) as string);
  });
}

/** The addresses of a record that parse, in its order. */
export function parsedAddresses(record: PeerRecord): ReturnType<typeof parseAddress>[] {
  return record.addresses.map(parseAddress).filter((address) => address !== undefined);
}
