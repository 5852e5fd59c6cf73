// Where WebRTC comes from in browsers: they have it, but for workers and those where it is turned off.
import type { Rtc } from './rtc.js';

/** What to do about there being none. */
export const howToGetRtc = 'this browser has none here (workers do not; privacy settings may turn it off)';

/** The WebRTC of this platform, or undefined if there is none. */
export function findRtc(): Rtc | undefined {
  const { RTCPeerConnection } = globalThis as Partial<Rtc>;
  return RTCPeerConnection && { RTCPeerConnection };
}
