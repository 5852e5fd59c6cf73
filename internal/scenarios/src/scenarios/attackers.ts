// Attackers who want to be everybody's only neighbours: they know all honest nodes, dial each that can be dialed, say
// that they are desperate, take in all who come, answer every walk themselves, tell of nobody but each other, and never
// leave. They speak the real messages over plain links of the simulator, and nothing else: a few hundred of them with
// a hundred links each would otherwise cost more than the network that they attack.
import { below, type HeardRecord, type PeerId, pickOne, shuffle, signRecord } from '@peernet/core';
import type { Host, SimLink } from '@peernet/sim';
import {
  decodeMessage,
  encodeAnswer,
  encodeHello,
  encodeShuffle,
  type Hello,
  type Shuffle,
  type Walk,
  WIRE,
} from '../../../../packages/gossip/src/wire.js';
import { channelTag } from '../connection.js';
import type { SimNode } from '../node.js';
import type { Population } from '../population.js';

export interface AttackOptions {
  readonly count: number;
  /** Between two records messages on one link, s. A SHUFFLE a second is allowed. */
  readonly pushSeconds: number;
  /** Between two tries at one node that had no room, s: for one claimant it evicts once in ten minutes. */
  readonly retrySeconds: number;
  /** Share of them who dial and say that they cannot be dialed; the others are dialed and do not dial. 0: all do both. */
  readonly shyShare: number;
  /** They dial under a second name, from the same IP, which says that it cannot be dialed. */
  readonly twins: boolean;
}

/** Dials of one attacker per second: as many as an honest node may make (protocol.md §3). */
const dialsPerSecond = 2;
/** What they say of their degree: a desperate newcomer is let in before others. */
const claimedDegree = 1;

export class Attackers {
  readonly ids = new Set<PeerId>();
  readonly population: Population;
  readonly #o: AttackOptions;
  readonly #all: Attacker[] = [];
  readonly #records: HeardRecord[] = [];

  constructor(population: Population, options: AttackOptions) {
    this.population = population;
    this.#o = options;
  }

  /** All of them, within ten seconds. */
  start(): void {
    const { world } = this.population;
    const { count } = this.#o;
    for (let i = 0; i < count; i++) world.after((10_000 * i) / count, () => this.#startOne(i));
  }

  #startOne(number: number): void {
    const { network } = this.population;
    const { count, shyShare, twins } = this.#o;
    const isShy = number >= (1 - shyShare) * count;
    const dialsItself = isShy || (shyShare === 0 && !twins);
    const host = network.host({ dialable: !isShy });
    this.#add(host, dialsItself);
    if (!twins) return;
    const ip = host.ip.includes(':') ? `[${host.ip}]` : host.ip;
    this.#add(network.host({ address: `tcp://${ip}:1`, dialable: false }), true);
  }

