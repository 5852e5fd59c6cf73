// One life of a Search shell over the real LinkOverlay: neighbours say damaged sequences while it searches, joins and
// parts, and an honest neighbour asks for its membership. After every sequence its promises must hold.
import {
  below,
  type CloseReason,
  type Crypto,
  pickOne,
  type Random,
  randomBytes,
  seededRandom,
  signRecord,
} from '@peernet/core';
import { LIMITS, LinkOverlay, Search, type SearchLimits, type SearchRow } from '@peernet/search';
import { createWorld, simCrypto, type World } from '@peernet/sim';
import { CAPACITY } from '../../../../packages/search/src/defaults.js';
import { decodeAdvert, decodeMessage, encodeSearch, queryOf } from '../../../../packages/search/src/wire.js';
import { Broken } from './gauge.js';
import { mutateSequence } from './mutate.js';
import type { Tally } from './part.js';
import { searchMessage, subnetOf, type Talk } from './talk.js';
import { WireLink } from './wire-link.js';

export interface SearchLifeOptions {
  /** Replaces some of the node's limits without the promises knowing: for controls. */
  readonly limits?: Partial<SearchLimits>;
  /** Replaces the node's crypto: for controls. */
  readonly crypto?: (own: Crypto) => Crypto;
}

/** Small tables are full sooner. */
const small: Partial<SearchLimits> = { cell: 4, cellPerNeighbour: 2, adverts: 12, advertBytes: 6_000 };
/** Subnets that talk knows. */
const subnetCount = 4;
const names = ['chat', 'dht', 'files', 'there'];
const reasons: readonly CloseReason[] = ['LOST', 'USER', 'SHUTDOWN'];

interface Neighbour {
  readonly link: WireLink;
  readonly self: Crypto;
  /** Searches that it was asked. */
  queries: Uint8Array[];
}

export class SearchLife {
  readonly world: World;
  readonly search: Search;
  readonly #overlay: LinkOverlay;
  readonly #honest: Neighbour;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #limits: SearchLimits;
  #hostile: Neighbour[] = [];
  #names = 0;
  /** Rows about its own membership that the honest neighbour got. */
  #rows = 0;
  #running = 0;

  constructor(random: Random, tally: Tally, options: SearchLifeOptions = {}) {
    this.#random = random;
    this.#tally = tally;
    this.world = createWorld({ seed: random.uint32() });
    const { clock } = this.world;
    const own = simCrypto(this.world, 'victim');
    const tight = below(random, 2) === 0 ? small : {};
    this.#limits = { ...LIMITS, ...tight };
    const fields = { seq: clock.wall(), ttlSeconds: 86_400, addresses: ['ws://7.7.7.7:4000'], relays: [] };
    const record = signRecord(own, { ...fields, dialable: true, webrtc: false, stun: false });
    const size = 1 + below(random, 500);
    this.#overlay = new LinkOverlay({ size: () => size });
    this.search = new Search({
      crypto: options.crypto?.(own) ?? own,
      overlay: this.#overlay,
      clock,
      random: seededRandom(random.uint32()),
      record: () => record,
      limits: { ...tight, ...options.limits },
    });
    this.search.on('search', (_query, _hops, reply) => {
      if (below(random, 4) === 0) reply(randomBytes(random, 3));
    });
    this.search.join('here');
    this.#honest = this.#neighbour('honest');
    this.#honest.link.onHeard = (bytes) => this.#honestHears(bytes, own);
    this.world.runFor(2_000);
    this.#ask();
  }

  // ---- the world around it ----

