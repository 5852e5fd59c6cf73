// A TCP wire between a page and a node that can go dead: no bytes, no end, as after sleep or a change of network.

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface Wire {
  readonly port: number;
  /** What is connected now stays so, and carries nothing any more. New connections work. */
  deaden(): void;
  close(): Promise<void>;
}

/** A free port of loopback that leads to `port`. */
export async function openWire(port: number): Promise<Wire> {
  const ends = new Set<Socket>();
  const live = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(from);
      live.add(from);
      from.on('data', (bytes) => live.has(from) && to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => {
        ends.delete(from);
        if (live.delete(from)) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    deaden: () => live.clear(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const end of ends) end.destroy();
      }),
  };
}
