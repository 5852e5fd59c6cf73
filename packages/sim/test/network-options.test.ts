// Options of a network: what is left out is the default, what makes no sense is misuse, before anything happens.
import { expect, test } from 'vitest';
import { createWorld, NETWORK_DEFAULTS, type NetworkOptions } from '../src/index.js';

function networkOf(options: Partial<Record<keyof NetworkOptions, number | undefined>>) {
  return createWorld({ seed: 1 }).network(options as NetworkOptions);
}

test('undefined is left out', () => {
  expect(networkOf({ latencyMs: undefined, sigma: 0 }).options).toEqual({ ...NETWORK_DEFAULTS, sigma: 0 });
});

test.each([
  { latencyMs: -40 },
  { latencyMs: Number.NaN },
  { sigma: -1 },
  { jitterShare: 1.5 },
  { bytesPerSecond: 0 },
  { bytesPerSecond: Number.POSITIVE_INFINITY },
  { bufferBytesMax: Number.NaN },
  { breakMeanMs: -1 },
])('misuse: %o', (options) => {
  const [name] = Object.keys(options) as [string];
  expect(() => networkOf(options)).toThrow(TypeError);
  expect(() => networkOf(options)).toThrow(name);
});
