// A transport inside one process: `memory:<name>`. For tests, simulations of whole nodes, and examples.
import {
  type DialTransportOptions,
  type DuplexLike,
  type Listener,
  type ListenOptions,
  PeernetError,
  parseAddress,
  type RemoteInfo,
  type Transport,
} from '@peernet/core';
import { duplexPair } from './duplex-pair.js';

type OnDuplex = (duplex: DuplexLike, from: RemoteInfo) => void;

/** Who listens, by name. Transports that share one can reach each other. */
export class MemoryNetwork {
  readonly listeners = new Map<string, OnDuplex>();
  #last = 0;

  /** A name that nobody has. */
  freshName(): string {
    do this.#last++;
    while (this.listeners.has(`${this.#last}`));
    return `${this.#last}`;
  }
}

const everywhere = new MemoryNetwork();

/** Dials `memory:<name>`; listens at `host` as the name (absent: a fresh number). */
export function memoryTransport(network: MemoryNetwork = everywhere): Transport {
  return {
    schemes: ['memory'],
    dial: (address, options) => dialMemory(network, address, options),
    listen: async (options, onDuplex) => listenMemory(network, options, onDuplex),
  };
}

async function dialMemory(
  network: MemoryNetwork,
  text: string,
  { signal }: DialTransportOptions,
): Promise<DuplexLike> {
  await undefined; // as with any other transport, the caller may give up after the call
  if (signal.aborted) throw new PeernetError('ABORTED', `${text}: the caller gave up`);
  const address = parseAddress(text);
  if (address?.scheme !== 'memory') throw new PeernetError('SCHEME_UNKNOWN', `${text} is no memory address`);
  const onDuplex = network.listeners.get(nameOf(address.text));
  if (onDuplex === undefined) throw new PeernetError('DIAL_REFUSED', `nothing listens at ${text}`);
  const [mine, theirs] = duplexPair();
  queueMicrotask(() => onDuplex(theirs, {}));
  return mine;
}

function listenMemory(network: MemoryNetwork, options: ListenOptions, onDuplex: OnDuplex): Listener {
  const name = options.host ?? network.freshName();
  if (parseAddress(`memory:${name}`) === undefined)
    throw new TypeError(`not a name for a memory address: ${name}`);
  const { signal } = options;
  if (signal?.aborted) throw new PeernetError('ABORTED', 'listening was given up', { cause: signal.reason });
  if (network.listeners.has(name)) throw new PeernetError('PORT_IN_USE', `memory:${name} is taken`);
  const accepted = new Set<DuplexLike>();
  const accept: OnDuplex = (duplex, from) => {
    accepted.add(duplex);
    duplex.on('close', () => accepted.delete(duplex));
    onDuplex(duplex, from);
  };
  network.listeners.set(name, accept);
  const onAbort = (): void => void close();
  const close = async (): Promise<void> => {
    signal?.removeEventListener('abort', onAbort);
    if (network.listeners.get(name) === accept) network.listeners.delete(name);
    for (const duplex of accepted) duplex.destroy();
  };
  signal?.addEventListener('abort', onAbort);
  return { protocol: 'memory', host: name, port: 0, secure: false, refused: {}, close };
}

function nameOf(text: string): string {
  return text.slice('memory:'.length);
}
