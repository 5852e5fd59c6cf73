// The rows of docs/wire.md §7.1 as a reader sees them. That they are what the code says is checked by
// `node scripts/docs.mjs --check`.
import { readFileSync } from 'node:fs';

export interface Constant {
  readonly file: string;
  readonly key: string;
  /** As written. */
  readonly value: string;
}

export function constantsOfPage(): Constant[] {
  const page = readFileSync(new URL('../../../../docs/wire.md', import.meta.url), 'utf8');
  const part = page.split('<!-- generated: agreed -->')[1]?.split('<!-- end: agreed -->')[0] ?? '';
  const found: Constant[] = [];
  let file = '';
  for (const line of part.split('\n')) {
    file = /^#### (.+)$/.exec(line)?.[1] ?? file;
    const [, key, value] = /^\| `([^`]+)` \| `([^`]+)` \|/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) found.push({ file, key, value });
  }
  return found;
}

/** A value as written, if it is one number or the product of two. */
export function numberOf(value: string): number | undefined {
  const factors = value.replaceAll('_', '').split(' * ');
  const product = factors.reduce((sum, factor) => sum * Number(factor), 1);
  return Number.isNaN(product) ? undefined : product;
}
