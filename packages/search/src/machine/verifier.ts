// Signatures: each object is looked at once, at a rate that a neighbour can exhaust for itself only. Without budget a
// message waits in line; it is not lost, and those behind it that need a look wait, too, so a withdrawal never
// overtakes its advert.
import { BoundedQueue, type LinkKey, LruMap, type Rate, TokenBucket } from '@peernet/core';
import { CAPACITY, TIMES } from '../defaults.js';
import type { Turn } from './effects.js';
import type { Neighbour } from './neighbours.js';

/** What is done when its turn comes; false: it has to wait once more. */
export type Waiting = (turn: Turn) => boolean;

interface Line {
  readonly neighbour: Neighbour;
  readonly queue: BoundedQueue<{ readonly bytes: number; readonly run: Waiting }>;
  bytes: number;
}

/** Almost nobody ever waits; all nodes share this. */
const none = new Map<LinkKey, Line>();

export class Verifier {
  /** Keys of objects whose signature is good → when that was seen. */
  readonly #good = new LruMap<string, number>(CAPACITY.verified);
  #lines: Map<LinkKey, Line> = none;
  readonly #rate: Rate;
  #node: TokenBucket | undefined;
  /** The line that is being worked off: its messages need not queue behind themselves. */
  #serving: LinkKey | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;

  /** @param rate of all links together. */
  constructor(rate: Rate) {
    this.#rate = rate;
  }

  get waiting(): number {
    let sum = 0;
    for (const line of this.#lines.values()) sum += line.queue.size;
    return sum;
  }

  /** When the first of those that wait may be looked at. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** 'later': no budget now; call `wait`. */
  check(neighbour: Neighbour, key: string, verify: () => boolean, nowMs: number): 'good' | 'bad' | 'later' {
    if (this.isGood(key)) return 'good';
    if (this.#serving !== neighbour.key && this.#lines.has(neighbour.key)) return 'later';
    const own = neighbour.signatures(nowMs);
    if (own.readyAt(1, nowMs) > nowMs || !this.#nodeBucket(nowMs).take(1, nowMs)) return 'later';
    own.take(1, nowMs);
    if (!verify()) return 'bad';
    this.trust(key, nowMs);
    return 'good';
  }

  isGood(key: string): boolean {
    return this.#good.has(key);
  }

  /** An object that needs no look: our own. */
  trust(key: string, nowMs: number): void {
    this.#good.set(key, nowMs);
  }

  #nodeBucket(nowMs: number): TokenBucket {
    this.#node ??= new TokenBucket(this.#rate, nowMs);
    return this.#node;
  }

  /** Puts a message in line; one whose turn it is stays first in it. False if the line is full. */
  wait(neighbour: Neighbour, bytes: number, run: Waiting, nowMs: number): boolean {
    if (this.#serving === neighbour.key) return true;
    if (this.#lines === none) this.#lines = new Map();
    let line = this.#lines.get(neighbour.key);
    if (line === undefined) {
      line = { neighbour, queue: new BoundedQueue(CAPACITY.waiting), bytes: 0 };
      this.#lines.set(neighbour.key, line);
    }
    if (line.bytes + bytes > CAPACITY.waitingBytes || !line.queue.push({ bytes, run })) return false;
    line.bytes += bytes;
    this.#deadlineMs = Math.min(this.#deadlineMs, this.#readyMs(line, nowMs));
    return true;
  }

  /** Works off what has budget, one of each line in turn: whose turn it was goes behind the others, also for the next tick. */
  tick(turn: Turn): void {
    const { nowMs } = turn;
    if (nowMs < this.#deadlineMs) return;
    const late = new Set<Line>();
    // Comes to those that go behind the others, too; not again to who has to wait, whatever rounding makes of when.
    for (const line of this.#lines.values()) if (!late.has(line) && !this.#serve(line, turn)) late.add(line);
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    for (const line of this.#lines.values()) {
      this.#deadlineMs = Math.min(this.#deadlineMs, this.#readyMs(line, nowMs));
    }
  }

  /** One message; false if it has to wait. */
  #serve(line: Line, turn: Turn): boolean {
    const first = line.queue.peek();
    if (first === undefined || this.#readyMs(line, turn.nowMs) > turn.nowMs) return false;
    const { key } = line.neighbour;
    this.#serving = key;
    const done = first.run(turn);
    this.#serving = undefined;
    if (done) {
      line.queue.shift();
      line.bytes -= first.bytes;
    }
    // The link may have been closed for what it said.
    if (this.#lines.delete(key) && line.queue.size > 0) this.#lines.set(key, line);
    return done;
  }

  #readyMs(line: Line, nowMs: number): number {
    return Math.max(
      line.neighbour.signatures(nowMs).readyAt(1, nowMs),
      this.#nodeBucket(nowMs).readyAt(1, nowMs),
    );
  }

  /** A link is gone, with what waited for it. */
  drop(link: LinkKey): void {
    this.#lines.delete(link);
  }

  sweep(nowMs: number): void {
    this.#good.dropWhile((seenMs) => seenMs + TIMES.goodMs <= nowMs);
  }
}
