// The WebSocket transport in browsers: the platform's own WebSocket. It can dial, not listen. A page cannot resolve
// names, so `allowIp` decides about IP literals only; names from strangers are dialed by `wss:` alone (protocol.md
// §3), where the certificate binds the name.
import {
  type Address,
  type DialTransportOptions,
  type DuplexLike,
  dialTimeoutMs,
  dialWithin,
  PeernetError,
  parseAddress,
  systemClock,
  type Transport,
} from '@peernet/core';
import type { WsOptions } from './options.js';
import { type WebSocketLike, type WsDuplex, wsDuplex } from './ws-duplex.js';

/** A transport for `ws:` and `wss:` addresses. Its duplexes are streamx Duplexes. */
export function ws(options: WsOptions = {}): Transport {
  const { timeoutMs = dialTimeoutMs, clock = systemClock } = options;
  return {
    schemes: schemesOf(globalThis.location),
    async dial(address: string, { signal, allowIp }: DialTransportOptions): Promise<DuplexLike> {
      const target = parseWs(address);
      if (target.scope === 'forbidden' || (target.ip && allowIp?.(target.ip.text) === false)) {
        throw new PeernetError('DIAL_FAILED', `${target.text}: not to be dialed from here`);
      }
      return dialWithin(
        { address: target.text, signal, timeoutMs, clock },
        (ended) => open(target, ended),
        (late) => late.destroy(),
      );
    },
  };
}

/** What a page may dial: browsers refuse `ws:` where the page itself came encrypted (mixed content). */
export function schemesOf(location: { readonly protocol: string } | undefined): string[] {
  return location?.protocol === 'https:' ? ['wss'] : ['ws', 'wss'];
}

function parseWs(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new PeernetError('ADDRESS_INVALID', `not an address: ${text}`);
  if (address.scheme !== 'ws' && address.scheme !== 'wss') {
    throw new PeernetError('SCHEME_UNKNOWN', `${text}: this transport dials ws: and wss: only`);
  }
  return address;
}

function open(target: Address, signal: AbortSignal) {
  return new Promise<WsDuplex>((resolve, reject) => {
    // Throws where a secure page may not dial ws:, and where the port is on the platform's list of bad ports.
    const socket: WebSocketLike = new globalThis.WebSocket(target.text);
    const duplex = wsDuplex(socket);
    const fail = (error: unknown): void => {
      duplex.destroy();
      reject(error);
    };
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    duplex.on('open', () => resolve(duplex));
    // Browsers do not tell pages why a connection failed.
    duplex.on('close', () => fail(new PeernetError('DIAL_FAILED', `${target.text}: no connection`)));
  });
}
