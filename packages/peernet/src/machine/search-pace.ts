// When a subnet looks for members: at once when it begins and when the network around it is new, soon after it found
// or lost somebody, and ever more rarely while nothing changes. So a subnet of two costs its network next to nothing,
// and a hub that dies does not make all its neighbours search in the same moment.
import { jitter, type PeerId, type Random, uniform } from '@peernet/core';
import { SUBNET } from '../defaults.js';

export class SearchPace {
  readonly #random: Random;
  #links: ReadonlySet<PeerId> = new Set();
  /** Neighbours when the last search began. */
  #searchedWith: ReadonlySet<PeerId> = new Set();
  #running = false;
  #endedMs = Number.NEGATIVE_INFINITY;
  #nextMs: number;
  /** Searches in a row that told nothing new. */
  #idle = 0;
  /** Nobody was looked for when the last one ended. */
  #content = false;

  constructor(random: Random, nowMs: number) {
    this.#random = random;
    this.#nextMs = nowMs;
  }

  /** Whether a search would reach anybody. */
  get online(): boolean {
    return this.#links.size > 0;
  }

  get running(): boolean {
    return this.#running;
  }

  /** When to search next, ms; Infinity while one runs, or while nobody would hear it. */
  get nextMs(): number {
    return this.#running || !this.online ? Number.POSITIVE_INFINITY : this.#nextMs;
  }

  begun(): void {
    this.#running = true;
    this.#searchedWith = this.#links;
  }

  /** `news`: it told of somebody new who is needed. `content`: there is nobody to look for. */
  ended(nowMs: number, news: boolean, content: boolean): void {
    this.#running = false;
    this.#endedMs = nowMs;
    this.#content = content;
    this.#idle = news ? 0 : this.#idle + 1;
    const waitMs = content
      ? SUBNET.contentMs
      : Math.min(SUBNET.searchMaxMs, SUBNET.searchMs * 2 ** this.#idle);
    this.#nextMs = nowMs + jitter(this.#random, waitMs, SUBNET.waitJitter);
  }

  /** Who the neighbours are now. */
  changed(links: ReadonlySet<PeerId>, nowMs: number): void {
    const wasOffline = !this.online;
    this.#links = links;
    if (!this.online) return;
    if (wasOffline) {
      this.#idle = 0;
      this.#soon(nowMs);
      return;
    }
    let left = 0;
    for (const id of this.#searchedWith) if (links.has(id)) left++;
    const isNew = left < (1 - SUBNET.neighboursChangedShare) * this.#searchedWith.size;
    const grown = links.size - left > SUBNET.neighboursChangedShare * Math.max(links.size, 1);
    if (isNew || grown) this.#soon(nowMs);
  }

  /** Somebody is missed. Changes nothing where members are looked for anyway: who comes and goes makes no storm. */
  hurry(nowMs: number): void {
    if (!this.#content) return;
    this.#content = false;
    this.#idle = 0;
    this.#soon(nowMs);
  }

  #soon(nowMs: number): void {
    const atMs =
      Math.max(nowMs, this.#endedMs + SUBNET.searchGapMs) + SUBNET.spreadMs * uniform(this.#random);
    this.#nextMs = Math.min(this.#nextMs, atMs);
  }
}
