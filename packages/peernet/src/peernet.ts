// The API of the specification. Thin: it judges what the user says, waits for the start where it must, and asks the
// part that knows.
import {
  type DuplexLike,
  Emitter,
  type Log,
  PeernetError,
  parseForeignAddress,
  parsePeerId,
} from '@peernet/core';
import { AppStreams, checkProtocol } from './app-streams.js';
import { optionsAndCallback, settle } from './callback.js';
import { debugLine } from './debug.js';
import { DEFAULTS } from './defaults.js';
import { explain } from './explain.js';
import { type AddressList, addressList, closedError, complain, oneAddress, subnetName } from './inputs.js';
import { Node } from './node.js';
import { failedRows, rowsOf } from './rows.js';
import { searchRows } from './search-rows.js';
import type { Snapshot } from './snapshot.js';
import { safePair } from './streams.js';
import type {
  ByteStream,
  Callback,
  Finding,
  Handler,
  KnownRow,
  ListenAt,
  Options,
  Peer,
  PeernetEvents,
  RowStream,
  SearchOptions,
  SearchRow,
  Service,
  Stats,
} from './types.js';

type Signal = { signal?: AbortSignal | undefined };

export class Peernet extends Emitter<PeernetEvents> {
  readonly #node: Node;
  readonly #apps: AppStreams;

  /** @param db an abstract-level handle, or undefined for one in memory. See `peernet()`. */
  constructor(db?: unknown, options: Options = {}) {
    super();
    const debug: Log = (event, fields = {}) => {
      options.log?.(event, fields);
      if (options.debug === true) console.error(debugLine(event, fields));
      this.emit('debug', event, fields);
    };
    this.#node = new Node(db, options, { emit: (event, ...args) => void this.emit(event, ...args), debug });
    this.#apps = new AppStreams(this.#node);
  }

