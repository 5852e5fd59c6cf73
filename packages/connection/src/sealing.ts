// Sealing to a peer id: only its owner can open it; it says nothing about who sealed it (protocol.md §7).
//
// An ephemeral X25519 key with the key that belongs to the id, HKDF-SHA256, ChaCha20-Poly1305. Associated data:
// domain ‖ 0 ‖ id of the receiver ‖ ephemeral key. What else a sealed message must be bound to (sender, path) its
// author signs inside.
import { concatBytes, type PeerId, peerIdToBytes, utf8 } from '@peernet/core';
import { WIRE } from './defaults.js';
import { hkdf } from './machine/hkdf.js';
import type { KeyPair, Primitives } from './machine/primitives.js';
import { isWeakKey } from './machine/weak-key.js';

/** sealed = ephemeralKey[32] · ciphertext · tag[16]                                                        since v1 */
export const sealedExtraBytes: number = WIRE.keyBytes + WIRE.tagBytes;

const salt = utf8('peernet/seal/1');

/** `ephemeral` draws a fresh pair. An id that is nobody's key gets what nobody can open: a stranger's id never throws. */
export function seal(
  p: Primitives,
  ephemeral: KeyPair,
  to: PeerId,
  domain: string,
  bytes: Uint8Array,
): Uint8Array {
  const target = isWeakKey(to) ? undefined : p.sealingKey(peerIdToBytes(to));
  const shared = (target && p.dh(ephemeral.secret, target)) ?? p.dh(p.keyPair().secret, ephemeral.publicKey);
  const ad = associated(domain, to, ephemeral.publicKey);
  return concatBytes(ephemeral.publicKey, p.aead(keyOf(p, shared as Uint8Array)).seal(0, ad, bytes));
}

/** What was sealed to `id` under this domain, or undefined. */
export function unseal(
  p: Primitives,
  pair: KeyPair,
  id: PeerId,
  domain: string,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < sealedExtraBytes) return undefined;
  const ephemeral = sealed.subarray(0, WIRE.keyBytes);
  const shared = p.dh(pair.secret, ephemeral);
  if (shared === undefined) return undefined;
  return p.aead(keyOf(p, shared)).open(0, associated(domain, id, ephemeral), sealed.subarray(WIRE.keyBytes));
}

/** A key that is used once, so its nonce may be zero. The ephemeral key is bound by the associated data. */
function keyOf(p: Primitives, shared: Uint8Array): Uint8Array {
  return hkdf(p, salt, shared)[0];
}

function associated(domain: string, to: PeerId, ephemeral: Uint8Array): Uint8Array {
  return concatBytes(utf8(domain), Uint8Array.of(0), peerIdToBytes(to), ephemeral);
}
