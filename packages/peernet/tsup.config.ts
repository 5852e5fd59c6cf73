import { defineConfig } from 'tsup';
import { browserFile, twoPlatforms } from '../../tsup.base';

const entry = { index: 'src/index.ts', transport: 'src/transport.ts', testing: 'src/testing.ts' };

export default defineConfig([
  twoPlatforms(entry, ['platform']),
  browserFile('peernet.browser', 'src/index.ts'),
]);
