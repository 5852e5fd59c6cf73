// What follows from too much, and from what cannot be: docs/wire.md §1, §4 and §7.3, by whole machines in virtual time. The
// constants themselves are in wire-constants.test.ts; here is what becomes of the link.
import { DOMAIN, peerIdToBytes } from '@peernet/core';
import { simCrypto } from '@peernet/sim';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../../packages/connection/src/machine/channel.js';
import { type ChannelKind, encodeOpen, encodeU32, FRAME } from '../../../packages/connection/src/wire.js';
import { RATES, TUNING } from '../../../packages/gossip/src/defaults.js';
import {
  decodeMessage,
  encodeAnswer,
  encodeExtrema,
  encodeRecord,
  encodeShuffle,
} from '../../../packages/gossip/src/wire.js';
import { encodeRows } from '../../../packages/search/src/wire.js';
import { GossipNode } from '../src/wire-constants/gossip-node.js';
import { marks, searchOf, shuffleOf } from '../src/wire-constants/layouts.js';
import { MuxEnd } from '../src/wire-constants/mux-end.js';
import { SearchNode } from '../src/wire-constants/search-node.js';

const empty = encodeShuffle({ answer: false, degree: 3, records: [] });

describe('connection', () => {
  const none = new Uint8Array(0);
  /** What comes of frames on a channel that the other side has opened. */
  const cameOf = (kind: ChannelKind, ...frames: readonly [type: number, body: Uint8Array][]): string => {
    const end = new MuxEnd();
    const id = end.open(kind);
    for (const [type, body] of frames) end.hear(type, id, body);
    return end.came;
  };
  const fin: [number, Uint8Array] = [FRAME.FIN, Uint8Array.of(0)];
  const data: [number, Uint8Array] = [FRAME.DATA, marks(1)];

  test('DATA behind FIN is an error, but not of a channel that is over', () => {
    expect(cameOf('stream', data, fin)).toBe('taken');
    expect(cameOf('stream', data, fin, data)).toBe('PROTOCOL');
    expect(cameOf('stream', fin, fin)).toBe('PROTOCOL');
    // A message channel is over with the FIN of either side: what crosses it is ignored.
    expect(cameOf('messages', data, fin, data)).toBe('taken');
    expect(cameOf('stream', [FRAME.RESET, Uint8Array.of(0)], data)).toBe('taken');
  });

  test('an empty message is one, an empty DATA of a stream is an error', () => {
    expect(cameOf('messages', [FRAME.DATA, none])).toBe('taken');
    expect(cameOf('stream', [FRAME.DATA, none])).toBe('PROTOCOL');
  });

  test('CREDIT of nothing is an error', () => {
    expect(cameOf('stream', [FRAME.CREDIT, encodeU32(0)])).toBe('PROTOCOL');
  });

  test('OPEN is answered once, before anything else', () => {
    const said = (...types: readonly number[]): string => {
      const end = new MuxEnd();
      const { id } = end.mux.open('messages', 'ours', end.deaf, 0) as Channel;
      end.mux.flush(0);
      for (const type of types) end.hear(type, id, none);
      return end.came;
    };
    expect(said(FRAME.ACCEPT, FRAME.DATA)).toBe('taken');
    expect(said(FRAME.DATA)).toBe('PROTOCOL');
    expect(said(FRAME.ACCEPT, FRAME.ACCEPT)).toBe('PROTOCOL');
  });

  test('channels have the numbers of who opens them, and never the same twice', () => {
    const heard = (...ids: readonly number[]): string => {
      const end = new MuxEnd();
      for (const id of ids) end.hear(FRAME.OPEN, id, encodeOpen('messages', 'theirs'));
      return end.came;
    };
    expect(heard(2, 8)).toBe('taken');
    expect([heard(1), heard(4, 2), heard(2, 2)]).toEqual(['PROTOCOL', 'PROTOCOL', 'PROTOCOL']);
    const end = new MuxEnd();
    end.hear(FRAME.DATA, 2, none); // a channel that never was
    expect(end.came).toBe('PROTOCOL');
  });
});

