// The smallest transport that keeps every promise: joined streams of node:stream inside one process, with invented
// ports and one invented IP. The conformance cases are tested on it, and on saboteurs that wrap it.
import { Duplex } from 'node:stream';
import {
  type DialTransportOptions,
  type DuplexLike,
  type Listener,
  type ListenOptions,
  PeernetError,
  type RemoteInfo,
  type Transport,
} from '../src/index.js';

const ip = '127.0.0.1';

/** One end; what is written here is read at the other. */
class End extends Duplex {
  other!: End;
  #written: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: false });
    this.on('error', () => {});
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: () => void): void {
    if (this.other.push(chunk)) setImmediate(callback);
    else this.other.#written = callback;
  }

  override _read(): void {
    const callback = this.#written;
    this.#written = undefined;
    callback?.();
  }

  override _final(callback: () => void): void {
    this.other.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.readableEnded || !this.writableFinished) setImmediate(() => this.other.destroy());
    callback(error);
  }
}

interface Service {
  readonly accepted: Set<End>;
  readonly onDuplex: (duplex: DuplexLike, from: RemoteInfo) => void;
}

/** `memory:<port>` addresses in a world of its own. */
export function memoryTransport(): Transport {
  const services = new Map<number, Service>();
  let nextPort = 1000;
  return {
    schemes: ['memory'],
    async dial(address: string, { signal, allowIp }: DialTransportOptions): Promise<DuplexLike> {
      const port = Number(/^memory:([0-9]+)$/.exec(address)?.[1] ?? Number.NaN);
      if (Number.isNaN(port)) throw new PeernetError('ADDRESS_INVALID', address);
      if (allowIp?.(ip) === false) throw new PeernetError('DIAL_FAILED', address);
      await new Promise(setImmediate);
      if (signal.aborted) throw new PeernetError('ABORTED', address);
      const service = services.get(port);
      if (service === undefined) throw new PeernetError('DIAL_REFUSED', address);
      return join(service, nextPort++);
    },
    async listen(options: ListenOptions, onDuplex): Promise<Listener> {
      const port = options.port || nextPort++;
      if (services.has(port)) throw new PeernetError('PORT_IN_USE', `port ${port}`);
      const service: Service = { accepted: new Set(), onDuplex };
      services.set(port, service);
      const close = async (): Promise<void> => {
        if (services.get(port) === service) services.delete(port);
        for (const end of service.accepted) end.destroy();
      };
      options.signal?.addEventListener('abort', () => void close(), { once: true });
      return { protocol: 'memory', host: ip, port, secure: false, refused: {}, close };
    },
  };
}

function join({ accepted, onDuplex }: Service, port: number): End {
  const [near, far] = [new End(), new End()];
  near.other = far;
  far.other = near;
  accepted.add(far);
  far.on('close', () => accepted.delete(far));
  onDuplex(far, { ip, port, established: () => {} });
  return near;
}
