// Every number of the command line and the daemon, with unit and origin.

/** Version of the control protocol between command and daemon; another one ends in exit code 7. Raised when a method changes its meaning. */
export const controlProtocol = 1;
/** Version of the objects that `--json` prints (docs/cli.md). Fields may be added without raising it. */
export const jsonVersion = 1;

/** Longest control message, bytes (research/security.md E4; lists are sent row by row and need far less). */
export const frameBytesMax = 1_048_576;
/** Longest header of a control message, bytes: ours has 40; room for a Content-Type. */
export const headerBytesMax = 1024;
/** Commands that may talk to one daemon at once (research/security.md E4). */
export const clientsMax = 32;
/** A command that asks nothing for so long is hung up on, ms; running requests never are. */
export const idleClientMs = 60_000;
/** Requests that one command may have running: it needs 1. */
export const requestsPerClientMax = 16;

/** Longest path of a unix socket that we bind, bytes: `sun_path` has 104 on macOS, 108 on Linux. */
export const socketPathBytesMax = 100;
/** A connected daemon that does not greet within this is stuck, ms. */
export const greetingTimeoutMs = 5_000;
/** A daemon must answer its first command so soon after it was started, ms: 5 s for a damaged database (targets R6) and as much again for a slow disk. */
export const startTimeoutMs = 15_000;
/** How often a starting daemon is asked whether it answers, ms. */
export const startPollMs = 25;
/** A new daemon waits so long for one that is closing, ms: longer than `shutdownMs`. */
export const lockWaitMs = 6_000;
/** How often it looks, ms. */
export const lockPollMs = 50;
/** A daemon that was told to close must be gone after this, ms; then `close` says that it is stuck. */
export const closeTimeoutMs = 10_000;
/** How often `close` looks whether it is, ms. */
export const closePollMs = 20;
/** Commands that run when the daemon closes get so long to take their answers, ms: what the two below leave. */
export const hangUpMs = 300;
/** The node gets so long to say goodbye, ms. */
export const nodeCloseMs = 2_500;
/** The daemon is gone so soon after SIGTERM, ms: less than the 3 s of targets R9. */
export const shutdownMs = 2_900;
/** A repair lock older than this was left by a crash, ms: setting a database aside takes milliseconds. */
export const repairLockMs = 60_000;
/** So many daemons in a row must die while opening a database before it is set aside: one may be a kill -9 or a power loss, two within those milliseconds hardly. */
export const deadlyOpenings = 2;
/** The marker of an opening older than this proves nothing about a living process, ms: four times `startTimeoutMs`. */
export const openingMs = 60_000;

/** A remembered service whose port is taken is tried again so often, ms (design/api.md §2). */
export const serviceRetryMs = 60_000;
/** Services of one daemon: far more than anybody listens on, far less than file descriptors. */
export const servicesMax = 64;
/** Damaged databases that are kept for a look (research/security.md E6). */
export const badDatabasesMax = 2;
/** Length at which the log file is turned over, bytes; there are at most two of them. */
export const logBytesMax = 1_048_576;
/** Events that the daemon remembers for `log --lines`. */
export const logRecentMax = 1_000;
/** Events that wait for one slow `log` command before some are dropped (research/security.md E4). */
export const logQueueMax = 1_024;

/** Longest string from elsewhere that is shown, characters (research/security.md E5). */
export const shownCharsMax = 256;
/** Longest message that is shown, characters: our own sentences around a few such strings. */
export const messageCharsMax = 2_048;
/** Elements of a list or an object inside one log event that are kept. */
export const logItemsMax = 16;

/** Addresses or names in one command. The longest command line of a shell holds about as many. */
export const namesMax = 4_096;
/** Longest address or name that a command may send, characters: addresses have ≤ 256, subnets ≤ 255 bytes. */
export const nameCharsMax = 1_024;
/** Longest `--timeout`, ms: a day. */
export const timeoutMsMax = 86_400_000;
/** Largest `--limit`, rows. */
export const limitMax = 100_000;
/** Rows that are gathered into one control message: 128 of the longest are still ≤ 512 KiB. */
export const rowsPerFrame = 128;
/** Anchors kept in the identity file: gossip names 2, room for more. */
export const anchorsMax = 16;
/** Shortest beginning of a peer id that `disconnect` takes for it, hex digits: what `peers` shows. */
export const idPrefixMin = 8;
