// Introductions: most nodes cannot be dialed and speak WebRTC. Do they become neighbours of each other, do random pairs
// of them get connected by the relays in their records, and what does each way cost against flooding the offer, which is
// what a network without relays and walks would have to do (protocol.md §7)?
import { pickOne, reachableAt } from '@peernet/core';
import { spread } from '../graph.js';
import { IntroductionMeter } from '../introduction-meter.js';
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';
import type { Scenario, Stage } from '../scenario.js';
import { reportShape } from './growth.js';

const parameters = {
  joinSeconds: 120,
  settleSeconds: 180,
  /** Pairs that are introduced by the addresses in their records, one after the other. */
  pairs: 200,
  everyMs: 250,
  /** Share of the pairs of which both sit behind hard NATs: those must fail. */
  hardPairs: 0.3,
};

/** An introduction is over after so long, ms: its longest, three times. */
const pairMaxMs = 100_000;

interface Pair {
  readonly from: SimNode;
  readonly to: SimNode;
  /** Not linked with any relay of the other: one has to be dialed. */
  readonly dialsRelay: boolean;
  /** Relays in the record of the other, and those of them that it is not connected with any more. */
  readonly relays: number;
  readonly relaysGone: number;
  connected: boolean;
  over: boolean;
}

/** Connects two as an application would: one address of the record after the other. */
function connect(pair: Pair): void {
  const { from, to } = pair;
  const left = reachableAt(to.gossip.record);
  const next = (): void => {
    const address = left.shift();
    if (address === undefined) {
      pair.over = true;
      return;
    }
    from.host.dialNow(address, { expect: to.id }, ({ link }) => {
      if (link === undefined) {
        next();
        return;
      }
      pair.connected = true;
      pair.over = true;
      link.close('DONE');
    });
  };
  next();
}

function* introducePairs(stage: Stage, population: Population): Generator<void, Pair[]> {
  const { world, random } = population;
  const pairs: Pair[] = [];
  const shy = population.nodes.filter((node) => node.profile !== 'dialable');
  const begin = (): void => {
    const from = pickOne(random, shy) as SimNode;
    const near = new Set(from.gossip.links().map(({ id }) => id));
    const to = pickOne(
      random,
      shy.filter((node) => node !== from && !near.has(node.id)),
    );
    if (to === undefined) return;
    const { relays } = to.gossip.record;
    const linked = new Set(to.gossip.links().map(({ id }) => id));
    const pair = {
      from,
      to,
      dialsRelay: !relays.some(({ id }) => near.has(id)),
      relays: relays.length,
      relaysGone: relays.filter(({ id }) => !linked.has(id)).length,
      connected: false,
      over: false,
    };
    pairs.push(pair);
    connect(pair);
  };
  const count = stage.parameter('pairs');
  for (let i = 0; i < count; i++) world.after(i * stage.parameter('everyMs'), begin);
  stage.doing = 'introducing pairs';
  yield* stage.advance(world, count * stage.parameter('everyMs'));
  yield* stage.until(world, () => pairs.every(({ over }) => over), { withinMs: pairMaxMs });
  return pairs;
}

/** What the pairs came to. `share` counts those whose NATs allow it. */
function reportPairs(stage: Stage, pairs: readonly Pair[]): void {
  const hard = pairs.filter(({ from, to }) => from.host.nat === 'hard' && to.host.nat === 'hard');
  const others = pairs.filter((pair) => !hard.includes(pair));
  const connected = (list: readonly Pair[]): number => list.filter((pair) => pair.connected).length;
  const sum = (of: (pair: Pair) => number): number => pairs.reduce((total, pair) => total + of(pair), 0);
  stage.report({
    pairs: pairs.length,
    hardShare: hard.length / Math.max(1, pairs.length),
    connectedShare: connected(pairs) / Math.max(1, pairs.length),
    share: connected(others) / Math.max(1, others.length),
    hardConnected: connected(hard),
    relaysGoneShare:
      sum((pair) => pair.relaysGone) /
      Math.max(
        1,
        sum((pair) => pair.relays),
      ),
    dialsRelayShare: pairs.filter(({ dialsRelay }) => dialsRelay).length / Math.max(1, pairs.length),
  });
}

/** Flooding one offer: over every link but the one that it came by. The answer knows its way. */
function reportFlood(stage: Stage, population: Population, offerBytes: number): void {
  const degrees = population.graph.degrees();
  const messages = degrees.reduce((sum, degree) => sum + degree, 0) - degrees.length + 1;
  stage.report({ messagesFlood: messages, bytesFlood: Math.round(messages * offerBytes) });
}

function reportNeighbours(stage: Stage, population: Population): void {
  const { graph, nodes } = population;
  const shy = (node: SimNode | undefined): boolean => node?.profile !== 'dialable';
  const introduced = graph.edges
    .map((mine) => mine.filter((j) => shy(nodes[j])).length)
    .filter((_, i) => shy(nodes[i]));
  const ids = new Set(nodes.filter(shy).map(({ id }) => id));
  // Nobody may hold somebody for dialable who is not.
  const inBooks = nodes.reduce(
    (sum, { book }) =>
      sum +
      [...book.entries()].filter(({ id, address }) => (id && ids.has(id)) || /^wrtc:/.test(address)).length,
    0,
  );
  stage.report({
    introducedMean: spread(introduced).mean,
    introducedMin: Math.min(...introduced),
    unintroducedShare: introduced.filter((count) => count === 0).length / Math.max(1, introduced.length),
    shyInBooks: inBooks,
  });
}

function* run(stage: Stage): Generator<void, void> {
  // Both ends of a pair are behind hard NATs: the share of such ends, squared.
  const hardNatShare = Math.sqrt(stage.parameter('hardPairs'));
  const population = stage.population({ introducedShare: 1, hardNatShare });
  const { world } = population;
  const meter = new IntroductionMeter(population);
  stage.doing = 'growing';
  population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
  yield* stage.advance(world, stage.parameter('joinSeconds') * 1000);
  yield* stage.advance(world, stage.parameter('settleSeconds') * 1000);
  reportShape(stage, population);
  reportNeighbours(stage, population);
  const byWalk = meter.costs(true);
  stage.report({
    walks: byWalk.begun,
    walkShare: byWalk.answered / Math.max(1, byWalk.begun),
    messagesWalk: byWalk.messages,
    bytesWalk: byWalk.bytes,
  });
  const before = meter.paths.size;
  const pairs = yield* introducePairs(stage, population);
  const byRelay = meter.costs(false, before);
  reportPairs(stage, pairs);
  stage.report({ messagesRelay: byRelay.messages, bytesRelay: byRelay.bytes });
  reportFlood(stage, population, meter.offers.bytes / Math.max(1, meter.offers.messages));
}

export const introductions: Scenario = {
  name: 'introductions',
  title: 'those who cannot be dialed are introduced to each other, 30 % of the pairs behind hard NATs',
  nodes: 1_000,
  nodesMin: 30,
  parameters,
  targets: () => [
    { field: 'share', min: 0.99 },
    { field: 'hardConnected', max: 0 },
    { field: 'messagesRelay', min: 4, max: 6 },
    { field: 'messagesWalk', max: 60 },
    { field: 'introducedMean', min: 1.5 },
    { field: 'twoRelaysShare', min: 0.99 },
    { field: 'nondialableMax', max: 8, each: true },
    { field: 'components', max: 1 },
    { field: 'shyInBooks', max: 0 },
  ],
  run,
};
