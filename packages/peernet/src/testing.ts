// `peernet/testing`: a small network in one process, over memory, for the tests of applications.
import { duplexPair, MemoryNetwork, memoryTransport } from '@peernet/connection';
import { type DuplexLike, seededRandom, type Transport } from '@peernet/core';
import { Peernet } from './peernet.js';
import type { Options } from './types.js';

export interface TestnetOptions extends Pick<Options, 'connections' | 'interval' | 'network'> {
  /** Seeds the choices of the nodes; keys and schedules of the event loop stay random. */
  seed?: number;
  /** One-way delay of every message, ms. Default 0. */
  latencyMs?: number;
}

export interface Testnet {
  readonly nodes: Peernet[];
  close(): Promise<void>;
}

/** `count` nodes that listen at memory: addresses and all know the first one; resolves when each is connected. */
export async function createTestnet(count: number, options: TestnetOptions = {}): Promise<Testnet> {
  if (!Number.isInteger(count) || count < 1)
    throw new TypeError(`createTestnet(n): n is an integer ≥ 1, got ${count}`);
  const { seed = 1, latencyMs = 0, ...rest } = options;
  const transport = delayed(memoryTransport(new MemoryNetwork()), latencyMs);
  const nodes: Peernet[] = [];
  for (let i = 0; i < count; i++) {
    const random = seededRandom(seed * 65_537 + i);
    nodes.push(
      new Peernet(undefined, {
        ...rest,
        transport,
        random,
        identity: identityOf(random),
        listen: `memory:node${i}`,
      }),
    );
  }
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.close()));
  };
  try {
    await Promise.all(nodes.map((node) => node.ready()));
    await Promise.all(nodes.slice(1).map((node) => node.connect('memory:node0')));
  } catch (error) {
    await close();
    throw error;
  }
  return { nodes, close };
}

function identityOf(random: { uint32(): number }): Uint8Array {
  return Uint8Array.from({ length: 32 }, () => random.uint32() & 0xff);
}

/** The transport, with every byte that its dialers send or get delayed by `latencyMs`. */
function delayed(transport: Transport, latencyMs: number): Transport {
  if (latencyMs === 0) return transport;
  return {
    ...transport,
    async dial(address, options) {
      const far = await transport.dial(address, options);
      const [outer, inner] = duplexPair() as unknown as [DuplexLike, DuplexLike];
      delay(far, inner, latencyMs);
      delay(inner, far, latencyMs);
      return outer;
    },
  };
}

/** Every event of `from` happens to `to` a while later; equal delays keep their order. */
function delay(from: DuplexLike, to: DuplexLike, latencyMs: number): void {
  const later = (act: () => void): void => void setTimeout(act, latencyMs);
  from.on('error', () => {});
  from.on('data', (chunk: Uint8Array) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('close', () => later(() => to.destroy()));
}
