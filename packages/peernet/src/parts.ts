// The composition root: the only place where the parts of peernet meet. Wires, and decides nothing.
import { createCrypto, type LocalCrypto } from '@peernet/connection';
import {
  type Clock,
  type DuplexLike,
  type Log,
  parseAddress,
  parseIp,
  type Random,
  type RemoteInfo,
  type Scope,
  type Transport,
  toHex,
} from '@peernet/core';
import { Gossip } from '@peernet/gossip';
import { LinkOverlay, Search } from '@peernet/search';
import type { Store } from '@peernet/store';
import type { Rtc } from '@peernet/transport-wrtc';
import { Channels, type ChannelsOptions } from './channels.js';
import { DEFAULTS } from './defaults.js';
import { Hub } from './hub.js';
import type { Identity } from './identity.js';
import { interfaceIps } from './platform.js';
import type { Handler, IdentityState, Options, PeernetEvents, TransportFunction } from './types.js';
import { noWebRtc, rtcOf, WebRtc } from './webrtc.js';

export interface PartsOptions {
  readonly options: Options;
  readonly store: Store;
  readonly identity: Identity;
  readonly state: IdentityState;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly transports: readonly Transport[];
  readonly foreign: TransportFunction | undefined;
  /** Grows: foreign schemes join as the user names them. */
  readonly schemes: string[];
  /** Takes the WebRTC that this platform has. */
  readonly findsWebRtc: boolean;
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly subnet: ChannelsOptions['subnet'];
  readonly events: PartsEvents;
}

/** What the parts tell the API. */
export interface PartsEvents {
  readonly emit: <K extends keyof PeernetEvents>(event: K, ...args: PeernetEvents[K]) => void;
  readonly debug: Log;
}

export class Parts {
  readonly crypto: LocalCrypto;
  readonly gossip: Gossip;
  readonly search: Search;
  readonly hub: Hub;
  readonly store: Store;
  readonly #options: Options;
  readonly webRtc: WebRtc | undefined;
  readonly #schemes: readonly string[];

  constructor(o: PartsOptions) {
    const { options, state, clock, random } = o;
    this.#options = options;
    this.#schemes = o.schemes;
    this.store = o.store;
    this.crypto = createCrypto({ seed: state.seed, random, bootSeq: state.seq });
    const { emit, debug } = o.events;
    const channels = new Channels(o);
    const rtc = rtcOf(options.wrtc, o.findsWebRtc);
    // One more, as soon as there is gossip to introduce it.
    const transports = [...o.transports];
    const overlay = new LinkOverlay({ size: () => this.gossip.size });
    this.hub = new Hub({
      ...o,
      transports,
      noWebRtc: noWebRtc(options.wrtc),
      crypto: this.crypto,
      network: options.network ?? '',
      onChannel: (member, incoming) => channels.incoming(member, incoming, overlay),
      onConnect: (peer, id) => {
        this.search.reached(id);
        debug('connect', { id: peer.id, address: peer.address, direction: peer.direction });
        emit('connect', peer);
      },
      onDisconnect: (peer, reason) => {
        debug('disconnect', { id: peer.id, address: peer.address, reason });
        emit('disconnect', peer, reason);
      },
    });
    this.gossip = this.#overlay(o, rtc !== undefined);
    this.search = new Search({
      crypto: this.crypto,
      overlay,
      network: options.network ?? '',
      clock: withCalendar(clock, () => this.gossip.wall()),
      random,
      record: () => this.gossip.record,
      verified: (id) => this.hub.metAt(id),
    });
    this.hub.attach(this.gossip, overlay);
    this.webRtc = rtc && this.#webRtc(rtc, o);
    if (this.webRtc !== undefined) transports.push(this.webRtc.transport);
    this.webRtc?.listen();
    this.gossip.on('seq', (seq) => {
      o.identity.saveSeq(seq);
      this.search.recordChanged(); // adverts carry it: relays too
    });
    this.gossip.on('anchors', (anchors) => o.identity.saveAnchors(anchors));
    // Whoever breaks one protocol of ours is not wanted for the other.
    this.search.on('misbehaved', (id, what) => this.gossip.misbehaved(id, `in a search: ${what}`));
    this.#tell(o.events);
  }

