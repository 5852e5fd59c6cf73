// Every number of the search: finite, with its unit and where it comes from. Those of WIRE are on the wire and
// change only with a new protocol version; those of CAST are what the whole network should agree about; the rest
// is each node's own business.
import type { Rate } from '@peernet/core';

/** Bounds that decoders enforce (protocol.md §2, §6). */
export const WIRE = Object.freeze({
  /** Bytes of a subnet hash: SHA-256. */
  subnetBytes: 32,
  /** Bytes of the random id of a search (protocol.md §6). */
  searchIdBytes: 16,
  /** Bytes by which answers name their search: half a SHA-256, beyond guessing and birthdays. */
  queryBytes: 16,
  /** Bytes of a record inside an advert (protocol.md §2: two addresses, two relays). */
  recordBytesMax: 512,
  /** Seconds that an advert lives (protocol.md §2: twice the refresh interval). */
  ttlSecondsMax: 600,
  /** Bytes of a member's own words (protocol.md §2). */
  metaBytesMax: 128,
  /** Bytes of a question to handlers (protocol.md §6). */
  payloadBytesMax: 256,
  /** Rows that one search asks for (protocol.md §6). */
  wantMax: 32,
  /** Rows in one message and from one child: 16 × 760 B fit into a message of 16 000 (protocol.md §6). */
  rowsPerMessageMax: 16,
  /** Bytes that name a member in a subnet: 12 of the one, 16 of the other. */
  placeBytes: 28,
  /** Bytes that name a member to a search: nobody makes keys until 64 bits of them are somebody else's. */
  briefBytes: 8,
  /** Places in one message: 7 KiB. */
  orphansMax: 256,
  /** Hops of a cast; budgets of 32 767 split five ways are used up after 7 (protocol.md §6). */
  hopsMax: 16,
  /** Largest budget that a message can say: its field has 16 bits. Whoever passes it on takes it for `CAST.budgetMax` at most. */
  budgetBitsMax: 65_535,
});

/** The rendezvous of bubbles (protocol.md §6; research/algorithms.md §3: λ = 16 leaves 10⁻⁵ misses). */
export const CAST = Object.freeze({
  /** q1 = 4·√N̂: half of the 16·N that a·q has to reach, in each direction. */
  searchFactor: 4,
  /** Fewest nodes that a search visits: below ~60 nodes everybody holds every advert. */
  searchMin: 16,
  /** Most nodes that a first attempt visits: N̂ can be inflated, q1 is 4 000 at a million nodes. */
  searchMax: 4_096,
  /** a·q1 = 16·N̂. */
  product: 16,
  /** Fewest nodes that hold an advert. */
  advertMin: 64,
  /** Most nodes that hold an advert. */
  advertMax: 2_048,
  /** Fewest nodes that a second attempt visits: exact flood up to ~70 nodes, 70 % of 800. */
  secondMin: 1_024,
  /** Second attempt: so many times q1. */
  secondFactor: 4,
  /** Most neighbours with which an own cast begins, if they have room for it. Measured: decision 32. */
  firstHops: 16,
  /** Largest budget that anybody passes on (protocol.md §6). */
  budgetMax: 32_767,
  /** Members of the own subnet seen in one refresh interval from which we advertise less: a full cell. */
  crowd: 16,
  /** A member in a crowd still sends this share of its bubble. */
  crowdShareMin: 0.25,
});

