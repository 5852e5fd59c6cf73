// SipHash-2-4 (Aumasson & Bernstein 2012), the low 32 bits: where an address is placed must be unknown to whoever
// chooses the address. Written in 32-bit halves, because BigInt is ten times slower here; not for signatures or MACs.

/** Half of the book's secret: 16 bytes as four little-endian words. */
export type HashKey = readonly [number, number, number, number];

/** Halves of v0 … v3, low before high. One state for all calls: hashing is synchronous. */
const v = new Int32Array(8);
/** The message: what is hashed is short (an address has at most 256 bytes). */
const scratch = new Uint8Array(1024);

function add(a: number, b: number): void {
  const low = ((v[a] as number) >>> 0) + ((v[b] as number) >>> 0);
  v[a] = low;
  v[a + 1] = (v[a + 1] as number) + (v[b + 1] as number) + (low > 0xffff_ffff ? 1 : 0);
}

/** v[a] = rotl(v[a], bits) ^ v[b], for bits < 32. */
function rotateXor(a: number, bits: number, b: number): void {
  const low = v[a] as number;
  const high = v[a + 1] as number;
  v[a] = ((low << bits) | (high >>> (32 - bits))) ^ (v[b] as number);
  v[a + 1] = ((high << bits) | (low >>> (32 - bits))) ^ (v[b + 1] as number);
}

function swapHalves(a: number): void {
  const low = v[a] as number;
  v[a] = v[a + 1] as number;
  v[a + 1] = low;
}

function rounds(count: number): void {
  for (let i = 0; i < count; i++) {
    add(0, 2);
    rotateXor(2, 13, 0);
    swapHalves(0);
    add(4, 6);
    rotateXor(6, 16, 4);
    add(0, 6);
    rotateXor(6, 21, 0);
    add(4, 2);
    rotateXor(2, 17, 4);
    swapHalves(4);
  }
}

function begin([a, b, c, d]: HashKey): void {
  v[0] = a ^ 0x70736575;
  v[1] = b ^ 0x736f6d65;
  v[2] = c ^ 0x6e646f6d;
  v[3] = d ^ 0x646f7261;
  v[4] = a ^ 0x6e657261;
  v[5] = b ^ 0x6c796765;
  v[6] = c ^ 0x79746573;
  v[7] = d ^ 0x74656462;
}

function block(low: number, high: number): void {
  v[6] = (v[6] as number) ^ low;
  v[7] = (v[7] as number) ^ high;
  rounds(2);
  v[0] = (v[0] as number) ^ low;
  v[1] = (v[1] as number) ^ high;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** Low 32 bits of SipHash-2-4 of the first `length` bytes. */
export function hashBytes(key: HashKey, bytes: Uint8Array, length = bytes.length): number {
  begin(key);
  const whole = length & ~7;
  for (let at = 0; at < whole; at += 8) block(word(bytes, at), word(bytes, at + 4));
  let low = 0;
  let high = length << 24;
  for (let at = whole; at < length; at++) {
    const shift = 8 * (at & 3);
    if ((at & 7) < 4) low |= (bytes[at] as number) << shift;
    else high |= (bytes[at] as number) << shift;
  }
  block(low, high);
  v[4] = (v[4] as number) ^ 0xff;
  rounds(4);
  return ((v[0] as number) ^ (v[2] as number) ^ (v[4] as number) ^ (v[6] as number)) >>> 0;
}

/** Hash of a text of printable ASCII (addresses and their groups are nothing else), preceded by the words given. */
export function hashText(key: HashKey, text: string, ...words: readonly number[]): number {
  let length = putWords(words);
  for (let i = 0; i < text.length && length < scratch.length; i++) scratch[length++] = text.charCodeAt(i);
  return hashBytes(key, scratch, length);
}

/** Hash of 32-bit words. */
export function hashWords(key: HashKey, ...words: readonly number[]): number {
  return hashBytes(key, scratch, putWords(words));
}

function putWords(words: readonly number[]): number {
  let length = 0;
  for (const value of words) {
    scratch[length++] = value;
    scratch[length++] = value >>> 8;
    scratch[length++] = value >>> 16;
    scratch[length++] = value >>> 24;
  }
  return length;
}

/** The two keys in a secret of 32 bytes. */
export function hashKeys(secret: Uint8Array): [HashKey, HashKey] {
  if (secret.length !== 32) throw new TypeError(`the secret of a book has 32 bytes, not ${secret.length}`);
  const key = (at: number): HashKey => [
    word(secret, at),
    word(secret, at + 4),
    word(secret, at + 8),
    word(secret, at + 12),
  ];
  return [key(0), key(16)];
}
