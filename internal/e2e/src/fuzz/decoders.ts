// Every decoder of bytes from strangers, with valid samples, and what must hold for whatever it accepts: it writes
// itself again as the same bytes. A decoder that lets something through which no encoder writes is caught by that.
import {
  below,
  type Crypto,
  concatBytes,
  decodeRecord,
  formatAddress,
  type PeerId,
  type PeerRecord,
  parseAddress,
  parseForeignAddress,
  RECORD_LIMITS,
  randomBytes,
  signRecord,
  utf8,
} from '@peernet/core';
import { BufferPool } from '../../../../packages/connection/src/machine/buffers.js';
import { RecordReader } from '../../../../packages/connection/src/machine/record-reader.js';
import * as connection from '../../../../packages/connection/src/wire.js';
import * as gossip from '../../../../packages/gossip/src/wire.js';
import { WIRE as searchLimits } from '../../../../packages/search/src/defaults.js';
import * as search from '../../../../packages/search/src/wire.js';
import { samplesOf, vectorsOf } from './corpus.js';
import { Broken } from './gauge.js';
import { advertOf, answerOf, gossipMessage, greeting, recordOf, searchMessage } from './talk.js';

export interface Decoder {
  readonly name: string;
  /** How often it is drawn. */
  readonly weight: number;
  readonly samples: readonly Uint8Array[];
  /** What is done to the damaged bytes before. */
  prepare?(bytes: Uint8Array): Uint8Array;
  /** Undefined: refused. */
  read(bytes: Uint8Array): unknown;
  /** What was read, as bytes again; undefined where there are several ways to write it. */
  write?(value: never): Uint8Array | undefined;
  /** Whether the input got past the first check of a length; absent: if a Reader took a length or count. */
  past?(bytes: Uint8Array, value: unknown): boolean;
}

/** Signs with what was signed already. */
function signedBefore(id: PeerId, bytes: Uint8Array): Crypto {
  const none = (): never => {
    throw new Broken('only signs');
  };
  return { id, sign: () => bytes.slice(-64), verify: none, seal: none, open: none, hash: none };
}

const byId = (value: { id: PeerId; bytes: Uint8Array }): Crypto => signedBefore(value.id, value.bytes);

function writeGossip(message: gossip.Message): Uint8Array | undefined {
  switch (message.kind) {
    case 'hello':
      gossip.encodeHello(message); // leaves out what later versions may add
      return undefined;
    case 'record':
      return gossip.encodeRecord(message.self);
    case 'shuffle':
      return gossip.encodeShuffle(message);
    case 'extrema':
      gossip.encodeExtrema(message.degree, message.entries); // gathers what came apart
      return undefined;
    case 'walk':
      return gossip.encodeWalk(message);
    case 'replaced':
      return gossip.encodeReplaced(message.joiner, message.records);
    case 'signal':
      return gossip.encodeSignal(message);
    case 'unreachable':
      return gossip.encodeUnreachable(message);
    case 'unknown':
      return undefined;
    default:
      return gossip.encodeAnswer(message);
  }
}

/** The encoders of search believe their callers. */
function atMost(count: number, max: number): void {
  if (count > max) throw new Broken(`${count} things, at most ${max}`);
}

function writeSearch(message: search.Message): Uint8Array {
  switch (message.type) {
    case 'advert':
      return search.encodeAdvertMessage(message);
    case 'search':
      atMost(message.known.length, searchLimits.wantMax);
      return search.encodeSearch(message);
    case 'rows':
      atMost(message.rows.length, searchLimits.rowsPerMessageMax);
      return search.encodeRows(message.query, message.rows);
    case 'orphans':
      atMost(message.places.length, searchLimits.orphansMax);
      return search.encodeOrphans(message.places);
  }
}

const somePath = '00000000000000aa';

