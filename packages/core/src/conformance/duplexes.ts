// What the transport cases do with duplexes: join two of them, fill one, drink from one. Nothing here knows which kind
// of stream it has; every wait is bounded.
import type {
  DuplexLike,
  DuplexListener,
  Listener,
  ListenOptions,
  RemoteInfo,
  Transport,
} from '../transport.js';
import { check, within } from './case.js';

/** What `transportCases` need to know of a transport. */
export interface TransportSubject {
  readonly transport: Transport;
  /** Options that every listener of it needs: a host, a certificate. */
  readonly listen?: ListenOptions | undefined;
  /** What to dial in order to reach a listener. */
  address(listener: Listener): string;
  /** An address where nobody listens. Without one the case about it fails. */
  readonly nobody?: string | undefined;
}

/** ms within which everything on one machine has to happen; generous, since it is spent by broken transports only. */
export const patienceMs = 3000;

/** ms in which what must not happen would have happened. */
export const quietMs = 60;

/** One listener with what came in. */
export interface Host {
  readonly listener: Listener;
  readonly address: string;
  readonly accepted: { readonly duplex: DuplexLike; readonly from: RemoteInfo }[];
}

/** Runs `use` with a listener, and closes it whatever happens. */
export async function withHost(
  subject: TransportSubject,
  use: (host: Host) => Promise<void>,
  options: ListenOptions = {},
): Promise<void> {
  const { transport } = subject;
  check(transport.listen !== undefined, 'this transport cannot listen');
  const accepted: Host['accepted'] = [];
  const listening = transport.listen({ ...subject.listen, ...options }, (duplex, from) => {
    duplex.on('error', () => {});
    accepted.push({ duplex, from });
  });
  const listener = await within(patienceMs, listening, 'listen');
  try {
    await use({ listener, address: subject.address(listener), accepted });
  } finally {
    for (const { duplex } of accepted) duplex.destroy();
    // Some cases have closed it before; whether that may be done twice is one of them.
    const closed = listener.close().catch(() => {});
    await within(patienceMs, closed, 'close of the listener');
  }
}

/** Dials `address`. */
export async function dial(subject: TransportSubject, address: string): Promise<DuplexLike> {
  const { signal } = new AbortController();
  const duplex = await within(patienceMs, subject.transport.dial(address, { signal }), 'dial');
  duplex.on('error', () => {});
  return duplex;
}

export interface Pair extends Host {
  /** What dialed. */
  readonly near: DuplexLike;
  /** What was accepted. */
  readonly far: DuplexLike;
  readonly from: RemoteInfo;
}

/** Runs `use` with two joined duplexes. */
export function withPair(subject: TransportSubject, use: (pair: Pair) => Promise<void>): Promise<void> {
  return withHost(subject, async (host) => {
    const near = await dial(subject, host.address);
    try {
      await eventually('the listener hands out the connection', () => host.accepted.length > 0);
      const [first] = host.accepted as [Host['accepted'][0]];
      await use({ ...host, near, far: first.duplex, from: first.from });
    } finally {
      near.destroy();
    }
  });
}

/** Waits until `condition`. */
export async function eventually(what: string, condition: () => boolean, ms = patienceMs): Promise<void> {
  const deadlineMs = performance.now() + ms;
  while (!condition()) {
    check(performance.now() < deadlineMs, `${what}: not within ${ms} ms`);
    await turn(2);
  }
}

/** `ms` for others to do what they (must not) do. */
export function turn(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves with the next `event`. */
export function next(duplex: DuplexLike, event: string, ms = patienceMs): Promise<void> {
  let listener: DuplexListener = () => {};
  const happened = new Promise<void>((resolve) => {
    listener = () => resolve();
    duplex.on(event, listener);
  });
  return within(ms, happened, `'${event}'`).finally(() => duplex.removeListener(event, listener));
}

/** Counts an event from now on. */
export function counter(duplex: DuplexLike, event: string): () => number {
  let count = 0;
  duplex.on(event, () => count++);
  return () => count;
}

/** Collects what arrives from now on. */
export class Sink {
  #chunks: Uint8Array[] = [];
  bytes = 0;

  constructor(duplex: DuplexLike) {
    duplex.on('data', (chunk: Uint8Array) => {
      // A copy: whether chunks stay as they are is a case of its own.
      this.#chunks.push(chunk.slice());
      this.bytes += chunk.length;
    });
  }

  /** All bytes, once there are `count` of them. */
  async read(count: number): Promise<Uint8Array> {
    await eventually(`${count} bytes (${this.bytes} so far)`, () => this.bytes >= count);
    const all = new Uint8Array(this.bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}

/** `count` bytes that repeat nowhere near each other, different for each `seed`. */
export function pattern(count: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0, word = seed + 1; i < count; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes
    bytes[i] = word >>> 24;
  }
  return bytes;
}

/** Throws unless both hold the same bytes. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  check(
    actual.length === expected.length,
    `${what}: ${expected.length} bytes expected, ${actual.length} came`,
  );
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  check(at < 0, `${what}: byte ${at} is wrong`);
}

/** Writes until the duplex has not drained for `stallMs`, or `maxBytes` are taken; returns what was written. */
export async function fill(duplex: DuplexLike, maxBytes: number, stallMs: number): Promise<number> {
  let written = 0;
  while (written < maxBytes) {
    const chunk = new Uint8Array(65_536);
    written += chunk.length;
    if (duplex.write(chunk)) continue;
    const drained = await next(duplex, 'drain', stallMs).then(
      () => true,
      () => false,
    );
    if (!drained) return written;
  }
  return written;
}
