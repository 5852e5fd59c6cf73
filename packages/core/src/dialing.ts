// What every dialing transport has to get right and would otherwise write for itself: one deadline for the whole
// dial, one resolution of a name with every answer checked before a packet leaves, and errors with the right code.
// Platform-free: the transport brings the resolver and the way to connect.
import type { Address } from './address.js';
import type { Clock } from './clock.js';
import { type ErrorCode, isPeernetError, PeernetError } from './error.js';
import { parseIp } from './ip.js';
import { dialAddressesMax, dialAttemptMs } from './limits.js';
import type { DuplexListener } from './transport.js';

/** All IPs of a host name, in the order of the system. Called once per dial. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface DialingOptions {
  /** For messages. */
  address: string;
  /** The caller's. */
  signal: AbortSignal;
  timeoutMs: number;
  clock: Clock;
}

/**
 * Runs `work` until it is done, the caller gives up (ABORTED), or `timeoutMs` are over (DIAL_TIMEOUT), and rejects
 * with nothing but PeernetErrors. `work` gets a signal that ends with the dial; what it produces too late is given to
 * `discard`, so that no socket outlives the dial that wanted it.
 */
export async function dialWithin<T>(
  options: DialingOptions,
  work: (signal: AbortSignal) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  const { address, signal, timeoutMs, clock } = options;
  const ended = new AbortController();
  let over: PeernetError | undefined;
  let stop: (error: PeernetError) => void = () => {};
  const early = new Promise<never>((_, reject) => {
    stop = (error) => {
      over ??= error;
      reject(over);
      ended.abort(over);
    };
  });
  early.catch(() => {});
  const onAbort = (): void => stop(abortError(address, signal));
  const cancel = clock.alarm(clock.now() + timeoutMs, () => {
    stop(new PeernetError('DIAL_TIMEOUT', `${address}: no connection within ${timeoutMs / 1000} s`));
  });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    if (over !== undefined) throw over;
    const working = work(ended.signal);
    working.then(
      (late) => over !== undefined && discard(late),
      () => {},
    );
    return await Promise.race([working, early]);
  } catch (error) {
    throw over ?? dialError(address, error);
  } finally {
    cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

function abortError(address: string, signal: AbortSignal): PeernetError {
  const reason: unknown = signal.reason;
  if (isPeernetError(reason)) return reason;
  const timeout = reason instanceof Error && reason.name === 'TimeoutError';
  return timeout
    ? new PeernetError('DIAL_TIMEOUT', `${address}: no connection within the time allowed`, { cause: reason })
    : new PeernetError('ABORTED', `${address}: the dial was given up`, { cause: reason });
}

const codeOfErrno: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'DIAL_REFUSED',
  ETIMEDOUT: 'DIAL_TIMEOUT',
  ENOTFOUND: 'DNS_FAILED',
  EAI_AGAIN: 'DNS_FAILED',
  EAI_FAIL: 'DNS_FAILED',
  ENODATA: 'DNS_FAILED',
};

const sentence: Partial<Record<ErrorCode, string>> = {
  DIAL_REFUSED: 'nothing listens there',
  DIAL_TIMEOUT: 'no answer',
  DNS_FAILED: 'the host name cannot be resolved',
};

/** `error` as a PeernetError with the code that a transport owes (by the errno, where the system gave one). */
export function dialError(address: string, error: unknown): PeernetError {
  if (isPeernetError(error)) return error;
  const { code: errno, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const code = codeOfErrno[String(errno)] ?? 'DIAL_FAILED';
  const why = sentence[code] ?? (String(message ?? '') || String(errno ?? error));
  return new PeernetError(code, `${address}: ${why}`, { cause: error });
}

/**
 * The IPs to dial for `address`, best first: its literal, or what one call of `lookup` says. All of them pass
 * `allowIp` and none is forbidden, or nothing is dialed at all: a name with one bad answer is an attack or a mistake.
 * The caller connects to these IPs and never asks for the name again (DNS rebinding).
 */
export async function resolveHost(
  address: Address,
  lookup: Lookup,
  allowIp?: (ip: string) => boolean,
): Promise<readonly string[]> {
  const answers = address.ip === undefined ? await askOnce(address, lookup) : [address.ip.text];
  const ips = answers.map(parseIp).filter((ip) => ip !== undefined);
  if (ips.length === 0) {
    throw new PeernetError('DNS_FAILED', `${address.text}: ${address.host} has no address`);
  }
  for (const ip of ips) {
    if (ip.scope !== 'forbidden' && allowIp?.(ip.text) !== false) continue;
    const via = address.ip === undefined ? ` (${ip.text})` : '';
    throw new PeernetError('DIAL_FAILED', `${address.text}${via}: not to be dialed from here`);
  }
  // Alternating families, as in RFC 8305: a broken IPv6 costs one attempt, not all of them.
  const [first] = ips;
  const same = ips.filter((ip) => ip.version === first?.version);
  const other = ips.filter((ip) => ip.version !== first?.version);
  const mixed = same.flatMap((ip, i) => [ip, other[i]]).concat(other.slice(same.length));
  const texts = mixed.filter((ip) => ip !== undefined).map((ip) => ip.text);
  return [...new Set(texts)].slice(0, dialAddressesMax);
}

async function askOnce(address: Address, lookup: Lookup): Promise<readonly string[]> {
  try {
    return await lookup(address.host);
  } catch (cause) {
    const message = `${address.text}: ${address.host} cannot be resolved`;
    throw new PeernetError('DNS_FAILED', message, { cause });
  }
}

/** Connects to the first of `ips` that answers, one after the other. Rejects with the error of the last one. */
export async function connectToAny<T>(
  ips: readonly string[],
  options: { signal: AbortSignal; clock: Clock },
  connect: (ip: string, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, clock } = options;
  let failure: unknown;
  for (const [index, ip] of ips.entries()) {
    if (signal.aborted) throw signal.reason;
    const attempt = new AbortController();
    const onAbort = (): void => attempt.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const last = index === ips.length - 1;
    const slow = Object.assign(new Error(`${ip} does not answer`), { code: 'ETIMEDOUT' });
    const cancel = last ? () => {} : clock.alarm(clock.now() + dialAttemptMs, () => attempt.abort(slow));
    try {
      return await connect(ip, attempt.signal);
    } catch (error) {
      failure = error;
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
  throw failure;
}

/** What `whenReady` needs of a socket; net.Socket and tls.TLSSocket have it. */
export interface OpeningSocket {
  on(event: string, listener: DuplexListener): unknown;
  once(event: string, listener: DuplexListener): unknown;
  destroy(): unknown;
}

/** The socket once it has emitted `event`. When it fails or `signal` ends first, it is destroyed and the reason thrown. */
export function whenReady<S extends OpeningSocket>(
  socket: S,
  event: string,
  signal: AbortSignal,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal.reason);
    socket.once(event, () => {
      signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
    // Stays: until its owner listens, an error must not become an exception.
    socket.on('error', fail);
    socket.once('close', () => fail(new Error('closed while connecting')));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
