// One subnet of a node: the shell around the machine, shared by all who called `pn.subnet()` for that name. It owns
// one alarm, the running search, the attempts and the streams; the rules are in machine/subnet.ts.
import type { ChannelByteStream, IncomingChannel } from '@peernet/connection';
import { Alarm, type Clock, isPeernetError, type Log, type PeerId, type Random } from '@peernet/core';
import type { SearchRow } from '@peernet/search';
import { isUnreachable } from './app-streams.js';
import { atMost } from './callback.js';
import type { SubnetChannel } from './channels.js';
import { SUBNET } from './defaults.js';
import type { Failure, StreamKey } from './machine/members.js';
import { type SubnetEffects, type SubnetInput, SubnetMachine } from './machine/subnet.js';
import type { Member } from './member.js';
import type { Parts } from './parts.js';
import type { Reach, Tried } from './reach.js';
import { readProof, SubnetProofs } from './subnet-proof.js';
import type { ByteStream, Peer } from './types.js';
import { subnetChannel } from './wire.js';

export interface RoomOptions {
  readonly name: string;
  readonly network: string;
  readonly connections: number;
  readonly parts: Parts;
  readonly reach: Reach;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onConnection: (stream: ByteStream, peer: Peer) => void;
  readonly onReady: () => void;
}

/** A stream, from its opening on. */
interface Held {
  readonly id: PeerId;
  readonly member: Member;
  readonly stream: ChannelByteStream;
  /** We opened it. */
  readonly mine: boolean;
  /** Handed to the application. */
  given: boolean;
}

export class SubnetRoom implements SubnetChannel {
  readonly name: string;
  readonly channel: string;
  readonly #o: RoomOptions;
  readonly #proofs: SubnetProofs;
  readonly #machine: SubnetMachine;
  readonly #alarm: Alarm;
  readonly #rows = new Map<PeerId, SearchRow>();
  /** What the row said that was tried last. */
  readonly #tried = new Map<PeerId, Tried>();
  readonly #attempts = new Set<StreamKey>();
  readonly #held = new Map<StreamKey, Held>();
  readonly #onLinks = (): void => this.#handle({ type: 'links', ids: this.#neighbours() });
  #inputs: SubnetInput[] = [];
  #handling = false;
  #lastKey = 0;
  #cancelSearch: (() => void) | undefined;
  #closed = false;
  #wrongProofs = 0;

  constructor(options: RoomOptions) {
    const { name, network, parts, clock, random, connections } = options;
    this.#o = options;
    this.name = name;
    this.channel = subnetChannel(parts.search.hashOf(name));
    this.#proofs = new SubnetProofs(parts.crypto, name, network);
    this.#machine = new SubnetMachine({ self: parts.crypto.id, random, connections, nowMs: clock.now() });
    this.#alarm = new Alarm(clock, () => this.#handle({ type: 'tick' }));
  }

  /** Becomes a member, and begins. Throws LIMIT. */
  start(): void {
    const { search, gossip } = this.#o.parts;
    search.join([this.name]);
    gossip.on('up', this.#onLinks).on('down', this.#onLinks);
    this.#onLinks();
  }

  set connections(count: number) {
    this.#handle({ type: 'connections', count });
  }

  /** What the application has. */
  streams(): [ByteStream, Peer][] {
    const all: [ByteStream, Peer][] = [];
    for (const { stream, member, given } of this.#held.values()) {
      if (given) all.push([stream as ByteStream, member.peer]);
    }
    return all;
  }

  snapshot(): Record<string, number> {
    return {
      connected: this.#machine.connected().length,
      known: this.#machine.known,
      ...this.#machine.counters,
      wrongProofs: this.#wrongProofs,
    };
  }

  // ---- the machine ----

  #neighbours(): ReadonlySet<PeerId> {
    return new Set(this.#o.parts.gossip.neighbours().map(({ id }) => id));
  }

  /** One input at a time: effects may call back before they return. */
  #handle(input: SubnetInput): void {
    if (this.#closed) return;
    this.#inputs.push(input);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        if (!this.#closed) this.#machine.handle(next, this.#o.clock.now(), this.#effects);
      }
    } finally {
      this.#handling = false;
    }
    if (!this.#closed) this.#alarm.set(this.#machine.deadline());
  }

