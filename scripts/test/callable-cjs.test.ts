// What callable-cjs makes of an entry, seen by a child process (vitest itself would load the sources).
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../callable-cjs.mjs', import.meta.url));
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callable-'));
  mkdirSync(join(folder, 'dist'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function callable(dts: string, ...more: string[]): string {
  const js =
    'class Peernet {}\nexports.Peernet = Peernet;\nexports.default = () => 7;\n//# sourceMappingURL=index.cjs.map';
  for (const name of ['index', ...more]) writeFileSync(join(folder, `dist/${name}.cjs`), js);
  for (const name of ['index', ...more]) writeFileSync(join(folder, `dist/${name}.d.cts`), dts);
  execFileSync(process.execPath, [program, 'index', ...more], { cwd: folder, stdio: 'pipe' });
  return readFileSync(join(folder, 'dist/index.d.cts'), 'utf8');
}

test('require gives a function with the named exports, for every entry that is named', () => {
  const types = callable(
    "export { Row } from '@peernet/search';\ndeclare function peernet(): number;\ndeclare class Peernet {}\nexport { Peernet, peernet as default };\n",
    'transport',
  );
  for (const name of ['index', 'transport']) {
    const code = `const p = require(${JSON.stringify(join(folder, 'dist', `${name}.cjs`))}); console.log(p(), p.default === p, typeof p.Peernet)`;
    expect(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' })).toBe('7 true function\n');
  }
  expect(types).toContain("import { Row as Row__ } from '@peernet/search'");
  expect(types).toContain('export { Row__ as Row, Peernet, peernet as default };\n}\nexport = peernet;');
});

test.each([
  ["export * from './x.cjs';\ndeclare function f(): void;\nexport { f as default };\n", 'export *'],
  [
    "export { f as default } from './chunk.cjs';\nexport {  };\n",
    'must be a function declared in that entry',
  ],
  ['declare class A {}\nexport { A };\n', 'must be a function declared in that entry'],
])('refuses what it cannot express: %j', (dts, message) => {
  expect(() => callable(dts)).toThrow(message);
});
