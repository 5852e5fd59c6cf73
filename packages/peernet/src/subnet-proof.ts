// The beginning of a subnet stream: each side proves that it knows the subnet's name before the application gets the
// stream (protocol.md §7). Whoever knows only the hash, which travels in searches, gets nothing but our proof, which
// is of no use on any other connection.
import type { ChannelByteStream, Connection, LocalCrypto } from '@peernet/connection';
import { type Clock, concatBytes, utf8 } from '@peernet/core';
import { SUBNET } from './defaults.js';
import { proof, proofBytes, subnetKey } from './wire.js';

export class SubnetProofs {
  readonly #hmac: (key: Uint8Array, bytes: Uint8Array) => Uint8Array;
  readonly #key: Uint8Array;

  constructor(crypto: LocalCrypto, name: string, network: string) {
    this.#hmac = (key, bytes) => crypto.primitives.hmac(key, bytes);
    this.#key = subnetKey(crypto, utf8(name), utf8(network));
  }

  /** What we say on a connection. */
  ours({ handshakeHash, initiator }: Connection): Uint8Array {
    return proof(this.#hmac, this.#key, handshakeHash, initiator ? 'initiator' : 'responder');
  }

  /** Whether the other side of it knows the name. */
  isTheirs({ handshakeHash, initiator }: Connection, bytes: Uint8Array): boolean {
    return isSame(proof(this.#hmac, this.#key, handshakeHash, initiator ? 'responder' : 'initiator'), bytes);
  }
}

/** In the same time wherever they differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** Reads the proof, and leaves what follows in the stream. `done` hears undefined if none comes in time. */
export function readProof(
  stream: ChannelByteStream,
  clock: Clock,
  done: (bytes: Uint8Array | undefined) => void,
): void {
  let got: Uint8Array = new Uint8Array(0);
  const finish = (bytes: Uint8Array | undefined): void => {
    cancel();
    for (const event of ['readable', 'end', 'close']) stream.off(event, event === 'readable' ? read : none);
    done(bytes);
  };
  const none = (): void => finish(undefined);
  const read = (): void => {
    while (got.length < proofBytes) {
      const chunk = stream.read() as Uint8Array | null;
      if (chunk === null) return;
      got = got.length === 0 ? chunk : concatBytes(got, chunk);
    }
    if (got.length > proofBytes) stream.unshift(got.subarray(proofBytes));
    finish(got.slice(0, proofBytes));
  };
  const cancel = clock.alarm(clock.now() + SUBNET.proofTimeoutMs, none);
  stream.on('readable', read);
  stream.on('end', none);
  stream.on('close', none);
}
