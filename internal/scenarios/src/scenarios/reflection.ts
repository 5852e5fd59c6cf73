// S14: attackers say that a victim's addresses are their own, and (in HELLO, said again and again) that they are their
// neighbours', new ones every few seconds, over as many links as they can get. Nobody but their own neighbours may
// believe it, and those must not hammer the victim.
import { type PeerId, parseAddress } from '@peernet/core';
import { encodeHello, WIRE } from '../../../../packages/gossip/src/wire.js';
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';

/** ms over which connects are averaged. */
const windowMs = 10_000;

export const reflection: Scenario = {
  name: 'S14',
  title: 'reflected dials',
  nodes: 1_000,
  nodesMin: 20,
  hostile: true,
  parameters: {
    attackers: 50,
    /** Links that each attacker wants. */
    attackerLinks: 20,
    /** Between two changes of what they claim, s: RECORD may be sent every 10 s. */
    changeSeconds: 10,
    joinSeconds: 300,
    attackSeconds: 600,
  },
  targets: () => [
    { field: 'victimPerSecond', max: 5, each: true },
    { field: 'poisonedAtDistance2', max: 0 },
  ],
  *run(stage) {
    yield* attack(stage);
  },
};

function* attack(stage: Stage): Generator<void, void> {
  const attackers = new Set<PeerId>();
  const touched = new Set<SimNode>();
  const connects: number[] = [];
  let victimPrefix = '';
  const population: Population = stage.population({
    nodeOptions: (slot) => ({
      onDial: (address) => {
        if (victimPrefix === '' || !address.startsWith(victimPrefix)) return;
        const window = Math.floor(population.world.now / windowMs);
        connects[window] = (connects[window] ?? 0) + 1;
      },
      onConnection: (peer) => {
        const node = population.slots[slot];
        if (attackers.has(peer) && node !== undefined) touched.add(node);
      },
    }),
  });
  const { world, network } = population;
  population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
  stage.doing = 'growing';
  yield* stage.advance(world, (stage.parameter('joinSeconds') + 60) * 1000);
  const honest = population.nodes;
  const victim = network.host();
  victimPrefix = `ws://${victim.ip}:`;
  const evil = startAttackers(stage, population, attackers, victim.address);
  stage.doing = 'under attack';
  const poisoned = new Set<SimNode>();
  let near = new Set<SimNode>();
  for (let minute = 0; minute < stage.parameter('attackSeconds') / 60; minute++) {
    yield* stage.advance(world, 60_000);
    near = new Set();
    for (const node of honest) {
      if (![...node.book.entries()].some((entry) => entry.address.startsWith(victimPrefix))) continue;
      (touched.has(node) ? near : poisoned).add(node);
    }
    const windows = [...connects].map((count) => count ?? 0);
    stage.report({
      victimPerSecond: (Math.max(0, ...windows) * 1000) / windowMs,
      victimMean: windows.reduce((sum, count) => sum + count, 0) / ((minute + 1) * 60),
      poisonedAtDistance2: poisoned.size,
      poisonedNeighbours: near.size,
      touched: touched.size,
      attackerLinks: evil.reduce((sum, node) => sum + node.gossip.neighbours().length, 0) / evil.length,
    });
  }
}

/** Nodes like others, but for what they say about themselves. */
function startAttackers(
  stage: Stage,
  population: Population,
  ids: Set<PeerId>,
  victimAddress: string,
): SimNode[] {
  const evil: SimNode[] = [];
  const host = parseAddress(victimAddress)?.ip?.text ?? '';
  const { world } = population;
  const changeMs = stage.parameter('changeSeconds') * 1000;
  const at = (port: number): string => `ws://${host}:${10_000 + (port % 50_000)}`;
  let port = 0;
  const claim = (node: SimNode): void => {
    const announce = [0, 1, 2, 3].map(() => at(port++));
    node.gossip.listening([{ scheme: 'ws', host: '0.0.0.0', port: 4_000, announce }]);
    // All the same one at a time: what only one address group names, nobody looks at.
    const dialed = at(Math.floor(world.now / changeMs));
    for (const { link, kind } of node.gossip.links()) {
      if (kind === 'overlay') link.send(helloTo(node, dialed, `tcp://${host}:4000`), 'control');
    }
    world.after(changeMs, () => claim(node));
  };
  for (let i = 0; i < stage.parameter('attackers'); i++) {
    const node = population.start(stage.nodes + i, {
      gossip: { connections: stage.parameter('attackerLinks') },
    });
    ids.add(node.id);
    evil.push(node);
    claim(node);
  }
  return evil;
}

/** "I have dialed you at `dialed`, and you came from `observed`." */
function helloTo(node: SimNode, dialed: string, observed: string): Uint8Array {
  const digest = new Uint8Array(WIRE.digestBytes).fill(1);
  const wallMs = node.host.clock.wall();
  const self = { record: node.gossip.record, ageSeconds: 0 };
  return encodeHello({ purpose: 'overlay', degree: 5, wallMs, dialed, observed, digest, self });
}