/** When things happen. */
export const TIMES = Object.freeze({
  /** ms between own adverts (algorithms.md §3.3: 300 s costs .8 % of first tries under 10 min sessions). */
  refreshMs: 300_000,
  /** ± share of it. */
  refreshJitter: 0.1,
  /** ms that a node waits for more before it tells that adverts are orphans: five hops make 2.5 s of the 10 s that a row may outlive its member. */
  orphanGatherMs: 500,
  /** ms that a good signature is remembered: a refresh at its latest. */
  goodMs: 330_000,
  /** ms that a change of neighbours or of the own record may gather others before it is advertised. */
  gatherMs: 250,
  /** Share of neighbours that must be new before an advert is sent again at once (protocol.md §6). */
  neighboursChangedShare: 0.5,
  /** N̂ has grown so much since the last advert that it is sent again: its bubble is too small by as much. */
  growth: 2,
  /** ms until the second attempt, at least (protocol.md §6). */
  secondMs: 500,
  /** … and so many round trips. */
  secondRoundTrips: 4,
  /** ms of a round trip that we believe at most: "nothing" must end within 5 s. */
  roundTripMaxMs: 450,
  /** ms of a round trip before any was measured. */
  roundTripMs: 125,
  /** ms after the last new row at which a search ends; also the earliest end (protocol.md §6). */
  quietMs: 1_000,
  /** ms after the second attempt at which a search without rows ends (protocol.md §6). */
  nothingMs: 3_000,
  /** ms after which every search ends (protocol.md §6). */
  searchMaxMs: 8_000,
  /** ms by which a copy of an advert must be younger than those before to count instead: honest copies differ by what links stood still (20 s), a lie shortens a life by no more. */
  ageSlackMs: 60_000,
  /** ms that casts are remembered (algorithms.md §7.5: searches 60 s; adverts are known by the store after that). */
  seenMs: 60_000,
  /** ms for which answers find their way back (protocol.md §6). */
  reverseMs: 30_000,
  /** ms between looks at what has expired: nothing depends on it but memory. */
  sweepMs: 60_000,
  /** ms between tries to send an own cast for which the buckets had no room: at least … */
  paceMinMs: 50,
  /** … and at most; also while there is no neighbour (one that comes up is tried at once). */
  paceMaxMs: 1_000,
  /** ms for which a member that could not be reached is not shown again: until its next advert, or a connection with it. */
  staleMs: 300_000,
  /** ms that seqs may be off our calendar (protocol.md §2: replays live no longer). */
  skewMaxMs: 86_400_000,
});

/** Capacities of tables; nobody can make us hold more. */
export const CAPACITY = Object.freeze({
  /** Casts remembered, of each kind (algorithms.md §7.5). */
  seen: 16_384,
  /** Subnets of one key (protocol.md §6), and own memberships: more would be refused by everybody. */
  subnetsPerKey: 64,
  /** Share of all adverts that one neighbour may bring (protocol.md §6). */
  neighbourShare: 0.25,
  /** Adverts whose way we remember for withdrawals: as many as are held. */
  trails: 16_384,
  /** Links of one trail; what goes to more is withdrawn everywhere (protocol.md §6 says 8, but hubs have 20 and more). */
  trailLinks: 32,
  /** Rows of one search through one node (protocol.md §6). */
  rowsPerSearch: 64,
  /** Bytes of these rows: 32 KiB (protocol.md §6). */
  rowBytesPerSearch: 32_768,
  /** Withdrawals that are remembered until the adverts would have expired. */
  withdrawals: 4_096,
  /** … of one subnet. */
  withdrawalsPerSubnet: 16,
  /** The latest of them are told to a search: a crowd that comes and goes must not double its rows. */
  withdrawalsPerSearch: 4,
  /** Neighbours from whom a chain of links leads to the member of an advert. */
  parents: 3,
  /** Neighbours to which the rows of a search go back (protocol.md §6). */
  upstreams: 2,
  /** Signatures that were found good (protocol.md §8). */
  verified: 4_096,
  /** Messages of one neighbour that wait for a look at their signature. */
  waiting: 512,
  /** Bytes of these: 256 KiB, as much as a channel has credit. */
  waitingBytes: 262_144,
  /** Own searches at one time. */
  searches: 1_024,
  /** Members that could not be reached. */
  stale: 256,
});

/** What one link carries towards us. */
export interface Rates {
  readonly adverts: Rate;
  readonly advertUnits: Rate;
  readonly searches: Rate;
  readonly searchUnits: Rate;
  readonly signatures: Rate;
  readonly nodeSignatures: Rate;
  readonly rowBytes: Rate;
  readonly oneAdvert: Rate;
  readonly ownAdvert: Rate;
  readonly unasked: Rate;
}

