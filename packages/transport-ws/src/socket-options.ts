// What every socket of the `ws` package gets here, dialed or accepted: its own defaults let one stranger pin hundreds
// of megabytes (measured: 100 connections × 16 000 one-byte fragments = 173 MB).
import { bufferedChunksMax, fragmentsMax, frameBytesMax } from './defaults.js';

/** Options of `WebSocket` and `WebSocketServer`; the types of `ws` do not know all of them yet. */
export const socketOptions: object = Object.freeze({
  perMessageDeflate: false,
  maxPayload: frameBytesMax,
  maxFragments: fragmentsMax,
  maxBufferedChunks: bufferedChunksMax,
});
