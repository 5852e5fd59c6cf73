// A stranger names addresses that are not his: nothing may be sent there. The victim is a UDP socket of this machine;
// the control is the same offer or answer with the filter off, which makes the implementation knock at once.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Listener, PeerId, Signal, SignalPath } from '@peernet/core';
import { leakCheck, until } from '@peernet/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { type Rtc, type WrtcOptions, wrtc } from '../src/index.js';
import { Board, peerId } from './board.js';
import { implementations } from './implementations.js';
import { answerWith, candidate, offerWith } from './offers.js';

const [stranger, node] = [peerId(1), peerId(2)];
const closing: (() => unknown)[] = [];
const settled = leakCheck();
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await settled();
});

async function victim(): Promise<{ port: number; packets: () => number }> {
  const socket: Socket = createSocket('udp4').bind(0, '127.0.0.1');
  let packets = 0;
  socket.on('message', () => packets++);
  await once(socket, 'listening');
  closing.push(() => socket.close());
  return { port: socket.address().port, packets: () => packets };
}

/** Where a stranger aims; the port is the victim's. */
const aims = (port: number): string[] => [
  candidate('127.0.0.1', port),
  candidate('::ffff:127.0.0.1', port),
  candidate('169.254.169.254', 8080),
  candidate('169.254.1.1', 8080),
  candidate('10.1.2.3', 8080),
  candidate('203.0.113.9', 8080),
  candidate('printer.local', 8080),
];
/** Of these only the victim is a target with the filter off: the rest would leave the machine. */
const aimAt = (port: number): string[] => [candidate('127.0.0.1', port)];

async function attackListener(rtc: Rtc, options: Partial<WrtcOptions>, lines: (port: number) => string[]) {
  const { port, packets } = await victim();
  const board = new Board({ scope: 'global' });
  const { listen } = wrtc({ signaller: board.signaller(node), rtc, ...options });
  const listener = (await listen?.({}, () => {})) as Listener;
  closing.push(() => listener.close());
  const path = board.signaller(stranger).introduce(node, { via: [] }, { onSignal() {}, onClose() {} });
  path.send({ kind: 'offer', sdp: offerWith(lines(port)) });
  await until('an answer', () => board.signals.some(({ signal }) => signal.kind === 'answer'));
  for (const line of lines(port)) path.send({ kind: 'candidate', candidate: line });
  return { packets, listener, board };
}

/** The peer that we dial is the stranger. */
async function attackDialer(rtc: Rtc, options: Partial<WrtcOptions>, lines: (port: number) => string[]) {
  const { port, packets } = await victim();
  const board = new Board({ scope: 'global' });
  const answer = (path: SignalPath) => ({
    onSignal(signal: Signal) {
      if (signal.kind !== 'offer') return;
      path.send({ kind: 'answer', sdp: answerWith(lines(port)) });
      for (const line of lines(port)) path.send({ kind: 'candidate', candidate: line });
    },
    onClose() {},
  });
  board.signaller(stranger).serve(answer);
  const over = new AbortController();
  const dialing = wrtc({ signaller: board.signaller(node), rtc, ...options })
    .dial(`wrtc:${stranger}`, { signal: over.signal })
    .catch((error: { code: string }) => error.code);
  closing.push(async () => {
    over.abort();
    expect(await dialing).toBe('ABORTED');
  });
  await until('an answer', () => board.signals.some(({ signal }) => signal.kind === 'answer'));
  return { packets, board };
}

/** ms in which the control has long been heard of. */
const quietMs = 1000;
const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, quietMs));

for (const { name, rtc } of implementations) {
  describe.skipIf(rtc === undefined)(name, () => {
    const at = rtc as Rtc;
    test('an offer makes us send nothing to whom it names', async () => {
      const { packets, listener } = await attackListener(at, {}, aims);
      await until('all are judged', () => (listener.refused.candidateScope ?? 0) >= 8);
      await quiet();
      expect(packets()).toBe(0);
      // Seven in the offer, and once more each as late ones.
      expect(listener.refused).toEqual({ candidateScope: 8, candidateForbidden: 4, candidateName: 2 });
    });

    test('control: with the filter off the same offer does', async () => {
      const { packets } = await attackListener(at, { lan: true }, aimAt);
      await until('a packet', () => packets() > 0, quietMs);
    });

    test('neither does an answer', async () => {
      const { packets } = await attackDialer(at, {}, aims);
      await quiet();
      expect(packets()).toBe(0);
    });

    test('control: with the filter off it does', async () => {
      const { packets } = await attackDialer(at, { lan: true }, aimAt);
      await until('a packet', () => packets() > 0, quietMs);
    });

    test('over a global path nothing leaves that tells about this machine; control: with lan it does', async () => {
      for (const lan of [false, true]) {
        const { board } = await attackListener(at, { lan }, () => []);
        const told = board.signals.filter(({ from }: { from: PeerId }) => from === node);
        const lines = told.flatMap(({ signal }) =>
          signal.kind === 'candidate'
            ? [signal.candidate]
            : signal.sdp.split('\r\n').filter((l) => l.includes('candidate:')),
        );
        expect(lines.length > 0).toBe(lan);
      }
    });
  });
}