  #neighbour(name: string): Neighbour {
    const self = simCrypto(this.world, name);
    const scope = name === 'honest' ? 'global' : this.#pick(['global', 'global', 'private'] as const);
    const link = new WireLink(this.world, { peer: self.id, initiator: false, scope });
    this.#overlay.add(link);
    return { link, self, queries: [] };
  }

  #pick<T>(list: readonly T[]): T {
    return pickOne(this.#random, list) as T;
  }

  #honestHears(bytes: Uint8Array, own: Crypto): void {
    const message = decodeMessage(bytes);
    if (message === undefined) throw new Broken('it says what nobody can read');
    if (message.type !== 'rows') return;
    for (const row of message.rows) if (decodeAdvert(row.bytes)?.id === own.id) this.#rows++;
  }

  #arrive(): void {
    const hostile = this.#neighbour(`stranger ${++this.#names}`);
    hostile.link.onHeard = (bytes) => {
      const message = decodeMessage(bytes);
      if (message === undefined) throw new Broken('it says what nobody can read');
      if (message.type === 'search')
        hostile.queries = [...hostile.queries.slice(-5), queryOf(hostile.self, message)];
    };
    this.#hostile.push(hostile);
  }

  #talk({ self, queries }: Neighbour): Talk {
    const others = this.#hostile.slice(-5).map((other) => other.self);
    const wallMs = this.world.clock.wall();
    return { random: this.#random, self, others, wallMs, queries };
  }

  #say({ link }: Neighbour, bytes: Uint8Array): void {
    if (link.closed !== undefined) return;
    this.#tally.begin(bytes);
    link.say(bytes);
    this.#tally.end();
  }

  #begin(): void {
    const limit = this.#pick([undefined, 1, 40]);
    const payload = this.#pick([undefined, Uint8Array.of(1, 2)]);
    let ended = false;
    this.#running++;
    const onRow = (row: SearchRow): void => {
      if (ended) throw new Broken('a row after the end');
      if (row.record.id !== row.id) throw new Broken("a row with somebody else's record");
    };
    const onEnd = (): void => {
      if (ended) throw new Broken('a search ended twice');
      ended = true;
      this.#running--;
    };
    const cancel = this.search.search(this.#pick(names), { limit, payload }, onRow, onEnd);
    if (below(this.#random, 8) > 0 || ended) return;
    cancel();
    this.#running--;
  }

  // ---- a step, and what must hold after it ----

  step(): void {
    this.#hostile = this.#hostile.filter(({ link }) => link.closed === undefined);
    const dice = below(this.#random, 100);
    const hostile = pickOne(this.#random, this.#hostile);
    if (hostile === undefined || (dice < 12 && this.#hostile.length < 12)) this.#arrive();
    else if (dice < 58) {
      const sequence = Array.from({ length: 1 + below(this.#random, 12) }, () =>
        searchMessage(this.#talk(hostile)),
      );
      for (const bytes of mutateSequence(this.#random, sequence)) this.#say(hostile, bytes);
    } else if (dice < 61) hostile.link.hangUp(this.#pick(reasons));
    else if (dice < 63) hostile.link.full = true;
    else if (dice < 65) hostile.link.drain();
    else if (dice < 75) this.#begin();
    else if (dice < 77) this.search.join(this.#pick(names), { meta: randomBytes(this.#random, 4) });
    else if (dice < 79) this.search.part(this.#pick(names));
    else if (dice < 80) this.search.stale(hostile.self.id);
    else this.world.runFor(this.#pick([10, 100, 1_000, 5_000, 70_000]));
    this.#check();
  }

  #check(): void {
    this.world.runFor(0); // links that were closed are told so
    const sizes = this.search.snapshot();
    const limits = this.#limits;
    const most = (name: string, max: number): void => {
      const value = sizes[name];
      if (value === undefined || !(value <= max)) throw new Broken(`${name}: ${value}, at most ${max}`);
    };
    // Names, and as many spoiled hashes as there are places for.
    most('adverts', limits.adverts);
    most('advertBytes', limits.advertBytes);
    most('withdrawals', CAPACITY.withdrawals);
    most('trails', CAPACITY.trails);
    most('casts', 2 * CAPACITY.seen);
    most('queries', CAPACITY.seen);
    most('memberships', subnetCount + 1);
    const open = 1 + this.#hostile.filter(({ link }) => link.closed === undefined).length;
    most('neighbours', open);
    most('waiting', CAPACITY.waiting * open);
    if (sizes.searches !== this.#running)
      throw new Broken(`${sizes.searches} searches run, ${this.#running} began`);
  }

  /** The honest neighbour finds the membership, whatever the others say. */
  #ask(): void {
    this.world.runFor(2_000);
    const before = this.#rows;
    const talk = this.#talk(this.#honest);
    const searchId = randomBytes(this.#random, 16);
    const fields = { budget: 2, hops: 1, want: 4, known: [], payload: new Uint8Array(0) };
    this.#honest.link.say(encodeSearch({ ...fields, searchId, subnet: subnetOf(talk, 'here') }));
    this.world.runFor(1_000);
    if (this.#honest.link.closed !== undefined)
      throw new Broken(`the honest neighbour was closed: ${this.#honest.link.closed}`);
    if (this.#rows === before) throw new Broken('the honest neighbour is not answered');
  }

  /** Ends it: everything must be let go. */
  end(): void {
    this.#ask();
    this.world.runFor(10_000);
    if (this.#running !== 0) throw new Broken(`${this.#running} searches never end`);
    this.search.close();
    this.world.runFor(1_000);
    if (this.world.pending > 0) throw new Broken('something is still to happen after close()');
  }
}

/** A life of some dozen sequences. */
export function searchLife(random: Random, tally: Tally, options?: SearchLifeOptions): void {
  const life = new SearchLife(random, tally, options);
  for (let steps = 40 + below(random, 100); steps > 0; steps--) life.step();
  life.end();
}
