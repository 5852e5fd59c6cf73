// Own addresses: where we can be dialed, as far as that is proven (protocol.md §3). What others say only makes
// candidates; a candidate enters our record when our own probe has met our own key there, or, behind routers that do
// not hairpin, when most address groups see us under its IP, we listen on its port, and somebody came in through it.
// So a liar costs us a probe now and then, and cannot make us announce a victim.
// Not provable, so only by `announce`: a public port that a router without hairpin maps to another port of ours.
import {
  type Address,
  isHearsayPort,
  LruMap,
  parseAddress,
  parseIp,
  type Random,
  RECORD_LIMITS,
  type Scope,
  scopeRank,
  TokenBucket,
} from '@peernet/core';
import type { ForeignLooks } from './foreign-looks.js';
import { ObservedIp } from './observed-ip.js';
import { OwnCandidate } from './own-candidate.js';

export const OWN_ADDRESSES = Object.freeze({
  /** Candidates from services and interfaces: 8 services on 8 IPs. */
  localMax: 64,
  /** Candidates that others named. */
  heardMax: 32,
  /** … of them unproven ones that one address group may have named first. */
  heardPerGroupMax: 8,
  /** Groups that must name a dialed address with a port that we do not know of before it is probed. */
  groupsMin: 2,
  /** ms after which the use of a port proves nothing any more: a day, as the ttl of a record. */
  usedMs: 86_400_000,
  /** Probes of what we listen on: burst for a machine with many interfaces. */
  localRate: { perSecond: 0.2, burst: 16 },
  /** Probes of what others named. */
  heardRate: { perSecond: 1 / 30, burst: 4 },
  /** Probes under way at a time. */
  probesMax: 4,
});

/** Something we listen on. */
export interface OwnService {
  readonly scheme: string;
  /** IP that it is bound to; `::`, `0.0.0.0` or '' for all. */
  readonly host: string;
  readonly port: number;
  /** What the user says others reach it by. */
  readonly announce?: readonly string[] | undefined;
}

export interface OwnAddress {
  readonly address: string;
  readonly verified: boolean;
}

export interface OwnAddressesOptions {
  readonly random: Random;
  readonly lan: boolean;
  readonly announce: readonly string[];
  readonly nowMs: number;
  readonly foreign: ForeignLooks;
}

export class OwnAddresses {
  readonly #random: Random;
  readonly #lan: boolean;
  readonly #announceOption: readonly string[];
  #announced: Address[] = [];
  #services: readonly OwnService[] = [];
  #interfaces: ReadonlySet<string> = new Set();
  readonly #local = new Map<string, OwnCandidate>();
  readonly #heard = new LruMap<string, OwnCandidate>(OWN_ADDRESSES.heardMax);
  readonly #observed = new ObservedIp();
  /** Port → when somebody from a global group last came in through it. */
  readonly #usedPorts = new LruMap<number, number>(OWN_ADDRESSES.localMax);
  readonly #localBucket: TokenBucket;
  readonly #heardBucket: TokenBucket;
  readonly #foreign: ForeignLooks;
  #told = '';
  #changed = false;
  #deadlineMs: number | undefined;
  #nowMs: number;

  constructor(options: OwnAddressesOptions) {
    this.#random = options.random;
    this.#foreign = options.foreign;
    this.#lan = options.lan;
    this.#announceOption = options.announce;
    this.#nowMs = options.nowMs;
    this.#localBucket = new TokenBucket(OWN_ADDRESSES.localRate, options.nowMs);
    this.#heardBucket = new TokenBucket(OWN_ADDRESSES.heardRate, options.nowMs);
    this.#announced = parsedUnique(this.#announceOption);
    this.#settle();
  }

  // ---- what we know ----

