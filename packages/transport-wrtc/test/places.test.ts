// Who may make a connection, by what is open and by who has proven itself; on streams that are nothing but released.
import type { Clock, SignalPath } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import type { ChannelDuplex } from '../src/channel-duplex.js';
import { pendingMs } from '../src/defaults.js';
import { type OfferPlace, Places } from '../src/places.js';
import { peerId } from './board.js';

function placesOf(limits: Record<string, number>) {
  const alarms: [atMs: number, ring: () => void][] = [];
  const clock: Clock = {
    now: () => 0,
    wall: () => 0,
    alarm: (atMs, ring) => {
      alarms.push([atMs, ring]);
      return () => {};
    },
  };
  const places = new Places(limits, clock);
  const offer = (n: number): OfferPlace | string => places.forOffer({ peer: peerId(n) } as SignalPath);
  /** An offer of peer `n` has led to an open stream. */
  const opened = (n: number): { place: OfferPlace; release: () => void } => {
    const place = offer(n);
    if (typeof place === 'string') throw new Error(place);
    const released: (() => void)[] = [];
    place.open({ onRelease: (call: () => void) => released.push(call) } as unknown as ChannelDuplex);
    place.leave();
    return { place, release: () => released.splice(0).forEach((call) => void call()) };
  };
  const dial = async (n: number): Promise<string> => {
    const place = await places.forDial(peerId(n), new AbortController().signal).catch((error) => error);
    place.leave?.();
    return place.code ?? 'made';
  };
  return { alarms, offer, opened, dial };
}

describe('connections with one peer', () => {
  test('are so many at a time, whoever began them; others have theirs', async () => {
    const { offer, opened, dial } = placesOf({ perPeerMax: 2 });
    const [first] = [opened(2), opened(2)];
    expect([offer(2), await dial(2), await dial(3)]).toEqual(['peerFull', 'LIMIT', 'made']);
    first?.release();
    expect(await dial(2)).toBe('made');
    expect(typeof offer(2)).toBe('object');
  });
});

describe('connections of others that have proven nothing', () => {
  test('are so many at a time; who has finished its handshake, or has gone, counts no more', () => {
    const { offer, opened } = placesOf({ unprovenMax: 2 });
    const [a, b] = [opened(2), opened(3)];
    expect(offer(4)).toBe('unprovenFull');
    a?.place.established();
    a?.place.established(); // once
    opened(4);
    expect(offer(5)).toBe('unprovenFull');
    b?.release();
    b?.place.established();
    opened(5);
    expect(offer(6)).toBe('unprovenFull');
  });

  test('count as proven after a while: not every owner tells', () => {
    const { offer, opened, alarms } = placesOf({ unprovenMax: 1 });
    opened(2);
    expect(offer(3)).toBe('unprovenFull');
    const [[atMs, ring]] = alarms as [[number, () => void]];
    expect(atMs).toBe(pendingMs);
    ring();
    expect(typeof offer(3)).toBe('object');
  });
});
