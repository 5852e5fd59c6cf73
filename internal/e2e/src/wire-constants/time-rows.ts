// How long a receiver waits, and how often it looks over what is too much. What comes `n` ms after the beginning comes
// before a timer of `n` ms, and behind one of `n - 1`.
import { createCrypto, SessionTable } from '@peernet/connection';
import { seededRandom, utf8 } from '@peernet/core';
import { DEFAULTS } from '../../../../packages/connection/src/defaults.js';
import { Handshake } from '../../../../packages/connection/src/machine/handshake.js';
import { encodeHello } from '../../../../packages/connection/src/wire.js';
import { RATES, TUNING } from '../../../../packages/gossip/src/defaults.js';
import { encodeShuffle } from '../../../../packages/gossip/src/wire.js';
import { TIMES } from '../../../../packages/search/src/defaults.js';
import {
  decodeMessage,
  encodeRows,
  queryOf,
  type SearchMessage,
  subnetHash,
} from '../../../../packages/search/src/wire.js';
import { GossipNode } from './gossip-node.js';
import { marks } from './layouts.js';
import type { Row } from './row.js';
import { SearchNode } from './search-node.js';

/** A handshake in which nothing comes but what comes at once; what came of it in `n` ms. */
function waited(n: number, ...atOnce: readonly Uint8Array[]): string {
  const crypto = createCrypto({ random: seededRandom(1) });
  const { primitives, staticKey, identity } = crypto;
  let came = 'taken';
  const effects = {
    write() {},
    established() {},
    failed(code: string) {
      came = code;
    },
  };
  const { firstByteMs, handshakeMs } = DEFAULTS;
  const given = { primitives, crypto, staticKey, identity, firstByteMs, handshakeMs };
  const shake = new Handshake(
    {
      ...given,
      ephemeralKey: () => crypto.ephemeralKey(),
      role: 'responder',
      nonce: marks(16),
      network: new Uint8Array(0),
      bootSeqs: new SessionTable(1),
    },
    0,
  );
  for (const bytes of atOnce) shake.receive(bytes, effects);
  if (shake.deadline() < n) shake.tick(shake.deadline(), effects);
  return came;
}

/** HELLO after `n` ms. */
function greeted(n: number): string {
  const node = new GossipNode();
  const peer = node.peer();
  node.world.runFor(n - 1);
  peer.link.say(peer.hello('overlay'));
  return peer.link.closed ?? 'taken';
}

/** So many messages over the limit. */
function dropped(n: number): string {
  const node = new GossipNode();
  const peer = node.peer('overlay');
  const bytes = encodeShuffle({ answer: false, degree: 3, records: [] });
  for (let i = RATES.shuffle.burst + n; i > 0; i--) peer.link.say(bytes);
  return peer.link.closed ?? 'taken';
}

/** A row for a search that the node has sent, `n` ms later. */
function answered(n: number): string {
  const node = new SearchNode();
  let asked: SearchMessage | undefined;
  node.link.onHeard = (bytes) => {
    const message = decodeMessage(bytes);
    if (message?.type === 'search') asked ??= message;
  };
  node.search.search(
    'chat',
    {},
    () => {},
    () => {},
  );
  if (asked === undefined) return 'nothing was asked';
  const query = queryOf(node.self, asked);
  node.world.runFor(n - 1);
  const subnet = subnetHash(node.self, utf8('chat'), new Uint8Array(0));
  const bytes = node.signed(subnet, node.world.clock.wall());
  node.link.say(encodeRows(query, [{ kind: 'advert', hops: 1, ageSeconds: 0, bytes }]));
  if (node.link.closed !== undefined) return node.link.closed;
  return node.count('unasked') === 0 ? 'taken' : 'unasked';
}

const most = { bound: 'most' } as const;
const hello = encodeHello('initiator', marks(16).fill(1));

export const timeRows: readonly Row[] = [
  {
    ...most,
    file: 'connection/src/defaults.ts',
    key: 'DEFAULTS.firstByteMs',
    value: DEFAULTS.firstByteMs,
    become: (n) => waited(n),
    refused: 'HANDSHAKE_TIMEOUT',
    decides: { in: DEFAULTS, key: 'firstByteMs' },
  },
  {
    ...most,
    file: 'connection/src/defaults.ts',
    key: 'DEFAULTS.handshakeMs',
    value: DEFAULTS.handshakeMs,
    become: (n) => waited(n, hello),
    refused: 'HANDSHAKE_TIMEOUT',
    decides: { in: DEFAULTS, key: 'handshakeMs' },
  },
  {
    ...most,
    file: 'gossip/src/defaults.ts',
    key: 'TUNING.helloMs',
    value: TUNING.helloMs,
    become: greeted,
    refused: 'TIMEOUT',
    decides: { in: TUNING, key: 'helloMs' },
  },
  {
    ...most,
    file: 'gossip/src/defaults.ts',
    key: 'TUNING.dropsMax',
    value: TUNING.dropsMax,
    become: dropped,
    refused: 'RATE',
    decides: { in: TUNING, key: 'dropsMax' },
  },
  {
    ...most,
    file: 'search/src/defaults.ts',
    key: 'TIMES.reverseMs',
    value: TIMES.reverseMs,
    become: answered,
    refused: 'unasked',
    decides: { in: TIMES, key: 'reverseMs' },
  },
];
