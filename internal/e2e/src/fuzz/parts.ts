// All parts of a campaign, with their shares of the inputs.
import { below, type Random } from '@peernet/core';
import { type Decoder, decoders } from './decoders.js';
import { Broken } from './gauge.js';
import { gossipLife } from './gossip-life.js';
import { handshakeLife } from './handshake-life.js';
import { mutate } from './mutate.js';
import { muxLife } from './mux-life.js';
import type { Part, Tally } from './part.js';
import { rowDecoders } from './rows.js';
import { searchLife } from './search-life.js';

/** Of all inputs: three in five for decoders alone. */
const decoderShare = 0.6;

/** One input for a decoder: nothing may be thrown, and what is taken must write itself again. */
export function decoderPart(decoder: Decoder, share: number): Part {
  const run = (random: Random, tally: Tally, given?: Uint8Array): void => {
    const sample = decoder.samples[below(random, decoder.samples.length)] as Uint8Array;
    let bytes = given ?? mutate(random, sample, decoder.samples);
    if (given === undefined) bytes = decoder.prepare?.(bytes) ?? bytes;
    tally.begin(bytes);
    const value = decoder.read(bytes);
    tally.end(decoder.past?.(bytes, value));
    const again = value === undefined ? undefined : decoder.write?.(value as never);
    if (again !== undefined && Buffer.compare(again, bytes) !== 0)
      throw new Broken(`${decoder.name}: takes what nobody writes`);
  };
  return { name: decoder.name, share, run };
}

export function allParts(): Part[] {
  const all = [...decoders, ...rowDecoders];
  const weights = all.reduce((sum, { weight }) => sum + weight, 0);
  return [
    ...all.map((decoder) => decoderPart(decoder, (decoderShare * decoder.weight) / weights)),
    { name: 'life of gossip', share: 0.12, run: (random, tally) => gossipLife(random, tally) },
    { name: 'life of search', share: 0.13, run: (random, tally) => searchLife(random, tally) },
    { name: 'life of a mux', share: 0.145, run: (random, tally) => muxLife(random, tally) },
    { name: 'life of a handshake', share: 0.005, run: handshakeLife },
  ];
}
