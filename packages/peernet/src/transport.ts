// `peernet/transport`: addresses → duplexes by every transport of this platform, as the specification's
// `opts.transport` and as a function of its own:
//
//   var stream = require('peernet/transport')('ws://10.1.2.3:4000')
import { type DuplexLike, PeernetError, parseForeignAddress, type Transport } from '@peernet/core';
import { platformTransports } from './platform.js';
import { join, pair } from './streams.js';
import type { ByteStream } from './types.js';

export interface TransportOptions {
  /** Instead of all transports of this platform. */
  transports?: readonly Transport[];
}

/** An address → a duplex that connects by itself. Peernet recognises it and uses `transports` directly. */
export interface AddressTransport {
  (address: string): ByteStream;
  readonly transports: readonly Transport[];
}

/** With an address: a duplex. With options, or nothing: such a function of its own. */
export function transport(address: string): ByteStream;
export function transport(options?: TransportOptions): AddressTransport;
export function transport(what?: string | TransportOptions): ByteStream | AddressTransport {
  return typeof what === 'string' ? open(what, transports()) : make(what?.transports ?? platformTransports());
}

let shared: readonly Transport[] | undefined;
function transports(): readonly Transport[] {
  shared ??= platformTransports();
  return shared;
}
Object.defineProperty(transport, 'transports', { get: transports, enumerable: true });

function make(list: readonly Transport[]): AddressTransport {
  return Object.assign((address: string) => open(address, list), { transports: list });
}

function open(text: string, list: readonly Transport[]): ByteStream {
  const address = parseForeignAddress(text);
  if (address === undefined) throw new PeernetError('ADDRESS_INVALID', `${text} is not an address`);
  const found = list.find((t) => t.schemes.includes(address.scheme));
  if (found === undefined) throw new PeernetError('SCHEME_UNKNOWN', `no transport for ${address.scheme}:`);
  const { outer, inner } = pair();
  const abort = new AbortController();
  outer.on('close', () => abort.abort());
  found.dial(address.text, { signal: abort.signal }).then(
    (duplex: DuplexLike) => {
      join(inner as unknown as DuplexLike, duplex);
      if (outer.destroying) duplex.destroy();
    },
    (error: Error) => outer.destroy(error),
  );
  return outer;
}

export default transport;
