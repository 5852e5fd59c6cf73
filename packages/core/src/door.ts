// The door of a listener: every accepted socket passes it before anything else looks at it. It asks the limiter,
// throws out who says nothing, remembers who is inside so that closing throws out everybody, and finds out for whom
// a trusted proxy speaks. It sees sockets only through the few members that it needs, so it runs anywhere.
import type { Clock } from './clock.js';
import { type Admission, ConnectionLimiter } from './connection-limiter.js';
import { type Ip, inCidr, parseIp } from './ip.js';
import { acceptPauseMs, proxyHopsMax } from './limits.js';

/** What the door needs of a socket; net.Socket has it. */
export interface DoorSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  /** Bytes that arrived, whether anybody read them or not. */
  readonly bytesRead: number;
  destroy(): unknown;
  on(event: 'close' | 'error', listener: () => void): unknown;
}

export interface DoorOptions {
  /** Differences from `connectionLimits`. TypeError if they are none. */
  limits?: Readonly<Record<string, number>> | undefined;
  /** CIDRs of proxies whose X-Forwarded-For is believed. TypeError if they are none. */
  trustProxy?: readonly string[] | undefined;
  /** Whether a socket must have `enter`ed within `upgradeMs` (limits.ts) after it was accepted. */
  upgrades?: boolean | undefined;
  clock: Clock;
}

/** Who came in. */
export interface Guest {
  /** Normal form, IPv4-mapped as IPv4; of the client if a trusted proxy told it. */
  readonly ip: string | undefined;
  readonly port: number | undefined;
  readonly proxied: boolean;
  readonly established: () => void;
}

interface Inside {
  admission: Admission;
  cancelTimer: () => void;
  readonly viaProxy: boolean;
}

export class Door {
  readonly limiter: ConnectionLimiter;
  readonly #clock: Clock;
  readonly #trusted: readonly string[];
  readonly #upgrades: boolean;
  readonly #inside = new Map<DoorSocket, Inside>();
  readonly #own: Record<string, number> = {};
  #pausedUntilMs = 0;
  #closed = false;

  constructor(options: DoorOptions) {
    this.#clock = options.clock;
    this.limiter = new ConnectionLimiter(options.limits, this.#clock.now());
    this.#upgrades = options.upgrades ?? false;
    this.#trusted = options.trustProxy ?? [];
    const probe = parseIp('127.0.0.1') as Ip;
    for (const cidr of this.#trusted) inCidr(probe, cidr);
  }

  /** Counts of everybody who was sent away, by reason. */
  get refused(): Readonly<Record<string, number>> {
    return { ...this.limiter.refused, ...this.#own };
  }

  /** Sockets inside. */
  get size(): number {
    return this.#inside.size;
  }

  /** Lets a fresh socket in, or destroys it and returns undefined. */
  admit(socket: DoorSocket): Guest | undefined {
    const nowMs = this.#clock.now();
    const ip = ipOf(socket);
    const viaProxy = ip !== undefined && this.#trusts(ip);
    let admission: Admission | undefined;
    if (nowMs < this.#pausedUntilMs) this.#count('paused');
    else if (!this.#closed) {
      admission = viaProxy ? this.limiter.admitProxy(nowMs) : this.limiter.admit(ip?.text, nowMs);
    }
    socket.on('error', () => {}); // whatever a stranger's socket does, 'close' tells; without a listener it would throw
    if (admission === undefined) {
      socket.destroy();
      return undefined;
    }
    const inside: Inside = { admission, cancelTimer: () => {}, viaProxy };
    this.#inside.set(socket, inside);
    socket.on('close', () => {
      this.#inside.delete(socket);
      inside.cancelTimer();
      inside.admission.release();
    });
    this.#watch(socket, inside, nowMs);
    return this.#guest(ip?.text, socket.remotePort, false, inside);
  }

  /** Whoever says nothing for `firstByteMs` goes; with `upgrades`, also who has not entered `upgradeMs` after accept. */
  #watch(socket: DoorSocket, inside: Inside, nowMs: number): void {
    const { firstByteMs, upgradeMs } = this.limiter.limits;
    const leave = (reason: string): void => {
      this.#count(reason);
      socket.destroy();
    };
    const awaitEntry = (): void => {
      inside.cancelTimer = this.#clock.alarm(nowMs + upgradeMs, () => leave('slow'));
    };
    const onFirstByteDue = (): void => {
      if (socket.bytesRead === 0) leave('silent');
      else if (this.#upgrades) awaitEntry();
    };
    if (this.#upgrades && upgradeMs <= firstByteMs) awaitEntry();
    else inside.cancelTimer = this.#clock.alarm(nowMs + firstByteMs, onFirstByteDue);
  }

  /** The socket has become what its owner wants: nothing more is expected of it here. */
  enter(socket: DoorSocket): void {
    this.#inside.get(socket)?.cancelTimer();
  }

  /**
   * The guest behind a socket that an HTTP request came through: itself, or the client that a trusted proxy names.
   * Undefined if that client is refused; then the caller destroys the socket.
   */
  forward(socket: DoorSocket, forwardedFor: string | undefined): Guest | undefined {
    const inside = this.#inside.get(socket);
    if (inside === undefined) return undefined;
    const own = ipOf(socket);
    if (!inside.viaProxy || own === undefined) {
      return this.#guest(own?.text, socket.remotePort, false, inside);
    }
    const client = this.#client(own, forwardedFor);
    const admission = this.limiter.admit(client.text, this.#clock.now());
    if (admission === undefined) return undefined;
    inside.admission.release();
    inside.admission = admission;
    const proxied = client !== own;
    return this.#guest(client.text, proxied ? undefined : socket.remotePort, proxied, inside);
  }

  /** After the system refused a socket (EMFILE and the like): everybody is sent away for a second. */
  pause(): void {
    this.#count('acceptErrors');
    this.#pausedUntilMs = this.#clock.now() + acceptPauseMs;
  }

  /** Counts somebody whom the listener itself sent away. */
  refuse(reason: string): void {
    this.#count(reason);
  }

  /** Throws out everybody and lets nobody in any more. */
  close(): void {
    this.#closed = true;
    for (const socket of [...this.#inside.keys()]) socket.destroy();
  }

  #guest(ip: string | undefined, port: number | undefined, proxied: boolean, inside: Inside): Guest {
    return { ip, port, proxied, established: () => inside.admission.established() };
  }

  #trusts(ip: Ip): boolean {
    return this.#trusted.some((cidr) => inCidr(ip, cidr));
  }

  /**
   * Each proxy appends the address that it saw, so the list is believed from the right, up to the first hop that is
   * no trusted proxy: that is the client. What stands left of it the client may have invented. A hop that is no IP
   * literal ends the belief, too: then the last proxy that we do know counts.
   */
  #client(proxy: Ip, forwardedFor: string | undefined): Ip {
    const hops = forwardedFor === undefined ? [] : forwardedFor.split(',').reverse();
    let client = proxy;
    for (const hop of hops.slice(0, proxyHopsMax)) {
      const ip = parseIp(hop.trim());
      if (ip === undefined) return client;
      client = ip;
      if (!this.#trusts(ip)) return client;
    }
    return client;
  }

  #count(reason: string): void {
    this.#own[reason] = (this.#own[reason] ?? 0) + 1;
  }
}

/** The IP of a socket, without the zone that systems append to link-local ones. */
function ipOf(socket: DoorSocket): Ip | undefined {
  return parseIp((socket.remoteAddress ?? '').split('%')[0] ?? '');
}
