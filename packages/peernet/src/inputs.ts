// What users pass to methods, judged: addresses, lists of them, subnet names.
import { type Address, PeernetError, parseForeignAddress, utf8 } from '@peernet/core';
import { DEFAULTS } from './defaults.js';

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

/** TypeError unless it can name a subnet. */
export function subnetName(name: unknown): string {
  if (typeof name !== 'string') throw new TypeError(`a subnet name is a string, got ${typeof name}`);
  const bytes = utf8(name).length;
  if (bytes === 0 || bytes > DEFAULTS.subnetNameBytesMax) {
    throw new TypeError(`a subnet name has 1 … ${DEFAULTS.subnetNameBytesMax} bytes of UTF-8, got ${bytes}`);
  }
  return name;
}
