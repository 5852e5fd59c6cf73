// Who may begin a connection when, on peer connections that never connect: they only count.
import type { Clock, Listener, Signal, SignalEvents } from '@peernet/core';
import { leakCheck, until } from '@peernet/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { connectMs, dialsAtOnce, offersAtOnce, pendingMs } from '../src/defaults.js';
import { type Rtc, wrtc, wrtcLimits } from '../src/index.js';
import { Board, peerId } from './board.js';
import { answerWith, offerWith } from './offers.js';

/** A WebRTC that goes nowhere. */
class Idle {
  made = 0;
  open = 0;
  most = 0;
  /** The last channel that was made opens, and its connection breaks in the same turn. */
  breakOpen = (): void => {};
  readonly rtc: Rtc;

  constructor(fingerprint = '55') {
    const count = this;
    class Connection extends EventTarget {
      connectionState = 'new';
      readonly iceGatheringState = 'complete';
      localDescription: { sdp: string } | null = null;

      constructor() {
        super();
        count.made++;
        count.most = Math.max(count.most, ++count.open);
      }
      createDataChannel() {
        const state = { binaryType: '', label: '', readyState: 'connecting', bufferedAmount: 0 };
        const channel = Object.assign(new EventTarget(), state, { send() {}, close() {} });
        count.breakOpen = () => {
          channel.readyState = 'open';
          channel.dispatchEvent(new Event('open'));
          channel.readyState = 'closed';
          this.connectionState = 'failed';
          this.dispatchEvent(new Event('connectionstatechange'));
        };
        return channel;
      }
      async createOffer() {
        return { type: 'offer', sdp: offerWith([], fingerprint) };
      }
      async createAnswer() {
        return { type: 'answer', sdp: answerWith([]) };
      }
      async setLocalDescription(description: { sdp: string }) {
        this.localDescription = description;
      }
      async setRemoteDescription() {}
      async addIceCandidate() {}
      close() {
        if (this.connectionState === 'closed') return;
        this.connectionState = 'closed';
        count.open--;
      }
    }
    this.rtc = { RTCPeerConnection: Connection };
  }
}

/** A clock that goes when it is told to. */
class ManualClock implements Clock {
  #nowMs = 0;
  readonly #alarms = new Map<() => void, number>();
  now = (): number => this.#nowMs;
  wall = (): number => this.#nowMs;
  alarm = (atMs: number, ring: () => void): (() => void) => {
    const own = (): void => ring();
    this.#alarms.set(own, atMs);
    return () => this.#alarms.delete(own);
  };
  pass(ms: number): void {
    this.#nowMs += ms;
    for (const [ring, atMs] of [...this.#alarms]) {
      if (atMs <= this.#nowMs && this.#alarms.delete(ring)) ring();
    }
  }
}

const node = peerId(1);
const closing: (() => unknown)[] = [];
const settled = leakCheck();
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await settled();
});
const ticks = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
const live = (): AbortSignal => new AbortController().signal;

async function host(limits: Record<string, number> = {}) {
  const [board, idle, clock] = [new Board(), new Idle(), new ManualClock()];
  const transport = wrtc({ signaller: board.signaller(node), rtc: idle.rtc, clock, limits });
  const listener = (await transport.listen?.({}, () => {})) as Listener;
  closing.push(() => listener.close());
  const closes: string[] = [];
  const offer = (from: number, sdp = offerWith([]), more: readonly Signal[] = []) => {
    const events: SignalEvents = { onSignal() {}, onClose: (code) => closes.push(code) };
    const path = board.signaller(peerId(from)).introduce(node, { via: [] }, events);
    path.send({ kind: 'offer', sdp });
    for (const signal of more) path.send(signal);
    return path;
  };
  return { board, idle, clock, listener, offer, transport, closes };
}

