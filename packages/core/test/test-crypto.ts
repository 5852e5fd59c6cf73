// Crypto for tests: core's contract by keyed SHA-512, unforgeable for who does not hold the registry below.
import { createHash, createHmac } from 'node:crypto';
import { type Crypto, equalBytes, type PeerId, peerIdFromBytes } from '../src/index.js';

const secrets = new Map<PeerId, string>();

export function testCrypto(name: string): Crypto {
  const id = peerIdFromBytes(new Uint8Array(createHash('sha256').update(name).digest()));
  secrets.set(id, name);
  const mac = (who: PeerId, domain: string, bytes: Uint8Array): Uint8Array =>
    new Uint8Array(
      createHmac('sha512', secrets.get(who) as string)
        .update(`${domain}\0`)
        .update(bytes)
        .digest(),
    );
  return {
    id,
    sign: (domain, bytes) => mac(id, domain, bytes),
    verify: (domain, who, bytes, signature) =>
      secrets.has(who) && equalBytes(mac(who, domain, bytes), signature),
    seal: (_to, _domain, bytes) => bytes.slice(),
    open: (_domain, sealed) => sealed.slice(),
    hash: (domain, bytes) =>
      new Uint8Array(createHash('sha256').update(`${domain}\0`).update(bytes).digest()),
  };
}
