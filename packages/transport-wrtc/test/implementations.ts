// The WebRTC implementations that the tests run on.
import { createRequire } from 'node:module';
import type { Rtc } from '../src/index.js';

const require = createRequire(import.meta.url);

function load(name: string): Rtc | undefined {
  try {
    return require(name) as Rtc;
  } catch {
    return undefined;
  }
}

export const implementations: readonly { name: string; rtc: Rtc | undefined }[] = [
  { name: '@roamhq/wrtc', rtc: load('@roamhq/wrtc') },
  // Its native part is an optional package of its own, so that nothing is downloaded when it is installed.
  { name: 'node-datachannel', rtc: load('node-datachannel/polyfill') },
];
