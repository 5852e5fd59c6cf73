// One candidate for an own address: what speaks for it, and when to probe it again.
import { type Address, jitter, type Random } from '@peernet/core';

export const OWN_CANDIDATE = Object.freeze({
  /** Groups that are remembered: more say no more. */
  groupsMax: 8,
  /** ms after which a probe without outcome counts as failed: above dial plus handshake timeout. */
  probeMs: 30_000,
  /** ms until a proven address is probed again: an hour, as verified records count (protocol.md §3). */
  againMs: 3_600_000,
  /** ms until a failed probe is repeated: 1 min · 4^n, at most a day (protocol.md §3). */
  backoffMs: 60_000,
  /** Factor of that (protocol.md §3). */
  backoffFactor: 4,
  /** Most of that, ms (protocol.md §3). */
  backoffMaxMs: 86_400_000,
  /** Share by which both vary (protocol.md §3). */
  backoffJitter: 0.25,
  /** Failed probes in a row after which a proven address is not proven any more. */
  failuresMax: 2,
  /** … and after which one that others named, and that was never proven, is forgotten: an hour and a half. */
  failuresHopeless: 4,
});

export class OwnCandidate {
  readonly address: Address;
  /** `local`: follows from a service and an interface; `seen`: from a service and where others see us; `dialed`: somebody's word. */
  origin: 'local' | 'seen' | 'dialed';
  /** Groups that say they dialed it, first one first. */
  readonly dialedBy = new Set<string>();
  /** Our own key answered there. */
  probed = false;
  /** Proven without a probe (`OwnAddresses` decides). */
  used = false;
  dueMs: number;
  /** A probe is under way until then; 0: none. */
  busyUntilMs = 0;
  #failures = 0;

  constructor(address: Address, origin: OwnCandidate['origin'], nowMs: number) {
    this.address = address;
    this.origin = origin;
    this.dueMs = nowMs;
  }

  get proven(): boolean {
    return this.probed || this.used;
  }

  get hopeless(): boolean {
    return this.origin === 'dialed' && !this.proven && this.#failures >= OWN_CANDIDATE.failuresHopeless;
  }

  /** The first group that named it. */
  get namedBy(): string | undefined {
    return this.dialedBy.values().next().value;
  }

  named(group: string): void {
    if (this.dialedBy.size < OWN_CANDIDATE.groupsMax) this.dialedBy.add(group);
  }

  begin(nowMs: number): void {
    this.busyUntilMs = nowMs + OWN_CANDIDATE.probeMs;
  }

  outcome(ok: boolean, nowMs: number, random: Random): void {
    this.busyUntilMs = 0;
    this.#failures = ok ? 0 : this.#failures + 1;
    if (ok) this.probed = true;
    else if (this.#failures >= OWN_CANDIDATE.failuresMax) this.probed = false;
    const { againMs, backoffMs, backoffFactor, backoffMaxMs, backoffJitter } = OWN_CANDIDATE;
    const restMs = backoffMs * backoffFactor ** (this.#failures - 1);
    this.dueMs = nowMs + jitter(random, ok ? againMs : Math.min(restMs, backoffMaxMs), backoffJitter);
  }
}
