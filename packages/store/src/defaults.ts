// Every number of the book and of its persistence, with unit and origin.

/** The address book (protocol.md §4). */
export const BOOK = Object.freeze({
  /** Buckets of addresses that we only heard of. Measured: research/security.md F11, the ratio of Bitcoin's addrman. */
  newBuckets: 256,
  /** Buckets of addresses where we ourselves finished a handshake. Measured: F11. */
  triedBuckets: 64,
  /** Places in a bucket of either kind. Measured: F11. */
  slots: 64,
  /** NEW buckets that all sources of one address group share: 1/16 of the table (F11; Bitcoin: 64 of 1024). */
  bucketsPerSource: 16,
  /** TRIED buckets that all addresses of one group share (F11; Bitcoin: 8). */
  bucketsPerGroup: 8,
  /** NEW places of one address; each further one is twice as hard to get (Bitcoin: 8; research/security.md A1). */
  placesMax: 4,
  /** Peers believed at one IP where nobody was ever reached (protocol.md §4). */
  peersPerHostMax: 1,
  /** Peers believed at one IP where somebody was (protocol.md §4): a household, a rack, a NAT. */
  peersPerKnownHostMax: 4,
  /** Addresses that the user saved. Far above any list that people write; a page of 2 MiB. Guess. */
  savedMax: 16_384,
  /** … with those of earlier runs, where as many were saved before these are read. More stay in the database, unread. */
  savedRowsMax: 32_768,
  /** How long a handshake proves an address, ms: 1 h (protocol.md §3; 24 h makes 16 to 42 % of gossip dead, joint.md). */
  verifiedMs: 3_600_000,
  /** How long a removed address stays away, ms: 24 h (protocol.md §4). */
  tombstoneMs: 86_400_000,
  /** Tombstones kept; the oldest gives way. Guess: a quarter of the NEW table. */
  tombstonesMax: 4096,
  /** Failures in a row that drop what never worked (protocol.md §4; Bitcoin: 3). */
  failuresNewMax: 3,
  /** Failures in a row that drop what did, once it has also not answered for `failingMs` (Bitcoin: 10). */
  failuresKnownMax: 10,
  /** So long without an answer before failures drop what once worked, ms: 7 days (protocol.md §4, Bitcoin). */
  failingMs: 604_800_000,
  /** Neither heard of nor reached so long: dropped, ms: 30 days (protocol.md §4, Bitcoin). */
  silenceMs: 2_592_000_000,
  /** Silence that a loaded row may claim, ms: 29 days. A clock that is wrong at start must not empty the book: a day is left to correct it. */
  loadedSilenceMaxMs: 2_505_600_000,
  /** First rest after a failure, ms; ×4 each time: 1 min (protocol.md §3). */
  restMs: 60_000,
  /** Factor of the rest per further failure (protocol.md §3). */
  restFactor: 4,
  /** Longest rest, ms: 24 h, ± `restJitter` (protocol.md §3). */
  restMaxMs: 86_400_000,
  /** Longest rest of what worked within `restKnownMs`, ms: 10 min (protocol.md §3). */
  restKnownMaxMs: 600_000,
  /** How long having worked shortens rests, ms: 24 h (protocol.md §3). */
  restKnownMs: 86_400_000,
  /** Longest rest of what the user saved, ms: 60 s (protocol.md §3). */
  restSavedMaxMs: 60_000,
  /** Share by which rests differ, so that nodes do not act in step: ± 25 % (protocol.md §3). */
  restJitter: 0.25,
  /** An occupant of TRIED that answered so recently needs no test against a newcomer, ms: 4 h (Bitcoin). */
  trialFreshMs: 14_400_000,
  /** Occupants of TRIED waiting for their test; further newcomers stay in NEW. Bitcoin: 10. */
  trialsMax: 16,
  /** Counters of dialed addresses that are not in the book; the oldest give way. Guess. */
  strangersMax: 256,
  /** Sequence numbers of peers that left the book, so that old records do not come back as new. Guess. */
  forgottenMax: 1024,
  /** Entries looked at by one `pick` or `sample`: about 1 ms. A book below this size is searched completely. Guess. */
  examinedMax: 2048,
  /** Min-wise slots of a book of scale 1; fewer, by the root, of smaller ones. 0: none (protocol.md §4 ●). */
  minWiseSlots: 64,
  /** Life of a slot's seed, ms: 6 h, the first ones shorter, so that not all end at once (protocol.md §4 ●). */
  minWiseLifeMs: 21_600_000,
  /** A slot counts when its seed has seen so much of what is told, ms: 5 min (protocol.md §4 ●). */
  minWiseWarmUpMs: 300_000,
  /** Failures in a row that cost who once answered its slots: the third comes six minutes after the first (decision 28). */
  minWiseFailuresMax: 3,
});

/** Persistence. */
export const PERSISTENCE = Object.freeze({
  /** Name of our sublevel in the user's database. Part of the format: never change. */
  sublevel: 'peernet',
  /** Longest wait before what matters (new, dialed, saved, removed) is written, ms (protocol.md §4 asks for a minute; a crash then costs a second). */
  soonMs: 1000,
  /** Longest wait before anything is written, ms: "at least once a minute" (protocol.md §4). */
  laterMs: 60_000,
  /** Rest after a failed write before the next try, ms (research/security.md E8). */
  retryMs: 30_000,
  /** Addresses that wait to be written while nothing can be: more than a book, all saved ones and all tombstones (57 344). */
  dirtyMax: 65_536,
  /** Addresses in one batch: 200 kB or so, 10 ms of encoding. Guess. */
  batchRows: 1000,
  /** Subnets that one node belongs to. Guess: 16 × what others keep of one peer (protocol.md §6). */
  subnetsMax: 1024,
  /** UTF-8 bytes of a subnet's name (api.md §1). */
  subnetBytesMax: 255,
  /** Anchors kept: 2 are used (protocol.md §4), room for more. */
  anchorsMax: 8,
  /** Min-wise slots in a row that is read: four times what a book has. */
  slotsMax: 256,
});
