import { defineConfig } from 'tsup';
import { browserBuild, nodeBase } from '../../tsup.base';

const entry = { index: 'src/index.ts', transport: 'src/transport.ts', testing: 'src/testing.ts' };

export default defineConfig([
  { ...nodeBase, entry, splitting: true },
  browserBuild(entry),
  // One file for `<script type="module">`, with everything in it.
  {
    ...browserBuild({ peernet: 'src/index.ts' }),
    format: ['esm'],
    noExternal: [/./],
    minify: true,
    sourcemap: false,
  },
]);
