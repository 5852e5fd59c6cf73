// What `connect` and `disconnect` of the API mean to the parts.
import { isPeernetError, type PeernetError, parseForeignAddress, parsePeerId } from '@peernet/core';
import type { Parts } from './parts.js';

/** Closes what is there, and tells gossip to leave it alone. */
export function disconnect({ hub, gossip }: Parts, target: string): void {
  const parsed = parseForeignAddress(target);
  const address = parsed?.text ?? target;
  const named = parsed?.scheme === 'wrtc' ? parsed.id : parsePeerId(target);
  const id = named ?? hub.byAddress(address)?.connection.peer;
  gossip.disconnect(address);
  if (id === undefined) return;
  gossip.disconnect(id);
  for (const member of hub.members()) if (member.connection.peer === id) member.connection.close('USER');
}

/** What gossip says of a dial is a code; the dial itself said more. */
export function moreOf(error: unknown, failure: PeernetError | undefined): unknown {
  return failure !== undefined && isPeernetError(error, failure.code) ? failure : error;
}

/** As it is kept: with the id that it names. */
export function pinned(address: { text: string; scheme: string; id?: string | undefined }): string {
  return address.id === undefined || address.scheme === 'wrtc'
    ? address.text
    : `${address.text}#${address.id}`;
}
