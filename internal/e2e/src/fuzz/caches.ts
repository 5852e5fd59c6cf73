// Fills what a process remembers of all its gossip: tables of records, ids and addresses that are bounded, but large.
// While they fill they look like a leak; once they are full, whatever still grows is one.
import { addressOf, DOMAIN, peerIdToBytes, seededRandom } from '@peernet/core';
import { createWorld, simCrypto } from '@peernet/sim';
import { decodeMessage, encodeExtrema, encodeRecord } from '../../../../packages/gossip/src/wire.js';
import { recordOf } from './talk.js';

/** Six for each of the 16 384 places: all but one in four hundred are taken. */
const idsCount = 100_000;
/** More than the memo of addresses holds. */
const addressesCount = 10_000;

export function fillCaches(): void {
  const world = createWorld({ seed: 1 });
  const random = seededRandom(1);
  for (let i = 0; i < idsCount; i++) {
    const self = simCrypto(world, `${i}`);
    const record = recordOf({ random, self, others: [], wallMs: 1_767_225_600_000 }, self);
    decodeMessage(encodeRecord({ record, ageSeconds: 0 }));
    const signature = self.sign(DOMAIN.extrema, peerIdToBytes(self.id));
    decodeMessage(encodeExtrema(1, [{ slot: 0, id: self.id, ageSeconds: 0, signature }]));
  }
  for (let i = 0; i < addressesCount; i++) addressOf(`ws://node-${i}.example.org:4000`);
}
