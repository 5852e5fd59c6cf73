// @peernet/transport-tcp: `tcp://host:port` addresses → raw byte streams, and listeners for them.
export { type TcpOptions, tcp } from './tcp.js';
