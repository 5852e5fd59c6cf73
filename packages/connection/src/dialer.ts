// Addresses → links (`dialer`), and accepted duplexes → links (`accepter`): what an overlay needs so as to run alone.
// Here a link owns its connection: closing one closes the other.
import {
  type Clock,
  type CloseReason,
  type Dial,
  type DialOptions,
  type DuplexLike,
  isPeernetError,
  type Link,
  type Log,
  noLog,
  PeernetError,
  parseForeignAddress,
  parseIp,
  type Random,
  type RemoteInfo,
  type Scope,
  systemClock,
  type Transport,
} from '@peernet/core';
import type { Duplex } from 'streamx';
import type { ChannelLink } from './channel-link.js';
import type { Connection, IncomingChannel } from './connection.js';
import type { LocalCrypto } from './crypto.js';
import type { Limits } from './defaults.js';
import { isInProcess } from './duplex-pair.js';
import { limitsOf, secure } from './secure.js';
import type { SessionTable } from './session-table.js';

/** The channel that an overlay speaks on (protocol.md §1.4). */
export const gossipChannel = 'peernet/gossip/1';

interface CommonOptions {
  readonly crypto: LocalCrypto;
  /** See SecureOptions. */
  readonly network?: string | undefined;
  /** The channel whose links are made. Default: peernet/gossip/1. */
  readonly channel?: string | undefined;
  /** Other channels that the other side opens. Absent: rejected. */
  readonly onOpen?: ((incoming: IncomingChannel) => void) | undefined;
  readonly sessions?: SessionTable | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly log?: Log | undefined;
  readonly limits?: Partial<Limits> | undefined;
}

export interface DialerOptions extends CommonOptions {
  readonly transports: readonly Transport[];
}

/** Reaches out over whichever of the transports serves the scheme of an address. */
export function dialer(options: DialerOptions): Dial {
  const { channel = gossipChannel } = options;
  limitsOf(options.limits);
  return async (text, dialOptions) => {
    const connection = await connect(options, text, dialOptions);
    const link = connection.link(channel) as ChannelLink;
    return link.own((reason) => connection.close(reason));
  };
}

async function connect(
  options: DialerOptions,
  text: string,
  { expect, signal }: DialOptions,
): Promise<Connection> {
  const address = parseForeignAddress(text);
  if (address === undefined || address.scope === 'forbidden') {
    throw new PeernetError('ADDRESS_INVALID', `${text} is not an address that may be dialed`);
  }
  const transport = options.transports.find((t) => t.schemes.includes(address.scheme));
  if (transport === undefined)
    throw new PeernetError('SCHEME_UNKNOWN', `no transport here serves ${address.scheme}:`);
  if (expect !== undefined && address.id !== undefined && expect !== address.id) {
    throw new PeernetError('WRONG_PEER', `${text} names another peer than the expected one`);
  }
  const dialMs = limitsOf(options.limits).dialMs;
  const duplex = await reach(transport, address.text, dialMs, options.clock ?? systemClock, signal);
  return secure(duplex, {
    ...options,
    role: 'initiator',
    expect: expect ?? address.id,
    scope: duplex.scope ?? address.scope,
    remoteAddress: address.text,
    signal,
  });
}

/** Dials within `dialMs`, whatever the transport does; what it makes too late is destroyed. */
function reach(
  transport: Transport,
  address: string,
  dialMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<DuplexLike> {
  return new Promise((resolve, reject) => {
    const abort = new AbortController();
    let over = false;
    const end = (finish: () => void): void => {
      if (over) return;
      over = true;
      cancel();
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const giveUp = (error: PeernetError): void =>
      end(() => {
        reject(error);
        abort.abort(error);
      });
    const onAbort = (): void => giveUp(new PeernetError('ABORTED', `${address}: the caller gave up`));
    const late = (): void =>
      giveUp(new PeernetError('DIAL_TIMEOUT', `${address}: no connection within ${dialMs} ms`));
    const cancel = clock.alarm(clock.now() + dialMs, late);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    dialSafely(transport, address, abort.signal).then(
      (duplex) => {
        if (over) discard(duplex);
        else end(() => resolve(duplex));
      },
      (error: unknown) => end(() => reject(asDialError(address, error))),
    );
  });
}

/** A transport of the app may throw where it should reject. */
async function dialSafely(transport: Transport, address: string, signal: AbortSignal): Promise<DuplexLike> {
  return transport.dial(address, { signal });
}

function discard(duplex: DuplexLike): void {
  duplex.on('error', () => {});
  duplex.destroy();
}

function asDialError(address: string, error: unknown): PeernetError {
  if (isPeernetError(error)) return error;
  return new PeernetError('DIAL_FAILED', `${address}: the connection could not be made`, { cause: error });
}

export interface AccepterOptions extends CommonOptions {
  readonly onLink: (link: Link) => void;
  /** Default: what the IP or the transport says; loopback for duplexes whose both ends are here; else global. */
  readonly scope?: ((from: RemoteInfo) => Scope) | undefined;
}

/** For `Transport.listen`: each peer that opens the channel becomes a link. Never throws. */
export function accepter(options: AccepterOptions): (duplex: DuplexLike | Duplex, from?: RemoteInfo) => void {
  const { channel = gossipChannel, clock = systemClock, log = noLog, onLink } = options;
  const limits = limitsOf(options.limits);
  return (duplex, from = {}) => {
    let taken = false;
    const onOpen = (incoming: IncomingChannel): void => {
      if (taken || incoming.name !== channel || incoming.kind !== 'messages') options.onOpen?.(incoming);
      else {
        taken = true;
        const { connection } = incoming;
        onLink((incoming.link() as ChannelLink).own((reason: CloseReason) => connection.close(reason)));
      }
    };
    const scope = options.scope?.(from) ?? scopeOf(duplex, from);
    const remoteAddress = from.ip === undefined ? undefined : formatRemote(from.ip, from.port);
    secure(duplex, { ...options, role: 'responder', expect: from.peer, scope, remoteAddress, onOpen }).then(
      (connection) => {
        from.established?.();
        const cancel = clock.alarm(clock.now() + limits.handshakeMs, () => {
          if (connection.idle) connection.close('IDLE');
        });
        connection.onClose(cancel);
      },
      (error: unknown) => log('connection.refused', { ip: from.ip, port: from.port, error }),
    );
  };
}

/** Over what kind of network an accepted duplex came. */
export function scopeOf(duplex: DuplexLike | Duplex, from: RemoteInfo): Scope {
  const scope = from.ip === undefined ? undefined : parseIp(from.ip)?.scope;
  if (scope !== undefined && scope !== 'forbidden') return scope;
  return (duplex as DuplexLike).scope ?? from.scope ?? (isInProcess(duplex) ? 'loopback' : 'global');
}

function formatRemote(ip: string, port: number | undefined): string {
  return `tcp://${ip.includes(':') ? `[${ip}]` : ip}:${port ?? 0}`;
}