  readonly #effects: SubnetEffects = {
    search: () => this.#search(),
    reach: (id) => this.#reach(id),
    abandon: (key) => {
      this.#attempts.delete(key);
      this.#end(key, 'DUPLICATE');
    },
    connect: (key) => this.#connect(key),
    refuse: (key, reason) => this.#end(key, reason),
    drop: (key) => this.#end(key, 'REPLACED'),
    stale: (id) => {
      const tried = this.#tried.get(id);
      if (tried !== undefined) this.#o.reach.stale(this.#o.parts, id, tried);
    },
    forget: (id) => {
      this.#rows.delete(id);
      this.#tried.delete(id);
    },
    ready: () => this.#o.onReady(),
  };

  #search(): void {
    const { search } = this.#o.parts;
    const onRow = (row: SearchRow): void => {
      const before = this.#rows.get(row.id)?.addresses.join(' ');
      const moved = before !== undefined && before !== row.addresses.join(' ');
      this.#rows.set(row.id, row);
      this.#handle({ type: 'row', id: row.id, doubtful: row.doubtful, moved });
    };
    const onEnd = (): void => this.#handle({ type: 'searched' });
    try {
      this.#cancelSearch = search.search(this.name, {}, onRow, onEnd);
    } catch {
      onEnd(); // the node has too many searches at once
    }
  }

  // ---- streams that we open ----

  #reach(id: PeerId): StreamKey {
    const key = ++this.#lastKey;
    this.#attempts.add(key);
    const { parts, reach } = this.#o;
    const row = this.#rows.get(id);
    const addresses = row === undefined ? [] : [row.address, ...row.addresses].filter((text) => text !== id);
    const target = { id, addresses };
    this.#tried.set(id, { addresses, seq: row?.seq });
    reach.found(parts, target).then(
      (member) => {
        if (this.#attempts.has(key)) this.#handle({ type: 'opening', key, id });
        if (this.#attempts.delete(key)) this.#open(key, member);
        else member.rest();
      },
      (error: unknown) => {
        if (!this.#attempts.delete(key)) return;
        const other = isPeernetError(error, 'HELD_OFF') ? 'lost' : 'full';
        this.#handle({ type: 'failed', key, id, why: isUnreachable(error, target) ? 'dial' : other });
      },
    );
    return key;
  }

  #open(key: StreamKey, member: Member): void {
    const { connection } = member;
    const stream = member.openChannel(this.channel);
    const held = this.#hold(key, member, stream, true);
    let cause: unknown;
    stream.on('error', (error: unknown) => {
      cause = error;
    });
    stream.write(this.#proofs.ours(connection));
    readProof(stream, this.#o.clock, (bytes) => {
      if (this.#held.get(key) !== held) return;
      if (bytes !== undefined && this.#proofs.isTheirs(connection, bytes)) {
        this.#handle({ type: 'opened', key, id: held.id, session: connection.session });
        return;
      }
      const why = bytes === undefined ? failureOf(cause) : 'proof';
      if (why === 'proof') this.#wrongProof(held);
      this.#end(key, why === 'proof' ? 'REJECTED' : 'TIMEOUT');
      this.#handle({ type: 'failed', key, id: held.id, why });
    });
  }

  // ---- streams that they open ----

  incoming(member: Member, incoming: IncomingChannel): void {
    if (this.#closed || !this.#makePlaceFor(member)) return;
    const key = ++this.#lastKey;
    const stream = incoming.stream();
    member.carries(stream as ByteStream);
    const held = this.#hold(key, member, stream, false);
    readProof(stream, this.#o.clock, (bytes) => {
      if (this.#held.get(key) !== held) return;
      const { connection } = member;
      if (bytes !== undefined && this.#proofs.isTheirs(connection, bytes)) {
        this.#handle({ type: 'arrived', key, id: held.id, session: connection.session });
        return;
      }
      if (bytes !== undefined) this.#wrongProof(held);
      this.#end(key, 'REJECTED');
    });
  }

  /** Whoever opens streams and says nothing takes no place but his own: of too many, the one that is silent longest goes. */
  #makePlaceFor(member: Member): boolean {
    const silent = [...this.#held].filter(([, { mine, given }]) => !mine && !given);
    const same = silent.filter(([, held]) => held.member === member).length;
    if (same >= SUBNET.unprovenPerPeerMax) return false;
    const [oldest] = silent;
    if (silent.length >= SUBNET.unprovenMax && oldest !== undefined) this.#end(oldest[0], 'FULL');
    return true;
  }

  #wrongProof({ id }: Held): void {
    this.#wrongProofs++;
    this.#o.log('subnet.wrong proof', { subnet: this.name, id });
  }

  // ---- both ----

  #hold(key: StreamKey, member: Member, stream: ChannelByteStream, mine: boolean): Held {
    const held: Held = { id: member.connection.peer, member, stream, mine, given: false };
    this.#held.set(key, held);
    stream.on('close', () => {
      if (!held.given || !this.#held.delete(key)) return;
      this.#handle({ type: 'ended', key, id: held.id });
    });
    return held;
  }

  #connect(key: StreamKey): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    const { stream, member, mine } = held;
    held.given = true;
    if (!mine) stream.write(this.#proofs.ours(member.connection));
    this.#o.onConnection(stream as ByteStream, member.peer);
  }

  #end(key: StreamKey, reason: Parameters<ChannelByteStream['reset']>[0]): void {
    const held = this.#held.get(key);
    this.#held.delete(key);
    held?.stream.reset(reason);
  }

  /** Ends what there is, bounded. Whether we stay a member of the subnet is for others to say. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#alarm.stop();
    this.#cancelSearch?.();
    this.#attempts.clear();
    const { gossip } = this.#o.parts;
    gossip.off('up', this.#onLinks).off('down', this.#onLinks);
    const ends: Promise<void>[] = [];
    for (const [key, { stream, given }] of [...this.#held]) {
      if (!given) this.#end(key, 'SHUTDOWN');
      else ends.push(ended(stream));
    }
    await atMost(this.#o.clock, SUBNET.endMs, Promise.all(ends));
    for (const key of [...this.#held.keys()]) this.#end(key, 'SHUTDOWN');
  }
}

/** Says that we have said all; resolves when the other side has done so too. */
function ended(stream: ChannelByteStream): Promise<void> {
  return new Promise((done) => {
    stream.on('close', () => done());
    if (stream.destroyed) done();
    else stream.end();
  });
}

/** Why an opening ended before there was a proof. */
function failureOf(cause: unknown): Failure {
  if (isPeernetError(cause, 'CHANNEL_REJECTED')) return 'absent';
  return isPeernetError(cause, 'LIMIT') ? 'full' : 'lost';
}
