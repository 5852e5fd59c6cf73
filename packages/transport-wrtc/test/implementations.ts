// Both WebRTC implementations, where a test can do with both in one process.
import { implementation } from './implementation.js';

/** The native part of node-datachannel is an optional package of its own, so that nothing is downloaded when it is installed. */
export const implementations = ['@roamhq/wrtc', 'node-datachannel'].map((name) => ({
  name,
  rtc: implementation(name),
}));