describe('offers', () => {
  test(`10 000 in a minute: ${offersAtOnce} peer connections exist, 60 are taken, the rest is refused`, async () => {
    const { idle, clock, listener, offer } = await host({ waitingMax: 1e6, inboundMax: 1e6, openMax: 1e6 });
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 167; i++) offer(100 + second * 167 + i);
      await ticks();
      clock.pass(1000);
    }
    await ticks();
    expect(idle.most).toBe(offersAtOnce);
    const taken = 60 * 167 - (listener.refused.offerRate ?? 0);
    expect(taken).toBeGreaterThan(50);
    expect(taken).toBeLessThanOrEqual(60);
    clock.pass(pendingMs);
    await ticks();
    expect(idle.open).toBe(0);
  });

  test('one that leads nowhere ends after 15 s and makes room for the next', async () => {
    const { idle, clock, offer } = await host();
    for (let i = 0; i < offersAtOnce + 1; i++) offer(10 + i);
    await ticks();
    expect(idle.made).toBe(offersAtOnce);
    clock.pass(connectMs - 1);
    await ticks();
    expect(idle.open).toBe(offersAtOnce);
    clock.pass(1);
    await ticks();
    expect([idle.made, idle.open]).toEqual([offersAtOnce + 1, 1]);
    clock.pass(connectMs);
    await ticks();
    expect(idle.open).toBe(0);
  });

  test('who gives up while it waits for its turn takes no place with it', async () => {
    const { idle, clock, offer } = await host();
    for (let i = 0; i < offersAtOnce; i++) offer(10 + i);
    await ticks();
    const waiting = Array.from({ length: offersAtOnce }, (_, i) => offer(20 + i));
    await ticks();
    for (const path of waiting) path.close();
    await ticks();
    clock.pass(connectMs);
    await ticks();
    expect([idle.made, idle.open]).toEqual([offersAtOnce, 0]);
    for (let i = 0; i < offersAtOnce; i++) offer(30 + i);
    await ticks();
    expect([idle.made, idle.open]).toEqual([2 * offersAtOnce, offersAtOnce]);
    clock.pass(connectMs);
    await ticks();
    expect(idle.open).toBe(0);
  });

  test.each([
    ['peerPending', {}, [2, 2]],
    ['inboundFull', { inboundMax: 1 }, [2, 3]],
    ['openFull', { openMax: 1 }, [2, 3]],
    ['waitingFull', { waitingMax: 0 }, [2, 3, 4, 5, 6]],
    ['offerRate', { offersBurst: 1 }, [2, 3]],
  ] as const)('%s: refused with that name; control: one less is taken', async (name, limits, from) => {
    const { listener, offer, idle, closes } = await host(limits);
    for (const peer of from.slice(0, -1)) offer(peer);
    await ticks();
    expect(listener.refused).toEqual({});
    offer(from.at(-1) as number);
    await ticks();
    expect(listener.refused).toEqual({ [name]: 1 });
    expect(idle.made).toBe(from.length - 1);
    expect(closes).toHaveLength(1);
  });

  test.each([
    ['sdpBytes', offerWith([]) + 'x'.repeat(9000)],
    ['sdpSyntax', 'nonsense'],
    ['sdpMedia', offerWith([]).replace('m=application', 'm=audio')],
    ['sdpCandidates', offerWith(Array(17).fill('candidate:1 1 udp 1 10.0.0.1 5000 typ host'))],
  ])('%s: no peer connection is made, the path is closed', async (name, sdp) => {
    const { listener, offer, idle, closes } = await host();
    offer(2, sdp);
    await ticks();
    expect([listener.refused, idle.made, closes.length]).toEqual([{ [name]: 1 }, 0, 1]);
    offer(2); // and the next one of that peer is taken
    await ticks();
    expect(idle.made).toBe(1);
  });

  test('a flood of signals over one path is bounded', async () => {
    const { offer, listener } = await host();
    const more = Array.from({ length: 100 }, (): Signal => ({ kind: 'candidate', candidate: 'candidate:x' }));
    offer(2, offerWith([]), more);
    await ticks(20);
    expect((listener.refused.signals ?? 0) + (listener.refused.candidateSyntax ?? 0)).toBe(100);
  });

  test('what is no offer first is refused', async () => {
    const { board, listener, idle } = await host();
    const path = board.signaller(peerId(2)).introduce(node, { via: [] }, { onSignal() {}, onClose() {} });
    path.send({ kind: 'answer', sdp: answerWith([]) });
    await ticks();
    expect([listener.refused, idle.made]).toEqual([{ signals: 1 }, 0]);
  });
});

