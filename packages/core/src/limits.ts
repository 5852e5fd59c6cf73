// Numbers of the kit for transports: who may connect, how long a stranger may dawdle, how long a dial may take.
// The first two tables are what `ListenOptions.limits` may differ from.

/** Limits of one listener, by name. Numbers of protocol.md §8; hosts are IPv4 addresses or IPv6 /64, nets /24 or /48. */
export const connectionLimits = Object.freeze({
  /** New connections per second from one host. Two, so that a household behind one NAT can restart together. */
  hostPerSecond: 2,
  /** New connections that one host may make at once. */
  hostBurst: 32,
  /** Open connections of one host, pending ones counted. */
  hostMax: 32,
  /** Connections of one host whose handshake is not finished. */
  hostPendingMax: 8,
  /** Open connections of one net. */
  netMax: 64,
  /** Connections from everywhere whose handshake is not finished. */
  pendingMax: 64,
  /** New connections per second from everywhere: bounds what strangers make us spend on key exchanges. */
  acceptPerSecond: 50,
  /** New connections from everywhere at once. */
  acceptBurst: 128,
  /** Open connections from everywhere: twice what an overlay keeps (256 links, 128 guests, 64 app connections, 16 probes). */
  openMax: 1024,
  /** New connections per second from loopback, link-local or private addresses: everybody behind one proxy or container bridge. */
  localPerSecond: 50,
  /** New local connections at once. */
  localBurst: 500,
  /** Open local connections: hostMax × localBurst / hostBurst, rounded. */
  localMax: 512,
  /** Local connections whose handshake is not finished: hostPendingMax × localBurst / hostBurst, rounded. */
  localPendingMax: 128,
  /** Connections of trusted proxies that have not yet said for whom they are. */
  proxyPendingMax: 512,
  /** ms after which a connection counts as established although nobody said so (three handshake timeouts). */
  pendingMaxMs: 30_000,
  /** ms from accept to the first byte (node:net never looks; node:http after its headersTimeout, 60 s by default). */
  firstByteMs: 5000,
  /** ms from accept to a WebSocket, TLS and HTTP included. */
  upgradeMs: 10_000,
  /** ms for all headers of a request (Node: 60 000). */
  headersMs: 5000,
  /** ms for a whole request (Node: 300 000). */
  requestMs: 10_000,
  /** ms between looks at the two above (Node: 30 000). */
  checkMs: 1000,
});

/** What differs at a node with `relay: true`: at 50 accepts/s a bootstrap takes in only ~50 newcomers per second (simulated). */
export const relayConnectionLimits = Object.freeze({
  /** As above. */
  pendingMax: 512,
  /** As above. */
  acceptPerSecond: 200,
  /** As above, grown like the rate. */
  acceptBurst: 512,
});

/** Hosts whose rate is remembered. A host's bucket is full again 16 s after its last connection, and ≤ 200 new ones come per second. */
export const rememberedHostsMax = 4096;

/** ms for which a listener refuses after the system refused it a socket (EMFILE): lets descriptors come back. */
export const acceptPauseMs = 1000;

/** ms that closing a listener may take. */
export const listenerCloseMs = 1000;

/** ms for a whole dial: name, connection, TLS and upgrade (protocol.md §1). */
export const dialTimeoutMs = 8000;

/** ms for one address of a name that has several, unless it is the last (a lost SYN comes again after 1 s). */
export const dialAttemptMs = 2000;

/** Addresses of one name that are tried; all of its answers are checked. */
export const dialAddressesMax = 4;

/** Proxies that an X-Forwarded-For may have passed: more is no deployment but an attack. */
export const proxyHopsMax = 16;