const gossipDecoders: readonly Decoder[] = [
  {
    name: 'gossip',
    weight: 12,
    samples: [
      ...samplesOf(120, gossipMessage),
      ...samplesOf(20, greeting),
      ...vectorsOf('gossip', 'wire-v1.json'),
    ],
    read: gossip.decodeMessage,
    write: writeGossip,
  },
  {
    name: 'said',
    weight: 4,
    samples: samplesOf(30, (talk) => {
      const signal = { kind: 'offer', sdp: 'v=0'.repeat(1 + below(talk.random, 50)) } as const;
      const counter = below(talk.random, 12);
      const statement = gossip.encodeStatement(somePath, talk.self.id, {
        from: talk.self.id,
        counter,
        signal,
      });
      return gossip.encodeSaid(statement, randomBytes(talk.random, 64));
    }),
    read: gossip.decodeSaid,
    write: ({ said, signature }: NonNullable<ReturnType<typeof gossip.decodeSaid>>) =>
      gossip.encodeSaid(gossip.encodeStatement(somePath, said.from, said), signature),
  },
  {
    name: 'record',
    weight: 8,
    samples: [
      ...samplesOf(40, (talk) => recordOf(talk, talk.self).bytes),
      ...vectorsOf('core', 'record-v1.json').filter((bytes) => decodeRecord(bytes) !== undefined),
    ],
    read: decodeRecord,
    write: (record: PeerRecord) => signRecord(byId(record), record).bytes,
  },
];

const searchDecoders: readonly Decoder[] = [
  {
    name: 'search',
    weight: 8,
    samples: [...samplesOf(120, searchMessage), ...vectorsOf('search', 'messages-v1.json')],
    read: search.decodeMessage,
    write: writeSearch,
  },
  {
    name: 'advert',
    weight: 5,
    samples: samplesOf(40, advertOf),
    read: search.decodeAdvert,
    write: (advert: search.Advert) => search.signAdvert(byId(advert), advert).bytes,
  },
  {
    name: 'answer',
    weight: 3,
    samples: samplesOf(40, (talk) => answerOf(talk, new Uint8Array(16).fill(3))),
    read: search.decodeAnswer,
    write: (answer: search.Answer) => search.signAnswer(byId(answer), answer).bytes,
  },
];

const { FRAME } = connection;

/** One frame. */
export function frameOf(type: number, channel: number, body: Uint8Array): Uint8Array {
  const header = new Uint8Array(16);
  const length = connection.putHeader(header, 0, type, channel, body.length);
  return concatBytes(header.subarray(0, length), body);
}

const plainRecords: readonly Uint8Array[] = [
  concatBytes(
    frameOf(FRAME.OPEN, 1, connection.encodeOpen('messages', 'peernet/gossip/1')),
    frameOf(FRAME.DATA, 1, utf8('the first message')),
  ),
  concatBytes(
    frameOf(FRAME.ACCEPT, 1, new Uint8Array(0)),
    frameOf(FRAME.CREDIT, 1, connection.encodeU32(9_000)),
  ),
  concatBytes(frameOf(FRAME.DATA, 300, new Uint8Array(400)), frameOf(FRAME.FIN, 300, Uint8Array.of(16))),
  concatBytes(
    frameOf(FRAME.PING, 0, connection.encodeU32(7)),
    frameOf(FRAME.PONG, 0, connection.encodeU32(8)),
  ),
  concatBytes(frameOf(FRAME.REJECT, 70_000, Uint8Array.of(15)), frameOf(FRAME.RESET, 2, Uint8Array.of(11))),
  frameOf(FRAME.GOAWAY, 0, Uint8Array.of(6)),
];

/** The frames of a record one after the other, as the mux reads them; undefined if it would refuse one. */
function readFrames(record: Uint8Array): Uint8Array | undefined {
  const frame = new connection.FrameView();
  const again: Uint8Array[] = [];
  for (let at = 0; at < record.length; ) {
    at = connection.readFrame(record, at, frame);
    if (at < 0) return undefined;
    again.push(frameOf(frame.type, frame.channel, record.subarray(frame.start, frame.end)));
  }
  return concatBytes(...again);
}

/** Cuts the same bytes in one piece and in several: the records must not depend on it. */
function readRecords(bytes: Uint8Array): Uint8Array[] | undefined {
  const cut = (pieces: readonly Uint8Array[]): { records: Uint8Array[]; fine: boolean } => {
    const records: Uint8Array[] = [];
    const reader = new RecordReader(new BufferPool(1));
    const fine = pieces.every((piece) =>
      reader.push(piece, (sealed) => {
        records.push(sealed.slice());
        return true;
      }),
    );
    reader.release();
    return { records, fine };
  };
  const step = 1 + ((bytes[bytes.length - 1] ?? 0) % 40);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += step) pieces.push(bytes.subarray(at, at + step));
  const [whole, torn] = [cut([bytes]), cut(pieces)];
  const text = ({ records, fine }: ReturnType<typeof cut>): string => `${fine} ${records.join(' ')}`;
  if (text(whole) !== text(torn)) throw new Broken('records depend on how the transport cuts them');
  return whole.fine ? whole.records : undefined;
}

