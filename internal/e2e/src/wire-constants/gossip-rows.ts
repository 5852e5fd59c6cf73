// Sizes and counts of channel peernet/gossip/1, by its decoders; and what the size estimate believes, by its table.
import { createCrypto } from '@peernet/connection';
import { DOMAIN, peerIdToBytes, seededRandom, signalBytesMax } from '@peernet/core';
import { EXTREMA, Extrema } from '../../../../packages/gossip/src/machine/extrema.js';
import { decodeMessage, decodeSaid, sealedBytesMax, WIRE } from '../../../../packages/gossip/src/wire.js';
import {
  answerOf,
  extremaOf,
  gossipHello,
  gossipRecord,
  marks,
  replacedOf,
  saidOf,
  shuffleOf,
  signalOf,
  walkOf,
} from './layouts.js';
import { type Row, read } from './row.js';

const file = 'gossip/src/wire.ts';
const alone = 'a number that stands alone cannot be changed from outside';

function wire(name: keyof typeof WIRE, bound: Row['bound'], become: (n: number) => string): Row {
  const decides = { in: WIRE, key: name };
  return { file, key: `WIRE.${name}`, value: WIRE[name], bound, become, refused: 'malformed', decides };
}

const decoded = (bytes: Uint8Array): string => read(decodeMessage(bytes));
const most = (name: keyof typeof WIRE, write: (n: number) => Uint8Array): Row =>
  wire(name, 'most', (n) => decoded(write(n)));
const exactly = (name: keyof typeof WIRE, write: (n: number) => Uint8Array): Row =>
  wire(name, 'exactly', (n) => decoded(write(n)));

/** A sealed text of which the seal is cut or lengthened until it adds `n` bytes. */
function sealed(n: number): string {
  const crypto = createCrypto({ random: seededRandom(1) });
  const text = marks(20);
  const whole = crypto.seal(crypto.id, DOMAIN.signal, text);
  const bytes = new Uint8Array(text.length + n);
  bytes.set(whole.subarray(0, bytes.length));
  return read(crypto.open(DOMAIN.signal, bytes));
}

/** Offers entries of one other peer, of these ages, one after the other; whether the last one changed anything. */
function offered(...ages: readonly number[]): string {
  const [crypto, other] = [createCrypto({ seed: marks(32) }), createCrypto({ seed: marks(32).fill(1) })];
  const table = new Extrema({ crypto, random: seededRandom(1), nowMs: 0 });
  const signature = other.sign(DOMAIN.extrema, peerIdToBytes(other.id));
  const tell = (ageSeconds: number): number =>
    table.offer(
      Array.from({ length: WIRE.slots }, (_, slot) => ({ slot, id: other.id, ageSeconds, signature })),
      0,
      (domain, id, bytes, by) => crypto.verify(domain, id, bytes, by),
    ).length;
  return ages.map(tell).at(-1) === 0 ? 'no news' : 'taken';
}

function ofExtrema(name: 'lifeSeconds' | 'refreshSeconds', row: Pick<Row, 'bound' | 'become'>): Row {
  return {
    file: 'gossip/src/machine/extrema.ts',
    key: `EXTREMA.${name}`,
    value: EXTREMA[name],
    refused: 'no news',
    decides: { in: EXTREMA, key: name },
    ...row,
  };
}

export const gossipRows: readonly Row[] = [
  { ...most('recordsMax', shuffleOf), part: 'SHUFFLE' },
  { ...most('recordsMax', answerOf), part: 'FULL' },
  { ...most('recordsMax', replacedOf), part: 'REPLACED' },
  most('slots', (n) => extremaOf([1], n - 1)),
  { ...most('entriesMax', (n) => extremaOf(Array(n).fill(1))), part: 'of as many ids' },
  { ...most('entriesMax', (n) => extremaOf([n])), part: 'of one id' },
  { ...most('entriesMax', (n) => extremaOf([100, n - 100])), part: 'of two ids' },
  exactly('digestBytes', (n) => gossipHello({ digest: n })),
  exactly('walkIdBytes', (n) => walkOf({ id: n })),
  exactly('pathIdBytes', (n) => signalOf({ path: n })),
  { ...wire('sealExtraBytes', 'exactly', sealed), decides: 'an X25519 key and a Poly1305 tag' },
  {
    ...wire('signalExtraBytes', 'exactly', (n) => read(decodeSaid(saidOf(200, n)))),
    decides: 'the sum of its fields',
  },
  most('ttlMax', (n) => walkOf({ ttl: n })),
  most('extensionBytesMax', (n) => gossipHello({ extension: n })),
  most('ageSecondsMax', gossipRecord),
  {
    ...most('recordsMax', (n) => signalOf({ sealed: n })),
    key: 'sealedBytesMax',
    value: sealedBytesMax,
    decides: alone,
  },
  {
    file: 'core/src/signalling.ts',
    key: 'signalBytesMax',
    value: signalBytesMax,
    bound: 'most',
    become: (n) => read(decodeSaid(saidOf(n))),
    refused: 'malformed',
    decides: alone,
  },
  // At the age at which it is dead an entry is not taken any more; a second before it is.
  ofExtrema('lifeSeconds', { bound: 'most', become: (n) => offered(n - 1) }),
  ofExtrema('refreshSeconds', { bound: 'least', become: (n) => offered(700, 700 - n) }),
];
