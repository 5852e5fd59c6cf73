// Numbers of the WebSocket transport.

/** Largest frame that we take, bytes: a record of 65 535 with its length, rounded up (protocol.md §8). Node sends no larger ones either. */
export const frameBytesMax = 65_600;

/** Fragments of one message that we take; `ws` would take 16 384, of which 100 connections pinned 173 MB (measured, CVE-2026-48779). */
export const fragmentsMax = 16;

/** Chunks of one unfinished frame that we hold (protocol.md §8). */
export const bufferedChunksMax = 256;

/** Largest frame that a browser sends, bytes: every WebSocket stack passes it on unfragmented. */
export const browserFrameBytes = 16_384;

/** Bytes that wait on either side of a duplex before its writer or the remote is told to wait. */
export const highWaterBytes = 65_536;

/** What a received chunk costs besides its bytes: a peer that sends single bytes must not fill the heap with objects. */
export const chunkOverheadBytes = 64;

/** Bytes in a browser's send buffer above which we wait: browsers buffer without limit, and do not tell. */
export const browserHighBytes = 262_144;

/** ms between looks at a browser's send buffer: it has no event for having room. */
export const browserPollMs = 4;

/** ms that the other side gets for its half of the closing handshake (`ws`: 30 000). */
export const closeMs = 5000;

/** ms that a peer which broke the rules gets to read why, before its socket is destroyed. */
export const violationCloseMs = 500;

/** Bytes of all HTTP headers of a request or an answer (Node: 16 KiB). */
export const headerBytesMax = 4096;

/**
 * Headers of a request (Node: 2 000). A browser sends about 15, each proxy before us adds up to 12. What goes beyond is
 * refused by Node from 22.23 on, and not read by Node 20.
 */
export const headersMax = 64;