describe('dials', () => {
  test(`${dialsAtOnce} at once; the next one waits, within its own deadline`, async () => {
    const { transport, idle, board } = await host();
    for (let i = 0; i < 6; i++)
      board.signaller(peerId(10 + i)).serve(() => ({ onSignal() {}, onClose() {} }));
    const over = new AbortController();
    const codes = Array.from({ length: 6 }, (_, i) => {
      const signal = i === 5 ? AbortSignal.timeout(50) : over.signal;
      return transport
        .dial(`wrtc:${peerId(10 + i)}`, { signal })
        .catch((error: { code: string }) => error.code);
    });
    expect(await codes[5]).toBe('DIAL_TIMEOUT');
    expect(idle.most).toBe(dialsAtOnce);
    over.abort();
    expect(await Promise.all(codes)).toEqual([...Array(5).fill('ABORTED'), 'DIAL_TIMEOUT']);
    expect(idle.open).toBe(0);
  });

  test('whenever one is given up, nothing of it is left', async () => {
    for (let hops = 0; hops < 10; hops++) {
      const { transport, board, idle } = await host();
      board.signaller(peerId(10)).serve(() => ({ onSignal() {}, onClose() {} }));
      const over = new AbortController();
      const dialing = transport.dial(`wrtc:${peerId(10)}`, { signal: over.signal });
      const code = dialing.catch((error: { code: string }) => error.code);
      for (let hop = 0; hop < hops; hop++) await undefined;
      over.abort();
      expect(await code).toBe('ABORTED');
      await ticks();
      expect(idle.open, `${hops} microtasks later`).toBe(0);
    }
  });

  test('one per peer, and no more than may be open', async () => {
    const { transport, board } = await host({ openMax: 1 });
    board.signaller(peerId(10)).serve(() => ({ onSignal() {}, onClose() {} }));
    const over = new AbortController();
    const first = transport.dial(`wrtc:${peerId(10)}`, { signal: over.signal }).catch(() => {});
    await expect(transport.dial(`wrtc:${peerId(10)}`, { signal: live() })).rejects.toMatchObject({
      code: 'PENDING',
    });
    await expect(transport.dial(`wrtc:${peerId(11)}`, { signal: live() })).rejects.toMatchObject({
      code: 'LIMIT',
    });
    over.abort();
    await first;
  });

  test('dials and offers in the making count together; a dial and an offer of one peer once', async () => {
    const { transport, board, offer, listener, idle } = await host({ openMax: 2 });
    for (const n of [10, 11]) board.signaller(peerId(n)).serve(() => ({ onSignal() {}, onClose() {} }));
    const over = new AbortController();
    const codes: string[] = [];
    const dial = (n: number): void => {
      const dialing = transport.dial(`wrtc:${peerId(n)}`, { signal: over.signal });
      dialing.catch(({ code }: { code: string }) => void codes.push(code));
    };
    dial(10);
    offer(20);
    await ticks();
    offer(21);
    dial(11);
    await ticks();
    expect([listener.refused, codes, idle.open]).toEqual([{ openFull: 1 }, ['LIMIT'], 2]);
    offer(10, offerWith([], '44')); // its offer wins against ours
    await ticks();
    expect([listener.refused, codes, idle.open]).toEqual([{ openFull: 1 }, ['LIMIT', 'PENDING'], 2]);
    over.abort();
  });

  test('one that breaks as soon as it opens keeps no place', async () => {
    const { transport, board, idle } = await host({ openMax: 1 });
    for (const n of [10, 11]) board.signaller(peerId(n)).serve(() => ({ onSignal() {}, onClose() {} }));
    const dialing = transport.dial(`wrtc:${peerId(10)}`, { signal: live() });
    await until('our offer', () => board.signals.length > 0);
    idle.breakOpen();
    await dialing;
    await ticks();
    const next = transport.dial(`wrtc:${peerId(11)}`, { signal: AbortSignal.timeout(50) });
    await expect(next).rejects.toMatchObject({ code: 'DIAL_TIMEOUT' });
    expect(idle.open).toBe(0);
  });

  test('answered, but no way through: says so, and what would help, after 15 s; unanswered: after 30 s', async () => {
    const { transport, board, idle, clock } = await host();
    board.signaller(peerId(10)).serve((path) => ({
      onSignal: () => void path.send({ kind: 'answer', sdp: answerWith([]) }),
      onClose() {},
    }));
    board.signaller(peerId(11)).serve(() => ({ onSignal() {}, onClose() {} }));
    const failures: { code: string; message: string }[] = [];
    for (const n of [10, 11]) {
      const dialing = transport.dial(`wrtc:${peerId(n)}`, { signal: live() });
      dialing.catch((error: { code: string; message: string }) => void failures.push(error));
    }
    await until('answered', () => board.signals.some(({ signal }) => signal.kind === 'answer'));
    await ticks();
    clock.pass(connectMs - 1);
    await ticks();
    expect(failures).toEqual([]);
    clock.pass(1);
    await ticks();
    expect(failures).toMatchObject([
      { code: 'DIAL_FAILED', message: expect.stringMatching(/no way through .* TURN server in iceServers/) },
    ]);
    clock.pass(pendingMs - connectMs);
    await ticks();
    expect(failures.map(({ code }) => code)).toEqual(['DIAL_FAILED', 'DIAL_TIMEOUT']);
    expect(idle.open).toBe(0);
  });

  test('an answer that cannot be used is PROTOCOL', async () => {
    const { transport, board, idle } = await host();
    board.signaller(peerId(10)).serve((path) => ({
      onSignal: () => void path.send({ kind: 'answer', sdp: 'nonsense' }),
      onClose() {},
    }));
    const dialing = transport.dial(`wrtc:${peerId(10)}`, { signal: live() });
    await expect(dialing).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(idle.open).toBe(0);
  });
});