  #settle<T>(promise: Promise<T>, callback?: Callback<T>): Promise<T> {
    return settle(promise, callback, (error) => this.emit('debug', 'unseen error', { error: String(error) }));
  }

  /** Resolves when the identity is loaded and the network runs. */
  ready(): Promise<void> {
    return this.#settle(this.#node.started().then(() => {}));
  }

  /** Our id: 64 hex digits. Known after `ready()`. */
  get id(): string {
    const id = this.#node.running?.crypto.id;
    if (id === undefined)
      throw this.#node.closed ? closedError() : new TypeError('pn.id: await pn.ready() first');
    return id;
  }

  /** Remembers addresses, as strings or `{ address }`. Invalid ones are named by the error; the others are saved. */
  save(nodes: AddressList, callback?: Callback): Promise<void> {
    return this.#settle(this.#save(nodes), callback);
  }

  async #save(nodes: AddressList): Promise<void> {
    const { valid, invalid } = addressList(nodes);
    this.#node.mustBeOpen();
    for (const address of valid) this.#node.learnScheme(address.text);
    this.#node.store.save(valid.map(pinned));
    await this.#node.store.flush({ sync: true });
    this.#node.running?.gossip.wake();
    complain(invalid);
  }

  /** Forgets addresses, and does not learn them from others for a day. */
  remove(nodes: AddressList, callback?: Callback): Promise<void> {
    return this.#settle(this.#remove(nodes), callback);
  }

  async #remove(nodes: AddressList): Promise<void> {
    const { valid, invalid } = addressList(nodes);
    this.#node.mustBeOpen();
    this.#node.store.remove(valid.map((address) => address.text));
    await this.#node.store.flush({ sync: true });
    complain(invalid);
  }

  /** Rows `{ address, id?, lastSeen?, verified, source }` of every known peer. */
  known(): RowStream<KnownRow> {
    return rowsOf<KnownRow>(async () => {
      await this.#node.started();
      return [...this.#node.store.entries()].map(({ address, id, lastSeen, verified, source }) => ({
        address,
        ...(id === undefined ? {} : { id }),
        ...(lastSeen === undefined ? {} : { lastSeen }),
        verified,
        source,
      }));
    });
  }

  /** Connections and exchanged addresses of one address; zeros for an unknown one. */
  getStats(address: string, callback?: Callback<Stats>): Promise<Stats> {
    const stats = this.#node.started().then(() => this.#node.store.stats(oneAddress(address).text));
    return this.#settle(stats, callback);
  }

  /** Done after the handshake. Connecting twice gives the same peer. */
  connect(address: string, options?: Signal | Callback<Peer>, callback?: Callback<Peer>): Promise<Peer> {
    const [{ signal }, done] = optionsAndCallback<Signal, Peer>(options, callback);
    return this.#settle(this.#connect(address, signal), done);
  }

  async #connect(text: string, signal: AbortSignal | undefined): Promise<Peer> {
    const address = oneAddress(text);
    const parts = await this.#node.started();
    this.#node.learnScheme(address.text);
    const id = await parts.gossip.connect(pinned(address), { signal });
    const member = parts.hub.byId(id);
    if (member === undefined)
      throw new PeernetError('LOST', `the connection to ${address.text} broke at once`);
    member.announce();
    return member.peer;
  }

  /** Closes the connection to an address or id, and does not connect there by itself for 10 minutes. */
  disconnect(target: string): void {
    const parts = this.#node.running;
    const address = parseForeignAddress(target)?.text ?? target;
    const id = parsePeerId(target) ?? parts?.hub.byAddress(address)?.connection.peer;
    parts?.gossip.disconnect(address);
    if (id === undefined) return;
    parts?.gossip.disconnect(id);
    for (const member of parts?.hub.members() ?? []) {
      if (member.connection.peer === id) member.connection.close('USER');
    }
  }

  /** A duplex to wire to a remote transport, by either side: `stream.pipe(pn.createStream()).pipe(stream)`. */
  createStream(address?: string): ByteStream {
    const known = address === undefined ? undefined : oneAddress(address);
    const { outer, inner } = safePair();
    if (this.#node.closed) {
      outer.destroy();
      return outer;
    }
    const { streams } = this.#node;
    streams.add(outer);
    outer.on('close', () => streams.delete(outer));
    const scope = known === undefined || known.scope === 'forbidden' ? 'global' : known.scope;
    const transport = known?.scheme ?? 'stream';
    this.#node.started().then(
      (parts) =>
        parts.hub.accept(inner as unknown as DuplexLike, {
          role: 'any',
          scope,
          address: known?.text,
          transport,
        }),
      () => outer.destroy(),
    );
    return outer;
  }

  /** Whom we are connected to: addresses, or ids where no address is known. */
  connections(): string[] {
    return this.peers()
      .filter((peer) => peer.kind === 'overlay' || peer.kind === 'app')
      .map((peer) => peer.address ?? peer.id);
  }

  /** Everybody that we are connected to. */
  peers(): Peer[] {
    return (this.#node.running?.hub.members() ?? []).map((member) => member.peer);
  }

  /** Becomes a member of subnets; done when that is durable. */
  join(subnets: string | readonly string[], callback?: Callback): Promise<void> {
    return this.#settle(this.#join(subnets), callback);
  }

  async #join(subnets: string | readonly string[]): Promise<void> {
    const names = [subnets].flat().map(subnetName);
    const parts = await this.#node.started();
    // First: it refuses too many, and what is refused must not be remembered.
    parts.search.join(names);
    await this.#node.store.subnets.join(names);
  }

  /** Leaves subnets. */
  part(subnets: string | readonly string[], callback?: Callback): Promise<void> {
    return this.#settle(this.#part(subnets), callback);
  }

  async #part(subnets: string | readonly string[]): Promise<void> {
    const names = [subnets].flat().map(subnetName);
    const parts = await this.#node.started();
    // Told before it is durable: nobody shall be sent to who has left.
    parts.search.part(names);
    await this.#node.store.subnets.part(names);
  }

  /** Rows `{ key }` of every joined subnet. */
  subnets(): RowStream<{ key: string }> {
    return rowsOf<{ key: string }>(async () => {
      await this.#node.started();
      return (await this.#node.store.subnets.list()).map((key) => ({ key }));
    });
  }

  /** Rows of members of the subnet named `query`; ends by itself. */
  search(query: string | Uint8Array, options: SearchOptions = {}): RowStream<SearchRow> {
    const name = subnetName(query instanceof Uint8Array ? new TextDecoder().decode(query) : query);
    const { limit, timeout, payload, signal } = options;
    if (payload !== undefined && payload.length > DEFAULTS.payloadBytesMax) {
      throw new TypeError(
        `a search payload has at most ${DEFAULTS.payloadBytesMax} bytes, got ${payload.length}`,
      );
    }
    if (this.#node.closed) return failedRows(closedError());
    return searchRows(() => this.#node.started(), name, { limit, timeoutMs: timeout, payload }, signal);
  }

  /** The first row of a search; rejects with NOT_FOUND. */
  find(query: string | Uint8Array, options: SearchOptions = {}): Promise<SearchRow> {
    return this.#settle(this.#find(query, options));
  }

  async #find(query: string | Uint8Array, options: SearchOptions): Promise<SearchRow> {
    for await (const row of this.search(query, { ...options, limit: 1 })) return row;
    throw new PeernetError('NOT_FOUND', `no member of ${JSON.stringify(String(query))} was found`);
  }

  /** Listens: 'ws', 'tcp', or an address like ws://0.0.0.0:4000. */
  listen(at: string, options: ListenAt & Signal = {}): Promise<Service> {
    return this.#settle(this.#listen(at, options));
  }

  async #listen(at: string, options: ListenAt & Signal): Promise<Service> {
    this.#node.mustBeOpen();
    const service = await this.#node.services.listen(at, options, options.signal);
    if (this.#node.closed) await service.close();
    this.#node.mustBeOpen();
    this.emit('listening', service);
    this.emit('debug', 'listening', { address: service.address });
    return service;
  }

  /** Our listeners. */
  servers(): Service[] {
    return this.#node.services.list();
  }

  /** Our own addresses; those proven to work from outside first. */
  own(): string[] {
    return this.#node.running?.gossip.own() ?? [];
  }

  /** Serves an application protocol; returns what stops that. */
  handle(protocol: string, handler: Handler): () => void {
    checkProtocol(protocol);
    const { handlers } = this.#node;
    if (typeof handler !== 'function')
      throw new TypeError('pn.handle(protocol, handler): the handler is a function');
    if (handlers.has(protocol)) throw new TypeError(`pn.handle: ${protocol} is handled already`);
    handlers.set(protocol, handler);
    return () => {
      if (handlers.get(protocol) === handler) handlers.delete(protocol);
    };
  }

  /** A stream to whoever is behind a search row, a peer, an id or an address; connects by itself. */
  open(target: SearchRow | Peer | string, protocol: string): ByteStream {
    return this.#apps.open(target, protocol);
  }

  /** The whole state as one plain object. */
  snapshot(): Snapshot {
    return this.#node.snapshot();
  }

  /** "Why have I no peers?" */
  explain(): Promise<Finding[]> {
    return this.#settle(this.#node.started().then(() => explain(this.snapshot().situation)));
  }

  /** Leaves the network: goodbye, flush, at most 3 s. Idempotent. */
  close(callback?: Callback): Promise<void> {
    return this.#settle(this.#node.close(), callback);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function pinned(address: { text: string; scheme: string; id?: string | undefined }): string {
  return address.id === undefined || address.scheme === 'wrtc'
    ? address.text
    : `${address.text}#${address.id}`;
}
