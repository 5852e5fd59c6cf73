// @peernet/connection: any raw duplex → an authenticated, encrypted connection to a peer, with message channels and
// app byte streams; and the real Crypto.
export type { ByteStream, ChannelByteStream } from './byte-stream.js';
export type { Connection, IncomingChannel } from './connection.js';
export { type CryptoOptions, createCrypto, type LocalCrypto } from './crypto.js';
export { DEFAULTS, type Limits, WIRE } from './defaults.js';
export {
  type AccepterOptions,
  accepter,
  type DialerOptions,
  dialer,
  gossipChannel,
  scopeOf,
} from './dialer.js';
export { duplexPair, isInProcess } from './duplex-pair.js';
export { isWeakKey } from './machine/weak-key.js';
export { MemoryNetwork, memoryTransport } from './memory-transport.js';
export { type SecureOptions, secure } from './secure.js';
export { SessionTable } from './session-table.js';
export { type ChannelKind, isChannelName, type Role } from './wire.js';
