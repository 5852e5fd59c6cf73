import { defineConfig } from 'tsup';
import { browserBuild, nodeBase } from '../../tsup.base';

const entry = { index: 'src/index.ts', transport: 'src/transport.ts', testing: 'src/testing.ts' };

export default defineConfig([{ ...nodeBase, entry, splitting: true }, browserBuild(entry)]);
