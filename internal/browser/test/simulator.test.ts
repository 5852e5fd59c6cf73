// The simulator in a browser: the same seed is the same run as here, although the mathematics of Chromium may differ from
// those of this Node in their last bits.
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { expect, test } from 'vitest';
import { chatter } from '../../../packages/sim/test/chatter.js';
import { executablePath, launch } from '../src/index.js';

const source = fileURLToPath(new URL('../../../packages/sim/test/chatter.ts', import.meta.url));

test.skipIf(executablePath === undefined)('has the same trace in a page', async () => {
  const { outputFiles } = await esbuild.build({
    entryPoints: [source],
    bundle: true,
    format: 'iife',
    globalName: 'toy',
    conditions: ['@peernet/source'],
    write: false,
    logLevel: 'silent',
  });
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
    for (const seed of [1, 2, 3]) expect(await page.evaluate(`toy.chatter(${seed})`)).toEqual(chatter(seed));
  } finally {
    await browser.close();
  }
});
