// Valid messages with random contents, made by the real encoders and signed by whoever says them: what a decoder or a
// node is given before it is damaged. Contents are as strange as the encoders allow.
import {
  below,
  type Crypto,
  DOMAIN,
  type HeardRecord,
  type PeerId,
  type PeerRecord,
  peerIdToBytes,
  pickOne,
  type Random,
  randomBytes,
  type Signal,
  scopes,
  signRecord,
  toHex,
  utf8,
} from '@peernet/core';
import { sealSignal } from '../../../../packages/gossip/src/machine/sealed-signal.js';
import {
  encodeAnswer,
  encodeExtrema,
  encodeHello,
  encodeRecord,
  encodeReplaced,
  encodeShuffle,
  encodeSignal,
  encodeUnreachable,
  encodeWalk,
  type Purpose,
  purposes,
  unreachableCodes,
  walkKinds,
} from '../../../../packages/gossip/src/wire.js';
import {
  encodeAdvertMessage,
  encodeOrphans,
  encodeRows,
  encodeSearch,
  placeOf,
  type RowKind,
  signAdvert,
  signAnswer,
  subnetHash,
} from '../../../../packages/search/src/wire.js';

const addresses = [
  'ws://1.2.3.4:80',
  'wss://node.example.org:443',
  'tcp://[2001:470:0:1::7]:4000',
  'ws://93.184.216.34:9000',
  'ws://8.8.4.4:4000',
  'tcp://10.0.0.7:4000',
  'ws://127.0.0.1:4000',
  'ws://169.254.169.254:80',
  'ws://0x7f.1:80',
  'memory:there',
  `wrtc:${'ab'.repeat(32)}?via=ws://1.2.3.4:80`,
  'foreign:anything-at-all',
  '!!!',
];
/** Too long for the short record of an advert. */
const longAddress = `ws://${'a.'.repeat(100)}example:80`;
const subnets = ['chat', 'dht', 'here', 'there'];

/** Who talks, to whom, and when. */
export interface Talk {
  readonly random: Random;
  /** The one at this end of the link. */
  readonly self: Crypto;
  /** Others whose records and adverts it may pass on. */
  readonly others: readonly Crypto[];
  readonly wallMs: number;
  /** Records that were said before: most are said again. */
  readonly shelf?: HeardRecord[];
  /** The one at the other end, if it is known. */
  readonly node?: PeerId;
  /** Searches that it was asked, or has heard of. */
  readonly queries?: readonly Uint8Array[];
}

const pick = <T>(talk: Talk, list: readonly T[]): T => pickOne(talk.random, list) as T;
const chance = (talk: Talk, oneIn: number): boolean => below(talk.random, oneIn) === 0;

function seqOf(talk: Talk): number {
  const offsets = [0, 0, -1_000, 1_000, below(talk.random, 1_000_000)];
  const far = [-90_000_000, 90_000_000];
  return Math.floor(talk.wallMs) + pick(talk, chance(talk, 20) ? far : offsets);
}

/** A record of `crypto`; `short`: one that fits into an advert. */
export function recordOf(talk: Talk, crypto: Crypto, short = false): PeerRecord {
  const most = short ? 1 : 4;
  const list = Array.from({ length: below(talk.random, most + 1) }, () =>
    chance(talk, 20) && !short ? longAddress : pick(talk, addresses),
  );
  const relays = Array.from({ length: below(talk.random, Math.min(3, most) + 1) }, () => ({
    id: pick(talk, [talk.self, ...talk.others]).id,
    address: pick(talk, addresses),
  }));
  return signRecord(crypto, {
    seq: seqOf(talk),
    ttlSeconds: pick(talk, [0, 60, 600, 86_400]),
    addresses: list,
    relays,
    dialable: list.length > 0 && !chance(talk, 4),
    webrtc: chance(talk, 3),
    stun: chance(talk, 5),
  });
}

/** Records on a shelf. */
const shelfMax = 12;

