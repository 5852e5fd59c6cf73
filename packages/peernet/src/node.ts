// The life of a node: its start (database, identity, parts), what runs meanwhile, and its end in bounded time. The API
// on top of it is in peernet.ts.
import {
  type Clock,
  isPeernetError,
  PeernetError,
  type Random,
  relayConnectionLimits,
  systemClock,
  systemRandom,
  type Transport,
} from '@peernet/core';
import { createStore, type LevelDatabase, type Store } from '@peernet/store';
import { atMost, orAborted } from './callback.js';
import { DEFAULTS } from './defaults.js';
import { Identity, seedOf } from './identity.js';
import { closedError } from './inputs.js';
import { checkOptions, transportList } from './options.js';
import { Parts, type PartsEvents } from './parts.js';
import { answerStun, bookScale, defaultStorage, platformTransports, watchLife } from './platform.js';
import { Reach } from './reach.js';
import { Services } from './services.js';
import { type Snapshot, takeSnapshot } from './snapshot.js';
import { Subnets } from './subnets.js';
import type { ByteStream, Handler, ListenAt, Options, Service, TransportFunction } from './types.js';

export class Node {
  readonly options: Options;
  readonly store: Store;
  readonly services: Services;
  readonly reach: Reach;
  readonly subnets: Subnets;
  readonly handlers = new Map<string, Handler>();
  /** Streams handed out by `createStream`, which end with us. */
  readonly streams = new Set<ByteStream>();
  readonly #events: PartsEvents;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #transports: readonly Transport[];
  readonly #foreign: TransportFunction | undefined;
  readonly #findsWebRtc: boolean;
  readonly #schemes: string[];
  readonly #startedMs: number;
  readonly #starting: Promise<Parts>;
  #running: Parts | undefined;
  #isBegun = false;
  #closing: Promise<void> | undefined;
  #cancelPurge: (() => void) | undefined;
  #unwatch: (() => void) | undefined;
  #storeFailed = false;
  #identity: Identity | undefined;
  /** Who waits for the start or for the database. */
  readonly #waiting = new Set<() => void>();
  readonly #onAbort = (): void => void this.close();
  /** All other timers let the process go: without this one a node that has nobody to talk to would end it. */
  readonly #alive: ReturnType<typeof setInterval>;

