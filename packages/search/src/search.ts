// The shell around the search machine: one alarm, an overlay, and callbacks. No rule of the protocol lives here.
// Everything is synchronous, so the simulator runs this very file.
import {
  Alarm,
  type Clock,
  type Crypto,
  Emitter,
  type LinkKey,
  type Log,
  noLog,
  type PeerId,
  PeernetError,
  type PeerRecord,
  type Random,
  systemClock,
  systemRandom,
  toHex,
  utf8,
} from '@peernet/core';
import { CAPACITY, PACE, type SearchLimits, WIRE } from './defaults.js';
import type {
  FoundRow,
  IncomingQuery,
  Misbehaviour,
  SearchEffects,
  SearchInput,
  Surroundings,
} from './machine/effects.js';
import { SearchMachine } from './machine/search-machine.js';
import type { Overlay } from './overlay.js';
import { subnetHash } from './wire.js';

export interface SearchOptions {
  readonly crypto: Crypto;
  readonly overlay: Overlay;
  /** Name of the network: equal subnet names in two networks have different hashes. */
  readonly network?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly log?: Log | undefined;
  /** What we say of ourselves; adverts carry a short form of it. Asked for whenever there is something to do. */
  readonly record?: (() => PeerRecord | undefined) | undefined;
  /** Differences from `LIMITS`, for browsers and private clusters. */
  readonly limits?: Partial<SearchLimits> | undefined;
  /** The address at which we have met this peer lately, if we have. */
  readonly verified?: ((id: PeerId) => string | undefined) | undefined;
}

export interface SearchCallOptions {
  /** End after so many rows (a whole number ≥ 1). */
  readonly limit?: number | undefined;
  /** End after so many ms; all searches end after 8 s. */
  readonly timeoutMs?: number | undefined;
  /** ≤ 256 bytes for `search` handlers of the nodes that the search reaches (about 4·√N of them); members do not answer it. */
  readonly payload?: Uint8Array | undefined;
}

/** A member of the subnet that was searched, or somebody who answered the payload. */
export interface SearchRow {
  /** The name that was searched. */
  readonly hash: string;
  readonly id: PeerId;
  /** Where it can be dialed: where we have met it, else the first of `addresses`, else its bare id. */
  readonly address: string;
  readonly addresses: string[];
  /** Links to it by way of this row; 1 is a neighbour. */
  readonly hops: number;
  /** Seconds since it said so. */
  readonly age: number;
  /** Sequence number of what it said: of two rows of a member the higher one is newer. Absent in answers to a payload. */
  readonly seq?: number;
  /** No chain of links leads to it any more by those who told us: most likely it is gone. Such rows come last, if at all. */
  readonly doubtful: boolean;
  /** We have met it lately; otherwise only its signature speaks for it. */
  readonly verified: boolean;
  /** Its own words, ≤ 128 bytes. */
  readonly meta?: Uint8Array;
  /** As it was inlined: relays for an introduction. Its own signature was not looked at, the row's was. */
  readonly record: PeerRecord;
}

export interface SearchQuery {
  /** Hash of the subnet, 32 bytes. */
  readonly hash: Uint8Array;
  /** Its name, if we are a member. */
  readonly name?: string;
  readonly payload?: Uint8Array;
}

/** Answers a search, once, within 30 s. `meta`: ≤ 128 bytes. */
export type Reply = (meta?: Uint8Array) => void;

/** Event → arguments. */
export type SearchEvents = {
  /** A search of somebody else came by. */
  search: [query: SearchQuery, hops: number, reply: Reply];
  /** A neighbour broke the protocol; its link was closed. */
  misbehaved: [id: PeerId, what: Misbehaviour];
};

interface Running {
  readonly name: string;
  readonly onRow: (row: SearchRow) => void;
  readonly onEnd: () => void;
}

/** Longest name of a subnet, bytes of UTF-8 (api.md). */
const nameBytesMax = 255;
const noBytes = new Uint8Array(0);
const decoder = new TextDecoder();

/** Subnets over any overlay: join, part, search. */
export class Search extends Emitter<SearchEvents> {
  readonly #o: SearchOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #machine: SearchMachine;
  readonly #alarm: Alarm;
  readonly #names = new Map<string, string>();
  readonly #running = new Map<number, Running>();
  readonly #network: Uint8Array;
  readonly #unsubscribe: () => void;
  /** Inputs that came while another one was handled: callbacks may call us. */
  #inputs: SearchInput[] = [];
  #handling = false;
  #lastNumber = 0;
  #closed = false;