function heard(talk: Talk, own = false): HeardRecord {
  const { shelf = [] } = talk;
  if (!own && shelf.length > 0 && !chance(talk, 4)) return pick(talk, shelf);
  const owner = own ? talk.self : pick(talk, [talk.self, ...talk.others]);
  const fresh = { record: recordOf(talk, owner), ageSeconds: pick(talk, [0, 0, 1, 60, 3_000, 86_400]) };
  if (shelf.length < shelfMax) shelf.push(fresh);
  else shelf[below(talk.random, shelfMax)] = fresh;
  return fresh;
}

const heardList = (talk: Talk): HeardRecord[] =>
  Array.from({ length: below(talk.random, 6) }, () => heard(talk));
const degree = (talk: Talk): number => pick(talk, [0, 1, 2, 5, 128, 65_535]);
const walkId = (talk: Talk): string =>
  chance(talk, 3) ? '00000000000000aa' : toHex(randomBytes(talk.random, 8)).replace(/^0/, '1');

/** A fair greeting, but for what it claims. */
export function greeting(talk: Talk, purpose?: Purpose): Uint8Array {
  return encodeHello({
    purpose: purpose ?? pick(talk, purposes),
    degree: degree(talk),
    wallMs: talk.wallMs + pick(talk, [0, 0, 5, -7_200_000, 1e12]),
    dialed: pick(talk, ['', ...addresses]),
    observed: pick(talk, ['', 'tcp://1.2.3.4:5', 'tcp://93.184.216.34:4000', 'x:', '%']),
    digest: randomBytes(talk.random, 8),
    self: heard(talk, true),
  });
}

function extremes(talk: Talk): Uint8Array {
  const entries = Array.from({ length: below(talk.random, chance(talk, 4) ? 129 : 5) }, () => {
    const owner = pick(talk, [talk.self, ...talk.others]);
    const signature = chance(talk, 200)
      ? randomBytes(talk.random, 64)
      : owner.sign(DOMAIN.extrema, peerIdToBytes(owner.id));
    const ageSeconds = pick(talk, [0, 1, 600, 1_199, 1_200, 65_535]);
    return { slot: below(talk.random, 64), id: owner.id, ageSeconds, signature };
  });
  return encodeExtrema(degree(talk), entries);
}

function walk(talk: Talk): Uint8Array {
  return encodeWalk({
    id: walkId(talk),
    ttl: below(talk.random, 29),
    purpose: pick(talk, walkKinds),
    degree: degree(talk),
    desperate: chance(talk, 2),
    origin: heard(talk),
  });
}

function answer(talk: Talk): Uint8Array {
  return encodeAnswer({
    kind: pick(talk, ['link', 'full']),
    walk: chance(talk, 2) ? '' : walkId(talk),
    degree: degree(talk),
    records: heardList(talk),
  });
}

/** Few paths, so that signals meet. */
const pathId = (talk: Talk): string => `00000000000000a${below(talk.random, 8)}`;

/** Something of an introduction; for somebody who is there, and sealed to it, more often than not. */
function signal(talk: Talk): Uint8Array {
  const path = pathId(talk);
  const to = pick(talk, [
    ...talk.others.map((other) => other.id),
    ...(talk.node === undefined ? [] : [talk.node, talk.node]),
  ]);
  const text = 'x'.repeat(below(talk.random, pick(talk, [4, 900, 8_193])));
  const what: Signal = pick(talk, [
    { kind: 'offer', sdp: text },
    { kind: 'answer', sdp: text },
    { kind: 'candidate', candidate: text },
  ]);
  const sealed = chance(talk, 6)
    ? randomBytes(talk.random, below(talk.random, 300))
    : sealSignal(talk.self, to, { path, counter: pick(talk, [0, 0, 1, 2, 255]), signal: what });
  return encodeSignal({
    path,
    scope: pick(talk, scopes),
    target: chance(talk, 3) ? undefined : to,
    sealed,
  });
}

const gossipKinds: readonly ((talk: Talk) => Uint8Array)[] = [
  (talk) => encodeRecord(heard(talk, !chance(talk, 6))),
  (talk) => encodeShuffle({ answer: chance(talk, 4), degree: degree(talk), records: heardList(talk) }),
  extremes,
  walk,
  answer,
  signal,
  (talk) => encodeUnreachable({ path: pathId(talk), code: pick(talk, unreachableCodes) }),
  (talk) => encodeReplaced(chance(talk, 3) ? undefined : heard(talk), heardList(talk)),
];

