// Sizes and counts of channel peernet/search/1, by its decoders.
import { WIRE } from '../../../../packages/search/src/defaults.js';
import { decodeAdvert, decodeMessage, objectBytesMax } from '../../../../packages/search/src/wire.js';
import { advertMessage, advertOf, orphansOf, recordOfBytes, rowsOf, searchOf } from './layouts.js';
import { type Row, read } from './row.js';

const file = 'search/src/defaults.ts';
type Name = keyof typeof WIRE;

function wire(name: Name, bound: Row['bound'], become: (n: number) => string): Row {
  const decides = { in: WIRE, key: name };
  return { file, key: `WIRE.${name}`, value: WIRE[name], bound, become, refused: 'malformed', decides };
}

const decoded = (bytes: Uint8Array): string => read(decodeMessage(bytes));
const most = (name: Name, write: (n: number) => Uint8Array): Row =>
  wire(name, 'most', (n) => decoded(write(n)));
const exactly = (name: Name, write: (n: number) => Uint8Array): Row =>
  wire(name, 'exactly', (n) => decoded(write(n)));
const ofAdvert = (name: Name, bound: Row['bound'], write: (n: number) => Uint8Array): Row =>
  wire(name, bound, (n) => read(decodeAdvert(write(n))));

export const searchRows: readonly Row[] = [
  { ...exactly('subnetBytes', (n) => searchOf({ subnet: n })), part: 'SEARCH' },
  { ...ofAdvert('subnetBytes', 'exactly', (n) => advertOf({ subnet: n })), part: 'AD' },
  exactly('searchIdBytes', (n) => searchOf({ searchId: n })),
  exactly('queryBytes', (n) => rowsOf({ query: n })),
  ofAdvert('recordBytesMax', 'most', (n) => advertOf({ record: recordOfBytes(n) })),
  ofAdvert('ttlSecondsMax', 'most', (n) => advertOf({ ttlSeconds: n })),
  { ...most('ttlSecondsMax', (n) => advertMessage({ ageSeconds: n })), part: 'age of an AD' },
  { ...most('ttlSecondsMax', (n) => rowsOf({ ageSeconds: n })), part: 'age of a row' },
  ofAdvert('metaBytesMax', 'most', (n) => advertOf({ meta: n })),
  most('payloadBytesMax', (n) => searchOf({ payload: n })),
  most('wantMax', (n) => searchOf({ want: n })),
  { ...most('wantMax', (n) => searchOf({ known: Array(n).fill(8) })), part: 'ids that are known' },
  most('rowsPerMessageMax', (n) => rowsOf({ objects: Array(n).fill(1) })),
  exactly('placeBytes', (n) => orphansOf([n])),
  exactly('briefBytes', (n) => searchOf({ known: [n] })),
  most('orphansMax', (n) => orphansOf(Array(n).fill(28))),
  { ...most('hopsMax', (n) => searchOf({ hops: n })), part: 'SEARCH' },
  { ...most('hopsMax', (n) => advertMessage({ hops: n })), part: 'AD' },
  { ...most('hopsMax', (n) => rowsOf({ hops: n })), part: 'both ways of a row', value: 2 * WIRE.hopsMax },
  {
    ...most('wantMax', (n) => rowsOf({ objects: [n] })),
    file: 'search/src/wire.ts',
    key: 'objectBytesMax',
    value: objectBytesMax,
    decides: 'a number that stands alone cannot be changed from outside',
  },
];
