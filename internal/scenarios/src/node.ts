// A simulated node: the product's Gossip, Search and address book on one host of the simulator, wired as the product's
// composition root wires them. It decides nothing; what differs between profiles is what a node is given.
import { type Link, type PeerId, parseAddress, parseIp, type Urgency } from '@peernet/core';
import { Gossip, type GossipOptions } from '@peernet/gossip';
import { LinkOverlay, Search, type SearchLimits } from '@peernet/search';
import type { DialResult, Host } from '@peernet/sim';
import { type AddressBook, createBook } from '@peernet/store';
import { Connection, GossipChannel, type Wiretap } from './connection.js';
import { believing, createCredulousBook, SABOTAGE, type Sabotage } from './sabotage.js';

/**
 * dialable: a daemon with a public port, which has to find out its address as any other does.
 * nondialable: a browser or a daemon behind a NAT; it listens nowhere.
 * light: the same with the smallest tables, for hundreds of thousands of nodes.
 */
export type Profile = 'dialable' | 'nondialable' | 'light';

export interface NodeOptions {
  readonly profile: Profile;
  readonly seeds?: readonly string[];
  /** It speaks WebRTC: `wrtc:` addresses can be dialed, and offers are answered. */
  readonly webrtc?: boolean;
  /** The book of an earlier life. */
  readonly book?: AddressBook;
  /** Highest sequence number of an earlier life. */
  readonly seq?: number;
  readonly anchors?: readonly string[];
  /** Size of the book's tables: 1, 1/16 or 1/64. */
  readonly bookScale?: number;
  readonly gossip?: Partial<GossipOptions>;
  readonly search?: Partial<SearchLimits>;
  /** Defences that it lacks. */
  readonly sabotage?: Sabotage | undefined;
  /** For nodes that are not honest. */
  readonly wiretap?: Wiretap;
  /** Hears of dials as they begin. */
  readonly onDial?: (address: string) => void;
  /** Hears of connections, whatever they are for. */
  readonly onConnection?: (peer: PeerId) => void;
}

/** ms between purges of the book: the product's default. */
const purgeMs = 60_000;

export class SimNode {
  readonly host: Host;
  readonly gossip: Gossip;
  readonly search: Search;
  readonly overlay: LinkOverlay;
  readonly book: AddressBook;
  readonly profile: Profile;
  readonly options: NodeOptions;
  readonly bornMs: number;
  /** Virtual ms of the first overlay link. */
  firstLinkMs: number | undefined;
  /** What it would persist. */
  seq: number;
  anchors: readonly string[] = [];
  readonly #connections = new Set<Connection>();
  #onDialResult: (result: DialResult) => { link: Link } | { code: NonNullable<DialResult['code']> };

  constructor(host: Host, options: NodeOptions) {
    this.host = host;
    this.options = options;
    this.profile = options.profile;
    this.bornMs = host.world.now;
    this.seq = options.seq ?? 0;
    const { clock, random } = host;
    const { verification, proof } = options.sabotage ?? SABOTAGE;
    const crypto = verification === 0 ? host.crypto : believing(host.crypto);
    const scale = options.bookScale ?? (options.profile === 'light' ? 1 / 64 : 1);
    const furnish = proof === 0 ? createBook : createCredulousBook;
    this.book = options.book ?? furnish({ clock, random, scale });
    this.#onDialResult = (result) =>
      result.link === undefined ? { code: result.code } : { link: this.#connect(result.link) };
    this.gossip = new Gossip({
      crypto,
      clock,
      random,
      store: this.book,
      seeds: options.seeds ?? [],
      anchors: options.anchors ?? [],
      seq: this.seq,
      interfaces: () => [host.ip],
      webrtc: options.webrtc ?? false,
      dialNow: (address, dial, done) => {
        options.onDial?.(address);
        return host.dialNow(address, dial, (result) => done(this.#onDialResult(result)));
      },
      ...options.gossip,
    });
    if (options.webrtc) host.signaller = this.gossip.signaller;
    this.overlay = new LinkOverlay({ size: () => this.gossip.size });
    this.search = new Search({
      crypto,
      clock,
      random,
      overlay: this.overlay,
      record: () => this.gossip.record,
      verified: (id) => this.#addressOf(id),
      limits: options.search,
    });
    this.#listen();
    this.#purgeLater();
  }

  #listen(): void {
    const { gossip, host } = this;
    gossip.on('up', ({ link }) => {
      this.firstLinkMs ??= host.world.now;
      if (link instanceof GossipChannel) link.connection.joinOverlay();
    });
    gossip.on('down', ({ link }) => {
      if (link instanceof GossipChannel) link.connection.leaveOverlay();
    });
    gossip.on('seq', (seq) => {
      this.seq = seq;
    });
    gossip.on('anchors', (anchors) => {
      this.anchors = anchors;
    });
    host.onLink = (link) => gossip.add(this.#connect(link));
    const address = parseAddress(host.address);
    if (this.profile !== 'dialable' || address === undefined || parseIp(host.ip) === undefined) return;
    gossip.listening([{ scheme: address.scheme, host: '0.0.0.0', port: address.port }]);
  }

  #connect(link: Link): GossipChannel {
    const ended = (connection: Connection): void => {
      this.#connections.delete(connection);
    };
    const connection = new Connection(link, this.overlay, ended, this.options.wiretap);
    this.#connections.add(connection);
    this.options.onConnection?.(link.peer);
    return connection.gossip;
  }

  #addressOf(id: PeerId): string | undefined {
    for (const { link } of this.#connections) {
      if (link.initiator && link.peer === id) return link.remoteAddress;
    }
    return undefined;
  }

  #purgeLater(): void {
    const { clock } = this.host;
    clock.alarm(clock.now() + purgeMs, () => {
      this.book.purge();
      this.#purgeLater();
    });
  }

  get id(): PeerId {
    return this.host.id;
  }

  /** Sends a raw message to all neighbours over the search channel, past the search that runs here. */
  shout(message: Uint8Array, urgency: Urgency): void {
    for (const connection of this.#connections) connection.sendSearch(message, urgency);
  }

  /** The process dies or the machine loses its power; no goodbyes. */
  crash(how: 'silent' | 'reset' = 'silent'): void {
    this.host.crash(how);
    this.host.onLink = undefined;
  }

  /** Goodbyes to all: adverts are withdrawn, links say SHUTDOWN. */
  close(): void {
    this.search.close();
    this.gossip.close();
    this.host.onLink = undefined;
  }
}
