// The numbers of the umbrella itself; those of its parts are in their own defaults.ts.
import type { Rate } from '@peernet/core';

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
  /** A whole dial of WebRTC, ms: the transport's own limit, waiting for its turn included. */
  webRtcDialMs: 30_000,
  /** Own relays that are asked for our address by STUN. Two tell whether a NAT keeps ports; each costs packets. */
  stunMax: 2,
  /** The next address of a peer is tried after this without an answer from the one before, ms: a few round trips, name resolution included. */
  staggerMs: 1_000,
  /** Another dial makes a connection with the same peer: so long it is waited for, ms. Guess: an introduction takes 1 to 3 s, on a busy machine twice that. */
  pendingMs: 10_000,
  /** A search row whose member nobody here could introduce is not shown for this, ms: by then we, or our neighbours, have other neighbours. Guess: two rounds of upkeep. */
  strangerMs: 10_000,
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
  /** What was said to its end before a connection closed can be read for so long, ms: as long as a connection drains (protocol.md §1 timers). */
  lastWordsMs: 3_000,
  /** Handshakes pending at once on streams handed in by `createStream` (protocol.md §8: 512 for relays; the app's server has its own limits). */
  pendingStreamsMax: 512,
  /** Connections that carry application streams only (protocol.md §1.5). */
  appConnectionsMax: 64,
  /** Hosts of subnet members where dials have failed, remembered. Guess: twice the members that a subnet remembers. */
  hostsKept: 512,
  /** Search rows that wait for a slow reader; later ones are dropped, as the search has ended by then. protocol.md §6: ≤ 64 rows a query. */
  rowsMax: 1_024,
  /** Longest subnet name, UTF-8 bytes (api.md §1). */
  subnetNameBytesMax: 255,
  /** Longest payload of a search, bytes (protocol.md §6). */
  payloadBytesMax: 256,
});

/** Dials of subnet members that may fail at one host: as many as a household has, then as rarely as for gossip (protocol.md §3). */
export const HOST_FAILURES: Rate = Object.freeze({
  /** Per second: one a minute. */
  perSecond: 1 / 60,
  /** At once. Guess. */
  burst: 8,
});

/** Links for searches that one connection may open: each has limits of its own, which are back after a minute anyway. */
export const SEARCH_LINKS: Rate = Object.freeze({
  /** Per second: one a minute. */
  perSecond: 1 / 60,
  /** At once: a neighbour that goes and comes again on its connection. Guess. */
  burst: 4,
});

/** The numbers of `pn.subnet()`. */
export const SUBNET = Object.freeze({
  /** Members to be connected to (api.md §1). */
  connections: 8,
  /** Most that a user may ask for: the app connections of protocol.md §1.5. */
  connectionsMax: 64,
  /** Share of the connections that a member makes itself, if not all members fit; the rest is room for others. With .4 a
   * member of a large subnet has 6.4 of 8 streams on average, so a fifth of all places is free for who comes. */
  outboundShare: 0.4,
  /** Members that are remembered per subnet: a few times what one search tells (protocol.md §6: 32 rows). */
  membersMax: 256,
  /** Attempts to connect at once: those that WebRTC stands (protocol.md §7). */
  attemptsMax: 4,
  /** Members in reserve that make a subnet content. */
  spares: 2,
  /** Between searches, ms, doubled by each that tells nothing new. Guess: an advert is placed within a second. */
  searchMs: 2_000,
  /** … and at most, ms. Newcomers search for themselves: this is for what was split and has healed. */
  searchMaxMs: 120_000,
  /** Between searches of who misses nobody, ms: the life of an advert's refresh (protocol.md §6). */
  contentMs: 300_000,
  /** Between the end of a search and the next one, whatever happens, ms. */
  searchGapMs: 5_000,
  /** A change that many see at once makes them search spread over this, ms. */
  spreadMs: 500,
  /** Share of neighbours that must be new for a search at once, as for adverts (protocol.md §6). */
  neighboursChangedShare: 0.5,
  /** ± share of every wait. */
  waitJitter: 0.25,
  /** A dead member is tried again after this, ms, doubled each time. Guess: a restart takes seconds. */
  retryMs: 5_000,
  /** … and at most after this, ms. */
  retryMaxMs: 600_000,
  /** A member without room, or without such a stream, is asked again after this, ms. Guess. */
  fullMs: 15_000,
  /** Somebody who does not know the name, ms. */
  proofMs: 60_000,
  /** A member whose stream broke is tried again after this, ms. */
  lostMs: 1_000,
  /** Failures in a row after which a member is forgotten until it is found again: five minutes of trying. */
  failuresMax: 6,
  /** Without a row or a stream for so long, a member is forgotten, ms: two lives of an advert (protocol.md §2). */
  unseenMs: 1_200_000,
  /** Of two streams made within this, ms, the one of the smaller id stays (protocol.md §1.6). */
  raceMs: 5_000,
  /** A stream that lived this long was no failure, ms. */
  longMs: 60_000,
  /** `ready()` waits this long for a first link, ms: as long as a search that finds nothing (api.md §1). */
  lonelyMs: 5_000,
  /** From the opening of a stream to its proof, ms: as long as a handshake (protocol.md §1 timers). */
  proofTimeoutMs: 10_000,
  /** Streams of strangers whose proof has not come yet, per subnet. Guess: those that may be open, once more. */
  unprovenMax: 64,
  /** … and per peer: two that cross each other. */
  unprovenPerPeerMax: 2,
  /** A stream that its app does not end by itself is ended this long after `close()`, ms. */
  endMs: 500,
});

/** What a page keeps by itself (page-storage.browser.ts). */
export const PAGE = Object.freeze({
  /** The database and the Web Lock of the public network; part of the format: never change. */
  database: 'peernet',
  /** How long a page waits for the lock, ms. Guess: a reload gives it back within milliseconds; a second tab starts so much later. */
  lockMs: 1_000,
});
