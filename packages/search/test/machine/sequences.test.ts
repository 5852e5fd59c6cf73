// Random lives of one machine: links that come and go, valid and spoiled messages, searches and memberships, time in
// jumps. After every step the promises of protocol.md must hold. A seed that fails is printed and replays.
import { below, pickOne, type Random, randomBytes, seededRandom, toHex } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { CAPACITY, LIMITS, type SearchLimits, WIRE } from '../../src/defaults.js';
import {
  decodeMessage,
  encodeAdvertMessage,
  encodeOrphans,
  encodeRows,
  encodeSearch,
  placeOf,
  type RowKind,
  signAnswer,
} from '../../src/wire.js';
import { Bench, noBytes, wallMs } from '../bench.js';

const names = ['chat', 'dht', 'files'];
const members = ['a', 'b', 'c', 'd', 'e', 'self'];

class Life {
  readonly bench: Bench;
  readonly random: Random;
  readonly up = new Set<number>();
  readonly started: number[] = [];
  /** Names of searches that it has sent or been asked. */
  queries: readonly Uint8Array[] = [new Uint8Array(WIRE.queryBytes)];
  /** Rows that went to each link, by search. */
  readonly rowsTo = new Map<string, number>();
  /** Which link asked which search. */
  readonly askedBy = new Map<string, Set<number>>();
  #lastLink = 0;
  #lastSearch = 0;

  constructor(seed: number, limits?: Partial<SearchLimits>) {
    this.bench = new Bench(limits);
    this.random = seededRandom(seed);
    for (const member of members) this.bench.who(member);
  }

