// Remembers how addresses parse. The same few thousand come again with every shuffle, and parsing them strictly is a
// good part of what receiving one costs. A pure function with a bounded memory: nothing depends on what is in it.
// For whatever reads addresses again and again (gossip, the address book); who reads one once calls the parser.
import { type Address, type LimitKeys, limitKeys, parseForeignAddress } from './address.js';
import { LruMap } from './bounded.js';

/** Addresses remembered, per process. Those of a large network's book; about 2 MB. Guess. */
const memoMax = 8_192;

interface Parsed {
  readonly address: Address;
  readonly keys: LimitKeys;
  /** Only the local user may name it: a scheme that no transport here knows. */
  readonly foreign: boolean;
}

const memo = new LruMap<string, Parsed | null>(memoMax);
const own = new Set(['ws', 'wss', 'tcp', 'wrtc', 'memory']);

function parsed(text: string): Parsed | null {
  const known = memo.get(text);
  if (known !== undefined) return known;
  const address = parseForeignAddress(text);
  const fresh = address && { address, keys: limitKeys(address), foreign: !own.has(address.scheme) };
  memo.set(text, fresh ?? null);
  return fresh ?? null;
}

/** An address from the network (core's `parseAddress`). */
export function addressOf(text: string): Address | undefined {
  const found = parsed(text);
  return found === null || found.foreign ? undefined : found.address;
}

/** An address from the local user (core's `parseForeignAddress`). */
export function userAddressOf(text: string): Address | undefined {
  return parsed(text)?.address;
}

/** core's `limitKeys`. */
export function keysOf(address: Address): LimitKeys {
  return parsed(address.text)?.keys ?? limitKeys(address);
}
