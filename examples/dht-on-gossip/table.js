// A Kademlia-like routing table: k-buckets by the length of the prefix that an id shares with ours.

/** Peers per bucket (Maymounkov & Mazières 2002 take 20; eight are enough to look at). */
const k = 8;

export class Table {
  #own;
  #buckets = new Map();

  constructor(ownId) {
    this.#own = BigInt(`0x${ownId}`);
  }

  #distance(id) {
    return this.#own ^ BigInt(`0x${id}`);
  }

  /** Takes a peer; a full bucket keeps whom it has had longest. */
  offer(id, address) {
    const distance = this.#distance(id);
    if (distance === 0n) return false;
    const index = distance.toString(2).length - 1;
    const bucket = this.#buckets.get(index) ?? new Map();
    if (!bucket.has(id) && bucket.size >= k) return false;
    bucket.set(id, address);
    this.#buckets.set(index, bucket);
    return true;
  }

  /** The `count` known ids that are closest to `target` (hex). */
  closest(target, count) {
    const goal = BigInt(`0x${target}`);
    const far = (id) => BigInt(`0x${id}`) ^ goal;
    const ids = [...this.#buckets.values()].flatMap((bucket) => [...bucket.keys()]);
    return ids.sort((a, b) => (far(a) < far(b) ? -1 : 1)).slice(0, count);
  }

  get size() {
    let size = 0;
    for (const bucket of this.#buckets.values()) size += bucket.size;
    return size;
  }
}