  /** Replaces what we listen on, and on which interfaces. If none is left of those before, we are elsewhere: all evidence is void. */
  listening(services: readonly OwnService[], interfaceIps: readonly string[], nowMs: number): void {
    this.#nowMs = nowMs;
    this.#services = services;
    this.#announced = parsedUnique([...this.#announceOption, ...services.flatMap((s) => s.announce ?? [])]);
    const before = this.#interfaces;
    this.#interfaces = new Set(interfaceIps.filter((ip) => !isLoopback(ip)));
    if (before.size > 0 && ![...before].some((ip) => this.#interfaces.has(ip))) this.#forget();
    const wanted = new Map<string, Address>();
    for (const service of services) {
      for (const ip of ipsOf(service, interfaceIps)) {
        const address = addressOf(service, ip);
        if (address !== undefined && this.#usable(address) && wanted.size < OWN_ADDRESSES.localMax)
          wanted.set(address.text, address);
      }
    }
    for (const text of this.#local.keys()) if (!wanted.has(text)) this.#local.delete(text);
    for (const [text, address] of wanted) {
      if (!this.#local.has(text)) this.#local.set(text, new OwnCandidate(address, 'local', nowMs));
    }
    this.#settle();
  }

  /** A dialer says that it dialed `address` (HELLO). */
  heardDialed(address: string, scope: Scope, group: string, nowMs: number): void {
    this.#nowMs = nowMs;
    const parsed = parseAddress(address);
    if (parsed === undefined || !this.#usable(parsed) || !isAsWide(parsed, scope)) return;
    const candidate = this.#local.get(parsed.text) ?? this.#hear(parsed, group);
    candidate?.named(group);
    this.#settle();
  }

  /** A peer sees us as `ip` (HELLO). One vote per group. */
  heardObserved(ip: string, scope: Scope, group: string, nowMs: number): void {
    this.#nowMs = nowMs;
    const parsed = parseIp(ip);
    if (parsed === undefined || parsed.scope === 'forbidden' || scopeRank(parsed.scope) < scopeRank(scope))
      return;
    this.#observed.vote(parsed, group, nowMs);
    for (const service of this.#observed.isNamed(parsed.text) ? this.#services : []) {
      const address = isLoopback(service.host) ? undefined : addressOf(service, parsed.text);
      if (address !== undefined && this.#usable(address) && !this.#local.has(address.text))
        this.#hear(address);
    }
    this.#settle();
  }

  /** An inbound connection arrived on `port` of ours. Those of narrower networks prove nothing about the wide one. */
  inboundUsed(port: number, group: string, nowMs: number): void {
    this.#nowMs = nowMs;
    if (!isGlobalGroup(group)) return;
    this.#usedPorts.set(port, nowMs); // the newest goes to the end: `tick` drops from the front
    this.#settle();
  }

  /** Outcome of a probe of ours: `ok` if our own key answered. */
  probed(address: string, ok: boolean, nowMs: number): void {
    this.#nowMs = nowMs;
    const text = parseAddress(address)?.text ?? address;
    const candidate = this.#local.get(text) ?? this.#heard.get(text);
    if (candidate === undefined) return;
    this.#conclude(candidate, ok);
    this.#settle();
  }

  // ---- what is to be done ----

  /** Candidates to probe now; each counts as under way until `probed` tells its outcome. */
  probes(nowMs: number): string[] {
    this.#nowMs = nowMs;
    this.#deadlineMs = undefined;
    const list: string[] = [];
    let busy = this.#candidates().filter((candidate) => candidate.busyUntilMs > 0).length;
    for (const candidate of this.#inTurn()) {
      if (busy >= OWN_ADDRESSES.probesMax) break;
      if (candidate.busyUntilMs > 0 || !this.#isRipe(candidate)) continue;
      if (this.#dueMs(candidate) > nowMs || !this.#bucketOf(candidate).take(1, nowMs)) continue;
      candidate.begin(nowMs);
      if (this.#isForeign(candidate)) this.#foreign.begun(candidate.namedBy, nowMs);
      list.push(candidate.address.text);
      busy++;
    }
    return list;
  }

  /** Lets evidence and lost probes expire. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const candidate of this.#candidates()) {
      if (candidate.busyUntilMs === 0 || candidate.busyUntilMs > nowMs) continue;
      this.#conclude(candidate, false);
    }
    this.#observed.expire(nowMs);
    this.#usedPorts.dropWhile((atMs) => atMs + OWN_ADDRESSES.usedMs <= nowMs);
    this.#settle();
  }

  /** When to call `tick`, then `probes` (absolute ms). */
  deadline(): number {
    this.#deadlineMs ??= this.#computeDeadline();
    return this.#deadlineMs;
  }

  // ---- what we say ----

  /** For the user: announced and proven ones, then what we listen on without proof. Nothing that only others claim. */
  own(): OwnAddress[] {
    const proven = this.#proven();
    const known = new Set(proven.map((address) => address.text));
    const hoped = [...this.#local.keys()].filter((text) => !known.has(text));
    return [
      ...proven.map((address) => ({ address: address.text, verified: true })),
      ...hoped.map((address) => ({ address, verified: false })),
    ];
  }

  /** For our record: announced, then proven, each widest first, at most 4; with `scope` only those at least so wide. */
  record(scope?: Scope): string[] {
    return this.#proven()
      .filter((address) => scope === undefined || isAsWide(address, scope))
      .map((address) => address.text)
      .slice(0, RECORD_LIMITS.addressesMax);
  }

  /** Whether `own()` says something else than when this was last asked. */
  changed(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  // ---- inside ----

  #computeDeadline(): number {
    const nowMs = this.#nowMs;
    const oldestUse = this.#usedPorts.values().next().value;
    let atMs = oldestUse === undefined ? Number.POSITIVE_INFINITY : oldestUse + OWN_ADDRESSES.usedMs;
    atMs = Math.min(atMs, this.#observed.deadline());
    const candidates = this.#candidates();
    const busy = candidates.filter((candidate) => candidate.busyUntilMs > 0).length;
    for (const candidate of candidates) {
      if (candidate.busyUntilMs > 0) atMs = Math.min(atMs, candidate.busyUntilMs);
      else if (busy < OWN_ADDRESSES.probesMax && this.#isRipe(candidate))
        atMs = Math.min(atMs, Math.max(this.#dueMs(candidate), this.#bucketOf(candidate).readyAt(1, nowMs)));
    }
    return atMs;
  }

  /** All candidates; foreign ones last, those whose group has waited longest first. */
  #inTurn(): OwnCandidate[] {
    const turnMs = (c: OwnCandidate): number => (this.#isForeign(c) ? this.#foreign.turnOf(c.namedBy) : -1);
    return this.#candidates().sort((a, b) => turnMs(a) - turnMs(b));
  }

  /** When it may be probed; Infinity: not before another one has ended. */
  #dueMs(candidate: OwnCandidate): number {
    if (candidate.dueMs > this.#nowMs || !this.#isForeign(candidate)) return candidate.dueMs;
    for (const other of this.#heard.values())
      if (other.busyUntilMs > 0 && this.#isForeign(other)) return Number.POSITIVE_INFINITY;
    return this.#foreign.readyAt(candidate.dueMs, this.#nowMs);
  }

  /** Nothing but others' word leads there: it may be a victim's. */
  #isForeign({ origin, proven, address }: OwnCandidate): boolean {
    if (origin === 'local' || proven || address.scope !== 'global') return false;
    return address.ip === undefined || !this.#observed.isBelieved(address.ip.text);
  }

  #conclude(candidate: OwnCandidate, ok: boolean): void {
    if (!ok && this.#isForeign(candidate)) this.#foreign.inVain(this.#nowMs);
    candidate.outcome(ok, this.#nowMs, this.#random);
    if (candidate.hopeless) this.#heard.delete(candidate.address.text);
  }

  #forget(): void {
    this.#foreign.moved(this.#nowMs);
    this.#heard.clear();
    this.#observed.clear();
    this.#usedPorts.clear();
    this.#local.clear();
  }

  #candidates(): OwnCandidate[] {
    return [...this.#local.values(), ...this.#heard.values()];
  }

  #bucketOf(candidate: OwnCandidate): TokenBucket {
    return candidate.origin === 'local' ? this.#localBucket : this.#heardBucket;
  }

  /** Forms that others would take: no names but those of `wss`, no ports of mail servers, no link-local outside LANs. */
  #usable(address: Address): boolean {
    const { scheme, scope, ip, port } = address;
    if (scheme === 'wrtc' || scope === 'forbidden' || address.text.length > RECORD_LIMITS.addressBytesMax)
      return false;
    if (scheme === 'memory') return true;
    if (ip === undefined) return scheme === 'wss' && scope === 'global';
    if (scope === 'link-local' && (ip.version === 6 || !this.#lan)) return false; // v6 needs a zone, which is ours alone
    return scope !== 'global' || isHearsayPort(port);
  }

  /** The candidate for `address`; undefined if there is no room for what this group names. */
  #hear(address: Address, group?: string): OwnCandidate | undefined {
    const origin = group === undefined ? 'seen' : 'dialed';
    const known = this.#heard.touch(address.text);
    if (known !== undefined && origin === 'seen') known.origin = origin;
    if (known !== undefined) return known;
    const open = [...this.#heard.values()].filter((candidate) => !candidate.proven);
    const ofGroup = open.filter((candidate) => candidate.namedBy === group);
    if (ofGroup.length >= OWN_ADDRESSES.heardPerGroupMax) return undefined;
    if (this.#heard.size >= OWN_ADDRESSES.heardMax) {
      const oldest = open.find(({ busyUntilMs }) => busyUntilMs === 0);
      if (oldest === undefined) return undefined; // all are proven, or being probed: outcomes count
      this.#heard.delete(oldest.address.text);
    }
    const candidate = new OwnCandidate(address, origin, this.#nowMs);
    this.#heard.set(address.text, candidate);
    return candidate;
  }

  /** Whether enough speaks for a candidate to spend a probe on it. */
  #isRipe(candidate: OwnCandidate): boolean {
    if (
      candidate.origin !== 'dialed' ||
      candidate.address.port === 0 ||
      this.#servesPort(candidate.address.port)
    )
      return true;
    return candidate.dialedBy.size >= OWN_ADDRESSES.groupsMin;
  }

  /** Whether a service has that port. An app with a server of its own has told us of none: then any. */
  #servesPort(port: number): boolean {
    return this.#services.length === 0 || this.#services.some((service) => service.port === port);
  }

  /** The proof without hairpin: seen under that IP, listening on that port, and somebody came in. */
  #isUsed(candidate: OwnCandidate): boolean {
    const { ip, port, scope } = candidate.address;
    if (scope !== 'global' || ip === undefined || !this.#servesPort(port)) return false;
    return this.#observed.isBelieved(ip.text) && (candidate.dialedBy.size > 0 || this.#usedPorts.has(port));
  }

  /** Draws the conclusions of what was just learned. */
  #settle(): void {
    this.#deadlineMs = undefined;
    for (const candidate of this.#candidates()) candidate.used = this.#isUsed(candidate);
    const now = JSON.stringify(this.own());
    if (now === this.#told) return;
    this.#changed = this.#told !== '' || now !== '[]';
    this.#told = now;
  }

  #proven(): Address[] {
    const rest = this.#candidates()
      .filter((candidate) => candidate.proven)
      .map((candidate) => candidate.address)
      .sort((a, b) => rankOf(b) - rankOf(a));
    const announced = [...this.#announced].sort((a, b) => rankOf(b) - rankOf(a));
    const seen = new Set<string>();
    return [...announced, ...rest].filter((address) => !seen.has(address.text) && seen.add(address.text));
  }
}

function rankOf(address: Address): number {
  return address.scope === 'forbidden' ? -1 : scopeRank(address.scope);
}

function isAsWide(address: Address, scope: Scope): boolean {
  return rankOf(address) >= scopeRank(scope);
}

/** Limit keys of global IPs (core's `ipLimitKeys`). */
function isGlobalGroup(group: string): boolean {
  return /^[46]\//.test(group);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || parseIp(host)?.scope === 'loopback';
}

/** IPs that a service can be reached by. */
function ipsOf(service: OwnService, interfaceIps: readonly string[]): readonly string[] {
  if (service.host === '0.0.0.0') return interfaceIps.filter((ip) => !ip.includes(':'));
  return service.host === '::' || service.host === '' ? interfaceIps : [service.host];
}

function addressOf(service: OwnService, host: string): Address | undefined {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  return parseAddress(
    service.scheme === 'memory' ? `memory:${host}` : `${service.scheme}://${bracketed}:${service.port}`,
  );
}

function parsedUnique(texts: readonly string[]): Address[] {
  const all = new Map<string, Address>();
  for (const text of texts) {
    const address = parseAddress(text);
    if (address !== undefined && address.scope !== 'forbidden') all.set(address.text, address);
  }
  return [...all.values()];
}
