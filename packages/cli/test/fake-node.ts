// A node without a network, for tests of the daemon and its commands: remembers what it is told, listens on real
// ports, and finds what the test put there.
import { createServer, type Server } from 'node:net';
import { PeernetError } from '@peernet/core';
import type { Finding, KnownRow, SearchRow, Service } from 'peernet';
import type { ListenAt, Node, NodeEvents, NodeSnapshot, Peer } from '../src/node.js';

export class FakeNode implements Node {
  readonly id: string = 'ab'.repeat(32);
  readonly book = new Map<string, KnownRow>();
  readonly names = new Set<string>();
  readonly services = new Set<Service>();
  peerList: Peer[] = [];
  ownList: string[] = [];
  rows: SearchRow[] = [];
  findings: Finding[] = [{ code: 'CONNECTED', level: 'ok', message: '2 connections.' }];
  disconnected: string[] = [];
  searchedWith: unknown;
  /** What `connect` does for an address; by default it succeeds. */
  onConnect: (address: string, signal: AbortSignal | undefined) => Promise<void> = async () => {};
  /** Keeps searches open until they are aborted. */
  searchForever = false;
  searchAborted = 0;
  closed = false;
  /** Fails `ready` in the way of a database that opens but cannot be read. */
  storeFails = false;
  /** Fails `ready` altogether. */
  neverReady = false;
  readonly #listeners = new Map<string, ((...args: never[]) => void)[]>();

  on<K extends keyof NodeEvents>(event: K, listener: (...args: NodeEvents[K]) => void): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener as never]);
    return this;
  }

  emit<K extends keyof NodeEvents>(event: K, ...args: NodeEvents[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(...(args as unknown as never[]));
  }

  async ready(): Promise<void> {
    if (this.neverReady) throw new PeernetError('LIMIT', 'what is in that database is too much');
    if (this.storeFails) this.emit('error', new PeernetError('STORE_FAILED', 'the database failed'));
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.services].map((service) => service.close()));
  }

  async save(addresses: readonly string[]): Promise<void> {
    const invalid = addresses.filter((address) => !/^\w+:/.test(address));
    for (const address of addresses)
      if (!invalid.includes(address)) this.book.set(address, { address, verified: false, source: 'self' });
    if (invalid.length > 0)
      throw new PeernetError('ADDRESS_INVALID', `not an address: ${invalid.join(', ')}`);
  }

  async remove(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) this.book.delete(address);
  }

  async *known(): AsyncIterable<KnownRow> {
    yield* this.book.values();
  }

  async connect(address: string, { signal }: { signal?: AbortSignal }): Promise<Peer> {
    await this.onConnect(address, signal);
    const peer = fakePeer({ address });
    this.peerList.push(peer);
    return peer;
  }

  disconnect(target: string): void {
    this.disconnected.push(target);
    this.peerList = this.peerList.filter((peer) => peer.id !== target && peer.address !== target);
  }

  connections(): string[] {
    return this.peerList.map((peer) => peer.address ?? peer.id);
  }

  peers(): Peer[] {
    return this.peerList;
  }

  async join(names: readonly string[]): Promise<void> {
    for (const name of names) if (name === '') throw new TypeError('a subnet name has 1 … 255 bytes');
    for (const name of names) this.names.add(name);
  }

  async part(names: readonly string[]): Promise<void> {
    for (const name of names) this.names.delete(name);
  }

  async *subnets(): AsyncIterable<{ key: string }> {
    for (const key of this.names) yield { key };
  }

  async *search(name: string, options: { signal?: AbortSignal | undefined }): AsyncIterable<SearchRow> {
    this.searchedWith = { ...options, signal: undefined };
    for (const row of this.rows) if (row.hash === name) yield row;
    if (!this.searchForever) return;
    await new Promise<void>((resolve) => options.signal?.addEventListener('abort', () => resolve()));
    this.searchAborted += 1;
    throw new PeernetError('ABORTED', 'the search was given up');
  }

  async listen(protocol: string, at: ListenAt): Promise<Service> {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new PeernetError('PORT_IN_USE', `another program listens at port ${at.port} (${error.code})`)),
      );
      server.listen({ port: at.port, host: at.host ?? '127.0.0.1', exclusive: true }, () => resolve());
    });
    const { port } = server.address() as { port: number };
    const secure = at.tls !== undefined && protocol === 'ws';
    const service: Service = {
      protocol: secure ? 'wss' : protocol,
      host: at.host ?? '::',
      port,
      address: `${secure ? 'wss' : protocol}://127.0.0.1:${port}`,
      close: () => this.#end(service, server),
    };
    this.services.add(service);
    return service;
  }

  #end(service: Service, server: Server): Promise<void> {
    this.services.delete(service);
    return new Promise((resolve) => server.close(() => resolve()));
  }

  servers(): Service[] {
    return [...this.services];
  }

  own(): string[] {
    return this.ownList;
  }

  snapshot(): NodeSnapshot {
    return {
      connections: { overlay: this.peerList.length, app: 0, target: 5 },
      book: { known: this.book.size, verified: 0 },
      subnets: [...this.names],
      size: 12.4,
    };
  }

  async explain(): Promise<Finding[]> {
    return this.findings;
  }
}

export function fakePeer(differences: Partial<Peer> = {}): Peer {
  return {
    id: 'cd'.repeat(32),
    address: 'ws://10.1.2.3:4000',
    transport: 'ws',
    direction: 'out',
    kind: 'overlay',
    since: Date.now() - 90_000,
    rtt: 12.34,
    rx: 1234,
    tx: 56_789,
    ...differences,
  };
}

export function fakeRow(differences: Partial<SearchRow> = {}): SearchRow {
  return {
    hash: 'chat',
    address: 'ws://10.1.2.3:4000',
    hops: 1,
    id: 'cd'.repeat(32),
    addresses: ['ws://10.1.2.3:4000'],
    verified: true,
    age: 3,
    doubtful: false,
    ...differences,
  };
}
