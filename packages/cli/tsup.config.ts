import { defineConfig } from 'tsup';
import { nodeBase } from '../../tsup.base';

export default defineConfig({ ...nodeBase, entry: ['src/bin.ts'], format: ['esm'], dts: false });
