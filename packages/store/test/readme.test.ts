// The example of the README, run as it stands, prints what the README says.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { linesOf, run } from './child.js';
import { temporaryFolder } from './stage.js';

const root = fileURLToPath(new URL('..', import.meta.url));

test('the example runs', async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, example = ''] = /```js\n(.*?)```/s.exec(readme) ?? [];
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(13);
  // Inside the package, so that its imports are found; on a database in a temporary folder.
  const folder = mkdtempSync(join(root, 'node_modules', '.example-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const source = join(folder, 'example.js');
  writeFileSync(source, example.replace("'./peers'", JSON.stringify(join(temporaryFolder(), 'peers'))));
  const outfile = join(folder, 'example.mjs');
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@peernet/source'],
    alias: { '@peernet/store': join(root, 'src', 'index.ts') },
    external: ['classic-level'],
  });
  const child = run(outfile, []);
  let complaints = '';
  child.stderr?.on('data', (chunk) => {
    complaints += String(chunk);
  });
  const lines: string[] = [];
  for await (const line of linesOf(child)) lines.push(line);
  expect(complaints).toBe('');
  expect(lines).toHaveLength(1);
  expect(readme).toContain(`It prints \`${lines[0]}\``);
});
