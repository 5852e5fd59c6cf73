import { defineConfig } from 'tsup';
import { nodeBase } from '../../tsup.base';

// Split: what only the daemon needs (the umbrella, the database) lies in files that a command never reads.
export default defineConfig({
  ...nodeBase,
  entry: ['src/bin.ts'],
  format: ['esm'],
  dts: false,
  splitting: true,
});
