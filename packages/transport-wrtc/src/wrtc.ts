// The WebRTC transport: `wrtc:<id>?via=<relay>` addresses → byte streams to peers that cannot be dialed, and the other
// way round. Who introduces is the signaller's affair (gossip, protocol.md §7); here are the dial, the listener, and
// who may begin one when: a peer connection is dear (16 descriptors and a few threads in Node), and an offer costs a
// stranger nothing.
import {
  type Clock,
  type DialTransportOptions,
  type DuplexLike,
  dialWithin,
  type Listener,
  type ListenOptions,
  type PeerId,
  PeernetError,
  parseAddress,
  type RemoteInfo,
  type Signaller,
  systemClock,
  type Transport,
} from '@peernet/core';
import type { ChannelDuplex } from './channel-duplex.js';
import { pendingMs } from './defaults.js';
import { findRtc, howToGetRtc } from './find-rtc.node.js';
import { Negotiation } from './negotiation.js';
import { Places } from './places.js';
import type { IceServer, PeerConnectionLike, Rtc } from './rtc.js';
import { WrtcListener } from './wrtc-listener.js';

export interface WrtcOptions {
  /** Who introduces: `gossip.signaller`, or anything that carries a few signals between two peers. */
  signaller: Signaller;
  /** A WebRTC implementation; default: what `findRtc` finds when it is needed. */
  rtc?: Rtc | undefined;
  /** STUN servers at which a peer behind a NAT learns its address; default none. Asked for each connection. */
  iceServers?: readonly IceServer[] | (() => readonly IceServer[]) | undefined;
  /** Tells and tries addresses of every network but forbidden ones; for networks that one trusts. */
  lan?: boolean | undefined;
  clock?: Clock | undefined;
  /** Differences from `wrtcLimits`. TypeError if they are none. */
  limits?: Readonly<Record<string, number>> | undefined;
}

type OnDuplex = (duplex: DuplexLike, from: RemoteInfo) => void;

/** A transport for `wrtc:` addresses. Its duplexes are streamx Duplexes with a `scope`. */
export function wrtc(options: WrtcOptions): Transport {
  const { signaller, rtc, iceServers = [], lan = false, clock = systemClock, limits } = options;
  const places = new Places(limits, clock);
  let found = rtc;
  const implementation = (): Rtc => {
    found ??= findRtc();
    if (found === undefined)
      throw new PeernetError('NOT_SUPPORTED', `there is no WebRTC here; ${howToGetRtc}`);
    return found;
  };
  const newConnection = (): PeerConnectionLike => {
    const servers = typeof iceServers === 'function' ? iceServers() : iceServers;
    return new (implementation().RTCPeerConnection)({ iceServers: [...servers] });
  };
  const setup = { newConnection, lan, clock };
  return {
    schemes: ['wrtc'],
    async dial(address: string, { signal }: DialTransportOptions): Promise<DuplexLike> {
      const target = parseWrtc(address);
      implementation();
      return dialWithin(
        { address: target.text, signal, timeoutMs: pendingMs, clock },
        (ended) => dialPeer(target, ended),
        (late) => late.destroy(),
      );
    },
    async listen(listenOptions: ListenOptions, onDuplex: OnDuplex): Promise<Listener> {
      implementation();
      return new WrtcListener({ ...setup, signaller, places, onDuplex, signal: listenOptions.signal });
    },
  };

  async function dialPeer(target: Target, signal: AbortSignal): Promise<ChannelDuplex> {
    const place = await places.forDial(target.id, signal);
    const negotiation = new Negotiation({
      ...setup,
      refuse: () => {},
      onOffer: (fingerprint) => place.offered(fingerprint),
    });
    const giveUp = (): void => negotiation.fail(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    place.onYield = (error) => negotiation.fail(error);
    try {
      if (signal.aborted) throw signal.reason; // while the place was handed over
      negotiation.offer(signaller.introduce(target.id, { via: target.via }, negotiation));
      const duplex = await negotiation.result;
      place.open(duplex);
      return duplex;
    } catch (error) {
      negotiation.fail(error as Error); // also when it was the signaller that threw
      throw error;
    } finally {
      place.leave();
      signal.removeEventListener('abort', giveUp);
    }
  }
}

interface Target {
  readonly text: string;
  readonly id: PeerId;
  readonly via: readonly string[];
}

function parseWrtc(text: string): Target {
  const address = parseAddress(text);
  const known = address !== undefined || text.startsWith('wrtc:');
  if (address?.scheme === 'wrtc' && address.id !== undefined) {
    const via = address.via.map((relay) =>
      relay.id === undefined ? relay.text : `${relay.text}#${relay.id}`,
    );
    return { text: address.text, id: address.id, via };
  }
  if (known && address !== undefined) {
    throw new PeernetError('SCHEME_UNKNOWN', `${text}: this transport dials wrtc: only`);
  }
  throw new PeernetError('ADDRESS_INVALID', `not an address: ${text}`);
}
