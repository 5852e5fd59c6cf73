// One dial, from the first packet to the link or the error code, with the times that the real thing takes:
// transport connected after one round trip, link after one and a half, the other side half a round trip later.
import { type ErrorCode, type PeerId, parseAddress, type Scope, scopeRank } from '@peernet/core';
import { TIMING } from './defaults.js';
import type { Action, QueuedEvent } from './event-queue.js';
import type { Host } from './host.js';
import { linkPair, type SimLink } from './sim-link.js';
import { traceKinds } from './trace.js';

export type DialResult = { link: SimLink; code?: undefined } | { code: ErrorCode; link?: undefined };
export type DialDone = (result: DialResult) => void;
/** The shape of `host.dialNow`. */
export type DialNow = (
  address: string,
  options: { expect?: PeerId | undefined },
  done: DialDone,
) => () => void;

export class Dialing {
  readonly #host: Host;
  readonly #done: DialDone;
  readonly #epoch: number;
  readonly #expect: PeerId | undefined;
  readonly #address: string;
  readonly #scope: Scope;
  readonly #startMs: number;
  #latencyMs: number = TIMING.loopbackMs;
  #target: Host | undefined;
  #next: QueuedEvent | undefined;
  #over = false;

  constructor(host: Host, text: string, expect: PeerId | undefined, done: DialDone) {
    const address = parseAddress(text);
    this.#host = host;
    this.#done = done;
    this.#epoch = host.process;
    this.#expect = expect ?? address?.id;
    this.#address = address?.text ?? text;
    this.#scope = address === undefined || address.scope === 'forbidden' ? 'global' : address.scope;
    this.#startMs = host.world.now;
    if (address === undefined || address.scope === 'forbidden') this.#fail('ADDRESS_INVALID', this.#startMs);
    else this.#begin(host.network.at(address.text));
  }

  cancel(): void {
    this.#over = true;
    if (this.#next !== undefined) this.#host.world.cancel(this.#next);
  }

  #begin(target: Host | undefined): void {
    const timeoutMs = this.#startMs + TIMING.dialTimeoutMs;
    if (target === undefined || (target === this.#host && !target.hairpin)) {
      this.#fail('DIAL_TIMEOUT', timeoutMs);
      return;
    }
    this.#target = target;
    if (target !== this.#host) this.#latencyMs = this.#host.network.latencyMs(this.#host, target);
    const atMs = this.#startMs + TIMING.refusalLatencies * this.#latencyMs;
    if (atMs >= timeoutMs) this.#fail('DIAL_TIMEOUT', timeoutMs);
    else this.#schedule(atMs, reached, undefined);
  }

  /** The first packet has been there and back, if there is a way and somebody. */
  reached(): void {
    const target = this.#target as Host;
    const silent =
      this.#host.network.isCut(this.#host, target) || !target.dialable || (target.dead && !target.refusing);
    if (silent) this.#fail('DIAL_TIMEOUT', this.#startMs + TIMING.dialTimeoutMs);
    else if (target.refusing) this.#fail('DIAL_REFUSED', this.#host.world.now);
    else this.#schedule(this.#startMs + TIMING.setUpLatencies * this.#latencyMs, shaken, undefined);
  }

  /** The handshake is over on our side. */
  shaken(): void {
    const target = this.#target as Host;
    const { world, network } = this.#host;
    if (target.dead) this.#fail('LOST', world.now);
    else if (!target.running && target !== this.#host)
      this.#fail('HANDSHAKE_TIMEOUT', this.#startMs + TIMING.firstByteTimeoutMs);
    else if (network.isCut(this.#host, target))
      this.#fail('HANDSHAKE_TIMEOUT', this.#startMs + TIMING.firstByteTimeoutMs);
    else if (target.id === this.#host.id) this.#fail('SELF', world.now);
    else if (this.#expect !== undefined && this.#expect !== target.id) this.#fail('WRONG_PEER', world.now);
    else this.#connect(target);
  }

  #connect(target: Host): void {
    const [near, far] = linkPair(this.#host, target, {
      latencyMs: this.#latencyMs,
      scope: narrowest(this.#scope, this.#host.scope, target.scope),
      dialed: this.#address,
    });
    near.announceTo(far);
    this.#host.network.linked(near);
    this.#finish({ link: near });
  }

  #fail(code: ErrorCode, atMs: number): void {
    this.#schedule(atMs, finished, { code });
  }

  finish(result: DialResult): void {
    this.#finish(result);
  }

  #finish(result: DialResult): void {
    this.#over = true;
    const { world, index } = this.#host;
    world.trace.add(traceKinds.dialed, world.now, index);
    world.trace.text(result.code ?? '');
    this.#done(result);
  }

  #schedule(atMs: number, action: Action, b: unknown): void {
    this.#next = this.#host.world.schedule(atMs, action, this, b);
  }

  /** True if the step must not be taken: cancelled, our process is gone, or asleep (then later). */
  halted(action: Action, b: unknown): boolean {
    if (this.#over || this.#epoch !== this.#host.epoch) return true;
    return this.#host.withheld(action, this, b);
  }
}

/** The narrowest of these scopes: what crosses all of them. */
export function narrowest(...scopes: readonly Scope[]): Scope {
  return scopes.reduce((a, b) => (scopeRank(a) <= scopeRank(b) ? a : b));
}

const reached = (dialing: Dialing): void => {
  if (!dialing.halted(reached, undefined)) dialing.reached();
};
const shaken = (dialing: Dialing): void => {
  if (!dialing.halted(shaken, undefined)) dialing.shaken();
};
const finished = (dialing: Dialing, result: DialResult): void => {
  if (!dialing.halted(finished, result)) dialing.finish(result);
};
