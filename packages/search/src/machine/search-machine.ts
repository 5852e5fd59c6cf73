// The search: rendezvous of two random bubbles over whatever overlay the links belong to (protocol.md §6). Each member
// places adverts on random nodes, each search visits random nodes, and enough of both meet. This file routes: inputs
// to the parts that keep state, what the parts want to the effects. It knows nothing of how neighbours are found.
import { type Crypto, type LinkKey, type Machine, type PeerId, type Random, toHex } from '@peernet/core';
import { CAPACITY, LIMITS, type SearchLimits, TIMES, WIRE } from '../defaults.js';
import { briefOf, decodeMessage, encodeAdvertMessage, placeOf, queryOf } from '../wire.js';
import { AdvertRelay } from './advert-relay.js';
import { Caster } from './cast.js';
import { Counters } from './counters.js';
import type { Misbehaviour, SearchEffects, SearchInput, SearchRequest, Turn } from './effects.js';
import { type LinkRates, linkRates, Neighbour, self } from './neighbours.js';
import { OwnAdverts } from './own-adverts.js';
import { type Attempt, OwnSearches } from './own-searches.js';
import { castSearch } from './search-cast.js';
import { SearchRelay } from './search-relay.js';
import { StaleMembers } from './stale-members.js';
import { Verifier } from './verifier.js';

export interface SearchMachineOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly limits?: Partial<SearchLimits> | undefined;
}

