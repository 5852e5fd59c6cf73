// All scenarios by name.
import type { Scenario } from './scenario.js';
import { smallSearch } from './scenarios/small-search.js';
import { star } from './scenarios/star.js';

export const scenarios: readonly Scenario[] = [smallSearch, star];

export function findScenario(name: string): Scenario | undefined {
  return scenarios.find((scenario) => scenario.name === name.toUpperCase());
}
