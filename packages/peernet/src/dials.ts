// Reaching out: an address → a raw duplex, by the transport of its scheme or by the application's own function, within
// one deadline for the whole dial, handshake included. What becomes of the duplex is the hub's affair.
import {
  type Address,
  type Clock,
  type DuplexLike,
  dialError,
  dialWithin,
  isPeernetError,
  LruMap,
  PeernetError,
  parseForeignAddress,
  parseIp,
  type Transport,
} from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import type { TransportFunction } from './types.js';

export interface DialsOptions {
  readonly transports: readonly Transport[];
  readonly foreign: TransportFunction | undefined;
  readonly clock: Clock;
  /** What to do about there being no WebRTC. */
  readonly noWebRtc: string;
}

export class Dials {
  readonly #o: DialsOptions;
  readonly #running = new Set<AbortController>();
  readonly #failures = new LruMap<string, PeernetError>(DEFAULTS.failuresKept);
  #ok = 0;
  #failed = 0;
  #lastFailure: string | undefined;
  #closed = false;

  constructor(options: DialsOptions) {
    this.#o = options;
  }

  /** Outcomes of all dials. */
  get counts(): { ok: number; failed: number; lastFailure?: string } {
    const counts = { ok: this.#ok, failed: this.#failed };
    return this.#lastFailure === undefined ? counts : { ...counts, lastFailure: this.#lastFailure };
  }

  /** Why the last dial of an address failed: gossip passes on codes only. */
  failureOf(text: string): PeernetError | undefined {
    return this.#failures.get(text);
  }

  /**
   * Dials, and makes something of the duplex. Rejects with PeernetErrors only. `work` gets a signal that ends with the
   * dial; what comes too late is given to `discard`.
   */
  async dial<T>(
    text: string,
    signal: AbortSignal | undefined,
    work: (duplex: DuplexLike, address: Address, signal: AbortSignal) => Promise<T>,
    discard: (late: T) => void,
  ): Promise<T> {
    const address = parseForeignAddress(text);
    if (address === undefined) throw new PeernetError('ADDRESS_INVALID', `${text} is not an address`);
    if (this.#closed) throw closedError();
    const abort = new AbortController();
    const giveUp = (): void => abort.abort();
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#running.add(abort);
    const { clock } = this.#o;
    try {
      const result = await dialWithin(
        { address: address.text, signal: abort.signal, timeoutMs: timeoutMsOf(address), clock },
        async (ended) => work(await this.#raw(address, ended), address, ended),
        discard,
      );
      this.#ok++;
      this.#failures.delete(address.text);
      return result;
    } catch (error) {
      throw this.#failure(address.text, error);
    } finally {
      signal?.removeEventListener('abort', giveUp);
      this.#running.delete(abort);
    }
  }

  #failure(address: string, error: unknown): PeernetError {
    const known = toldByCause(address, error);
    this.#failed++;
    this.#lastFailure = known.code;
    this.#failures.set(address, known);
    return known;
  }

  async #raw(address: Address, signal: AbortSignal): Promise<DuplexLike> {
    const { transports, foreign } = this.#o;
    const transport = transports.find((t) => t.schemes.includes(address.scheme));
    if (transport !== undefined) {
      const allowIp = address.scope === 'global' && address.ip === undefined ? isGlobalIp : undefined;
      return orGone(await transport.dial(address.text, { signal, allowIp }), signal);
    }
    if (foreign === undefined) {
      const known = transports.flatMap((t) => t.schemes).map((scheme) => `${scheme}:`);
      const notHere: Readonly<Record<string, string>> = {
        wrtc: `; ${this.#o.noWebRtc}`,
        ws: '; a page that came by https: may dial wss: only',
      };
      const hint = notHere[address.scheme] ?? '';
      throw new PeernetError(
        'SCHEME_UNKNOWN',
        `${address.text}: no transport for ${address.scheme}: (known: ${known.join(' ')})${hint}`,
      );
    }
    return orGone(await usable(foreign(address.text)), signal);
  }

  /** No more dials; those that run are given up. */
  close(): void {
    this.#closed = true;
    for (const abort of this.#running) abort.abort(closedError());
  }
}

function timeoutMsOf({ scheme }: Address): number {
  return scheme === 'wrtc' ? DEFAULTS.webRtcDialMs : DEFAULTS.dialMs;
}

function closedError(): PeernetError {
  return new PeernetError('CLOSED', 'this peernet is closed');
}

/** What the application's function made. It may have failed already: that must not become an uncaught exception. */
async function usable(made: DuplexLike | PromiseLike<DuplexLike>): Promise<DuplexLike> {
  let failure: unknown;
  const listen = (duplex: Partial<DuplexLike> | undefined): void => {
    if (typeof duplex?.write !== 'function' || typeof duplex.on !== 'function') {
      throw new TypeError('opts.transport must return a duplex stream');
    }
    duplex.on('error', (error) => {
      failure ??= error;
    });
  };
  const isPromise = typeof (made as Partial<PromiseLike<DuplexLike>> | undefined)?.then === 'function';
  if (!isPromise) listen(made as DuplexLike);
  const duplex = await made;
  if (isPromise) listen(duplex);
  const { destroyed, errored } = duplex as { destroyed?: unknown; errored?: unknown };
  if (destroyed === true) failure ??= errored ?? new Error('the stream is destroyed');
  if (failure !== undefined) throw failure;
  return duplex;
}

/** A duplex that comes after its dial was given up has nobody who would end it. */
function orGone(duplex: DuplexLike, signal: AbortSignal): DuplexLike {
  if (!signal.aborted) return duplex;
  discard(duplex);
  throw signal.reason;
}

/** Ends what nobody wants. A stream of the application's own may not be able to: that shall stop nothing else. */
export function discard(duplex: DuplexLike): void {
  try {
    duplex.on('error', () => {});
    duplex.destroy();
  } catch {
    // It has nothing more to tell us.
  }
}

/** The error of a dial, with the code that its cause deserves. */
function toldByCause(address: string, error: unknown): PeernetError {
  // A stream of the application's own says only that it broke; why (nothing listens, no such name) is in its error.
  if (isPeernetError(error, 'LOST') && error.cause !== undefined) return dialError(address, error.cause);
  const known = dialError(address, error);
  return isPeernetError(known, 'DIAL_FAILED') ? (notWebSocket(address, known.cause) ?? known) : known;
}

/** What answered a WebSocket dial and is no WebSocket server, by what `ws` and node:http say; busy ones may be another day. */
function notWebSocket(address: string, cause: unknown): PeernetError | undefined {
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
  const status = /^Unexpected server response: (\d+)$/.exec(String(message))?.[1];
  const isBusy = status === '403' || status === '429' || status?.startsWith('5');
  if (status !== undefined && !isBusy) {
    return new PeernetError('NOT_PEERNET', `${address}: an HTTP server, but no peer (${status})`, { cause });
  }
  if (!String(code).startsWith('HPE_')) return undefined;
  return new PeernetError('NOT_PEERNET', `${address}: what answers there does not speak HTTP`, { cause });
}

function isGlobalIp(text: string): boolean {
  return parseIp(text)?.scope === 'global';
}
