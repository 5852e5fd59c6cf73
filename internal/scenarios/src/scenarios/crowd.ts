// S10: a tenth of a large network is in one subnet. Its adverts must not flood the network, and a search for twenty of
// its members must end next door. Light profile: the overlay is drawn and frozen (frozen.ts).
import { below } from '@peernet/core';
import { TIMES } from '@peernet/search';
import type { Scenario } from '../scenario.js';
import { SearchMeter } from '../search-meter.js';
import { buildFrozen } from './frozen-search.js';

const subnet = 'a crowd';

export const crowd: Scenario = {
  name: 'S10',
  title: 'a subnet of 10 000 members in 100 000 nodes, overlay drawn and frozen',
  nodes: 100_000,
  nodesMin: 100,
  light: true,
  parameters: {
    /** Share of the nodes that are members. */
    memberShare: 0.1,
    /** Members join spread over this time: one refresh interval. */
    joinSeconds: 300,
    /** From the last join to the first refresh that counts: adverts of the beginning are refreshed twice. */
    settleSeconds: 300,
    searches: 500,
    everyMs: 100,
    rows: 20,
    connections: 5,
    linksDialableMax: 128,
    sizeFactor: 1,
  },
  targets: () => [
    { field: 'advertsPerNodeRefresh', max: 45 },
    { field: 'rowsFound', min: 20 },
    { field: 'messages', max: 20 },
  ],
  *run(stage) {
    const net = buildFrozen(stage);
    const { world } = net;
    const members = Math.max(1, Math.round(stage.nodes * stage.parameter('memberShare')));
    const joinMs = stage.parameter('joinSeconds') * 1000;
    for (let i = 0; i < members; i++)
      world.after((joinMs * i) / members, () => net.nodes[i]?.search.join(subnet));
    stage.doing = 'members join';
    const adverts = (): number => net.traffic.sums().advert?.messages ?? 0;
    yield* stage.advance(world, joinMs);
    stage.report({ members, advertsPerNodeFirst: adverts() / stage.nodes });
    stage.doing = 'first refresh';
    yield* stage.advance(world, stage.parameter('settleSeconds') * 1000);
    const before = adverts();
    stage.doing = 'a refresh that counts';
    yield* stage.advance(world, TIMES.refreshMs);
    stage.report({ advertsPerNodeRefresh: (adverts() - before) / stage.nodes });
    const meter = new SearchMeter(net);
    const searches = stage.parameter('searches');
    const rows = stage.parameter('rows');
    for (let i = 0; i < searches; i++) {
      const begin = () =>
        meter.start(net.nodes[below(net.random, stage.nodes)] as never, subnet, undefined, rows);
      world.after(i * stage.parameter('everyMs'), begin);
    }
    stage.doing = 'searching';
    yield* stage.advance(world, searches * stage.parameter('everyMs') + 9_000);
    const found = meter.searches.filter((search) => search.ended && search.rows >= rows);
    stage.report({
      ...meter.figures(),
      rowsFound: meter.figures().rows ?? 0,
      enoughRows: found.length / searches,
    });
  },
};
