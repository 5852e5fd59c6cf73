// Records and addresses, by the decoders of core and of the messages that carry them.
import { addressBytesMax, decodeRecord, RECORD_LIMITS } from '@peernet/core';
import { decodeMessage } from '../../../../packages/gossip/src/wire.js';
import { gossipHello, recordOf } from './layouts.js';
import { type Row, read } from './row.js';

const file = 'core/src/record.ts';

function ofRecord(name: keyof typeof RECORD_LIMITS, write: (n: number) => Uint8Array): Row {
  return {
    file,
    key: `RECORD_LIMITS.${name}`,
    value: RECORD_LIMITS[name],
    bound: 'most',
    become: (n) => read(decodeRecord(write(n))),
    refused: 'malformed',
    decides: { in: RECORD_LIMITS, key: name },
  };
}

const ofAddress = {
  file: 'core/src/address.ts',
  key: 'addressBytesMax',
  value: addressBytesMax,
  bound: 'most',
  refused: 'malformed',
  decides: 'a number that stands alone cannot be changed from outside',
} as const;

export const coreRows: readonly Row[] = [
  ofRecord('ttlSecondsMax', (n) => recordOf({ ttlSeconds: n })),
  ofRecord('addressesMax', (n) => recordOf({ addresses: Array(n).fill(9) })),
  ofRecord('relaysMax', (n) => recordOf({ relays: Array(n).fill(9) })),
  {
    ...ofRecord('addressBytesMax', (n) => recordOf({ addresses: [n] })),
    decides: 'what may stand in an address, its length among it, is checked once more',
  },
  {
    ...ofRecord('addressBytesMax', (n) => recordOf({ relays: [n] })),
    part: 'of a relay',
    decides: 'as above',
  },
  {
    ...ofRecord('recordBytesMax', (n) => {
      const { addressesMax, addressBytesMax: most, relaysMax } = RECORD_LIMITS;
      const relays = Array<number>(relaysMax).fill(most);
      const bytes = recordOf({ addresses: Array(addressesMax).fill(most), relays }).length;
      relays[0] = most + n - bytes;
      return recordOf({ addresses: Array(addressesMax).fill(most), relays });
    }),
    decides: 'the sum of the others',
  },
  { ...ofAddress, part: 'dialed', become: (n) => read(decodeMessage(gossipHello({ dialed: n }))) },
  { ...ofAddress, part: 'observed', become: (n) => read(decodeMessage(gossipHello({ observed: n }))) },
];
