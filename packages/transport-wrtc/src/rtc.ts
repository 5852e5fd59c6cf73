// What is used of a WebRTC implementation, so that the browser's own, `@roamhq/wrtc` and the polyfill of
// `node-datachannel` all fit, types included. Nothing here knows peernet.

/** A data channel. */
export interface DataChannelLike {
  binaryType: string;
  readonly label: string;
  readonly readyState: string;
  readonly bufferedAmount: number;
  /** Missing in @roamhq/wrtc, as is its event. */
  bufferedAmountLowThreshold?: number;
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of browsers and of the polyfills exclude each other
  send(data: any): void;
  close(): void;
  // biome-ignore lint/suspicious/noExplicitAny: likewise
  addEventListener(type: any, listener: (event: any) => void): void;
}

/** A peer connection. */
export interface PeerConnectionLike {
  readonly connectionState: string;
  readonly iceGatheringState: string;
  readonly localDescription: { readonly sdp?: string } | null;
  createDataChannel(label: string, options?: { ordered?: boolean }): DataChannelLike;
  // biome-ignore-start lint/suspicious/noExplicitAny: descriptions and candidates are classes here, plain objects there
  createOffer(): Promise<any>;
  createAnswer(): Promise<any>;
  setLocalDescription(description: any): Promise<void>;
  setRemoteDescription(description: any): Promise<void>;
  addIceCandidate(candidate: any): Promise<void>;
  addEventListener(type: any, listener: (event: any) => void): void;
  // biome-ignore-end lint/suspicious/noExplicitAny: end of the above
  close(): void;
}

/** `globalThis` of a browser, `require('@roamhq/wrtc')`, `require('node-datachannel/polyfill')`. */
export interface Rtc {
  readonly RTCPeerConnection: new (
    // biome-ignore lint/suspicious/noExplicitAny: configurations differ in details
    configuration?: any,
  ) => PeerConnectionLike;
}

/** As in `RTCConfiguration.iceServers`. */
export interface IceServer {
  urls: string | string[];
  username?: string;
  credential?: string;
}
