// The rules of `pn.subnet()`: whom to connect to, when to search for more, which of two streams to one member stays,
// and who is told that there is no room. It knows ids and keys of streams; proofs, connections and searches are the
// shell's (subnet-room.ts).
//
// Each member makes a part of its connections and leaves the rest of the room to others, so that who comes later finds
// a place; where all members together fit, it connects to every one, and lets some go again when there are more. Of two streams that are opened towards each other
// at once, the one of the smaller id stays; a stream that comes long after another one means that the other end has
// lost that one, or begun anew, so the newer stays (protocol.md §1.6 is the same rule for connections).
import { type Machine, type PeerId, pickOne, type Random, shuffle } from '@peernet/core';
import { SUBNET } from '../defaults.js';
import { type Failure, type Member, Members, type StreamKey } from './members.js';
import { SearchPace } from './search-pace.js';

export type SubnetInput =
  /** The neighbours in the overlay. */
  | { readonly type: 'links'; readonly ids: ReadonlySet<PeerId> }
  /** The running search found a member. `moved`: with other addresses than before. */
  | { readonly type: 'row'; readonly id: PeerId; readonly doubtful: boolean; readonly moved?: boolean }
  | { readonly type: 'searched' }
  /** There is a connection, over which the stream is opened next, unless this is answered by `abandon`. */
  | { readonly type: 'opening'; readonly key: StreamKey; readonly id: PeerId }
  | { readonly type: 'failed'; readonly key: StreamKey; readonly id: PeerId; readonly why: Failure }
  /** It has proven that it knows the name: the stream that we opened is there. */
  | { readonly type: 'opened'; readonly key: StreamKey; readonly id: PeerId; readonly session: string }
  /** A stream of its, with its proof. Answered by `connect` or `refuse` before `handle` returns. */
  | { readonly type: 'arrived'; readonly key: StreamKey; readonly id: PeerId; readonly session: string }
  /** A stream ended by itself. */
  | { readonly type: 'ended'; readonly key: StreamKey; readonly id: PeerId }
  | { readonly type: 'connections'; readonly count: number }
  | { readonly type: 'tick' };

export interface SubnetEffects {
  /** Begin a search: rows come as `row`, its end as `searched`, maybe before this returns. */
  search(): void;
  /** Get a connection and open a stream; returns the key of the attempt. */
  reach(id: PeerId): StreamKey;
  /** Forget an attempt; its stream, if there is one, is a duplicate. */
  abandon(key: StreamKey): void;
  /** The stream belongs to the application now; one that they opened gets our proof first. */
  connect(key: StreamKey): void;
  refuse(key: StreamKey, reason: 'FULL' | 'DUPLICATE'): void;
  /** End a stream that another one replaces. */
  drop(key: StreamKey): void;
  /** It was found, and could not be reached. */
  stale(id: PeerId): void;
  /** What is kept of it may go. */
  forget(id: PeerId): void;
  /** Once: the first stream is there, the first search is over, or there has been nobody to ask for a while. */
  ready(): void;
}

export interface SubnetCounters {
  searches: number;
  attempts: number;
  refused: number;
  duplicates: number;
}

export class SubnetMachine implements Machine<SubnetInput, SubnetEffects> {
  readonly #self: PeerId;
  readonly #random: Random;
  readonly #members: Members;
  readonly #pace: SearchPace;
  readonly #startedMs: number;
  #connections: number;
  #ready = false;
  #news = false;
  #nowMs: number;
  readonly counters: SubnetCounters = { searches: 0, attempts: 0, refused: 0, duplicates: 0 };

  constructor(options: { self: PeerId; random: Random; connections: number; nowMs: number }) {
    this.#self = options.self;
    this.#random = options.random;
    this.#connections = options.connections;
    this.#members = new Members(options.random);
    this.#pace = new SearchPace(options.random, options.nowMs);
    this.#startedMs = options.nowMs;
    this.#nowMs = options.nowMs;
  }

