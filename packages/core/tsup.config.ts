import { defineConfig } from 'tsup';
import { base } from '../../tsup.base';

export default defineConfig({
  ...base,
  entry: { index: 'src/index.ts', conformance: 'src/conformance/index.ts' },
  splitting: true, // both entries share one copy of each class
});
