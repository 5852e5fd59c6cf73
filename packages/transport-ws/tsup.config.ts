import { defineConfig } from 'tsup';
import { twoPlatforms } from '../../tsup.base';

export default defineConfig(twoPlatforms({ index: 'src/index.ts' }, ['ws']));
