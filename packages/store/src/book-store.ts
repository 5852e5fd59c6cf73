// The book as a PeerStore without a database: for simulations, tests and processes that need not remember. All that
// it adds to the machine is the clock.
import {
  type AddressStats,
  type BookEntry,
  type Clock,
  type DialOutcome,
  type HeardRecord,
  type OfferOptions,
  type PeerId,
  type PeerStore,
  type PickOptions,
  type Preference,
  type Random,
  randomBytes,
  type SampleOptions,
  seededRandom,
  systemClock,
  systemRandom,
} from '@peernet/core';
import { brokenInvariants } from './invariants.js';
import type { Changed } from './machine/admission.js';
import { Book, type Moment } from './machine/book.js';
import { prefer } from './machine/choosing.js';

export interface CreateBookOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Size of the tables: 1 (default), 1/16 (browsers), 1/64 (simulations of thousands). */
  readonly scale?: number;
  /** How long a handshake proves an address, ms; default 1 h. */
  readonly verifiedMs?: number;
}

/** A PeerStore that can be looked into. */
export interface AddressBook extends PeerStore {
  /** Number of entries. */
  readonly size: number;
  /** Min-wise slots: how many there are, have a choice, are held, and how often a seed was renewed. */
  slotCounts(): { slots: number; chosen: number; held: number; renewed: number };
  /** Names of broken invariants: [] unless there is a bug. For tests and simulations; looks at everything. */
  broken(): string[];
}

/** An address book in memory: the same one that `createStore` persists. */
export function createBook(options: CreateBookOptions = {}): AddressBook {
  return new BookStore(makeBook(options), options.clock ?? systemClock);
}

/** The machine, with a secret from the given dice. */
export function makeBook(options: CreateBookOptions, changed?: Changed, slotsChanged?: () => void): Book {
  const { random = systemRandom, scale, verifiedMs } = options;
  const secret = randomBytes(random, 32);
  const fast = fastRandom(random);
  return new Book({ random: fast, slotRandom: random, secret, scale, verifiedMs, changed, slotsChanged });
}

/** Where the CSPRNG is given, one draw of it seeds a fast generator: the order of picks is no secret. */
function fastRandom(random: Random): Random {
  return random === systemRandom ? seededRandom(random.uint32()) : random;
}

export class BookStore implements AddressBook {
  protected readonly book: Book;
  protected readonly clock: Clock;
  readonly preference: Preference | undefined;

  constructor(book: Book, clock: Clock) {
    this.book = book;
    this.clock = clock;
    if (book.slots.counts().slots > 0) {
      this.preference = {
        pick: (count, options) => prefer(book, count, options, this.moment),
        hold: (id) => book.slots.hold(id, this.moment.nowMs),
        holds: (id) => book.slots.holds(id, this.moment.nowMs),
      };
    }
  }

  slotCounts(): { slots: number; chosen: number; held: number; renewed: number } {
    return this.book.slots.counts();
  }

  get size(): number {
    return this.book.size;
  }

  broken(): string[] {
    return brokenInvariants(this.book, this.moment.nowMs);
  }

  /** Whole ms: V8 keeps small integers without boxes, and the book has many. */
  protected get moment(): Moment {
    return { nowMs: Math.floor(this.clock.now()), wallMs: Math.floor(this.clock.wall()) };
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  offer(records: readonly HeardRecord[], source: PeerId, options?: OfferOptions): void {
    this.book.offer(records, source, this.moment.nowMs, options);
  }

  save(addresses: readonly string[]): void {
    this.book.save(addresses, this.moment.nowMs);
  }

  outcome(address: string, outcome: DialOutcome): void {
    this.book.outcome(address, outcome, this.moment.nowMs);
  }

  exchanged(address: string, rx: number, tx: number): void {
    this.book.exchanged(address, rx, tx);
  }

  remove(addresses: readonly string[]): void {
    this.book.remove(addresses, this.moment.nowMs);
  }

  pick(count: number, options: PickOptions): readonly BookEntry[] {
    return this.book.pick(count, options, this.moment);
  }

  sample(count: number, options: SampleOptions): readonly BookEntry[] {
    return this.book.sample(count, options, this.moment);
  }

  get(address: string): BookEntry | undefined {
    return this.book.get(address, this.moment);
  }

  entries(): Iterable<BookEntry> {
    return this.book.entries(this.moment);
  }

  stats(address: string): AddressStats {
    return this.book.stats(address);
  }

  purge(): number {
    return this.book.purge(this.moment.nowMs);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
