// How many nodes a cast is for, by the size of the network: protocol.md §6. Pure arithmetic, in one place.
import { CAST } from '../defaults.js';

/** Nodes that a first attempt visits. */
export function searchBudget(size: number): number {
  return clamp(Math.ceil(CAST.searchFactor * Math.sqrt(size)), CAST.searchMin, CAST.searchMax);
}

/** Nodes that a second attempt visits. */
export function secondBudget(size: number): number {
  return clamp(CAST.secondFactor * searchBudget(size), CAST.secondMin, CAST.budgetMax);
}

/** Nodes that shall hold an advert. `crowd`: other members seen in the last refresh interval. */
export function advertBudget(size: number, crowd: number): number {
  const all = clamp(Math.ceil((CAST.product * size) / searchBudget(size)), CAST.advertMin, CAST.advertMax);
  if (crowd <= CAST.crowd) return all;
  const less = Math.max(CAST.advertMin, all * CAST.crowdShareMin, (all * CAST.crowd) / crowd);
  return Math.min(all, Math.ceil(less));
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
