// S17: one hostile link floods the network, first with adverts of made-up members of somebody's subnet, then with
// searches, both as fast as its neighbour allows. That its neighbour allows no more shows only where it asks for more
// (`scenario.excess`): who keeps to the limits costs the same with and without them.
import { randomBytes, signRecord } from '@peernet/core';
import { RATES } from '@peernet/search';
import { simCrypto } from '@peernet/sim';
import { encodeAdvertMessage, encodeSearch, signAdvert } from '../../../../packages/search/src/wire.js';
import { channelTag } from '../connection.js';
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';
import { joinSubnets, nameOf, searchAround } from './searching.js';

const searchMessage = 2;
const noBytes = new Uint8Array(0);

export const floods: Scenario = {
  name: 'S17',
  title: 'one hostile link floods adverts, then searches',
  nodes: 1_000,
  nodesMin: 20,
  hostile: true,
  parameters: {
    members: 4,
    searches: 300,
    everyMs: 500,
    joinSeconds: 300,
    /** Advert flood before the first search. */
    floodSeconds: 300,
    searchFloodSeconds: 60,
    /** Budgets of the flood of searches beside what the link may: 1 keeps to it. */
    excess: 1,
  },
  targets: () => [
    // Without it there is no flood, and nothing that follows means anything.
    { field: 'floodLinks', min: 1, each: true },
    { field: 'found', min: 0.95 },
    { field: 'floodLoadShare', max: 1 },
  ],
  *run(stage) {
    const population = stage.population();
    const { world } = population;
    const first = stage.settings.node.bootstraps;
    const members = stage.parameter('members');
    joinSubnets(population, first, members);
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    stage.doing = 'growing';
    yield* stage.advance(world, (stage.parameter('joinSeconds') + 60) * 1000);
    const evil = population.start(stage.nodes, {
      gossip: { connections: 1, limits: { linksMax: 1, linksSpare: 0 } },
    });
    yield* stage.advance(world, 30_000);
    stage.report({ floodLinks: evil.gossip.neighbours().length });
    const stopAdverts = floodAdverts(population, evil, first, members);
    stage.doing = 'a flood of adverts';
    yield* stage.advance(world, stage.parameter('floodSeconds') * 1000);
    yield* searchAround(stage, population, {
      searches: stage.parameter('searches'),
      everyMs: stage.parameter('everyMs'),
      firstMember: first,
      members,
      honest: (node) => node !== evil,
    });
    stopAdverts();
    yield* floodSearches(stage, population, evil);
  },
};

/** Calls `send` so often a second, after a burst. Returns "stop". */
function repeat(
  population: Population,
  rate: { perSecond: number; burst: number },
  send: () => void,
): () => void {
  let stopped = false;
  for (let i = 0; i < rate.burst; i++) send();
  const again = (): void => {
    if (stopped) return;
    send();
    population.world.after(1000 / rate.perSecond, again);
  };
  population.world.after(1000 / rate.perSecond, again);
  return () => {
    stopped = true;
  };
}

/** Adverts of strangers for all the subnets in turn, with the largest budgets that the rate of the link allows. */
function floodAdverts(population: Population, evil: SimNode, first: number, members: number): () => void {
  const { world } = population;
  const { adverts, advertUnits } = RATES;
  let number = 0;
  return repeat(population, adverts, () => {
    const crypto = simCrypto(world, `made up ${number}`);
    const seq = Math.floor(evil.host.clock.wall());
    const record = signRecord(crypto, {
      seq,
      ttlSeconds: 3_600,
      addresses: [],
      relays: [],
      dialable: false,
      webrtc: false,
      stun: false,
    });
    const subnet = evil.search.hashOf(nameOf(first + (number % members)));
    const advert = signAdvert(crypto, { subnet, record, seq, ttlSeconds: 600, meta: noBytes });
    const inBurst = number < adverts.burst;
    const budget = Math.floor(
      inBurst ? advertUnits.burst / adverts.burst : advertUnits.perSecond / adverts.perSecond,
    );
    evil.shout(encodeAdvertMessage({ budget, hops: 1, ageSeconds: 0, advert: advert.bytes }), 'advert');
    number++;
  });
}

/** Searches for nothing at the rate of the link; what they cost the network beside what the link may. */
function* floodSearches(stage: Stage, population: Population, evil: SimNode): Generator<void, void> {
  stage.doing = 'a flood of searches';
  const { searches, searchUnits } = RATES;
  const seconds = stage.parameter('searchFloodSeconds');
  let load = 0;
  let seen = 0;
  population.listen((from, _, message) => {
    if (message[0] !== channelTag.search || message[1] !== searchMessage) return;
    if (from === evil.host) seen++;
    else load++;
  });
  let number = 0;
  const stop = repeat(population, searches, () => {
    const inBurst = number++ < searches.burst;
    const fair = inBurst ? searchUnits.burst / searches.burst : searchUnits.perSecond / searches.perSecond;
    const budget = Math.floor(fair * stage.parameter('excess'));
    evil.shout(
      encodeSearch({
        budget,
        hops: 1,
        want: 32,
        known: [],
        searchId: randomBytes(population.random, 16),
        subnet: randomBytes(population.random, 32),
        payload: noBytes,
      }),
      'search',
    );
  });
  yield* stage.advance(population.world, seconds * 1000);
  stop();
  const allowed = searchUnits.burst + searchUnits.perSecond * seconds;
  stage.report({
    floodPerSecond: load / seconds,
    floodSent: seen,
    floodLoadShare: load / allowed,
  });
}
