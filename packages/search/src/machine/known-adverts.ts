// Recognises adverts that this process has read before, byte by byte: a copy comes by every neighbour, and in a
// simulation the same advert comes to a thousand nodes. So it is decoded, hashed and held once. A direct-mapped table
// indexed by bytes of the signature; what collides replaces. Nothing is believed because of it: equal bytes read
// equally, and whether a node has checked the signature is its own affair.
import { type Crypto, equalBytes, toHex } from '@peernet/core';
import { type Advert, decodeAdvert, objectKeyOf, placeOf } from '../wire.js';
import { narrowestRank } from './slim-record.js';

/** An advert with what tables know it by. */
export interface KnownAdvert {
  readonly advert: Advert;
  /** Hex of `objectKeyOf`. */
  readonly key: string;
  /** Hex of the subnet hash. */
  readonly subnet: string;
  /** `placeOf` member and subnet. */
  readonly place: string;
  /** The narrowest address in it. */
  readonly narrowest: number;
}

/** Places, a power of two; per process. About 6 MB when full. As many as verified objects (`CAPACITY.verified`). */
const places = 4_096;

const known: (KnownAdvert | undefined)[] = [];

/** The advert in `bytes` (they are copied), or undefined if it is none. */
export function knownAdvert(crypto: Crypto, bytes: Uint8Array): KnownAdvert | undefined {
  const { length } = bytes;
  const at = (((bytes[length - 1] ?? 0) << 8) | (bytes[length - 2] ?? 0)) & (places - 1);
  const met = known[at];
  if (met !== undefined && equalBytes(met.advert.bytes, bytes)) return met;
  const advert = decodeAdvert(bytes.slice());
  if (advert === undefined) return undefined;
  const fresh = describe(crypto, advert);
  known[at] = fresh;
  return fresh;
}

/** The same for an advert that is decoded already. */
export function describe(crypto: Crypto, advert: Advert): KnownAdvert {
  const subnet = toHex(advert.subnet);
  return {
    advert,
    key: toHex(objectKeyOf(crypto, advert.bytes)),
    subnet,
    place: placeOf(subnet, advert.id),
    narrowest: narrowestRank(advert.record),
  };
}
