// WebRTC in a node: whether there is any, the transport for `wrtc:` addresses over the overlay's introductions, and who
// tells us our address behind a NAT. Streams and identities are as with every other transport.
import type { DuplexLike, Listener, RemoteInfo, Transport } from '@peernet/core';
import { parseAddress } from '@peernet/core';
import type { Gossip } from '@peernet/gossip';
import type { Store } from '@peernet/store';
import { findRtc, type IceServer, type Rtc, wrtc } from '@peernet/transport-wrtc';
import { DEFAULTS } from './defaults.js';
import type { Options } from './types.js';

/** The implementation to use. One that is merely installed is for those who leave the choice of transports to us. */
export function rtcOf(option: Options['wrtc'], ourChoice: boolean): Rtc | undefined {
  if (option === false) return undefined;
  return option ?? (ourChoice ? findRtc() : undefined);
}

/** Why there is none, and what to do about it. */
export function noWebRtc(option: Options['wrtc']): string {
  if (option === false) return 'opts.wrtc is false, so there is no WebRTC';
  return 'there is no WebRTC here: npm install @roamhq/wrtc, or pass an implementation as opts.wrtc';
}

export interface WebRtcOptions {
  readonly rtc: Rtc;
  readonly gossip: Gossip;
  readonly store: Store;
  readonly options: Options;
  readonly onDuplex: (duplex: DuplexLike, from: RemoteInfo) => void;
  readonly onError: (error: unknown) => void;
}

export class WebRtc {
  readonly transport: Transport;
  readonly #o: WebRtcOptions;
  #listener: Promise<Listener | undefined> = Promise.resolve(undefined);

  constructor(o: WebRtcOptions) {
    this.#o = o;
    const { clock, lan, iceServers } = o.options;
    this.transport = wrtc({
      signaller: o.gossip.signaller,
      rtc: o.rtc,
      iceServers: iceServers ?? (() => this.#ownRelays()),
      lan,
      clock,
    });
  }

  /** Takes offers. */
  listen(): void {
    this.#listener = Promise.resolve(this.transport.listen?.({}, this.#o.onDuplex)).catch(
      (error: unknown) => {
        this.#o.onError(error);
        return undefined;
      },
    );
  }

  /** Neighbours that we dialed and that answer STUN: no third party learns of our connections. */
  #ownRelays(): IceServer[] {
    const servers: IceServer[] = [];
    for (const { address: text, direction } of this.#o.gossip.neighbours()) {
      if (text === undefined || direction === 'in' || servers.length >= DEFAULTS.stunMax) continue;
      const address = parseAddress(text);
      if (address === undefined || address.host === '' || !this.#o.store.get(address.text)?.record?.stun)
        continue;
      const host = address.ip?.version === 6 ? `[${address.host}]` : address.host;
      servers.push({ urls: `stun:${host}:${address.port}` });
    }
    return servers;
  }

  async close(): Promise<void> {
    await (await this.#listener)?.close();
  }
}
