// The numbers of the umbrella itself; those of its parts are in their own defaults.ts.

export const DEFAULTS = Object.freeze({
  /** Connections to make and keep (specification). */
  connections: 5,
  /** Most that a user may ask for: the app connections of protocol.md §1.5 bound what a node should dial. */
  connectionsMax: 64,
  /** Milliseconds between exchanges of addresses (specification). */
  intervalMs: 5_000,
  /** Milliseconds between purges (specification). */
  purgeMs: 60_000,
  /** How long the start waits for a slow database before the network starts without it, ms (architecture.md §3). */
  loadMs: 2_000,
  /** A whole dial: DNS, connect, handshake, ms (protocol.md §1 timers). */
  dialMs: 8_000,
  /** Why an address could not be dialed is remembered for so many addresses. Guess: those that a user may ask about. */
  failuresKept: 64,
  /** Ids of which it is remembered that, and where, we have met them. Guess: as many as signatures are cached (protocol.md §8). */
  metKept: 4_096,
  /** A handshake this long ago makes a search row verified, ms (api.md §1). */
  verifiedMs: 600_000,
  /** How long the start waits for the identity before it takes a new one for this run, ms. Guess: a large database that has to be repaired takes seconds. */
  identityMs: 10_000,
  /** A secured connection without a gossip channel is closed after this, ms: as long as a handshake (protocol.md §1 timers). */
  firstChannelMs: 10_000,
  /** `close()` is done after this, whatever hangs, ms (api.md §1). */
  closeMs: 3_000,
  /** Of those, for peers to take our goodbye and the withdrawn adverts, ms. Guess: a few round trips. */
  goodbyeMs: 1_500,
  /** Between the ticks of the timer that keeps the process, ms: it does nothing, so as rarely as engines allow (2^31 - 1). */
  aliveMs: 2_147_483_647,
  /** A connection that was dialed for application streams only lives on this long after the last one, ms. Guess. */
  appIdleMs: 30_000,
  /** Handshakes pending at once on streams handed in by `createStream` (protocol.md §8: 512 for relays; the app's server has its own limits). */
  pendingStreamsMax: 512,
  /** Connections that carry application streams only (protocol.md §1.5). */
  appConnectionsMax: 64,
  /** Search rows that wait for a slow reader; later ones are dropped, as the search has ended by then. protocol.md §6: ≤ 64 rows a query. */
  rowsMax: 1_024,
  /** Longest subnet name, UTF-8 bytes (api.md §1). */
  subnetNameBytesMax: 255,
  /** Longest payload of a search, bytes (protocol.md §6). */
  payloadBytesMax: 256,
});
