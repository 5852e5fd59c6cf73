// The conformance cases for transports themselves: an honest transport passes them all, and each saboteur is caught
// by exactly the case that is about its crime.
import { describe, expect, test } from 'vitest';
import { type TransportSubject, transportCases } from '../../src/conformance/index.js';
import type { Transport } from '../../src/index.js';
import { memoryTransport } from '../memory-transport.js';
import { dialSaboteurs } from '../saboteurs/transport-dials.js';
import { listenerSaboteurs } from '../saboteurs/transport-listeners.js';
import { streamSaboteurs } from '../saboteurs/transport-streams.js';

const saboteurs = { ...streamSaboteurs, ...dialSaboteurs, ...listenerSaboteurs };

function subject(transport: Transport): TransportSubject {
  return { transport, address: ({ port }) => `memory:${port}`, nobody: 'memory:1' };
}

/** Names of the cases that fail, with their reasons. */
async function failures(make: () => Transport): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  const runs = transportCases.map((c) =>
    c.run(() => subject(make())).catch((error: Error) => void failed.set(c.name, error.message)),
  );
  await Promise.all(runs);
  return failed;
}

test('names are unique, and each case has its saboteur', () => {
  const names = transportCases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(Object.keys(saboteurs).sort()).toEqual([...names].sort());
});

test('an honest transport passes', async () => {
  expect([...(await failures(memoryTransport))]).toEqual([]);
});

describe.concurrent('a saboteur is caught by exactly its case:', () => {
  for (const [name, sabotage] of Object.entries(saboteurs)) {
    test(name, { timeout: 20_000 }, async () => {
      const failed = await failures(() => sabotage(memoryTransport()));
      expect([...failed.keys()], JSON.stringify([...failed])).toEqual([name]);
    });
  }
});
