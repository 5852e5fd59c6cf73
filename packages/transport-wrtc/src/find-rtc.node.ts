// Where WebRTC comes from in Node: what the program itself has put into the global scope, else `@roamhq/wrtc`, an
// optional peer dependency of 26 MB that is loaded when it is asked for and not before.
import { createRequire } from 'node:module';
import type { Rtc } from './rtc.js';

/** What to do about there being none. */
export const howToGetRtc = 'install it with: npm install @roamhq/wrtc';

/** The WebRTC of this platform, or undefined if there is none. */
export function findRtc(): Rtc | undefined {
  const { RTCPeerConnection } = globalThis as Partial<Rtc>;
  if (RTCPeerConnection !== undefined) return { RTCPeerConnection };
  const require = createRequire(import.meta.url); // tsup puts something in its place in the CommonJS build
  try {
    return require('@roamhq/wrtc') as Rtc;
  } catch {
    return undefined; // not installed, or not built for this system (musl)
  }
}
