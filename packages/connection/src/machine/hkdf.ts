// HKDF as Noise uses it (section 4.3 of its specification), which is RFC 5869 with an empty info.
import { concatBytes } from '@peernet/core';
import type { NoisePrimitives } from './primitives.js';

const one = Uint8Array.of(1);

/** Two outputs of a whole hash each. */
export function hkdf(
  p: NoisePrimitives,
  key: Uint8Array,
  input: Uint8Array,
): readonly [Uint8Array, Uint8Array] {
  const temp = p.hmac(key, input);
  const first = p.hmac(temp, one);
  return [first, p.hmac(temp, concatBytes(first, Uint8Array.of(2)))];
}
