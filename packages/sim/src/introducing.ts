// Dials to `wrtc:` addresses: host A asks its signaller for a path to B, and sends an offer; B answers; then the two make
// a link of their own, if their NATs let them. What a description says here is who sent it and what NAT it sits behind;
// it is as long as a real one, so that what introductions cost can be measured.
import {
  type Address,
  formatAddress,
  type PeerId,
  type Signal,
  type SignalEvents,
  type SignalPath,
} from '@peernet/core';
import { TIMING } from './defaults.js';
import { type DialDone, type DialResult, narrowest } from './dialing.js';
import type { Host } from './host.js';
import { linkPair } from './sim-link.js';
import { traceKinds } from './trace.js';

/** What stands between a host and the others: nothing, a NAT that keeps its mapping for all, or one that makes a new one for each. */
export const natKinds = ['open', 'easy', 'hard'] as const;
export type NatKind = (typeof natKinds)[number];

/** Two NATs of which neither can be told in advance where the other will come from. */
export function natsMeet(a: NatKind, b: NatKind): boolean {
  return a !== 'hard' || b !== 'hard';
}

function describe(host: Host): string {
  return `host=${host.index} nat=${host.nat} epoch=${host.epoch} `.padEnd(TIMING.descriptionBytes, '.');
}

/** The host that wrote a description, if it still is the same process. */
function describedBy(host: Host, sdp: string): Host | undefined {
  const match = /^host=(\d+) nat=\w+ epoch=(\d+) /.exec(sdp);
  const other = match === null ? undefined : host.network.hosts[Number(match[1])];
  return other?.epoch === Number(match?.[2]) ? other : undefined;
}

/** Takes offers, and answers them. */
export function answering(host: Host): (path: SignalPath) => SignalEvents {
  return (path) => ({
    onSignal: (signal) => {
      if (signal.kind !== 'offer' || describedBy(host, signal.sdp) === undefined) return;
      path.send({ kind: 'answer', sdp: describe(host) });
      host.clock.alarm(host.clock.now() + TIMING.iceTimeoutMs, () => path.close());
    },
    onClose: () => {},
  });
}

export class Introducing implements SignalEvents {
  readonly #host: Host;
  readonly #done: DialDone;
  #path: SignalPath | undefined;
  #answered = false;
  #over = false;
  #stopTimer: () => void;

  constructor(
    host: Host,
    address: Address & { readonly id: PeerId },
    expect: PeerId | undefined,
    done: DialDone,
  ) {
    this.#host = host;
    this.#done = done;
    const { signaller } = host;
    const wrong = expect !== undefined && expect !== address.id;
    const code = signaller === undefined ? 'SCHEME_UNKNOWN' : wrong ? 'WRONG_PEER' : 'DIAL_TIMEOUT';
    const waitMs = code === 'DIAL_TIMEOUT' ? TIMING.introductionTimeoutMs : 0;
    this.#stopTimer = this.#after(waitMs, () => this.#finish({ code }));
    if (signaller === undefined || wrong) return;
    this.#path = signaller.introduce(address.id, { via: address.via.map(formatAddress) }, this);
    this.#path.send({ kind: 'offer', sdp: describe(host) });
  }

  cancel(): void {
    this.#end();
  }

  onSignal(signal: Signal): void {
    const other = signal.kind === 'answer' ? describedBy(this.#host, signal.sdp) : undefined;
    if (this.#over || this.#answered || other === undefined) return;
    this.#answered = true;
    const { network, nat } = this.#host;
    const meets = natsMeet(nat, other.nat) && other !== this.#host;
    const connectMs = meets ? TIMING.introducedLatencies * network.latencyMs(this.#host, other) : 0;
    const { epoch } = other;
    this.#stopTimer();
    this.#stopTimer = this.#after(meets ? connectMs : TIMING.iceTimeoutMs, () => {
      const isThere = meets && other.running && other.epoch === epoch && !network.isCut(this.#host, other);
      if (isThere) this.#connect(other);
      else this.#finish({ code: 'DIAL_TIMEOUT' });
    });
  }

  /** Once there is an answer, the path is needed no more. */
  onClose(code: NonNullable<DialResult['code']>): void {
    this.#path = undefined;
    if (!this.#answered) this.#finish({ code });
  }

  #connect(other: Host): void {
    const { network } = this.#host;
    const [near, far] = linkPair(this.#host, other, {
      latencyMs: network.latencyMs(this.#host, other),
      scope: narrowest(this.#path?.scope ?? 'global', this.#host.scope, other.scope),
      dialed: `wrtc:${other.id}`,
      source: `wrtc:${this.#host.id}`,
    });
    near.announceTo(far);
    network.linked(near);
    this.#finish({ link: near });
  }

  #after(ms: number, then: () => void): () => void {
    const { clock } = this.#host;
    return clock.alarm(clock.now() + ms, then);
  }

  #end(): void {
    this.#over = true;
    this.#stopTimer();
    const path = this.#path;
    this.#path = undefined;
    path?.close();
  }

  #finish(result: DialResult): void {
    if (this.#over) return;
    this.#end();
    const { world, index } = this.#host;
    world.trace.add(traceKinds.dialed, world.now, index);
    world.trace.text(result.code ?? '');
    this.#done(result);
  }
}
