// S12 and S13: attackers who push addresses and never leave want to be all the neighbours that somebody has. S12 looks
// at everybody; its control are dialable nodes with eight links. S13 looks at those who restart in the middle of it;
// its control are dialable ones (whom attackers reach best) that dial a plain list of the last addresses told to them.
import { pickOne, uniform } from '@peernet/core';
import { exponentialMs } from '@peernet/sim';
import type { AddressBook } from '@peernet/store';
import type { SimNode } from '../node.js';
import type { Population, PopulationOptions } from '../population.js';
import type { Scenario, Stage, Target } from '../scenario.js';
import { Attackers } from './attackers.js';

const attack = {
  /** Attackers, as a share of the nodes; they come on top of `--nodes` honest ones less as many. */
  attackerShare: 0.1,
  joinSeconds: 600,
  /** The network is by itself after that for so long; 0: attackers are there from the first second. */
  quietMinutes: 30,
  /** Between two messages with records on one link of an attacker; 1 is allowed. It matters to plain lists (S13's control) and CPU only. */
  pushSeconds: 30,
  retrySeconds: 600,
  /** Share of the attackers who only dial, and say that they cannot be dialed; the others are only dialed. 0: all do both. */
  shyShare: 0,
  /** 1: attackers dial under a second name, from the same IP, which says that it cannot be dialed. */
  twins: 0,
  /** Links of a dialable node at most. */
  linksDialableMax: 128,
  /** Median of honest sessions, minutes; 0: they do not end. */
  sessionMinutes: 0,
  /** Share of those that end that come back with what they knew; the others are replaced by strangers. */
  returnShare: 0,
  /** 1: another run, in which it must go wrong. */
  control: 1,
};

/** Addresses in a plain list: a page of them, as the original kept. */
const toldMax = 64;

/** Honest nodes younger than this do not count, ms: they are still looking. */
const settledMs = 300_000;

interface Attacked {
  readonly population: Population;
  readonly attackers: Attackers;
}

/** A network that grows, and attackers, who have just come. */
function* attacked(stage: Stage, options: Partial<PopulationOptions>): Generator<void, Attacked> {
  const population = stage.population(options);
  const { world } = population;
  const count = Math.round(stage.nodes * stage.parameter('attackerShare'));
  const attackers = new Attackers(population, {
    count,
    pushSeconds: stage.parameter('pushSeconds'),
    retrySeconds: stage.parameter('retrySeconds'),
    shyShare: stage.parameter('shyShare'),
    twins: stage.parameter('twins') === 1,
  });
  const quietMs = stage.parameter('quietMinutes') * 60_000;
  if (quietMs === 0) attackers.start();
  population.grow(stage.nodes - count, stage.parameter('joinSeconds') * 1000);
  yield* stage.advance(world, stage.parameter('joinSeconds') * 1000);
  if (stage.parameter('sessionMinutes') > 0) churn(stage, population);
  yield* stage.advance(world, quietMs);
  if (quietMs > 0) attackers.start();
  return { population, attackers };
}

/** Sessions end, silently; who returns does so a minute later, with the book of before. */
function churn(stage: Stage, population: Population): void {
  const { world, random } = population;
  const medianMs = stage.parameter('sessionMinutes') * 60_000;
  const doom = (slot: number): void => {
    const lifeMs = exponentialMs(random, medianMs / Math.LN2);
    world.after(lifeMs, () => {
      const node = population.slots[slot] as SimNode;
      population.end(slot);
      const returns = uniform(random) < stage.parameter('returnShare');
      world.after(returns ? 60_000 : 0, () => {
        if (returns) population.restart(node, slot);
        else population.start(slot);
        doom(slot);
      });
    });
  };
  for (const slot of population.slots.keys()) if (slot >= stage.settings.node.bootstraps) doom(slot);
}

/** What attackers have of a node. */
interface Grip {
  /** Own outbound links, and those of them that lead to attackers. */
  readonly out: number;
  readonly outBad: number;
  /** Protected ones. */
  readonly kept: number;
  readonly keptBad: number;
  readonly all: number;
  readonly bad: number;
}

function gripOn(node: SimNode, { ids }: Attackers): Grip {
  const all = node.gossip.neighbours();
  const out = all.filter(({ direction }) => direction === 'out');
  const held = out.filter(({ id }) => node.book.preference?.holds(id));
  const bad = (links: typeof all): number => links.filter(({ id }) => ids.has(id)).length;
  return {
    out: out.length,
    outBad: bad(out),
    kept: held.length,
    keptBad: bad(held),
    all: all.length,
    bad: bad(all),
  };
}

/** Every own link of it leads to an attacker, or it has none at all. */
const isEclipsed = ({ out, outBad }: Grip): boolean => out === outBad;

