// Every number of this package. What both ends must agree about is in WIRE; the rest is the policy of this node.

/** Part of protocol version 1: changing one of these changes the protocol. */
export const WIRE = Object.freeze({
  /** Bytes of a hello: magic 4, role 1, nonce 16 (protocol.md §1.1). */
  helloBytes: 21,
  /** Random bytes in a hello (protocol.md §1.1). */
  helloNonceBytes: 16,
  /** Bytes of an X25519 or Ed25519 public key (RFC 7748, RFC 8032). */
  keyBytes: 32,
  /** Bytes of a Poly1305 tag (RFC 8439). */
  tagBytes: 16,
  /** Bytes of the handshake payload: peer id 32, boot seq 8, signature 64 (protocol.md §1.2). */
  identityBytes: 104,
  /** Largest record, bytes of ciphertext behind its u16 length (Noise specification, section 3). */
  recordBytesMax: 65_535,
  /** Smallest record: a tag and the smallest frame (type, channel, length), by arithmetic. */
  recordBytesMin: 20,
  /** Longest channel name, bytes (protocol.md §1.3). */
  nameBytesMax: 64,
  /** What each side may send on a channel before the other has read it, bytes (protocol.md §1.3; 1 to 4 % from 1 MiB, fast.md §3.10). */
  windowBytes: 262_144,
  /** What a DATA frame costs of the window beside its bytes: an empty message occupies memory, too. By reasoning: an array header. */
  frameCostBytes: 32,
  /** Channel ids end here; a connection that has used them up opens no more (the varint of core). */
  channelIdMax: 4_294_967_295,
});

/** Policy of this node; `secure` and `dialer` take other values as `limits`, tests do. */
export const DEFAULTS = Object.freeze({
  /** From the connection to the first byte of the other side, ms (protocol.md §1 timers). */
  firstByteMs: 5_000,
  /** From the connection to the end of the handshake, ms (protocol.md §1 timers). */
  handshakeMs: 10_000,
  /** For a transport to make a connection, DNS included, ms (protocol.md §1 timers). */
  dialMs: 8_000,
  /** Between pings, ms (protocol.md §1 timers: 90 % crash: .97 instead of .92 in one component after 60 s). */
  pingMs: 5_000,
  /** Jitter of pings, share of the interval (protocol.md §1 timers). */
  pingJitter: 0.2,
  /** Ping intervals without any input after which the peer is down (protocol.md §1 timers). */
  missesMax: 2,
  /** From a ping that is sent because the peer may be gone to the judgment, ms. Guess: a bad round trip, and well before gossip decides about two links to one peer (5 s). */
  doubtMs: 3_000,
  /** Sleeps in a row without input that are excused; by reasoning: throttled timers of a hidden tab look like sleep for ever. */
  excusesMax: 3,
  /** A gap of so many ping intervals between two inputs means that this computer slept (protocol.md §1 timers). */
  sleepIntervals: 2,
  /** How long a peer may read nothing while we have something for it, ms (protocol.md §1.3). */
  stallMs: 20_000,
  /** Credit that proves that a peer reads, bytes: a quarter of a window, of which ours grants half at a time. By reasoning: who has stopped reading can say so four times. */
  creditProofBytes: 65_536,
  /** From GOAWAY to the end of the transport, ms (protocol.md §1 timers). */
  drainMs: 3_000,
  /** Control frames waiting for the transport; one more closes the connection (protocol.md §1.3, CVE-2024-32984). */
  controlFramesMax: 256,
  /** Channels that the remote may have open, and we as well (security.md §5). */
  channelsMax: 128,
  /** How often the remote may open channels; one more closes the connection (protocol.md §8). */
  opens: {
    /** Channels per second (protocol.md §8). */
    perSecond: 10,
    /** Channels at once (protocol.md §8). */
    burst: 32,
  },
  /** Share of those rates that we use ourselves, so that no clock skew makes an honest node a flooder (protocol.md §8). */
  ownShare: 0.8,
  /** Waiting bytes per channel and urgency; by reasoning: one window, what casts call congested (protocol.md §8). */
  queueBytesMax: 262_144,
  /** Waiting messages per channel and urgency; by reasoning: the largest cast that an origin sends into one link. */
  queueMessagesMax: 4_096,
  /** A stream takes more of one record only while no other channel waits, bytes (protocol.md §1.3). */
  streamTurnBytes: 16_384,
  /** Share of a record that messages leave to streams that wait; by reasoning: neither may starve the other. */
  streamShare: 0.25,
  /** Largest record for transports that do not say otherwise, bytes with length and tag (protocol.md §1.3). */
  recordBytesMax: 65_537,
  /** What `recordBytesMax` must allow: the largest message with header, tag and length, by arithmetic. */
  recordBytesLeast: 16_100,
  /** A stream that has more begins no frame for less than this, bytes; by reasoning: slivers cost as much as frames. */
  sliverBytes: 512,
  /** A view into a record that is so many times as large is copied before it waits; by reasoning: it would pin all of it. */
  pinFactor: 4,
  /** Up to here an unfinished record has a buffer of its own, bytes; above it borrows one of a whole record. By reasoning. */
  smallBufferBytes: 2_048,
  /** High-water mark of app streams, bytes (64 to 256 KiB: no difference found, fast.md §3.9). */
  streamBufferBytes: 65_536,
  /** Below that a record is written in one piece, bytes: gathering costs more than a copy (fast.md §3.4). */
  gatherBytesMin: 2_048,
  /** Boot sequence numbers kept, one per peer id (bounded LRU, protocol.md §1.2; 16 384 ids are the whole book). */
  sessionsMax: 16_384,
  /** Verified signatures remembered (protocol.md §8). */
  verifiedMax: 4_096,
  /** Domains of `Crypto` kept encoded; they are constants, unless somebody makes them up. */
  domainsMax: 64,
  /** Imported public keys kept, to verify with: 5 µs each (fast.md §2); by reasoning: a large neighbourhood. */
  keysMax: 1_024,
  /** Buffers of one record that wait for reuse, in the whole process; by reasoning: connections that are busy in one tick. */
  spareBuffersMax: 32,
  /** Waiting bytes of a memory duplex, each way (as a socket's). */
  memoryBufferBytes: 65_536,
  /** A memory duplex lets timers and sockets have their turn after this much, bytes; by reasoning: about a millisecond. */
  memoryTurnBytes: 1_048_576,
});

/** What `limits` may replace. */
export type Limits = {
  -readonly [K in keyof typeof DEFAULTS]: (typeof DEFAULTS)[K] extends number ? number : (typeof DEFAULTS)[K];
};