  #add(host: Host, dials: boolean): void {
    const { world } = this.population;
    const attacker = new Attacker(host, this, this.#o.retrySeconds * 1000);
    this.ids.add(host.id);
    this.#all.push(attacker);
    if (host.dialable) this.#records.push(attacker.self);
    if (dials) every(world, 1000, () => attacker.dialSome(dialsPerSecond));
    every(world, this.#o.pushSeconds * 1000, () => attacker.push());
  }

  /** Some of their records. */
  records(first?: HeardRecord): HeardRecord[] {
    const { random } = this.population;
    const told = new Set<HeardRecord>(first === undefined ? [] : [first]);
    for (let i = 0; i < 2 * WIRE.recordsMax && told.size < WIRE.recordsMax; i++) {
      const record = pickOne(random, this.#records);
      if (record !== undefined) told.add(record);
    }
    return [...told];
  }

  /** Links that they have. */
  get links(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }
}

function every(world: Population['world'], ms: number, act: () => void): void {
  world.after(ms, () => {
    act();
    every(world, ms, act);
  });
}

class Attacker {
  readonly host: Host;
  readonly self: HeardRecord;
  readonly #all: Attackers;
  readonly #retryMs: number;
  readonly #links = new Map<PeerId, SimLink>();
  /** When a node may be dialed again. */
  readonly #restUntilMs = new Map<PeerId, number>();
  #targets: SimNode[] = [];

  constructor(host: Host, all: Attackers, retryMs: number) {
    this.host = host;
    this.#all = all;
    this.#retryMs = retryMs;
    const record = signRecord(host.crypto, {
      seq: Math.floor(host.clock.wall()),
      ttlSeconds: 86_400,
      addresses: host.dialable ? [host.address] : [],
      relays: [],
      dialable: host.dialable,
      webrtc: false,
      stun: false,
    });
    this.self = { record, ageSeconds: 0 };
    host.onLink = (link) => this.#open(link, '');
  }

  get size(): number {
    return this.#links.size;
  }

  /** Goes through all honest nodes that can be dialed, again and again. */
  dialSome(count: number): void {
    const { population } = this.#all;
    const nowMs = population.world.now;
    if (this.#targets.length === 0) {
      const honest = population.nodes.filter((node) => node.profile === 'dialable');
      this.#targets = shuffle(population.random, honest);
    }
    for (let left = count; left > 0 && this.#targets.length > 0; ) {
      const { host, id } = this.#targets.pop() as SimNode;
      if (host.dead || this.#links.has(id) || (this.#restUntilMs.get(id) ?? 0) > nowMs) continue;
      left--;
      this.#restUntilMs.set(id, nowMs + this.#retryMs);
      this.host.dialNow(host.address, { expect: id }, ({ link }) => {
        if (link !== undefined) this.#open(link, host.address);
      });
    }
  }

  /** Tells all neighbours of the others. */
  push(): void {
    for (const link of this.#links.values()) this.#shuffle(link, false);
  }

  #open(link: SimLink, dialed: string): void {
    const { peer } = link;
    link.open({
      onMessage: (message) => this.#heard(link, message),
      onDrain: () => {},
      onClose: () => {
        if (this.#links.get(peer) === link) this.#links.delete(peer);
      },
    });
    if (dialed !== '') this.#hello(link, 'overlay', dialed);
  }

  #heard(link: SimLink, bytes: Uint8Array): void {
    if (bytes[0] !== channelTag.gossip) return;
    const message = decodeMessage(bytes.subarray(1));
    if (message?.kind === 'hello') this.#greeted(link, message);
    else if (message?.kind === 'shuffle') this.#answered(link, message);
    else if (message?.kind === 'walk') this.#walked(link, message);
    else if (message?.kind === 'link') this.#links.set(link.peer, link);
    else if (message?.kind === 'full' || message?.kind === 'replaced') link.close('DONE');
  }

  #greeted(link: SimLink, { purpose }: Hello): void {
    if (link.initiator) return;
    this.#hello(link, purpose, '');
    if (purpose !== 'overlay') return;
    this.#links.set(link.peer, link);
    const records = this.#all.records();
    this.#say(link, encodeAnswer({ kind: 'link', walk: '', degree: claimedDegree, records }));
  }

  #answered(link: SimLink, { answer }: Shuffle): void {
    if (!answer) this.#shuffle(link, true);
  }

  /** Whoever looks for a neighbour has found one. */
  #walked(link: SimLink, { id }: Walk): void {
    const records = this.#all.records(this.self);
    this.#say(link, encodeAnswer({ kind: 'link', walk: id, degree: claimedDegree, records }));
  }

  #shuffle(link: SimLink, answer: boolean): void {
    this.#say(link, encodeShuffle({ answer, degree: claimedDegree, records: this.#all.records() }));
  }

  #hello(link: SimLink, purpose: Hello['purpose'], dialed: string): void {
    const { host, self } = this;
    const digest = new Uint8Array(WIRE.digestBytes).fill(below(host.random, 256));
    const wallMs = host.clock.wall();
    this.#say(
      link,
      encodeHello({ purpose, degree: claimedDegree, wallMs, dialed, observed: '', digest, self }),
    );
  }

  #say(link: SimLink, message: Uint8Array): void {
    const tagged = new Uint8Array(message.length + 1);
    tagged[0] = channelTag.gossip;
    tagged.set(message, 1);
    link.send(tagged, 'control');
  }
}
