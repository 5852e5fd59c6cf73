// One connection of a simulated node. In the product, gossip and search are two channels of one secured connection;
// here they share one simulated link with a byte in front of each message that says whose it is. So both die together,
// share latency, order and bandwidth, and an idle connection costs the simulator one link, not two. The life of the
// search channel is that of the product: the dialer opens it when its overlay takes the peer as a neighbour, either
// side closes it when its overlay lets go, and what arrives before the own overlay has decided waits.
import { type CloseReason, type Link, type LinkEvents, messageBytesMax, type Urgency } from '@peernet/core';
import type { LinkOverlay } from '@peernet/search';

/** First byte of what travels. */
export const channelTag = Object.freeze({ gossip: 0, search: 1, openSearch: 2, closeSearch: 3 });

const scratch = new Uint8Array(messageBytesMax);
const noBytes = new Uint8Array(0);

function sendTagged(link: Link, tag: number, message: Uint8Array, urgency: Urgency): boolean {
  scratch[0] = tag;
  scratch.set(message, 1);
  return link.send(scratch.subarray(0, message.length + 1), urgency); // links copy at the call
}

/** May alter or (undefined) swallow what one end sends or hears on its search channel: for nodes that are not honest. */
export interface Wiretap {
  readonly heard?: (message: Uint8Array, from: Link) => Uint8Array | undefined;
  readonly said?: (message: Uint8Array, to: Link) => Uint8Array | undefined;
}

export class Connection implements LinkEvents {
  readonly link: Link;
  /** What gossip holds. */
  readonly gossip: GossipChannel;
  readonly #overlay: LinkOverlay;
  readonly #onEnd: (connection: Connection) => void;
  readonly wiretap: Wiretap | undefined;
  #search: SearchChannel | undefined;
  #inOverlay = false;

  constructor(
    link: Link,
    overlay: LinkOverlay,
    onEnd: (connection: Connection) => void,
    wiretap: Wiretap | undefined,
  ) {
    this.link = link;
    this.#overlay = overlay;
    this.#onEnd = onEnd;
    this.wiretap = wiretap;
    this.gossip = new GossipChannel(this);
  }

  /** Our overlay took the peer as a neighbour. */
  joinOverlay(): void {
    this.#inOverlay = true;
    if (this.link.initiator) {
      this.#search = new SearchChannel(this);
      sendTagged(this.link, channelTag.openSearch, noBytes, 'control');
    }
    this.#serve();
  }

  #serve(): void {
    if (this.#search === undefined || !this.#inOverlay) return;
    this.#overlay.add(this.#search);
    this.#search.flush();
  }

  leaveOverlay(): void {
    this.#inOverlay = false;
    const search = this.#search;
    if (search === undefined) return;
    this.#overlay.remove(search);
    search.close('DONE');
  }

  onMessage(message: Uint8Array): void {
    const tag = message[0];
    if (tag === channelTag.gossip) this.gossip.events?.onMessage(message.subarray(1));
    else if (tag === channelTag.search) this.#heard(message.subarray(1));
    else if (tag === channelTag.openSearch) this.#searchArrived();
    else this.#search?.ended('DONE');
  }

  #heard(message: Uint8Array): void {
    if (this.wiretap?.heard === undefined) this.#search?.heard(message);
    else {
      const altered = this.wiretap.heard(message, this.link);
      if (altered !== undefined) this.#search?.heard(altered);
    }
  }

  #searchArrived(): void {
    this.#search?.ended('REPLACED');
    this.#search = new SearchChannel(this);
    this.#serve();
  }

  onDrain(): void {
    this.gossip.events?.onDrain();
    this.#search?.events?.onDrain();
  }

  onClose(reason: CloseReason): void {
    this.gossip.events?.onClose(reason);
    this.#search?.ended(reason);
    this.#onEnd(this);
  }

  sendSearch(message: Uint8Array, urgency: Urgency): boolean {
    const said = this.wiretap?.said === undefined ? message : this.wiretap.said(message, this.link);
    return said === undefined || sendTagged(this.link, channelTag.search, said, urgency);
  }

  closeSearch(): void {
    this.#search = undefined;
    sendTagged(this.link, channelTag.closeSearch, noBytes, 'control');
  }

  /** The channel is over: the other side said so, or the link is gone. */
  searchEnded(channel: SearchChannel): void {
    if (this.#search === channel) this.#search = undefined;
  }
}

/** The gossip channel: it is there as long as the connection, which ends with it. */
export class GossipChannel implements Link {
  readonly connection: Connection;
  events: LinkEvents | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  get peer(): Link['peer'] {
    return this.connection.link.peer;
  }

  get initiator(): boolean {
    return this.connection.link.initiator;
  }

  get session(): string | undefined {
    return this.connection.link.session;
  }

  get remoteAddress(): string | undefined {
    return this.connection.link.remoteAddress;
  }

  get scope(): Link['scope'] {
    return this.connection.link.scope;
  }

  get buffered(): number {
    return this.connection.link.buffered;
  }

  open(events: LinkEvents): void {
    this.events = events;
    this.connection.link.open(this.connection);
  }

  send(message: Uint8Array, urgency: Urgency): boolean {
    return sendTagged(this.connection.link, channelTag.gossip, message, urgency);
  }

  close(reason: CloseReason): void {
    this.connection.link.close(reason);
  }
}

/** The search channel of a neighbour. */
class SearchChannel implements Link {
  readonly #connection: Connection;
  events: LinkEvents | undefined;
  /** Arrived before our overlay has decided. */
  #inbox: Uint8Array[] = [];
  #closed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get peer(): Link['peer'] {
    return this.#connection.link.peer;
  }

  get initiator(): boolean {
    return this.#connection.link.initiator;
  }

  get scope(): Link['scope'] {
    return this.#connection.link.scope;
  }

  get buffered(): number {
    return this.#connection.link.buffered;
  }

  open(events: LinkEvents): void {
    this.events = events;
  }

  /** What has waited, once the overlay knows of the channel. */
  flush(): void {
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const message of inbox) this.heard(message);
  }

  heard(message: Uint8Array): void {
    if (this.#closed) return;
    if (this.events === undefined) this.#inbox.push(message);
    else this.events.onMessage(message);
  }

  send(message: Uint8Array, urgency: Urgency): boolean {
    return !this.#closed && this.#connection.sendSearch(message, urgency);
  }

  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.#connection.closeSearch();
    this.ended(reason);
  }

  ended(reason: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.searchEnded(this);
    this.events?.onClose(reason);
  }
}
