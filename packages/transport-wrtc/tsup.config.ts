import { defineConfig } from 'tsup';
import { twoPlatforms } from '../../tsup.base';

const halves = ['find-rtc', 'limits-of-platform'];

export default defineConfig({
  ...twoPlatforms({ index: 'src/index.ts', stun: 'src/stun.ts' }, halves),
  shims: true,
});
