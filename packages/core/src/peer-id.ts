// Peer identities: an Ed25519 public key, written as 64 lower-case hex digits.
//
// A string, because ids are compared, sorted and used as Map keys everywhere; hex, because its order is the order
// of the bytes ("the smaller id") and because nothing in it needs escaping in an address or a shell.

declare const brand: unique symbol;

/** The Ed25519 public key of a peer as 64 lower-case hex digits. Compares as its bytes do. */
export type PeerId = string & { readonly [brand]: 'PeerId' };

/** Bytes of a peer id. */
export const peerIdBytes = 32;

/** The two ASCII digits of every byte. */
const digitsOf = Uint8Array.from({ length: 512 }, (_, i) => {
  const digit = i % 2 === 0 ? i >> 5 : (i >> 1) & 15;
  return digit < 10 ? 48 + digit : 87 + digit;
});
const asciiDecoder = new TextDecoder();

/** `bytes` as lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  // By a decoder, not by `+=`: engines keep a string that was put together as the tree of its parts (900 bytes for an
  // id instead of 126 in V8), and ids are kept by the thousand.
  const digits = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const at = 2 * (bytes[i] as number);
    digits[2 * i] = digitsOf[at] as number;
    digits[2 * i + 1] = digitsOf[at + 1] as number;
  }
  return asciiDecoder.decode(digits);
}

function nibble(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  return -1;
}

/** The bytes that `text` spells in lower-case hex, or undefined. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = nibble(text.charCodeAt(2 * i));
    const low = nibble(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[i] = (high << 4) | low;
  }
  return bytes;
}

/** The id whose public key is `bytes` (32 of them; anything else is a programmer's mistake: TypeError). */
export function peerIdFromBytes(bytes: Uint8Array): PeerId {
  if (bytes.length !== peerIdBytes)
    throw new TypeError(`a peer id has ${peerIdBytes} bytes, not ${bytes.length}`);
  return toHex(bytes) as PeerId;
}

/** The public key of `id`, a fresh array. */
export function peerIdToBytes(id: PeerId): Uint8Array {
  return fromHex(id) as Uint8Array;
}

/** `text` as a peer id, or undefined if it is none. */
export function parsePeerId(text: string): PeerId | undefined {
  if (text.length !== 2 * peerIdBytes) return undefined;
  for (let i = 0; i < text.length; i++) if (nibble(text.charCodeAt(i)) < 0) return undefined;
  return text as PeerId;
}
