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
  type Address,
  type Clock,
  type CloseReason,
  type DuplexLike,
  type ErrorCode,
  isPeernetError,
  type Link,
  type Log,
  type PeerId,
  PeernetError,
  parseForeignAddress,
  parseIp,
  type Random,
  type RemoteInfo,
  type Scope,
  type Transport,
} from '@peernet/core';
import type { Gossip } from '@peernet/gossip';
import type { LinkOverlay } from '@peernet/search';
import { DEFAULTS } from './defaults.js';
import { Member, searchChannel } from './member.js';
import type { ByteStream, Handler, Peer, TransportFunction } from './types.js';

const gossipChannel = 'peernet/gossip/1';
const appPrefix = 'app/';

export interface HubOptions {
  readonly crypto: LocalCrypto;
  readonly network: string;
  readonly transports: readonly Transport[];
  readonly foreign: TransportFunction | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly onConnect: (peer: Peer) => void;
  readonly onDisconnect: (peer: Peer, reason: CloseReason) => void;
}

/** How an inbound duplex came. */
export interface Arrival {
  readonly role: 'any' | 'responder';
  readonly scope: Scope;
  /** Public address of the peer, if the application knows it. */
  readonly address?: string | undefined;
  readonly from?: RemoteInfo | undefined;
  readonly transport: string;
}

type Dialed = { link: Link } | { code: ErrorCode };

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

export class Hub {
  readonly #o: HubOptions;
  readonly #members = new Map<Link, Member>();
  readonly #dials = new Set<AbortController>();
  readonly #sessions = new SessionTable();
  #gossip!: Gossip;
  #overlay!: LinkOverlay;
  /** Outcomes of our own dials. */
  readonly dials: { ok: number; failed: number; lastFailure?: string } = { ok: 0, failed: 0 };
  #pendingStreams = 0;
  #closed = false;

  constructor(options: HubOptions) {
    this.#o = options;
    localPeers.set(options.crypto.id, (localPeers.get(options.crypto.id) ?? 0) + 1);
  }

  /** Gossip dials through the hub and the hub feeds gossip: whoever made both ties the knot. */
  attach(gossip: Gossip, overlay: LinkOverlay): void {
    this.#gossip = gossip;
    this.#overlay = overlay;
    gossip.on('up', ({ link }) => this.#members.get(link)?.joinOverlay(overlay));
    gossip.on('down', ({ link, reason }) => this.#members.get(link)?.leaveOverlay(overlay, reason));
  }

  /** The schemes that can be dialed. */
  get schemes(): string[] {
    return this.#o.transports.flatMap((transport) => transport.schemes);
  }

  /** Gossip's way to reach out. Returns a function that gives up. */
  dialNow(
    address: string,
    options: { expect?: PeerId | undefined },
    done: (result: Dialed) => void,
  ): () => void {
    const abort = new AbortController();
    this.dial(address, { expect: options.expect, signal: abort.signal }).then(
      (member) => done({ link: member.gossipLink }),
      (error: unknown) => done({ code: isPeernetError(error) ? error.code : 'INTERNAL' }),
    );
    return () => abort.abort();
  }

  /** Dials and secures. Whoever asked hands the link to gossip. */
  async dial(
    text: string,
    options: { expect?: PeerId | undefined; signal?: AbortSignal | undefined },
  ): Promise<Member> {
    const address = parseForeignAddress(text);
    if (address === undefined) throw new PeernetError('ADDRESS_INVALID', `${text} is not an address`);
    if (this.#closed) throw new PeernetError('CLOSED', 'this peernet is closed');
    const abort = new AbortController();
    this.#dials.add(abort);
    const late = new PeernetError(
      'DIAL_TIMEOUT',
      `no answer from ${address.text} within ${DEFAULTS.dialMs} ms`,
    );
    const cancel = this.#o.clock.alarm(this.#o.clock.now() + DEFAULTS.dialMs, () => abort.abort(late));
    const giveUp = (): void => abort.abort(new PeernetError('ABORTED', `gave up dialing ${address.text}`));
    if (options.signal?.aborted) giveUp();
    options.signal?.addEventListener('abort', giveUp, { once: true });
    try {
      const member = await this.#dialAddress(address, options.expect ?? address.id, abort.signal);
      this.dials.ok++;
      return member;
    } catch (error) {
      this.dials.failed++;
      this.dials.lastFailure = isPeernetError(error) ? error.code : String(error);
      // What a transport says about an abort matters less than why it was aborted.
      throw abort.signal.aborted ? abort.signal.reason : dialError(address.text, error);
    } finally {
      cancel();
      options.signal?.removeEventListener('abort', giveUp);
      this.#dials.delete(abort);
    }
  }

  async #dialAddress(address: Address, expect: PeerId | undefined, signal: AbortSignal): Promise<Member> {
    signal.throwIfAborted();
    const duplex = await this.#raw(address, signal);
    const scope = address.scope === 'forbidden' ? 'global' : address.scope;
    return this.#secure(duplex, {
      role: 'initiator',
      scope,
      address: address.text,
      transport: address.scheme,
      expect,
      signal,
    });
  }

