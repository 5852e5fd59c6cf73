// A raw duplex → a connection: the handshake's shell.
import {
  Alarm,
  type Clock,
  type DuplexLike,
  type ErrorCode,
  errorCodes,
  type Log,
  noLog,
  type PeerId,
  PeernetError,
  type Random,
  randomBytes,
  type Scope,
  systemClock,
  systemRandom,
  utf8,
} from '@peernet/core';
import type { Duplex } from 'streamx';
import { type Connection, type IncomingChannel, MuxConnection } from './connection.js';
import type { LocalCrypto } from './crypto.js';
import { DEFAULTS, type Limits, WIRE } from './defaults.js';
import { type Established, Handshake, type HandshakeEffects } from './machine/handshake.js';
import { Port } from './port.js';
import { SessionTable } from './session-table.js';
import type { Role } from './wire.js';

export interface SecureOptions {
  readonly crypto: LocalCrypto;
  /** 'any': the hellos decide, so that two role-free ends can be piped into each other. Default. */
  readonly role?: Role | undefined;
  /** Name of the network: peers of another one cannot finish the handshake. Default ''. */
  readonly network?: string | undefined;
  /** Refuse anybody else (WRONG_PEER). */
  readonly expect?: PeerId | undefined;
  /** Over what kind of network the peer is connected. Default: global. */
  readonly scope?: Scope | undefined;
  readonly remoteAddress?: string | undefined;
  readonly clock?: Clock | undefined;
  /** For tests: nonce and jitter; keys come from `crypto`. */
  readonly random?: Random | undefined;
  readonly log?: Log | undefined;
  /** Gives up the handshake (ABORTED). */
  readonly signal?: AbortSignal | undefined;
  /** Shared by all connections of a node. Default: one per crypto. */
  readonly sessions?: SessionTable | undefined;
  /** The other side opens a channel; see IncomingChannel. Absent: all are rejected. */
  readonly onOpen?: ((incoming: IncomingChannel) => void) | undefined;
  /** Differences from DEFAULTS, e.g. `{ recordBytesMax: 16384 }` for WebRTC. */
  readonly limits?: Partial<Limits> | undefined;
}

const tables = new WeakMap<LocalCrypto, SessionTable>();

function sessionsOf(crypto: LocalCrypto): SessionTable {
  let table = tables.get(crypto);
  if (table === undefined) {
    table = new SessionTable();
    tables.set(crypto, table);
  }
  return table;
}

/** Defaults with differences; TypeError where they cannot work. */
export function limitsOf(differences: Partial<Limits> | undefined): Limits {
  // A copy for each connection would be a tenth of its memory.
  if (differences === undefined) return DEFAULTS;
  const limits = { ...DEFAULTS, ...differences };
  if (
    !(limits.recordBytesMax >= DEFAULTS.recordBytesLeast && limits.recordBytesMax <= 2 + WIRE.recordBytesMax)
  ) {
    throw new TypeError(
      `recordBytesMax must be ${DEFAULTS.recordBytesLeast} … 65537, got ${limits.recordBytesMax}`,
    );
  }
  return limits;
}

/**
 * Makes a connection of a raw duplex of any make, which belongs to it from now on. Rejects with a PeernetError:
 * NOT_PEERNET, MIRROR, SELF, WRONG_PEER, STALE_PEER, HANDSHAKE_FAILED, HANDSHAKE_TIMEOUT, LOST, ABORTED.
 */
export function secure(duplex: DuplexLike | Duplex, options: SecureOptions): Promise<Connection> {
  const limits = limitsOf(options.limits);
  return new Promise((resolve, reject) => {
    new Securing(duplex as DuplexLike, options, limits, resolve, reject).start();
  });
}

class Securing implements HandshakeEffects {
  readonly #options: SecureOptions;
  readonly #limits: Limits;
  readonly #resolve: (connection: Connection) => void;
  readonly #reject: (error: PeernetError) => void;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #port: Port;
  readonly #machine: Handshake;
  readonly #alarm: Alarm;
  readonly #onAbort = (): void => this.failed('ABORTED', this.#options.signal?.reason);
  #connection: MuxConnection | undefined;
  #over = false;

  constructor(
    duplex: DuplexLike,
    options: SecureOptions,
    limits: Limits,
    resolve: (connection: Connection) => void,
    reject: (error: PeernetError) => void,
  ) {
    const { crypto, clock = systemClock, random = systemRandom } = options;
    this.#options = options;
    this.#limits = limits;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#clock = clock;
    this.#random = random;
    this.#alarm = new Alarm(clock, () => this.#machine.tick(clock.now(), this));
    this.#machine = new Handshake(
      {
        primitives: crypto.primitives,
        crypto,
        staticKey: crypto.staticKey,
        identity: crypto.identity,
        ephemeralKey: () => crypto.ephemeralKey(),
        role: options.role ?? 'any',
        nonce: randomBytes(random, WIRE.helloNonceBytes),
        network: utf8(options.network ?? ''),
        expect: options.expect,
        bootSeqs: options.sessions ?? sessionsOf(crypto),
        firstByteMs: limits.firstByteMs,
        handshakeMs: limits.handshakeMs,
      },
      clock.now(),
    );
    this.#port = new Port(duplex, {
      onBytes: (bytes) => this.#onBytes(bytes),
      onDrain: () => {},
      onGone: (error) => this.failed('LOST', error),
    });
  }

  start(): void {
    const { signal } = this.#options;
    if (this.#port.stillborn) this.failed('LOST');
    else if (signal?.aborted) this.#onAbort();
    else {
      signal?.addEventListener('abort', this.#onAbort);
      this.#port.write(this.#machine.start());
      this.#alarm.set(this.#machine.deadline());
    }
  }

  write(bytes: Uint8Array): void {
    this.#port.write(bytes);
  }

  established(result: Established): void {
    this.#end();
    const { scope = 'global', remoteAddress, log = noLog, onOpen } = this.#options;
    this.#connection = new MuxConnection({
      port: this.#port,
      established: result,
      scope,
      remoteAddress,
      clock: this.#clock,
      random: this.#random,
      log,
      limits: this.#limits,
      onOpen,
    });
    this.#port.handOver(this.#connection);
    this.#resolve(this.#connection);
  }

  failed(code: ErrorCode, cause?: unknown): void {
    if (this.#over) return;
    this.#end();
    this.#port.destroy();
    const to = this.#options.remoteAddress;
    const message = to === undefined ? errorCodes[code] : `${to}: ${errorCodes[code]}`;
    this.#reject(new PeernetError(code, message, cause === undefined ? undefined : { cause }));
  }

  #end(): void {
    this.#over = true;
    this.#alarm.stop();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  #onBytes(bytes: Uint8Array): void {
    let used = 0;
    try {
      used = this.#machine.receive(bytes, this);
    } catch (error) {
      this.failed('INTERNAL', error);
    }
    if (!this.#over) this.#alarm.set(this.#machine.deadline());
    const connection = this.#connection;
    if (connection === undefined || used === bytes.length) return;
    connection.onBytes(bytes.subarray(used));
  }
}