describe('both offer at once', () => {
  // Our fingerprint begins with 55.
  test.each([
    ['44', 'theirs wins', 'PENDING', {}],
    ['66', 'ours wins', undefined, { glare: 1 }],
  ] as const)('%s…: %s', async (fingerprint, _who, code, refused) => {
    const { transport, board, offer, listener } = await host();
    board.signaller(peerId(10)).serve(() => ({ onSignal() {}, onClose() {} }));
    const over = new AbortController();
    let ended: string | undefined;
    const dialing = transport
      .dial(`wrtc:${peerId(10)}`, { signal: over.signal })
      .catch((error: { code: string }) => {
        ended = error.code;
      });
    await until('our offer', () => board.signals.some(({ to }) => to === peerId(10)));
    offer(10, offerWith([], fingerprint));
    await ticks();
    expect(listener.refused).toEqual(refused);
    const answered = (): boolean => board.signals.some(({ signal }) => signal.kind === 'answer');
    expect(answered()).toBe(code !== undefined);
    expect(ended).toBe(code);
    over.abort();
    await dialing;
  });
});

test('both offer at once: a dial that still waits for its turn hears of it, and waits no longer', async () => {
  const { transport, board, offer } = await host();
  for (let n = 10; n <= 10 + dialsAtOnce; n++)
    board.signaller(peerId(n)).serve(() => ({ onSignal() {}, onClose() {} }));
  const over = new AbortController();
  const codes: string[] = [];
  for (let n = 10; n <= 10 + dialsAtOnce; n++) {
    const dialing = transport.dial(`wrtc:${peerId(n)}`, { signal: over.signal });
    dialing.catch(({ code }: { code: string }) => void codes.push(code));
  }
  await ticks();
  offer(10 + dialsAtOnce);
  await ticks();
  expect(codes).toEqual(['PENDING']);
  over.abort();
  await ticks();
  expect(codes).toEqual(['PENDING', ...Array(dialsAtOnce).fill('ABORTED')]);
});

test('limits that are none are a TypeError', () => {
  const signaller = new Board().signaller(node);
  expect(() => wrtc({ signaller, limits: { nonsense: 1 } })).toThrow(TypeError);
  expect(() => wrtc({ signaller, limits: { openMax: -1 } })).toThrow(TypeError);
  expect(() => wrtc({ signaller, limits: { ...wrtcLimits } })).not.toThrow();
});
