// The maps from the Ed25519 keys of ids to X25519 keys (RFC 7748 §4.1, RFC 8032 §5.1), for Node: OpenSSL has no call
// for them, and loading @noble for nothing else was half of what importing peernet takes (decision 27). Points are
// public, so nothing here need take the same time for all of them; the one secret is hashed and nothing else.
import { createHash } from 'node:crypto';
import { WIRE } from './defaults.js';

/** Order of the field of both curves. */
const p = 2n ** 255n - 19n;
/** d of the curve −x² + y² = 1 + d·x²·y² (RFC 8032 §5.1). */
const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The u-coordinate, 32 bytes, of a point in 32 bytes. Undefined: no point of the curve, not its only spelling, or the neutral one. */
export function montgomeryPoint(publicKey: Uint8Array): Uint8Array | undefined {
  if (publicKey.length !== WIRE.keyBytes) return undefined;
  const bits = BigInt(`0x${Buffer.from(publicKey).reverse().toString('hex')}`);
  const y = BigInt.asUintN(255, bits);
  if (y >= p || y === 1n) return undefined;
  // x² = top / bottom, and a quotient is a square where the product is one. The bottom is never 0.
  const top = mod(y * y - 1n);
  const bottom = mod(d * y * y + 1n);
  if (!isSquare(mod(top * bottom))) return undefined;
  const isNegative = bits !== y;
  if (top === 0n && isNegative) return undefined;
  const u = mod((1n + y) * inverse(mod(1n - y)));
  return new Uint8Array(Buffer.from(u.toString(16).padStart(2 * WIRE.keyBytes, '0'), 'hex').reverse());
}

/** The X25519 secret, 32 bytes, not clamped yet, of the Ed25519 key pair that grows from `seed`. */
export function montgomerySecret(seed: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha512').update(seed).digest().subarray(0, WIRE.keyBytes));
}

function mod(n: bigint): bigint {
  const rest = n % p;
  return rest < 0n ? rest + p : rest;
}

/** By Euler's criterion: n to the (p − 1) / 2 = 16·(2²⁵⁰ − 1) + 6 is 1, or 0 for 0. */
function isSquare(n: bigint): boolean {
  return mod(squared(ones(n, 250), 4) * n ** 6n) <= 1n;
}

/** n to the p − 2 = 32·(2²⁵⁰ − 1) + 11. */
function inverse(n: bigint): bigint {
  return mod(squared(ones(n, 250), 5) * n ** 11n);
}

/** n to the 2^count − 1, of which all bits are ones. */
function ones(n: bigint, count: number): bigint {
  if (count === 1) return n;
  const half = ones(n, count >> 1);
  const even = mod(squared(half, count >> 1) * half);
  return count % 2 === 0 ? even : mod(even * even * n);
}

/** n squared so many times. */
function squared(n: bigint, times: number): bigint {
  let square = n;
  for (let left = times; left > 0; left--) square = mod(square * square);
  return square;
}
