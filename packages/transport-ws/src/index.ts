// @peernet/transport-ws: `ws://host:port` and `wss://host:port` addresses → raw byte streams, in Node and in
// browsers, and listeners for them in Node.
export type { WsOptions } from './options.js';
export { ws } from './ws.node.js';
export { type WebSocketLike, type WsDuplex, wsDuplex } from './ws-duplex.js';
