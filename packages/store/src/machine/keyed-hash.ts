// SipHash-2-4 (Aumasson & Bernstein 2012), the low 32 bits: where an address is placed must be unknown to whoever
// chooses the address. Written in 32-bit halves, because BigInt is ten times slower here; not for signatures or MACs.

/** Half of the book's secret: 16 bytes as four little-endian words. */
export type HashKey = readonly [number, number, number, number];

/** The message: what is hashed is short (an address has at most 256 bytes). */
const scratch = new Uint8Array(1024);

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** Low 32 bits of SipHash-2-4 of the first `length` bytes. All state in local variables: this is called very often. */
export function hashBytes(key: HashKey, bytes: Uint8Array, length = bytes.length): number {
  let [al, ah, bl, bh] = [key[0] ^ 0x70736575, key[1] ^ 0x736f6d65, key[2] ^ 0x6e646f6d, key[3] ^ 0x646f7261];
  let [cl, ch, dl, dh] = [key[0] ^ 0x6e657261, key[1] ^ 0x6c796765, key[2] ^ 0x79746573, key[3] ^ 0x74656462];
  const blocks = (length >>> 3) + 1;
  // Two rounds for each block of 8 bytes, the last of which holds the length; then four more.
  for (let block = 0; block < blocks + 2; block++) {
    const ml = block < blocks ? padded(bytes, 8 * block, length) : 0;
    const mh = block < blocks ? padded(bytes, 8 * block + 4, length) | lastByte(block, blocks, length) : 0;
    dl ^= ml;
    dh ^= mh;
    if (block === blocks) cl ^= 0xff;
    for (let round = 0; round < 2; round++) {
      let l = (al + bl) | 0; // v0 += v1
      ah = (ah + bh + carry(l, al)) | 0;
      al = l;
      l = (cl + dl) | 0; // v2 += v3
      ch = (ch + dh + carry(l, cl)) | 0;
      cl = l;
      l = ((bl << 13) | (bh >>> 19)) ^ al; // v1 = rotl(v1, 13) ^ v0
      bh = ((bh << 13) | (bl >>> 19)) ^ ah;
      bl = l;
      l = ((dl << 16) | (dh >>> 16)) ^ cl; // v3 = rotl(v3, 16) ^ v2
      dh = ((dh << 16) | (dl >>> 16)) ^ ch;
      dl = l;
      const high = al; // v0 = rotl(v0, 32) + v3
      l = (ah + dl) | 0;
      ah = (high + dh + carry(l, ah)) | 0;
      al = l;
      l = (cl + bl) | 0; // v2 += v1
      ch = (ch + bh + carry(l, cl)) | 0;
      cl = l;
      l = ((dl << 21) | (dh >>> 11)) ^ al; // v3 = rotl(v3, 21) ^ v0
      dh = ((dh << 21) | (dl >>> 11)) ^ ah;
      dl = l;
      l = ((bl << 17) | (bh >>> 15)) ^ cl; // v1 = rotl(v1, 17) ^ v2
      bh = ((bh << 17) | (bl >>> 15)) ^ ch;
      bl = l;
      l = cl; // v2 = rotl(v2, 32)
      cl = ch;
      ch = l;
    }
    al ^= ml;
    ah ^= mh;
  }
  return (al ^ bl ^ cl ^ dl) >>> 0;
}

/** Carry of a 32-bit sum. */
function carry(sum: number, addend: number): number {
  return sum >>> 0 < addend >>> 0 ? 1 : 0;
}

/** Four bytes from `at`, zeros behind the end. */
function padded(bytes: Uint8Array, at: number, length: number): number {
  if (at + 4 <= length) return word(bytes, at);
  let value = 0;
  for (let i = at; i < length; i++) value |= (bytes[i] as number) << (8 * (i - at));
  return value;
}

function lastByte(block: number, blocks: number, length: number): number {
  return block === blocks - 1 ? length << 24 : 0;
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

/** The secret that two keys were made of. */
export function secretOf(...keys: readonly [HashKey, HashKey]): Uint8Array {
  const secret = new Uint8Array(32);
  secret.set(scratch.subarray(0, putWords(keys.flat())));
  return secret;
}
