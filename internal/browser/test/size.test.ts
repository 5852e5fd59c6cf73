// The bundle has a budget: what is measured plus 3 %. Whoever goes above it says why in size.budget.json's commit.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('the bundle of a page is within its budget, and all of it is accounted for', () => {
  const script = fileURLToPath(new URL('../size.mjs', import.meta.url));
  const { gzipBytes, bytes, budget, rows } = JSON.parse(
    execFileSync(process.execPath, [script, '--json'], { encoding: 'utf8' }),
  );
  expect(gzipBytes).toBeLessThanOrEqual(budget);
  expect(gzipBytes).toBeGreaterThan(budget * 0.9); // a budget that is far off guards nothing
  const sum = rows.reduce((total: number, row: { bytes: number }) => total + row.bytes, 0);
  expect(sum).toBe(bytes);
});
