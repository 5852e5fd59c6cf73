// The bytes of subnet streams: the name of their channel, and what both sides say first.
import { type Crypto, concatBytes, DOMAIN } from '@peernet/core';

/** Bytes of a proof: HMAC-SHA256. */
export const proofBytes = 32;
const prefix = 's/';

/** The channel of the streams of a subnet: `s/` and the base64url of its hash (protocol.md §1.4). */
export function subnetChannel(hash: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...hash));
  return prefix + base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

export function isSubnetChannel(name: string): boolean {
  return name.startsWith(prefix);
}

/** What only those know who know the name; the hash of the subnet, which travels, says nothing about it. */
export function subnetKey(crypto: Crypto, name: Uint8Array, network: Uint8Array): Uint8Array {
  return crypto.hash(DOMAIN.subnetKey, concatBytes(crypto.hash(DOMAIN.subnetKey, network), name));
}

/**
 * The first bytes of a subnet stream, each way, are a proof; everything after it is the application's. Its role is the
 * one in the handshake of the connection, whoever opened the stream, so no proof can be sent back as one's own.
 *
 * proof = HMAC-SHA256(subnetKey, handshakeHash[32] · role:u8 (1 initiator, 2 responder))[32]                   since v1
 */
export function proof(
  hmac: (key: Uint8Array, bytes: Uint8Array) => Uint8Array,
  key: Uint8Array,
  handshakeHash: Uint8Array,
  role: 'initiator' | 'responder',
): Uint8Array {
  return hmac(key, concatBytes(handshakeHash, Uint8Array.of(role === 'initiator' ? 1 : 2)));
}