function gripFigures(population: Population, attackers: Attackers): Record<string, number> {
  const { now } = population.world;
  const settled = population.nodes.filter(({ bornMs }) => now - bornMs >= settledMs);
  const grips = settled.map((node) => gripOn(node, attackers));
  const sum = (of: (grip: Grip) => number): number => grips.reduce((total, grip) => total + of(grip), 0);
  const share = (part: number, whole: number): number => part / Math.max(1, whole);
  // Nobody to look at is not nobody eclipsed.
  if (grips.length === 0) return { settled: 0, share: Number.NaN, eclipsed: Number.NaN };
  return {
    settled: grips.length,
    share: share(
      sum(({ outBad }) => outBad),
      sum(({ out }) => out),
    ),
    protectedShare: share(
      sum(({ keptBad }) => keptBad),
      sum(({ kept }) => kept),
    ),
    protectedMean: share(
      sum(({ kept }) => kept),
      grips.length,
    ),
    allShare: share(
      sum(({ bad }) => bad),
      sum(({ all }) => all),
    ),
    eclipsed: share(grips.filter(isEclipsed).length, grips.length),
    allEclipsed: share(grips.filter(({ all, bad }) => all === bad).length, grips.length),
  };
}

const capped: Partial<PopulationOptions> = { gossip: { limits: { linksDialableMax: 8 } } };

function roomy(stage: Stage): Partial<PopulationOptions> {
  return { gossip: { limits: { linksDialableMax: stage.parameter('linksDialableMax') } } };
}

export const eclipse: Scenario = {
  name: 'S12',
  title: 'attackers who push and never leave',
  nodes: 1_000,
  nodesMin: 50,
  hostile: true,
  parameters: { ...attack, attackMinutes: 90 },
  targets: (_, parameters) => [
    ...gripTargets(parameters),
    ...ifControlled(parameters, { field: 'controlShare', min: 0.9 }),
  ],
  *run(stage) {
    const figures = yield* attackOnce(stage, roomy(stage), '');
    stage.report(figures);
    if (stage.parameter('control') === 0) return;
    const control = yield* attackOnce(stage, capped, 'control: ');
    stage.report({ controlShare: control.share as number, controlEclipsed: control.eclipsed as number });
  },
};

/** By targets.md: stable honest nodes; sessions of an hour of whom 80 % return; everything else is only reported. */
function gripTargets(parameters: Readonly<Record<string, number>>): Target[] {
  const { attackerShare = 0, sessionMinutes = 0, returnShare = 0, quietMinutes = 0 } = parameters;
  const many = attackerShare > 0.1;
  if (quietMinutes === 0) return [];
  if (sessionMinutes === 0) {
    const wide = (parameters.linksDialableMax ?? 0) >= 256;
    return [
      { field: 'share', max: !many ? 0.08 : wide ? 0.12 : 0.25 },
      { field: 'eclipsed', max: 0 },
    ];
  }
  if (returnShare < 0.8) return [];
  return [
    { field: 'share', max: many ? 0.5 : 0.35 },
    { field: 'eclipsed', max: many ? 0.05 : 0.01 },
  ];
}

function ifControlled({ control = 1 }: Readonly<Record<string, number>>, target: Target): Target[] {
  return control === 0 ? [] : [target];
}

function* attackOnce(
  stage: Stage,
  options: Partial<PopulationOptions>,
  prefix: string,
): Generator<void, Record<string, number>> {
  stage.doing = `${prefix}growing`;
  const { population, attackers } = yield* attacked(stage, options);
  stage.doing = `${prefix}under attack`;
  const minutes = stage.parameter('attackMinutes');
  for (let minute = 0; minute < minutes; minute += 10) {
    yield* stage.advance(population.world, Math.min(10, minutes - minute) * 60_000);
    const figures = gripFigures(population, attackers);
    if (prefix === '') stage.report(figures);
    const curve = prefix === '' ? 'as it is' : 'control: dialable nodes take 8 links';
    const { share = Number.NaN } = figures;
    if (!Number.isNaN(share)) stage.plot(curve, Math.min(minute + 10, minutes), share);
  }
  const figures = { ...gripFigures(population, attackers), attackerLinks: attackers.links };
  stage.retire(population);
  return figures;
}

