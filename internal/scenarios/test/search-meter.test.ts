// The meter knows a forged row from a true one, whatever the member says of itself.
import { decodeRecord, signRecord } from '@peernet/core';
import { createWorld, simCrypto } from '@peernet/sim';
import { expect, it } from 'vitest';
import { type Searcher, SearchMeter } from '../src/search-meter.js';

const world = createWorld({ seed: 1 });
const [member, searcher, relay] = ['member', 'searcher', 'relay'].map((name) => simCrypto(world, name)) as [
  ReturnType<typeof simCrypto>,
  ReturnType<typeof simCrypto>,
  ReturnType<typeof simCrypto>,
];

/** What a member says: where it can be dialed, or the relay by which it is found. */
function recordOf({ dialable }: { dialable: boolean }) {
  return signRecord(member, {
    seq: 1,
    ttlSeconds: 600,
    addresses: dialable ? ['ws://1.2.3.4:4000'] : [],
    relays: dialable ? [] : [{ id: relay.id, address: 'ws://1.2.3.4:4000' }],
    dialable,
    webrtc: !dialable,
    stun: false,
  });
}

/** How many rows the meter takes for forged if a search shows this record, and that it found its member. */
function forgedIn(bytes: Uint8Array): number {
  const record = decodeRecord(bytes);
  if (record === undefined) throw new TypeError('no record');
  const meter = new SearchMeter({
    world: { now: 0 },
    listenToSearch: () => {},
    addressOf: () => 'ws://1.2.3.4:4000',
  });
  const search = {
    search: (_: string, __: object, onRow: (row: object) => void) => onRow({ id: member.id, record }),
  };
  const from = { id: searcher.id, host: { index: 0, crypto: searcher }, search };
  meter.start(from as unknown as Searcher, 'subnet', undefined);
  expect(meter.searches[0]?.rows).toBe(1);
  return meter.forged;
}

it.each([{ dialable: true }, { dialable: false }])('knows a forged row of a member: %o', (how) => {
  const { bytes } = recordOf(how);
  expect(forgedIn(bytes)).toBe(0);
  const forged = bytes.slice();
  const at = String.fromCharCode(...bytes).indexOf('1.2.3.4');
  forged[at] = '2'.charCodeAt(0);
  expect(forgedIn(forged)).toBe(1);
});
