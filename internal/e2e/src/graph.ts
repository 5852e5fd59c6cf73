// The graph that running nodes form.
import type { Peernet } from 'peernet';

/** Sizes of the components that the overlay links of `nodes` make, largest first. */
export function components(nodes: readonly Peernet[]): number[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const sizes: number[] = [];
  const seen = new Set<string>();
  for (const start of byId.keys()) {
    if (seen.has(start)) continue;
    let size = 0;
    const queue = [start];
    seen.add(start);
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      size++;
      for (const peer of byId.get(id)?.peers() ?? []) {
        if (peer.kind !== 'overlay' || seen.has(peer.id) || !byId.has(peer.id)) continue;
        seen.add(peer.id);
        queue.push(peer.id);
      }
    }
    sizes.push(size);
  }
  return sizes.sort((a, b) => b - a);
}

/** Overlay links of a node to others than `without`. */
export function degree(node: Peernet, without?: string): number {
  return node.peers().filter((peer) => peer.kind === 'overlay' && peer.id !== without).length;
}