  handle(input: SubnetInput, nowMs: number, fx: SubnetEffects): void {
    this.#nowMs = nowMs;
    if (input.type === 'links') this.#pace.changed(input.ids, nowMs);
    else if (input.type === 'row') this.#row(input, fx);
    else if (input.type === 'searched') this.#searched(fx);
    else if (input.type === 'connections') this.#connections = input.count;
    else if (input.type === 'tick') this.#members.sweep(nowMs, (id) => fx.forget(id));
    else this.#ofStream(input, fx);
    this.#fill(fx);
    if (!this.#pace.online && nowMs >= this.#startedMs + SUBNET.lonelyMs) this.#tellReady(fx);
    if (this.#pace.nextMs <= nowMs) this.#search(fx);
  }

  deadline(): number {
    const lonelyMs =
      this.#ready || this.#pace.online ? Number.POSITIVE_INFINITY : this.#startedMs + SUBNET.lonelyMs;
    const tryMs = this.#mayReach() ? this.#members.nextMs() : Number.POSITIVE_INFINITY;
    return Math.min(lonelyMs, tryMs, this.#pace.nextMs);
  }

  /** Ids of connected members. */
  connected(): PeerId[] {
    return [...this.#members.all()].filter(({ state }) => state === 'connected').map(({ id }) => id);
  }

  /** Members that are known, connected or not. */
  get known(): number {
    return this.#members.size;
  }

  // ---- searching ----

  #search(fx: SubnetEffects): void {
    this.counters.searches++;
    this.#news = false;
    this.#pace.begun();
    fx.search();
  }

  #searched(fx: SubnetEffects): void {
    if (!this.#pace.running) return;
    const spare = this.#members.ready(this.#nowMs).length;
    const connected = this.#members.count(isConnected);
    const content = connected >= this.#connections || (!this.#mayReach() && spare >= SUBNET.spares);
    this.#pace.ended(this.#nowMs, this.#news && spare < SUBNET.spares, content);
    this.#tellReady(fx);
  }

  #row({ id, doubtful, moved = false }: Extract<SubnetInput, { type: 'row' }>, fx: SubnetEffects): void {
    if (id === this.#self) return;
    const isNew = this.#members.get(id) === undefined;
    const member = this.#members.meet(id, this.#nowMs, (old) => fx.forget(old));
    if (member === undefined) return;
    if (isNew) this.#news = true;
    if (moved) member.notBeforeMs = Math.min(member.notBeforeMs, this.#nowMs);
    // Stale ones are not shown again until they speak anew: then it has reason to work now.
    if (!member.fresh && !isNew && member.state === 'idle' && !doubtful) {
      member.notBeforeMs = Math.min(member.notBeforeMs, this.#nowMs + SUBNET.retryMs);
    }
    member.fresh = true;
    member.doubtful = doubtful;
  }

  #tellReady(fx: SubnetEffects): void {
    if (this.#ready) return;
    this.#ready = true;
    fx.ready();
  }

  // ---- reaching out ----

  #mayReach(): boolean {
    let [connected, mine, busy, alive] = [0, 0, 0, 0];
    for (const { state, mine: isMine, failures } of this.#members.all()) {
      if (state === 'connected') connected++;
      if (state === 'connected' && isMine) mine++;
      if (state === 'reaching' || state === 'opening') busy++;
      if (state !== 'idle' || failures === 0) alive++;
    }
    if (busy >= SUBNET.attemptsMax || connected + busy >= this.#connections) return false;
    const fitsAll = alive <= this.#connections;
    return fitsAll || mine + busy < this.#share;
  }

  /** Connections that a member makes itself where not all fit. */
  get #share(): number {
    return Math.max(1, Math.round(this.#connections * SUBNET.outboundShare));
  }

  #fill(fx: SubnetEffects): void {
    if (!this.#mayReach()) return;
    const ready = shuffle(this.#random, this.#members.ready(this.#nowMs));
    ready.sort((a, b) => Number(a.doubtful) - Number(b.doubtful));
    for (const member of ready) {
      if (!this.#mayReach()) return;
      this.counters.attempts++;
      this.#become(member, 'reaching', fx.reach(member.id));
    }
  }

  #become(member: Member, state: Member['state'], key: StreamKey): void {
    member.state = state;
    member.key = key;
    member.sinceMs = this.#nowMs;
  }

  // ---- streams ----

  #ofStream(input: Extract<SubnetInput, { readonly key: StreamKey }>, fx: SubnetEffects): void {
    if (input.type === 'arrived') {
      this.#arrived(input, fx);
      return;
    }
    const member = this.#members.get(input.id);
    if (member === undefined || member.state === 'idle' || member.key !== input.key) return;
    if (input.type === 'opening') this.#opening(member, input.key, fx);
    else if (input.type === 'opened') this.#connected(member, input, true, fx);
    else if (input.type === 'failed') this.#failed(member, input.why, fx);
    else this.#ended(member);
  }

  /** Others may have taken the room while it was reached. */
  #opening(member: Member, key: StreamKey, fx: SubnetEffects): void {
    if (!this.#isFull(member)) this.#become(member, 'opening', key);
    else {
      fx.abandon(key);
      member.state = 'idle';
    }
  }

  #connected(
    member: Member,
    { key, session }: { readonly key: StreamKey; readonly session: string },
    mine: boolean,
    fx: SubnetEffects,
  ): void {
    this.#become(member, 'connected', key);
    member.mine = mine;
    member.session = session;
    member.fresh = true;
    member.seenMs = this.#nowMs;
    fx.connect(key);
    this.#tellReady(fx);
  }

  #failed(member: Member, why: Failure, fx: SubnetEffects): void {
    if (why === 'dial' && member.fresh) {
      member.fresh = false;
      fx.stale(member.id);
    }
    this.#members.failed(member, why, this.#nowMs);
    this.#miss();
  }

  /** Nobody is left to try. */
  #miss(): void {
    if (this.#mayReach() && this.#members.ready(this.#nowMs).length === 0) this.#pace.hurry(this.#nowMs);
  }

  /** A stream that lived long is no failure: its member may just have moved. */
  #ended(member: Member): void {
    if (this.#nowMs - member.sinceMs >= SUBNET.longMs) member.failures = 0;
    member.seenMs = this.#nowMs;
    this.#members.failed(member, 'lost', this.#nowMs);
    this.#miss();
  }

  #arrived(
    input: { readonly key: StreamKey; readonly id: PeerId; readonly session: string },
    fx: SubnetEffects,
  ): void {
    const { key, id, session } = input;
    const member =
      id === this.#self ? undefined : this.#members.meet(id, this.#nowMs, (old) => fx.forget(old));
    if (member === undefined) {
      this.#refuse(key, 'FULL', fx);
    } else if (this.#ourOwnStays(member, session)) {
      this.counters.duplicates++;
      fx.refuse(key, 'DUPLICATE');
    } else if (member.state !== 'connected' && this.#isFull(member) && !this.#makeRoom(fx)) {
      this.#refuse(key, 'FULL', fx);
    } else {
      if (member.state === 'connected') fx.drop(member.key);
      else if (member.state !== 'idle') fx.abandon(member.key);
      this.#connected(member, { key, session }, false, fx);
    }
  }

  #refuse(key: StreamKey, reason: 'FULL', fx: SubnetEffects): void {
    this.counters.refused++;
    fx.refuse(key, reason);
  }

  #ourOwnStays(member: Member, session: string): boolean {
    const weGoFirst = this.#self < member.id;
    if (member.state === 'opening') return weGoFirst;
    if (member.state !== 'connected' || !member.mine || member.session !== session) return false;
    return weGoFirst && this.#nowMs - member.sinceMs < SUBNET.raceMs;
  }

  /**
   * Those who came first have connected to each other as if there were nobody else. They would remain an island: for
   * who comes later, one that we made beyond our share goes.
   */
  #makeRoom(fx: SubnetEffects): boolean {
    const mine = [...this.#members.all()].filter((member) => isConnected(member) && member.mine);
    const extra = mine.length > this.#share ? pickOne(this.#random, mine) : undefined;
    if (extra === undefined) return false;
    fx.drop(extra.key);
    this.#members.failed(extra, 'full', this.#nowMs);
    return true;
  }

  #isFull(asking: Member): boolean {
    const taken = this.#members.count(
      (member) => member !== asking && (member.state === 'connected' || member.state === 'opening'),
    );
    return taken >= this.#connections;
  }
}

function isConnected({ state }: Member): boolean {
  return state === 'connected';
}
