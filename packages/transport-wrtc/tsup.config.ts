import { defineConfig } from 'tsup';
import { browserBuild, nodeBase } from '../../tsup.base';

const entry = { index: 'src/index.ts' };

export default defineConfig([
  { ...nodeBase, entry: { ...entry, stun: 'src/stun.ts' }, shims: true },
  browserBuild(entry),
]);
