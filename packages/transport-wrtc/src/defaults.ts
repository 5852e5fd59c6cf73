// Numbers of the WebRTC transport: units in the names, origins in the comments. "Measured" means @roamhq/wrtc 0.10.0
// and node-datachannel 0.33.4 on Node 20.

/** Label of the one data channel: anything else that the other side opens is none of ours. */
export const channelLabel = 'peernet/1';

/** Largest message that we send, bytes: what every implementation passes on unharmed (RFC 8831 §6.6; one of 262 145 silently closes the channel of @roamhq/wrtc, measured). */
export const chunkBytes = 16_384;

/** Bytes in the send buffer of a data channel above which we wait: @roamhq/wrtc loses data silently above 16 MiB (65 of 85 MB, measured). */
export const bufferedBytesMax = 1_048_576;

/** Bytes in the send buffer below which we go on; a quarter, so that a wake-up is worth its price. */
export const bufferedBytesLow = 262_144;

/** ms between looks at the send buffer where no event tells: @roamhq/wrtc has none; at 5 ms it carries 25 MB/s, at 500 ms 7 (measured). */
export const pollMs = 5;

/** ms between looks where there is an event: it is lost if the buffer drains between our look and our waiting. */
export const pollWithEventMs = 200;

/** Bytes that wait on either side of a duplex before its writer is told to wait (as for WebSockets). */
export const highWaterBytes = 65_536;

/** What a received chunk costs besides its bytes: a peer that sends single bytes must not fill the heap with objects. */
export const chunkOverheadBytes = 64;

/** Unread bytes at which a stream breaks: data channels cannot pause, and the credit of the layer above never lets so much wait. */
export const unreadBytesMax = 8_388_608;

/** ms that the other side gets for its own end, after ours (WebSocket: 5 000 for a closing handshake). */
export const endMs = 5000;

/** ms that a closed channel gets to tell the other side, before its peer connection is torn down. */
export const closeMs = 500;

/** ms that a destroyed stream waits to hear that its end has arrived. */
export const lingerMs = 1000;

/** ms of gathering before a description leaves with what there is (protocol.md §7). */
export const gatherMs = 300;

/** ms from the beginning of an introduction to an open channel, waiting for its turn included (security.md D9). */
export const pendingMs = 30_000;

/** ms to an open channel once both descriptions are known: as long as libwebrtc goes on with a pair of candidates that does not answer (its `CONNECTION_WRITE_TIMEOUT`). Without it a dial between two hard NATs took all of `pendingMs`, in both implementations for Node (measured). */
export const connectMs = 15_000;

/** ms that a connection in the making gets after its path has closed: the other side may have given up, or see it open a moment before us. */
export const afterPathMs = 2000;

/** Candidates of one side, and of one description (protocol.md §7). */
export const candidatesMax = 16;

/** Global hosts (IPv4, IPv6 /64) among the other side's candidates: two of each family are a machine with two uplinks; more would aim our packets at strangers. */
export const hostsMax = 4;

/** Lowest UDP port that is tried: below are services (DNS, NTP, SNMP …) that must not hear from us because a stranger says so; ICE agents take ephemeral ones. */
export const portMin = 1024;

/** Lines of a description: twice what the chattiest browser writes for one data channel. */
export const descriptionLinesMax = 96;

/** Peer connections being made at once on our own behalf, in the whole process: 28 at once ended in EMFILE, 32 hung the process (measured). */
export const dialsAtOnce = 4;

/** Peer connections being made at once on the behalf of others, in the whole process. Apart from our own, so that neither can starve the other. */
export const offersAtOnce = 4;

/** Limits of one transport: what `limits` may differ from. */
export const wrtcLimits = Object.freeze({
  /** Open connections: 16 descriptors each (measured, 60 pairs) are three quarters of the 1 024 that systems allow by default. */
  openMax: 48,
  /** Open connections that others began: leaves a sixth for our own. */
  inboundMax: 40,
  /** Open connections with one peer: an old one of a page that was reloaded lives until it is missed; the overlay closes duplicates. */
  perPeerMax: 4,
  /** Offers that wait for their turn. */
  waitingMax: 32,
  /** Connections of others that are open, but whose handshake is not finished. */
  unprovenMax: 16,
  /** Offers taken per second; with the burst ≤ 60 in any minute (security.md D9). */
  offersPerSecond: 0.5,
  /** Offers taken at once. */
  offersBurst: 30,
});

/** What differs in browsers: a tab shares its machine with others. A non-dialable node keeps ≤ 8 links (protocol.md §5), and as many for apps. */
export const browserLimits = Object.freeze({
  /** As above. */
  openMax: 16,
  /** As above. */
  inboundMax: 12,
  /** As above. */
  unprovenMax: 8,
});

/** Largest STUN message that we read, bytes: what fits the smallest packet that IPv4 guarantees (RFC 8489 §6.1). */
export const stunBytesMax = 548;

/** Attributes of one request; clients send none to six. */
export const stunAttributesMax = 16;

/** Sources whose rate is remembered (as at listeners). */
export const stunSourcesMax = 4096;

/** Limits of one STUN server: what `limits` may differ from. Strangers can forge their source, so both bound what we send to somebody who never asked. */
export const stunLimits = Object.freeze({
  /** Requests per second from one global host (IPv4, IPv6 /64): a connection in the making asks twice, and several behind one NAT begin at once. */
  hostPerSecond: 5,
  /** Requests at once from one host: eight connections with their repetitions. */
  hostBurst: 40,
  /** Requests per second from everywhere: 22 KB/s of answers at most. */
  perSecond: 500,
  /** Requests at once from everywhere. */
  burst: 1000,
});
