// One connection of a node, with its channels: the overlay's link, the search's link, the application's streams; and
// the `Peer` by which the application knows it. It closes its connection when nobody needs it any more.
import type { ChannelByteStream, Connection } from '@peernet/connection';
import {
  type Clock,
  type CloseReason,
  closeCodes,
  type Link,
  type LinkEvents,
  type PeerId,
  type Scope,
  TokenBucket,
  type Urgency,
} from '@peernet/core';
import type { LinkOverlay } from '@peernet/search';
import { DEFAULTS, SEARCH_LINKS } from './defaults.js';
import type { ByteStream, Peer } from './types.js';

export const searchChannel = 'peernet/search/1';

export interface MemberOptions {
  readonly connection: Connection;
  /** The gossip channel as the connection gives it. */
  readonly gossipLink: Link;
  readonly scope: Scope;
  readonly address: string | undefined;
  readonly transport: string;
  readonly clock: Clock;
  readonly onConnect: (peer: Peer, id: PeerId) => void;
  readonly onDisconnect: (peer: Peer, reason: CloseReason) => void;
  /** What gossip holds the link for, if it does. */
  readonly kindOf: (link: Link) => Peer['kind'] | undefined;
  /** Where a dial of ours has found the peer. */
  readonly provenAddress: () => string | undefined;
  /** Whether streams may keep the connection although gossip let go of it for this reason. */
  readonly mayStay: (reason: CloseReason) => boolean;
}

export class Member {
  readonly connection: Connection;
  readonly address: string | undefined;
  /** What gossip holds: the channel, and an ear for its end. */
  readonly gossipLink: Link;
  readonly peer: Peer;
  readonly #o: MemberOptions;
  readonly #streams = new Set<ByteStream>();
  readonly #since: number;
  #held = true;
  #inOverlay = false;
  #announced = false;
  #search: Link | undefined;
  /** Links for searches that the peer has opened; made with the first. */
  #searches: TokenBucket | undefined;
  #cancelIdle: (() => void) | undefined;