/** Protocol.md §8; research/joint.md §5: honest traffic stays below a tenth of it. */
export const RATES: Rates = Object.freeze({
  /** AD messages, and ORPHANS, which count as one of budget 1. */
  adverts: Object.freeze({
    /** 1/s. */
    perSecond: 5,
    /** Messages. */
    burst: 300,
  }),
  /** Budgets of AD messages. */
  advertUnits: Object.freeze({
    /** 1/s. */
    perSecond: 60,
    /** Units. */
    burst: 4_096,
  }),
  /** SEARCH messages. */
  searches: Object.freeze({
    /** 1/s. */
    perSecond: 20,
    /** Messages. */
    burst: 200,
  }),
  /** Budgets of SEARCH messages: what a flooding link can cost the network. */
  searchUnits: Object.freeze({
    /** 1/s. */
    perSecond: 400,
    /** Units. */
    burst: 4_096,
  }),
  /** Signatures that one link may make us look at. */
  signatures: Object.freeze({
    /** 1/s. */
    perSecond: 50,
    /** Signatures. */
    burst: 256,
  }),
  /** Signatures of all links. */
  nodeSignatures: Object.freeze({
    /** 1/s: ~15 % of a core with node:crypto. */
    perSecond: 1_000,
    /** Signatures. */
    burst: 1_000,
  }),
  /** Rows that a neighbour is given for searches that ask for more than one. Measured: decision 33. */
  rowBytes: Object.freeze({
    /** B/s: one full answer of 16 rows. */
    perSecond: 12_288,
    /** B: 21 full answers. */
    burst: 262_144,
  }),
  /** New adverts of one member of one subnet (protocol.md §6). */
  oneAdvert: Object.freeze({
    /** 1/60 s. */
    perSecond: 1 / 60,
    /** Adverts: those of five lives. A member that restarts has forgotten how many it has sent; supervisors give up after five. */
    burst: 15,
  }),
  /** The same at the member: 80 % of the rate, so that none is refused. */
  ownAdvert: Object.freeze({
    /** 1/75 s. */
    perSecond: 1 / 75,
    /** Adverts. */
    burst: 3,
  }),
  /** Answers to nothing that are forgiven: late ones, after a sleep or a changed link. */
  unasked: Object.freeze({
    /** 1/s. */
    perSecond: 1,
    /** Messages. */
    burst: 64,
  }),
});

/** How the sending side keeps below these rates. */
export const PACE = Object.freeze({
  /** Share of the receiver's rate that we use (protocol.md §8). */
  senderShare: 0.8,
  /** A neighbour's casts may hold so many times what is free in an outgoing bucket: 1 leaves half of it to others. */
  neighbourWeight: 1,
  /** Withdrawals that a neighbour brought: up to 2/3 of the bucket, so that some fit where its adverts fill their half. */
  withdrawalWeight: 2,
  /** Own casts: up to 8/9 of the bucket. */
  ownWeight: 8,
  /** Own adverts leave room for `CAPACITY.subnetsPerKey` withdrawals, but no more than this share of what others leave them of a bucket. */
  spareShare: 0.3,
  /** Bytes buffered on a link from which casts skip it: 256 KiB (protocol.md §8). */
  congestedBytes: 262_144,
});

/** What a node may set differently: smaller in browsers, larger in private clusters, off in experiments. */
export interface SearchLimits {
  readonly cell: number;
  readonly cellPerNeighbour: number;
  readonly adverts: number;
  readonly advertBytes: number;
  readonly topUpsMax: number;
  readonly rates: Rates;
}

export const LIMITS: SearchLimits = Object.freeze({
  /** Adverts of one subnet (protocol.md §6; algorithms.md §3.5). */
  cell: 16,
  /** … from one neighbour (protocol.md §6: a flooding link cannot silence the others). */
  cellPerNeighbour: 4,
  /** Adverts in all (protocol.md §6). */
  adverts: 16_384,
  /** Bytes of adverts in all: 8 MiB (protocol.md §6). */
  advertBytes: 8_388_608,
  /** Copies with more budget that are taken after the first (protocol.md §6: 2 suffice for .999 reach). */
  topUpsMax: 2,
  /** See `RATES`. */
  rates: RATES,
});
