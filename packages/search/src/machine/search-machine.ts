// The search: rendezvous of two random bubbles over whatever overlay the links belong to (protocol.md §6). Each member
// places adverts on random nodes, each search visits random nodes, and enough of both meet. This file routes: inputs
// to the parts that keep state, what the parts want to the effects. It knows nothing of how neighbours are found.
import { type Crypto, type LinkKey, type Machine, type Random, randomBytes, toHex } from '@peernet/core';
import { CAPACITY, TIMES, WIRE } from '../defaults.js';
import { type Advert, decodeMessage, encodeAdvertMessage, encodeSearch, queryOf } from '../wire.js';
import { AdvertRelay } from './advert-relay.js';
import { Caster } from './cast.js';
import { Counters } from './counters.js';
import type { Misbehaviour, SearchEffects, SearchInput, SearchRequest, Surroundings } from './effects.js';
import { Neighbour, self } from './neighbours.js';
import { OwnAdverts } from './own-adverts.js';
import { type Attempt, OwnSearches } from './own-searches.js';
import { SearchRelay } from './search-relay.js';
import { StaleMembers } from './stale-members.js';
import { Verifier } from './verifier.js';

export interface SearchMachineOptions {
  readonly crypto: Crypto;
  readonly random: Random;
}

export class SearchMachine implements Machine<SearchInput, SearchEffects> {
  readonly counters = new Counters();
  readonly #crypto: Crypto;
  readonly #neighbours = new Map<LinkKey, Neighbour>();
  readonly #caster: Caster;
  readonly #verifier = new Verifier();
  readonly #own: OwnAdverts;
  readonly #searches: OwnSearches;
  readonly #stale = new StaleMembers();
  readonly #adverts: AdvertRelay;
  readonly #relay: SearchRelay;
  #sweepMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor({ crypto, random }: SearchMachineOptions) {
    this.#crypto = crypto;
    this.#caster = new Caster(this.#neighbours, random);
    this.#own = new OwnAdverts(crypto, random, this.#caster);
    this.#searches = new OwnSearches(random);
    const shared = {
      crypto,
      random,
      caster: this.#caster,
      verifier: this.#verifier,
      counters: this.counters,
    };
    const misbehaved = this.#misbehaved.bind(this);
    this.#adverts = new AdvertRelay({
      ...shared,
      own: this.#own,
      secret: randomBytes(random, 32),
      misbehaved,
    });
    this.#relay = new SearchRelay({
      ...shared,
      own: this.#own,
      adverts: this.#adverts,
      searches: this.#searches,
      stale: this.#stale,
      misbehaved,
    });
  }

  handle(input: SearchInput, nowMs: number, effects: SearchEffects): void {
    if (this.#closed) return;
    if ('record' in input) this.#own.look(input, nowMs);
    this.#route(input, nowMs, effects);
    if ('record' in input) this.#act(input, nowMs, effects);
    if (this.#sweepMs === Number.POSITIVE_INFINITY && this.#holding) this.#sweepMs = nowMs + TIMES.sweepMs;
  }

  deadline(): number {
    if (this.#closed) return Number.POSITIVE_INFINITY;
    return Math.min(
      this.#own.deadlineMs,
      this.#searches.deadlineMs,
      this.#verifier.deadlineMs,
      this.#sweepMs,
    );
  }

  /** Hex hashes of the subnets that we are a member of. */
  get subnets(): readonly string[] {
    return this.#own.subnets;
  }

  /** Sizes of what is held; with the counters the picture for snapshots and tests. */
  sizes(): Record<string, number> {
    return {
      neighbours: this.#neighbours.size,
      memberships: this.#own.subnets.length,
      adverts: this.#adverts.store.size,
      advertBytes: this.#adverts.store.bytes,
      trails: this.#adverts.trails.size,
      casts: this.#adverts.seen,
      queries: this.#relay.queries.size,
      searches: this.#searches.size,
      waiting: this.#verifier.waiting,
      clipped: this.#caster.clipped,
    };
  }

  #route(input: SearchInput, nowMs: number, effects: SearchEffects): void {
    switch (input.type) {
      case 'up':
        this.#neighbours.set(input.link, new Neighbour(input.link, input.peer, input.scope));
        this.#own.neighboursChanged(nowMs);
        this.#searches.neighbourCame(nowMs);
        return;
      case 'down':
        this.#neighbours.delete(input.link);
        this.#verifier.drop(input.link);
        return;
      case 'message':
        this.#message(input.link, input.bytes, input.wallMs, nowMs, effects);
        return;
      case 'join':
        this.#own.join(input.subnet, input.meta, nowMs);
        return;
      case 'part':
        this.#part(toHex(input.subnet), input, nowMs, effects);
        return;
      case 'search':
        this.#search(input.search, nowMs, effects);
        return;
      case 'cancel':
        this.#searches.cancel(input.search);
        return;
      case 'reply':
        this.#relay.reply(input.query, input.meta, input.wallMs, nowMs, effects);
        return;
      case 'stale':
        this.#stale.add(input.id, input.wallMs, nowMs);
        this.#adverts.store.forget(input.id);
        return;
      case 'close':
        this.#close(input, nowMs, effects);
        return;
      case 'tick':
        return;
    }
  }

  /** Whatever is due, in the order of its urgency. */
  #act(outside: Surroundings, nowMs: number, effects: SearchEffects): void {
    this.#verifier.tick(nowMs, effects);
    this.#searches.tick(
      outside.size,
      nowMs,
      effects,
      () => this.#caster.ownRoom('search', nowMs, effects),
      (attempt) => this.#attempt(attempt, nowMs, effects),
    );
    this.#own.tick(outside, nowMs, effects, (advert) => this.#adverts.sent(advert, nowMs));
    if (nowMs >= this.#sweepMs) this.#sweep(nowMs);
  }

  #message(link: LinkKey, bytes: Uint8Array, wallMs: number, nowMs: number, effects: SearchEffects): void {
    const neighbour = this.#neighbours.get(link);
    if (neighbour === undefined) return; // it came while the link was being closed
    const message = decodeMessage(bytes);
    if (message === undefined) this.#misbehaved(neighbour, 'malformed', effects);
    else if (message.type === 'advert') this.#adverts.arrived(neighbour, message, wallMs, nowMs, effects);
    else if (message.type === 'search') this.#relay.asked(neighbour, message, wallMs, nowMs, effects);
    else this.#relay.answered(neighbour, message, wallMs, nowMs, effects);
  }

  #search(request: SearchRequest, nowMs: number, effects: SearchEffects): void {
    if (this.#searches.size >= CAPACITY.searches) {
      effects.end(request.number);
      return;
    }
    const search = this.#searches.start(request, nowMs);
    if (request.payload.length === 0) this.#relay.answerSelf(search, nowMs, effects);
  }

  #attempt({ search, searchId, units, want }: Attempt, nowMs: number, effects: SearchEffects): void {
    const { subnet, payload, number } = search.request;
    const query = this.#relay.queries.add({
      query: queryOf(this.#crypto, { searchId, subnet, payload }),
      subnetHash: subnet,
      payload: payload.length > 0,
      own: number,
      hops: 0,
      best: WIRE.budgetBitsMax,
      upstreams: [],
      atMs: nowMs,
    });
    const message = (budget: number): Uint8Array =>
      encodeSearch({ budget, hops: 1, want, searchId, subnet, payload });
    const links = this.#caster.cast(
      { kind: 'search', units, source: self, message },
      nowMs,
      effects,
      () => true,
    );
    for (const link of links) query.asked.set(link, 0);
  }

  #part(subnet: string, outside: Surroundings, nowMs: number, effects: SearchEffects): void {
    const withdrawal = this.#own.part(subnet, outside);
    if (withdrawal !== undefined) this.#withdraw(withdrawal, nowMs, effects);
  }

  /** Our own withdrawal goes to all neighbours: whoever has not heard of us drops it. */
  #withdraw(withdrawal: Advert, nowMs: number, effects: SearchEffects): void {
    this.#adverts.sent(withdrawal, nowMs);
    const message = encodeAdvertMessage({ budget: 1, hops: 1, ageSeconds: 0, advert: withdrawal.bytes });
    for (const neighbour of this.#neighbours.values()) {
      if (neighbour.room('advert', self, nowMs) < 1 || !effects.send(neighbour.key, message, 'advert'))
        continue;
      neighbour.sent('advert', self, 1, nowMs);
    }
  }

  #close(outside: Surroundings, nowMs: number, effects: SearchEffects): void {
    for (const subnet of this.#own.subnets) this.#part(subnet, outside, nowMs, effects);
    this.#closed = true;
    this.#neighbours.clear();
  }

  #misbehaved(neighbour: Neighbour, what: Misbehaviour, effects: SearchEffects): void {
    if (!this.#neighbours.delete(neighbour.key)) return; // it was closed a message ago
    this.counters.misbehaved++;
    this.#verifier.drop(neighbour.key);
    effects.misbehaved(neighbour.key, neighbour.peer, what);
    effects.close(neighbour.key, 'PROTOCOL');
  }

  get #holding(): boolean {
    return this.#adverts.holding || this.#relay.queries.size > 0;
  }

  #sweep(nowMs: number): void {
    this.#adverts.sweep(nowMs);
    this.#relay.queries.sweep(nowMs);
    this.#verifier.sweep(nowMs);
    this.#sweepMs = this.#holding ? nowMs + TIMES.sweepMs : Number.POSITIVE_INFINITY;
  }
}
