// The connections of a node: raw duplexes in, secured connections held, channels handed to whom they belong. It makes
// no decision of the protocol: who to keep is the overlay's, this only does what it says. A connection lives as long
// as the overlay holds its gossip link or the application has a stream on it.
import {
  type Connection,
  type IncomingChannel,
  type LocalCrypto,
  SessionTable,
  secure,
} from '@peernet/connection';
import {
  type Clock,
  type CloseReason,
  type DuplexLike,
  type ErrorCode,
  isPeernetError,
  type Link,
  type Log,
  type PeerId,
  PeernetError,
  type PeerStore,
  parseIp,
  type Random,
  type RemoteInfo,
  type Scope,
  type Transport,
} from '@peernet/core';
import type { Gossip } from '@peernet/gossip';
import type { LinkOverlay } from '@peernet/search';
import { Arrivals } from './arrivals.js';
import { DEFAULTS } from './defaults.js';
import { Dials, discard } from './dials.js';
import { Member } from './member.js';
import { Met } from './met.js';
import type { Peer, TransportFunction } from './types.js';

const gossipChannel = 'peernet/gossip/1';

export interface HubOptions {
  readonly crypto: LocalCrypto;
  readonly network: string;
  readonly transports: readonly Transport[];
  readonly foreign: TransportFunction | undefined;
  readonly noWebRtc: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Hears of streams that come with an address; gossip tells it of every other dial. */
  readonly store: PeerStore;
  /** Another channel than gossip's: taken or rejected before it returns. */
  readonly onChannel: (member: Member, incoming: IncomingChannel) => void;
  readonly onConnect: (peer: Peer, id: PeerId) => void;
  readonly onDisconnect: (peer: Peer, reason: CloseReason) => void;
}

/** How an inbound duplex came. */
export interface Arrival {
  readonly role: 'any' | 'responder';
  readonly scope: Scope;
  /** Public address of the peer, if the application knows it, and its id, if it says so. */
  readonly address?: string | undefined;
  readonly expect?: PeerId | undefined;
  readonly from?: RemoteInfo | undefined;
  readonly transport: string;
}

/** A raw duplex as long as it is open. */
interface Raw {
  /** Its handshake is done: it ends by a goodbye. */
  secured: boolean;
  readonly closed: Promise<void>;
}

interface SecureOptions {
  readonly role: 'any' | 'initiator' | 'responder';
  readonly scope: Scope;
  readonly address?: string | undefined;
  readonly from?: RemoteInfo | undefined;
  readonly transport: string;
  readonly expect?: PeerId | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Peers of this process: a stream between two of them is as narrow as it gets. */
const localPeers = new Map<PeerId, number>();

/** Why gossip lets a link go that ends the connection too, whatever streams the application has on it. */
const unwanted: ReadonlySet<CloseReason> = new Set([
  'BANNED',
  'INTERNAL',
  'PROTOCOL',
  'RATE',
  'SELF',
  'SHUTDOWN',
  'STALE',
  'USER',
]);

export class Hub {
  readonly #o: HubOptions;
  readonly #members = new Map<Link, Member>();
  /** From the beginning of the handshake until they have closed. */
  readonly #raw = new Map<DuplexLike, Raw>();
  readonly #sessions = new SessionTable();
  readonly dials: Dials;
  readonly met: Met;
  readonly arrivals: Arrivals;
  #gossip!: Gossip;
  #pendingStreams = 0;
  #closed = false;

  constructor(options: HubOptions) {
    this.#o = options;
    this.dials = new Dials(options);
    this.met = new Met(options.clock);
    this.arrivals = new Arrivals(options.clock);
    localPeers.set(options.crypto.id, (localPeers.get(options.crypto.id) ?? 0) + 1);
  }

  /** Gossip dials through the hub and the hub feeds gossip: whoever made both ties the knot. */
  attach(gossip: Gossip, overlay: LinkOverlay): void {
    this.#gossip = gossip;
    gossip.on('up', ({ link }) => this.#members.get(link)?.joinOverlay(overlay));
    gossip.on('down', ({ link, reason }) => this.#members.get(link)?.leaveOverlay(overlay, reason));
  }

  // ---- connections that we make ----

  /** Gossip's way to reach out. Returns a function that gives up. */
  dialNow(
    address: string,
    options: { expect?: PeerId | undefined },
    done: (result: { link: Link } | { code: ErrorCode }) => void,
  ): () => void {
    const abort = new AbortController();
    this.dial(address, { expect: options.expect, signal: abort.signal }).then(
      (member) => done({ link: member.gossipLink }),
      (error: unknown) => done({ code: isPeernetError(error) ? error.code : 'INTERNAL' }),
    );
    return () => abort.abort();
  }

  /** Dials and secures. Whoever asked hands the link to gossip. */
  dial(
    text: string,
    options: { expect?: PeerId | undefined; signal?: AbortSignal | undefined },
  ): Promise<Member> {
    return this.dials.dial(
      text,
      options.signal,
      (duplex, address, signal) =>
        this.#secure(duplex, {
          role: 'initiator',
          scope: duplex.scope ?? (address.scope === 'forbidden' ? 'global' : address.scope),
          address: address.text,
          transport: address.scheme,
          expect: options.expect ?? address.id,
          signal,
        }),
      (late) => late.connection.close('DONE'),
    );
  }

