// Valid bytes for decoders: messages with random contents from fixed seeds, and every frozen vector of a package.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromHex, seededRandom } from '@peernet/core';
import { createWorld, simCrypto } from '@peernet/sim';
import type { Talk } from './talk.js';

const packages = fileURLToPath(new URL('../../../../packages', import.meta.url));

/** Every string of at least four bytes in hex that one vector file of a package holds. */
export function vectorsOf(name: string, file: string): Uint8Array[] {
  const path = `${packages}/${name}/test/vectors/${file}`;
  const found: Uint8Array[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === 'string') {
      const bytes = value.length >= 8 ? fromHex(value) : undefined;
      if (bytes !== undefined) found.push(bytes);
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  };
  if (existsSync(path)) collect(JSON.parse(readFileSync(path, 'utf8')));
  return found;
}

/** Somebody who says the same things in every process. */
export function fixedTalk(seed: number): Talk {
  const world = createWorld({ seed });
  const [self, ...others] = ['ann', 'bob', 'eve', 'sue'].map((name) => simCrypto(world, name));
  if (self === undefined) throw new TypeError('nobody talks');
  return { random: seededRandom(seed), self, others, wallMs: 1_767_225_600_000 };
}

/** `count` different things that `say` says. */
export function samplesOf(count: number, say: (talk: Talk) => Uint8Array): Uint8Array[] {
  const talk = fixedTalk(7);
  return Array.from({ length: count }, () => say(talk));
}
