// Every number of docs/wire.md §7.1: exactly so much is taken, one more is refused as the page says (targets.md R7).
// Two controls for each row: if the bound were one more or one less, the row would fail; and if the one number in the
// code that decides is changed, it does fail, so it is that number that the row is about.
import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

/** Constants are frozen when their modules are loaded; here they are not, so that controls can change one. */
const thaw = vi.hoisted(() => vi.spyOn(Object, 'freeze').mockImplementation((value) => value as never));

import { connectionRows } from '../src/wire-constants/connection-rows.js';
import { coreRows } from '../src/wire-constants/core-rows.js';
import { elsewhere, exempt } from '../src/wire-constants/exempt.js';
import { gossipRateRows } from '../src/wire-constants/gossip-rates.js';
import { gossipRows } from '../src/wire-constants/gossip-rows.js';
import { constantsOfPage, numberOf } from '../src/wire-constants/page.js';
import { changed, faultsOf, type Row } from '../src/wire-constants/row.js';
import { searchRateRows } from '../src/wire-constants/search-rates.js';
import { searchRows } from '../src/wire-constants/search-rows.js';
import { timeRows } from '../src/wire-constants/time-rows.js';

thaw.mockRestore();

const rows: readonly Row[] = [
  ...coreRows,
  ...connectionRows,
  ...gossipRows,
  ...gossipRateRows,
  ...searchRows,
  ...searchRateRows,
  ...timeRows,
];
const page = constantsOfPage();
const nameOf = ({ file, key }: { file: string; key: string }): string => `${file} ${key}`;

describe.each(rows.map((row) => ({ name: [nameOf(row), row.part].filter(Boolean).join(', '), row })))(
  '$name',
  ({ row }) => {
    const { value, decides } = row;

    test(`${value} is taken, beyond it: ${row.refused}`, () => {
      expect(faultsOf(row, value)).toEqual([]);
    });

    test('control: with another bound the row fails', () => {
      expect(faultsOf(row, value + 1)).not.toEqual([]);
      expect(faultsOf(row, value - 1)).not.toEqual([]);
    });

    if (typeof decides !== 'string')
      test('control: it fails when the code has another number', () => {
        expect(changed(row, () => faultsOf(row, value))).not.toEqual([]);
        expect(faultsOf(row, value)).toEqual([]);
      });
  },
);

describe('the page', () => {
  test('every constant has a row, or a reason for none', () => {
    const shown = new Set(rows.map(nameOf));
    const missing = page.filter((constant) => !shown.has(nameOf(constant))).map(nameOf);
    expect(missing.sort()).toEqual([...Object.keys(exempt), ...Object.keys(elsewhere)].sort());
  });

  test.each(Object.entries(elsewhere))('%s is shown in %s', (name, file) => {
    const [, key = ''] = name.split(' ');
    const text = readFileSync(new URL(`../../../packages/${file}`, import.meta.url), 'utf8');
    expect(text).toMatch(new RegExp(`taken\\(.*${key}\\)`));
    expect(text).toMatch(new RegExp(`refused\\(.*${key} \\+ 1\\)`));
  });

  test('no row is about a constant that is not on it', () => {
    const known = new Set(page.map(nameOf));
    expect(rows.filter((row) => !known.has(nameOf(row))).map(nameOf)).toEqual([]);
    expect(page.length).toBeGreaterThan(70);
  });

  test('rows and page say the same number', () => {
    for (const constant of page) {
      const value = numberOf(constant.value);
      const of = rows.filter((row) => nameOf(row) === nameOf(constant) && row.part === undefined);
      if (value !== undefined) for (const row of of) expect(row.value, nameOf(row)).toBe(value);
    }
  });
});
