// Ed25519 public keys that must not be anybody's id: for the eight points of small order some signatures are valid
// for every message (OpenSSL accepts them, security.md F6), and an id with a second spelling would be two ids.
import { WIRE } from '../defaults.js';

/** y-coordinates of the points of small order, little-endian hex; the sign bit makes no difference. */
export const smallOrder: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4
  '0100000000000000000000000000000000000000000000000000000000000000', // order 1
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2: p - 1
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8
];
const weak: ReadonlySet<string> = new Set(smallOrder);

/** Whether `id` (hex of a public key) is of small order, or not the shortest spelling of its y-coordinate. */
export function isWeakKey(id: string): boolean {
  if (id.length !== 2 * WIRE.keyBytes) return true;
  const high = Number.parseInt(id.slice(62), 16) & 127;
  const y = id.slice(0, 62) + high.toString(16).padStart(2, '0');
  return weak.has(y) || !isCanonical(y);
}

/** y < p = 2^255 - 19, whose little-endian bytes are ed ff … ff 7f. */
function isCanonical(y: string): boolean {
  if (!y.endsWith('7f')) return true;
  for (let i = 2; i < 62; i++) if (y[i] !== 'f') return true;
  return Number.parseInt(y.slice(0, 2), 16) < 0xed;
}
