// Peers, addresses and records by number, for tests and for the processes that they start.
import {
  type PeerId,
  type PeerRecord,
  type RecordFields,
  signatureBytes,
  signRecord,
  toHex,
} from '@peernet/core';

/** 2026-01-01: where the clocks of tests begin. */
export const wallStart = 1_767_225_600_000;

/** A peer by number. */
export function peer(n: number): PeerId {
  const bytes = new Uint8Array(32).fill(0x5a);
  new DataView(bytes.buffer).setUint32(0, n + 1);
  return toHex(bytes) as PeerId;
}

/** A global address by number, each in a /16 of its own up to 20 000. */
export function address(n: number): string {
  return `ws://${20 + (n % 80)}.${Math.floor(n / 80) % 250}.${Math.floor(n / 20_000) % 250}.9:4000`;
}

/** A record that is well-formed but signed by nobody. */
export function recordOf(n: number, fields: Partial<RecordFields> = {}): PeerRecord {
  const unsigned = { id: peer(n), sign: () => new Uint8Array(signatureBytes) };
  return signRecord(unsigned as unknown as Parameters<typeof signRecord>[0], {
    seq: wallStart,
    ttlSeconds: 86_400,
    addresses: [address(n)],
    relays: [],
    dialable: true,
    webrtc: false,
    stun: false,
    ...fields,
  });
}

/** What `offer` takes. */
export function heard(n: number, fields: Partial<RecordFields> = {}, ageSeconds = 1) {
  return { record: recordOf(n, fields), ageSeconds };
}
