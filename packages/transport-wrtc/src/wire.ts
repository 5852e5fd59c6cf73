// The bytes of STUN (RFC 8489) that a server for peernet's own needs has to know: it reads Binding requests and writes
// two kinds of answers. Pure and total. Text words of the data channel are in channel-duplex.ts.
//
// The server authenticates nobody, so it looks at no credentials (§9.1.3 leaves them alone where none are asked for);
// what it checks is form, because everything else that arrives on an open UDP port is noise or an attack.
import { type Ip, Reader, Writer } from '@peernet/core';
import { stunAttributesMax, stunBytesMax } from './defaults.js';

const bindingRequest = 0x0001;
const bindingSuccess = 0x0101;
const bindingError = 0x0111;
const cookie = 0x2112_a442;
const cookieHigh = cookie >>> 16;
const headerBytes = 20;
const transactionBytes = 12;

const XOR_MAPPED_ADDRESS = 0x0020;
const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;
const FINGERPRINT = 0x8028;
/** What FINGERPRINT holds differs from the checksum by this, §14.7. */
const fingerprintXor = 0x5354_554e;

/** Attributes below 0x8000 that we know, §18.3; others must be named in an error, §6.3.1. */
const known: ReadonlySet<number> = new Set([
  0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020,
]);

export interface BindingRequest {
  /** 12 bytes, a view. */
  readonly transaction: Uint8Array;
  /** Whether it ends with a FINGERPRINT: then so does the answer. */
  readonly fingerprint: boolean;
  /** Attributes that have to be understood and are not, in order, each once. */
  readonly unknown: readonly number[];
}

/**
 * BINDING    = type 0001 · u16 length · cookie 2112a442 · transaction[12] · attributes
 * ATTRIBUTE  = u16 type · u16 length · value · padding to 4
 */
export function decodeBindingRequest(bytes: Uint8Array): BindingRequest | undefined {
  if (bytes.length < headerBytes || bytes.length > stunBytesMax) return undefined;
  const r = new Reader(bytes);
  const type = r.u16();
  const length = r.u16();
  if (type !== bindingRequest || length % 4 !== 0 || length !== bytes.length - headerBytes) return undefined;
  if (r.u32() !== cookie) return undefined;
  const transaction = r.fixed(transactionBytes);
  const unknown = new Set<number>();
  let fingerprint = false;
  for (let count = 0; r.left > 0; count++) {
    if (fingerprint || count === stunAttributesMax) return undefined; // FINGERPRINT is the last one
    const at = r.offset;
    const attribute = r.u16();
    const size = r.u16();
    const value = r.fixed(size);
    r.fixed((4 - (size % 4)) % 4);
    if (r.bad) return undefined;
    if (attribute === FINGERPRINT) {
      if (size !== 4 || new Reader(value).u32() !== fingerprintOf(bytes.subarray(0, at))) return undefined;
      fingerprint = true;
    } else if (attribute < 0x8000 && !known.has(attribute)) unknown.add(attribute);
  }
  return r.done ? { transaction, fingerprint, unknown: [...unknown] } : undefined;
}

/** ANSWER     = type 0101 · u16 length · cookie · transaction[12] · XOR-MAPPED-ADDRESS */
export function encodeBindingSuccess(request: BindingRequest, ip: Ip, port: number): Uint8Array {
  const w = header(bindingSuccess, request, ip.version === 4 ? 12 : 24);
  w.u16(XOR_MAPPED_ADDRESS).u16(ip.version === 4 ? 8 : 20);
  w.u8(0).u8(ip.version === 4 ? 1 : 2);
  w.u16(port ^ cookieHigh);
  // The mask is the cookie and, for IPv6, the transaction: NATs that rewrite addresses in payloads must not see any.
  const mask = new Writer(16).u32(cookie).fixed(request.transaction).finish();
  const bytes = ip.version === 4 ? ip.parts : ip.parts.flatMap((group) => [group >> 8, group & 255]);
  for (const [i, byte] of bytes.entries()) w.u8(byte ^ (mask[i] ?? 0));
  return finish(w, request);
}

/** ERROR      = type 0111 · u16 length · cookie · transaction[12] · ERROR-CODE 420 · UNKNOWN-ATTRIBUTES */
export function encodeBindingError(request: BindingRequest): Uint8Array {
  const { unknown } = request;
  const listed = unknown.length + (unknown.length % 2); // padded to 4 bytes
  const w = header(bindingError, request, 8 + 4 + 2 * listed);
  w.u16(ERROR_CODE).u16(4).u16(0).u8(4).u8(20);
  w.u16(UNKNOWN_ATTRIBUTES).u16(2 * unknown.length);
  for (let i = 0; i < listed; i++) w.u16(unknown[i] ?? 0);
  return finish(w, request);
}

function header(type: number, request: BindingRequest, bodyBytes: number): Writer {
  const length = bodyBytes + (request.fingerprint ? 8 : 0);
  return new Writer(headerBytes + length).u16(type).u16(length).u32(cookie).fixed(request.transaction);
}

function finish(w: Writer, { fingerprint }: BindingRequest): Uint8Array {
  const covered = w.finish();
  if (!fingerprint) return covered;
  return w.u16(FINGERPRINT).u16(4).u32(fingerprintOf(covered)).finish();
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb8_8320 : c >>> 1;
  return c >>> 0;
});

/** CRC-32 of ISO 3309, masked, §14.7. */
function fingerprintOf(bytes: Uint8Array): number {
  let c = 0xffff_ffff;
  for (const byte of bytes) c = (c >>> 8) ^ (crcTable[(c ^ byte) & 255] as number);
  return (c ^ 0xffff_ffff ^ fingerprintXor) >>> 0;
}
