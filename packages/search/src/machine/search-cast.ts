// A search that begins or goes on: each neighbour is asked for as many rows as the share of its source pays for.
import type { LinkKey } from '@peernet/core';
import { encodeSearch, type SearchMessage } from '../wire.js';
import type { Caster } from './cast.js';
import type { Turn } from './effects.js';
import type { Neighbour } from './neighbours.js';
import { ask, type Query } from './queries.js';

interface SearchCast {
  readonly query: Query;
  /** What is said to all. */
  readonly search: Omit<SearchMessage, 'type' | 'budget'>;
  readonly units: number;
  readonly source: LinkKey;
}

/** Casts it, and remembers who was asked, and on whose account. `passes`: whom it may go to. */
export function castSearch(
  caster: Caster,
  { query, search, units, source }: SearchCast,
  turn: Turn,
  passes: (n: Neighbour) => boolean,
): void {
  const more = new Set<LinkKey>();
  const message = (budget: number, to: Neighbour): Uint8Array => {
    const want = to.wants(search.want, source, turn.nowMs);
    if (want > 1) more.add(to.key);
    return encodeSearch({ ...search, budget, want });
  };
  ask(query, caster.cast({ kind: 'search', units, source, message }, turn, passes), more, source);
}
