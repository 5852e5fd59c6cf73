// What users pass to methods, judged: addresses, lists of them, subnet names.
import { type Address, PeernetError, parseForeignAddress, utf8 } from '@peernet/core';
import { checkSignal } from './callback.js';
import { DEFAULTS } from './defaults.js';
import type { SearchOptions } from './types.js';

/** What `save` and `remove` take. */
export type AddressList = string | { address: string } | readonly (string | { address: string })[];

/** Rejections after `close()`. */
export function closedError(): PeernetError {
  return new PeernetError('CLOSED', 'this peernet is closed');
}

/** The address, or ADDRESS_INVALID that names it and shows a right one. */
export function oneAddress(text: unknown): Address {
  const address = typeof text === 'string' ? parseForeignAddress(text) : undefined;
  if (address !== undefined) return address;
  const said = typeof text === 'string' ? text : typeof text;
  throw new PeernetError('ADDRESS_INVALID', `not an address: ${said} (an example: ws://10.1.2.3:4000)`);
}

/** Every address of the list that is one; the others as they were said. */
export function addressList(nodes: AddressList): { valid: Address[]; invalid: string[] } {
  const valid: Address[] = [];
  const invalid: string[] = [];
  for (const node of [nodes].flat() as (string | { address: string })[]) {
    const text = typeof node === 'string' ? node : node?.address;
    const address = typeof text === 'string' ? parseForeignAddress(text) : undefined;
    if (address === undefined || address.scope === 'forbidden') invalid.push(String(text));
    else valid.push(address);
  }
  return { valid, invalid };
}

/** ADDRESS_INVALID that names them all, if there are any. */
export function complain(invalid: readonly string[]): void {
  if (invalid.length === 0) return;
  throw new PeernetError(
    'ADDRESS_INVALID',
    `not an address: ${invalid.join(', ')} (an example: ws://10.1.2.3:4000)`,
  );
}

/** The name of a subnet, also given as its UTF-8 bytes. TypeError unless it can be one. */
export function subnetName(name: unknown): string {
  const text = name instanceof Uint8Array ? textOf(name) : name;
  if (typeof text !== 'string') throw new TypeError(`a subnet name is a string, got ${typeof text}`);
  const bytes = utf8(text).length;
  if (bytes === 0 || bytes > DEFAULTS.subnetNameBytesMax) {
    throw new TypeError(`a subnet name has 1 … ${DEFAULTS.subnetNameBytesMax} bytes of UTF-8, got ${bytes}`);
  }
  // Half of a surrogate pair has no UTF-8: it would become another name.
  if (new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8(text)) !== text) {
    throw new TypeError('a subnet name must be well-formed Unicode');
  }
  return text;
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TypeError('a subnet name given as bytes must be UTF-8');
  }
}

/** TypeError for search options that cannot be meant. */
export function checkSearch({ limit, timeout, payload, signal }: SearchOptions): void {
  checkSignal(signal);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1)) {
    throw new TypeError(`search: limit is an integer ≥ 1, got ${String(limit)}`);
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0)) {
    throw new TypeError(`search: timeout is milliseconds ≥ 0, got ${String(timeout)}`);
  }
  if (payload === undefined) return;
  if (!(payload instanceof Uint8Array)) throw new TypeError('search: the payload is bytes (a Buffer)');
  if (payload.length > DEFAULTS.payloadBytesMax) {
    throw new TypeError(
      `search: a payload has at most ${DEFAULTS.payloadBytesMax} bytes, got ${payload.length}`,
    );
  }
}
