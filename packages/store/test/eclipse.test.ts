// Eclipse at restart: attackers who push addresses for a day want that all first dials of a restarted victim go to
// them. The book against its control, a flat table without limits (what the original had). A small model, seeded:
// no anchors, no rule about groups of connections, all attackers' addresses answer. research/security.md F11 has the
// larger one.
import { below, type PeerId, pickOne, type Random, seededRandom } from '@peernet/core';
import { expect, test } from 'vitest';
import { Book } from '../src/machine/book.js';
import { address, peer, recordOf, wallStart } from './stage.js';

const honest = 400; // nodes, each in an address group of its own
const dials = 5;
const restarts = 400;

interface Attack {
  /** Attackers' nodes: sources that the victim may have reached. */
  nodes: number;
  /** Address groups (/16) that they have. */
  groups: number;
  /** Addresses in these that they push. */
  pushed: number;
}

const isAttacker = (text: string): boolean => text.startsWith('ws://99.');

function attackerRecord(random: Random, attack: Attack, n: number) {
  const host = `99.${below(random, attack.groups)}.${below(random, 256)}.${1 + below(random, 254)}`;
  return recordOf(10_000 + n, { addresses: [`ws://${host}:${1024 + below(random, 60_000)}`] });
}

/** What a victim was told and did in its last day, in random order. */
function* lifeOf(random: Random, attack: Attack) {
  const heardOf = Array.from({ length: honest * 8 }, () => ({ honest: true, n: below(random, honest) }));
  const pushes = Array.from({ length: attack.pushed }, (_, n) => ({ honest: false, n }));
  const all = [...heardOf, ...pushes];
  // Interleaved: an attack that lasts as long as the life.
  for (let left = all.length; left > 0; left--) {
    const at = below(random, left);
    const event = all[at] as (typeof all)[number];
    all[at] = all[left - 1] as (typeof all)[number];
    const record = event.honest ? recordOf(event.n) : attackerRecord(random, attack, event.n);
    const source = event.honest ? below(random, honest) : 10_000 + below(random, attack.nodes);
    yield { record, source: peer(source) };
  }
}

interface Outcome {
  /** Share of restarts in which every dial goes to an attacker. */
  eclipsed: number;
  /** Share of dials that do. */
  dialed: number;
}

function restartWithBook(seed: number, attack: Attack): Outcome {
  const random = seededRandom(seed);
  const book = new Book({ random });
  const reach = (n: number, record = recordOf(n)): void =>
    book.outcome(record.addresses[0] as string, { ok: true, id: record.id, record }, 0);
  // In its life the victim reached peers as they come: by their share among nodes, not among addresses.
  for (let i = 0; i < 60; i++) {
    const n = below(random, honest + attack.nodes);
    if (n < honest) reach(n);
    else reach(10_000 + n - honest, attackerRecord(random, attack, n - honest));
  }
  for (const { record, source } of lifeOf(random, attack))
    book.offer([{ record, ageSeconds: 1 }], source, 1000);
  const options = { schemes: ['ws'], exclude: () => false };
  return outcomeOf(() =>
    book.pick(dials, options, { nowMs: 1000, wallMs: wallStart }).map((entry) => entry.address),
  );
}

function outcomeOf(dial: () => string[]): Outcome {
  let [eclipsed, attackers] = [0, 0];
  for (let i = 0; i < restarts; i++) {
    const count = dial().filter(isAttacker).length;
    attackers += count;
    if (count === dials) eclipsed++;
  }
  return { eclipsed: eclipsed / restarts, dialed: attackers / restarts / dials };
}

/** The control: every address is a row, and a dial is a random row. */
function restartWithFlatTable(seed: number, attack: Attack): Outcome {
  const random = seededRandom(seed);
  const table = new Map<string, PeerId>();
  for (let n = 0; n < honest; n++) table.set(address(n), peer(n));
  for (const { record } of lifeOf(random, attack)) table.set(record.addresses[0] as string, record.id);
  const rows = [...table.keys()];
  return outcomeOf(() => Array.from({ length: dials }, () => pickOne(random, rows) as string));
}

const seeds = [1, 2, 3];
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function compare(name: string, attack: Attack): { book: Outcome; flat: Outcome } {
  const mean = (outcomes: Outcome[]): Outcome => ({
    eclipsed: outcomes.reduce((sum, o) => sum + o.eclipsed, 0) / outcomes.length,
    dialed: outcomes.reduce((sum, o) => sum + o.dialed, 0) / outcomes.length,
  });
  const book = mean(seeds.map((seed) => restartWithBook(seed, attack)));
  const flat = mean(seeds.map((seed) => restartWithFlatTable(seed, attack)));
  for (const [kind, { eclipsed, dialed }] of Object.entries({ book, flat }))
    console.log(`${name}: ${kind}: eclipsed ${percent(eclipsed)}, ${percent(dialed)} of dials to attackers`);
  return { book, flat };
}

test('a tenth of the nodes in 4 groups, a fifth in 10: the book holds where a flat table falls', () => {
  for (const attack of [
    { nodes: 44, groups: 4, pushed: 8000 },
    { nodes: 100, groups: 10, pushed: 8000 },
  ]) {
    const { book, flat } = compare(`${attack.nodes} nodes, ${attack.groups} groups`, attack);
    expect(flat.eclipsed).toBeGreaterThan(0.3); // the control fails
    expect(book.eclipsed).toBeLessThan(0.02);
    expect(book.dialed).toBeLessThan(0.45);
  }
}, 60_000);

test('who has many groups is not held: groups are what an attack costs', () => {
  const { book } = compare('400 nodes, 250 groups', { nodes: 400, groups: 250, pushed: 40_000 });
  expect(book.dialed).toBeGreaterThan(0.5);
  expect(book.eclipsed).toBeGreaterThan(0.02);
}, 60_000);
