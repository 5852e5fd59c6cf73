// S4: searching among a hundred thousand nodes, in the light profile: the overlay is drawn and frozen (frozen.ts says
// what that leaves out), the search is the product's.
import { below } from '@peernet/core';
import type { FrozenNetwork, FrozenNode } from '../frozen.js';
import { spread } from '../graph.js';
import { heapBytes } from '../memory.js';
import type { Scenario, Stage } from '../scenario.js';
import { SearchMeter } from '../search-meter.js';
import { nameOf } from './searching.js';

const parameters = {
  searches: 2_000,
  everyMs: 20,
  /** Subnets of one member each. */
  subnets: 300,
  joinSeconds: 30,
  settleSeconds: 30,
  /** Outbound links of a node. */
  connections: 5,
  /** Links of a dialable node at most. */
  linksDialableMax: 128,
  /** What everybody takes for the size of the network, beside the truth; the estimate is right to 12.7 % rms. */
  sizeFactor: 1,
};

export const frozenSearch: Scenario = {
  name: 'S4',
  title: 'a subnet of one member among 100 000, overlay drawn and frozen',
  nodes: 100_000,
  nodesMin: 50,
  light: true,
  parameters,
  targets: (nodes) => [
    { field: 'found', min: 0.9998 },
    // The fewer nodes, the more adverts and searches each of them holds.
    ...(nodes === 100_000
      ? [
          { field: 'kibPerNode', max: 20 },
          { field: 'messages', min: 1_198, max: 1_324 },
          { field: 'hits', min: 15.4, max: 19.4 },
        ]
      : []),
  ],
  *run(stage) {
    const net = buildFrozen(stage);
    const members = Math.min(stage.parameter('subnets'), stage.nodes);
    const joinMs = stage.parameter('joinSeconds') * 1000;
    for (let i = 0; i < members; i++) {
      net.world.after((joinMs * i) / members, () => net.nodes[i]?.search.join(nameOf(i)));
    }
    stage.doing = 'members join';
    yield* stage.advance(net.world, joinMs + stage.parameter('settleSeconds') * 1000);
    stage.report({ kibPerNode: kibPerNode(stage) });
    const meter = new SearchMeter(net);
    const searches = stage.parameter('searches');
    const everyMs = stage.parameter('everyMs');
    for (let i = 0; i < searches; i++) {
      net.world.after(i * everyMs, () => begin(net, meter, members));
    }
    while (net.world.pending > 0 && meter.searches.length < searches) {
      stage.doing = `search ${meter.searches.length} of ${searches}`;
      yield* stage.advance(net.world, 1_000);
      stage.report(meter.figures());
    }
    // Searches are remembered for a minute: how much that is depends on how many there are.
    stage.report({ kibPerNodeSearching: kibPerNode(stage) });
    yield* stage.advance(net.world, 9_000);
    stage.report(meter.figures());
  },
};

/** Heap before anything was built, bytes. */
let empty = 0;

function kibPerNode({ nodes }: Stage): number {
  return (heapBytes() - empty) / 1024 / nodes;
}

/** The network of a run, with its degrees reported. */
export function buildFrozen(stage: Stage): FrozenNetwork {
  empty = heapBytes();
  stage.doing = 'drawing the overlay';
  const net = stage.frozen({
    connections: stage.parameter('connections'),
    linksMax: stage.parameter('linksDialableMax'),
    sizeFactor: stage.parameter('sizeFactor'),
  });
  const degrees = spread(net.degrees());
  stage.report({ degreeMean: degrees.mean, degreeMax: degrees.max });
  return net;
}

function begin(net: FrozenNetwork, meter: SearchMeter, members: number): void {
  const wanted = below(net.random, members);
  // Somebody who is not searching, and not the wanted one.
  for (let tries = 0; tries < 100; tries++) {
    const from = net.nodes[below(net.random, net.nodes.length)] as FrozenNode;
    if (from.index !== wanted && meter.start(from, nameOf(wanted), net.nodes[wanted]) !== undefined) return;
  }
}
