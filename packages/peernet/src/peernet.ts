// The API of the specification. Thin: it judges what the user says, waits for the start where it must, and asks the
// part that knows.
import { type DuplexLike, Emitter, isPeernetError, type Log, PeernetError } from '@peernet/core';
import { AppStreams, checkProtocol } from './app-streams.js';
import { optionsAndCallback, settle } from './callback.js';
import { disconnect, moreOf, pinned } from './connecting.js';
import { debugLine, guarded } from './debug.js';
import { explain } from './explain.js';
import {
  type AddressList,
  addressList,
  checkSearch,
  closedError,
  complain,
  oneAddress,
  subnetName,
} from './inputs.js';
import { Node } from './node.js';
import { failedRows, rowsOf } from './rows.js';
import { searchRows } from './search-rows.js';
import type { Snapshot } from './snapshot.js';
import { safePair } from './streams.js';
import type { Subnet } from './subnet.js';
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
  SubnetOptions,
} from './types.js';

type Signal = { signal?: AbortSignal | undefined };

export class Peernet extends Emitter<PeernetEvents> {
  readonly #node: Node;
  readonly #apps: AppStreams;
  readonly #debug: Log;

  /** @param db an abstract-level handle, or undefined for one in memory. See `peernet()`. */
  constructor(db?: unknown, options: Options = {}) {
    super();
    this.#debug = (event, fields = {}) => {
      guarded(() => options.log?.(event, fields));
      if (options.debug === true) guarded(() => console.error(debugLine(event, fields)));
      this.emit('debug', event, fields);
    };
    this.#node = new Node(db, options, {
      emit: (event, ...args) => void this.emit(event, ...args),
      debug: this.#debug,
    });
    this.#apps = new AppStreams(this.#node);
  }

  /** Starts `work` for the method of that name; see `settle`. */
  #settle<T>(method: string, work: () => Promise<T>, callback?: Callback<T>): Promise<T> {
    return settle(work, callback, (error) => {
      const code = isPeernetError(error) ? error.code : undefined;
      this.#debug('rejected', { method, code, message: String((error as Error)?.message ?? error) });
    });
  }

  /** Resolves when the identity is loaded and the network runs. */
  ready(callback?: Callback): Promise<void> {
    return this.#settle('ready', () => this.#node.started().then(() => {}), callback);
  }

  /** Our id: 64 hex digits. Known after `ready()`. */
  get id(): string {
    const { id } = this.#node;
    if (id === undefined)
      throw this.#node.closed ? closedError() : new TypeError('pn.id: await pn.ready() first');
    return id;
  }

  /** Remembers addresses, as strings or `{ address }`. Invalid ones are named by the error; the others are saved. */
  save(nodes: AddressList, callback?: Callback): Promise<void> {
    return this.#settle('save', () => this.#save(nodes), callback);
  }

  async #save(nodes: AddressList): Promise<void> {
    const { valid, invalid } = addressList(nodes);
    this.#node.mustBeOpen();
    for (const address of valid) this.#node.learnScheme(address.text);
    this.#node.store.save(valid.map(pinned));
    await this.#node.orClosed(this.#node.store.flush({ sync: true }));
    this.#node.running?.gossip.wake();
    complain(invalid);
  }

  /** Forgets addresses, and does not learn them from others for a day. */
  remove(nodes: AddressList, callback?: Callback): Promise<void> {
    return this.#settle('remove', () => this.#remove(nodes), callback);
  }

  async #remove(nodes: AddressList): Promise<void> {
    const { valid, invalid } = addressList(nodes);
    this.#node.mustBeOpen();
    this.#node.store.remove(valid.map((address) => address.text));
    await this.#node.orClosed(this.#node.store.flush({ sync: true }));
    complain(invalid);
  }

  /** Rows `{ address, id?, lastSeen?, verified, source }` of every known peer. */
  known(): RowStream<KnownRow> {
    return this.#rows<KnownRow>(async () => {
      // Where somebody answers this very moment is verified, whatever the book has been told of it.
      const live = new Set(this.#node.running?.hub.members().map((member) => member.address));
      return [...this.#node.store.entries()].map(({ address, id, lastSeen, verified, source }) => ({
        address,
        ...(id === undefined ? {} : { id }),
        ...(lastSeen === undefined ? {} : { lastSeen }),
        verified: verified || live.has(address),
        source,
      }));
    });
  }

  /** Connections and exchanged addresses of one address; zeros for an unknown one. */
  getStats(address: string, callback?: Callback<Stats>): Promise<Stats> {
    const stats = async (): Promise<Stats> => {
      const { text } = oneAddress(address);
      await this.#node.started();
      return this.#node.store.stats(text);
    };
    return this.#settle('getStats', stats, callback);
  }

  /** Done after the handshake. Connecting twice gives the same peer. */
  connect(address: string, options?: Signal | Callback<Peer>, callback?: Callback<Peer>): Promise<Peer> {
    const [{ signal }, done] = optionsAndCallback<Signal, Peer>(options, callback);
    return this.#settle('connect', () => this.#connect(address, signal), done);
  }

  async #connect(text: string, signal: AbortSignal | undefined): Promise<Peer> {
    const address = oneAddress(text);
    // At once where that is possible: a `disconnect` right behind it comes second.
    const parts = this.#node.begun ?? (await this.#node.started(signal));
    this.#node.learnScheme(address.text);
    const id = await parts.gossip.connect(pinned(address), { signal }).catch((error: unknown) => {
      throw moreOf(error, parts.hub.dials.failureOf(address.text));
    });
    const member = parts.hub.byId(id);
    if (member === undefined)
      throw new PeernetError('LOST', `the connection to ${address.text} broke at once`);
    member.announce();
    return member.peer;
  }

  /** Closes the connection to an address or id, and does not connect there by itself for 10 minutes. */
  disconnect(target: string): void {
    if (typeof target !== 'string') {
      throw new TypeError(`pn.disconnect(target): an address or an id, got ${typeof target}`);
    }
    if (this.#node.closed) return; // nothing is connected any more
    const { running, begun } = this.#node;
    if (running !== undefined) disconnect(running, target);
    if (begun !== undefined) return;
    // After a `connect` that was called before it, and waits for the start as well.
    this.#node.started().then(
      (parts) => disconnect(parts, target),
      () => {},
    );
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
          expect: known?.id,
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
    return this.#settle('join', () => this.#join(subnets), callback);
  }

  async #join(subnets: string | readonly string[]): Promise<void> {
    const names = [subnets].flat().map(subnetName);
    const parts = await this.#node.started();
    await this.#node.subnets.joining(names, async () => {
      // First: it refuses too many, and what is refused must not be remembered.
      parts.search.join(names);
      await this.#node.orClosed(this.#node.store.subnets.join(names));
    });
  }

  /** Leaves subnets. */
  part(subnets: string | readonly string[], callback?: Callback): Promise<void> {
    return this.#settle('part', () => this.#part(subnets), callback);
  }

  async #part(subnets: string | readonly string[]): Promise<void> {
    const names = [subnets].flat().map(subnetName);
    const parts = await this.#node.started();
    // Told before it is durable: nobody shall be sent to who has left. An open `subnet()` keeps its membership.
    parts.search.part(names.filter((name) => !this.#node.subnets.has(name)));
    await this.#node.orClosed(this.#node.store.subnets.part(names));
  }

  /** Joins a subnet and keeps up to `connections` members connected: events and iteration of `(stream, peer)`. */
  subnet(name: string | Uint8Array, options: SubnetOptions = {}): Subnet {
    return this.#node.subnets.open(subnetName(name), options);
  }

  /** Rows `{ key }` of every joined subnet. */
  subnets(): RowStream<{ key: string }> {
    return this.#rows<{ key: string }>(async () => {
      const joined = await this.#node.orClosed(this.#node.store.subnets.list());
      return [...new Set([...joined, ...this.#node.subnets.names()])].map((key) => ({ key }));
    });
  }

  /** Rows of what the node remembers. A stream that was there before `close()` ends with it; a later one fails. */
  #rows<T>(list: () => Promise<T[]>): RowStream<T> {
    const node = this.#node;
    if (node.closed) return failedRows(closedError());
    return rowsOf<T>(async () => {
      try {
        await node.started();
        return await list();
      } catch (error) {
        if (node.closed) return [];
        throw error;
      }
    });
  }

  /** Rows of members of the subnet named `query`; ends by itself. */
  search(query: string | Uint8Array, options: SearchOptions = {}): RowStream<SearchRow> {
    const name = subnetName(query);
    checkSearch(options);
    if (this.#node.closed) return failedRows(closedError());
    const { limit, timeout, payload, signal } = options;
    return searchRows(() => this.#node.started(), name, { limit, timeoutMs: timeout, payload }, signal);
  }

  /** The first row of a search; rejects with NOT_FOUND. */
  find(query: string | Uint8Array, callback?: Callback<SearchRow>): Promise<SearchRow>;
  find(
    query: string | Uint8Array,
    options?: SearchOptions,
    callback?: Callback<SearchRow>,
  ): Promise<SearchRow>;
  find(
    query: string | Uint8Array,
    options?: SearchOptions | Callback<SearchRow>,
    callback?: Callback<SearchRow>,
  ): Promise<SearchRow> {
    const [searching, done] = optionsAndCallback<SearchOptions, SearchRow>(options, callback);
    return this.#settle('find', () => this.#find(query, searching), done);
  }

  async #find(query: string | Uint8Array, options: SearchOptions): Promise<SearchRow> {
    for await (const row of this.search(query, { ...options, limit: 1 })) return row;
    this.#node.mustBeOpen();
    const count = this.connections().length;
    const hint =
      count === 0 ? 'not connected to anybody: save or connect an address first' : `${count} connected`;
    throw new PeernetError(
      'NOT_FOUND',
      `no member of ${JSON.stringify(subnetName(query))} was found (${hint})`,
    );
  }

  /** Listens: 'ws', 'tcp', or an address like ws://0.0.0.0:4000. A signal that aborts later closes the service. */
  listen(at: string, callback?: Callback<Service>): Promise<Service>;
  listen(at: string, options?: ListenAt & Signal, callback?: Callback<Service>): Promise<Service>;
  listen(
    at: string,
    options?: (ListenAt & Signal) | Callback<Service>,
    callback?: Callback<Service>,
  ): Promise<Service> {
    const [where, done] = optionsAndCallback<ListenAt & Signal, Service>(options, callback);
    return this.#settle('listen', () => this.#listen(at, where), done);
  }

  async #listen(at: string, options: ListenAt & Signal): Promise<Service> {
    await this.#node.started(options.signal); // so that `own()` and `id` are known to who awaits this
    return this.#node.listen(at, options);
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
    this.#node.mustBeOpen();
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
  explain(callback?: Callback<Finding[]>): Promise<Finding[]> {
    const findings = () => this.#node.started().then(() => explain(this.snapshot().situation));
    return this.#settle('explain', findings, callback);
  }

  /** Leaves the network: goodbye, flush, at most 3 s. Idempotent. */
  close(callback?: Callback): Promise<void> {
    return this.#settle('close', () => this.#node.close(), callback);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