export const restartEclipse: Scenario = {
  name: 'S13',
  title: 'restarts in the middle of an attack',
  nodes: 1_000,
  nodesMin: 50,
  hostile: true,
  parameters: {
    ...attack,
    pushSeconds: 2,
    attackMinutes: 60,
    restarts: 500,
    restartsPerMinute: 20,
    judgeSeconds: 60,
  },
  targets: (_, parameters) => {
    const many = (parameters.attackerShare ?? 0) > 0.1;
    return [
      { field: 'eclipsed', max: many ? 0.01 : 0.002 },
      // How a tenth does is only reported.
      ...(many ? ifControlled(parameters, { field: 'controlEclipsed', min: 0.7 }) : []),
    ];
  },
  *run(stage) {
    stage.doing = 'growing';
    const { population, attackers } = yield* attacked(stage, roomy(stage));
    const told = new Told();
    population.onStart = (node) => told.listen(node);
    for (const node of population.nodes) told.listen(node);
    stage.doing = 'under attack';
    yield* stage.advance(population.world, stage.parameter('attackMinutes') * 60_000);
    stage.report(gripFigures(population, attackers));
    stage.doing = 'restarting with what they knew';
    const world = { population, attackers };
    const { restarts, eclipsed, firstEclipsed, share } = yield* restartMany(stage, world, {
      fits: () => true,
      again: (node, slot) => population.restart(node, slot),
    });
    stage.report({ restarts, eclipsed, firstEclipsed, restartShare: share });
    if (stage.parameter('control') === 0) return;
    stage.doing = 'control: restarting with a plain list';
    const control = yield* restartMany(stage, world, {
      fits: (node) => node.profile === 'dialable',
      again: (node, slot) =>
        population.restart(node, slot, { keep: false, more: { seeds: told.by(node.book), anchors: [] } }),
    });
    stage.report({
      controlRestarts: control.restarts,
      controlEclipsed: control.eclipsed,
      controlRestartShare: control.share,
    });
  },
};

/** The last addresses that nodes were told, as a plain list keeps them: each as often as it was told. */
class Told {
  readonly #lists = new Map<AddressBook, string[]>();

  listen({ book }: SimNode): void {
    if (this.#lists.has(book)) return;
    const list: string[] = [];
    this.#lists.set(book, list);
    const offer = book.offer.bind(book);
    book.offer = (records, source, options) => {
      list.push(...records.flatMap(({ record }) => record.addresses));
      if (list.length > toldMax) list.splice(0, list.length - toldMax);
      offer(records, source, options);
    };
  }

  by(book: AddressBook): string[] {
    return [...(this.#lists.get(book) ?? [])];
  }
}

/** Whom to restart, and how. */
interface Restarting {
  readonly fits: (node: SimNode) => boolean;
  readonly again: (node: SimNode, slot: number) => SimNode;
}

interface Restarts {
  readonly restarts: number;
  /** Share of the restarted whose every own link leads to an attacker. */
  readonly eclipsed: number;
  /** … whose first three did. */
  readonly firstEclipsed: number;
  /** Attackers' share of the own links of the restarted. */
  readonly share: number;
}

/** Some nodes at a time die and come back at once; a minute later is looked at whom they found. */
function* restartMany(
  stage: Stage,
  { population, attackers }: Attacked,
  { fits, again: restart }: Restarting,
): Generator<void, Restarts> {
  const { world, random } = population;
  const perMinute = stage.parameter('restartsPerMinute');
  const judgeMs = stage.parameter('judgeSeconds') * 1000;
  const grips: Grip[] = [];
  let firstBad = 0;
  for (let left = stage.parameter('restarts'); left > 0; left -= perMinute) {
    const victims = new Set<SimNode>();
    const old = population.slots.filter(
      (node, slot) =>
        slot >= stage.settings.node.bootstraps &&
        node !== undefined &&
        fits(node) &&
        world.now - node.bornMs >= settledMs,
    );
    for (let tries = 4 * perMinute; tries > 0 && victims.size < Math.min(left, perMinute); tries--) {
      const victim = pickOne(random, old);
      if (victim !== undefined) victims.add(victim);
    }
    const reborn = [...victims].map((node) => {
      const slot = population.slots.indexOf(node);
      population.end(slot, 'reset');
      const again = restart(node, slot);
      const first: boolean[] = [];
      again.gossip.on('up', ({ id, direction }) => {
        if (direction === 'out' && first.length < 3) first.push(attackers.ids.has(id));
      });
      return { again, first };
    });
    yield* stage.advance(world, judgeMs);
    for (const { again, first } of reborn) {
      grips.push(gripOn(again, attackers));
      if (first.every((bad) => bad)) firstBad++;
    }
  }
  const sum = (of: (grip: Grip) => number): number => grips.reduce((total, grip) => total + of(grip), 0);
  return {
    restarts: grips.length,
    eclipsed: grips.filter(isEclipsed).length / grips.length,
    firstEclipsed: firstBad / grips.length,
    share: sum(({ outBad }) => outBad) / sum(({ out }) => out),
  };
}