  constructor(db: unknown, options: Options, events: PartsEvents) {
    checkOptions(options);
    // What the caller changes afterwards changes nothing here.
    this.options = { ...options, identity: seedOf(options.identity) ?? options.identity };
    this.#events = events;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#startedMs = this.#clock.now();
    this.reach = new Reach(this.#clock);
    const choice = transportList(options.transport);
    this.#transports = choice.transports ?? platformTransports();
    this.#foreign = choice.foreign;
    this.#findsWebRtc = choice.ours;
    this.#schemes = this.#transports.flatMap((transport) => transport.schemes);
    const [clock, random] = [this.#clock, this.#random];
    const storage = db === undefined ? defaultStorage(options.network ?? '', events.debug) : undefined;
    this.store = createStore(storage?.db ?? (db as LevelDatabase | undefined), {
      clock,
      random,
      scale: bookScale,
      readOnly: storage?.readOnly,
      onError: (error: Error) => this.#storeError(error),
    });
    this.subnets = new Subnets({
      store: this.store,
      reach: this.reach,
      network: options.network ?? '',
      clock,
      random,
      log: events.debug,
      started: () => this.started(),
      fail: (error) => this.fail(error),
    });
    this.services = new Services({
      transports: this.#foreign === undefined ? this.#transports : platformTransports(),
      common: { trustProxy: options.trustProxy, origins: options.origins, limits: limitsOf(options) },
      onDuplex: (duplex, from, scheme) => {
        this.#starting.then(
          (parts) => parts.arrived(duplex, from, scheme),
          () => duplex.destroy(),
        );
      },
      stun: (at) => (options.wrtc === false ? undefined : answerStun(at)),
      log: events.debug,
      onChange: (services) => this.#running?.gossip.listening(services),
    });
    // Nothing above may leave it behind when it throws.
    this.#alive = setInterval(() => {}, DEFAULTS.aliveMs);
    this.#starting = this.#start();
    this.#starting.then(
      () => {
        this.#isBegun = true;
      },
      (error: unknown) => this.fail(error),
    );
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted) void this.close();
  }

  async #start(): Promise<Parts> {
    // Construction goes on first: its caller adds listeners, and may close at once.
    await Promise.resolve();
    await atMost(this.#clock, DEFAULTS.loadMs, this.store.ready());
    const identity = new Identity(
      this.options.identity,
      this.store,
      { clock: this.#clock, random: this.#random },
      (error) => this.fail(error),
    );
    this.#identity = identity;
    const state = await identity.load();
    this.mustBeOpen();
    for (const entry of this.store.entries()) this.learnScheme(entry.address);
    const parts = new Parts({
      options: this.options,
      store: this.store,
      identity,
      state,
      clock: this.#clock,
      random: this.#random,
      log: this.#events.debug,
      transports: this.#transports,
      foreign: this.#foreign,
      schemes: this.#schemes,
      findsWebRtc: this.#findsWebRtc,
      handlers: this.handlers,
      subnet: this.subnets.serving,
      events: this.#events,
    });
    this.#running = parts;
    await atMost(this.#clock, DEFAULTS.loadMs, this.#rejoin(parts));
    parts.gossip.listening(this.services.describe());
    for (const at of [this.options.listen ?? []].flat()) {
      await this.listen(at, {}).catch((error: unknown) => this.fail(error));
    }
    this.#armPurge();
    if (!this.closed) this.#unwatch = watchLife({ doubt: () => parts.doubt(), wake: () => parts.wake() });
    return parts;
  }

  /** Memberships of earlier runs; of a database that is slow, when it is there. */
  async #rejoin(parts: Parts): Promise<void> {
    await this.store.ready(); // what is parted while it loads is not in its list then
    for (const name of await this.store.subnets.list()) {
      if (this.closed) return;
      try {
        parts.search.join([name]);
      } catch (error) {
        this.fail(error); // more than a peer may be in: no reason not to start
      }
    }
  }

  /** A new service. Rejects with CLOSED if that comes first. */
  async listen(at: string, options: ListenAt & { signal?: AbortSignal | undefined }): Promise<Service> {
    this.mustBeOpen();
    const service = await this.services.listen(at, options, options.signal);
    if (this.closed) await service.close();
    this.mustBeOpen();
    this.#events.debug('listening', { address: service.address });
    this.#events.emit('listening', service);
    return service;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Our id, once it is known; also after the end. */
  get id(): string | undefined {
    return this.#running?.crypto.id;
  }

  /** The parts, if they run. */
  get running(): Parts | undefined {
    return this.closed ? undefined : this.#running;
  }

  /** The parts, if the start is done: nobody who came before waits for it any more. */
  get begun(): Parts | undefined {
    return this.#isBegun ? this.running : undefined;
  }

  /** The parts, once they run. Rejects with CLOSED after `close()`, and with ABORTED by the signal. */
  async started(signal?: AbortSignal | undefined): Promise<Parts> {
    this.mustBeOpen();
    const parts = await this.orClosed(orAborted(this.#starting, signal));
    this.mustBeOpen();
    return parts;
  }

  /** `work`; or CLOSED, if `close()` is done before: a database that hangs lets nobody wait for ever. */
  orClosed<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const give = (): void => reject(closedError());
      this.#waiting.add(give);
      work.then(resolve, reject).finally(() => this.#waiting.delete(give));
    });
  }

  mustBeOpen(): void {
    if (this.closed) throw closedError();
  }

  /** An app's own transport may serve any scheme: those that its user names become dialable. */
  learnScheme(text: string): void {
    const scheme = text.slice(0, text.indexOf(':'));
    if (this.#foreign !== undefined && !this.#schemes.includes(scheme)) this.#schemes.push(scheme);
  }

  snapshot(): Snapshot {
    return takeSnapshot({
      parts: this.running,
      subnets: this.subnets,
      store: this.store,
      services: this.services.list(),
      webRtcOff: this.options.wrtc === false,
      stun: this.services.describe().filter(({ stun }) => stun).length,
      target: this.options.connections ?? DEFAULTS.connections,
      bootstrap: this.options.bootstrap ?? true,
      uptimeMs: this.#clock.now() - this.#startedMs,
      storeFailed: this.#storeFailed,
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutdown();
    return this.#closing;
  }

  async #shutdown(): Promise<void> {
    this.options.signal?.removeEventListener('abort', this.#onAbort);
    this.#cancelPurge?.();
    this.#unwatch?.();
    const ended = this.subnets.close();
    const goodbye = this.#starting.then((parts) => parts.close(ended)).catch(() => {});
    await atMost(
      this.#clock,
      DEFAULTS.goodbyeMs,
      goodbye.then(() => this.services.close()),
    );
    // Whoever did not take it in time, or a start that hangs, must not keep sockets and ports.
    for (const stream of this.streams) stream.destroy();
    this.#running?.hub.destroy();
    const saved = Promise.all([this.services.close(), this.#identity?.saved, this.store.close()]);
    await atMost(this.#clock, DEFAULTS.closeMs - DEFAULTS.goodbyeMs, saved);
    clearInterval(this.#alive);
    for (const give of this.#waiting) give();
    this.#events.emit('close');
  }

  #armPurge(): void {
    const everyMs = this.options.purge ?? DEFAULTS.purgeMs;
    if (everyMs === 0 || this.closed) return;
    this.#cancelPurge = this.#clock.alarm(this.#clock.now() + everyMs, () => {
      this.store.purge();
      this.#armPurge();
    });
  }

  #storeError(cause: Error): void {
    this.#storeFailed = true;
    const message = 'the database failed; going on in memory';
    this.fail(isPeernetError(cause) ? cause : new PeernetError('STORE_FAILED', message, { cause }));
  }

  /** `error` is for what the local side did. Nobody listening must not mean a crash: it is a debug event as well. */
  fail(error: unknown): void {
    if (isPeernetError(error, 'CLOSED')) return;
    const known = isPeernetError(error)
      ? error
      : new PeernetError('INTERNAL', String(error), { cause: error });
    this.#events.debug('error', { code: known.code, message: known.message });
    this.#events.emit('error', known);
  }
}

/** Who relays takes more of everything; the user has the last word. */
function limitsOf({ relay, limits }: Options): Readonly<Record<string, number>> | undefined {
  return relay === true ? { ...relayConnectionLimits, ...limits } : limits;
}
