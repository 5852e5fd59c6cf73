// The real half of `pnpm sim:compare`: nodes in this process, on real ws sockets over loopback, measured as scenario
// `mesh` of the simulator measures simulated ones.
import { Peernet } from 'peernet';
import { degree } from './graph.js';
import { until } from './until.js';

export interface RealOptions {
  readonly nodes: number;
  readonly searches: number;
  readonly settleMs: number;
  /** What is being waited for, in words. */
  readonly onProgress?: ((doing: string) => void) | undefined;
}

/** Longest wait for the mesh, ms: twice the target of S11. */
const meshMaxMs = 70_000;

export async function measureMesh({
  nodes,
  searches,
  settleMs,
  onProgress = () => {},
}: RealOptions): Promise<Record<string, number>> {
  onProgress(`${nodes} real nodes: a mesh grows`);
  const { all, startMs } = await star(nodes);
  try {
    const [centre, ...others] = all;
    const wanted = Math.min(4, nodes - 2);
    const meshed = (): boolean => others.every((node) => degree(node, centre?.id) >= wanted);
    await until(meshed, meshMaxMs, () => `degrees ${others.map((node) => degree(node, centre?.id))}`);
    const meshedSeconds = (performance.now() - startMs) / 1000;
    onProgress(`${nodes} real nodes: ${settleMs / 1000} s of rest`);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const degrees = all.map((node) => degree(node));
    const before = heard(all);
    let found = 0;
    let firstRowMs = 0;
    for (let i = 0; i < searches; i++) {
      onProgress(`${nodes} real nodes: search ${i} of ${searches}`);
      const from = all[(i * 7) % nodes] as Peernet;
      const wantedNode = (i * 7 + 1 + (i % (nodes - 1))) % nodes;
      const askedMs = performance.now();
      let firstMs: number | undefined;
      for await (const row of from.search(nameOf(wantedNode))) {
        if (row.id === all[wantedNode]?.id) firstMs ??= performance.now() - askedMs;
      }
      if (firstMs !== undefined) found++;
      firstRowMs += firstMs ?? 0;
    }
    return {
      meshedSeconds,
      degreeMean: degrees.reduce((sum, value) => sum + value, 0) / nodes,
      found: found / searches,
      messagesHeard: (heard(all) - before) / searches,
      firstRowSeconds: firstRowMs / Math.max(1, found) / 1000,
    };
  } finally {
    await Promise.all(all.map((node) => node.close()));
  }
}

function nameOf(i: number): string {
  return `subnet ${i}`;
}

/** SEARCH messages that have come to any of them. */
function heard(all: readonly Peernet[]): number {
  return all.reduce((sum, node) => sum + Number(node.snapshot().search.searchesIn), 0);
}

/** Everybody listens, is in a subnet of its own, and is told only of the first. */
async function star(count: number): Promise<{ all: Peernet[]; startMs: number }> {
  const all: Peernet[] = [];
  const centre = new Peernet(undefined, {});
  all.push(centre);
  const { address } = await centre.listen('ws', { host: '127.0.0.1' });
  const startMs = performance.now();
  for (let i = 1; i < count; i++) {
    const node = new Peernet(undefined, {});
    all.push(node);
    await node.listen('ws', { host: '127.0.0.1' });
    await node.save(address);
  }
  await Promise.all(all.map((node, i) => node.join(nameOf(i))));
  return { all, startMs };
}
