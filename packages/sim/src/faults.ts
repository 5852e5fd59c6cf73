// A schedule of faults drawn from the seed: crashes, sleeps, cuts, partitions, broken links, jumping calendars.
// First a phase in which anything may happen (safety: invariants hold), then all is mended (liveness: it recovers).
import { below, pickOne, type Random, seededRandom, shuffle, uniform } from '@peernet/core';
import { FAULT_DEFAULTS } from './defaults.js';
import { exponentialMs } from './distributions.js';
import type { Host } from './host.js';
import type { Network } from './network.js';

export const faultKinds = ['crash', 'reset', 'pause', 'cut', 'partition', 'break', 'jump'] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface FaultOptions {
  /** Virtual ms at which the faults end and all is mended. */
  readonly untilMs: number;
  /** Mean time from one fault to the next in the whole network, ms. */
  readonly everyMs?: number;
  /** What may happen; default: everything. */
  readonly kinds?: readonly FaultKind[];
  /** Attaches what runs on a host to its new process. Without it nothing crashes. */
  readonly restart?: (host: Host) => void;
  /** Longest crash, sleep, cut or partition, ms. */
  readonly lastMs?: number;
  /** Hears of each fault as it happens. */
  readonly onFault?: (kind: FaultKind, hosts: readonly Host[]) => void;
}

/** Begins at once; returns nothing, as all is mended at `untilMs`. */
export function randomFaults(network: Network, options: FaultOptions): void {
  new Faults(network, options).next();
}

class Faults {
  readonly #network: Network;
  readonly #options: FaultOptions;
  readonly #kinds: readonly FaultKind[];
  /** Own dice: the schedule does not change with what the hosts do. */
  readonly #random: Random;
  /** All is mended: from now on crashes, sleeps and cuts are somebody else's. */
  #over = false;

  constructor(network: Network, options: FaultOptions) {
    this.#network = network;
    this.#options = options;
    const { untilMs, everyMs = FAULT_DEFAULTS.everyMs, lastMs = FAULT_DEFAULTS.lastMs } = options;
    if (Number.isNaN(Number(untilMs))) throw new TypeError(`untilMs: a time in ms, not ${untilMs}`);
    if (!(everyMs > 0)) throw new TypeError(`everyMs: above 0, not ${everyMs}`);
    if (!(lastMs >= 0)) throw new TypeError(`lastMs: 0 or more, not ${lastMs}`);
    const kinds = options.kinds ?? faultKinds;
    const unknown = kinds.find((kind) => !faultKinds.includes(kind));
    if (unknown !== undefined) throw new TypeError(`kinds: ${faultKinds.join(', ')}, not ${unknown}`);
    this.#kinds = kinds.filter(
      (kind) => options.restart !== undefined || (kind !== 'crash' && kind !== 'reset'),
    );
    this.#random = seededRandom(network.seedOf(0, 3));
    network.world.at(untilMs, () => this.#mend());
  }

  next(): void {
    const { world } = this.#network;
    const waitMs = exponentialMs(this.#random, this.#options.everyMs ?? FAULT_DEFAULTS.everyMs);
    if (world.now + waitMs >= this.#options.untilMs) return;
    world.after(waitMs, () => {
      this.#strike(pickOne(this.#random, this.#kinds));
      this.next();
    });
  }

  #strike(kind: FaultKind | undefined): void {
    const { hosts } = this.#network;
    const host = pickOne(this.#random, hosts);
    const other = pickOne(this.#random, hosts);
    if (kind === undefined || host === undefined || other === undefined) return;
    const lastMs = uniform(this.#random) * (this.#options.lastMs ?? FAULT_DEFAULTS.lastMs);
    const jumpMs = (2 * uniform(this.#random) - 1) * FAULT_DEFAULTS.jumpMaxMs;
    this.#options.onFault?.(kind, [host, other]);
    if (kind === 'crash' || kind === 'reset') {
      host.crash(kind === 'crash' ? 'silent' : 'reset');
      this.#after(lastMs, () => this.#revive(host));
    } else if (kind === 'pause') {
      host.pause();
      this.#after(lastMs, () => host.resume());
    } else if (kind === 'cut') {
      this.#network.cut(host, other);
      this.#after(lastMs, () => this.#network.mend(host, other));
    } else if (kind === 'partition') {
      const all = shuffle(this.#random, [...hosts]);
      this.#network.partition([all.slice(0, below(this.#random, all.length))]);
      this.#after(lastMs, () => this.#network.partition([]));
    } else if (kind === 'break') {
      for (const link of [...host.links]) this.#network.break(link);
    } else host.jumpWall(jumpMs);
  }

  /** A fault ends in `ms`, unless all of them have ended before. */
  #after(ms: number, end: () => void): void {
    this.#network.world.after(ms, () => {
      if (!this.#over) end();
    });
  }

  #revive(host: Host): void {
    if (!host.dead) return;
    host.restart();
    this.#options.restart?.(host);
  }

  #mend(): void {
    this.#over = true;
    this.#network.heal();
    for (const host of this.#network.hosts) {
      this.#revive(host);
      host.resume();
    }
  }
}