  #overlay({ options, state, store, schemes, clock, random, log }: PartsOptions, webrtc: boolean): Gossip {
    return new Gossip({
      crypto: this.crypto,
      dialNow: (address, dial, done) => this.hub.dialNow(address, dial, done),
      store,
      clock,
      random,
      log,
      connections: options.connections ?? DEFAULTS.connections,
      interval: options.interval ?? DEFAULTS.intervalMs,
      bootstrap: options.bootstrap ?? true,
      relay: options.relay ?? false,
      lan: options.lan ?? false,
      webrtc,
      schemes,
      seeds: [...(options.seeds ?? [])],
      anchors: state.anchors,
      announce: [...(options.announce ?? [])],
      seq: state.seq,
      interfaces: interfaceIps,
    });
  }

  #webRtc(rtc: Rtc, { options, store, schemes, clock, log }: PartsOptions): WebRtc {
    schemes.push('wrtc');
    return new WebRtc({
      rtc,
      gossip: this.gossip,
      store,
      options: { ...options, clock },
      onDuplex: (duplex, from) =>
        this.hub.accept(duplex, {
          role: 'responder',
          scope: duplex.scope ?? from.scope ?? 'global',
          from,
          expect: from.peer,
          transport: 'wrtc',
        }),
      onError: (error) => log('webrtc', { error: String(error) }),
    });
  }

  /** Events of the parts become events of the API. */
  #tell({ emit }: PartsEvents): void {
    this.gossip.on('peer', (peer) => emit('peer', peer));
    this.gossip.on('known', (addresses) => {
      for (const address of addresses) emit('known', address);
    });
    this.search.on('search', ({ hash, name, payload }, hops, reply) => {
      const query = {
        hash: toHex(hash),
        ...(name === undefined ? {} : { name }),
        ...(payload ? { payload } : {}),
      };
      emit('search', query, hops, reply);
    });
  }

  /** Whether there is a transport for it. */
  canDial(scheme: string): boolean {
    return this.#schemes.includes(scheme);
  }

  /** Connections may have died without a word: who does not answer is let go. */
  doubt(): void {
    for (const { connection } of this.hub.members()) connection.check();
  }

  /** The network is back: nobody rests any longer. */
  wake(): void {
    this.gossip.wake();
  }

  /** A duplex that one of our listeners accepted. */
  arrived(duplex: DuplexLike, from: RemoteInfo, transport: string): void {
    void this.hub.accept(duplex, { role: 'responder', scope: this.#inboundScope(from), from, transport });
  }

  /**
   * How narrow an inbound connection is. Behind nginx or docker everybody comes from 127.0.0.1: an inbound link counts
   * as narrower than global only while we have no global announce and no trustProxy, or with `lan` (protocol.md §3).
   */
  #inboundScope(from: RemoteInfo): Scope {
    const scope = from.ip === undefined ? 'loopback' : (parseIp(from.ip)?.scope ?? 'global');
    const { lan, trustProxy, announce } = this.#options;
    const narrow = lan === true || (trustProxy === undefined && !(announce ?? []).some(isGlobal));
    return scope === 'forbidden' || !narrow ? 'global' : scope;
  }

  /** Says goodbye: adverts are withdrawn first, while there are links to carry it, and streams end before their connections. */
  async close(ended: Promise<unknown>): Promise<void> {
    this.search.close();
    await ended;
    this.gossip.close();
    await this.hub.close('SHUTDOWN');
    await this.webRtc?.close();
  }
}

/** Adverts are judged by the calendar that records are judged by. */
function withCalendar(clock: Clock, wall: () => number): Clock {
  return { now: () => clock.now(), alarm: (atMs, ring) => clock.alarm(atMs, ring), wall };
}

function isGlobal(text: string): boolean {
  return parseAddress(text)?.scope === 'global';
}