describe('gossip', () => {
  test('what cannot be read ends the link, and its peer is banned for ten minutes', () => {
    const node = new GossipNode();
    const fair = node.peer('overlay');
    const peer = node.peer('overlay');
    peer.link.say(shuffleOf(6));
    expect(peer.link.closed).toBe('PROTOCOL');
    expect(node.count('bans')).toBe(1);
    node.world.runFor(TUNING.banMs - 1);
    expect(node.peer('overlay', peer).link.closed).toBe('BANNED');
    node.world.runFor(1);
    const later = node.peer('overlay', peer);
    expect(later.link.closed).toBeUndefined();
    // The second time it is twice as long.
    later.link.say(shuffleOf(6));
    node.world.runFor(2 * TUNING.banMs - 1);
    expect(node.peer('overlay', peer).link.closed).toBe('BANNED');
    node.world.runFor(1);
    expect(node.peer('overlay', peer).link.closed).toBeUndefined();
    expect(fair.link.closed).toBeUndefined();
  });

  test('an answer that nobody asked for, and the record of somebody else, are no accident either', () => {
    const node = new GossipNode();
    const [a, b] = [node.peer('overlay'), node.peer('overlay')];
    a.link.say(encodeShuffle({ answer: true, degree: 3, records: [] }));
    b.link.say(encodeRecord({ record: a.record, ageSeconds: 0 }));
    expect([a.link.closed, b.link.closed, node.count('bans')]).toEqual(['PROTOCOL', 'PROTOCOL', 2]);
  });

  test('a link may be over its rates a thousand times', () => {
    const node = new GossipNode();
    const peer = node.peer('overlay');
    for (let n = 0; n < RATES.shuffle.burst + TUNING.dropsMax; n++) peer.link.say(empty);
    expect([peer.link.closed, node.count('limiterDrops')]).toEqual([undefined, 1_000]);
    peer.link.say(empty);
    expect([peer.link.closed, node.count('limiterDrops'), node.count('bans')]).toEqual(['RATE', 1_001, 0]);
  });

  test('a message of a later version is ignored, and costs what a SHUFFLE costs', () => {
    const node = new GossipNode();
    const peer = node.peer('overlay');
    for (let n = 0; n < RATES.shuffle.burst; n++) peer.link.say(Uint8Array.of(128 + n, 1, 2, 3));
    expect([peer.link.closed, node.count('limiterDrops')]).toEqual([undefined, 0]);
    peer.link.say(empty);
    expect(node.count('limiterDrops')).toBe(1);
    // Control: the last kind that is not of a later version.
    peer.link.say(Uint8Array.of(127, 1, 2, 3));
    expect(peer.link.closed).toBe('PROTOCOL');
  });

  test('HELLO comes first', () => {
    const node = new GossipNode();
    const [hasty, fair] = [node.peer(), node.peer('overlay')];
    for (const peer of [hasty, fair]) peer.link.say(empty);
    expect([hasty.link.closed, fair.link.closed]).toEqual(['PROTOCOL', undefined]);
  });

  test('HELLO over the link of an application asks for an overlay link', () => {
    const node = new GossipNode();
    const peer = node.peer('app');
    expect([node.count('appLinks'), node.count('overlayLinks'), peer.heardOf('hello')]).toEqual([1, 0, 1]);
    peer.link.say(peer.hello('overlay'));
    expect([node.count('appLinks'), node.count('overlayLinks')]).toEqual([0, 1]);
    expect([peer.heardOf('hello'), peer.heardOf('link')]).toEqual([1, 1]);
    // Once more, as when both ask at once: only LINK.
    peer.link.say(peer.hello('overlay'));
    expect([peer.heardOf('hello'), peer.heardOf('link'), peer.link.closed]).toEqual([1, 2, undefined]);
    // Any other repetition is none.
    peer.link.say(peer.hello('app'));
    expect(peer.link.closed).toBe('PROTOCOL');
  });

  test('a full node answers FULL, and the link stays the application’s', () => {
    const node = new GossipNode();
    // Five places of eight are for links of its own.
    const others = [1, 2, 3].map(() => node.peer('overlay'));
    const peer = node.peer('app');
    peer.link.say(peer.hello('overlay'));
    expect(others.map((other) => other.heardOf('link'))).toEqual([1, 1, 1]);
    expect([peer.heardOf('full'), peer.heardOf('link'), peer.link.closed]).toEqual([1, 0, undefined]);
    expect(node.count('appLinks')).toBe(1);
  });

  test('late answers are out of place, not wrong', () => {
    const node = new GossipNode();
    const peer = node.peer('overlay');
    peer.link.say(encodeAnswer({ kind: 'full', walk: 'ab'.repeat(8), degree: 3, records: [] }));
    expect([peer.link.closed, node.count('unexpected')]).toEqual([undefined, 1]);
  });

  test('entries of one peer travel together, with one signature', () => {
    const node = new GossipNode();
    const [a, b] = [simCrypto(node.world, 'a'), simCrypto(node.world, 'b')];
    const entries = [a, b, a, b].map((crypto, slot) => {
      const signature = crypto.sign(DOMAIN.extrema, peerIdToBytes(crypto.id));
      return { slot, id: crypto.id, ageSeconds: slot, signature };
    });
    const bytes = encodeExtrema(3, entries);
    expect(bytes.length).toBe(4 + 2 * (32 + 64 + 1) + 4 * 3);
    const message = decodeMessage(bytes);
    const slots = message?.kind === 'extrema' ? message.entries.map(({ slot }) => slot) : [];
    expect(slots).toEqual([0, 2, 1, 3]);
  });
});

describe('search', () => {
  test('what cannot be read ends the link', () => {
    const node = new SearchNode();
    node.link.say(searchOf({ want: 32 }));
    expect(node.link.closed).toBeUndefined();
    node.link.say(searchOf({ want: 33 }));
    expect([node.link.closed, node.count('misbehaved')]).toEqual(['PROTOCOL', 1]);
  });

  test('a first byte of a later version cannot be read', () => {
    const node = new SearchNode();
    node.link.say(Uint8Array.of(128, 1, 2, 3));
    expect(node.link.closed).toBe('PROTOCOL');
  });

  test('being over its rates does not end a link', () => {
    const node = new SearchNode();
    const bytes = node.advert();
    for (let n = 0; n < 5_000; n++) node.link.say(bytes);
    expect([node.link.closed, node.count('limiterDrops')]).toEqual([undefined, 4_700]);
    node.world.runFor(1_000);
    node.link.say(bytes);
    expect(node.count('limiterDrops')).toBe(4_700);
  });

  test('rows for a search that nobody knows are forgiven at first', () => {
    const node = new SearchNode();
    const rows = encodeRows(marks(16), [{ kind: 'advert', hops: 1, ageSeconds: 0, bytes: marks(9) }]);
    for (let n = 0; n < 64; n++) node.link.say(rows);
    expect([node.link.closed, node.count('unasked')]).toEqual([undefined, 64]);
    node.link.say(rows);
    expect(node.link.closed).toBe('PROTOCOL');
  });
});
