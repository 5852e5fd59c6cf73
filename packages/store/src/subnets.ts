// Names of subnets: any UTF-8 text of 1 to 255 bytes.
import { utf8 } from '@peernet/core';
import { PERSISTENCE } from './defaults.js';
import { KEY } from './wire.js';

/** The names, once each. TypeError if one of them is none: nothing is done then. */
export function checkedSubnets(names: readonly string[]): string[] {
  for (const name of names) {
    const isText = typeof name === 'string' && !/\p{Surrogate}/u.test(name);
    const bytes = isText ? utf8(name).length : 0;
    if (bytes < 1 || bytes > PERSISTENCE.subnetBytesMax) {
      throw new TypeError(`a subnet is a text of 1 to ${PERSISTENCE.subnetBytesMax} bytes of UTF-8`);
    }
  }
  return [...new Set(names)];
}

/** The key of its row. */
export function subnetKey(name: string): string {
  return KEY.subnet + name;
}
