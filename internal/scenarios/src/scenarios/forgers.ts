// S15: some nodes alter every row that passes through them, to lead the searcher elsewhere.
import { shuffle } from '@peernet/core';
import { decodeMessage, encodeRows } from '../../../../packages/search/src/wire.js';
import type { NodeOptions } from '../node.js';
import type { Scenario } from '../scenario.js';
import { joinSubnets, searchAround } from './searching.js';

export const forgers: Scenario = {
  name: 'S15',
  title: 'forging forwarders',
  nodes: 1_000,
  nodesMin: 20,
  hostile: true,
  parameters: {
    forgerShare: 0.3,
    searches: 500,
    everyMs: 200,
    subnets: 300,
    joinSeconds: 300,
    settleSeconds: 120,
  },
  targets: () => [
    { field: 'forgedVerified', max: 0 },
    { field: 'forged', max: 0 },
    { field: 'found', min: 0.95 },
  ],
  *run(stage) {
    const evil = new Set<number>();
    const population = stage.population({ nodeOptions: (slot) => (evil.has(slot) ? forging : undefined) });
    const slots = shuffle(population.random, [...Array(stage.nodes).keys()]);
    for (const slot of slots.slice(0, Math.round(stage.nodes * stage.parameter('forgerShare'))))
      evil.add(slot);
    const members = Math.min(stage.parameter('subnets'), stage.nodes);
    joinSubnets(population, 0, members);
    stage.doing = 'growing';
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    const growMs = (stage.parameter('joinSeconds') + stage.parameter('settleSeconds')) * 1000;
    yield* stage.advance(population.world, growMs);
    const meter = yield* searchAround(stage, population, {
      searches: stage.parameter('searches'),
      everyMs: stage.parameter('everyMs'),
      firstMember: 0,
      members,
      honest: (node) => node.options.wiretap === undefined,
    });
    stage.report({
      forged: meter.forged,
      forgedVerified: meter.forgedVerified,
      badRows: population.sum('search.misbehaved'),
    });
  },
};

const forging: Partial<NodeOptions> = {
  wiretap: {
    said: (bytes) => {
      const message = decodeMessage(bytes);
      if (message?.type !== 'rows') return bytes;
      return encodeRows(
        message.query,
        message.rows.map((row) => ({ ...row, bytes: forge(row.bytes) })),
      );
    },
  },
};

/** Another digit in the first address, or another bit where there is none. */
function forge(signed: Uint8Array): Uint8Array {
  const forged = signed.slice();
  const text = String.fromCharCode(...signed);
  const digit = text.search(/(?<=:\/\/\d)\d/);
  if (digit >= 0) forged[digit] = forged[digit] === 0x31 ? 0x32 : 0x31;
  else forged[100] = (forged[100] ?? 0) ^ 1;
  return forged;
}
