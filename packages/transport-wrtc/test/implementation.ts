// The WebRTC implementations that the tests run on, one at a time.
import { createRequire } from 'node:module';
import type { Rtc } from '../src/index.js';

const require = createRequire(import.meta.url);

/** One of them; undefined where it is not installed or not built. Only what is asked for is loaded: both bring parts of the same native libraries. */
export function implementation(name: string): Rtc | undefined {
  try {
    const found =
      name === 'node-datachannel' ? require('node-datachannel/polyfill') : require('@roamhq/wrtc');
    return found as Rtc;
  } catch {
    return undefined;
  }
}

/** What a dial says when node-datachannel 0.33.4 has closed the connection by itself while it was being made, on this side or on the other: 1 to 3 in 400 (measured on it alone), more on a busy machine. */
const closedByItself = /without ICE transport|closed while it was being made/;

/** Dials again when that happened. */
export async function persistently<T>(dial: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await dial();
    } catch (error) {
      if (attempt === 8 || !closedByItself.test(String(error))) throw error;
    }
  }
}
