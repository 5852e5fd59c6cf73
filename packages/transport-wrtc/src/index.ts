// @peernet/transport-wrtc: `wrtc:<id>?via=<relay>` addresses → byte streams over WebRTC data channels, in Node and in
// browsers. The STUN server is `@peernet/transport-wrtc/stun`, in Node only.
export { browserLimits, wrtcLimits } from './defaults.js';
export { findRtc } from './find-rtc.node.js';
export type { DataChannelLike, IceServer, PeerConnectionLike, Rtc } from './rtc.js';
export { type WrtcOptions, wrtc } from './wrtc.js';