/** A message of channel peernet/gossip/1; HELLO, which nobody says twice, is rare. */
export function gossipMessage(talk: Talk): Uint8Array {
  return chance(talk, 20) ? greeting(talk) : pick(talk, gossipKinds)(talk);
}

/** Hash of one of a few subnets. */
export function subnetOf(talk: Talk, name?: string): Uint8Array {
  return subnetHash(talk.self, utf8(name ?? pick(talk, subnets)), new Uint8Array(0));
}

/** A signed advert. */
export function advertOf(talk: Talk, name?: string): Uint8Array {
  const owner = pick(talk, [talk.self, ...talk.others]);
  return signAdvert(owner, {
    subnet: subnetOf(talk, name),
    record: recordOf(talk, owner, true),
    seq: seqOf(talk),
    ttlSeconds: pick(talk, [0, 1, 60, 600, 600]),
    meta: randomBytes(talk.random, pick(talk, [0, 5, 100, 128])),
  }).bytes;
}

/** A signed answer to `query`. */
export function answerOf(talk: Talk, query: Uint8Array): Uint8Array {
  const owner = pick(talk, [talk.self, ...talk.others]);
  const record = recordOf(talk, owner, true);
  const meta = randomBytes(talk.random, pick(talk, [0, 5, 100, 128]));
  return signAnswer(owner, { query, subnet: subnetOf(talk), record, meta }).bytes;
}

/** Large budgets soon exhaust what a link may carry. */
const budget = (talk: Talk): number => 1 + below(talk.random, pick(talk, [4, 4, 60, 60, 400, 65_535]));

function advertMessage(talk: Talk): Uint8Array {
  return encodeAdvertMessage({
    budget: budget(talk),
    hops: 1 + below(talk.random, 16),
    ageSeconds: pick(talk, [0, 0, 30, 600]),
    advert: advertOf(talk),
  });
}

function ask(talk: Talk): Uint8Array {
  return encodeSearch({
    budget: budget(talk),
    hops: 1 + below(talk.random, 16),
    want: 1 + below(talk.random, 32),
    known: Array.from({ length: below(talk.random, chance(talk, 4) ? 33 : 2) }, () =>
      pick(talk, [talk.self, ...talk.others]).id.slice(0, 16),
    ),
    searchId: chance(talk, 3) ? new Uint8Array(16).fill(below(talk.random, 8)) : randomBytes(talk.random, 16),
    subnet: subnetOf(talk),
    payload: randomBytes(talk.random, pick(talk, [0, 0, 3, 100, 256])),
  });
}

function rows(talk: Talk): Uint8Array {
  const known = talk.queries ?? [];
  const query = known.length > 0 && !chance(talk, 8) ? pick(talk, known) : randomBytes(talk.random, 16);
  const list = Array.from({ length: 1 + below(talk.random, chance(talk, 4) ? 16 : 3) }, () => {
    const kind = pick(talk, ['advert', 'advert', 'answer', 'orphan', 'withdrawal'] satisfies RowKind[]);
    const bytes = kind === 'answer' ? answerOf(talk, query) : advertOf(talk);
    return { kind, hops: 1 + below(talk.random, 32), ageSeconds: pick(talk, [0, 9, 600]), bytes };
  });
  return encodeRows(query, list);
}

function orphans(talk: Talk): Uint8Array {
  const places = Array.from({ length: 1 + below(talk.random, chance(talk, 8) ? 256 : 3) }, () =>
    placeOf(toHex(subnetOf(talk)), pick(talk, [talk.self, ...talk.others]).id),
  );
  return encodeOrphans(places);
}

const searchKinds: readonly ((talk: Talk) => Uint8Array)[] = [advertMessage, ask, rows, orphans];

/** A message of channel peernet/search/1; all kinds are equally likely. */
export function searchMessage(talk: Talk): Uint8Array {
  return pick(talk, searchKinds)(talk);
}
