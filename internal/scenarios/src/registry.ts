// All scenarios by name.
import type { Scenario } from './scenario.js';
import { churnSearch, largeSearch } from './scenarios/churn-search.js';
import { crash } from './scenarios/crash.js';
import { crowd } from './scenarios/crowd.js';
import { droppers } from './scenarios/droppers.js';
import { eclipse, restartEclipse } from './scenarios/eclipse.js';
import { faults } from './scenarios/faults.js';
import { floods } from './scenarios/floods.js';
import { forgers } from './scenarios/forgers.js';
import { frozenSearch } from './scenarios/frozen-search.js';
import { growth } from './scenarios/growth.js';
import { introductions } from './scenarios/introductions.js';
import { mesh } from './scenarios/mesh.js';
import { parting } from './scenarios/parting.js';
import { reach } from './scenarios/reach.js';
import { reflection } from './scenarios/reflection.js';
import { sizeEstimate } from './scenarios/size-estimate.js';
import { sleeping } from './scenarios/sleeping.js';
import { smallSearch } from './scenarios/small-search.js';
import { split } from './scenarios/split.js';
import { star } from './scenarios/star.js';

export const scenarios: readonly Scenario[] = [
  smallSearch,
  churnSearch,
  largeSearch,
  frozenSearch,
  droppers,
  growth,
  crash,
  split,
  sizeEstimate,
  crowd,
  star,
  eclipse,
  restartEclipse,
  reflection,
  forgers,
  faults,
  floods,
  introductions,
  mesh,
  parting,
  reach,
  sleeping,
];

export function findScenario(name: string): Scenario | undefined {
  return scenarios.find((scenario) => scenario.name.toUpperCase() === name.toUpperCase());
}
