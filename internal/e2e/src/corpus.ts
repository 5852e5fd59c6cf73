// Valid bytes to begin with: every frozen vector of every package.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromHex } from '@peernet/core';

const packages = fileURLToPath(new URL('../../../packages', import.meta.url));

/** Every string of at least four bytes in hex that the vector files of a package hold. */
export function vectorsOf(name: string): Uint8Array[] {
  const folder = `${packages}/${name}/test/vectors`;
  const found: Uint8Array[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === 'string') {
      const bytes = value.length >= 8 ? fromHex(value) : undefined;
      if (bytes !== undefined) found.push(bytes);
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  };
  for (const file of readdirSync(folder)) collect(JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')));
  return found;
}