  constructor(options: SearchOptions) {
    super();
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? noLog;
    this.#network = utf8(options.network ?? '');
    this.#machine = new SearchMachine({
      crypto: options.crypto,
      random: options.random ?? systemRandom,
      limits: options.limits,
    });
    this.#alarm = new Alarm(this.#clock, () => this.#handle({ type: 'tick', ...this.#surroundings() }));
    this.#unsubscribe = options.overlay.subscribe({
      up: (link, peer, scope) => this.#handle({ type: 'up', link, peer, scope, wallMs: this.#clock.wall() }),
      down: (link) => this.#handle({ type: 'down', link, wallMs: this.#clock.wall() }),
      message: (link, bytes) => this.#handle({ type: 'message', link, bytes, wallMs: this.#clock.wall() }),
      drain: () => {},
    });
    for (const { key, peer, scope } of options.overlay.neighbours()) {
      this.#handle({ type: 'up', link: key, peer, scope, wallMs: this.#clock.wall() });
    }
  }

  /** Becomes a member: others find us within a second. At most 64 subnets (LIMIT). `meta`: ≤ 128 bytes for their rows. */
  join(names: string | readonly string[], { meta = noBytes }: { readonly meta?: Uint8Array } = {}): void {
    checkMeta(meta);
    const hashes = listOf(names).map((name) => [name, this.hashOf(name)] as const);
    this.#mustBeOpen();
    const fresh = new Set(hashes.map(([, hash]) => toHex(hash)).filter((key) => !this.#names.has(key)));
    if (this.#names.size + fresh.size > CAPACITY.subnetsPerKey) {
      throw new PeernetError(
        'LIMIT',
        `a peer is in at most ${CAPACITY.subnetsPerKey} subnets: part some first`,
      );
    }
    for (const [name, subnet] of hashes) {
      this.#names.set(toHex(subnet), name);
      this.#handle({ type: 'join', subnet, meta: meta.slice(), ...this.#surroundings() });
    }
  }

  /** Stops being a member, and tells everybody who may still say that we are one. */
  part(names: string | readonly string[]): void {
    const hashes = listOf(names).map((name) => this.hashOf(name));
    this.#mustBeOpen();
    for (const subnet of hashes) {
      if (this.#names.delete(toHex(subnet))) this.#handle({ type: 'part', subnet, ...this.#surroundings() });
    }
  }

  /** Names of the subnets that we are a member of. */
  subnets(): string[] {
    return [...this.#names.values()];
  }

  /** The hash by which a subnet travels: 32 bytes. */
  hashOf(name: string | Uint8Array): Uint8Array {
    const bytes = typeof name === 'string' ? utf8(name) : name;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('a subnet name is a string or bytes');
    if (bytes.length > nameBytesMax) throw new TypeError(`a subnet name has at most ${nameBytesMax} bytes`);
    return subnetHash(this.#o.crypto, bytes, this.#network);
  }

  /**
   * Looks for members. Each is told once by `onRow`, the first maybe before this returns; `onEnd` comes once, last:
   * at the limit, a second after the last row, or when there is nobody. Returns "cancel", after which nothing comes.
   */
  search(
    name: string | Uint8Array,
    { limit, timeoutMs, payload = noBytes }: SearchCallOptions,
    onRow: (row: SearchRow) => void,
    onEnd: () => void,
  ): () => void {
    const subnet = this.hashOf(name);
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1))
      throw new TypeError(`limit: ${limit}`);
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) throw new TypeError(`timeoutMs: ${timeoutMs}`);
    if (!(payload instanceof Uint8Array)) throw new TypeError(`a payload is bytes, got ${typeof payload}`);
    if (payload.length > WIRE.payloadBytesMax) {
      throw new TypeError(`a payload has at most ${WIRE.payloadBytesMax} bytes, got ${payload.length}`);
    }
    this.#mustBeOpen();
    if (this.#running.size >= CAPACITY.searches) {
      throw new PeernetError(
        'LIMIT',
        `at most ${CAPACITY.searches} searches at a time: wait for some to end`,
      );
    }
    const number = ++this.#lastNumber;
    this.#running.set(number, { name: typeof name === 'string' ? name : decoder.decode(name), onRow, onEnd });
    const search = { number, subnet, payload: payload.slice(), limit, timeoutMs };
    this.#handle({ type: 'search', search, ...this.#surroundings() });
    return () => {
      if (this.#running.delete(number))
        this.#handle({ type: 'cancel', search: number, wallMs: this.#clock.wall() });
    };
  }

  /**
   * A member that a row named could not be reached: what it said until then is not shown again.
   * @param seq of that row; without one, all that it has said by now.
   * @param forMs it may be said again after this; without one, after five minutes.
   */
  stale(id: PeerId, seq?: number | undefined, forMs?: number | undefined): void {
    this.#handle({ type: 'stale', id, seq, forMs, wallMs: this.#clock.wall() });
  }

  /** A connection with it stands, though `stale` said that it could not be reached: its rows are shown again. A neighbour needs no word. */
  reached(id: PeerId): void {
    this.#handle({ type: 'reached', id, wallMs: this.#clock.wall() });
  }

  /** Our own record may have changed: looked at now instead of at the next occasion. */
  recordChanged(): void {
    this.#handle({ type: 'tick', ...this.#surroundings() });
  }

  /** Counters and sizes; plain numbers. */
  snapshot(): Record<string, number> {
    return { ...this.#machine.sizes(), ...this.#machine.counters };
  }

  /** Withdraws our adverts, ends our searches, lets the overlay go. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#handle({ type: 'close', ...this.#surroundings() });
    this.#closed = true;
    this.#alarm.stop();
    this.#unsubscribe();
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const { onEnd } of running) guarded(onEnd);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new PeernetError('CLOSED', 'this search is closed');
  }

  #surroundings(): Surroundings & { readonly wallMs: number } {
    return {
      wallMs: this.#clock.wall(),
      size: Math.max(1, this.#o.overlay.size()),
      record: this.#o.record?.(),
    };
  }

  #handle(input: SearchInput): void {
    if (this.#closed) return;
    this.#inputs.push(input);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        this.#machine.handle(next, this.#clock.now(), this.#effects);
      }
    } finally {
      this.#handling = false;
    }
    this.#alarm.set(this.#machine.deadline());
  }

  readonly #effects: SearchEffects = {
    send: (link, message, urgency) => this.#o.overlay.send(link, message, urgency),
    congested: (link) => this.#o.overlay.buffered(link) > PACE.congestedBytes,
    close: (link, reason) => this.#o.overlay.close?.(link, reason),
    misbehaved: (link, peer, what) => this.#misbehaved(link, peer, what),
    row: (search, row) => this.#row(search, row),
    end: (search) => this.#end(search),
    query: (query) => this.#query(query),
  };

  #misbehaved(link: LinkKey, peer: PeerId, what: Misbehaviour): void {
    this.#log('search.misbehaved', { link, peer, what });
    this.emit('misbehaved', peer, what);
  }

  #row(number: number, row: FoundRow): void {
    const running = this.#running.get(number);
    if (running === undefined) return;
    const met = this.#o.verified?.(row.id);
    guarded(() =>
      running.onRow({
        hash: running.name,
        id: row.id,
        address: met ?? row.addresses[0] ?? row.id,
        addresses: [...row.addresses],
        hops: row.hops,
        age: row.ageSeconds,
        verified: met !== undefined,
        doubtful: row.kind === 'orphan',
        ...(row.seq > 0 ? { seq: row.seq } : {}),
        ...(row.meta.length > 0 ? { meta: row.meta } : {}),
        record: row.record,
      }),
    );
  }

  #end(number: number): void {
    const running = this.#running.get(number);
    this.#running.delete(number);
    if (running !== undefined) guarded(running.onEnd);
  }

  #query({ key, subnet, payload, hops }: IncomingQuery): void {
    if (this.listenerCount('search') === 0) return;
    const name = this.#names.get(toHex(subnet));
    const asked = {
      hash: subnet.slice(),
      ...(name === undefined ? {} : { name }),
      ...(payload.length > 0 ? { payload: payload.slice() } : {}),
    };
    this.emit('search', asked, hops, (meta = noBytes) => {
      checkMeta(meta);
      this.#handle({ type: 'reply', key, meta: meta.slice(), ...this.#surroundings() });
    });
  }
}

/** TypeError unless it is bytes, and few enough. */
function checkMeta(meta: unknown): void {
  if (meta instanceof Uint8Array && meta.length <= WIRE.metaBytesMax) return;
  const got = meta instanceof Uint8Array ? `${meta.length} bytes` : typeof meta;
  throw new TypeError(`meta is a Uint8Array of at most ${WIRE.metaBytesMax} bytes, got ${got}`);
}

function listOf(names: string | readonly string[]): readonly string[] {
  return typeof names === 'string' ? [names] : names;
}

/** What the application throws is its own uncaught exception, and none of ours. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
