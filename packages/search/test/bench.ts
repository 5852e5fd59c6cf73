// One machine on a bench: what it sends is recorded, time is a number, neighbours are names.
import {
  type Crypto,
  type LinkKey,
  type PeerId,
  type PeerRecord,
  type Scope,
  seededRandom,
  signRecord,
  type Urgency,
} from '@peernet/core';
import { createWorld, simCrypto, type World } from '@peernet/sim';
import type { SearchLimits } from '../src/defaults.js';
import type {
  FoundRow,
  IncomingQuery,
  SearchEffects,
  SearchEvent,
  Surroundings,
} from '../src/machine/effects.js';
import { SearchMachine } from '../src/machine/search-machine.js';
import {
  type Advert,
  type AdvertMessage,
  decodeMessage,
  encodeAdvertMessage,
  encodeRows,
  encodeSearch,
  type Message,
  queryOf,
  type Row,
  type RowsMessage,
  type SearchMessage,
  signAdvert,
  subnetHash,
} from '../src/wire.js';

export const wallMs = 1_767_225_600_000;
export const noBytes = new Uint8Array(0);

export interface Sent {
  readonly to: LinkKey;
  readonly message: Message;
  readonly urgency: Urgency;
}

export class Bench implements SearchEffects {
  readonly world: World = createWorld({ seed: 1 });
  readonly crypto: Crypto;
  readonly machine: SearchMachine;
  nowMs = 1_000;
  size = 100;
  record: PeerRecord | undefined;
  /** Links that take nothing, and links that are congested. */
  readonly refusing = new Set<LinkKey>();
  readonly full = new Set<LinkKey>();
  sent: Sent[] = [];
  closed: [LinkKey, string][] = [];
  blamed: string[] = [];
  rows: FoundRow[] = [];
  ended: number[] = [];
  queries: IncomingQuery[] = [];

  constructor(limits?: Partial<SearchLimits>, crypto: Partial<Crypto> = {}) {
    const own = this.who('self');
    this.crypto = {
      id: own.id,
      sign: (domain, bytes) => own.sign(domain, bytes),
      verify: (domain, id, bytes, signature) => own.verify(domain, id, bytes, signature),
      seal: (to, domain, bytes) => own.seal(to, domain, bytes),
      open: (domain, sealed) => own.open(domain, sealed),
      hash: (domain, bytes) => own.hash(domain, bytes),
      ...crypto,
    };
    this.machine = new SearchMachine({ crypto: this.crypto, random: seededRandom(7), limits });
  }

  who(name: string): Crypto {
    return simCrypto(this.world, name);
  }

  // ---- inputs ----

  give(event: SearchEvent): void {
    this.machine.handle({ ...event, wallMs: wallMs + this.nowMs }, this.nowMs, this);
  }

  get outside(): Surroundings {
    return { size: this.size, record: this.record };
  }

  /** A link to a neighbour of that name. */
  up(link: LinkKey, name = `n${link}`, scope: Scope = 'global'): void {
    this.give({ type: 'up', link, peer: this.who(name).id, scope });
  }

  ups(count: number): void {
    for (let link = 1; link <= count; link++) this.up(link);
  }

  message(link: LinkKey, bytes: Uint8Array): void {
    this.give({ type: 'message', link, bytes });
  }