  #pick<T>(list: readonly T[]): T {
    return pickOne(this.random, list) as T;
  }

  step(): void {
    const { bench, random } = this;
    const kind = below(random, 24);
    if (kind < 2 || this.up.size === 0) this.#linkUp();
    else if (kind === 2) this.#linkDown();
    else if (kind === 3) bench.join(this.#pick(names), randomBytes(random, below(random, 4)));
    else if (kind === 4) bench.part(this.#pick(names));
    else if (kind === 5) this.#search();
    else if (kind === 6) bench.give({ type: 'cancel', search: 1 + below(random, this.#lastSearch + 1) });
    else if (kind === 7)
      bench.give({ type: this.#pick(['stale', 'reached']), id: bench.who(this.#pick(members)).id });
    else if (kind === 8) this.#reply();
    else if (kind < 12) bench.pass(below(random, this.#pick([10, 1_000, 100_000])));
    else this.#message();
    this.#collect();
  }

  #linkUp(): void {
    const link = ++this.#lastLink;
    this.up.add(link);
    this.bench.up(link, this.#pick(members.slice(0, 5)), this.#pick(['global', 'private', 'loopback']));
  }

  #linkDown(): void {
    const link = this.#pick([...this.up]);
    this.up.delete(link);
    this.bench.give({ type: 'down', link });
  }

  #search(): void {
    const number = ++this.#lastSearch;
    this.started.push(number);
    const limit = below(this.random, 2) === 0 ? { limit: 1 + below(this.random, 40) } : {};
    const payload = below(this.random, 4) === 0 ? { payload: randomBytes(this.random, 3) } : {};
    this.bench.search(number, this.#pick(names), { ...limit, ...payload });
  }

  #reply(): void {
    const query = this.#pick([...this.bench.queries, undefined]);
    const key = query?.key ?? '00'.repeat(16);
    this.bench.give({ type: 'reply', key, meta: randomBytes(this.random, 4), ...this.bench.outside });
  }

  #message(): void {
    const link = this.#pick([...this.up]);
    let bytes = this.#pick([
      () => this.#advert(),
      () => this.#ask(),
      () => this.#rows(),
      () => this.#orphans(),
    ])();
    if (below(this.random, 12) === 0) {
      bytes = bytes.slice(0, below(this.random, 3) === 0 ? below(this.random, bytes.length) : bytes.length);
      const at = below(this.random, bytes.length + 1);
      if (at < bytes.length) bytes[at] = below(this.random, 256);
    }
    const message = decodeMessage(bytes);
    if (message?.type === 'search') this.#asks(link, this.bench.queryOf(message));
    this.bench.message(link, bytes);
  }

  #asks(link: number, query: Uint8Array): void {
    this.queries = [...this.queries.slice(-20), query];
    const key = toHex(query);
    this.askedBy.set(key, (this.askedBy.get(key) ?? new Set()).add(link));
  }

  #object(): Uint8Array {
    const ttlSeconds = this.#pick([600, 600, 600, 60, 0]);
    const addresses = this.#pick([
      ['ws://1.2.3.4:1'],
      [],
      ['ws://10.0.0.1:1'],
      ['ws://127.0.0.1:1', 'ws://1.2.3.4:1'],
    ]);
    const seq = wallMs + this.bench.nowMs + this.#pick([0, -1_000, 1_000, -90_000_000]);
    return this.bench.advert(this.#pick(members), this.#pick(names), { ttlSeconds, addresses, seq }).bytes;
  }

  #advert(): Uint8Array {
    const hops = 1 + below(this.random, WIRE.hopsMax);
    const budget = 1 + below(this.random, this.#pick([4, 100, 65_535]));
    return encodeAdvertMessage({ budget, hops, ageSeconds: below(this.random, 601), advert: this.#object() });
  }

  #ask(): Uint8Array {
    const m = {
      budget: 1 + below(this.random, this.#pick([4, 100, 65_535])),
      hops: 1 + below(this.random, WIRE.hopsMax),
      want: 1 + below(this.random, WIRE.wantMax),
      known: below(this.random, 3) === 0 ? [this.bench.who('a').id.slice(0, 16)] : [],
      searchId: new Uint8Array(16).fill(below(this.random, 250)),
      subnet: this.bench.hash(this.#pick(names)),
      payload: below(this.random, 5) === 0 ? randomBytes(this.random, 2) : noBytes,
    };
    return encodeSearch(m);
  }

  #rows(): Uint8Array {
    const query = this.#pick(this.queries);
    const rows = Array.from({ length: 1 + below(this.random, 16) }, () => {
      const kind = this.#pick<RowKind>(['advert', 'advert', 'orphan', 'withdrawal', 'answer']);
      const who = this.bench.who(this.#pick(members));
      const fields = { query, subnet: this.bench.hash(this.#pick(names)), meta: noBytes };
      const answer = signAnswer(who, { ...fields, record: this.bench.recordOf(who, []) });
      const bytes = kind === 'answer' ? answer.bytes : this.#object();
      return { kind, hops: 1 + below(this.random, 32), ageSeconds: below(this.random, 601), bytes };
    });
    return encodeRows(query, rows);
  }

  #orphans(): Uint8Array {
    const subnet = toHex(this.bench.hash(this.#pick(names)));
    return encodeOrphans([placeOf(subnet, this.bench.who(this.#pick(members)).id)]);
  }

  /** Looks at what was sent since the last step. */
  #collect(): void {
    const { bench } = this;
    for (const [link] of bench.closed) this.up.delete(link);
    for (const { to, message } of bench.sent) {
      if (message.type === 'search') this.queries = [...this.queries.slice(-20), bench.queryOf(message)];
      if (message.type !== 'rows') continue;
      const key = toHex(message.query);
      if (this.askedBy.get(key)?.has(to) !== true) throw new Error(`rows to ${to}, who did not ask`);
      const count = (this.rowsTo.get(`${key} ${to}`) ?? 0) + message.rows.length;
      this.rowsTo.set(`${key} ${to}`, count);
      // A search may be forgotten after 60 s and come again.
      if (count > WIRE.rowsPerMessageMax * (1 + bench.nowMs / 60_000))
        throw new Error('more than 16 rows to one link');
    }
    bench.sent = [];
  }

  /** What must hold at any time. */
  check(): string | undefined {
    const { machine, nowMs, closed, ended, rows, crypto } = this.bench;
    const sizes = machine.sizes();
    const deadline = machine.deadline();
    if (Number.isNaN(deadline) || deadline < nowMs) return `a deadline at ${deadline}, now ${nowMs}`;
    if ((sizes.neighbours ?? 0) !== this.up.size) return 'neighbours that are none';
    if ((sizes.adverts ?? 0) > LIMITS.cell * names.length) return 'more adverts than cells have places';
    if ((sizes.withdrawals ?? 0) > CAPACITY.withdrawalsPerSubnet * names.length)
      return 'too many withdrawals';
    if ((sizes.waiting ?? 0) > CAPACITY.waiting * this.up.size) return 'too many wait';
    if (new Set(closed.map(([link]) => link)).size !== closed.length) return 'a link was closed twice';
    if (new Set(ended).size !== ended.length) return 'a search ended twice';
    if (rows.some((row) => row.id === crypto.id)) return 'our own membership was told';
    if (rows.some((row) => row.kind === 'withdrawal')) return 'a withdrawal was told';
    return undefined;
  }
}

/** Lives one life; what went wrong, if anything. */
function live(seed: number, steps: number, limits?: Partial<SearchLimits>): string | undefined {
  const life = new Life(seed, limits);
  for (let step = 0; step < steps; step++) {
    try {
      life.step();
    } catch (error) {
      return `seed ${seed}, step ${step}: ${error instanceof Error ? error.stack : error}`;
    }
    const broken = life.check();
    if (broken !== undefined) return `seed ${seed}, step ${step}: ${broken}`;
  }
  life.bench.pass(10_000);
  const { searches } = life.bench.machine.sizes();
  return searches === 0 ? undefined : `seed ${seed}: ${searches} searches never ended`;
}

describe('random lives', () => {
  test('of 120 seeds, 150 steps each: nothing is thrown, every promise holds', () => {
    for (let seed = 1; seed <= 120; seed++) expect(live(seed, 150)).toBeUndefined();
  });

  test('control: a machine with a larger cell is caught', () => {
    const limits = { cell: 1_000, cellPerNeighbour: 1_000 };
    const crowd = (seed: number): string | undefined => {
      const life = new Life(seed, limits);
      life.bench.up(1_000);
      life.up.add(1_000);
      for (let i = 0; i < 60; i++) life.bench.tell(1_000, life.bench.advert(`m${i}`, 'chat'));
      return life.check();
    };
    expect(crowd(1)).toBe('more adverts than cells have places');
  });
});
