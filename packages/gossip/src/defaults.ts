// Every number of the overlay: finite, with its unit and where it comes from. "●" are figures that the joint
// simulation of protocol.md settled; "guess" is a guess. `limits` of the constructor overrides TUNING.
import type { Rate } from '@peernet/core';

/** What a constructor without options gets. */
export const OPTIONS = Object.freeze({
  /** Overlay links that a node keeps for itself (the specification; ●). */
  connections: 5,
  /** Between two shuffles, and between two rounds of upkeep, ms (the specification). */
  intervalMs: 5_000,
  /** Schemes that a dialer is taken to serve. */
  schemes: ['ws', 'wss', 'tcp'] as readonly string[],
});

/** How the overlay behaves. All of it can be overridden for private clusters, experiments and controls. */
export const TUNING = Object.freeze({
  /** Overlay links of a node that cannot be dialed, at most ●. */
  linksMax: 8,
  /** … but always so many more than `connections`: 8 − 5. */
  linksSpare: 3,
  /** … of one that can: with 70 % that cannot, those that can carry 20 each ●. */
  linksDialableMax: 128,
  /** … with `relay: true` ●. */
  linksRelayMax: 256,
  /** Newcomers that a full node looks after at a time ●. */
  guestsMax: 128,
  /** … and how long, ms ●. */
  guestMs: 30_000,
  /** An evicted neighbour stays a guest, ms (protocol.md §5). */
  evictedGuestMs: 10_000,
  /** Join walks for a guest ●. */
  guestWalks: 3,
  /** Below so many links a peer is desperate: others may evict for it ●. */
  desperateDegree: 3,
  /** Between two evictions by need, ms ●. */
  evictEveryMs: 30_000,
  /** Between two evictions for the same claimant, or by rank for the same address group, ms (protocol.md §5). */
  evictClaimantMs: 600_000,
  /** Claimants remembered. Guess: four times as many as a relay has links. */
  claimantsMax: 1_024,
  /** Places of a node that can be dialed which go by need, not by rank; attackers say that they are desperate (docs/decisions/0019). */
  needyMax: 2,
  /** Of the inbound links of a node that can be dialed, the oldest: they give way to nobody who ranks better (docs/decisions/0023). */
  seniorShare: 0.25,
  /** 1: in a full node who cannot be dialed ranks before who can, for others come to that one by themselves; 0: alike (docs/decisions/0025). */
  shyFirst: 1,
  /** Between two looks into the book for whom we have dialed, ms: to tell who can be dialed, whatever it says. */
  provenEveryMs: 60_000,
  /** A link younger than this is neither evicted nor rotated away, ms ●. */
  settledMs: 60_000,
  /** Between two rotations, ms, ± 25 %; Infinity: none (then a healed partition never merges) ●. */
  rotateEveryMs: 120_000,
  /** Share by which that varies ●. */
  rotateJitter: 0.25,
  /** Own outbound links that are never rotated away: those of the book's min-wise slots (protocol.md §4), else the oldest ●. */
  protectedLinks: 4,
  /** Between two dials for a protected link that is missing while the target is met, ms: all four within minutes of the warm-up. */
  protectEveryMs: 30_000,
  /** Own outbound links in one address group, at most ●. */
  perGroupMax: 2,
  /** Group caps hold once so many groups are known (protocol.md §3). */
  groupsKnownMin: 3,
  /** Tries per round of upkeep ●. */
  triesMax: 3,
  /** Share of tries that dial the book instead of walking, as long as walks do not rest ●. */
  bookShare: 0.5,
  /** … below 3 links ●. */
  bookShareLow: 0.75,
  /** Dials at the same time: a round of upkeep and its walks, twice. Guess. */
  dialsMax: 8,
  /** … of a node that has lost all neighbours: as many as `DIALS_GLOBAL` allows while dials into silence take 8 s. */
  dialsBereftMax: 16,
  /** After this long a dial is taken for one into silence, and another one may be made in its stead, ms: 1.5 round trips over the slowest path. */
  dialHopefulMs: 3_000,
  /** At 0 links the same address again after this, ms, ± 50 % ●. */
  retryAloneMs: 10_000,
  /** An address that refused or dropped us rests, ms (algorithms.md §7.4). */
  refusedRestMs: 60_000,
  /** A `connect` whose dial gave way waits so long for the peer's, ms: as long as an introduction takes. */
  comingMs: 10_000,
  /** `connect`ed addresses are dialed again after at most this, ms (protocol.md §3). */
  pinnedRestMs: 60_000,
  /** Pinned addresses, at most. Guess. */
  pinnedMax: 64,
  /** `disconnect` holds a peer off, ms (protocol.md §5). */
  holdOffMs: 600_000,
  /** Peers and addresses held off or resting, remembered at most. Guess. */
  restsMax: 1_024,
  /** Between two dials of one global host, ms (protocol.md §3 ◆). */
  dialHostEveryMs: 60_000,
  /** Hosts and nets whose dials are remembered. Guess: a minute at full rate, four times. */
  dialKeysMax: 512,
  /** Lowest port that gossip may make us dial, but for 80 and 443 (protocol.md §3). */
  portMin: 1_024,
  /** A link whose other end has not said HELLO, or LINK or FULL after it, ends, ms: as long as a handshake (protocol.md §1). */
  helloMs: 10_000,
  /** Links without HELLO at a time (protocol.md §8). */
  pendingMax: 64,
  /** … with `relay: true` (protocol.md §8). */
  pendingRelayMax: 512,
  /** Connections that others opened for their application (protocol.md §1). */
  appsMax: 64,
  /** Probes of others at a time (protocol.md §1). */
  probesMax: 16,
  /** … and their longest life, ms (protocol.md §1). */
  probeMs: 3_000,
  /** Links made within this of each other are duplicates of one moment, ms (protocol.md §1.6). */
  twinMs: 5_000,
  /** The peer with the smaller id ends one of two links; after this we do, ms: two slow round trips. */
  twinWaitMs: 5_000,
  /** No answer to a walk for this long: once more, by another neighbour, ms (protocol.md §5). */
  walkAnswerMs: 5_000,
  /** A hop remembers where a walk came from, ms (protocol.md §5). */
  routeMs: 30_000,
  /** … of at most so many walks. Guess: 30 s of walks on a hub with 128 links at half the allowed rate. */
  routesMax: 2_048,
  /** Own walks at a time. Guess: two rounds of upkeep. */
  walksMax: 6,
  /** After fruitless walks we rest, at most ms: in a tiny network there is nobody to find. Guess. */
  walkRestMaxMs: 60_000,
  /** Hops of a walk, fewest (protocol.md §5 ●). */
  walkHopsMin: 4,
  /** … most (protocol.md §5 ●). */
  walkHopsMax: 24,
  /** Further hops in which a walk may look for an end (protocol.md §5). */
  walkExtraHops: 4,
  /**
   * Between two EXTREMA messages on one link, ms: changes gather, and half of them have come the other way by then. 5 s
   * would be 2.4 times the messages for the same bytes (docs/simulation.md); eight hops at 15 s are the 120 s from which
   * heirs are listened to until they speak (machine/extrema.ts), so it cannot be more.
   */
  extremaEveryMs: 15_000,
  /** The first so many shuffles of a node … (docs/decisions/0026). */
  eagerShuffles: 60,
  /** … are so far apart, ms, but on each link as far as all others. */
  eagerMs: 1_000,
  /** So long after its start a node is new, ms: twice the time after which it chooses whom to stay with (docs/decisions/0026). */
  newcomerMs: 600_000,
  /** Share of a new node's shuffles that goes to the two that it dialed first; two, so that one that lies is not all. */
  firstShare: 0.5,
  /** Between two RECORD messages about ourselves, ms (protocol.md §3). */
  recordEveryMs: 10_000,
  /** Own record is signed anew after this, ms: half of its longest ttl. */
  recordRenewMs: 43_200_000,
  /** A record whose seq is further than this from the calendar is refused, ms (protocol.md §2). */
  skewMs: 86_400_000,
  /** So many neighbours can say that our own calendar is wrong (protocol.md §2). */
  skewVoices: 3,
  /** … if their median differs from it by more than this, ms: an hour is a wrong time zone. Guess. */
  skewTolerated: 3_600_000,
  /** A calendar that is further on says nothing, ms: the end of the year 9999. Own seqs follow it, are kept, and only rise: none must be the last one. */
  calendarMaxMs: 253_402_300_799_999,
  /** Owners whose last verified record is remembered (protocol.md §8). */
  verifiedMax: 4_096,
  /** Messages of one link that wait for signature budget. Guess: two seconds of everything allowed. */
  waitingMax: 32,
  /** Bytes that wait so, in all links: the messages of a few hundred links at the first moment. Guess. */
  waitingBytesMax: 4_194_304,
  /** Between two looks at what waits for signature budget, ms: 10 signatures flow in meanwhile. */
  waitingMs: 200,
  /** Rounds of upkeep where shuffles are turned off (`interval: 0`), ms (the specification's default). */
  upkeepMs: 5_000,
  /** First ban, ms; doubles each time (protocol.md §8). */
  banMs: 600_000,
  /** Longest ban, ms (protocol.md §8). */
  banMaxMs: 86_400_000,
  /** Bans remembered (security.md §5). */
  bansMax: 4_096,
  /** Messages over the limits after which a link ends: it is no accident any more. Guess. */
  dropsMax: 1_000,
  /** A link that takes nothing for this long ends, ms (protocol.md §8). */
  congestedMs: 10_000,
  /** Old neighbours whose addresses are dialed first after a restart (protocol.md §4). */
  anchors: 2,
  /** Probes of claims of neighbours that wait. Guess. */
  probesWaitingMax: 64,
  /**
   * Between two probes of claims whose host is not the one that the neighbour comes from, ms, and between two of what
   * others name as our own address where nobody sees us; the first one waits up to as long. A thousand nodes that fifty
   * liars all point at one victim then cost it 3 connects per second by each (targets.md S14).
   */
  foreignProbeEveryMs: 300_000,
  /** Links to dialable peers that a node which speaks WebRTC and cannot be dialed keeps: its relays (protocol.md §5, §7). */
  relaysMin: 2,
  /** Neighbours come and go, and each new record is told to all of them and, in adverts, to many more: relays are named anew after ms. Guess. */
  relaysSettleMs: 60_000,
  /** … with fewer than `relaysMin` that are still good, ms: the next one is on its way. Guess. */
  relaysGatherMs: 3_000,
  /** … and for the first time by a node that listens: until its own probes have shown whether it needs any, ms: a dial, and time to begin it. */
  relaysProveMs: 10_000,
  /** Share of its other links that it wants with others of the kind (protocol.md §5). Guess: half. */
  introducedShare: 0.5,
  /** Links with others of the kind, beyond which no walk ends at it, in those that it wants itself. Guess: 2, as somebody has to be wanted. */
  introducedFactor: 2,
  /** After so many walks in a row that brought no neighbour of the kind, links to dialable peers take their place. Guess. */
  introduceTries: 3,
  /** Introductions that we have begun and not ended, at most: what an application dials at a time. Guess. */
  pathsMax: 32,
  /** … that others have begun with us, at most; each may become a connection of the transport, which has a limit of its own. Guess. */
  pathsTakenMax: 32,
  /** … and paths that were taken, remembered so that nobody can repeat an old offer. Guess: half an hour at full rate. */
  pathsSeenMax: 1_024,
  /** An introduction that has not become a connection ends, ms: a dial to the relay, and 30 s for the transports (security.md D9). */
  pathMs: 40_000,
  /** No answer by one way for this long: the next way, ms; as for walks. */
  pathAnswerMs: 5_000,
  /** Peers that are asked, one after the other, when nobody who was named knows the peer: neighbours, then others. Guess: an offer is 1 to 4 kB. */
  guessesMax: 3,
  /** A relay that we dialed for an introduction is let go when it was not used for this long, ms. Guess: the next row of a search. */
  relayLingerMs: 10_000,
  /** A relay that is being dialed and has not answered for this long does not hold up the next one, ms: as peernet staggers addresses. */
  relayDialMs: 1_000,
  /** Relays that are dialed at the same time. Guess: as many as dials for the overlay. */
  relayDialsMax: 8,
  /** Introductions through us that are remembered, ms (protocol.md §7). */
  introductionMs: 30_000,
  /** … begun by one peer (protocol.md §7: 32 in flight). */
  introductionsPerPeer: 32,
  /** … in all: a relay with 128 links whose peers use a quarter of what they may. Guess. */
  introductionsMax: 1_024,
});
export type Tuning = { readonly [K in keyof typeof TUNING]: number };

