// sleep: computers sleep for two minutes and wake up among neighbours that have given them up. Before that, what a node
// costs that has nothing to do: bytes, and how often it is woken up.
import { type PeerId, shuffle } from '@peernet/core';
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';
import type { Scenario } from '../scenario.js';

/** Links with which a node is back (targets.md). */
const linksBack = 3;

export const sleeping: Scenario = {
  name: 'sleep',
  title: 'computers sleep and wake up; what idle nodes cost',
  nodes: 1_000,
  nodesMin: 20,
  parameters: {
    joinSeconds: 300,
    settleSeconds: 120,
    idleSeconds: 300,
    sleepers: 100,
    sleepSeconds: 120,
    /** From the awakening until it counts. */
    backSeconds: 10,
  },
  targets: () => [
    { field: 'back', min: 0.99 },
    { field: 'controlBack', max: 0.5 },
  ],
  *run(stage) {
    const population = stage.population();
    const { world, random, traffic } = population;
    stage.doing = 'growing';
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    const growMs = (stage.parameter('joinSeconds') + stage.parameter('settleSeconds')) * 1000;
    yield* stage.advance(world, growMs);
    stage.doing = 'idle';
    const bytes = (): number => Object.values(traffic.sums()).reduce((sum, of) => sum + of.bytes, 0);
    const before = { bytes: bytes(), steps: world.steps };
    yield* stage.advance(world, stage.parameter('idleSeconds') * 1000);
    const nodeSeconds = stage.nodes * stage.parameter('idleSeconds');
    stage.report({
      idleBytesPerNodeSecond: (bytes() - before.bytes) / nodeSeconds,
      // An event of the simulator is a message that arrives, an alarm, or a step of a dial.
      idleWakeupsPerNodeSecond: (world.steps - before.steps) / nodeSeconds,
    });
    stage.doing = 'some sleep';
    const others = population.nodes.slice(stage.settings.node.bootstraps);
    const sleepers = shuffle(random, others).slice(
      0,
      Math.min(stage.parameter('sleepers'), stage.nodes >> 2),
    );
    for (const { host } of sleepers) host.pause();
    yield* stage.advance(world, stage.parameter('sleepSeconds') * 1000);
    const control = shareBack(population, sleepers);
    for (const { host } of sleepers) host.resume();
    yield* stage.advance(world, stage.parameter('backSeconds') * 1000);
    stage.report({ back: shareBack(population, sleepers), controlBack: control });
  },
};

/** Share of them with enough links to nodes that are awake and know of the link, too. */
function shareBack({ byId }: Population, nodes: readonly SimNode[]): number {
  const stands = (node: SimNode, id: PeerId): boolean => {
    const other = byId.get(id);
    return other?.host.running === true && other.gossip.neighbours().some((peer) => peer.id === node.id);
  };
  const back = nodes.filter(
    (node) => node.gossip.neighbours().filter(({ id }) => stands(node, id)).length >= linksBack,
  );
  return back.length / Math.max(1, nodes.length);
}
