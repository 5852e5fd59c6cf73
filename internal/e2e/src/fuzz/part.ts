// What a campaign is made of: parts that live through one case at a time. A case depends on its dice alone, so that its
// part, seed and index replay it.
import type { Random } from '@peernet/core';

/** Where a case counts its inputs. */
export interface Tally {
  /** One input is about to be given; `bytes` are kept in case it does harm. */
  begin(bytes: Uint8Array): void;
  /** It was survived; `past` the first check of a length, or (absent) as the gauge says. */
  end(past?: boolean): void;
}

export interface Part {
  readonly name: string;
  /** Share of all inputs. */
  readonly share: number;
  /** Throws if something is wrong. `given`: the input itself, from the list of seeds; for decoders only. */
  run(random: Random, tally: Tally, given?: Uint8Array): void;
}
