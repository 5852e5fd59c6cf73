// Sealing of signals: only the receiver can read one, and it knows who wrote it, for which path and in which order. So
// nobody on the way learns, changes, swaps or repeats anything (protocol.md §7). Seals say nothing about their author;
// the signature inside names it, and binds path and receiver.
import { type Crypto, DOMAIN, type PeerId, type Signal, utf8 } from '@peernet/core';
import { decodeSaid, encodeSaid, encodeStatement, type Said, WIRE } from '../wire.js';

export function sealSignal(
  crypto: Crypto,
  to: PeerId,
  { path, counter, signal }: { path: string; counter: number; signal: Signal },
): Uint8Array {
  const statement = encodeStatement(path, to, { from: crypto.id, counter, signal });
  const signature = crypto.sign(DOMAIN.signal, statement);
  return crypto.seal(to, DOMAIN.signal, encodeSaid(statement, signature));
}

/** What was sealed to us and signed by the one that it names; undefined for anything else. */
export function openSignal(crypto: Crypto, path: string, sealed: Uint8Array): Said | undefined {
  const bytes = crypto.open(DOMAIN.signal, sealed);
  const opened = bytes && decodeSaid(bytes);
  if (opened === undefined) return undefined;
  const { said, signature } = opened;
  const statement = encodeStatement(path, crypto.id, said);
  return crypto.verify(DOMAIN.signal, said.from, statement, signature) ? said : undefined;
}

/** Bytes of a signal's text, UTF-8. */
export function signalBytes(signal: Signal): number {
  return utf8(signal.kind === 'candidate' ? signal.candidate : signal.sdp).length;
}

/** … and when it is sealed. */
export function sealedBytesOf(signal: Signal): number {
  return signalBytes(signal) + WIRE.signalExtraBytes + WIRE.sealExtraBytes;
}
