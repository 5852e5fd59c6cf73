// Every number of the simulator: finite, with its unit and where it comes from.

/** How a simulated network behaves; all of it can be given to `world.network()`. */
export interface NetworkOptions {
  /** Median one-way latency of a pair of hosts, ms. */
  readonly latencyMs?: number;
  /** Sigma of the log-normal distribution of latencies over pairs (0: all pairs alike). */
  readonly sigma?: number;
  /** No pair is slower than this one way, ms. */
  readonly latencyMaxMs?: number;
  /** Each message takes up to this share longer or shorter than its pair's latency; order within a link is kept. */
  readonly jitterShare?: number;
  /** What one direction of one link carries, bytes per second. */
  readonly bytesPerSecond?: number;
  /** Bytes in flight that do not count as buffered: the credit of a channel. */
  readonly windowBytes?: number;
  /** A `send` that would buffer more than this is not taken. */
  readonly bufferBytesMax?: number;
  /** Mean life of a link before it breaks by itself, ms; Infinity: never. */
  readonly breakMeanMs?: number;
}

export const NETWORK_DEFAULTS: Required<NetworkOptions> = Object.freeze({
  /** 40 ms one way: between neighbouring countries; the reference models used the same. */
  latencyMs: 40,
  /** targets.md §1: log-normal, sigma 1. */
  sigma: 1,
  /** 1 000 ms: the far tail of a log-normal is slower than any real path, this is about the slowest one. */
  latencyMaxMs: 1_000,
  /** 10 %: queues on the way; enough to break ties between links. */
  jitterShare: 0.1,
  /** 10 Mbit/s: a home uplink. */
  bytesPerSecond: 1_250_000,
  /** 256 KiB: credit of a channel (protocol.md §1). */
  windowBytes: 262_144,
  /** 2 MiB: above the 1 MiB at which an overlay closes a congested link (protocol.md §8), so that this can be seen. */
  bufferBytesMax: 2_097_152,
  /** Links break only when told to. */
  breakMeanMs: Number.POSITIVE_INFINITY,
});

/** Timers of a real connection that the simulator models (protocol.md §1). */
export const TIMING = Object.freeze({
  /** ms from a dial into silence to DIAL_TIMEOUT. */
  dialTimeoutMs: 8_000,
  /** ms that a peer may keep silent after the transport has connected: first byte. */
  firstByteTimeoutMs: 5_000,
  /** One-way latencies until the dialer has its link: 1.5 round trips. */
  setUpLatencies: 3,
  /** One-way latencies until a connection is refused: one round trip. */
  refusalLatencies: 2,
  /** ms of silence until a peer is taken for dead, at the earliest: two missed pings of 5 s. */
  silenceMinMs: 10_000,
  /** … and at the latest: 5 s ± 20 %, so that two pings take up to 12 s. */
  silenceMaxMs: 12_000,
  /** One-way latencies until the end of a broken link knows it: its next packet is answered by a reset. */
  resetLatencies: 2,
  /** One-way latencies from the answer to an introduction until the offerer has its link: checks of candidates, DTLS, the data channel, and our handshake, 1 to 1.5 round trips each. */
  introducedLatencies: 8,
  /** ms until two who cannot reach each other give up. Guess: browsers take 5 to 15 s. */
  iceTimeoutMs: 8_000,
  /** ms that an introduction may take in all (protocol.md §7). */
  introductionTimeoutMs: 30_000,
  /** Bytes of a description: what browsers write for one data channel, with five candidates. */
  descriptionBytes: 900,
  /** One-way latency of a host to itself, ms. */
  loopbackMs: 0.05,
});

/** Port of addresses that the network makes up: above 1023, so that gossip may pass them on. */
export const hostPort = 4_000;

/** Messages are copied into buffers of this size: one allocation for many (an own buffer each costs 0.5 µs). */
export const slabBytes = 8_192;

/** Wall clock of all hosts at virtual time 0: 2026-01-01 UTC, any date would do. */
export const wallStartMs = 1_767_225_600_000;

/** `world.until` looks at its condition at most this often, virtual ms: conditions cost more than events. */
export const untilEveryMs = 10;

/** Queue entries below which cancelled ones are not worth clearing away. */
export const compactMin = 1_024;

/** Places that a queue begins with; it doubles. Guess: a small world, 8 KiB. */
export const heapMin = 1_024;

/** Faults drawn at random (`randomFaults`). */
export const FAULT_DEFAULTS = Object.freeze({
  /** ms between faults on average: ten minutes see about sixty. */
  everyMs: 10_000,
  /** ms that one lasts at most: five times what a silent peer gets. */
  lastMs: 60_000,
  /** ms that a calendar jumps at most, either way: two days, beyond the 24 h that sequence numbers are allowed. */
  jumpMaxMs: 172_800_000,
});
