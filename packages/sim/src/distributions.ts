// Numbers drawn by other laws than the uniform one. JavaScript leaves the last bits of Math.log, Math.exp and Math.cos to
// its engine (ECMA-262 §21.3.2), and engines differ: Node up to 26 from Chromium 156 and Bun. So what comes out of them
// lies on a grid that is coarse beside those bits: the same seed is the same run everywhere.
import { type Random, uniform } from '@peernet/core';

/** Steps of latencies in a millisecond: about a microsecond each. */
const latencySteps = 1024;

/**
 * How long until something that may happen at any time alike: exponentially distributed with this mean, in whole ms.
 * Sessions with a median have a mean of median ÷ ln 2.
 */
export function exponentialMs(random: Random, meanMs: number): number {
  return Math.round(-Math.log(1 - uniform(random)) * meanMs);
}

/** A latency of a log-normal distribution with this median, of two uniform numbers, the first not 0 (Box–Muller). */
export function logNormalMs(medianMs: number, sigma: number, u: number, v: number): number {
  const normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  return Math.round(medianMs * Math.exp(sigma * normal) * latencySteps) / latencySteps;
}
