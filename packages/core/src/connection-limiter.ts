// Who may connect: the accept limits of protocol.md §8 as a pure machine. It is told addresses and the time, and
// answers before a single byte is read or any key exchanged. It knows no sockets: `door.ts` does.
//
// Strangers from the internet are counted per host (IPv4, or the /64 of an IPv6 customer), per net (/24, /48) and in
// all. In loopback, link-local and private scope everybody may share one address (a reverse proxy, a container
// bridge), so they have one wide pool of their own; neither pool can starve the other. A connection is *pending*
// until its handshake is finished: what costs an attacker nothing must be scarcer than what cost him an identity.
import { ipLimitKeys } from './address.js';
import { LruMap } from './bounded.js';
import { type Ip, parseIp } from './ip.js';
import { connectionLimits, rememberedHostsMax } from './limits.js';
import { TokenBucket } from './token-bucket.js';

export type ConnectionLimits = Readonly<Record<keyof typeof connectionLimits, number>>;

/** Why a connection was refused: the names under which refusals are counted. */
export type Refusal =
  | 'hostRate'
  | 'hostPending'
  | 'hostFull'
  | 'netFull'
  | 'pendingFull'
  | 'acceptRate'
  | 'openFull'
  | 'localRate'
  | 'localPending'
  | 'localFull'
  | 'proxyPending';

/** The default limits with differences. TypeError for a name that is none, or a value that is no number ≥ 0. */
export function withLimits(differences: Readonly<Record<string, number>> | undefined): ConnectionLimits {
  for (const [name, value] of Object.entries(differences ?? {})) {
    if (!Object.hasOwn(connectionLimits, name)) {
      throw new TypeError(`limits: there is no '${name}', only ${Object.keys(connectionLimits).join(', ')}`);
    }
    if (typeof value !== 'number' || !(value >= 0)) throw new TypeError(`limits: ${name} is ${value}`);
  }
  return { ...connectionLimits, ...differences };
}

/** One connection that was let in. Both calls are idempotent. */
export interface Admission {
  /** Its handshake is finished: it no longer counts as pending. */
  established(): void;
  /** It is closed. */
  release(): void;
}

type Check = readonly [passes: boolean, refusal: Refusal];

/** Connections of one host or net. */
interface Count {
  open: number;
  pending: number;
}

export class ConnectionLimiter {
  readonly limits: ConnectionLimits;
  readonly #refused: Partial<Record<Refusal, number>> = {};
  readonly #accept: TokenBucket;
  readonly #local: TokenBucket;
  readonly #hostBuckets = new LruMap<string, TokenBucket>(rememberedHostsMax);
  /** Never larger than the number of open connections. */
  readonly #counts = new Map<string, Count>();
  /** Oldest first. */
  readonly #pending = new Map<Admission, number>();

  constructor(limits: Readonly<Record<string, number>> | undefined, nowMs: number) {
    this.limits = withLimits(limits);
    const { acceptPerSecond, acceptBurst, localPerSecond, localBurst } = this.limits;
    this.#accept = new TokenBucket({ perSecond: acceptPerSecond, burst: acceptBurst }, nowMs);
    this.#local = new TokenBucket({ perSecond: localPerSecond, burst: localBurst }, nowMs);
  }

  /** How many were refused, by limit; limits that never refused are absent. */
  get refused(): Readonly<Partial<Record<Refusal, number>>> {
    return this.#refused;
  }

  /** Connections whose handshake is not finished. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Lets a connection in, or counts the refusal and returns undefined. `ip` undefined: counts as local. */
  admit(ip: string | undefined, nowMs: number): Admission | undefined {
    this.#settle(nowMs);
    const parsed = ip === undefined ? undefined : parseIp(ip);
    return parsed?.scope === 'global' ? this.#admitStranger(parsed, nowMs) : this.#admitLocal(nowMs);
  }

  /** Lets a trusted proxy's connection in, for the moment until it says for whom it is. */
  admitProxy(nowMs: number): Admission | undefined {
    this.#settle(nowMs);
    return this.#decide(
      ['proxy'],
      [[this.#count('proxy').pending < this.limits.proxyPendingMax, 'proxyPending']],
      nowMs,
    );
  }

  #admitStranger(ip: Ip, nowMs: number): Admission | undefined {
    const { host, net } = ipLimitKeys(ip);
    const limits = this.limits;
    const [all, ofNet, ofHost] = [this.#count('all'), this.#count(`net ${net}`), this.#count(`host ${host}`)];
    const bucket = this.#hostBuckets.get(host);
    // What this host may not comes first: its refusals must not eat the accept rate of everybody else.
    const checks: Check[] = [
      [ofHost.open < limits.hostMax, 'hostFull'],
      [ofHost.pending < limits.hostPendingMax, 'hostPending'],
      [ofNet.open < limits.netMax, 'netFull'],
      [(bucket?.level(nowMs) ?? limits.hostBurst) > 1 - 1e-6, 'hostRate'],
      [all.open < limits.openMax, 'openFull'],
      [all.pending < limits.pendingMax, 'pendingFull'],
    ];
    const bad = checks.find(([passes]) => !passes);
    if (bad === undefined && this.#accept.take(1, nowMs)) {
      const rate = { perSecond: limits.hostPerSecond, burst: limits.hostBurst };
      const own = bucket ?? new TokenBucket(rate, nowMs);
      own.take(1, nowMs);
      this.#hostBuckets.set(host, own);
    } else if (bad === undefined) checks.push([false, 'acceptRate']);
    return this.#decide(['all', `net ${net}`, `host ${host}`], checks, nowMs);
  }

  #admitLocal(nowMs: number): Admission | undefined {
    const count = this.#count('local');
    const checks: Check[] = [
      [count.open < this.limits.localMax, 'localFull'],
      [count.pending < this.limits.localPendingMax, 'localPending'],
    ];
    if (checks.every(([passes]) => passes)) checks.push([this.#local.take(1, nowMs), 'localRate']);
    return this.#decide(['local'], checks, nowMs);
  }

  #decide(keys: readonly string[], checks: readonly Check[], nowMs: number): Admission | undefined {
    const bad = checks.find(([passes]) => !passes);
    if (bad === undefined) return this.#open(keys, nowMs);
    const [, refusal] = bad;
    this.#refused[refusal] = (this.#refused[refusal] ?? 0) + 1;
    return undefined;
  }

  #open(keys: readonly string[], nowMs: number): Admission {
    let released = false;
    for (const key of keys) {
      const { open, pending } = this.#count(key);
      this.#counts.set(key, { open: open + 1, pending: pending + 1 });
    }
    const admission: Admission = {
      established: () => {
        if (!this.#pending.delete(admission)) return;
        for (const key of keys) this.#count(key).pending--;
      },
      release: () => {
        if (released) return;
        released = true;
        admission.established();
        for (const key of keys) if (--this.#count(key).open === 0) this.#counts.delete(key);
      },
    };
    this.#pending.set(admission, nowMs);
    return admission;
  }

  #count(key: string): Count {
    return this.#counts.get(key) ?? { open: 0, pending: 0 };
  }

  /** Whoever was not closed for so long has been taken by an owner that does not report handshakes. */
  #settle(nowMs: number): void {
    for (const [admission, sinceMs] of this.#pending) {
      if (nowMs - sinceMs < this.limits.pendingMaxMs) return;
      admission.established();
    }
  }
}