const sealedRecords = [[20, 40], [100], [2_100, 20]].map((lengths) =>
  concatBytes(
    ...lengths.map((length) =>
      concatBytes(Uint8Array.of(length >> 8, length), new Uint8Array(length).fill(length)),
    ),
  ),
);
const hellos = (['any', 'initiator', 'responder'] as const).map((role) =>
  connection.encodeHello(role, new Uint8Array(16).fill(role.length)),
);
const roles = ['any', 'initiator', 'responder'] as const;

const connectionDecoders: readonly Decoder[] = [
  {
    name: 'hello',
    weight: 2,
    samples: hellos,
    read: connection.decodeHello,
    write: (hello: connection.Hello) =>
      connection.encodeHello(roles[hello.role] as connection.Role, hello.nonce),
    past: (bytes) => bytes.length === 21,
  },
  {
    name: 'identity',
    weight: 2,
    samples: samplesOf(3, ({ self }) =>
      connection.encodeIdentity({
        id: self.id,
        bootSeq: 1_700_000_000_000,
        signature: new Uint8Array(64).fill(9),
      }),
    ),
    read: connection.decodeIdentity,
    write: connection.encodeIdentity,
    past: (bytes) => bytes.length === 104,
  },
  {
    name: 'frames',
    weight: 8,
    samples: plainRecords,
    read: (record) => readFrames(record),
    write: (again: Uint8Array) => again,
    past: (record) => record.length > 0 && connection.readFrame(record, 0, new connection.FrameView()) > 0,
  },
  {
    name: 'open',
    weight: 2,
    samples: [connection.encodeOpen('stream', 'app/chat'), connection.encodeOpen('messages', 'x'.repeat(64))],
    read: connection.decodeOpen,
    write: ({ kind, name }: { kind: connection.ChannelKind; name: string }) =>
      connection.encodeOpen(kind, name),
    past: (body) => body.length >= 2 && body.length <= 65,
  },
  {
    name: 'records',
    weight: 2,
    samples: sealedRecords,
    read: readRecords,
    past: (_, records) => records !== undefined && (records as unknown[]).length > 0,
  },
];

const addressTexts = [
  'ws://1.2.3.4:80',
  'WSS://Node.Example.org/',
  'tcp://[2001:470::1]:4000',
  'tcp://[::ffff:1.2.3.4]:4000',
  `ws://1.2.3.4:80#${'0123456789abcdef'.repeat(4)}`,
  `wrtc:${'a'.repeat(64)}?via=ws://h.example:1&via=tcp://[2001:470::1]:2#${'b'.repeat(64)}`,
  'memory:a.b-c_d',
  'app+own:whatever?it=means',
  'ws://localhost:1',
];

/** Latin-1, so that every byte is a character. */
const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 1_000));

function readAddress(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  const foreign = parseForeignAddress(text);
  const address = parseAddress(text);
  if (address === undefined) return foreign;
  if (address.text.length > RECORD_LIMITS.addressBytesMax)
    throw new Broken('an address grew above the limit');
  // In normal form it is the same address still, and normal already (a pin may make it too long to be one again).
  for (const again of [address.text, formatAddress(address)]) {
    const parsed = parseAddress(again);
    if (parsed === undefined && again.length <= RECORD_LIMITS.addressBytesMax)
      throw new Broken(`${text} reads as ${again}, which does not read`);
    if (parsed !== undefined && parsed.text !== address.text)
      throw new Broken(`${text} reads as ${address.text} and then as ${parsed.text}`);
  }
  return address;
}

const addressDecoders: readonly Decoder[] = [
  {
    name: 'address',
    weight: 5,
    samples: addressTexts.map((text) => utf8(text)),
    read: readAddress,
    past: (bytes) => bytes.length <= RECORD_LIMITS.addressBytesMax && /^[!-~]+$/.test(textOf(bytes)),
  },
];

/** All but those of the store, whose rows need a checksum (rows.ts). */
export const decoders: readonly Decoder[] = [
  ...gossipDecoders,
  ...searchDecoders,
  ...connectionDecoders,
  ...addressDecoders,
];
