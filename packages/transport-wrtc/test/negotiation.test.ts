// One introduction, on a peer connection that does what it is told: which channels and signals are taken, and how many.
import type { Clock, Signal, SignalPath } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { candidatesMax } from '../src/defaults.js';
import { type Description, parseDescription } from '../src/description.js';
import { Negotiation } from '../src/negotiation.js';
import type { PeerConnectionLike } from '../src/rtc.js';
import { peerId } from './board.js';
import { answerWith, candidate, offerWith } from './offers.js';

class Channel extends EventTarget {
  binaryType = '';
  readonly bufferedAmount = 0;
  readonly label: string;
  readyState: string;
  constructor(label: string, readyState = 'open') {
    super();
    this.label = label;
    this.readyState = readyState;
  }
  send(): void {}
  close(): void {
    this.readyState = 'closed';
  }
}

class Connection extends EventTarget {
  connectionState = 'new';
  iceGatheringState = 'complete';
  localDescription: { sdp: string } | null = null;
  readonly remote: string[] = [];
  readonly tried: string[] = [];
  createDataChannel(label: string): Channel {
    return new Channel(label, 'connecting');
  }
  async createOffer() {
    return { type: 'offer', sdp: offerWith([]) };
  }
  async createAnswer() {
    return { type: 'answer', sdp: answerWith([]) };
  }
  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
  }
  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    this.remote.push(sdp);
  }
  async addIceCandidate({ candidate: line }: { candidate: string }): Promise<void> {
    this.tried.push(line);
  }
  /** The other side opens a channel. */
  offers(label: string): Channel {
    const channel = new Channel(label);
    this.dispatchEvent(Object.assign(new Event('datachannel'), { channel }));
    return channel;
  }
  close(): void {
    this.connectionState = 'closed';
  }
}

const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

function scene(side: 'offers' | 'answers') {
  const connection = new Connection();
  const clock: Clock = { now: () => 0, wall: () => 0, alarm: () => () => {} };
  const sent: Signal[] = [];
  const refused: string[] = [];
  const path: SignalPath = {
    peer: peerId(2),
    scope: 'global',
    send: (signal) => sent.push(signal) > 0,
    close: () => {},
  };
  const setup = {
    newConnection: () => connection as unknown as PeerConnectionLike,
    lan: false,
    clock,
    refuse: (reason: string) => void refused.push(reason),
  };
  const negotiation = new Negotiation(setup, side === 'answers' ? path : undefined);
  if (side === 'offers') negotiation.offer(path);
  else negotiation.answer(parseDescription(offerWith([]), 'offer') as Description);
  return { negotiation, connection, sent, refused };
}

describe('who answers', () => {
  test('takes one channel of our name; all others are closed', async () => {
    const { negotiation, connection } = scene('answers');
    await turns();
    expect(connection.offers('other/1').readyState).toBe('closed');
    const taken = connection.offers('peernet/1');
    expect(taken.readyState).toBe('open');
    expect(connection.offers('peernet/1').readyState).toBe('closed');
    expect(taken.readyState).toBe('open');
    negotiation.fail(new Error('enough'));
  });

  test('hears no answer, and no second offer', async () => {
    const { negotiation, connection, refused } = scene('answers');
    await turns();
    negotiation.onSignal({ kind: 'answer', sdp: answerWith([]) });
    negotiation.onSignal({ kind: 'offer', sdp: offerWith([]) });
    await turns();
    expect([refused, connection.remote.length]).toEqual([['signals', 'signals'], 1]);
    negotiation.fail(new Error('enough'));
  });
});

describe('who offers', () => {
  test('hears one answer', async () => {
    const { negotiation, connection, refused } = scene('offers');
    await turns();
    for (let i = 0; i < 2; i++) negotiation.onSignal({ kind: 'answer', sdp: answerWith([]) });
    await turns();
    expect([refused, connection.remote.length]).toEqual([['signals'], 1]);
    negotiation.fail(new Error('enough'));
  });

  test(`keeps ${candidatesMax} signals and one, while its own offer is not out`, async () => {
    const { negotiation, connection, refused } = scene('offers');
    connection.iceGatheringState = 'gathering';
    await turns();
    for (let i = 0; i < 30; i++)
      negotiation.onSignal({ kind: 'candidate', candidate: candidate('9.9.9.9', 5000 + i) });
    expect(refused).toHaveLength(30 - candidatesMax - 1);
    negotiation.fail(new Error('enough'));
  });
});