export class SearchMachine implements Machine<SearchInput, SearchEffects> {
  readonly counters = new Counters();
  readonly #crypto: Crypto;
  readonly #neighbours = new Map<LinkKey, Neighbour>();
  readonly #rates: LinkRates;
  readonly #caster: Caster;
  readonly #verifier: Verifier;
  readonly #own: OwnAdverts;
  readonly #searches: OwnSearches;
  readonly #stale = new StaleMembers();
  readonly #adverts: AdvertRelay;
  readonly #relay: SearchRelay;
  #sweepMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor({ crypto, random, limits: some }: SearchMachineOptions) {
    const limits = some === undefined ? LIMITS : { ...LIMITS, ...some };
    this.#crypto = crypto;
    this.#rates = linkRates(limits.rates);
    this.#caster = new Caster(this.#neighbours, this.#rates, random);
    this.#verifier = new Verifier(limits.rates.nodeSignatures);
    this.#own = new OwnAdverts(crypto, random, this.#caster, limits.rates.ownAdvert);
    this.#searches = new OwnSearches(random);
    const shared = {
      crypto,
      random,
      limits,
      caster: this.#caster,
      verifier: this.#verifier,
      counters: this.counters,
      own: this.#own,
      misbehaved: (n: Neighbour, what: Misbehaviour, turn: Turn) => this.#misbehaved(n, what, turn),
    };
    this.#adverts = new AdvertRelay(shared);
    this.#relay = new SearchRelay({
      ...shared,
      adverts: this.#adverts,
      searches: this.#searches,
      stale: this.#stale,
    });
  }

  handle(input: SearchInput, nowMs: number, effects: SearchEffects): void {
    if (this.#closed) return;
    const turn = { nowMs, wallMs: calendar(input.wallMs), effects };
    if ('record' in input) this.#own.look(input, turn);
    this.#route(input, turn);
    if ('record' in input) this.#act(input.size, turn);
    if (this.#sweepMs === Number.POSITIVE_INFINITY && this.#holding) this.#sweepMs = nowMs + TIMES.sweepMs;
  }

  deadline(): number {
    if (this.#closed) return Number.POSITIVE_INFINITY;
    return Math.min(
      this.#own.deadlineMs,
      this.#searches.deadlineMs,
      this.#verifier.deadlineMs,
      this.#adverts.orphans.deadlineMs,
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
      orphans: this.#adverts.store.orphans,
      withdrawals: this.#adverts.withdrawals.size,
      trails: this.#adverts.trails.size,
      casts: this.#adverts.seen,
      queries: this.#relay.queries.size,
      searches: this.#searches.size,
      waiting: this.#verifier.waiting,
      clipped: this.#caster.clipped,
      repaired: this.#adverts.repair.units,
    };
  }

  #route(input: SearchInput, turn: Turn): void {
    switch (input.type) {
      case 'up':
        this.#up(new Neighbour(input.link, input.peer, input.scope, this.#rates), turn);
        return;
      case 'down':
        this.#neighbours.delete(input.link);
        this.#verifier.drop(input.link);
        this.#adverts.linkDown(input.link, turn);
        return;
      case 'message':
        this.#message(input.link, input.bytes, turn);
        return;
      case 'join':
        this.#own.join(input.subnet, input.meta, turn);
        return;
      case 'part':
        this.#part(toHex(input.subnet), turn);
        return;
      case 'search':
        this.#search(input.search, turn);
        return;
      case 'cancel':
        this.#searches.cancel(input.search);
        return;
      case 'reply':
        this.#relay.reply(input.key, input.meta, turn);
        return;
      case 'stale':
        this.#unreached(input.id, input.seq ?? turn.wallMs, input.forMs ?? TIMES.staleMs, turn);
        return;
      case 'reached':
        this.#stale.delete(input.id);
        return;
      case 'close':
        for (const subnet of this.#own.subnets) this.#part(subnet, turn);
        this.#closed = true;
        return;
      case 'tick':
        return;
    }
  }

  /** Whatever is due, in the order of its urgency. */
  #act(size: number, turn: Turn): void {
    if (this.#closed) return;
    this.#verifier.tick(turn);
    this.#searches.tick(
      size,
      turn,
      () => this.#caster.ownRoom('search', turn),
      (attempt) => this.#attempt(attempt, turn),
    );
    this.#adverts.orphans.tick(turn);
    this.#own.tick(size, turn, (advert, shares) => this.#adverts.sent(advert, shares, turn.nowMs));
    if (turn.nowMs >= this.#sweepMs) this.#sweep(turn.nowMs);
  }

  #up(neighbour: Neighbour, turn: Turn): void {
    this.#neighbours.set(neighbour.key, neighbour);
    this.#stale.delete(neighbour.peer);
    this.#adverts.repair.linkUp(neighbour, turn);
    this.#own.neighboursChanged(turn.nowMs, (subnet) =>
      this.#adverts.trails.of(placeOf(subnet, this.#crypto.id)),
    );
    this.#searches.neighbourCame(turn.nowMs);
  }

  #message(link: LinkKey, bytes: Uint8Array, turn: Turn): void {
    const neighbour = this.#neighbours.get(link);
    if (neighbour === undefined) return; // it came while the link was being closed
    const message = decodeMessage(bytes);
    if (message === undefined) this.#misbehaved(neighbour, 'malformed', turn);
    else if (message.type === 'advert') this.#adverts.arrived(neighbour, message, turn);
    else if (message.type === 'search') this.#relay.asked(neighbour, message, turn);
    else if (message.type === 'rows') this.#relay.answered(neighbour, message, turn);
    else this.#adverts.orphaned(neighbour, message, turn);
  }

  #search(request: SearchRequest, turn: Turn): void {
    if (this.#searches.size >= CAPACITY.searches) {
      turn.effects.end(request.number);
      return;
    }
    const search = this.#searches.start(request, turn.nowMs);
    if (request.payload.length === 0) this.#relay.answerSelf(search, turn);
  }

  #attempt({ search, searchId, units, want }: Attempt, turn: Turn): void {
    const { subnet, payload, number } = search.request;
    const known = [...search.found].slice(0, WIRE.wantMax).map(briefOf);
    const query = this.#relay.queries.add({
      key: toHex(queryOf(this.#crypto, { searchId, subnet, payload })),
      subnet: toHex(subnet),
      payload: payload.length > 0,
      own: number,
      hops: 0,
      known,
      best: WIRE.budgetBitsMax, // whatever comes back is a copy
      upstreams: [],
      wants: [],
      atMs: turn.nowMs,
    });
    const asked = { hops: 1, want, known, searchId, subnet, payload };
    castSearch(this.#caster, { query, search: asked, units, source: self }, turn, () => true);
  }

  /** Our own withdrawal goes to all neighbours: whoever has not heard of us drops it. */
  #part(subnet: string, { nowMs, wallMs, effects }: Turn): void {
    const withdrawal = this.#own.part(subnet, wallMs);
    if (withdrawal === undefined) return;
    this.#adverts.sent(withdrawal, [], nowMs);
    const message = encodeAdvertMessage({ budget: 1, hops: 1, ageSeconds: 0, advert: withdrawal.bytes });
    for (const neighbour of this.#neighbours.values()) {
      if (neighbour.room('advert', self, nowMs) < 1 || !effects.send(neighbour.key, message, 'advert'))
        continue;
      neighbour.sent('advert', self, 1, nowMs);
    }
  }

  #unreached(id: PeerId, seq: number, forMs: number, { nowMs }: Turn): void {
    this.#stale.add(id, seq, nowMs, forMs);
    this.#adverts.store.forget(id, seq);
  }

  #misbehaved(neighbour: Neighbour, what: Misbehaviour, { effects }: Turn): void {
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
    let busy = this.#holding;
    for (const neighbour of this.#neighbours.values()) if (neighbour.rest(nowMs)) busy = true;
    this.#sweepMs = busy ? nowMs + TIMES.sweepMs : Number.POSITIVE_INFINITY;
  }
}

/** The calendar as it can be signed: neighbours have a say in it (docs/wire.md §2), and may say anything. */
function calendar(wallMs: number): number {
  return Math.min(Math.max(0, Math.floor(wallMs)), Number.MAX_SAFE_INTEGER);
}
