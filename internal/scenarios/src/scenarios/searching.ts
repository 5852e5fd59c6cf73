// What the scenarios about searching share: members of small subnets, searchers, and one search after the other.
import { pickOne } from '@peernet/core';
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';
import type { Stage } from '../scenario.js';
import { SearchMeter } from '../search-meter.js';

/** A searcher has lived so long: it has links and knows how large the network is (research/joint.md: 30 s). */
const searcherAgeMs = 30_000;
/** A member has lived so long: its advert is out (research/joint.md: 5 s after it is sent). */
const memberAgeMs = 10_000;
/** Every search is over after so long. */
export const searchMaxMs = 9_000;
/** Where no search begins for so long, none ever will: nobody is a member, or nobody honest. */
const idleMaxMs = 600_000;

/** The nodes in the first `count` slots behind the bootstraps are each the one member of a subnet. */
export function joinSubnets(population: Population, first: number, count: number): void {
  const join = (node: SimNode, slot: number): void => {
    if (slot >= first && slot < first + count) node.search.join(nameOf(slot));
  };
  const before = population.onStart;
  population.onStart = (node, slot) => {
    before?.(node, slot);
    join(node, slot);
  };
  for (const [slot, node] of population.slots.entries()) if (node !== undefined) join(node, slot);
}

/** The subnet of that slot. */
export function nameOf(slot: number): string {
  return `subnet ${slot}`;
}

export interface SearchRunOptions {
  readonly searches: number;
  readonly everyMs: number;
  readonly firstMember: number;
  readonly members: number;
  /** Who may search and be searched. Default: everybody. */
  readonly honest?: (node: SimNode) => boolean;
  /** Behind the names of the figures. */
  readonly suffix?: string;
}

/** Random nodes search for random members, one search every `everyMs`; figures are reported as they come. */
export function* searchAround(
  stage: Stage,
  population: Population,
  options: SearchRunOptions,
): Generator<void, SearchMeter> {
  const { searches, everyMs, firstMember, members, honest = () => true, suffix = '' } = options;
  const { world, random } = population;
  const meter = new SearchMeter(population);
  const begin = (): void => {
    const { nodes, slots } = population;
    const from = pickOne(
      random,
      nodes.filter((node) => honest(node) && world.now - node.bornMs >= searcherAgeMs),
    );
    const candidates = [...slots.entries()].filter(
      ([slot, node]) =>
        node !== undefined &&
        node !== from &&
        slot >= firstMember &&
        slot < firstMember + members &&
        honest(node) &&
        world.now - node.bornMs >= memberAgeMs,
    );
    const [slot, wanted] = pickOne(random, candidates) ?? [];
    if (from !== undefined && slot !== undefined && wanted !== undefined) {
      meter.start(from, nameOf(slot), wanted);
    }
  };
  let beganMs = world.now;
  const batchMs = 16 * everyMs;
  while (meter.searches.length < searches && world.now - beganMs < idleMaxMs + batchMs) {
    const before = meter.searches.length;
    stage.doing = `search ${meter.searches.length} of ${searches}`;
    const left = searches - meter.searches.length;
    for (let i = 0; i < Math.min(left, 16); i++) world.after(i * everyMs, begin);
    yield* stage.advance(world, batchMs);
    if (meter.searches.length > before) beganMs = world.now;
    stage.report(meter.figures(suffix));
  }
  yield* stage.advance(world, searchMaxMs);
  stage.report(meter.figures(suffix));
  const misses = meter.misses();
  if (misses !== '') stage.report({ [`misses${suffix}`]: misses });
  return meter;
}
