// Who gets what answer of the STUN server: requests of the right form, from where an answer can go, within the rates.
// An open UDP port answers to whatever address a packet claims to be from, so each host has a rate of its own.
import { type Clock, type Ip, ipLimitKeys, LruMap, parseIp, TokenBucket } from '@peernet/core';
import { stunLimits, stunSourcesMax } from './defaults.js';
import { decodeBindingRequest, encodeBindingError, encodeBindingSuccess } from './wire.js';

export class StunAnswerer {
  readonly refused: Record<string, number> = {};
  answered = 0;
  readonly #clock: Clock;
  readonly #limits: typeof stunLimits;
  readonly #all: TokenBucket;
  readonly #hosts = new LruMap<string, TokenBucket>(stunSourcesMax);

  /** @param limits differences from `stunLimits`; TypeError if they are none. */
  constructor(limits: Readonly<Record<string, number>> | undefined, clock: Clock) {
    for (const [name, value] of Object.entries(limits ?? {})) {
      const known = Object.hasOwn(stunLimits, name);
      if (!known || typeof value !== 'number' || !(value >= 0)) {
        throw new TypeError(`limits: ${name} = ${value}; there are ${Object.keys(stunLimits).join(', ')}`);
      }
    }
    this.#clock = clock;
    this.#limits = { ...stunLimits, ...limits };
    const { perSecond, burst } = this.#limits;
    this.#all = new TokenBucket({ perSecond, burst }, clock.now());
  }

  /** The answer to `bytes` from `address`, if there is to be one. */
  answer(bytes: Uint8Array, address: string, port: number): Uint8Array | undefined {
    const request = decodeBindingRequest(bytes);
    if (request === undefined) return this.#refuse('malformed');
    const ip = parseIp(address.split('%')[0] ?? '');
    if (ip === undefined || ip.scope === 'forbidden' || port === 0) return this.#refuse('source');
    const nowMs = this.#clock.now();
    // The host first: what one may not must not eat the rate of everybody else.
    if (!this.#hostMay(ip, nowMs)) return this.#refuse('hostRate');
    if (!this.#all.take(1, nowMs)) return this.#refuse('rate');
    this.answered++;
    return request.unknown.length > 0 ? encodeBindingError(request) : encodeBindingSuccess(request, ip, port);
  }

  /** In narrower scopes than global everybody may share one address (a container bridge): there the common rate binds. */
  #hostMay(ip: Ip, nowMs: number): boolean {
    if (ip.scope !== 'global') return true;
    const { host } = ipLimitKeys(ip);
    const { hostPerSecond, hostBurst } = this.#limits;
    const bucket =
      this.#hosts.touch(host) ?? new TokenBucket({ perSecond: hostPerSecond, burst: hostBurst }, nowMs);
    this.#hosts.set(host, bucket);
    return bucket.take(1, nowMs);
  }

  #refuse(reason: string): undefined {
    this.refused[reason] = (this.refused[reason] ?? 0) + 1;
    return undefined;
  }
}
