// A world of subnet machines in virtual time: searches find every living member, streams take their time, and both ends
// of each are told what becomes of it. Used by subnet.test.ts.
import { below, type PeerId, type Random, seededRandom } from '@peernet/core';
import { type SubnetEffects, type SubnetInput, SubnetMachine } from '../../src/machine/subnet.js';

/** One way, ms. */
const latencyMs = 40;

export const ids = (...names: string[]): ReadonlySet<PeerId> => new Set(names as PeerId[]);

export interface Node {
  readonly id: PeerId;
  readonly machine: SubnetMachine;
  alive: boolean;
  /** Dials to it come through. */
  dialable: boolean;
  session: string;
  /** Stream key → the other end. */
  readonly streams: Map<number, { node: Node; key: number }>;
  readonly told: string[];
  readyMs: number | undefined;
  keys: number;
  /** Attempts that were given up. */
  readonly abandoned: Set<number>;
}

export class World {
  nowMs = 0;
  readonly nodes: Node[] = [];
  readonly random: Random;
  /** Who a search finds, besides the living. */
  readonly ghosts = new Set<PeerId>();
  #queue: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** `self`: the id that the machine believes to have, for controls. */
  add(name: string, connections = 8, self = name): Node {
    const id = name as PeerId;
    const machine = new SubnetMachine({
      self: self as PeerId,
      random: seededRandom(this.random.uint32()),
      connections,
      nowMs: this.nowMs,
    });
    const node: Node = {
      id,
      machine,
      alive: true,
      dialable: true,
      session: `${name}-1`,
      streams: new Map(),
      told: [],
      readyMs: undefined,
      keys: 0,
      abandoned: new Set(),
    };
    this.nodes.push(node);
    return node;
  }

  /** With its first neighbour. */
  join(name: string, connections?: number): Node {
    const node = this.add(name, connections);
    this.input(node, { type: 'links', ids: ids('hub') });
    return node;
  }

  at(delayMs: number, run: () => void): void {
    this.#queue.push({ atMs: this.nowMs + delayMs, order: this.#order++, run });
  }

  input(node: Node, input: SubnetInput): void {
    if (node.alive) node.machine.handle(input, this.nowMs, this.#effects(node));
  }

  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      this.#queue.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const [event] = this.#queue;
      const living = this.nodes.filter((node) => node.alive);
      const ticks = living.map((node) => node.machine.deadline());
      const nextMs = Math.min(event?.atMs ?? Number.POSITIVE_INFINITY, ...ticks);
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      if (event !== undefined && event.atMs <= nextMs) {
        this.#queue.shift();
        event.run();
      } else {
        for (const node of living) {
          if (node.machine.deadline() <= this.nowMs) this.input(node, { type: 'tick' });
        }
      }
    }
    this.nowMs = endMs;
  }

  /** Silently gone; its streams break at the others. */
  kill(node: Node): void {
    node.alive = false;
    for (const { node: other, key } of node.streams.values()) this.#broke(other, key, node.id);
    node.streams.clear();
  }

  #broke(node: Node, key: number, id: PeerId): void {
    this.at(latencyMs, () => {
      if (node.streams.delete(key)) this.input(node, { type: 'ended', key, id });
    });
  }

  #effects(node: Node): SubnetEffects {
    return {
      search: () => this.#search(node),
      reach: (id) => this.#reach(node, id),
      abandon: (key) => void node.abandoned.add(key),
      connect: () => {},
      refuse: () => {},
      drop: (key) => {
        const end = node.streams.get(key);
        node.streams.delete(key);
        if (end !== undefined) this.#broke(end.node, end.key, node.id);
      },
      stale: (id) => node.told.push(`stale ${id}`),
      forget: (id) => node.told.push(`forget ${id}`),
      ready: () => {
        node.readyMs = this.nowMs;
      },
    };
  }

  #search(node: Node): void {
    this.at(100, () => {
      const living = this.nodes.filter((other) => other.alive && other !== node).map(({ id }) => id);
      for (const id of [...living, ...this.ghosts]) this.input(node, { type: 'row', id, doubtful: false });
    });
    this.at(1_100, () => this.input(node, { type: 'searched' }));
  }

  #reach(node: Node, id: PeerId): number {
    const key = ++node.keys;
    node.told.push(`reach ${id}`);
    const connectMs = latencyMs + below(this.random, 100);
    this.at(connectMs, () => {
      if (node.abandoned.delete(key)) return;
      const other = this.nodes.find((known) => known.id === id);
      if (!other?.alive || !other.dialable) this.input(node, { type: 'failed', key, id, why: 'dial' });
      else {
        this.input(node, { type: 'opening', key, id });
        if (node.abandoned.delete(key)) return;
        this.at(latencyMs, () => this.#arrive(node, key, other));
      }
    });
    return key;
  }

  /** Our stream and its proof reach the other side. */
  #arrive(from: Node, key: number, to: Node): void {
    const theirs = ++to.keys;
    let answer: 'accepted' | 'full' | 'lost' = 'lost';
    const fx = this.#effects(to);
    const asked: SubnetEffects = {
      ...fx,
      connect: (which) => {
        if (which !== theirs) return;
        answer = 'accepted';
        to.streams.set(theirs, { node: from, key });
      },
      refuse: (_, reason) => {
        answer = reason === 'FULL' ? 'full' : 'lost';
      },
    };
    if (to.alive) {
      const input = { type: 'arrived', key: theirs, id: from.id, session: from.session } as const;
      to.machine.handle(input, this.nowMs, asked);
    }
    this.at(latencyMs, () => this.#answered(from, key, to, theirs, answer));
  }

  #answered(from: Node, key: number, to: Node, theirs: number, answer: 'accepted' | 'full' | 'lost'): void {
    const given = from.abandoned.delete(key) || !from.alive;
    if (answer !== 'accepted') {
      if (!given) this.input(from, { type: 'failed', key, id: to.id, why: answer });
      return;
    }
    if (given) this.#broke(to, theirs, from.id);
    else {
      from.streams.set(key, { node: to, key: theirs });
      this.input(from, { type: 'opened', key, id: to.id, session: to.session });
    }
  }

  /** Pairs `a-b` that have a stream, as each side sees it. */
  pairs(): string[] {
    return this.nodes
      .flatMap((node) =>
        [...node.streams.values()].map(({ node: other }) => [node.id, other.id].sort().join('-')),
      )
      .sort();
  }
}
