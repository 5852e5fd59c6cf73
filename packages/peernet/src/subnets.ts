// The subnets of a node: one room per name, shared by all `pn.subnet()` of that name, from the first of them to the
// last. A membership that came with the first goes with the last; one that was joined by `pn.join()` stays.
import type { Clock, Log, Random } from '@peernet/core';
import type { Store } from '@peernet/store';
import { atMost, checkSignal, settle } from './callback.js';
import type { SubnetChannel } from './channels.js';
import { DEFAULTS, SUBNET } from './defaults.js';
import { closedError } from './inputs.js';
import type { Parts } from './parts.js';
import type { Reach } from './reach.js';
import { Subnet, type SubnetHost } from './subnet.js';
import { SubnetRoom } from './subnet-room.js';
import type { SubnetOptions } from './types.js';

export interface SubnetsOptions {
  readonly store: Store;
  readonly reach: Reach;
  readonly network: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly started: () => Promise<Parts>;
  readonly fail: (error: unknown) => void;
}

/** All `pn.subnet()` of one name. */
interface Shared {
  readonly open: Set<Subnet>;
  room: SubnetRoom | undefined;
  /** Settled when the room is ready, or cannot be. */
  readonly ready: Promise<void>;
}

export class Subnets {
  readonly #o: SubnetsOptions;
  readonly #byName = new Map<string, Shared>();
  readonly #byChannel = new Map<string, SubnetRoom>();
  /** Calls of `pn.join()` that are not done, by name. */
  readonly #joining = new Map<string, number>();
  #closed = false;

  constructor(options: SubnetsOptions) {
    this.#o = options;
  }

  /** Whoever serves a channel. */
  readonly serving = (channel: string): SubnetChannel | undefined => this.#byChannel.get(channel);

  open(name: string, options: SubnetOptions): Subnet {
    const { connections = SUBNET.connections, signal } = checked(options);
    if (this.#closed) throw closedError();
    const shared = this.#byName.get(name) ?? this.#begin(name);
    const host: SubnetHost = {
      streams: () => shared.room?.streams() ?? [],
      ready: shared.ready,
      leave: (subnet) => this.#leave(name, shared, subnet),
      settle: (method, work, callback) => settle(work, callback, (error) => this.#rejected(method, error)),
    };
    const subnet = new Subnet(name, connections, host, signal);
    shared.open.add(subnet);
    this.#count(shared);
    if (signal?.aborted) void subnet.close();
    return subnet;
  }

  #rejected(method: string, error: unknown): void {
    this.#o.log('rejected', { method, message: String((error as Error)?.message ?? error) });
  }

  #begin(name: string): Shared {
    let ready!: () => void;
    let failed!: (error: unknown) => void;
    const promise = new Promise<void>((resolve, reject) => {
      [ready, failed] = [resolve, reject];
    });
    promise.catch(() => {}); // whoever asks for it hears of it
    const shared: Shared = { open: new Set(), room: undefined, ready: promise };
    this.#byName.set(name, shared);
    this.#o
      .started()
      .then((parts) => {
        if (shared.open.size === 0) failed(closedError());
        else this.#start(name, shared, parts, ready);
      })
      .catch((error: unknown) => {
        this.#forget(name, shared); // the next one of the name begins anew
        failed(error);
        this.#o.fail(error);
      });
    return shared;
  }

  #start(name: string, shared: Shared, parts: Parts, onReady: () => void): void {
    const { network, reach, clock, random, log } = this.#o;
    const room = new SubnetRoom({
      name,
      network,
      connections: SUBNET.connections,
      parts,
      reach,
      clock,
      random,
      log,
      onConnection: (...connection) => {
        for (const subnet of shared.open) subnet.deliver(connection);
      },
      onReady,
    });
    shared.room = room;
    this.#byChannel.set(room.channel, room);
    this.#count(shared);
    room.start();
  }

  /** The most that any of them asks for. */
  #count({ room, open }: Shared): void {
    if (room !== undefined && open.size > 0) {
      room.connections = Math.max(...[...open].map((subnet) => subnet.connections));
    }
  }

  async #leave(name: string, shared: Shared, subnet: Subnet): Promise<void> {
    shared.open.delete(subnet);
    this.#count(shared);
    if (shared.open.size > 0 || this.#byName.get(name) !== shared) return;
    const ended = this.#forget(name, shared);
    if (ended !== undefined)
      await atMost(this.#o.clock, DEFAULTS.closeMs, Promise.all([ended, this.#part(name)]));
  }

  /** Its room ends, if it has one. */
  #forget(name: string, shared: Shared): Promise<void> | undefined {
    if (this.#byName.get(name) === shared) this.#byName.delete(name);
    const { room } = shared;
    shared.room = undefined;
    if (room !== undefined && this.#byChannel.get(room.channel) === room)
      this.#byChannel.delete(room.channel);
    return room?.close();
  }

  async #part(name: string): Promise<void> {
    if (this.#closed) return;
    const parts = await this.#o.started();
    const joined = await this.#o.store.subnets.list();
    // Joined, or opened again meanwhile.
    if (joined.includes(name) || this.#joining.has(name) || this.#byName.has(name)) return;
    parts.search.part([name]);
  }

  /** A `pn.join()` of these is under way: their memberships do not go with a room. */
  async joining(names: readonly string[], join: () => Promise<void>): Promise<void> {
    for (const name of names) this.#joining.set(name, (this.#joining.get(name) ?? 0) + 1);
    try {
      await join();
    } finally {
      for (const name of names) {
        const left = (this.#joining.get(name) ?? 1) - 1;
        if (left > 0) this.#joining.set(name, left);
        else this.#joining.delete(name);
      }
    }
  }

  /** Whether the node is in it because of a `pn.subnet()`. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** Counters by name. */
  snapshot(): Record<string, Record<string, number>> {
    const rooms = [...this.#byName].filter(([, { room }]) => room !== undefined);
    return Object.fromEntries(rooms.map(([name, { room }]) => [name, (room as SubnetRoom).snapshot()]));
  }

  /** With the node: all end. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#byName.values()].flatMap((shared) => [...shared.open]);
    await Promise.all(open.map((subnet) => subnet.close()));
  }
}

/** TypeError for options that cannot be meant. */
function checked(options: SubnetOptions): SubnetOptions {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('pn.subnet: the options must be an object');
  const { connections, signal } = options;
  const isCount =
    connections === undefined ||
    (Number.isInteger(connections) && connections >= 1 && connections <= SUBNET.connectionsMax);
  if (!isCount) {
    throw new TypeError(
      `pn.subnet: connections is an integer 1 … ${SUBNET.connectionsMax}, got ${String(connections)}`,
    );
  }
  checkSignal(signal);
  return options;
}
