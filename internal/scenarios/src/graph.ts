// The overlay as a graph: who is connected with whom, in how many pieces, how far apart. A link counts if both ends
// take it for one, as only such links carry casts.
import type { PeerId, Random } from '@peernet/core';
import { below } from '@peernet/core';
import type { SimNode } from './node.js';

export class Graph {
  readonly nodes: readonly SimNode[];
  /** Neighbours by number, parallel to `nodes`. */
  readonly edges: readonly (readonly number[])[];

  constructor(nodes: readonly SimNode[]) {
    this.nodes = nodes;
    const numbers = new Map<PeerId, number>(nodes.map((node, i) => [node.id, i]));
    const seen = nodes.map(
      ({ gossip }) =>
        new Set(
          gossip.neighbours().flatMap(({ id }) => (numbers.has(id) ? [numbers.get(id) as number] : [])),
        ),
    );
    this.edges = seen.map((mine, i) => [...mine].filter((j) => seen[j]?.has(i)));
  }

  degrees(): number[] {
    return this.edges.map((mine) => mine.length);
  }

  /** Sizes of the connected components, largest first. */
  components(): number[] {
    const seen = new Uint8Array(this.nodes.length);
    const sizes: number[] = [];
    for (let start = 0; start < seen.length; start++) {
      if (seen[start] === 0) sizes.push(this.#reach(start, seen).length);
    }
    return sizes.sort((a, b) => b - a);
  }

  /** Share of the nodes that are in the largest component. */
  largestShare(): number {
    return this.nodes.length === 0 ? 0 : (this.components()[0] ?? 0) / this.nodes.length;
  }

  /** Mean number of links between two nodes that can reach each other, from a sample of starts. */
  meanPath(random: Random, samples = 50): number {
    let pairs = 0;
    let sum = 0;
    for (let i = 0; i < samples && this.nodes.length > 1; i++) {
      const distances = new Int32Array(this.nodes.length).fill(-1);
      this.#measure(below(random, this.nodes.length), distances);
      for (const distance of distances) {
        if (distance <= 0) continue;
        pairs++;
        sum += distance;
      }
    }
    return pairs === 0 ? 0 : sum / pairs;
  }

  #reach(start: number, seen: Uint8Array): number[] {
    seen[start] = 1;
    const queue = [start];
    for (const i of queue) {
      for (const j of this.edges[i] ?? []) {
        if (seen[j] === 1) continue;
        seen[j] = 1;
        queue.push(j);
      }
    }
    return queue;
  }

  #measure(start: number, distances: Int32Array): void {
    distances[start] = 0;
    const queue = [start];
    for (const i of queue) {
      for (const j of this.edges[i] ?? []) {
        if (distances[j] !== -1) continue;
        distances[j] = (distances[i] as number) + 1;
        queue.push(j);
      }
    }
  }
}

/** Mean, standard deviation, smallest and largest. */
export function spread(values: readonly number[]): { mean: number; sd: number; min: number; max: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length);
  const [min, max] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ] as [number, number]);
  return { mean, sd: Math.sqrt(square), min, max };
}

/** The value below which a share of the values is. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
