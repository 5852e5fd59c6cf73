// The TCP transport: a net.Socket is already what peernet needs, so this file is about what surrounds it: a name is
// resolved once and checked, a dial ends in time, and nobody gets in past the limits of the listener's door. It knows
// neither identities nor encryption; @peernet/connection puts those on top.
import { lookup as systemLookup } from 'node:dns/promises';
import { connect, createServer, type Socket } from 'node:net';
import {
  type Address,
  type Clock,
  connectToAny,
  type DialTransportOptions,
  Door,
  type DuplexLike,
  dialTimeoutMs,
  dialWithin,
  type Listener,
  type ListenOptions,
  type Lookup,
  openListener,
  PeernetError,
  parseAddress,
  type RemoteInfo,
  resolveHost,
  systemClock,
  type Transport,
  whenReady,
} from '@peernet/core';

export interface TcpOptions {
  /** ms for a whole dial, name resolution included; default 8 000. */
  timeoutMs?: number | undefined;
  /** All IPs of a name; default: what the operating system says. */
  lookup?: Lookup | undefined;
  clock?: Clock | undefined;
}

/** A transport for `tcp:` addresses. Its duplexes are `net.Socket`s. */
export function tcp(options: TcpOptions = {}): Transport {
  const { timeoutMs = dialTimeoutMs, lookup = askSystem, clock = systemClock } = options;
  return {
    schemes: ['tcp'],
    async dial(address: string, { signal, allowIp }: DialTransportOptions): Promise<DuplexLike> {
      const target = parseTcp(address);
      return dialWithin(
        { address: target.text, signal, timeoutMs, clock },
        async (ended) => {
          const ips = await resolveHost(target, lookup, allowIp);
          return connectToAny(ips, { signal: ended, clock }, (ip, stop) =>
            whenReady(connect({ host: ip, port: target.port, noDelay: true }), 'connect', stop),
          );
        },
        (late) => late.destroy(),
      );
    },
    async listen(listenOptions: ListenOptions, onDuplex): Promise<Listener> {
      const door = new Door({ limits: listenOptions.limits, clock });
      const server = createServer({ noDelay: true }, (socket) => accept(socket, door, onDuplex));
      return openListener({ protocol: 'tcp', secure: false, server, door, clock, options: listenOptions });
    },
  };
}

async function askSystem(host: string): Promise<string[]> {
  return (await systemLookup(host, { all: true, verbatim: true })).map(({ address }) => address);
}

function parseTcp(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new PeernetError('ADDRESS_INVALID', `not an address: ${text}`);
  if (address.scheme !== 'tcp') {
    throw new PeernetError('SCHEME_UNKNOWN', `${text}: this transport dials tcp: only`);
  }
  return address;
}

function accept(socket: Socket, door: Door, onDuplex: (duplex: DuplexLike, from: RemoteInfo) => void): void {
  const guest = door.admit(socket);
  if (guest !== undefined) onDuplex(socket, guest);
}