/** What a link may receive (protocol.md §8). We send at most SEND_SHARE of it, less what STALL_SECONDS add. */
export const RATES = Object.freeze({
  /** HELLO: one, and a few when an application connection becomes an overlay link. Guess. */
  hello: { perSecond: 0.1, burst: 5 },
  /** SHUFFLE messages (protocol.md §8: 10 at once), and 16 of a link that stood still. */
  shuffle: { perSecond: 1, burst: 26 },
  /** EXTREMA messages (protocol.md §8: 5 at once), and 16 of a link that stood still. */
  extrema: { perSecond: 1, burst: 21 },
  /** Entries in them: ten tables of 64 at once, five with as many heirs (protocol.md §8), and 160 of a link that stood still. */
  entries: { perSecond: 10, burst: 800 },
  /** RECORD messages (protocol.md §8: 5 at once), and 4 of a link that stood still. */
  record: { perSecond: 0.2, burst: 9 },
  /** WALK messages (protocol.md §8: 10 at once), and 16 of a link that stood still. */
  walk: { perSecond: 1, burst: 26 },
  /** LINK, FULL, REPLACED: at most as many as walks went the other way, and those of the link itself; and 16 of a link that stood still. */
  answer: { perSecond: 1, burst: 32 },
  /** Records that may enter the book, others are ignored (protocol.md §8); the burst is two full messages of each kind with records. Guess. */
  admitted: { perSecond: 2, burst: 40 },
  /** Introductions that begin: for us, or through us to somebody else (protocol.md §7 ◆). */
  introduction: { perSecond: 1, burst: 5 },
  /** SIGNAL messages: 12 of each side of introductions that come and go over the link at their full rate. */
  signal: { perSecond: 24, burst: 144 },
  /** UNREACHABLE messages: one for each introduction, and those in flight when a link to many breaks. Guess. */
  unreachable: { perSecond: 2, burst: 80 },
  /** Signatures that one link can make us check (protocol.md §8). */
  signatures: { perSecond: 50, burst: 256 },
}) satisfies Record<string, Rate>;
export type RateName = keyof typeof RATES;