  #raw(address: Address, signal: AbortSignal): Promise<DuplexLike> {
    const transport = this.#o.transports.find((t) => t.schemes.includes(address.scheme));
    if (transport !== undefined) {
      const allowIp = address.scope === 'global' && address.ip === undefined ? isGlobalIp : undefined;
      return transport.dial(address.text, { signal, allowIp });
    }
    const { foreign } = this.#o;
    if (foreign === undefined) {
      const known = this.schemes.map((scheme) => `${scheme}:`).join(' ');
      const hint = address.scheme === 'wrtc' ? '; WebRTC is not available here' : '';
      throw new PeernetError(
        'SCHEME_UNKNOWN',
        `no transport for ${address.scheme}: (known: ${known})${hint}`,
      );
    }
    const duplex = foreign(address.text);
    if (typeof duplex?.write !== 'function' || typeof duplex.on !== 'function') {
      throw new TypeError('opts.transport must return a duplex stream');
    }
    return Promise.resolve(duplex);
  }

  /** Takes an inbound duplex. Never rejects: what is wrong with it is the stranger's affair. */
  async accept(duplex: DuplexLike, arrival: Arrival): Promise<void> {
    const handedIn = arrival.from === undefined;
    if (this.#closed || (handedIn && this.#pendingStreams >= DEFAULTS.pendingStreamsMax)) {
      duplex.on('error', () => {});
      duplex.destroy();
      return;
    }
    if (handedIn) this.#pendingStreams++;
    try {
      const member = await this.#secure(duplex, arrival);
      arrival.from?.established?.();
      this.#gossip.add(member.gossipLink);
    } catch (error) {
      this.#o.log('refused', {
        from: arrival.from?.ip,
        code: isPeernetError(error) ? error.code : 'INTERNAL',
      });
    } finally {
      if (handedIn) this.#pendingStreams--;
    }
  }

  async #secure(duplex: DuplexLike, o: SecureOptions): Promise<Member> {
    let member: Member | undefined;
    const arrived = deferred<Member>();
    const begin = (connection: Connection, gossipLink: Link): Member => {
      member = this.#begin(connection, gossipLink, o);
      arrived.resolve(member);
      return member;
    };
    // Channels are taken or refused at once, and they may come in the very record that ends the handshake.
    const onOpen = (incoming: IncomingChannel): void => {
      const { connection, name, kind } = incoming;
      const isGossip = name === gossipChannel && kind === 'messages';
      if (member === undefined && connection.initiator) begin(connection, connection.link(gossipChannel));
      if (member === undefined && isGossip) begin(connection, incoming.link());
      else if (member === undefined || isGossip) incoming.reject();
      else this.#incoming(member, incoming);
    };
    const { crypto, network, clock, random, log } = this.#o;
    const connection = await secure(duplex, {
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
    });
    if (this.#closed) connection.close('SHUTDOWN');
    else if (member === undefined && connection.initiator) begin(connection, connection.link(gossipChannel));
    return this.#orClosed(connection, arrived.promise);
  }

  #begin(connection: Connection, gossipLink: Link, o: SecureOptions): Member {
    // Both ends in one process: the stream is as narrow as a network gets, whatever it pretends to be.
    const near = o.role === 'any' && o.address === undefined && localPeers.has(connection.peer);
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
    });
    const { gossipLink: key } = member;
    this.#members.set(key, member);
    connection.closed.then(() => this.#members.delete(key));
    return member;
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

  #incoming(member: Member, incoming: IncomingChannel): void {
    if (incoming.kind === 'messages' && incoming.name === searchChannel) {
      member.searchArrived(incoming.link(), this.#overlay);
      return;
    }
    const protocol = incoming.name.startsWith(appPrefix) ? incoming.name.slice(appPrefix.length) : undefined;
    const handler = protocol === undefined ? undefined : this.#o.handlers.get(protocol);
    if (incoming.kind !== 'stream' || handler === undefined) {
      incoming.reject();
      return;
    }
    const stream = incoming.stream() as ByteStream;
    member.carries(stream);
    try {
      handler(stream, member.peer);
    } catch (error) {
      stream.destroy();
      this.#o.log('handler threw', { protocol, error: String(error) });
    }
  }

  /** The member with that id to use: overlay before held before the rest. */
  byId(id: string): Member | undefined {
    let best: Member | undefined;
    for (const member of this.#members.values()) {
      if (member.connection.peer !== id || member.connection.closing) continue;
      if (best === undefined || member.weight > best.weight) best = member;
    }
    return best;
  }

  /** A member that was reached at `address`. */
  byAddress(address: string): Member | undefined {
    for (const member of this.#members.values()) {
      if (member.address === address && !member.connection.closing) return member;
    }
    return undefined;
  }

  /** Every connection, whatever it is for. */
  members(): Member[] {
    return [...this.#members.values()];
  }

  /** Says goodbye to all; resolves when every connection is gone. */
  async close(reason: CloseReason): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const left = (localPeers.get(this.#o.crypto.id) ?? 1) - 1;
    if (left > 0) localPeers.set(this.#o.crypto.id, left);
    else localPeers.delete(this.#o.crypto.id);
    for (const abort of this.#dials) abort.abort(new PeernetError('CLOSED', 'this peernet was closed'));
    const members = this.members();
    for (const member of members) member.connection.close(reason);
    await Promise.all(members.map((member) => member.connection.closed));
  }
}

/** A dial that ended in the transport or in the handshake, as a PeernetError that names the address. */
function dialError(address: string, error: unknown): Error {
  if (error instanceof TypeError || isPeernetError(error)) return error as Error;
  const refused = (error as { code?: unknown } | undefined)?.code === 'ECONNREFUSED';
  const code = refused ? 'DIAL_REFUSED' : 'DIAL_FAILED';
  const message = refused
    ? `nothing listens at ${address}`
    : `cannot connect to ${address}: ${String(error)}`;
  return new PeernetError(code, message, { cause: error });
}

/** Who an inbound peer is to the network: `tcp://ip:port` as seen, for HELLO's observed address. */
function observed(from: RemoteInfo | undefined): string | undefined {
  const ip = from?.ip === undefined ? undefined : parseIp(from.ip);
  if (ip === undefined || !from?.port) return undefined;
  return `tcp://${ip.version === 6 ? `[${ip.text}]` : ip.text}:${from.port}`;
}

function isGlobalIp(text: string): boolean {
  return parseIp(text)?.scope === 'global';
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((r) => {
    resolve = r;
  });
  return { promise, resolve };
}