  constructor(options: MemberOptions) {
    this.#o = options;
    this.connection = options.connection;
    this.address = options.address;
    this.#since = options.clock.wall();
    this.gossipLink = new HeldLink(options.gossipLink, options.scope, (reason) => this.#released(reason));
    this.peer = new PeerView(this, options.transport, this.#since);
    this.connection.closed.then((reason) => this.#gone(reason));
  }

  /** Which of several connections to one peer to use. */
  get weight(): number {
    return (this.#held ? 2 : 0) + (this.#inOverlay ? 4 : 0) + (this.#streams.size > 0 ? 1 : 0);
  }

  get kind(): Peer['kind'] {
    if (this.#inOverlay) return 'overlay';
    return this.#announced ? 'app' : (this.#o.kindOf(this.gossipLink) ?? 'pending');
  }

  /** The address that was dialed, or that a dial has proven since. */
  get knownAddress(): string | undefined {
    return this.address ?? this.#o.provenAddress();
  }

  /** Only streams keep it: gossip has let go. */
  get isKept(): boolean {
    return !this.#held && this.#streams.size > 0;
  }

  /** The overlay took the peer as a neighbour: searches go over it from now on. */
  joinOverlay(overlay: LinkOverlay): void {
    this.#inOverlay = true;
    this.announce();
    if (this.connection.initiator) this.#search = this.#scoped(this.connection.link(searchChannel));
    if (this.#search !== undefined) overlay.add(this.#search);
  }

  /** The dialer opens the search channel, maybe before our overlay has decided. Not ever anew: limits begin anew with each. */
  searchArrived(link: Link, overlay: LinkOverlay): void {
    const nowMs = this.#o.clock.now();
    this.#searches ??= new TokenBucket(SEARCH_LINKS, nowMs);
    if (!this.#searches.take(1, nowMs)) {
      link.close('RATE');
      return;
    }
    if (this.#search !== undefined) overlay.remove(this.#search);
    this.#search?.close('REPLACED');
    this.#search = this.#scoped(link);
    if (this.#inOverlay) overlay.add(this.#search);
  }

  /** As narrow as the connection has turned out to be, for the search as for gossip. */
  #scoped(link: Link): Link {
    const { scope } = this.#o;
    return link.scope === scope ? link : new HeldLink(link, scope, () => {});
  }

  leaveOverlay(overlay: LinkOverlay, reason: CloseReason): void {
    this.#inOverlay = false;
    if (this.#search !== undefined) {
      overlay.remove(this.#search);
      this.#search.close('DONE');
      this.#search = undefined;
    }
    if (this.#streams.size === 0) this.#withdraw(reason);
  }

  /** The application may know of this peer now. Of one that is on its way out it would not hear the end. */
  announce(): void {
    if (this.#announced || this.connection.closing) return;
    this.#announced = true;
    this.#o.onConnect(this.peer, this.connection.peer);
  }

  #withdraw(reason: CloseReason): void {
    if (!this.#announced) return;
    this.#announced = false;
    this.#o.onDisconnect(this.peer, reason);
  }

  /** Dialed for streams, none of which may come any more: it waits a little, like after the last one. */
  rest(): void {
    this.#restIfUnused();
  }

  /** The connection stays while `stream` lives. */
  carries(stream: ByteStream): void {
    this.announce();
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
    this.#streams.add(stream);
    stream.on('close', () => {
      this.#streams.delete(stream);
      this.#restIfUnused();
    });
  }

  open(protocol: string): ByteStream {
    return this.openChannel(`app/${protocol}`) as ByteStream;
  }

  /** A stream channel of any name, which keeps the connection. */
  openChannel(name: string): ChannelByteStream {
    const stream = this.connection.open(name);
    this.carries(stream as ByteStream);
    return stream;
  }

  /** Gossip let go of its link. */
  #released(reason: CloseReason): void {
    this.#held = false;
    if (this.#streams.size === 0 || !this.#o.mayStay(reason)) this.connection.close(reason);
  }

  /** A connection that nobody but an application used waits a little for the next stream. */
  #restIfUnused(): void {
    if (this.#streams.size > 0 || this.#inOverlay) return;
    if (!this.#held) {
      this.connection.close('IDLE');
      return;
    }
    const { clock } = this.#o;
    this.#cancelIdle?.();
    this.#cancelIdle = clock.alarm(clock.now() + DEFAULTS.appIdleMs, () => {
      if (this.#streams.size === 0 && !this.#inOverlay && this.#announced) this.connection.close('IDLE');
    });
  }

  #gone(reason: CloseReason): void {
    this.#cancelIdle?.();
    this.#withdraw(reason);
  }
}

/** A link that tells when it ends, from either side, and how narrow the connection is. */
class HeldLink implements Link {
  readonly scope: Scope;
  readonly #link: Link;
  readonly #onEnd: (reason: CloseReason) => void;
  #ended = false;

  constructor(link: Link, scope: Scope, onEnd: (reason: CloseReason) => void) {
    this.#link = link;
    this.scope = scope;
    this.#onEnd = onEnd;
  }

  get peer(): Link['peer'] {
    return this.#link.peer;
  }

  get initiator(): boolean {
    return this.#link.initiator;
  }

  get session(): string | undefined {
    return this.#link.session;
  }

  get remoteAddress(): string | undefined {
    return this.#link.remoteAddress;
  }

  get buffered(): number {
    return this.#link.buffered;
  }

  open(events: LinkEvents): void {
    this.#link.open({
      onMessage: (message) => events.onMessage(message),
      onDrain: () => events.onDrain(),
      onClose: (reason) => {
        events.onClose(reason);
        this.#end(reason);
      },
    });
  }

  send(message: Uint8Array, urgency: Urgency): boolean {
    return this.#link.send(message, urgency);
  }

  close(reason: CloseReason): void {
    this.#link.close(reason);
    this.#end(reason);
  }

  #end(reason: CloseReason): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(reason);
  }
}

/** What the application sees of a member: live values, no way to the inside. */
class PeerView implements Peer {
  readonly #member: Member;
  readonly transport: string;
  readonly since: number;

  constructor(member: Member, transport: string, since: number) {
    this.#member = member;
    this.transport = transport;
    this.since = since;
  }

  get id(): string {
    return this.#member.connection.peer;
  }

  /** Through whom we met over WebRTC does not matter any more. */
  get address(): string | undefined {
    return this.transport === 'wrtc' ? `wrtc:${this.id}` : this.#member.knownAddress;
  }

  get direction(): 'in' | 'out' {
    return this.#member.connection.initiator ? 'out' : 'in';
  }

  get kind(): Peer['kind'] {
    return this.#member.kind;
  }

  get rtt(): number | undefined {
    return this.#member.connection.rtt;
  }

  get rx(): number {
    return this.#member.connection.bytesIn;
  }

  get tx(): number {
    return this.#member.connection.bytesOut;
  }

  open(protocol: string): ByteStream {
    return this.#member.open(protocol);
  }

  close(reason = 'USER'): void {
    this.#member.connection.close(Object.hasOwn(closeCodes, reason) ? (reason as CloseReason) : 'USER');
  }
}