/** What goes through a relay for one introduction, both ways together (protocol.md §7 ◆). Each end sends half of it. */
export const INTRODUCTION = Object.freeze({
  /** Signals that a relay lets through; a 25th ends the introduction. */
  messagesMax: 24,
  /** … and bytes of what is sealed in them: 24 KiB. */
  bytesMax: 24_576,
});

/** Our own sending stays below what the receiver allows, so that clocks and queues never make an honest node look greedy (protocol.md §8). */
export const SEND_SHARE = 0.8;

/**
 * A link that stands still and lives hands over at once what was sent meanwhile, seconds: its silence ends it after 12 to
 * 18 s (three pings, and the way). Bursts of a receiver hold what a sender may send in that time, and of a sender they do
 * not; without it four WALKs of an honest node were dropped in S16 with 40 nodes, seed 11 (decision 21).
 */
export const STALL_SECONDS = 20;

/** Rates to which that applies: of what upkeep sends by itself, so that it piles up. Introductions are begun on demand and have a way out (UNREACHABLE). */
export const STALLING: readonly RateName[] = ['shuffle', 'extrema', 'entries', 'record', 'walk', 'answer'];

/** Signatures checked per node (protocol.md §8). */
export const NODE_SIGNATURES: Rate = Object.freeze({
  /** Per second. */
  perSecond: 1_000,
  /** At once. */
  burst: 1_000,
});

/** Dials into the global scope (protocol.md §3 ◆). */
export const DIALS_GLOBAL: Rate = Object.freeze({
  /** Per second. */
  perSecond: 2,
  /** At once. */
  burst: 8,
});
/** Dials into narrower scopes (protocol.md §3). */
export const DIALS_NARROW: Rate = Object.freeze({
  /** Per second. */
  perSecond: 20,
  /** At once. */
  burst: 40,
});
/** Dials into one /24 or /48 (protocol.md §3 ◆). */
export const DIALS_NET: Rate = Object.freeze({
  /** 6 per minute. */
  perSecond: 0.1,
  /** At once. */
  burst: 6,
});
/** Probes of what inbound neighbours claim (protocol.md §3). */
export const PROBES: Rate = Object.freeze({
  /** Per second. */
  perSecond: 10,
  /** At once. */
  burst: 20,
});