  /** Lets time pass, with all ticks that the machine wants. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let ticks = 0; this.machine.deadline() <= endMs; ticks++) {
      if (ticks > 100_000) throw new Error(`it ticks for ever at ${this.nowMs} ms`);
      this.nowMs = Math.max(this.nowMs, this.machine.deadline());
      this.give({ type: 'tick', ...this.outside });
    }
    this.nowMs = endMs;
  }

  join(name: string, meta: Uint8Array = noBytes): void {
    this.give({ type: 'join', subnet: this.hash(name), meta, ...this.outside });
  }

  part(name: string): void {
    this.give({ type: 'part', subnet: this.hash(name), ...this.outside });
  }

  search(number: number, name: string, more: { limit?: number; payload?: Uint8Array } = {}): void {
    const search = { number, subnet: this.hash(name), payload: noBytes, ...more };
    this.give({ type: 'search', search, ...this.outside });
  }

  // ---- what others would send ----

  hash(name: string): Uint8Array {
    return subnetHash(this.crypto, new TextEncoder().encode(name), noBytes);
  }

  recordOf(crypto: Crypto, addresses: readonly string[]): PeerRecord {
    const flags = { dialable: addresses.length > 0, webrtc: false, stun: false };
    return signRecord(crypto, { seq: wallMs, ttlSeconds: 86_400, addresses, relays: [], ...flags });
  }

  advert(
    member: string,
    subnet: string,
    more: Partial<Advert> & { addresses?: readonly string[] } = {},
  ): Advert {
    const crypto = this.who(member);
    const { addresses = ['ws://1.2.3.4:4000'], ...fields } = more;
    return signAdvert(crypto, {
      subnet: this.hash(subnet),
      record: this.recordOf(crypto, addresses),
      seq: wallMs,
      ttlSeconds: 600,
      meta: noBytes,
      ...fields,
    });
  }

  /** An advert arrives. */
  tell(link: LinkKey, advert: Advert, more: Partial<AdvertMessage> = {}): void {
    const m = { budget: 16, hops: 1, ageSeconds: 0, advert: advert.bytes, ...more };
    this.message(link, encodeAdvertMessage(m));
  }

  /** A search arrives; returns its key. */
  ask(link: LinkKey, name: string, more: Partial<SearchMessage> = {}): Uint8Array {
    const searchId = new Uint8Array(16).fill(this.#searches++);
    const m = {
      budget: 16,
      hops: 1,
      want: 32,
      known: [],
      searchId,
      subnet: this.hash(name),
      payload: noBytes,
      ...more,
    };
    this.message(link, encodeSearch(m));
    return queryOf(this.crypto, m);
  }

  #searches = 1;

  /** Rows arrive. */
  answer(link: LinkKey, query: Uint8Array, rows: readonly (Partial<Row> & { bytes: Uint8Array })[]): void {
    const full = rows.map((row) => ({ kind: 'advert' as const, hops: 2, ageSeconds: 0, ...row }));
    this.message(link, encodeRows(query, full));
  }

  queryOf(m: Pick<SearchMessage, 'searchId' | 'subnet' | 'payload'>): Uint8Array {
    return queryOf(this.crypto, m);
  }

  // ---- what it did ----

  /** Messages of a type since the last `take`, to one link or all. */
  take(type: 'advert', to?: LinkKey): AdvertMessage[];
  take(type: 'search', to?: LinkKey): SearchMessage[];
  take(type: 'rows', to?: LinkKey): RowsMessage[];
  take(type: 'orphans', to?: LinkKey): Message[];
  take(type: Message['type'], to?: LinkKey): Message[] {
    const isIt = (one: Sent): boolean => one.message.type === type && (to === undefined || one.to === to);
    const taken = this.sent.filter(isIt);
    this.sent = this.sent.filter((one) => !isIt(one));
    return taken.map((one) => one.message);
  }

  get counters(): SearchMachine['counters'] {
    return this.machine.counters;
  }

  // ---- SearchEffects ----

  send(to: LinkKey, bytes: Uint8Array, urgency: Urgency): boolean {
    if (this.refusing.has(to)) return false;
    const message = decodeMessage(bytes);
    if (message === undefined) throw new Error('it sends what nobody reads');
    this.sent.push({ to, message, urgency });
    return true;
  }

  congested(link: LinkKey): boolean {
    return this.full.has(link);
  }

  close(link: LinkKey, reason: string): void {
    this.closed.push([link, reason]);
  }

  misbehaved(_link: LinkKey, _peer: PeerId, what: string): void {
    this.blamed.push(what);
  }

  row(_search: number, row: FoundRow): void {
    this.rows.push(row);
  }

  end(search: number): void {
    this.ended.push(search);
  }

  query(query: IncomingQuery): void {
    this.queries.push(query);
  }
}
