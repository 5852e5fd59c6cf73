// One error class for everything that may go wrong at run time: a stable code for programs, a sentence for people
// that says what to do, and the cause for the curious. Codes survive RPC, bundling and two copies of this package;
// `instanceof` does not, so ask `isPeernetError(error, 'CODE')`. Misuse by a programmer is a TypeError instead.

/** Every code with what it means. docs/errors.md is generated from this table. */
export const errorCodes = {
  ADDRESS_INVALID: 'the text is not an address',
  SCHEME_UNKNOWN: 'no transport here serves the scheme of the address',
  DIAL_REFUSED: 'nothing listens at the address',
  DIAL_TIMEOUT: 'no connection within the time allowed',
  DIAL_FAILED: 'the connection could not be made',
  DNS_FAILED: 'the host name has no address',
  NOT_PEERNET: 'what answers there does not speak this protocol',
  HANDSHAKE_FAILED: 'the secure handshake broke off (another network, or somebody in between)',
  HANDSHAKE_TIMEOUT: 'the other side did not finish the handshake in time',
  WRONG_PEER: 'another peer than the expected one answers there',
  SELF: 'the address is our own',
  MIRROR: 'our own bytes came back',
  PENDING: 'another connection with that peer is being made',
  STALE_PEER: 'an old copy of that peer, from before its restart',
  REFUSED: 'the other side closed the connection and said why',
  LOST: 'the connection broke',
  CLOSED: 'this was closed before',
  ABORTED: 'the caller gave up',
  TIMEOUT: 'not done within the time allowed',
  CHANNEL_REJECTED: 'the other side does not serve that protocol',
  LIMIT: 'a limit of this node is reached',
  HELD_OFF: 'disconnected by the user a short while ago',
  NOT_FOUND: 'nobody was found',
  PORT_IN_USE: 'another program listens there',
  LISTEN_FAILED: 'listening is not possible there',
  STORE_IN_USE: 'another instance uses that database',
  STORE_FAILED: 'the database failed',
  IDENTITY_INVALID: 'the identity cannot be used',
  NOT_SUPPORTED: 'not possible on this platform',
  PROTOCOL: 'the other side broke the protocol',
  INTERNAL: 'a bug in peernet',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export class PeernetError extends Error {
  override readonly name = 'PeernetError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Whether `error` is a PeernetError of any copy of this package, and of that code if one is given. */
export function isPeernetError(error: unknown, code?: ErrorCode): error is PeernetError {
  if (typeof error !== 'object' || error === null) return false;
  const { name, code: own } = error as { name?: unknown; code?: unknown };
  return name === 'PeernetError' && typeof own === 'string' && (code === undefined || own === code);
}