  // ---- connections that come ----

  /** Takes an inbound duplex. Never rejects: what is wrong with it is the stranger's affair. */
  async accept(duplex: DuplexLike, arrival: Arrival): Promise<void> {
    const handedIn = arrival.from === undefined;
    if (this.#closed || (handedIn && this.#pendingStreams >= DEFAULTS.pendingStreamsMax)) {
      discard(duplex);
      return;
    }
    if (handedIn) this.#pendingStreams++;
    try {
      const member = await this.#secure(duplex, arrival);
      arrival.from?.established?.();
      this.#settle(arrival.address, member);
      this.#gossip.add(member.gossipLink);
    } catch (error) {
      this.#settle(arrival.address, undefined);
      this.#o.log('refused', {
        from: arrival.from?.ip ?? arrival.address,
        code: isPeernetError(error) ? error.code : 'INTERNAL',
      });
    } finally {
      if (handedIn) this.#pendingStreams--;
    }
  }

  /** A stream that the application made for an address counts as a dial. Gossip tells of it if we spoke first. */
  #settle(address: string | undefined, member: Member | undefined): void {
    if (address === undefined || member?.connection.initiator || this.#closed) return;
    this.#o.store.outcome(address, { ok: member !== undefined, id: member?.connection.peer });
  }

  async #secure(duplex: DuplexLike, o: SecureOptions): Promise<Member> {
    let member: Member | undefined;
    const arrived = deferred<Member>();
    const begin = (connection: Connection, gossipLink: Link): void => {
      member = this.#begin(connection, gossipLink, o);
      arrived.resolve(member);
    };
    // Channels are taken or refused at once, and they may come in the very record that ends the handshake. The one of
    // gossip is opened by who dialed, first, and once.
    const onOpen = (incoming: IncomingChannel): void => {
      const { connection, name, kind } = incoming;
      const isGossip = name === gossipChannel && kind === 'messages';
      if (member === undefined && connection.initiator) begin(connection, connection.link(gossipChannel));
      if (member === undefined && isGossip) begin(connection, incoming.link());
      else if (member === undefined || isGossip) incoming.reject();
      else this.#o.onChannel(member, incoming);
    };
    const raw = this.#track(duplex);
    const connection = await secure(duplex, this.#secureOptions(o, onOpen)).catch((error: unknown) => {
      this.#raw.delete(duplex);
      throw error;
    });
    raw.secured = true;
    if (this.#closed) connection.close('SHUTDOWN');
    else if (member === undefined && connection.initiator) begin(connection, connection.link(gossipChannel));
    return this.#orClosed(connection, arrived.promise);
  }

  #track(duplex: DuplexLike): Raw {
    const gone = deferred<void>();
    duplex.on('close', () => {
      this.#raw.delete(duplex);
      gone.resolve();
    });
    const raw = { secured: false, closed: gone.promise };
    this.#raw.set(duplex, raw);
    return raw;
  }

  #begin(connection: Connection, gossipLink: Link, o: SecureOptions): Member {
    // Both ends in one process: the stream is as narrow as a network gets, whatever it pretends to be.
    const near = o.role === 'any' && o.address === undefined && localPeers.has(connection.peer);
    this.#doubtOlder(connection);
    const { clock, onConnect, onDisconnect } = this.#o;
    const member = new Member({
      connection,
      gossipLink,
      scope: near ? 'loopback' : o.scope,
      address: o.address,
      transport: o.transport,
      clock,
      onConnect,
      onDisconnect,
      kindOf: (link) => this.#gossip.links().find((view) => view.link === link)?.kind,
      provenAddress: () => this.#provenAddress(connection.peer),
      mayStay: (reason) => this.#mayStay(reason, connection),
    });
    const { gossipLink: key } = member;
    this.met.add(connection.peer, o.address);
    this.#members.set(key, member);
    this.arrivals.tell(member);
    connection.closed.then(() => this.#members.delete(key));
    return member;
  }

  /** Whoever dials although we are connected has perhaps lost that connection: a page that slept, a laptop that moved. */
  #doubtOlder(fresh: Connection): void {
    for (const { connection } of this.#members.values()) {
      if (connection.peer === fresh.peer && !connection.initiator && !fresh.initiator) connection.check();
    }
  }

  #secureOptions(o: SecureOptions, onOpen: (incoming: IncomingChannel) => void) {
    const { crypto, network, clock, random, log } = this.#o;
    return {
      crypto,
      network,
      clock,
      random,
      log,
      role: o.role,
      expect: o.expect,
      scope: o.scope,
      remoteAddress: o.address ?? observed(o.from),
      sessions: this.#sessions,
      signal: o.signal,
      onOpen,
    };
  }

  /** The connection with its gossip channel; one that closes, or never opens one, ends the wait. */
  async #orClosed(connection: Connection, arrived: Promise<Member>): Promise<Member> {
    const { clock } = this.#o;
    const cancel = clock.alarm(clock.now() + DEFAULTS.firstChannelMs, () => connection.close('IDLE'));
    const gone = connection.closed.then((reason): never => {
      throw new PeernetError('REFUSED', `the peer closed the connection: ${reason}`);
    });
    try {
      return await Promise.race([arrived, gone]);
    } finally {
      cancel();
      gone.catch(() => {});
    }
  }

  // ---- who is there ----

  /** The member with that id to use: overlay before held before the rest; none that is on its way out. */
  byId(id: string): Member | undefined {
    let best: Member | undefined;
    for (const member of this.#members.values()) {
      if (member.connection.peer !== id || member.connection.closing) continue;
      if (best === undefined || member.weight > best.weight) best = member;
    }
    return best;
  }

  /** A member that was reached, or could be, at `address`. */
  byAddress(address: string): Member | undefined {
    let proven: Member | undefined;
    for (const member of this.#members.values()) {
      if (member.connection.closing) continue;
      if (member.address === address) return member;
      if (member.peer.address === address) proven = member;
    }
    return proven;
  }

  /** Every connection, whatever it is for. */
  members(): Member[] {
    return [...this.#members.values()];
  }

  /** Whether we are connected, or have been within ten minutes. */
  isVerified(id: PeerId): boolean {
    return this.byId(id) !== undefined || this.met.isFresh(id);
  }

  /** The address at which we meet it, or have within ten minutes. */
  metAt(id: PeerId): string | undefined {
    return this.byId(id)?.knownAddress ?? (this.met.isFresh(id) ? this.#provenAddress(id) : undefined);
  }

  /** Where a dial of ours has met it, if the book still believes that. */
  #provenAddress(id: PeerId): string | undefined {
    const address = this.met.addressOf(id);
    const entry = address === undefined ? undefined : this.#o.store.get(address);
    return entry?.verified && entry.id === id ? address : undefined;
  }

  /** Whether streams may keep a connection that gossip has let go of. Those who dialed us take no places of whom we dialed. */
  #mayStay(reason: CloseReason, { initiator }: Connection): boolean {
    if (unwanted.has(reason)) return false;
    const kept = this.members().filter((other) => other.isKept && other.connection.initiator === initiator);
    return kept.length < DEFAULTS.appConnectionsMax;
  }

  // ---- the end ----

  /**
   * Says goodbye to all; resolves when every duplex has closed. A socket that is destroyed earlier may not get the
   * goodbye through, and the peer would take it for a failure.
   */
  async close(reason: CloseReason): Promise<void> {
    if (!this.#shut()) return;
    for (const member of this.members()) member.connection.close(reason);
    for (const [duplex, { secured }] of this.#raw) if (!secured) discard(duplex);
    await Promise.all([...this.#raw.values()].filter(({ secured }) => secured).map(({ closed }) => closed));
  }

  /** Ends what has not ended by itself, handshakes and dials too. */
  destroy(): void {
    this.#shut();
    for (const duplex of this.#raw.keys()) discard(duplex);
  }

  /** Nothing is begun any more. False if that is so already. */
  #shut(): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    const left = (localPeers.get(this.#o.crypto.id) ?? 1) - 1;
    if (left > 0) localPeers.set(this.#o.crypto.id, left);
    else localPeers.delete(this.#o.crypto.id);
    this.dials.close();
    this.arrivals.close();
    return true;
  }
}

/** Who an inbound peer is to the network: `tcp://ip:port` as seen, for HELLO's observed address. */
function observed(from: RemoteInfo | undefined): string | undefined {
  const ip = from?.ip === undefined ? undefined : parseIp(from.ip);
  if (ip === undefined || !from?.port) return undefined;
  return `tcp://${ip.version === 6 ? `[${ip.text}]` : ip.text}:${from.port}`;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((r) => {
    resolve = r;
  });
  return { promise, resolve };
}
